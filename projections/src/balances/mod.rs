//! The balances view: what every player has, per account.

mod memory;
mod sql;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use ledger_core::stored::{Event, PurseBalance};
use ledger_core::{
    Account, AccountCode, AccountKind, Amount, CurrencyCode, Entry, Partition, PlayerId, Side,
};

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::page::Page;
use crate::standing::Standing;

const NAME: &str = "balances";
const VERSION: u32 = 1;

/// The balances view: the balance of every account of every player, in the account's normal direction (credits
/// less debits for `player:cash`, debits less credits for `receivable:player`).
///
/// It has the players' own accounts; those of the house are in the
/// [trial balance](crate::trial_balance::TrialBalance). An account whose balance is zero has no row, so rounds
/// and withdrawals that are over leave nothing behind.
#[derive(Debug, Clone, Copy)]
pub struct Balances;

/// What one player has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerBalances {
    /// Real or test.
    pub kind: AccountKind,
    /// His purses, by currency, also empty ones.
    pub purses: Vec<PurseBalance>,
    /// His accounts whose balance is not zero, in order.
    pub accounts: Vec<AccountBalance>,
}

/// The balance of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// Its balance in its normal direction.
    pub balance: Amount,
}

/// Players with what they have, in order of their ids; the cursor is the last one's id.
pub type PlayerPage = Page<(PlayerId, PlayerBalances), PlayerId>;

/// Reads the balances view, wherever it is kept.
#[async_trait]
pub trait ReadBalances: Standing {
    /// What a player has, with the head of his shard it is true at; `None` if he was not opened by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerBalances>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) players, after a cursor, in the bytewise order of
    /// their ids.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn list(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<PlayerPage>, ViewError>;
}

/// The purses of a player, by currency, with the scale of each.
pub(crate) type Purses = BTreeMap<CurrencyCode, u8>;

/// What a batch changes of one player.
#[derive(Debug, Default)]
struct PlayerChanges {
    opened: Option<(AccountKind, Purses)>,
    /// Purses that joined later.
    purses: Purses,
    /// The new balances; zero takes the row away.
    accounts: BTreeMap<Account, Amount>,
}

type Changes = HashMap<PlayerId, PlayerChanges>;

/// What the fold reads of the rows before the batch.
trait Home {
    fn is_open(&self, player: &PlayerId) -> Result<bool, ViewError>;
    fn balance(&self, player: &PlayerId, account: &Account) -> Result<Option<Amount>, ViewError>;
}

fn fold(home: &impl Home, commits: &[&Commit]) -> Result<Changes, ViewError> {
    let mut changes = Changes::new();
    for commit in commits {
        for record in &commit.body.events {
            match &record.event {
                Event::PlayerOpened(event) => {
                    let player = player(commit)?;
                    let changed = changes.entry(player.clone()).or_default();
                    if changed.opened.is_some() || home.is_open(player)? {
                        return Err(commit.poison(format!("player {player} was opened twice")));
                    }
                    let purses = event.currencies.iter().map(|c| (c.code(), c.scale())).collect();
                    changed.opened = Some((event.kind, purses));
                }
                Event::PurseOpened(event) => {
                    let player = player(commit)?;
                    if !changes.contains_key(player) && !home.is_open(player)? {
                        return Err(commit.poison(format!("player {player} was never opened")));
                    }
                    let changed = changes.entry(player.clone()).or_default();
                    changed.purses.insert(event.currency.code(), event.currency.scale());
                }
                Event::EntryPosted(event) => post(home, &mut changes, commit, &event.entry)?,
                _ => {}
            }
        }
    }
    Ok(changes)
}

fn player(commit: &Commit) -> Result<&PlayerId, ViewError> {
    match &commit.body.partition {
        Partition::Player(player) => Ok(player),
        Partition::House(house) => Err(commit.poison(format!("the house {house} touches a player"))),
    }
}

fn post(home: &impl Home, changes: &mut Changes, commit: &Commit, entry: &Entry) -> Result<(), ViewError> {
    let mut own = entry.postings().iter().filter(|posting| posting.account.is_player()).peekable();
    if own.peek().is_none() {
        return Ok(());
    }
    let player = player(commit)?;
    let changed = match changes.get_mut(player) {
        Some(changed) => changed,
        None if home.is_open(player)? => changes.entry(player.clone()).or_default(),
        None => return Err(commit.poison(format!("player {player} was never opened"))),
    };
    for posting in own {
        let account = entry.account(posting);
        let known = match changed.accounts.get(&account) {
            Some(balance) => Some(*balance),
            None => home.balance(player, &account)?,
        };
        let before = known.unwrap_or(Amount::zero(posting.amount.scale()));
        let after = moved(before, posting.side, posting.account, posting.amount)
            .map_err(|error| commit.poison(format!("{account} of {player}: {error}")))?;
        changed.accounts.insert(account, after);
    }
    Ok(())
}

/// A balance after a posting, at the finer of the two scales.
pub(crate) fn moved(
    before: Amount,
    side: Side,
    code: AccountCode,
    amount: Amount,
) -> Result<Amount, ledger_core::AmountError> {
    let scale = before.scale().max(amount.scale());
    let (before, amount) = (before.rescale_up(scale)?, amount.rescale_up(scale)?);
    if side == code.class().normal_side() { before.checked_add(amount) } else { before.checked_sub(amount) }
}

/// Purses and accounts as one answer.
pub(crate) fn answer(
    kind: AccountKind,
    purses: &Purses,
    accounts: impl IntoIterator<Item = (Account, Amount)>,
) -> Result<PlayerBalances, ViewError> {
    let accounts: Vec<AccountBalance> =
        accounts.into_iter().map(|(account, balance)| AccountBalance { account, balance }).collect();
    let sum = |currency: CurrencyCode, scale: u8, code: AccountCode| {
        let of_purse = |row: &&AccountBalance| {
            row.account.kind == kind && row.account.currency == currency && row.account.code == code
        };
        accounts
            .iter()
            .filter(of_purse)
            .try_fold(Amount::zero(scale), |sum, row| sum.checked_add(row.balance))
            .map_err(|error| ViewError::Damaged(format!("the sum of {code} in {currency}: {error}")))
    };
    let shown = |amount: Amount| (!amount.is_zero()).then_some(amount);
    let purses: Result<Vec<PurseBalance>, ViewError> = purses
        .iter()
        .map(|(currency, scale)| {
            Ok(PurseBalance {
                currency: *currency,
                cash: sum(*currency, *scale, AccountCode::PlayerCash)?,
                held: sum(*currency, *scale, AccountCode::PlayerHeld)?,
                pending: shown(sum(*currency, *scale, AccountCode::WithdrawalPending)?),
                receivable: shown(sum(*currency, *scale, AccountCode::PlayerReceivable)?),
                dormant: shown(sum(*currency, *scale, AccountCode::PlayerDormant)?),
            })
        })
        .collect();
    Ok(PlayerBalances { kind, purses: purses?, accounts })
}
