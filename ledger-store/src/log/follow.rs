//! Follows a log that another process may be writing, and shows only what is provably durable: a frame
//! counts once a valid frame stands behind it.

use std::io;
use std::sync::Arc;

use super::OpenReport;
use super::files::{Files, LogFile};
use super::folder::{Folder, first_previous};
use super::frame::{self, HEADER_BYTES, Header, Kind};
use super::index::{Budget, FramePlace, Mark, Runs, read_runs};
use super::recover::{TornTail, check_segment, damaged, load, stopped, unreadable};
use super::scan::{Cursor, End, Frame, scan};
use super::segment::{self, SEGMENT_HEADER_BYTES};
use super::view::{View, nothing};
use crate::error::StoreError;
use crate::types::LedgerIdentity;

/// How often what looks damaged is read again: it may have been half written.
const READS_MAX: usize = 8;

/// Where a reader stands: before the last frame it saw, which the next one will prove.
#[derive(Debug)]
pub(super) struct Follower {
    files: Arc<dyn Files>,
    folder: Folder,
    identity: LedgerIdentity,
    budget: Budget,
    at: At,
}

/// A place for a frame.
#[derive(Debug, Clone)]
struct At {
    cursor: Cursor,
    /// The first frame of the segment.
    first: u64,
    file: Arc<dyn LogFile>,
}

/// A valid frame.
struct Seen {
    header: Header,
    frame: Vec<u8>,
}

/// The runs that the writer has made, with their filters. A manifest that cannot be used counts as none:
/// then what a reader knows is what it reads itself.
fn runs(
    files: &dyn Files,
    folder: &Folder,
    identity: &LedgerIdentity,
    budget: Budget,
) -> Result<Runs, StoreError> {
    let mut tries = 0;
    loop {
        let read = read_runs(files, &folder.index, identity, &nothing(identity), budget.cache);
        match read.and_then(|read| read.map(|(runs, _)| runs.reside(budget.filters)).transpose()) {
            Ok(Some(runs)) => return Ok(runs),
            Ok(None) => return Ok(Runs::none(budget.cache)),
            // The writer may have replaced the manifest and removed a run that it named.
            Err(StoreError::Corrupted(_)) if tries < READS_MAX => {
                tries += 1;
                std::thread::yield_now();
            }
            Err(StoreError::Corrupted(what)) => {
                tracing::warn!(what, "the index cannot be used: the log is read without it");
                return Ok(Runs::none(budget.cache));
            }
            Err(error) => return Err(error),
        }
    }
}

impl Follower {
    /// Begins where the index ends, or at the beginning of the log.
    pub(super) fn new(
        files: Arc<dyn Files>,
        folder: Folder,
        identity: LedgerIdentity,
        budget: Budget,
    ) -> Result<(Self, View), StoreError> {
        let runs = runs(&*files, &folder, &identity, budget)?;
        let mut view = View::over(identity, runs);
        let at = match view.last_frame() {
            Some((mark, place)) => {
                view.segments = folder.segments(&*files, false)?;
                view.segments.retain(|first| *first <= place.segment);
                behind(&*files, &folder, &identity, mark, place)?
            }
            None => {
                view.segments.push(1);
                let cursor = Cursor { sequence: 1, previous: first_previous(&identity), offset: 0 };
                let first = enter(&*files, &folder, &identity, &cursor)?;
                first.ok_or_else(|| damaged(1, 0, "the first segment is missing"))?
            }
        };
        Ok((Self { files, folder, identity, budget, at }, view))
    }

    /// Adds what has become durable to the view.
    pub(super) fn refresh(&mut self, view: &mut View, report: &mut OpenReport) -> Result<(), StoreError> {
        let mut current = read_frame(&self.at)?;
        while let Some(seen) = current {
            let Some(next) = self.after(&seen)? else { break };
            let behind = read_frame(&next)?;
            // What a segment end or a seal stands for needs no proof, as it holds no commit.
            if behind.is_none() && seen.header.kind == Kind::Batch {
                break;
            }
            if seen.header.kind == Kind::Batch {
                self.admit(view, &seen)?;
            }
            report.closed = seen.header.kind == Kind::Seal;
            if next.first != self.at.first {
                view.segments.push(next.first);
            }
            self.at = next;
            current = behind;
            if view.layers_mut().freeze_if(self.budget.piece) && self.take_runs(view)? {
                current = read_frame(&self.at)?;
            }
        }
        report.frames = self.at.cursor.sequence - 1;
        report.commits = view.commits();
        report.segments = view.segments.len();
        Ok(())
    }

    /// Takes the runs that the writer has made since, so that memory stays bounded; whether they reach beyond what
    /// was read.
    fn take_runs(&mut self, view: &mut View) -> Result<bool, StoreError> {
        let runs = runs(&*self.files, &self.folder, &self.identity, self.budget)?;
        let newest = runs.newest().map(|span| (span.end, span.last));
        let at = newest.map(|(mark, place)| behind(&*self.files, &self.folder, &self.identity, mark, place));
        let at = at.transpose()?;
        let jumps = view.follow(runs);
        if jumps && let Some(at) = at {
            view.segments = self.folder.segments(&*self.files, false)?;
            view.segments.retain(|first| *first <= at.first);
            self.at = at;
        }
        let bytes_max = self.budget.filters + self.budget.pieces_max;
        if view.layers().memory_bytes() > bytes_max {
            let reason = "the index of the log covers too little of it for the memory this reader may take: \
                          open the log for writing, or rebuild its index";
            return Err(StoreError::Unavailable { reason: reason.to_owned(), source: None });
        }
        Ok(jumps)
    }

