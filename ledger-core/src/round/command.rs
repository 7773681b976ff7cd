//! The commands on bet rounds. Amounts are decimals as their sender wrote them; the ledger checks that they
//! fit and never rounds them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{close, place, settle, undo};
use crate::ids::{GameId, Reason, RoundId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, RoundRef, Workspace, sent_by};
use crate::policy::{Policy, ShortfallPolicy};

fn round_of(source: &SourceId, round: &RoundId) -> RoundRef {
    RoundRef { source: source.clone(), round: round.clone() }
}

/// Places a bet: its stake is held until the round settles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceBet {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the bet.
    pub id: TransactionId,
    /// The round; opened by its first bet.
    pub round: RoundId,
    /// The game.
    pub game: GameId,
    /// The stake; zero opens the round without money (free rounds).
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

impl Operation for PlaceBet {
    const KIND: OperationKind = OperationKind::Bet;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn takes_money(&self) -> bool {
        true
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.round.as_str()))
            .field(4, Some(self.game.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(round_of(&self.source, &self.round).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        place::place_bet(self, facts, work)
    }
}

/// What a win ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// Nothing: more wins may come.
    MoreToCome,
    /// The bets it answers. The round closes when no open bet is left.
    Bet,
    /// The round: bets that are still open are lost.
    Round,
}

/// Pays a win, or reports a loss (a win of zero).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the win.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
    /// The bet it answers; without one, all bets of the round placed before it.
    #[serde(default)]
    pub bet: Option<TransactionId>,
    /// The win; zero is a loss.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// What it ends.
    pub finality: Finality,
}

impl Operation for Settle {
    const KIND: OperationKind = OperationKind::Win;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let finality = match self.finality {
            Finality::MoreToCome => "more",
            Finality::Bet => "bet",
            Finality::Round => "round",
        };
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.round.as_str()))
            .field(4, self.bet.as_ref().map(TransactionId::as_str))
            .field(5, Some(finality))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(round_of(&self.source, &self.round).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        settle::settle(self, facts, work)
    }
}

/// Closes a round: bets that are still open are lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseRound {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the message.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
}

impl Operation for CloseRound {
    const KIND: OperationKind = OperationKind::Close;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.round.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(round_of(&self.source, &self.round).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        close::close(self, facts, work)
    }
}

/// What is called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidTarget {
    /// The whole round; bets that come later are refused.
    Round,
    /// One bet (void, push); the round goes on.
    Bet(TransactionId),
}

/// Calls off a round or a bet that is not settled: stakes go back. Unlike a rollback it may come from
/// another source than the bet, such as an operator's back office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Void {
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
}

impl Operation for Void {
    const KIND: OperationKind = OperationKind::Void;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let bet = match &self.target {
            VoidTarget::Round => None,
            VoidTarget::Bet(bet) => Some(bet.as_str()),
        };
        print.field(3, Some(self.round.as_str())).field(6, Some(self.round_source.as_str())).field(7, bet)
    }

    fn needs(&self, policy: &Policy) -> Needs {
        let mut needs = Needs::of(Some(round_of(&self.round_source, &self.round).into()));
        if let VoidTarget::Bet(bet) = &self.target {
            needs.targets = undo::target_keys(&self.round_source, bet, Some(RollbackKind::Bet), policy);
        }
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        undo::void(self, facts, work)
    }
}

/// What a rollback undoes, where its sender says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackKind {
    /// A bet.
    Bet,
    /// A win.
    Win,
}

/// Undoes a bet or a win of the same source; if it was never seen, it must not come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the rollback.
    pub id: TransactionId,
    /// The id of what is undone.
    pub target: TransactionId,
    /// Bet or win; without it the bet of that id, or else the win.
    #[serde(default)]
    pub kind: Option<RollbackKind>,
    /// The target's round, to be checked.
    #[serde(default)]
    pub round: Option<RoundId>,
    /// The target's currency, to be checked.
    #[serde(default)]
    pub currency: Option<CurrencyCode>,
    /// The target's amount, to be checked.
    #[serde(default, with = "crate::text::decimal_text::option")]
    pub amount: Option<Decimal>,
    /// What happens if a win was spent; without it the source's policy.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
    /// Whether only `amount` of an open stake goes back, and the rest of the bet stays.
    #[serde(default)]
    pub partial: bool,
}

impl Operation for Rollback {
    const KIND: OperationKind = OperationKind::Rollback;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        self.currency
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let kind = self.kind.map(|kind| match kind {
            RollbackKind::Bet => "bet",
            RollbackKind::Win => "win",
        });
        let print = print
            .optional_amount(1, self.amount.as_ref())
            .field(2, self.currency.as_ref().map(CurrencyCode::as_str))
            .field(3, self.round.as_ref().map(RoundId::as_str))
            .field(5, kind)
            .field(7, Some(self.target.as_str()));
        if self.partial { print.field(8, Some("partial")) } else { print }
    }

    fn needs(&self, policy: &Policy) -> Needs {
        Needs {
            targets: undo::target_keys(&self.source, &self.target, self.kind, policy),
            ..Needs::default()
        }
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        undo::rollback(self, facts, work)
    }
}
