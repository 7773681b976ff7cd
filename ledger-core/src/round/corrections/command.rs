//! The commands that correct bet rounds.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{adjust, cash_out, resettle, unsettle, void_settled};
use crate::ids::{Reason, RoundId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, RoundRef, Workspace, sent_by};
use crate::policy::{Policy, ShortfallPolicy};
use crate::round::{RollbackKind, VoidTarget};
use crate::stored::Direction;

fn round_of(source: &SourceId, round: &RoundId) -> RoundRef {
    RoundRef { source: source.clone(), round: round.clone() }
}

/// Calls off settled bets (P08, S126): stakes go back, wins are taken back. What is still open goes back too. Like
/// [`crate::Void`] it may come from another source than the round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VoidSettled {
    /// Who calls off.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The round's game provider.
    pub round_source: SourceId,
    /// The round.
    pub round: RoundId,
    /// The round or a bet of it.
    pub target: VoidTarget,
    /// Why.
    pub reason: Reason,
    /// What happens if a win was spent; without it the policy of the round's source.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl VoidSettled {
    pub(super) fn round_ref(&self) -> RoundRef {
        round_of(&self.round_source, &self.round)
    }
}

impl Operation for VoidSettled {
    const KIND: OperationKind = OperationKind::VoidSettled;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let bet = match &self.target {
            VoidTarget::Round => None,
            VoidTarget::Bet(bet) => Some(bet.as_str()),
        };
        print.field(3, Some(self.round.as_str())).field(6, Some(self.round_source.as_str())).field(7, bet)
    }

    fn needs(&self, policy: &Policy) -> Needs {
        let mut needs = Needs::of(Some(self.round_ref().into()));
        if let VoidTarget::Bet(bet) = &self.target {
            needs.targets =
                super::super::undo::target_keys(&self.round_source, bet, Some(RollbackKind::Bet), policy);
        }
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        void_settled::void_settled(self, facts, work)
    }
}

/// Corrects the result of settled bets (S113, S114, S130, P50): the difference to the last settlement or
/// resettlement is paid or taken. Each version of a result has an id of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Resettle {
    /// The game provider.
    pub source: SourceId,
    /// Its id of this version of the result.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
    /// The bet whose result it is; without one, that of all bets of the round.
    #[serde(default)]
    pub bet: Option<TransactionId>,
    /// The whole return from now on, not the difference; zero is a loss.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// What happens if the difference was spent; without it the source's policy.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl Resettle {
    pub(super) fn round_ref(&self) -> RoundRef {
        round_of(&self.source, &self.round)
    }
}

impl Operation for Resettle {
    const KIND: OperationKind = OperationKind::Resettle;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.round.as_str()))
            .field(4, self.bet.as_ref().map(TransactionId::as_str))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.round_ref().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        resettle::resettle(self, facts, work)
    }
}

/// Makes a settled bet open again (S123): its wins are taken back and its stake is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unsettle {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
    /// The bet.
    pub bet: TransactionId,
    /// What happens if a win was spent; without it the source's policy.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl Unsettle {
    pub(super) fn round_ref(&self) -> RoundRef {
        round_of(&self.source, &self.round)
    }
}

impl Operation for Unsettle {
    const KIND: OperationKind = OperationKind::Unsettle;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.round.as_str())).field(7, Some(self.bet.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.round_ref().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        unsettle::unsettle(self, facts, work)
    }
}

/// Pays an open bet before its result (P49, S119): all of it, or a part whose stake is taken for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CashOut {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the cash-out.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
    /// The bet.
    pub bet: TransactionId,
    /// What is paid.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The part of the open stake it is paid for; without it all of it, and the bet is settled.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub principal: Option<Decimal>,
    /// The currency.
    pub currency: CurrencyCode,
}

impl CashOut {
    pub(super) fn round_ref(&self) -> RoundRef {
        round_of(&self.source, &self.round)
    }
}

impl Operation for CashOut {
    const KIND: OperationKind = OperationKind::CashOut;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.round.as_str()))
            .field(7, Some(self.bet.as_str()))
            .optional_amount(8, self.principal.as_ref())
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.round_ref().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        cash_out::cash_out(self, facts, work)
    }
}

/// Corrects a player's balance for a game provider (S103, S104), such as a misdealt hand of a live casino.
/// Corrections by the house's own people are [`crate::ProposeCorrection`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AdjustRound {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the adjustment.
    pub id: TransactionId,
    /// The round it is about, if it names one. It may be over, or unknown.
    #[serde(default)]
    pub round: Option<RoundId>,
    /// To the player, or from him.
    pub direction: Direction,
    /// How much.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Why.
    pub reason: Reason,
    /// What happens if he has not enough; without it the source's policy.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl Operation for AdjustRound {
    const KIND: OperationKind = OperationKind::Adjustment;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let direction = match self.direction {
            Direction::Credit => "credit",
            Direction::Debit => "debit",
        };
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, self.round.as_ref().map(RoundId::as_str))
            .field(5, Some(direction))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        adjust::adjust(self, facts, work)
    }
}

/// A message that is about no money (S95, S96, S118): accepted and recorded, so that its repetition is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Inform {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the message.
    pub id: TransactionId,
    /// What it is about, in its words.
    pub about: Reason,
}

impl Operation for Inform {
    const KIND: OperationKind = OperationKind::Information;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(10, Some(self.about.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        adjust::inform(self, work)
    }
}
