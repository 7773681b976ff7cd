//! How accounts and currencies are called in a journal: by one name in both programs.

use ledger_core::{Account, AccountClass, AccountKind, CurrencyCode};

/// The name of an account in a journal, without its currency: class, real or test, code and name of the chart, and what
/// the house keeps it per. No two accounts share one.
///
/// Ids may hold anything, and Beancount takes letters, digits and hyphens only: every other byte of an id, the hyphen
/// too, is a hyphen and two hexadecimal digits.
///
/// ```
/// use ledger_core::{Account, AccountCode, AccountKind, SubAccount};
/// use ledger_projections::journal::account_name;
/// let account = Account {
///     kind: AccountKind::Real,
///     code: AccountCode::PspClearing,
///     of: Some(SubAccount::new("psp/eu")?),
///     currency: "EUR".parse()?,
/// };
/// assert_eq!(account_name(&account), "Assets:Real:A10-psp-clearing:Of-psp-2Feu");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn account_name(account: &Account) -> String {
    use std::fmt::Write as _;
    let class = match account.code.class() {
        AccountClass::Asset => "Assets",
        AccountClass::Liability => "Liabilities",
        AccountClass::Income | AccountClass::ContraIncome => "Income",
        AccountClass::Expense => "Expenses",
        // Sources and sinks of bonus credits, and whatever classes may come: neither owed nor earned.
        _ => "Equity",
    };
    let kind = match account.kind {
        AccountKind::Real => "Real",
        AccountKind::Test => "Test",
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = account.code.name().chars().map(plain).collect();
    let mut text = format!("{class}:{kind}:{}-{name}", account.code.code());
    if let Some(of) = &account.of {
        text.push_str(":Of-");
        for byte in of.as_str().bytes() {
            if byte.is_ascii_alphanumeric() {
                text.push(char::from(byte));
            } else {
                // Writing to a text cannot fail.
                let _ = write!(text, "-{byte:02X}");
            }
        }
    }
    text
}

/// The name of a currency in a journal: its code; `N.` before one that begins with a digit, which Beancount does not take.
pub fn currency_name(currency: CurrencyCode) -> String {
    let code = currency.to_string();
    if code.starts_with(|first: char| first.is_ascii_digit()) { format!("N.{code}") } else { code }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ledger_core::{AccountCode, SubAccount};

    use super::*;

    #[test]
    fn no_two_accounts_share_a_name() {
        let of = ["a", "A", "a-2D", "a-", "a/b", "a-2Fb", "-", "é", "a b", "Of-a"];
        let of: Vec<_> = of.iter().map(|text| Some(SubAccount::new(text).unwrap())).chain([None]).collect();
        let mut names = BTreeSet::new();
        let mut accounts = 0;
        for code in AccountCode::ALL {
            for kind in [AccountKind::Real, AccountKind::Test] {
                for of in &of {
                    let currency = CurrencyCode::new("EUR").unwrap();
                    let name = account_name(&Account { kind, code: *code, of: of.clone(), currency });
                    let parts = name.split(':').skip(1);
                    let is_component = |part: &str| {
                        part.starts_with(|first: char| first.is_ascii_uppercase())
                            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    };
                    assert!(parts.clone().count() >= 2 && parts.clone().all(is_component), "{name}");
                    names.insert(name);
                    accounts += 1;
                }
            }
        }
        assert_eq!(names.len(), accounts);
    }

    #[test]
    fn a_currency_that_begins_with_a_digit_has_another_name() {
        assert_eq!(currency_name(CurrencyCode::new("1INCH").unwrap()), "N.1INCH");
        assert_eq!(currency_name(CurrencyCode::new("USDT").unwrap()), "USDT");
    }
}
