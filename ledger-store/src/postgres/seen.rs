//! The newest heads this store has seen. A database that shows older or other ones has lost history.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::StoreError;
use crate::types::{Head, Shard};

#[derive(Debug)]
pub(super) struct Seen(Mutex<Vec<Head>>);

impl Seen {
    pub(super) fn new(genesis: Vec<Head>) -> Self {
        Self(Mutex::new(genesis))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Head>> {
        // Nothing that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen so far. Taken before a question is sent: answers may overtake each other.
    pub(super) fn now(&self) -> Vec<Head> {
        self.lock().clone()
    }

    /// Takes note of a head that was answered; tells whether it is newer than what was seen.
    pub(super) fn note(&self, shard: Shard, head: Head) -> bool {
        match self.lock().get_mut(shard.index()) {
            Some(seen) if seen.position < head.position => {
                *seen = head;
                true
            }
            _ => false,
        }
    }
}

/// Compares a head with what was seen before it was asked for.
pub(super) fn check(before: &[Head], shard: Shard, actual: Head) -> Result<(), StoreError> {
    let Some(seen) = before.get(shard.index()).copied() else { return Ok(()) };
    let other = actual.position == seen.position && actual.hash != seen.hash;
    if actual.position >= seen.position && !other {
        return Ok(());
    }
    let actual = format!("position {} with hash {}", actual.position, actual.hash);
    Err(StoreError::HistoryLost { shard, seen, actual })
}
