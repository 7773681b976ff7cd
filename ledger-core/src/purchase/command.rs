//! The commands of purchases.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{PurchaseKind, PurchaseRef, decide};
use crate::controls::RegisterAnswer;
use crate::ids::{RoundId, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::round::Funds;

/// Gives a tip to a provider's dealers (P43, S101). It is undone by [`crate::Rollback`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tip {
    /// The game provider: it is owed the tip.
    pub source: SourceId,
    /// Its id of the tip.
    pub id: TransactionId,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// The round it is given in, for the record.
    #[serde(default)]
    pub round: Option<RoundId>,
    /// From which funds. Bonus credits are refused (S102).
    #[serde(default)]
    pub funds: Funds,
    /// What registers outside of this ledger answered about the player; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<RegisterAnswer>,
}

impl Tip {
    pub(super) fn purchase(&self) -> PurchaseRef {
        PurchaseRef { kind: PurchaseKind::Tip, source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for Tip {
    const KIND: OperationKind = OperationKind::Tip;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn takes_money(&self) -> bool {
        true
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, self.round.as_ref().map(RoundId::as_str));
        self.funds.print(5, print)
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.purchase().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::tip(self, facts, work)
    }
}

/// Pays for taking part in a tournament (P41, S110): a part for its pool, and a fee. It is undone by
/// [`crate::Rollback`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EnterTournament {
    /// Who runs the tournament.
    pub source: SourceId,
    /// Its id of the entry.
    pub id: TransactionId,
    /// The tournament.
    pub tournament: SubAccount,
    /// What goes into the pool.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub buy_in: Decimal,
    /// What the house keeps. Both may be zero: then taking part is free.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub fee: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// From which funds. Bonus credits are refused.
    #[serde(default)]
    pub funds: Funds,
    /// What registers outside of this ledger answered about the player; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<RegisterAnswer>,
}

impl EnterTournament {
    pub(super) fn purchase(&self) -> PurchaseRef {
        let (kind, source) = (PurchaseKind::TournamentEntry, self.source.clone());
        PurchaseRef { kind, source, id: self.id.clone() }
    }
}

impl Operation for EnterTournament {
    const KIND: OperationKind = OperationKind::TournamentEntry;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn takes_money(&self) -> bool {
        true
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print
            .amount(1, &self.buy_in)
            .field(2, Some(self.currency.as_str()))
            .amount(6, &self.fee)
            .field(8, Some(self.tournament.as_str()));
        self.funds.print(5, print)
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.purchase().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::enter(self, facts, work)
    }
}
