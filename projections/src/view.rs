//! The contract every view fulfils, in numbered clauses. The kit has a test of the same number for each.

use async_trait::async_trait;
use ledger_store::{EventStore, Position, StoreError};

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;

/// A projection: a fold over the ledger's commits that keeps what it made of them, and how far it read, in one
/// place.
///
/// Implement it for a new home (another database, a `cqrs_es::Query`). For a new view in memory or in SQLite,
/// implement [`MemoryModel`](crate::MemoryModel) or [`SqliteModel`](crate::sqlite::SqliteModel) instead: their
/// homes keep these clauses for you.
///
/// - **V01** Deterministic: what a view holds depends on the commits alone; no clock, no randomness, no other view.
/// - **V02** Replay equals live: how commits are cut into batches makes no difference.
/// - **V03** The checkpoint is the view's: it is written in the same transaction as the rows, so a view that
///   is dropped and opened again after any batch goes on as if nothing had happened.
/// - **V04** All or nothing: when `apply` fails, rows and checkpoint are as they were before.
/// - **V05** Idempotent: commits at or below the checkpoint change nothing.
/// - **V06** No gap: a commit that does not follow the checkpoint of its shard is [`ViewError::Gap`]. Within a
///   shard, order of delivery is order of positions.
/// - **V07** One history: a commit at the checkpoint's position with another hash, or one that follows another
///   hash, is [`ViewError::HistoryLost`].
/// - **V08** Shards commute: how the commits of different shards are interleaved makes no difference.
/// - **V09** A commit that the view cannot take is [`ViewError::Poison`] with its place; nothing is skipped in
///   silence.
///
/// V05 to V07 come with [`Checkpoint::advance`]. Implementations may block the calling thread: a
/// [`Runner`](crate::Runner) gives every view a thread of its own.
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
    async fn apply(&mut self, commits: &[Commit]) -> Result<Checkpoint, ViewError>;
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
