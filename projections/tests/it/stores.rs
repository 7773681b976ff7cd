//! Stores that misbehave in ways a runner must bear.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use ledger_store::{
    EventStore, Head, LedgerIdentity, Lookup, MemoryStore, Position, Shard, ShardAppend, Snapshot,
    StoreError, StoredCommit,
};
use tokio::sync::watch;

/// A store whose history can be exchanged, that can be unavailable for a while, and that never wakes anyone.
#[derive(Debug)]
pub(crate) struct Odd {
    identity: LedgerIdentity,
    inner: Mutex<Arc<MemoryStore>>,
    pub(crate) failures: AtomicU32,
    silent: watch::Sender<u64>,
}

impl Odd {
    pub(crate) fn new(inner: Arc<MemoryStore>) -> Self {
        Self {
            identity: *inner.identity(),
            inner: Mutex::new(inner),
            failures: AtomicU32::new(0),
            silent: watch::Sender::new(0),
        }
    }

    /// A backup is restored.
    pub(crate) fn exchange(&self, inner: Arc<MemoryStore>) {
        *self.inner.lock().unwrap() = inner;
    }

    fn inner(&self) -> Result<Arc<MemoryStore>, StoreError> {
        let down = |left: u32| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, down).is_ok() {
            return Err(StoreError::Unavailable { reason: "down for a while".to_owned(), source: None });
        }
        Ok(Arc::clone(&self.inner.lock().unwrap()))
    }
}

#[async_trait]
impl EventStore for Odd {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }
    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.inner()?.heads().await
    }
    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner()?.last_recorded_at().await
    }
    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        self.inner()?.append(appends).await
    }
    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.inner()?.read(shard, from, limit).await
    }
    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.inner()?.read_partition(partition, after, limit).await
    }
    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.inner()?.lookup(lookups).await
    }
    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.inner()?.write_snapshot(snapshot).await
    }
    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        self.inner()?.snapshot(partition).await
    }
    fn watch(&self) -> watch::Receiver<u64> {
        self.silent.subscribe()
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.inner()?.close().await
    }
}
