//! Follows a log that another process may be writing, and shows only what is provably durable: a frame
//! counts once a valid frame stands behind it.

use std::io;
use std::sync::Arc;

use super::OpenReport;
use super::files::{Access, Files, LogFile};
use super::folder::{Folder, first_previous};
use super::frame::{self, HEADER_BYTES, Header, Kind};
use super::recover::{TornTail, check_segment, damaged, load, stopped};
use super::scan::{Cursor, End, Frame, scan};
use super::segment::{self, SEGMENT_HEADER_BYTES};
use super::view::View;
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
    at: At,
}

/// A place for a frame.
#[derive(Debug, Clone)]
struct At {
    cursor: Cursor,
    /// The segment's number, counted from 0.
    segment: u32,
    first: u64,
    file: Arc<dyn LogFile>,
}

/// A valid frame.
struct Seen {
    header: Header,
    frame: Vec<u8>,
}

impl Follower {
    pub(super) fn new(
        files: Arc<dyn Files>,
        folder: Folder,
        identity: LedgerIdentity,
        view: &mut View,
    ) -> Result<Self, StoreError> {
        let cursor = Cursor { sequence: 1, previous: first_previous(&identity), offset: 0 };
        let Some(at) = enter(&*files, &folder, &identity, &cursor, 0)? else {
            return Err(damaged(1, 0, "the first segment is missing"));
        };
        view.segments.push(1);
        Ok(Self { files, folder, identity, at })
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
            if next.segment != self.at.segment {
                view.segments.push(next.first);
            }
            self.at = next;
            current = behind;
        }
        report.frames = self.at.cursor.sequence - 1;
        report.commits = view.commits();
        report.segments = view.segments.len();
        Ok(())
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
        view.admit_frame(self.at.segment, &frame)
    }

    /// Where the frame behind this one goes; `None` if its segment does not exist yet.
    fn after(&self, seen: &Seen) -> Result<Option<At>, StoreError> {
        let cursor = Cursor {
            sequence: self.at.cursor.sequence + 1,
            previous: seen.header.crc,
            offset: self.at.cursor.offset + seen.frame.len(),
        };
        if seen.header.kind == Kind::SegmentEnd {
            enter(&*self.files, &self.folder, &self.identity, &cursor, self.at.segment + 1)
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
        Err(error) => Err(StoreError::io(format!("reading segment {}", segment::name(at.first)), error)),
        Ok(()) => Ok(true),
    }
}

/// Opens the segment that begins with the frame the cursor expects, if it exists.
fn enter(
    files: &dyn Files,
    folder: &Folder,
    identity: &LedgerIdentity,
    cursor: &Cursor,
    segment: u32,
) -> Result<Option<At>, StoreError> {
    let first = cursor.sequence;
    let name = segment::name(first);
    let reading = |error| StoreError::io(format!("reading segment {name}"), error);
    let file = match files.open(&folder.log.join(&name), Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(reading)?,
    };
    let mut header = [0; SEGMENT_HEADER_BYTES];
    file.read_exact_at(&mut header, 0).map_err(reading)?;
    check_segment(&header, identity, first, file.bytes().map_err(reading)?)?;
    let cursor = Cursor { offset: SEGMENT_HEADER_BYTES, ..*cursor };
    Ok(Some(At { cursor, segment, first, file }))
}
