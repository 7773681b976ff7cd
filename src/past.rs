//! Balances at any past moment, with where they stand in the log, and proofs of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::stored::{CommitBody, Event, PurseBalance};
use ledger_core::{Currency, CurrencyCode, Partition, PlayerId, PlayerState, Purse, Timestamp};
use ledger_store::{EventStore, Head, Position, READ_COMMITS_MAX, Shard, StoreError, genesis};
use serde::Deserialize;

use crate::aside::reading;
use crate::ledger::Ledger;
use crate::loader::decode;
use crate::proof::{InclusionProof, ProveError, ProvenCommit, Statement, prove_all};

/// A moment in a player's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// Right after the commit at this position of his shard.
    Position(Position),
    /// After everything that was recorded up to this instant.
    Instant(Timestamp),
}

/// Why there are no balances of a moment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// The log cannot be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The shard does not reach that far.
    #[error("shard {shard} ends at position {end}, {asked} is not there yet")]
    NotYet {
        /// The player's shard.
        shard: Shard,
        /// The position asked for.
        asked: Position,
        /// The last position there is.
        end: Position,
    },
}

/// A purse as it was at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastPurse {
    /// What was in it.
    pub balance: PurseBalance,
    /// The commit that says so: the last one up to the moment that moved money of this purse, or opened it.
    pub told_at: Head,
}

/// The balances of a player at a past moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastBalances {
    /// The player.
    pub player: PlayerId,
    /// His shard.
    pub shard: Shard,
    /// The moment, as a position of the shard and its hash; position 0 is before the first commit.
    pub as_of: Head,
    /// His last commit up to then, if he has one.
    pub last: Option<Head>,
    /// His purses, in the order of his state.
    pub purses: Vec<PastPurse>,
}

impl PastBalances {
    /// One purse.
    pub fn purse(&self, currency: CurrencyCode) -> Option<&PastPurse> {
        self.purses.iter().find(|purse| purse.balance.currency == currency)
    }
}

/// The purses that a commit tells, as they are right after it.
fn told_by(body: &CommitBody) -> BTreeMap<CurrencyCode, PurseBalance> {
    let mut told = BTreeMap::new();
    for record in &body.events {
        match &record.event {
            Event::EntryPosted(event) => {
                told.extend(event.after.iter().map(|purse| (purse.currency, purse.clone())));
            }
            Event::PlayerOpened(event) => {
                told.extend(event.currencies.iter().map(|currency| (currency.code(), empty(currency))));
            }
            Event::PurseOpened(event) => {
                told.insert(event.currency.code(), empty(&event.currency));
            }
            _ => {}
        }
    }
    told
}

fn empty(currency: &Currency) -> PurseBalance {
    Purse::new(*currency).balance()
}

impl ProvenCommit {
    /// The purses that the commit tells, as they are right after it: those whose money it moved, or that it opened.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] if this build cannot read the body.
    pub fn balances(&self) -> Result<Vec<PurseBalance>, StoreError> {
        let body = CommitBody::decode(self.body.as_bytes());
        let body = body.map_err(|error| StoreError::unreadable_at(self.shard, self.position, &error))?;
        Ok(told_by(&body).into_values().collect())
    }
}

/// The balances of a player at a past moment, from his commits alone: no snapshot and no view has a say in it.
///
/// Reads his commits up to the moment, on a thread of its own; holds one read of the store in memory. An instant is found
/// among the commits of his shard by halving.
///
/// # Errors
///
/// [`PastError`].
pub async fn balances_at(
    store: &Arc<dyn EventStore>,
    player: &PlayerId,
    moment: Moment,
) -> Result<PastBalances, PastError> {
    let player = player.clone();
    reading("past", store, move |store| async move { fold(&*store, player, moment).await }).await
}

impl Ledger {
    /// The balances of a player at a past moment, from his commits alone: no snapshot and no view has a say in it.
    /// [`prove_balances`] proves them to others.
    ///
    /// # Errors
    ///
    /// [`PastError`].
    pub async fn balances_at(&self, player: &PlayerId, moment: Moment) -> Result<PastBalances, PastError> {
        balances_at(&self.store(), player, moment).await
    }
}

