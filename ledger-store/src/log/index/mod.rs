//! The derived index: what finds a commit by key, stream or partition, and where its record stands.
//!
//! It is never the truth. The newest stretch of the log is indexed in memory, in [`Piece`]s; older stretches
//! are in [`Runs`], immutable sorted files with filters, which are written and merged away from the writer's
//! path. Each names the frames and the heads it covers, and they count only if they follow each other from
//! the beginning of the log without a gap: then "absent" is complete. The format is `docs/index-format.md`.

mod block;
mod build;
mod cache;
mod check;
mod filter;
mod keeper;
mod manifest;
mod memory;
mod merge;
mod posting;
mod run;
mod runs;
mod span;
mod worker;

use std::sync::Arc;

pub(super) use self::check::Checker;
pub use self::check::IndexCheck;
pub use self::keeper::IndexStatus;
pub(super) use self::keeper::Keeper;
pub(super) use self::memory::{Piece, half};
pub(super) use self::run::Sought;
pub(super) use self::runs::Runs;
pub(super) use self::span::{FramePlace, Mark, Span};
pub(super) use self::worker::{Worker, read_runs};

use super::view::Place;
use crate::error::StoreError;
use crate::types::{Position, Shard};

/// The least memory an index may be given, in bytes.
pub(super) const INDEX_BYTES_MIN: usize = 2 << 10;

/// How the memory of an index is shared out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// A piece of this size is written as a run.
    pub(super) piece: usize,
    /// All pieces together never take more: appends wait, and are refused in the end.
    pub(super) pieces_max: usize,
    /// Blocks that were read.
    pub(super) cache: usize,
    /// Filters.
    pub(super) filters: usize,
}

impl Budget {
    pub(super) fn of(bytes: usize) -> Self {
        let cache = bytes / 16;
        let pieces_max = bytes / 4;
        Self { piece: bytes / 8, pieces_max, cache, filters: bytes - pieces_max - cache }
    }
}

/// Runs, pieces that wait to become runs, and the piece that grows: together they cover the view.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) runs: Arc<Runs>,
    pub(super) pieces: Vec<Arc<Piece>>,
    pub(super) active: Piece,
}

impl Layers {
    /// The layers over these runs, with nothing in memory yet. `genesis` is what an empty log covers.
    pub(super) fn over(runs: Runs, genesis: &Span) -> Self {
        let active = Piece::new(runs.newest().unwrap_or(genesis).after());
        Self { runs: Arc::new(runs), pieces: Vec::new(), active }
    }

    /// About how much memory the pieces take.
    pub(super) fn memory_bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes()).sum::<usize>() + self.active.bytes()
    }

    /// Begins a new piece; the one that grew until now waits to become a run.
    pub(super) fn freeze(&mut self) {
        if !self.active.span().is_empty() {
            let next = Piece::new(self.active.span().after());
            self.pieces.push(Arc::new(std::mem::replace(&mut self.active, next)));
        }
    }

    /// Takes other runs, and lets go of the pieces that they cover; answers what is no longer needed.
    pub(super) fn adopt(&mut self, runs: Arc<Runs>) -> (Arc<Runs>, Vec<Arc<Piece>>) {
        let covered = runs.newest().map_or(0, |span| span.end.sequence);
        let is_covered = |piece: &mut Arc<Piece>| piece.span().end.sequence <= covered;
        let pieces = self.pieces.extract_if(.., is_covered).collect();
        (std::mem::replace(&mut self.runs, runs), pieces)
    }

    /// Whether everything from the beginning of the log to the last frame is covered without a gap.
    pub(super) fn is_without_gap(&self, genesis: &Span) -> bool {
        let newest = self.runs.newest().unwrap_or(genesis);
        let mut before = newest;
        let pieces = self.pieces.iter().map(|piece| piece.span()).chain([self.active.span()]);
        self.runs.is_without_gap(genesis)
            && pieces.into_iter().all(|span| std::mem::replace(&mut before, span).leads_to(span))
    }

    /// Adds what the pieces know of a digest to what the runs know of it.
    pub(super) fn find_in_memory(
        &self,
        table: Sought,
        shard: Shard,
        digest: &[u8; 16],
        after: Position,
        limit: usize,
        found: &mut Vec<Position>,
    ) {
        for piece in self.pieces.iter().map(|piece| &**piece).chain([&self.active]) {
            // A reader's pieces may overlap with the runs of the writer.
            let after = found.last().copied().unwrap_or(after).max(after);
            piece.find(table, shard, digest, after, limit, found);
        }
    }

    /// Where a commit stands, if it is in memory.
    pub(super) fn place_in_memory(&self, shard: Shard, position: Position) -> Option<Place> {
        let newest_first = self.pieces.iter().rev().map(|piece| &**piece);
        [&self.active].into_iter().chain(newest_first).find_map(|piece| piece.place(shard, position))
    }
}

/// What to look for in one go: a table, a shard and a digest.
pub(super) type Question = (Sought, Shard, [u8; 16]);

/// An index of whose answers one would be wrong.
pub(super) fn gap() -> StoreError {
    StoreError::Corrupted("the index does not cover the log without a gap: open the log again".to_owned())
}
