//! The contract every view fulfils, in numbered clauses. The kit has a test of the same number for each.

use std::sync::Arc;

use async_trait::async_trait;
use ledger_store::{EventStore, Position, StoreError};

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::skip::Skip;

/// A projection: a fold over the ledger's commits that keeps what it made of them, and how far it read, in one
/// place.
///
/// Implement it for a new home (another database, a `cqrs_es::Query`). For a new view, implement
/// [`Model`](crate::Model) instead: it runs in every home, and the homes keep these clauses for you.
/// [`MemoryModel`](crate::MemoryModel) and [`SqlModel`](crate::sql::SqlModel) are for views that need more than
/// rows found by one key.
///
/// - **V01** Deterministic: what a view holds depends on the commits alone; no clock, no randomness, no other view.
/// - **V02** Replay equals live: how commits are cut into batches makes no difference.
/// - **V03** The checkpoint is the view's: it is written in the same transaction as the rows, so a view that
///   is dropped and opened again after any batch goes on as if nothing had happened; also one that is dropped in
///   the middle of a batch, which then stands before it or behind it.
/// - **V04** All or nothing: when `apply` fails, rows and checkpoint are as they were before.
/// - **V05** Idempotent: commits at or below the checkpoint change nothing.
/// - **V06** No gap: a commit that does not follow the checkpoint of its shard is [`ViewError::Gap`]. Within a
///   shard, order of delivery is order of positions.
/// - **V07** One history: a commit at the checkpoint's position with another hash, or one that follows another
///   hash, is [`ViewError::HistoryLost`].
/// - **V08** Shards commute: how the commits of different shards are interleaved makes no difference.
/// - **V09** A commit that the view cannot take is [`ViewError::Poison`] with its place; nothing is skipped in
///   silence.
/// - **V10** Rebuilt equals live: a view that is folded anew beside another one holds the same, and neither
///   touches what the other holds.
/// - **V11** One ledger: a home of another ledger, or of another number of shards, is refused as
///   [`ViewError::OtherLedger`], and so is a commit of a shard the ledger has not.
/// - **V12** The checkpoint says which history the view was made from: positions and hashes of the commits it
///   took. So a store that has other commits there, or none, is seen before anything is read from it
///   ([`verify_checkpoint`]).
/// - **V13** A skip is a record: it leaves the rows as they are, moves the checkpoint over exactly that commit, is
///   kept with it, and comes with every answer. One that is not the next of its shard is refused. A view that cannot
///   keep it refuses all with [`ViewError::NotSkippable`].
///
/// V05 to V07 come with [`Checkpoint::advance`], V13 with [`Checkpoint::skip`]. Implementations may block the
/// calling thread: a [`Runner`](crate::Runner) gives every view a thread of its own.
#[async_trait]
pub trait View: Send + 'static {
    /// The view's name, for logs, figures and the home.
    fn name(&self) -> &str;

    /// The version of the fold. It changes whenever the same commits would give other rows; a home that was
    /// written by another version is rebuilt, never continued.
    fn version(&self) -> u32;

    /// Where the view stands.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the home cannot be asked.
    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError>;

    /// Takes a batch of commits, of one shard or several, in one transaction. Answers where the view stands then.
    ///
    /// # Errors
    ///
    /// Any [`ViewError`]; see the clauses.
    async fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError>;

    /// Leaves a commit out, as an operator decided, in one transaction with the checkpoint.
    ///
    /// # Errors
    ///
    /// [`ViewError::NotSkippable`] if this view keeps no skips, as the default does; see V13.
    async fn skip(&mut self, skip: &Skip) -> Result<Checkpoint, ViewError> {
        let _ = skip;
        Err(ViewError::NotSkippable(format!("the view {} keeps no record of it", self.name())))
    }
}

/// Why a view could not follow a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The view.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compares where a view stands with a store: same ledger, and the same commit at every position.
///
/// # Errors
///
/// [`ViewError::OtherLedger`] or [`ViewError::HistoryLost`]; [`FollowError::Store`] if the store cannot be asked.
pub async fn verify_checkpoint(checkpoint: &Checkpoint, store: &dyn EventStore) -> Result<(), FollowError> {
    if checkpoint.identity() != store.identity() {
        return Err(ViewError::other_ledger(checkpoint.identity(), store.identity()).into());
    }
    let start = Checkpoint::start(checkpoint.identity());
    for (shard, seen) in checkpoint.identity().shards.all().zip(checkpoint.heads()) {
        let lost = |actual: String| ViewError::HistoryLost { shard, seen: *seen, actual };
        if seen.position == Position::ZERO {
            if start.head(shard) != Some(*seen) {
                return Err(lost("the ledger begins with another hash".to_owned()).into());
            }
            continue;
        }
        let found = store.read(shard, seen.position, 1).await?;
        match found.first() {
            Some(commit) if commit.position == seen.position && commit.hash == seen.hash => {}
            Some(commit) => {
                let (position, hash) = (commit.position, commit.hash);
                return Err(lost(format!("the store has position {position} with hash {hash}")).into());
            }
            None => return Err(lost("the store ends before it".to_owned()).into()),
        }
    }
    Ok(())
}
