//! The house's own money at its banks: transfers, cover of players' money, exchange, and what came back of written-off
//! debts.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::{above_zero, approval, currency, two_persons};
use super::operation::{Currencies, HouseOperation, not_allowed, sent_by};
use super::postings::{exchange_funds, fx_result, recover_debt, transfer};
use super::settlement::print_bank;
use super::{HousePurpose, HouseWorkspace};
use crate::ids::{ActorId, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection};
use crate::stored::{
    BadDebtRecovered, BankAccount, Event, Funds, FundsExchanged, FundsTransferred, FxDirection,
    FxResultBooked, Money, TransactionRef,
};
use crate::time::Day;

fn is_treasury(purpose: &HousePurpose) -> bool {
    matches!(purpose, HousePurpose::Treasury)
}

/// Books a transfer between two bank accounts, such as cover of the players' money from the house's own. A second
/// person agrees where money leaves an account of the players' money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferFunds {
    /// The treasury.
    pub source: SourceId,
    /// Its id of the transfer.
    pub id: TransactionId,
    /// When the bank booked it.
    pub value_date: Day,
    /// From here.
    pub from: BankAccount,
    /// To there.
    pub to: BankAccount,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    #[serde(default)]
    pub approved_by: Option<ActorId>,
}

impl HouseOperation for TransferFunds {
    const KIND: OperationKind = OperationKind::FundsTransfer;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_treasury(purpose)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(&self.value_date.to_string()));
        print_bank(print_bank(print, (4, 5), &self.from), (6, 7), &self.to)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        if self.from == self.to {
            return Err(not_allowed(NotAllowedReason::SameAccount));
        }
        approval(self.from.funds == Funds::Players, &self.by, self.approved_by.as_ref())?;
        let amount = above_zero(self.amount, currency(facts, self.currency)?)?;
        let entry = work.post(transfer(&self.from, &self.to, amount, self.currency))?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::FundsTransferred(FundsTransferred {
            txn,
            value_date: self.value_date,
            from: self.from.clone(),
            to: self.to.clone(),
            currency: self.currency,
            amount,
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            entry,
        }))?;
        Ok(())
    }
}

/// Books that the house exchanged money at its bank: so much given, so much got. Two persons agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeFunds {
    /// The treasury.
    pub source: SourceId,
    /// Its id of the exchange.
    pub id: TransactionId,
    /// When the bank booked it.
    pub value_date: Day,
    /// From here.
    pub from: BankAccount,
    /// How much was given; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub given: Decimal,
    /// In this currency.
    pub given_currency: CurrencyCode,
    /// To there.
    pub to: BankAccount,
    /// How much was got; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub received: Decimal,
    /// In this currency: another one.
    pub received_currency: CurrencyCode,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl HouseOperation for ExchangeFunds {
    const KIND: OperationKind = OperationKind::FundsExchange;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_treasury(purpose)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.given_currency, self.received_currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print
            .amount(1, &self.given)
            .field(2, Some(self.given_currency.as_str()))
            .field(3, Some(&self.value_date.to_string()))
            .amount(8, &self.received)
            .field(9, Some(self.received_currency.as_str()));
        print_bank(print_bank(print, (4, 5), &self.from), (6, 7), &self.to)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        two_persons(&self.by, &self.approved_by)?;
        if self.given_currency == self.received_currency {
            return Err(Rejection::Mismatch { field: MismatchField::Currency }.into());
        }
        let given_in = currency(facts, self.given_currency)?;
        let received_in = currency(facts, self.received_currency)?;
        let given = above_zero(self.given, given_in)?;
        let received = above_zero(self.received, received_in)?;
        let (from, to) = ((&self.from, given, given_in), (&self.to, received, received_in));
        let entry = work.post(exchange_funds(from, to)?)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::FundsExchanged(FundsExchanged {
            txn,
            value_date: self.value_date,
            from: self.from.clone(),
            given: Money { currency: self.given_currency, amount: given },
            to: self.to.clone(),
            received: Money { currency: self.received_currency, amount: received },
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            entry,
        }))?;
        Ok(())
    }
}

/// Books what a position of exchange is worth more, or less, than the books say (R21): what is left of it after its
/// other side was exchanged, or a valuation at a day's rate. It moves no money, so one person is enough; the other
/// direction takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookFxResult {
    /// The treasury.
    pub source: SourceId,
    /// Its id of the result.
    pub id: TransactionId,
    /// The day the position was valued for.
    pub as_of: Day,
    /// Gain or loss.
    pub direction: FxDirection,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Who books it.
    pub by: ActorId,
}

impl HouseOperation for BookFxResult {
    const KIND: OperationKind = OperationKind::FxResult;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_treasury(purpose)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let direction = match self.direction {
            FxDirection::Gain => "gain",
            FxDirection::Loss => "loss",
        };
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(direction))
            .field(4, Some(&self.as_of.to_string()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let own = currency(facts, self.currency)?;
        let amount = above_zero(self.amount, own)?;
        let entry = work.post(fx_result(self.direction, amount, own)?)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::FxResultBooked(FxResultBooked {
            txn,
            as_of: self.as_of,
            direction: self.direction,
            currency: self.currency,
            amount,
            by: self.by.clone(),
            entry,
        }))?;
        Ok(())
    }
}

/// Books that a debt which had been written off (P30) was paid after all, by a collector or by the player outside of
/// his wallet. Money came in, so one person is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverBadDebt {
    /// The treasury.
    pub source: SourceId,
    /// Its id of the payment.
    pub id: TransactionId,
    /// When the bank booked it.
    pub value_date: Day,
    /// The bank account it came to.
    pub bank: BankAccount,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// What for; not part of the fingerprint.
    pub reason: Reason,
    /// Who books it.
    pub by: ActorId,
}

impl HouseOperation for RecoverBadDebt {
    const KIND: OperationKind = OperationKind::DebtRecovery;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_treasury(purpose)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(&self.value_date.to_string()));
        print_bank(print, (4, 5), &self.bank)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let amount = above_zero(self.amount, currency(facts, self.currency)?)?;
        let entry = work.post(recover_debt(&self.bank, amount, self.currency))?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::BadDebtRecovered(BadDebtRecovered {
            txn,
            value_date: self.value_date,
            bank: self.bank.clone(),
            currency: self.currency,
            amount,
            reason: self.reason.clone(),
            by: self.by.clone(),
            entry,
        }))?;
        Ok(())
    }
}
