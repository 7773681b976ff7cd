//! What readers see: heads, index and places of the durable commits, and nothing else.

use ledger_core::Timestamp;
use ledger_core::stored::CommitIndex;

use super::frame::{Record, Records};
use super::index::Index;
use super::scan::Frame;
use crate::chain::{commit_hash, genesis};
use crate::error::StoreError;
use crate::types::{CommitHash, Head, LedgerIdentity, Position, Shard};

/// Where a commit record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which segment, counted from 0.
    pub(super) segment: u32,
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

/// The durable commits.
#[derive(Debug)]
pub(super) struct View {
    identity: LedgerIdentity,
    heads: Vec<Head>,
    places: Vec<Vec<Place>>,
    index: Index,
    recorded_at: Option<Timestamp>,
    commits: u64,
    /// The first frames of all segments.
    pub(super) segments: Vec<u64>,
}

impl View {
    pub(super) fn new(identity: LedgerIdentity) -> Self {
        Self {
            identity,
            heads: identity.shards.all().map(|shard| genesis(&identity, shard)).collect(),
            places: identity.shards.all().map(|_| Vec::new()).collect(),
            index: Index::new(),
            recorded_at: None,
            commits: 0,
            segments: Vec::new(),
        }
    }

    pub(super) fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    pub(super) fn heads(&self) -> &[Head] {
        &self.heads
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// How many commits there are, over all shards.
    pub(super) fn commits(&self) -> u64 {
        self.commits
    }

    /// Where a commit stands, if the shard reaches that far.
    pub(super) fn place(&self, shard: Shard, position: Position) -> Option<Place> {
        let at = usize::try_from(position.0.checked_sub(1)?).ok()?;
        self.places.get(shard.index())?.get(at).copied()
    }

    /// Adds a commit that is durable and follows its shard's head.
    pub(super) fn admit(&mut self, commit: &Admission<'_>) {
        let head = &mut self.heads[commit.shard.index()];
        debug_assert_eq!(head.position.next(), commit.position);
        *head = Head { position: commit.position, hash: commit.hash };
        self.places[commit.shard.index()].push(commit.place);
        self.index.add(commit.shard, commit.position, commit.index);
        self.recorded_at = self.recorded_at.max(Some(commit.index.recorded_at));
        self.commits += 1;
    }

    /// Checks every commit of a frame read from disk and adds it.
    pub(super) fn admit_frame(&mut self, segment: u32, frame: &Frame<'_>) -> Result<(), StoreError> {
        let sequence = frame.header.sequence;
        let mut count = 0;
        for record in Records::new(frame.payload) {
            let (at, record, body) =
                record.map_err(|what| StoreError::Corrupted(format!("frame {sequence}: {what}")))?;
            let index = self.check(&record, body)?;
            let offset = frame.offset + super::frame::HEADER_BYTES + at;
            let offset = u32::try_from(offset)
                .map_err(|_| StoreError::Corrupted(format!("frame {sequence}: beyond 4 GiB")))?;
            self.admit(&Admission {
                shard: record.shard,
                position: record.position,
                hash: record.hash,
                place: Place { segment, offset, body_bytes: record.body_bytes },
                index: &index,
            });
            count += 1;
        }
        if count == frame.header.commits {
            Ok(())
        } else {
            let says = frame.header.commits;
            Err(StoreError::Corrupted(format!("frame {sequence} says {says} commits and holds {count}")))
        }
    }

    fn check(&self, record: &Record, body: &[u8]) -> Result<CommitIndex, StoreError> {
        let Record { shard, position, hash, .. } = *record;
        let bad = |what: String| StoreError::corrupted_at(shard, position, what);
        let Some(head) = self.heads.get(shard.index()) else {
            return Err(bad(format!("the ledger has {} shards", self.identity.shards.get())));
        };
        if position != head.position.next() {
            return Err(bad(format!("the commit stands behind position {}", head.position)));
        }
        if commit_hash(&self.identity, shard, position, &head.hash, body) != hash {
            return Err(bad("the commit does not match its hash".to_owned()));
        }
        let index = CommitIndex::of_body(body).map_err(|error| bad(error.to_string()))?;
        if self.identity.shards.shard_of(&index.partition) != shard {
            return Err(bad("the commit's partition belongs to another shard".to_owned()));
        }
        Ok(index)
    }
}
