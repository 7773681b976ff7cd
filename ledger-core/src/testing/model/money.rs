//! Accounts and amounts, as the model reads the rules.

use rust_decimal::Decimal;

use super::Model;
use crate::money::CurrencyCode;

impl Model {
    pub(super) fn add(&mut self, account: &str, currency: CurrencyCode, units: i128) {
        *self.accounts.entry((account.to_owned(), currency)).or_default() += units;
    }

    pub(super) fn balance(&self, account: &str, currency: CurrencyCode) -> i128 {
        self.accounts.get(&(account.to_owned(), currency)).copied().unwrap_or_default()
    }

    /// Money for the player; what he owes is paid first.
    pub(super) fn pay(&mut self, currency: CurrencyCode, units: i128) {
        let owed = self.balance("receivable:player", currency).min(units);
        self.add("receivable:player", currency, -owed);
        self.add("player:cash", currency, units - owed);
    }

    pub(super) fn purse(&self, currency: CurrencyCode) -> Result<(u8, i128), &'static str> {
        let purses = self.purses.as_ref().expect("the player is open");
        purses.get(&currency).copied().ok_or("currency_mismatch")
    }

    /// Reads an incoming amount from its digits.
    pub(super) fn units(&self, amount: Decimal, currency: CurrencyCode) -> Result<i128, &'static str> {
        let (_, maximum) = self.purse(currency)?;
        self.read_units(amount, currency, Some(maximum))
    }

    /// Reads an amount that the ledger came to, of many operations.
    pub(super) fn summed_units(&self, amount: Decimal, currency: CurrencyCode) -> Result<i128, &'static str> {
        self.read_units(amount, currency, None)
    }

    fn read_units(
        &self,
        amount: Decimal,
        currency: CurrencyCode,
        maximum: Option<i128>,
    ) -> Result<i128, &'static str> {
        let (scale, _) = self.purse(currency)?;
        let text = amount.to_string();
        if text.starts_with('-') && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            return Err("invalid_amount");
        }
        let text = text.trim_start_matches('-');
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part = part.trim_end_matches('0');
        let whole: i128 = whole.parse().expect("digits");
        let one = 10_i128.pow(u32::from(scale));
        if let Some(maximum) = maximum {
            assert_eq!(maximum % one, 0, "the model knows maxima of whole units only");
            if whole > maximum / one || (whole == maximum / one && !part.is_empty()) {
                return Err("invalid_amount");
            }
        }
        if part.len() > usize::from(scale) {
            return Err("precision");
        }
        let padded = format!("{part:0<width$}", width = usize::from(scale));
        let part: i128 = if padded.is_empty() { 0 } else { padded.parse().expect("digits") };
        Ok(whole * one + part)
    }
}
