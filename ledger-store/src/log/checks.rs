//! Checks of a whole log and of its index, and making the index anew: what an operator asks for.

use std::path::Path;
use std::sync::Arc;

use super::frame::{Kind, NoHeader, decode_header, frame_bytes};
use super::index::{Checker, IndexCheck};
use super::recover::{damaged, load, stopped};
use super::scan::{Cursor, End, Frame, scan};
use super::segment::SEGMENT_HEADER_BYTES;
use super::view::{Admission, check_frame, nothing};
use super::{LogOptions, LogStore, OpenReport, Role};
use crate::error::StoreError;
use crate::types::Head;

/// What becomes of the index on disk when a log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OldIndex {
    Use,
    Discard,
}

/// How far a walk over a log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many segments were walked, and how many there are.
    pub segments: (usize, usize),
    /// How many commits were looked at.
    pub commits: u64,
}

/// What a check of the whole log found to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogCheck {
    /// How many frames were checked.
    pub frames: u64,
    /// How many commits.
    pub commits: u64,
    /// The heads, as recomputed.
    pub heads: Vec<Head>,
}

impl LogStore {
    /// Reads every frame and recomputes the hash of every commit that was durable when it began, as opening with
    /// [`Check::Everything`](super::Check::Everything) does, while the log goes on. `progress` is called after each segment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] naming the place, [`StoreError::Unavailable`].
    pub fn verify_log(&self, progress: &mut dyn FnMut(Progress)) -> Result<LogCheck, StoreError> {
        self.walk(progress, &mut |_| Ok(()))
    }

    /// Looks for every commit of the log in the index, by everything it should be found by, and sees to it that
    /// the index knows nothing else. Checks the whole log on the way, as [`Self::verify_log`] does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] naming the first commit that is not found; the index is then made anew when
    /// the log is opened again. [`StoreError::Unavailable`].
    pub fn verify_index(&self, progress: &mut dyn FnMut(Progress)) -> Result<IndexCheck, StoreError> {
        let mut checker = Checker::new(&self.shared)?;
        self.walk(progress, &mut |commit| self.found(checker.commit(commit)).map(drop))?;
        self.found(checker.finish())
    }

    /// Makes the index of a log anew: discards it, reads and checks everything, and closes the log again.
    /// `progress` is called after each segment.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn rebuild_index(
        dir: &Path,
        options: LogOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<OpenReport, StoreError> {
        let store = Self::open_with(dir, options, OldIndex::Discard, progress)?;
        let report = store.report();
        if let Role::Writer(_, keeper) = &store.role {
            keeper.stop(true);
        }
        Ok(report)
    }

    fn walk(
        &self,
        progress: &mut dyn FnMut(Progress),
        visit: &mut dyn FnMut(&Admission<'_>) -> Result<(), StoreError>,
    ) -> Result<LogCheck, StoreError> {
        let shared = Arc::clone(&self.shared);
        let identity = shared.identity;
        let (segments, last, expected) = {
            let view = shared.view()?;
            (view.segments.clone(), view.last_frame(), view.heads().to_vec())
        };
        let Some((last, place)) = last else {
            return Ok(LogCheck { frames: 0, commits: 0, heads: expected });
        };
        let segments = &segments[..segments.partition_point(|first| *first <= place.segment)];
        let genesis = nothing(&identity);
        let mut heads = genesis.heads;
        let mut cursor = Cursor { sequence: 1, previous: genesis.end.crc, offset: SEGMENT_HEADER_BYTES };
        let mut commits = 0;
        for (number, first) in segments.iter().copied().enumerate() {
            if first != cursor.sequence {
                let what =
                    format!("frame {} is missing: the segment begins with frame {first}", cursor.sequence);
                return Err(damaged(first, 0, &what));
            }
            let mut bytes = load(shared.reading.files(), shared.reading.folder(), &identity, first)?;
            if first == place.segment {
                // What is being written behind it just now is not part of this.
                let at = place.offset as usize;
                if let Ok(header) =
                    bytes.get(at..).map_or(Err(NoHeader::Not("")), |rest| decode_header(rest, at))
                {
                    bytes.truncate(at + frame_bytes(at, header.payload_bytes as usize));
                }
            }
            cursor.offset = SEGMENT_HEADER_BYTES;
            let see = &mut |frame: &Frame<'_>| {
                if frame.header.kind != Kind::Batch {
                    return Ok(());
                }
                check_frame(&identity, &mut heads, first, frame, &mut |commit| {
                    commits += 1;
                    visit(commit)
                })
            };
            let end = scan(&bytes, &mut cursor, see).map_err(|stop| stopped(stop, first))?;
            if end != End::Full && number + 1 < segments.len() {
                let what = "the segment stops without a segment end, and another follows";
                return Err(damaged(first, cursor.offset, what));
            }
            progress(Progress { segments: (number + 1, segments.len()), commits });
        }
        if cursor.sequence <= last.sequence || heads != expected {
            let what = "the log on disk is not the one that was opened";
            return Err(damaged(segments.last().copied().unwrap_or_default(), cursor.offset, what));
        }
        Ok(LogCheck { frames: last.sequence, commits, heads })
    }
}
