//! The account with the authority of one jurisdiction: gaming duty, and the tax withheld from players.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::{above_zero, approval, currency};
use super::operation::{Currencies, HouseOperation, sent_by, sent_by_counterpart};
use super::postings::{accrue_duty, authority_line};
use super::provider::{check_period, direction};
use super::settlement::{ConvertedNet, Line, Settled, SettlementLine, Terms};
use super::{HousePurpose, HouseWorkspace};
use crate::entry::Posting;
use crate::ids::{ActorId, HouseId, IdError, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Stop};
use crate::stored::{
    AccrualDirection, AuthorityLine, AuthorityPart, AuthoritySettled, BankAccount, DutyAccrued, Event,
    TransactionRef,
};
use crate::time::Day;

fn is_authority(purpose: &HousePurpose) -> bool {
    matches!(purpose, HousePurpose::Authority(_))
}

/// Books gaming duty for a period (P47), as the host computed it; or that it is less than was booked, at most what is
/// still owed. One person is enough, as for [`AccrueProviderFees`](super::AccrueProviderFees).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccrueDuty {
    /// The process or person that computed it.
    pub source: SourceId,
    /// Its id of the accrual.
    pub id: TransactionId,
    /// More or less.
    pub direction: AccrualDirection,
    /// The first day it is for.
    pub from: Day,
    /// The last day it is for.
    pub to: Day,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Who books it.
    pub by: ActorId,
}

impl HouseOperation for AccrueDuty {
    const KIND: OperationKind = OperationKind::DutyAccrual;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_authority(purpose)
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
        let entry = work.post(accrue_duty(self.direction, &of, amount, self.currency))?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::DutyAccrued(DutyAccrued {
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

impl Line for AuthorityLine {
    fn as_str(self) -> &'static str {
        match self {
            Self::DutyRefunds => "duty_refunds",
            Self::Duty => "duty",
            Self::WithheldTax => "withheld_tax",
        }
    }

    fn comes_in(self) -> bool {
        matches!(self, Self::DutyRefunds)
    }

    fn posting(self, of: SubAccount, amount: Amount, currency: &Currency) -> Result<Posting, AmountError> {
        Ok(authority_line(self, of, amount, currency.code()))
    }
}

/// Books that duty and withheld tax were paid over, or that duty came back. Duty at most as much as is owed. A second
/// person agrees unless all of it comes in. Key: (jurisdiction, settlement, statement).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleAuthority {
    /// The id of the return or notice.
    pub statement: TransactionId,
    /// When the bank booked it.
    pub value_date: Day,
    /// The bank account.
    pub bank: BankAccount,
    /// The currency of the lines.
    pub currency: CurrencyCode,
    /// The lines: sums by kind, each kind once.
    pub lines: Vec<SettlementLine<AuthorityLine>>,
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

impl SettleAuthority {
    fn terms(&self) -> Terms<'_, AuthorityLine> {
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

impl HouseOperation for SettleAuthority {
    const KIND: OperationKind = OperationKind::AuthoritySettlement;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_authority(purpose)
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
        work.push_house(Event::AuthoritySettled(AuthoritySettled {
            statement: self.statement.clone(),
            value_date: self.value_date,
            bank: self.bank.clone(),
            currency: self.currency,
            lines: lines.into_iter().map(|(line, amount)| AuthorityPart { line, amount }).collect(),
            net,
            converted,
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            entry,
        }))?;
        Ok(())
    }
}
