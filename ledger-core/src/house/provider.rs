//! The account with one game provider: what its fees are, and the settlement of all that the two owe each other.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::{above_zero, approval, currency};
use super::operation::{Currencies, HouseOperation, not_allowed, sent_by, sent_by_counterpart};
use super::postings::{accrue_fees, provider_line};
use super::settlement::{ConvertedNet, Line, Settled, SettlementLine, Terms};
use super::{HousePurpose, HouseWorkspace};
use crate::entry::Posting;
use crate::ids::{ActorId, HouseId, IdError, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::NotAllowedReason;
use crate::stored::{
    AccrualDirection, BankAccount, Event, ProviderFeesAccrued, ProviderLine, ProviderPart, ProviderSettled,
    TransactionRef,
};
use crate::time::Day;

fn is_provider(purpose: &HousePurpose) -> bool {
    matches!(purpose, HousePurpose::Provider(_))
}

/// The word of a direction, in fingerprints.
pub(super) fn direction(direction: AccrualDirection) -> &'static str {
    match direction {
        AccrualDirection::Charge => "charge",
        AccrualDirection::Credit => "credit",
    }
}

/// A period ends when it began or later.
pub(super) fn check_period(from: Day, to: Day) -> Result<(), Stop> {
    if from > to { Err(not_allowed(NotAllowedReason::Period)) } else { Ok(()) }
}

/// Books fees of the provider for a period (P48), as the host computed them from what was played; or that they are
/// less than was booked, at most what is still owed. A mistake is corrected by the other direction, so one person is
/// enough: nothing is paid yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccrueProviderFees {
    /// The process or person that computed it.
    pub source: SourceId,
    /// Its id of the accrual.
    pub id: TransactionId,
    /// More or less.
    pub direction: AccrualDirection,
    /// The first day they are for.
    pub from: Day,
    /// The last day they are for.
    pub to: Day,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Who books it.
    pub by: ActorId,
}

impl HouseOperation for AccrueProviderFees {
    const KIND: OperationKind = OperationKind::ProviderFeeAccrual;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_provider(purpose)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(direction(self.direction)))
            .field(4, Some(&self.from.to_string()))
            .field(5, Some(&self.to.to_string()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        check_period(self.from, self.to)?;
        let amount = above_zero(self.amount, currency(facts, self.currency)?)?;
        let of = work.of_account()?;
        let entry = work.post(accrue_fees(self.direction, &of, amount, self.currency))?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::ProviderFeesAccrued(ProviderFeesAccrued {
            txn,
            direction: self.direction,
            from: self.from,
            to: self.to,
            currency: self.currency,
            amount,
            by: self.by.clone(),
            entry,
        }))?;
        Ok(())
    }
}

impl Line for ProviderLine {
    fn as_str(self) -> &'static str {
        match self {
            Self::Jackpots => "jackpots",
            Self::Promotions => "promotions",
            Self::Fees => "fees",
            Self::Contributions => "contributions",
            Self::Tips => "tips",
        }
    }

    fn comes_in(self) -> bool {
        matches!(self, Self::Jackpots | Self::Promotions)
    }

    fn posting(self, of: SubAccount, amount: Amount, currency: &Currency) -> Result<Posting, AmountError> {
        provider_line(self, of, amount, currency)
    }
}

/// Books that house and provider paid each other (P38, and what is owed for fees, contributions to network jackpots
/// and tips): one statement, of which the bank saw the net. Fees at most as much as is owed. A second person agrees
/// unless all of it comes in. Key: (game provider, settlement, statement).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleProvider {
    /// The id of the statement.
    pub statement: TransactionId,
    /// When the bank booked it.
    pub value_date: Day,
    /// The bank account.
    pub bank: BankAccount,
    /// The currency of the lines.
    pub currency: CurrencyCode,
    /// The lines: sums by kind, each kind once.
    pub lines: Vec<SettlementLine<ProviderLine>>,
    /// What came to the bank, in the currency of the lines: what comes in less what goes out. Below zero, what left.
    #[serde(with = "crate::text::decimal_text")]
    pub net: Decimal,
    /// What that was at the bank, where the account keeps another currency.
    #[serde(default)]
    pub converted: Option<ConvertedNet>,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    #[serde(default)]
    pub approved_by: Option<ActorId>,
}

impl SettleProvider {
    fn terms(&self) -> Terms<'_, ProviderLine> {
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

impl HouseOperation for SettleProvider {
    const KIND: OperationKind = OperationKind::ProviderSettlement;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_provider(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &self.statement)
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
        approval(terms.pays(), &self.by, self.approved_by.as_ref())?;
        let Settled { lines, net, converted, entry } = terms.settle(facts, work)?;
        work.push_house(Event::ProviderSettled(ProviderSettled {
            statement: self.statement.clone(),
            value_date: self.value_date,
            bank: self.bank.clone(),
            currency: self.currency,
            lines: lines.into_iter().map(|(line, amount)| ProviderPart { line, amount }).collect(),
            net,
            converted,
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            entry,
        }))?;
        Ok(())
    }
}
