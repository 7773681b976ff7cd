//! What is kept decoded: pieces of shards, the last used first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ledger_store::{CommitHash, Position, Shard};

use crate::commit::Commit;
use crate::error::ViewError;

/// How many commits of a shard one chunk has.
pub(super) const CHUNK_COMMITS: usize = 256;

/// A commit, or why it cannot be read.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) previous: CommitHash,
    pub(super) hash: CommitHash,
    pub(super) bytes: usize,
    pub(super) commit: Result<Arc<Commit>, Arc<ViewError>>,
}

/// Neighbouring commits of a shard, decoded. It grows at its end while the shard does.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) first: Position,
    pub(super) items: Vec<Item>,
}

impl Chunk {
    /// The position after the last that is there.
    pub(super) fn end(&self) -> Position {
        Position(self.first.0.saturating_add(self.items.len().try_into().unwrap_or(u64::MAX)))
    }
}

/// Locked while it is read from the store, so that others who want the same wait for it. The lock is one that can be
/// waited for on any runtime.
pub(super) type Cell = Arc<tokio::sync::Mutex<Chunk>>;

/// The chunk a position is in: its number, and the last position of it.
pub(super) fn place(position: Position) -> (u64, Position) {
    let width: u64 = CHUNK_COMMITS.try_into().unwrap_or(u64::MAX);
    let number = position.0.saturating_sub(1) / width;
    (number, Position(number.saturating_add(1).saturating_mul(width)))
}

struct Kept {
    cell: Cell,
    bytes: usize,
    used: u64,
}

#[derive(Default)]
struct Contents {
    kept: HashMap<(Shard, u64), Kept>,
    bytes: usize,
    /// Counts uses.
    clock: u64,
}

/// The chunks that are kept.
pub(super) struct Chunks {
    bytes_max: usize,
    contents: Mutex<Contents>,
}

impl Chunks {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, contents: Mutex::default() }
    }

    /// The chunk with this number, empty if it is not there.
    pub(super) fn cell(&self, shard: Shard, number: u64) -> Cell {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.clock += 1;
        let used = contents.clock;
        let kept = contents.kept.entry((shard, number)).or_insert_with(|| {
            let chunk = Chunk { first: Position::ZERO, items: Vec::new() };
            Kept { cell: Arc::new(tokio::sync::Mutex::new(chunk)), bytes: 0, used }
        });
        kept.used = used;
        Arc::clone(&kept.cell)
    }

    /// Counts what a chunk grew by, and lets go of the chunks that were not used for longest.
    pub(super) fn grew(&self, shard: Shard, number: u64, by: usize) {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was let go of while it was read belongs to its readers alone.
        let Some(kept) = contents.kept.get_mut(&(shard, number)) else { return };
        kept.bytes = kept.bytes.saturating_add(by);
        contents.bytes = contents.bytes.saturating_add(by);
        while contents.bytes > self.bytes_max {
            let others = contents.kept.iter().filter(|(_, kept)| kept.bytes > 0);
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key) else { return };
            if let Some(kept) = contents.kept.remove(&oldest) {
                contents.bytes = contents.bytes.saturating_sub(kept.bytes);
            }
        }
    }
}
