//! The commands on limits.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::decide;
use crate::ids::{ActorId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};
use crate::stored::{LimitSide, LimitTerm};

/// The texts of a term, for fingerprints.
fn print_term(term: &LimitTerm, print: FingerprintBuilder) -> FingerprintBuilder {
    let (period, basis) = term
        .window
        .map_or((None, None), |window| (Some(window.period.as_str()), Some(window.basis.as_str())));
    print
        .field(2, Some(term.currency.as_str()))
        .field(5, Some(term.kind.as_str()))
        .field(6, period)
        .field(7, basis)
}

/// Sets a limit of a player, changes it, or lifts it. What is stricter holds at once (R13); what is laxer, of a limit of the
/// player's own, only after its time and as his jurisdiction has it (R14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// Whose limit: the player's own or the operator's. Neither touches the other (R23).
    pub side: LimitSide,
    /// On what.
    pub term: LimitTerm,
    /// How high, zero or above; `None` to lift it.
    #[serde(default, with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// Who acts, if it is not the player.
    #[serde(default)]
    pub by: Option<ActorId>,
}

impl Operation for SetLimit {
    const KIND: OperationKind = OperationKind::LimitSet;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.term.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print_term(&self.term, print.optional_amount(1, self.amount.as_ref()))
            .field(8, Some(self.side.as_str()))
            .field(9, self.by.as_ref().map(ActorId::as_str))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::set(self, facts, work)
    }
}

/// The player confirms that he wants a limit of his higher, or no more: he asked for it, and its time has come (R14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmLimit {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// On what the limit is.
    pub term: LimitTerm,
}

impl Operation for ConfirmLimit {
    const KIND: OperationKind = OperationKind::LimitConfirm;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.term.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print_term(&self.term, print)
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::confirm(self, work)
    }
}
