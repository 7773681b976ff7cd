//! The chart of accounts, as far as a mutant needs it: which account could stand for which.

/// An account of `chart!` in `ledger-core/src/account.rs`.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    name: String,
    class: String,
    book: String,
    is_kept_per: bool,
    is_player: bool,
}

/// The chart, in order.
#[derive(Debug)]
pub(crate) struct Chart(Vec<Account>);

impl Chart {
    /// Reads lines like `PlayerCash = "L10" "player:cash" Liability Cash "" true: "..."`.
    pub(crate) fn read(source: &str) -> Result<Self, String> {
        let chart = source.split_once("\nchart! {\n").and_then(|(_, rest)| rest.split_once("\n}\n"));
        let (lines, _) = chart.ok_or("account.rs has no chart!")?;
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        let accounts: Option<Vec<Account>> = lines.map(account).collect();
        accounts.map(Self).ok_or_else(|| "account.rs has a chart that cannot be read".to_owned())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|account| account.name.as_str())
    }

    /// Another account of the same book and class, so that an entry with it still is one: if there is one,
    /// of the same owner and kept per something if this one is.
    pub(crate) fn other_than(&self, name: &str) -> Option<&str> {
        let own = self.0.iter().find(|account| account.name == name)?;
        let alike = |other: &&Account| {
            let is_alike = other.name != own.name && other.class == own.class && other.book == own.book;
            is_alike && other.is_kept_per == own.is_kept_per
        };
        let same_owner = self.0.iter().find(|other| alike(other) && other.is_player == own.is_player);
        same_owner.or_else(|| self.0.iter().find(alike)).map(|other| other.name.as_str())
    }
}

fn account(line: &str) -> Option<Account> {
    let (name, rest) = line.split_once(" = ")?;
    // Between quotes: code, name, what it is kept per, description.
    let parts: Vec<&str> = rest.split('"').collect();
    let (class, book) = parts.get(4)?.trim().split_once(' ')?;
    Some(Account {
        name: name.to_owned(),
        class: class.to_owned(),
        book: book.to_owned(),
        is_kept_per: !parts.get(5)?.is_empty(),
        is_player: parts.get(6)?.contains("true"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step;
    use std::fs;

    #[test]
    fn every_account_of_the_chart_can_be_mistaken_for_another() {
        let source = fs::read_to_string(step::root().join("ledger-core/src/account.rs")).expect("the chart");
        let chart = Chart::read(&source).expect("a chart");
        assert!(chart.0.len() >= 48, "{}", chart.0.len());
        for account in &chart.0 {
            let other = chart.other_than(&account.name);
            let other = other.unwrap_or_else(|| panic!("{} is the only one of its kind", account.name));
            assert!(chart.names().any(|name| name == other) && other != account.name);
        }
        assert_eq!(chart.other_than("PlayerCash"), Some("PlayerDormant"));
        assert_eq!(chart.other_than("PlayerHeld"), Some("WithdrawalPending"));
        assert!(chart.other_than("Nobody").is_none());
    }

    #[test]
    fn what_is_no_chart_is_refused() {
        assert!(Chart::read("fn main() {}\n").is_err());
        assert!(Chart::read("\nchart! {\n    Cash: debit\n}\n").is_err());
    }
}