    /// Looks at everything behind the last frame shown: that no damage hides commits.
    pub(super) fn check_tail(&self, report: &mut OpenReport) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            match self.tail() {
                Ok(torn) => {
                    report.torn = torn;
                    return Ok(());
                }
                Err(StoreError::Corrupted(_)) if tries < READS_MAX => {
                    tries += 1;
                    std::thread::yield_now();
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn tail(&self) -> Result<Option<TornTail>, StoreError> {
        let first = self.at.first;
        let later = self.folder.segments(&*self.files, false)?.into_iter().any(|other| other > first);
        let bytes = load(&*self.files, &self.folder, &self.identity, first)?;
        let mut cursor = self.at.cursor;
        let end = scan(&bytes, &mut cursor, &mut |_: &Frame<'_>| Ok(()));
        match end.map_err(|stop| stopped(stop, first))? {
            End::Full => Ok(None),
            _ if later => Err(damaged(first, cursor.offset, "the segment stops, and another follows")),
            End::Zeros => Ok(None),
            End::Torn { to, why } => Ok(Some(TornTail {
                segment: segment::name(first),
                offset: cursor.offset as u64,
                bytes: (to - cursor.offset) as u64,
                why,
                aside: None,
            })),
        }
    }

    fn admit(&self, view: &mut View, seen: &Seen) -> Result<(), StoreError> {
        let payload = &seen.frame[HEADER_BYTES..HEADER_BYTES + seen.header.payload_bytes as usize];
        let frame =
            Frame { header: seen.header, offset: self.at.cursor.offset, bytes: seen.frame.len(), payload };
        view.admit_frame(self.at.first, &frame)
    }

    /// Where the frame behind this one goes; `None` if its segment does not exist yet.
    fn after(&self, seen: &Seen) -> Result<Option<At>, StoreError> {
        let cursor = Cursor {
            sequence: self.at.cursor.sequence + 1,
            previous: seen.header.crc,
            offset: self.at.cursor.offset + seen.frame.len(),
        };
        if seen.header.kind == Kind::SegmentEnd {
            enter(&*self.files, &self.folder, &self.identity, &cursor)
        } else {
            Ok(Some(At { cursor, ..self.at.clone() }))
        }
    }
}

/// The valid frame at a place, if there is one.
fn read_frame(at: &At) -> Result<Option<Seen>, StoreError> {
    let offset = at.cursor.offset;
    let mut head = vec![0; HEADER_BYTES];
    if !read_at(at, &mut head, offset)? {
        return Ok(None);
    }
    let Ok(header) = frame::decode_header(&head, offset) else { return Ok(None) };
    if header.sequence != at.cursor.sequence || header.previous != at.cursor.previous {
        return Ok(None);
    }
    let mut frame = vec![0; frame::frame_bytes(offset, header.payload_bytes as usize)];
    if !read_at(at, &mut frame, offset)? || frame[..HEADER_BYTES] != head {
        return Ok(None);
    }
    let whole = frame::payload(&header, &frame, offset).is_ok();
    Ok(whole.then_some(Seen { header, frame }))
}

/// Fills the buffer; whether the file was long enough.
fn read_at(at: &At, buffer: &mut [u8], offset: usize) -> Result<bool, StoreError> {
    match at.file.read_exact_at(buffer, offset as u64) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(unreadable(at.first, offset, error)),
        Ok(()) => Ok(true),
    }
}

/// Opens the segment that begins with the frame the cursor expects, if it exists.
fn enter(
    files: &dyn Files,
    folder: &Folder,
    identity: &LedgerIdentity,
    cursor: &Cursor,
) -> Result<Option<At>, StoreError> {
    let first = cursor.sequence;
    let reading = |error| unreadable(first, 0, error);
    let file = match folder.open_segment(files, first) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_archived(first) => {
            return Ok(None);
        }
        file => file.map_err(reading)?,
    };
    let mut header = [0; SEGMENT_HEADER_BYTES];
    file.read_exact_at(&mut header, 0).map_err(reading)?;
    check_segment(&header, identity, first, file.bytes().map_err(reading)?)?;
    let cursor = Cursor { offset: SEGMENT_HEADER_BYTES, ..*cursor };
    Ok(Some(At { cursor, first, file }))
}

/// The place behind the last frame that the index covers, which must be there.
fn behind(
    files: &dyn Files,
    folder: &Folder,
    identity: &LedgerIdentity,
    mark: Mark,
    place: FramePlace,
) -> Result<At, StoreError> {
    let start = Cursor { sequence: place.segment, previous: 0, offset: 0 };
    let missing = |what: &str| damaged(place.segment, place.offset as usize, what);
    let at = enter(files, folder, identity, &start)?.ok_or_else(|| missing("the segment is missing"))?;
    let offset = place.offset as usize;
    let cursor = Cursor { sequence: mark.sequence, previous: place.previous, offset };
    let at = At { cursor, ..at };
    match read_frame(&at)? {
        Some(seen) if seen.header.crc == mark.crc => {
            let offset = offset + seen.frame.len();
            let cursor = Cursor { sequence: mark.sequence + 1, previous: mark.crc, offset };
            Ok(At { cursor, ..at })
        }
        _ => Err(missing(
            "the frame that the index covers last is not there; the log lost history, or is damaged",
        )),
    }
}
