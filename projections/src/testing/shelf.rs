//! A store that only reads, for comparing checkpoints with histories.

use std::sync::Arc;

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use ledger_store::{
    CommitHash, EventStore, Head, LedgerIdentity, Lookup, Position, Shard, ShardAppend, Snapshot, StoreError,
    StoredCommit, genesis,
};
use tokio::sync::watch;

use crate::commit::Commit;

/// Places and hashes of a history, without the bodies.
#[derive(Debug)]
pub(super) struct Shelf {
    identity: LedgerIdentity,
    commits: Vec<StoredCommit>,
}

impl Shelf {
    pub(super) fn new(identity: LedgerIdentity, history: &[Arc<Commit>]) -> Self {
        let stored = |commit: &Arc<Commit>| {
            let Commit { shard, position, previous, hash, .. } = **commit;
            StoredCommit { shard, position, previous, hash, body: Arc::from([]) }
        };
        Self { identity, commits: history.iter().map(stored).collect() }
    }

    /// As many commits, of another history.
    pub(super) fn forged(identity: LedgerIdentity, history: &[Arc<Commit>]) -> Self {
        let mut shelf = Self::new(identity, history);
        for commit in &mut shelf.commits {
            let CommitHash(bytes) = &mut commit.hash;
            for byte in bytes {
                *byte ^= 0xff;
            }
        }
        shelf
    }

    fn nothing<T>() -> Result<T, StoreError> {
        Err(StoreError::Unavailable { reason: "only places and hashes are here".to_owned(), source: None })
    }
}

#[async_trait]
impl EventStore for Shelf {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }
    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let head = |shard: Shard| {
            let last = self.commits.iter().rev().find(|commit| commit.shard == shard);
            let head = |commit: &StoredCommit| Head { position: commit.position, hash: commit.hash };
            last.map_or_else(|| genesis(&self.identity, shard), head)
        };
        Ok(self.identity.shards.all().map(head).collect())
    }
    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
    async fn append(&self, _: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        Self::nothing()
    }
    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let found = self.commits.iter().filter(|commit| commit.shard == shard && commit.position >= from);
        Ok(found.take(limit).cloned().collect())
    }
    async fn read_partition(
        &self,
        _: &PartitionDigest,
        _: Position,
        _: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        Self::nothing()
    }
    async fn lookup(&self, _: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        Self::nothing()
    }
    async fn write_snapshot(&self, _: Snapshot) -> Result<(), StoreError> {
        Self::nothing()
    }
    async fn snapshot(&self, _: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        Ok(None)
    }
    fn watch(&self) -> watch::Receiver<u64> {
        watch::Sender::new(0).subscribe()
    }
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
