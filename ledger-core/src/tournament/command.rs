//! The commands of prizes and returns of tournaments.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::decide;
use crate::account::AccountKind;
use crate::ids::{SourceId, TournamentId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::purchase::{PurchaseKind, PurchaseRef};
use crate::stored::BarredPayee;

fn entry(source: &SourceId, id: &TransactionId) -> PurchaseRef {
    PurchaseRef { kind: PurchaseKind::TournamentEntry, source: source.clone(), id: id.clone() }
}

/// Pays a prize of a tournament to a player who took part (P42), whatever he is by now; a closed or excluded one if the
/// terms say so, and else the prize is forfeited. [`Tournament::due`](crate::Tournament::due) makes it. Key: the entry, so
/// that an entry wins once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PayTournamentPrize {
    /// Who sent the entry.
    pub source: SourceId,
    /// Its id of the entry.
    pub id: TransactionId,
    /// Whether the tournament is of real or of test money.
    pub kind: AccountKind,
    /// The tournament.
    pub tournament: TournamentId,
    /// The prize, by the number of the entry in the tournament.
    pub prize: u64,
    /// The place.
    pub place: u32,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// What becomes of it if the player is closed or excluded.
    pub barred: BarredPayee,
}

impl PayTournamentPrize {
    pub(super) fn entry(&self) -> PurchaseRef {
        entry(&self.source, &self.id)
    }
}

impl Operation for PayTournamentPrize {
    const KIND: OperationKind = OperationKind::TournamentPrize;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(5, Some(&self.prize.to_string()))
            .field(8, Some(self.tournament.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.entry().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::pay(self, facts, work)
    }
}

/// Gives back what a player paid to take part, fee and all: his entry was turned away, or the tournament was cancelled.
/// [`Tournament::due`](crate::Tournament::due) makes it. Key: the entry. Of this and a rollback by its source the first one
/// counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReturnTournamentEntry {
    /// Who sent the entry.
    pub source: SourceId,
    /// Its id of the entry.
    pub id: TransactionId,
    /// Whether the tournament is of real or of test money.
    pub kind: AccountKind,
    /// The tournament.
    pub tournament: TournamentId,
}

impl ReturnTournamentEntry {
    pub(super) fn entry(&self) -> PurchaseRef {
        entry(&self.source, &self.id)
    }
}

impl Operation for ReturnTournamentEntry {
    const KIND: OperationKind = OperationKind::TournamentReturn;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(8, Some(self.tournament.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.entry().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::give_back(self, facts, work)
    }
}
