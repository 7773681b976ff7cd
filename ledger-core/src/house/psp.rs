//! The account with one payment provider: settlements with fees and rolling reserve, and chargebacks that no player
//! bears. Its items in suspense are in `suspense.rs`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::{above_zero, currency};
use super::operation::{Currencies, HouseOperation, sent_by_counterpart};
use super::postings::{chargeback_loss, psp_line};
use super::settlement::{ConvertedNet, Line, Settled, SettlementLine, Terms};
use super::{HousePurpose, HouseWorkspace};
use crate::entry::Posting;
use crate::ids::{ActorId, HouseId, IdError, Reason, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Stop};
use crate::stored::{BankAccount, ChargebackLost, Event, LossDirection, PspLine, PspPart, PspSettled};
use crate::time::Day;

pub(super) fn is_psp(purpose: &HousePurpose) -> bool {
    matches!(purpose, HousePurpose::Psp(_))
}

impl Line for PspLine {
    fn as_str(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::PayoutReturns => "payout_returns",
            Self::ChargebackReversals => "chargeback_reversals",
            Self::ReserveReleased => "reserve_released",
            Self::Refunds => "refunds",
            Self::Payouts => "payouts",
            Self::Chargebacks => "chargebacks",
            Self::ChargebackFees => "chargeback_fees",
            Self::Fees => "fees",
            Self::ReserveHeld => "reserve_held",
        }
    }

    fn comes_in(self) -> bool {
        matches!(
            self,
            Self::Payments | Self::PayoutReturns | Self::ChargebackReversals | Self::ReserveReleased
        )
    }

    fn posting(self, of: SubAccount, amount: Amount, currency: &Currency) -> Result<Posting, AmountError> {
        Ok(psp_line(self, of, amount, currency.code()))
    }
}

/// Books what a payment provider settled (P02, P54), as its file or the bank says: no second person is asked. Key:
/// (payment provider, settlement, batch).
///
/// A bill of fees alone is a settlement whose net is below zero. A line whose kind nobody knows is money of nobody
/// known: see [`SuspendCapture`](super::SuspendCapture).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlePsp {
    /// The provider's id of the batch.
    pub batch: TransactionId,
    /// When the bank booked it.
    pub value_date: Day,
    /// The bank account it came to.
    pub bank: BankAccount,
    /// The currency of the lines.
    pub currency: CurrencyCode,
    /// The lines: sums by kind, each kind once.
    pub lines: Vec<SettlementLine<PspLine>>,
    /// What came to the bank, in the currency of the lines: what comes in less what goes out. Below zero, what left.
    #[serde(with = "crate::text::decimal_text")]
    pub net: Decimal,
    /// What that was at the bank, where the account keeps another currency.
    #[serde(default)]
    pub converted: Option<ConvertedNet>,
    /// Who books it.
    pub by: ActorId,
}

impl SettlePsp {
    fn terms(&self) -> Terms<'_, PspLine> {
        Terms {
            value_date: self.value_date,
            bank: &self.bank,
            currency: self.currency,
            lines: &self.lines,
            net: self.net,
            converted: self.converted.as_ref(),
        }
    }
}

impl HouseOperation for SettlePsp {
    const KIND: OperationKind = OperationKind::PspSettlement;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_psp(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &self.batch)
    }

    fn currencies(&self) -> Currencies {
        self.terms().currencies()
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        self.terms().print(print)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let terms = self.terms();
        terms.check_lines()?;
        let Settled { lines, net, converted, entry } = terms.settle(facts, work)?;
        work.push_house(Event::PspSettled(PspSettled {
            batch: self.batch.clone(),
            value_date: self.value_date,
            bank: self.bank.clone(),
            currency: self.currency,
            lines: lines.into_iter().map(|(line, amount)| PspPart { line, amount }).collect(),
            net,
            converted,
            by: self.by.clone(),
            entry,
        }))?;
        Ok(())
    }
}

/// Books a chargeback of which no player can be asked for the money (X21), or the return of such a loss: at most
/// what was lost and has not come back. Key: (payment provider, loss, reference).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordChargebackLoss {
    /// The payment provider's id of it.
    pub reference: TransactionId,
    /// Whether the money was taken or came back.
    pub direction: LossDirection,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// What the provider charges for it, or gives back of that.
    #[serde(default, with = "crate::text::decimal_text::option")]
    pub fee: Option<Decimal>,
    /// Why no player is asked for it; not part of the fingerprint.
    pub reason: Reason,
    /// Who books it.
    pub by: ActorId,
}

impl HouseOperation for RecordChargebackLoss {
    const KIND: OperationKind = OperationKind::ChargebackLoss;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_psp(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &self.reference)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let direction = match self.direction {
            LossDirection::Taken => "taken",
            LossDirection::Returned => "returned",
        };
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(direction))
            .optional_amount(4, self.fee.as_ref())
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let own = currency(facts, self.currency)?;
        let amount = above_zero(self.amount, own)?;
        let fee = self.fee.map(|fee| above_zero(fee, own)).transpose()?;
        let of = work.of_account()?;
        let amounts = (amount, fee.unwrap_or(own.zero()));
        let entry = work.post(chargeback_loss(self.direction, &of, amounts, self.currency))?;
        work.push_house(Event::ChargebackLost(ChargebackLost {
            reference: self.reference.clone(),
            direction: self.direction,
            currency: self.currency,
            amount,
            fee,
            reason: self.reason.clone(),
            by: self.by.clone(),
            entry,
        }))?;
        Ok(())
    }
}