async fn fold(store: &dyn EventStore, player: PlayerId, moment: Moment) -> Result<PastBalances, PastError> {
    let partition = Partition::Player(player.clone()).digest();
    let shard = store.identity().shards.shard_of(&partition);
    let heads = store.heads().await?;
    let head = heads.get(shard.index()).copied().unwrap_or_else(|| genesis(store.identity(), shard));
    let as_of = match moment {
        Moment::Position(asked) if asked > head.position => {
            return Err(PastError::NotYet { shard, asked, end: head.position });
        }
        Moment::Position(asked) => head_at(store, shard, asked).await?,
        Moment::Instant(instant) => last_until(store, shard, head, instant).await?,
    };
    let mut state = PlayerState::new(player.clone());
    let mut told: BTreeMap<CurrencyCode, (PurseBalance, Head)> = BTreeMap::new();
    let mut last: Option<Head> = None;
    'reading: loop {
        let after = last.map_or(Position::ZERO, |last| last.position);
        let commits = store.read_partition(&partition, after, READ_COMMITS_MAX).await?;
        if commits.is_empty() {
            break;
        }
        for commit in &commits {
            if commit.position > as_of.position {
                break 'reading;
            }
            let body = decode(commit)?;
            let damaged = |fault| StoreError::corrupted_at(commit.shard, commit.position, fault);
            state.evolve_commit(&body).map_err(damaged)?;
            let here = Head { position: commit.position, hash: commit.hash };
            told.extend(told_by(&body).into_iter().map(|(code, purse)| (code, (purse, here))));
            last = Some(here);
        }
    }
    let purse = |balance: PurseBalance| match told.get(&balance.currency) {
        Some((said, told_at)) if *said == balance => Ok(PastPurse { balance, told_at: *told_at }),
        _ => {
            let what = format!("no commit tells the balance of {} that they add up to", balance.currency);
            Err(StoreError::corrupted_at(shard, as_of.position, what))
        }
    };
    let purses = state.balances().into_iter().map(purse).collect::<Result<Vec<_>, _>>()?;
    Ok(PastBalances { player, shard, as_of, last, purses })
}

/// The head of a shard as it was at a position.
async fn head_at(store: &dyn EventStore, shard: Shard, position: Position) -> Result<Head, StoreError> {
    if position == Position::ZERO {
        return Ok(genesis(store.identity(), shard));
    }
    read_at(store, shard, position).await.map(|(head, _)| head)
}

async fn read_at(
    store: &dyn EventStore,
    shard: Shard,
    position: Position,
) -> Result<(Head, Timestamp), StoreError> {
    #[derive(Deserialize)]
    struct Recorded {
        recorded_at: Timestamp,
    }
    let commits = store.read(shard, position, 1).await?;
    let commit = commits.first().filter(|commit| commit.position == position);
    let commit = commit.ok_or_else(|| StoreError::corrupted_at(shard, position, "it is missing"))?;
    let recorded: Recorded = serde_json::from_slice(&commit.body)
        .map_err(|error| StoreError::corrupted_at(shard, position, error))?;
    Ok((Head { position, hash: commit.hash }, recorded.recorded_at))
}

/// The last commit that was recorded up to an instant: time never goes back within a shard.
async fn last_until(
    store: &dyn EventStore,
    shard: Shard,
    head: Head,
    instant: Timestamp,
) -> Result<Head, StoreError> {
    // Everything up to `found` is early enough, everything from `late` on is not.
    let (mut found, mut late) = (genesis(store.identity(), shard), head.position.next());
    while found.position.next() < late {
        let middle = Position(found.position.0 + (late.0 - found.position.0) / 2);
        let (head, recorded_at) = read_at(store, shard, middle).await?;
        if recorded_at <= instant {
            found = head;
        } else {
            late = middle;
        }
    }
    Ok(found)
}

/// Proves past balances to someone who trusts the key of a statement: one proof for each commit that tells a purse, in the
/// order of positions. Reads the player's shard once.
///
/// A proof shows that the purse was so right after the commit. That no later commit changed it before the moment is shown by
/// the chain alone: by [`verify_player`](crate::verify_player), or an export.
///
/// # Errors
///
/// [`ProveError`], [`ProveError::NotStated`] among them if the statement was taken before the moment.
pub async fn prove_balances(
    store: &Arc<dyn EventStore>,
    balances: &PastBalances,
    statement: &Statement,
) -> Result<Vec<InclusionProof>, ProveError> {
    let mut positions: Vec<_> = balances.purses.iter().map(|purse| purse.told_at.position).collect();
    positions.sort_unstable();
    positions.dedup();
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    prove_all(store, statement, balances.shard, &positions).await
}
