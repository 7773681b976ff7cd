//! What readers see: heads, index and places of the durable commits, and nothing else.

use std::sync::Arc;

use ledger_core::Timestamp;
use ledger_core::stored::CommitIndex;

use super::folder::first_previous;
use super::frame::{HEADER_BYTES, Record, Records};
use super::index::{FramePlace, Layers, Mark, Piece, Runs, Span, gap};
use super::scan::Frame;
use crate::chain::{commit_hash, genesis};
use crate::error::StoreError;
use crate::types::{CommitHash, Head, LedgerIdentity, Position, Shard};

/// Where a commit record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The first frame of its segment.
    pub(super) segment: u64,
    /// The record's offset in it.
    pub(super) offset: u32,
    /// The length of the body.
    pub(super) body_bytes: u32,
}

/// A commit on its way into the view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admission<'a> {
    pub(super) shard: Shard,
    pub(super) position: Position,
    pub(super) hash: CommitHash,
    pub(super) place: Place,
    pub(super) index: &'a CommitIndex,
}

/// What an empty log covers: nothing, with every shard at its genesis.
pub(super) fn nothing(identity: &LedgerIdentity) -> Span {
    let heads = identity.shards.all().map(|shard| genesis(identity, shard)).collect();
    Span::empty(Mark { sequence: 0, crc: first_previous(identity) }, heads)
}

/// The durable commits.
#[derive(Debug)]
pub(super) struct View {
    identity: LedgerIdentity,
    genesis: Span,
    layers: Layers,
    recorded_at: Option<Timestamp>,
    commits: u64,
    /// The first frames of all segments.
    pub(super) segments: Vec<u64>,
}

impl View {
    /// The view of the commits that these runs cover.
    pub(super) fn over(identity: LedgerIdentity, runs: Runs) -> Self {
        let genesis = nothing(&identity);
        Self {
            identity,
            recorded_at: runs.recorded_at(),
            commits: runs.commits(),
            layers: Layers::over(runs, &genesis),
            genesis,
            segments: Vec::new(),
        }
    }

    pub(super) fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    pub(super) fn heads(&self) -> &[Head] {
        &self.layers.active.span().heads
    }

    pub(super) fn layers(&self) -> &Layers {
        &self.layers
    }

    pub(super) fn layers_mut(&mut self) -> &mut Layers {
        &mut self.layers
    }

    pub(super) fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// How many commits there are, over all shards.
    pub(super) fn commits(&self) -> u64 {
        self.commits
    }

    /// The last frame that the view covers.
    pub(super) fn end(&self) -> Mark {
        self.layers.active.span().end
    }

    /// Where a walk over the frames that are not covered yet begins: at the last one that is.
    pub(super) fn last_frame(&self) -> Option<(Mark, FramePlace)> {
        let Layers { active, pieces, runs } = &self.layers;
        let pieces = pieces.iter().rev().map(|piece| piece.span());
        let newest_first = [active.span()].into_iter().chain(pieces).chain(runs.newest());
        newest_first.filter(|span| !span.is_empty()).map(|span| (span.end, span.last)).next()
    }

    /// Adds a commit that is durable and follows its shard's head.
    pub(super) fn admit(&mut self, commit: &Admission<'_>) {
        debug_assert_eq!(self.heads()[commit.shard.index()].position.next(), commit.position);
        let head = Head { position: commit.position, hash: commit.hash };
        self.layers.active.add(commit.shard, head, commit.place, commit.index);
        self.recorded_at = self.recorded_at.max(Some(commit.index.recorded_at));
        self.commits += 1;
    }

    /// The frame whose commits were admitted last, or one that has none, is covered from now on.
    pub(super) fn end_frame(&mut self, frame: Mark, place: FramePlace) {
        self.layers.active.end_frame(frame, place);
    }

    /// Checks every commit of a frame read from disk and adds it.
    pub(super) fn admit_frame(&mut self, segment: u64, frame: &Frame<'_>) -> Result<(), StoreError> {
        let identity = self.identity;
        let mut heads = self.heads().to_vec();
        check_frame(&identity, &mut heads, segment, frame, &mut |commit| {
            self.admit(commit);
            Ok(())
        })?;
        self.end_frame(frame.mark(), frame.place(segment));
        Ok(())
    }

    /// Takes other runs; what they replace is given back, to be dropped when nobody waits.
    pub(super) fn adopt(&mut self, runs: Arc<Runs>) -> Result<(Arc<Runs>, Vec<Arc<Piece>>), StoreError> {
        let replaced = self.layers.adopt(runs);
        if self.layers.is_without_gap(&self.genesis) { Ok(replaced) } else { Err(gap()) }
    }

    /// Takes the runs of the writer, as a reader beside it; whether they reach further than what was seen.
    pub(super) fn follow(&mut self, runs: Runs) -> bool {
        let Some(newest) = runs.newest() else { return false };
        let is_ahead = newest.end.sequence > self.end().sequence;
        if is_ahead {
            (self.recorded_at, self.commits) = (runs.recorded_at(), runs.commits());
            self.layers = Layers::over(runs, &self.genesis);
        } else {
            drop(self.layers.adopt(Arc::new(runs)));
        }
        is_ahead
    }
}

/// Checks every commit of a frame: that it follows its shard's head, and matches its hash. The heads move on.
pub(super) fn check_frame(
    identity: &LedgerIdentity,
    heads: &mut [Head],
    segment: u64,
    frame: &Frame<'_>,
    visit: &mut dyn FnMut(&Admission<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sequence = frame.header.sequence;
    let mut count = 0;
    for record in Records::new(frame.payload) {
        let (at, record, body) =
            record.map_err(|what| StoreError::Corrupted(format!("frame {sequence}: {what}")))?;
        let index = check(identity, heads, &record, body)?;
        let offset = u32::try_from(frame.offset + HEADER_BYTES + at)
            .map_err(|_| StoreError::Corrupted(format!("frame {sequence}: beyond 4 GiB")))?;
        let Record { shard, position, hash, body_bytes } = record;
        heads[shard.index()] = Head { position, hash };
        let place = Place { segment, offset, body_bytes };
        visit(&Admission { shard, position, hash, place, index: &index })?;
        count += 1;
    }
    if count == frame.header.commits {
        Ok(())
    } else {
        let says = frame.header.commits;
        Err(StoreError::Corrupted(format!("frame {sequence} says {says} commits and holds {count}")))
    }
}

fn check(
    identity: &LedgerIdentity,
    heads: &[Head],
    record: &Record,
    body: &[u8],
) -> Result<CommitIndex, StoreError> {
    let Record { shard, position, hash, .. } = *record;
    let bad = |what: String| StoreError::corrupted_at(shard, position, what);
    let Some(head) = heads.get(shard.index()) else {
        return Err(bad(format!("the ledger has {} shards", identity.shards.get())));
    };
    if position != head.position.next() {
        return Err(bad(format!("the commit stands behind position {}", head.position)));
    }
    if commit_hash(identity, shard, position, &head.hash, body) != hash {
        return Err(bad("the commit does not match its hash".to_owned()));
    }
    let index = CommitIndex::of_body(body).map_err(|error| bad(error.to_string()))?;
    if identity.shards.shard_of(&index.partition) != shard {
        return Err(bad("the commit's partition belongs to another shard".to_owned()));
    }
    Ok(index)
}
