//! A journal for Beancount.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ledger_core::Account;

use super::{Dialect, Transaction, account_name, currency_name};
use crate::period::tomorrow;
use crate::total::Total;

/// The day all accounts are opened on: before everything.
const OPENED: &str = "0001-01-01";

pub(super) struct Beancount;

/// A text in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The day after one: assertions are of the begin of a day.
fn after(day: &str) -> String {
    let next = day.parse().ok().and_then(tomorrow);
    // There is none after the last day of the year 9999.
    next.map_or_else(|| day.to_owned(), |next| next.to_string())
}

impl Dialect for Beancount {
    fn head(&self, out: &mut dyn Write, title: &str, comments: &[String]) -> io::Result<()> {
        for comment in comments {
            writeln!(out, "; {comment}")?;
        }
        writeln!(out, "option \"title\" {}", quoted(title))?;
        // A transaction balances to the last digit, or not at all.
        writeln!(out, "option \"tolerance_multiplier\" \"0\"")
    }

    fn account(&self, out: &mut dyn Write, name: &str, account: &Account) -> io::Result<()> {
        writeln!(out, "\n{OPENED} open {name}\n  account: {}", quoted(account.code.name()))?;
        if let Some(of) = &account.of {
            writeln!(out, "  of: {}", quoted(of.as_str()))?;
        }
        Ok(())
    }

    fn transaction(&self, out: &mut dyn Write, transaction: &Transaction<'_>) -> io::Result<()> {
        let (cause, _) = transaction.cause();
        writeln!(out, "\n{} * {}", transaction.day(), quoted(&cause))?;
        writeln!(out, "  id: {}", quoted(&transaction.id()))?;
        for (name, value) in transaction.tags() {
            writeln!(out, "  {name}: {}", quoted(&value))?;
        }
        for (account, currency, amount) in transaction.postings() {
            writeln!(out, "  {}  {amount} {}", account_name(&account), currency_name(currency))?;
        }
        Ok(())
    }

    fn balances(
        &self,
        out: &mut dyn Write,
        day: &str,
        balances: &BTreeMap<(String, String), Total>,
    ) -> io::Result<()> {
        let day = after(day);
        writeln!(out)?;
        for ((account, currency), balance) in balances {
            writeln!(out, "{day} balance {account}  {balance} ~ 0 {currency}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_where_they_end() {
        assert_eq!(quoted(r#"a\"b"#), r#""a\\\"b""#);
        assert_eq!(after("2026-12-31"), "2027-01-01");
        assert_eq!(after("9999-12-31"), "9999-12-31");
    }
}
