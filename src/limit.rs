//! No question to a store waits without limit: what does not answer in time counts as unavailable.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use ledger_store::{
    EventStore, Head, LedgerIdentity, Lookup, Position, Shard, ShardAppend, Snapshot, StoreError,
    StoredCommit,
};
use tokio::sync::watch;

/// A store as the engine asks it. Appends have limits of their own (`write.rs`), and so has closing.
#[derive(Debug)]
pub(crate) struct Limited {
    store: Arc<dyn EventStore>,
    limit: Duration,
}

impl Limited {
    pub(crate) fn new(store: Arc<dyn EventStore>, limit: Duration) -> Self {
        Self { store, limit }
    }

    /// Waits for a call on a runtime of the engine's, which has a clock.
    async fn within<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(self.limit, call).await.unwrap_or_else(|_| {
            let reason = format!("{what}: the store has not answered in {} ms", self.limit.as_millis());
            Err(StoreError::Unavailable { reason, source: None })
        })
    }
}

#[async_trait]
impl EventStore for Limited {
    fn identity(&self) -> &LedgerIdentity {
        self.store.identity()
    }

    fn is_exclusive(&self) -> bool {
        self.store.is_exclusive()
    }

    fn is_stopped(&self) -> bool {
        self.store.is_stopped()
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.within("heads", self.store.heads()).await
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.within("the newest time", self.store.last_recorded_at()).await
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        self.store.append(appends).await
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.within("a read", self.store.read(shard, from, limit)).await
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.within("a read", self.store.read_partition(partition, after, limit)).await
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.within("the index", self.store.lookup(lookups)).await
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.within("a snapshot", self.store.write_snapshot(snapshot)).await
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        self.within("a snapshot", self.store.snapshot(partition)).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.store.watch()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}
