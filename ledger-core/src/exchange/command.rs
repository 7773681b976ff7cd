//! The commands of an exchange.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::decide;
use crate::adjustment::{AdjustmentKind, AdjustmentRef};
use crate::ids::{SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{CurrencyCode, FxRate};
use crate::player_ledger::{Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::{Policy, ShortfallPolicy};

/// Exchanges cash of one purse for cash of another of the same player, at a rate that was quoted a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The host.
    pub source: SourceId,
    /// Its id of the exchange.
    pub id: TransactionId,
    /// The purse he gives from.
    pub from: CurrencyCode,
    /// The purse he gets into.
    pub to: CurrencyCode,
    /// What he gives; above zero, and enough for one unit of what he gets.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The rate, in either direction.
    pub rate: FxRate,
}

impl Operation for Exchange {
    const KIND: OperationKind = OperationKind::Exchange;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.from)
    }

    fn takes_money(&self) -> bool {
        true
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.from.as_str()))
            .field(6, Some(self.to.as_str()))
            .field(11, Some(self.rate.id().as_str()))
            .amount(12, &self.rate.rate())
            .field(13, Some(self.rate.base().as_str()))
            .field(14, Some(self.rate.source().as_str()))
            .field(15, Some(&self.rate.as_of().to_string()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(reference(&self.source, &self.id).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::exchange(self, facts, work)
    }
}

/// Undoes an exchange as a whole, once, at its own rate: both purses get back exactly what was moved (FX1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReverseExchange {
    /// The source of the exchange.
    pub source: SourceId,
    /// Its id of the reversal.
    pub id: TransactionId,
    /// Its id of the exchange.
    pub exchange: TransactionId,
    /// What happens if the player has spent what he got; without it the reversal is refused.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl Operation for ReverseExchange {
    const KIND: OperationKind = OperationKind::ExchangeReversal;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(7, Some(self.exchange.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(reference(&self.source, &self.exchange).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::reverse(self, facts, work)
    }
}

/// An exchange as its source names it.
pub(super) fn reference(source: &SourceId, id: &TransactionId) -> AdjustmentRef {
    AdjustmentRef { kind: AdjustmentKind::Exchange, source: source.clone(), id: id.clone() }
}
