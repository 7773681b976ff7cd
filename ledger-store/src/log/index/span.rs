//! What a piece of the index covers: a stretch of frames, and per shard the heads before and after it.

use ledger_core::Timestamp;

use super::super::frame::{u32_at, u64_at};
use crate::types::{CommitHash, Head, LedgerIdentity, Position};

/// A frame by its number and the CRC of its header, which holds that of the frame before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Mark {
    pub(in super::super) sequence: u64,
    pub(in super::super) crc: u32,
}

/// Where a frame stands, so that a walk can begin with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct FramePlace {
    /// The first frame of its segment.
    pub(in super::super) segment: u64,
    pub(in super::super) offset: u32,
    /// The header CRC of the frame before it.
    pub(in super::super) previous: u32,
}

/// A stretch of frames without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Span {
    /// The frame before the first.
    pub(in super::super) before: Mark,
    /// The last frame; equal to `before` if there is none.
    pub(in super::super) end: Mark,
    /// Where the last frame stands, if there is one.
    pub(in super::super) last: FramePlace,
    /// The heads before the first frame, in order of shards.
    pub(in super::super) heads_before: Vec<Head>,
    /// The heads after the last.
    pub(in super::super) heads: Vec<Head>,
    pub(in super::super) commits: u64,
    /// The newest time of any commit.
    pub(in super::super) recorded_at: Option<Timestamp>,
    /// The first frames of the segments that its frames stand in, ascending.
    pub(in super::super) segments: Vec<u64>,
}

impl Span {
    /// An empty stretch behind this frame, where the shards have these heads.
    pub(in super::super) fn empty(before: Mark, heads: Vec<Head>) -> Self {
        Self {
            before,
            end: before,
            last: FramePlace::default(),
            heads_before: heads.clone(),
            heads,
            commits: 0,
            recorded_at: None,
            segments: Vec::new(),
        }
    }

    /// An empty stretch that goes on where this one ends.
    pub(in super::super) fn after(&self) -> Self {
        Self::empty(self.end, self.heads.clone())
    }

    /// Whether no frame is covered.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.before == self.end
    }

    /// Whether the other begins exactly where this one ends, in frames and in every shard's chain.
    pub(in super::super) fn leads_to(&self, next: &Self) -> bool {
        self.end == next.before && self.heads == next.heads_before
    }

    /// Covers one frame more.
    pub(in super::super) fn extend(&mut self, frame: Mark, place: FramePlace) {
        (self.end, self.last) = (frame, place);
        if self.segments.last() != Some(&place.segment) {
            self.segments.push(place.segment);
        }
    }

    /// This stretch and the one that it leads to, as one.
    pub(super) fn join(mut self, next: Self) -> Self {
        self.segments.extend(next.segments);
        self.segments.dedup();
        Self {
            before: self.before,
            end: next.end,
            last: if next.last == FramePlace::default() { self.last } else { next.last },
            heads_before: self.heads_before,
            heads: next.heads,
            commits: self.commits.saturating_add(next.commits),
            recorded_at: self.recorded_at.max(next.recorded_at),
            segments: self.segments,
        }
    }

    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        for mark in [self.before, self.end] {
            buffer.extend_from_slice(&mark.sequence.to_le_bytes());
            buffer.extend_from_slice(&mark.crc.to_le_bytes());
        }
        buffer.extend_from_slice(&self.last.segment.to_le_bytes());
        buffer.extend_from_slice(&self.last.offset.to_le_bytes());
        buffer.extend_from_slice(&self.last.previous.to_le_bytes());
        buffer.extend_from_slice(&self.commits.to_le_bytes());
        let recorded_at = self.recorded_at.map_or(i64::MIN, Timestamp::as_micros);
        buffer.extend_from_slice(&recorded_at.to_le_bytes());
        for head in self.heads_before.iter().chain(&self.heads) {
            buffer.extend_from_slice(&head.position.0.to_le_bytes());
            buffer.extend_from_slice(&head.hash.0);
        }
        let count = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
        buffer.extend_from_slice(&count.to_le_bytes());
        self.segments.iter().for_each(|first| buffer.extend_from_slice(&first.to_le_bytes()));
    }

    /// Reads a span off the front; `None` if it is none of this ledger.
    pub(super) fn decode(bytes: &mut &[u8], identity: &LedgerIdentity) -> Option<Self> {
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at_checked(count)?;
            *bytes = rest;
            Some(taken)
        };
        let fixed = take(56)?;
        let mark = |at: usize| Mark { sequence: u64_at(fixed, at), crc: u32_at(fixed, at + 8) };
        let micros = i64::from_le_bytes(fixed[48..56].try_into().ok()?);
        let shards = usize::from(identity.shards.get());
        let mut heads = || {
            let bytes = take(shards * 40)?;
            bytes.chunks_exact(40).map(head).collect::<Option<Vec<_>>>()
        };
        let (heads_before, heads) = (heads()?, heads()?);
        let count = usize::try_from(u32_at(take(4)?, 0)).ok()?;
        let segments: Vec<_> =
            take(count.checked_mul(8)?)?.chunks_exact(8).map(|first| u64_at(first, 0)).collect();
        let span = Self {
            before: mark(0),
            end: mark(12),
            last: FramePlace {
                segment: u64_at(fixed, 24),
                offset: u32_at(fixed, 32),
                previous: u32_at(fixed, 36),
            },
            heads_before,
            heads,
            commits: u64_at(fixed, 40),
            recorded_at: if micros == i64::MIN { None } else { Some(Timestamp::from_micros(micros).ok()?) },
            segments,
        };
        span.is_sound().then_some(span)
    }

    /// Whether the parts agree with each other.
    fn is_sound(&self) -> bool {
        let grown = self.heads_before.iter().zip(&self.heads).try_fold(0_u64, |sum, (before, after)| {
            sum.checked_add(after.position.0.checked_sub(before.position.0)?)
        });
        let frames = self.end.sequence.checked_sub(self.before.sequence);
        grown == Some(self.commits)
            && frames.is_some_and(|frames| frames > 0)
            && self.segments.is_sorted_by(|a, b| a < b)
            && self.segments.last() == Some(&self.last.segment)
    }
}

fn head(bytes: &[u8]) -> Option<Head> {
    let hash = bytes.get(8..40)?.try_into().ok()?;
    Some(Head { position: Position(u64_at(bytes, 0)), hash: CommitHash(hash) })
}
