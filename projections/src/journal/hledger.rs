//! A journal for hledger.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ledger_core::Account;

use super::{Dialect, Transaction, account_name, currency_name};
use crate::total::Total;

pub(super) struct Hledger;

/// A value of a tag: what ends one, begins a comment or is read as a date there is written as `%` and two digits.
fn tag_value(text: &str) -> String {
    use std::fmt::Write as _;
    // Writing to a text cannot fail.
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ',' | '[' | ']' | ';' | '%' => {
                let _ = write!(value, "%{:02X}", u32::from(c));
            }
            // Not control characters to the library, but ends of lines to some.
            '\u{2028}' | '\u{2029}' | '\u{85}' => {
                let _ = write!(value, "%u{:04X}", u32::from(c));
            }
            _ => value.push(c),
        }
    }
    value
}

impl Dialect for Hledger {
    fn head(&self, out: &mut dyn Write, title: &str, comments: &[String]) -> io::Result<()> {
        writeln!(out, "; {title}")?;
        for comment in comments {
            writeln!(out, "; {comment}")?;
        }
        writeln!(out, "decimal-mark .")
    }

    fn account(&self, out: &mut dyn Write, name: &str, account: &Account) -> io::Result<()> {
        write!(out, "\naccount {name}  ; account: {}", account.code.name())?;
        if let Some(of) = &account.of {
            write!(out, ", of: {}", tag_value(of.as_str()))?;
        }
        writeln!(out)
    }

    fn transaction(&self, out: &mut dyn Write, transaction: &Transaction<'_>) -> io::Result<()> {
        let (cause, _) = transaction.cause();
        writeln!(out, "\n{} ({}) {cause}", transaction.day(), transaction.id())?;
        for (name, value) in transaction.tags() {
            writeln!(out, "    ; {name}: {}", tag_value(&value))?;
        }
        for (account, currency, amount) in transaction.postings() {
            writeln!(out, "    {}  \"{}\" {amount}", account_name(&account), currency_name(currency))?;
        }
        Ok(())
    }

    fn balances(
        &self,
        out: &mut dyn Write,
        day: &str,
        balances: &BTreeMap<(String, String), Total>,
    ) -> io::Result<()> {
        writeln!(out, "\n{day} balances")?;
        for ((account, currency), balance) in balances {
            writeln!(out, "    {account}  \"{currency}\" 0 = \"{currency}\" {balance}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_ends_where_its_value_ends() {
        assert_eq!(tag_value("a,b [2026-01-01]; 5%"), "a%2Cb %5B2026-01-01%5D%3B 5%25");
    }
}
