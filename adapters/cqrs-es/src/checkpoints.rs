//! Where a feed's checkpoint is kept, beside the homes that the projections have.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use casino_ledger::projections::{Checkpoint, CheckpointStore, ViewError};

/// The error of a feed that is not the only one under its name.
pub(crate) fn overtaken(name: &str) -> ViewError {
    ViewError::InUse { home: format!("the checkpoint of {name} is another ledger's, or {name}") }
}

/// Checkpoints in memory: every start begins anew. For queries that are as short-lived, and for tests.
#[derive(Debug, Default)]
pub struct MemoryCheckpoints(Mutex<BTreeMap<String, Checkpoint>>);

impl MemoryCheckpoints {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl CheckpointStore for MemoryCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, ViewError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(name).is_some_and(|kept| !follows(kept, checkpoint)) {
            return Err(overtaken(name));
        }
        all.insert(name.to_owned(), checkpoint.clone());
        Ok(())
    }
}

/// Whether a checkpoint may take the place of the one that is kept.
fn follows(kept: &Checkpoint, next: &Checkpoint) -> bool {
    let mut heads = kept.heads().iter().zip(next.heads());
    kept.identity() == next.identity()
        && heads.all(|(kept, next)| {
            kept.position < next.position || (kept.position == next.position && kept.hash == next.hash)
        })
}
