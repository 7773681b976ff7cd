//! Where a feed's checkpoint is kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use casino_ledger::projections::{Checkpoint, ViewError};

/// Keeps checkpoints by name. What is saved is durable when `save` answers, as far as the home is.
///
/// A name belongs to one feed at a time, and a checkpoint never goes back: of two feeds under one name the slower one is
/// refused.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// The checkpoint under a name, if there is one.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if what is kept is not a checkpoint; [`ViewError::Home`] if it cannot be read.
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, ViewError>;

    /// Keeps a checkpoint under a name.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if it cannot be written, or if a later one or that of another ledger is kept.
    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError>;
}

/// The error of a feed that is not the only one under its name.
pub(crate) fn overtaken(name: &str) -> ViewError {
    ViewError::home(format!(
        "a checkpoint that {name} does not come from is kept: another feed runs under this name, or it is of another ledger"
    ))
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
