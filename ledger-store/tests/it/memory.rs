//! The memory backend keeps the contract, with one shard and with many.

use std::sync::Arc;

use async_trait::async_trait;
use ledger_store::testing::{Hook, Stall, StoreBuilder};
use ledger_store::{
    EventStore, HistoryLoss, LedgerIdentity, LostAnswer, MemoryStore, Shard, ShardCount, StoreError,
    StoredCommit,
};

pub(crate) struct Memory(pub(crate) u16);

pub(crate) fn done(result: Result<(), StoreError>) -> Hook {
    result.expect("the contents are not poisoned");
    Hook::Done
}

#[async_trait]
impl StoreBuilder for Memory {
    type Guard = MemoryStore;

    fn shards(&self) -> ShardCount {
        ShardCount::new(self.0).expect("a power of two")
    }

    async fn create(
        &self,
        identity: LedgerIdentity,
    ) -> Result<(Arc<dyn EventStore>, MemoryStore), StoreError> {
        let guard = MemoryStore::new(identity);
        Ok((Arc::new(guard.reopen()?), guard))
    }

    async fn reopen(&self, guard: &mut MemoryStore) -> Result<Arc<dyn EventStore>, StoreError> {
        Ok(Arc::new(guard.reopen()?))
    }

    async fn power_cut(&self, guard: &mut MemoryStore) -> Hook {
        done(guard.power_cut())
    }

    async fn stall_next_write(&self, guard: &mut MemoryStore) -> Option<Stall> {
        let (reached, release) = guard.stall_next_write().ok()?;
        Some(Stall::new(reached, release))
    }

    async fn fail_next_write(&self, guard: &mut MemoryStore) -> Hook {
        done(guard.fail_next_write())
    }

    async fn lose_next_answer(&self, guard: &mut MemoryStore, answer: LostAnswer) -> Hook {
        done(guard.lose_next_answer(answer))
    }

    async fn lose_history(&self, guard: &mut MemoryStore, shard: Shard, loss: HistoryLoss) -> Hook {
        done(guard.lose_history(shard, loss))
    }

    async fn damage(&self, guard: &mut MemoryStore, commit: &StoredCommit) -> Hook {
        done(guard.damage(commit.shard, commit.position))
    }
}

mod one_shard {
    ledger_store::conformance_tests!(super::Memory(1));
}

mod many_shards {
    ledger_store::conformance_tests!(super::Memory(64));
}
