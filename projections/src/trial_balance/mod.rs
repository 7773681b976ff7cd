//! The trial balance: debits and credits of every account of the ledger.

mod memory;
mod sql;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use ledger_core::stored::Event;
use ledger_core::{Account, AccountKind, Book, CurrencyCode, Side};
use ledger_store::Shard;

use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::standing::Standing;
use crate::total::Total;

const NAME: &str = "trial_balance";
const VERSION: u32 = 1;

/// The trial balance: the debits and credits of every account over all players and the house.
///
/// Accounts of the house are kept per sub-account (game, payment provider, campaign); accounts of players are
/// summed over all players, rounds and withdrawals, so that the view does not grow with play. Rows carry their
/// shard and are added up when they are read: no row is written from two shards.
#[derive(Debug, Clone, Copy)]
pub struct TrialBalance;

/// How fine the rows of a trial balance are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// One row per account code.
    Account,
    /// One row per account code and sub-account (of the house).
    SubAccount,
}

/// Debits and credits of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialRow {
    /// The account; without a sub-account if rows are per code, or if it is a player's.
    pub account: Account,
    /// The sum of its debits.
    pub debits: Total,
    /// The sum of its credits.
    pub credits: Total,
}

impl TrialRow {
    /// The account's balance in its normal direction; `None` beyond 128 bits.
    pub fn balance(&self) -> Option<Total> {
        match self.account.code.class().normal_side() {
            Side::Debit => self.debits.minus(self.credits),
            Side::Credit => self.credits.minus(self.debits),
        }
    }
}

/// Debits and credits of one book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookTotals {
    /// Real or test.
    pub kind: AccountKind,
    /// The currency.
    pub currency: CurrencyCode,
    /// Cash or bonus.
    pub book: Book,
    /// The sum of all debits.
    pub debits: Total,
    /// The sum of all credits.
    pub credits: Total,
}

/// Reads the trial balance, wherever it is kept.
#[async_trait]
pub trait ReadTrialBalance: Standing {
    /// All rows, in order of accounts, with the checkpoint they are true at.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn rows(&self, detail: Detail) -> Result<AtCheckpoint<Vec<TrialRow>>, ViewError>;

    /// The sums per kind, currency and book, proven equal: debits = credits in each.
    ///
    /// # Errors
    ///
    /// [`ViewError::Unbalanced`] if they are not, [`ViewError`] if the view cannot be read.
    async fn totals(&self) -> Result<AtCheckpoint<Vec<BookTotals>>, ViewError> {
        let AtCheckpoint { checkpoint, value } = self.rows(Detail::Account).await?;
        Ok(AtCheckpoint { checkpoint, value: prove(&value)? })
    }
}

fn prove(rows: &[TrialRow]) -> Result<Vec<BookTotals>, ViewError> {
    let mut books: BTreeMap<(AccountKind, CurrencyCode, Book), Sums> = BTreeMap::new();
    for row in rows {
        let Account { kind, code, currency, .. } = &row.account;
        let sums = books.entry((*kind, *currency, code.book())).or_default();
        *sums = sums.plus(Sums { debits: row.debits, credits: row.credits }).ok_or_else(too_large)?;
    }
    let totals = books.into_iter().map(|((kind, currency, book), Sums { debits, credits })| {
        if debits == credits {
            Ok(BookTotals { kind, currency, book, debits, credits })
        } else {
            let (debits, credits) = (debits.to_string(), credits.to_string());
            Err(ViewError::Unbalanced { kind, currency, book, debits, credits })
        }
    });
    totals.collect()
}

fn too_large() -> ViewError {
    ViewError::Damaged("a sum of the trial balance is beyond 128 bits".to_owned())
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    debits: Total,
    credits: Total,
}

impl Sums {
    fn plus(self, other: Self) -> Option<Self> {
        Some(Self { debits: self.debits.plus(other.debits)?, credits: self.credits.plus(other.credits)? })
    }
}

type Changes = HashMap<(Shard, Account), Sums>;

/// What the fold reads of the rows before the batch.
trait Home {
    fn sums(&self, shard: Shard, account: &Account) -> Result<Option<Sums>, ViewError>;
}

fn fold(home: &impl Home, commits: &[&Commit]) -> Result<Changes, ViewError> {
    let mut changes = Changes::new();
    for commit in commits {
        let entries = commit.body.events.iter().filter_map(|record| match &record.event {
            Event::EntryPosted(event) => Some(&event.entry),
            _ => None,
        });
        for entry in entries {
            for posting in entry.postings() {
                let mut account = entry.account(posting);
                if posting.account.is_player() {
                    account.of = None;
                }
                let key = (commit.shard, account);
                let before = match changes.get(&key) {
                    Some(sums) => *sums,
                    None => home.sums(key.0, &key.1)?.unwrap_or_default(),
                };
                let Sums { debits, credits } = before;
                let after = match posting.side {
                    Side::Debit => debits.plus(posting.amount).map(|debits| Sums { debits, credits }),
                    Side::Credit => credits.plus(posting.amount).map(|credits| Sums { debits, credits }),
                };
                let after =
                    after.ok_or_else(|| commit.poison(format!("the sum of {} is too large", key.1)))?;
                changes.insert(key, after);
            }
        }
    }
    Ok(changes)
}

/// Adds the rows of all shards up, at the detail asked for.
fn add_up(
    rows: impl IntoIterator<Item = Result<(Account, Sums), ViewError>>,
    detail: Detail,
) -> Result<Vec<TrialRow>, ViewError> {
    let mut accounts: BTreeMap<Account, Sums> = BTreeMap::new();
    for row in rows {
        let (mut account, sums) = row?;
        if detail == Detail::Account {
            account.of = None;
        }
        let known = accounts.entry(account).or_default();
        *known = known.plus(sums).ok_or_else(too_large)?;
    }
    let row = |(account, Sums { debits, credits })| TrialRow { account, debits, credits };
    Ok(accounts.into_iter().map(row).collect())
}
