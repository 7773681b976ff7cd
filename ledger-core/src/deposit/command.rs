//! The commands on deposits.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{Authorisation, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};

/// Books a deposit that a payment provider captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordDeposit {
    /// The payment provider.
    pub source: SourceId,
    /// Its id of the deposit.
    pub id: TransactionId,
    /// What was captured; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// The authorisation number, if there is one.
    #[serde(default)]
    pub authorisation: Option<Authorisation>,
}

impl Operation for RecordDeposit {
    const KIND: OperationKind = OperationKind::Deposit;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.amount(1, &self.amount).field(2, Some(self.currency.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::decide::record(self, work)
    }
}
