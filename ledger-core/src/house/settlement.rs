//! What settlements have in common: lines, each once, whose net goes over a bank account.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::HouseWorkspace;
use super::incoming::{above_zero, currency, signed};
use super::operation::{Currencies, not_allowed};
use super::postings::{bank, bank_converted};
use crate::entry::Posting;
use crate::ids::SubAccount;
use crate::key::FingerprintBuilder;
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection};
use crate::stored::{BankAccount, Funds, Money};
use crate::time::Day;

/// A line of a settlement, as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementLine<L> {
    /// What it is.
    pub line: L,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
}

/// What a net amount was at a bank account that keeps another currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvertedNet {
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency of the bank account.
    pub currency: CurrencyCode,
}

/// A kind of line.
pub(super) trait Line: Copy + Ord {
    /// Its word.
    fn as_str(self) -> &'static str;

    /// Whether it brings money to the house's bank account.
    fn comes_in(self) -> bool;

    /// Its posting.
    fn posting(self, of: SubAccount, amount: Amount, currency: &Currency) -> Result<Posting, AmountError>;
}

/// The terms of a settlement.
pub(super) struct Terms<'a, L> {
    pub(super) value_date: Day,
    pub(super) bank: &'a BankAccount,
    pub(super) currency: CurrencyCode,
    pub(super) lines: &'a [SettlementLine<L>],
    /// What its sender says came to the bank; below zero, what left it.
    pub(super) net: Decimal,
    pub(super) converted: Option<&'a ConvertedNet>,
}

/// A settlement that was posted.
pub(super) struct Settled<L> {
    pub(super) lines: Vec<(L, Amount)>,
    pub(super) net: Amount,
    pub(super) converted: Option<Money>,
    pub(super) entry: u64,
}

fn funds(funds: Funds) -> &'static str {
    match funds {
        Funds::Operating => "operating",
        Funds::Players => "players",
    }
}

/// A bank account in a fingerprint, under two tags.
pub(super) fn print_bank(
    print: FingerprintBuilder,
    (first, second): (u8, u8),
    account: &BankAccount,
) -> FingerprintBuilder {
    print.field(first, Some(funds(account.funds))).field(second, Some(account.account.as_str()))
}

impl<L: Line> Terms<'_, L> {
    /// The currency of the lines, and that of the bank account if it is another.
    pub(super) fn currencies(&self) -> Currencies {
        [self.currency].into_iter().chain(self.converted.map(|net| net.currency)).collect()
    }

    /// The lines in one order, however they came.
    fn sorted(&self) -> Vec<&SettlementLine<L>> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|line| line.line);
        lines
    }

    pub(super) fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print.field(1, Some(&self.value_date.to_string()));
        let print = print_bank(print, (2, 3), self.bank).field(4, Some(self.currency.as_str()));
        let print = self.sorted().into_iter().fold(print.amount(5, &self.net), |print, line| {
            print.field(6, Some(line.line.as_str())).amount(7, &line.amount)
        });
        match self.converted {
            Some(net) => print.amount(8, &net.amount).field(9, Some(net.currency.as_str())),
            None => print,
        }
    }

    /// Whether any line takes money away from the house's bank account.
    pub(super) fn pays(&self) -> bool {
        self.lines.iter().any(|line| !line.line.comes_in())
    }

    /// There is at least one line, and each once.
    pub(super) fn check_lines(&self) -> Result<(), Stop> {
        let lines = self.sorted();
        let mut pairs = lines.iter().zip(lines.iter().skip(1));
        if lines.is_empty() || pairs.any(|(a, b)| a.line == b.line) {
            return Err(not_allowed(NotAllowedReason::Lines));
        }
        Ok(())
    }

    /// Checks the amounts and what they come to, and posts one entry.
    pub(super) fn settle(
        &self,
        facts: &Facts<'_>,
        work: &mut HouseWorkspace<'_>,
    ) -> Result<Settled<L>, Stop> {
        let own = currency(facts, self.currency)?;
        let other = self.converted.map(|net| currency(facts, net.currency)).transpose()?;
        let of = work.of_account()?;
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut postings = Vec::with_capacity(self.lines.len().saturating_add(4));
        let mut net = own.zero();
        for line in self.sorted() {
            let amount = above_zero(line.amount, own)?;
            net = if line.line.comes_in() { net.checked_add(amount)? } else { net.checked_sub(amount)? };
            postings.push(line.line.posting(of.clone(), amount, own)?);
            lines.push((line.line, amount));
        }
        if signed(self.net, own)? != net {
            return Err(Rejection::Mismatch { field: MismatchField::Amount }.into());
        }
        let converted = match (self.converted, other) {
            (Some(given), Some(other)) => {
                let amount = above_zero(given.amount, other)?;
                if other.code() == own.code() || net.is_zero() {
                    return Err(Rejection::Mismatch { field: MismatchField::Currency }.into());
                }
                postings.extend(bank_converted(self.bank, (own, net), (other, amount))?);
                Some(Money { currency: other.code(), amount })
            }
            _ => {
                postings.extend(bank(self.bank, net, own)?);
                None
            }
        };
        let entry = work.post(postings)?;
        Ok(Settled { lines, net, converted, entry })
    }
}
