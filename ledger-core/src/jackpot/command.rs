//! The commands of claims on jackpots.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::decide;
use crate::account::AccountKind;
use crate::ids::{ActorId, JackpotId, Reason, RoundId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, RoundRef, Workspace, sent_by};
use crate::policy::Policy;

/// Tells that a round triggered a jackpot of the house. It moves no money: the jackpot's pool says who was first and how
/// much it is, and [`PayJackpot`] pays it. If the round is undone before that, the claim is withdrawn with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimJackpot {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the claim.
    pub id: TransactionId,
    /// The jackpot.
    pub jackpot: JackpotId,
    /// The round that triggered it.
    pub round: RoundId,
    /// The currency of the jackpot.
    pub currency: CurrencyCode,
}

impl ClaimJackpot {
    pub(super) fn round_ref(&self) -> RoundRef {
        RoundRef { source: self.source.clone(), round: self.round.clone() }
    }
}

impl Operation for ClaimJackpot {
    const KIND: OperationKind = OperationKind::JackpotClaim;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.round.as_str()))
            .field(8, Some(self.jackpot.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.round_ref().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::claim(self, facts, work)
    }
}

/// Pays a jackpot that the pool awarded to a claim (P36). It stands under the key of the claim, and so does
/// [`WithdrawJackpotClaim`]: of the two the first one counts, and the other is `key_reused`.
/// [`JackpotAward::payment`](crate::JackpotAward::payment) makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PayJackpot {
    /// Who sent the claim.
    pub source: SourceId,
    /// Its id of the claim.
    pub id: TransactionId,
    /// Whether the pool is of real or of test money.
    pub kind: AccountKind,
    /// The jackpot.
    pub jackpot: JackpotId,
    /// The award, by its number in the jackpot's pool.
    pub award: u64,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

impl Operation for PayJackpot {
    const KIND: OperationKind = OperationKind::JackpotPayment;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(5, Some(&self.award.to_string()))
            .field(8, Some(self.jackpot.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::default()
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::pay(self, work)
    }
}

/// Withdraws a claim on a jackpot that was not paid, for good: the game malfunctioned, or it was made by mistake. An award
/// that it may have got goes back into the pool. What was paid is a correction's to take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WithdrawJackpotClaim {
    /// Who sent the claim.
    pub source: SourceId,
    /// Its id of the claim.
    pub id: TransactionId,
    /// Why, in the words of who withdraws it; not part of the fingerprint.
    pub reason: Reason,
    /// Who withdraws it; not part of the fingerprint.
    pub by: ActorId,
}

impl Operation for WithdrawJackpotClaim {
    const KIND: OperationKind = OperationKind::JackpotPayment;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(5, Some("nobody"))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::default()
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::withdraw(self, work)
    }
}
