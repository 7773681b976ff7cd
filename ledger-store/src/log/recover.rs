//! Opens a log: walks every segment, checks everything, and says what the tail needs. Changes nothing.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::checks::Progress;
use super::files::{Access, Files, SyncPoint};
use super::folder::{Folder, Left, State, first_previous, read_segment};
use super::frame::Kind;
use super::index::{FramePlace, Mark, Runs, Worker};
use super::scan::{Cursor, End, Frame, Stop, scan};
use super::segment::{self, BadHeader, SEGMENT_HEADER_BYTES};
use super::view::{View, check_frame};
use super::{OpenReport, Shared};
use crate::error::StoreError;
use crate::types::{Head, LedgerIdentity, Shard};

/// The bytes of a last frame that was not written whole, and where they were put.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornTail {
    /// The segment's name.
    pub segment: String,
    /// Where in the segment they began.
    pub offset: u64,
    /// How many there were.
    pub bytes: u64,
    /// Why they are no frame.
    pub why: &'static str,
    /// The copy; `None` if the log was opened read-only and nothing was cut.
    pub aside: Option<std::path::PathBuf>,
}

/// What the walk over a log found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) view: View,
    /// The heads that the index on disk covered when the walk began.
    pub(super) covered: Vec<Head>,
    /// Where the next frame goes.
    pub(super) cursor: Cursor,
    /// The length of the last segment.
    pub(super) segment_bytes: usize,
    /// The last segment ended with a segment end.
    pub(super) ended: bool,
    pub(super) sealed: bool,
    /// The bytes of the last segment's last frame, and where they stand.
    last_frame: Option<(usize, Vec<u8>)>,
    torn: Option<(Vec<u8>, &'static str)>,
}

/// Says what is wrong with a segment.
pub(super) fn damaged(first: u64, offset: usize, what: &str) -> StoreError {
    let name = segment::name(first);
    StoreError::Corrupted(format!("segment {name} offset {offset}: {what}; restore the log from a backup"))
}

/// Turns a failure to read a segment into the error the caller sees.
pub(super) fn unreadable(first: u64, offset: usize, error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::InvalidData => damaged(first, offset, &error.to_string()),
        _ => StoreError::io(
            format!("reading segment {} at offset {offset}: {error}", segment::name(first)),
            error,
        ),
    }
}

/// Turns the end of a walk into the error the caller sees.
pub(super) fn stopped(stop: Stop, first: u64) -> StoreError {
    match stop {
        Stop::Damaged { offset, what } => damaged(first, offset, &what),
        Stop::Newer(found) => newer(first, found),
        Stop::Refused(StoreError::Corrupted(what)) => {
            StoreError::Corrupted(format!("segment {}: {what}", segment::name(first)))
        }
        Stop::Refused(error) => error,
    }
}

fn newer(first: u64, found: u16) -> StoreError {
    StoreError::NewerFormat { what: segment::name(first), found, supported: super::frame::LOG_FORMAT }
}

/// Reads a segment and checks its header.
pub(super) fn load(
    files: &dyn Files,
    folder: &Folder,
    identity: &LedgerIdentity,
    first: u64,
) -> Result<Vec<u8>, StoreError> {
    let read = folder.open_segment(files, first).and_then(|file| read_segment(&*file));
    let bytes = read.map_err(|error| unreadable(first, 0, error))?;
    let Some(header) = bytes.first_chunk() else {
        return Err(damaged(first, 0, "the file is shorter than a segment header"));
    };
    check_segment(header, identity, first, bytes.len() as u64)?;
    Ok(bytes)
}

/// Checks the header and the length of a segment that is not read otherwise.
fn check_header(
    files: &dyn Files,
    folder: &Folder,
    identity: &LedgerIdentity,
    first: u64,
) -> Result<(), StoreError> {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    let read = folder.open_segment(files, first).and_then(|file| {
        file.read_exact_at(&mut header, 0)?;
        file.bytes()
    });
    match read {
        // What is in the archive may be elsewhere; whoever reads it is told.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder.is_archived(first) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(damaged(first, 0, "the file is shorter than a segment header"))
        }
        Err(error) => Err(unreadable(first, 0, error)),
        Ok(bytes) => check_segment(&header, identity, first, bytes),
    }
}

/// Checks the header of a segment whose file is `bytes` long.
pub(super) fn check_segment(
    header: &[u8; SEGMENT_HEADER_BYTES],
    identity: &LedgerIdentity,
    first: u64,
    bytes: u64,
) -> Result<(), StoreError> {
    match segment::check_header(header, identity.ledger, bytes) {
        Ok(()) => Ok(()),
        Err(BadHeader::Damaged(what)) => Err(damaged(first, 0, &what)),
        Err(BadHeader::Newer(found)) => Err(newer(first, found)),
    }
}

/// Which commits are checked when a log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Those that the index on disk does not cover, and the heads it does cover. The others are checked when
    /// they are read, and by [`super::LogStore::verify_log`].
    Tail,
    /// Every frame and every commit.
    Everything,
}

/// Where the part of the log begins that the index does not cover.
struct Covered {
    /// The last frame that is covered, and where it stands.
    last: Option<(Mark, FramePlace)>,
    /// What the walk has seen of it.
    seen: bool,
    /// The heads that are covered.
    heads: Vec<Head>,
}

impl Covered {
    fn sequence(&self) -> u64 {
        self.last.map_or(0, |(mark, _)| mark.sequence)
    }

    /// The log is behind, or other than, what the index has seen durable.
    fn lost(&self, actual: impl Into<String>) -> StoreError {
        let shards = (0_u16..).map(Shard).zip(&self.heads);
        let newest = shards.max_by_key(|(_, head)| head.position);
        let (shard, seen) = newest.map_or((Shard(0), self.heads[0]), |(shard, head)| (shard, *head));
        StoreError::HistoryLost { shard, seen, actual: actual.into() }
    }

    fn see(&mut self, frame: &Frame<'_>) -> Result<(), StoreError> {
        if let Some((mark, _)) = self.last
            && frame.header.sequence == mark.sequence
        {
            self.seen = frame.mark() == mark;
            if !self.seen {
                let sequence = mark.sequence;
                return Err(self.lost(format!("another frame {sequence} than the index has seen")));
            }
        }
        Ok(())
    }
}

/// Walks the log: all of it, or from where the index ends. What is walked is checked and, as far as the index
/// does not cover it, added to the view.
pub(super) fn recover(
    files: &dyn Files,
    folder: &Folder,
    identity: &LedgerIdentity,
    state: State,
    worker: &mut Worker,
    check: Check,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, StoreError> {
    let segments = folder.segments(files, true)?;
    let Some(newest) = segments.last().copied() else {
        let what = format!("{} holds no segment; restore the log from a backup", folder.log.display());
        return Err(StoreError::Corrupted(what));
    };
    for first in worker.runs().segments() {
        if !segments.contains(&first) {
            return Err(damaged(first, 0, "the segment is missing"));
        }
    }
    let mut view = View::over(*identity, worker.runs().clone());
    let mut covered = Covered { last: view.last_frame(), seen: false, heads: view.heads().to_vec() };
    let first_cursor =
        Cursor { sequence: 1, previous: first_previous(identity), offset: SEGMENT_HEADER_BYTES };
    let (start, mut cursor) = match (check, covered.last) {
        (Check::Tail, Some((mark, place))) => {
            let cursor =
                Cursor { sequence: mark.sequence, previous: place.previous, offset: place.offset as usize };
            (segments.partition_point(|first| *first < place.segment), cursor)
        }
        _ => (0, first_cursor),
    };
    let is_first = state.sequence == 0 && state.crc == first_cursor.previous;
    let mut witness =
        Witness { state, found: is_first || (0 < state.sequence && state.sequence < cursor.sequence) };
    for first in &segments[..start] {
        check_header(files, folder, identity, *first)?;
        view.segments.push(*first);
    }
    let mut filler = Filler { worker, error: None };
    let mut heads = super::view::nothing(identity).heads;
    let (mut last, mut end, mut bytes) = (None, End::Zeros, Vec::new());
    let mut goes_on = cursor.offset > SEGMENT_HEADER_BYTES;
    for first in segments[start..].iter().copied() {
        let expected = cursor.sequence;
        if first != expected && !goes_on {
            let what = format!("frame {expected} is missing: the segment begins with frame {first}");
            return Err(damaged(first, 0, &what));
        }
        bytes = load(files, folder, identity, first)?;
        if !std::mem::take(&mut goes_on) {
            cursor.offset = SEGMENT_HEADER_BYTES;
        }
        view.segments.push(first);
        let mut in_segment = None;
        let visit = &mut |frame: &Frame<'_>| {
            witness.see(frame);
            covered.see(frame)?;
            in_segment = Some((frame.offset, frame.bytes, frame.header.kind));
            if frame.header.kind != Kind::Batch {
                return Ok(());
            }
            if frame.header.sequence > covered.sequence() {
                filler.make_room(&mut view)?;
                return view.admit_frame(first, frame);
            }
            if check == Check::Everything {
                check_frame(identity, &mut heads, first, frame, &mut |_| Ok(()))?;
                if covered.seen && heads != covered.heads {
                    return Err(covered.lost("other heads than the index has seen".to_owned()));
                }
            }
            Ok(())
        };
        end = scan(&bytes, &mut cursor, visit).map_err(|stop| stopped(stop, first))?;
        last = in_segment;
        if first != newest && end != End::Full {
            let what = "the segment stops without a segment end, and another follows";
            return Err(damaged(first, cursor.offset, what));
        }
        progress(Progress { segments: (view.segments.len(), segments.len()), commits: view.commits() });
    }
    if covered.last.is_some() && !covered.seen {
        let sequence = covered.sequence();
        return Err(covered.lost(format!("no frame {sequence}, which the index has seen durable")));
    }
    let sealed = matches!(last, Some((_, _, Kind::Seal)));
    witness.judge(newest, &cursor, sealed && end == End::Zeros)?;
    let torn = match end {
        End::Torn { to, why } => Some((bytes[cursor.offset..to].to_vec(), why)),
        End::Zeros | End::Full => None,
    };
    let last_frame = last.map(|(at, length, _)| (at, bytes[at..at + length].to_vec()));
    let ended = end == End::Full;
    let covered = covered.heads;
    Ok(Recovered { view, covered, cursor, segment_bytes: bytes.len(), ended, sealed, last_frame, torn })
}

/// Writes what a walk has added to the index, so that its memory stays within its bound.
struct Filler<'a> {
    worker: &'a mut Worker,
    error: Option<StoreError>,
}

impl Filler<'_> {
    /// Called when a frame was found valid: those before it are durable, which the index may rest on.
    fn make_room(&mut self, view: &mut View) -> Result<(), StoreError> {
        let budget = self.worker.budget();
        if !view.layers_mut().freeze_if(budget.piece) {
            return Ok(());
        }
        match self.write(view) {
            Err(StoreError::Corrupted(what)) => {
                // The next opening begins without it.
                self.worker.doubt()?;
                return Err(StoreError::Corrupted(what));
            }
            Err(error) => {
                tracing::warn!(%error, "the index could not be written while the log was opened");
                self.error = Some(error);
            }
            Ok(()) => self.error = None,
        }
        match &self.error {
            Some(error) if view.layers().memory_bytes() >= budget.pieces_max => {
                let reason = format!("the index takes all its memory and cannot be written: {error}");
                Err(StoreError::Unavailable { reason, source: None })
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, view: &mut View) -> Result<(), StoreError> {
        while let Some(piece) = view.layers().pieces.first().map(Arc::clone) {
            self.worker.flush(&piece, &mut || Ok(()))?;
            self.worker.merge_all()?;
            view.adopt(Arc::new(self.worker.runs().clone()))?;
        }
        Ok(())
    }
}

/// Looks for the frame that the state file names.
struct Witness {
    state: State,
    found: bool,
}

impl Witness {
    fn see(&mut self, frame: &Frame<'_>) {
        if frame.header.sequence == self.state.sequence {
            self.found = frame.header.crc == self.state.crc;
        }
    }

    fn judge(&self, newest: u64, cursor: &Cursor, sealed: bool) -> Result<(), StoreError> {
        let State { left, sequence, .. } = self.state;
        if !self.found {
            let what = format!("the log has lost frame {sequence}, which state.json says it held");
            return Err(damaged(newest, cursor.offset, &what));
        }
        if left == Left::Closed && !(sealed && cursor.sequence == sequence + 1) {
            let what = format!("the log was closed with frame {sequence}, but does not end there");
            return Err(damaged(newest, cursor.offset, &what));
        }
        Ok(())
    }
}

/// Refuses a log that is behind, or differs from, what the caller or a snapshot has seen of it.
pub(super) fn check_witnesses<'a>(
    shared: &Shared,
    witnesses: impl Iterator<Item = &'a (Shard, Head)>,
) -> Result<(), StoreError> {
    for &(shard, seen) in witnesses {
        let lost = |actual: String| Err(StoreError::HistoryLost { shard, seen, actual });
        let heads = shared.view()?.heads().to_vec();
        let Some(head) = heads.get(shard.index()) else {
            return lost(format!("{} shards only", heads.len()));
        };
        if seen.position > head.position {
            return lost(format!("its last commit at position {}", head.position));
        }
        let actual = match shared.place(shard, seen.position)? {
            Some(place) => match shared.reading.hash(shard, seen.position, place) {
                // What is in the archive may be elsewhere, and is as the list of it says when it comes back.
                Err(StoreError::Unavailable { .. }) if shared.reading.folder().is_archived(place.segment) => {
                    continue;
                }
                hash => hash?,
            },
            None => crate::chain::genesis(&shared.identity, shard).hash,
        };
        if actual != seen.hash {
            return lost(format!("hash {actual} there"));
        }
    }
    Ok(())
}

impl Recovered {
    /// The view, which is shared from now on.
    pub(super) fn take_view(&mut self) -> View {
        let empty = View::over(*self.view.identity(), Runs::none(0));
        let segments = self.view.segments.clone();
        let view = std::mem::replace(&mut self.view, empty);
        self.view.segments = segments;
        view
    }

    /// The report of this opening.
    pub(super) fn report(&self) -> OpenReport {
        let torn = self.torn.as_ref().map(|(bytes, why)| TornTail {
            segment: segment::name(self.view.segments.last().copied().unwrap_or_default()),
            offset: self.cursor.offset as u64,
            bytes: bytes.len() as u64,
            why,
            aside: None,
        });
        OpenReport {
            frames: self.cursor.sequence - 1,
            commits: self.view.commits(),
            segments: self.view.segments.len(),
            closed: self.sealed,
            torn,
            indexed: self.covered.iter().map(|head| head.position.0).sum(),
            index_made_anew: None,
        }
    }

    /// Cuts the torn tail, its bytes set aside first, and writes the last frame afresh: what was read may
    /// have been in the page cache only. After this everything in the view is durable.
    pub(super) fn settle(
        &mut self,
        files: &dyn Files,
        folder: &Folder,
        report: &mut OpenReport,
    ) -> std::io::Result<()> {
        let first = self.view.segments.last().copied().unwrap_or_default();
        let file = files.open(&folder.log.join(segment::name(first)), Access::Write)?;
        if let Some((offset, bytes)) = self.last_frame.take() {
            file.write_all_at(&bytes, offset as u64)?;
        }
        if let Some((bytes, why)) = self.torn.take() {
            let aside = set_aside(files, folder, first, self.cursor.offset, &bytes)?;
            tracing::warn!(
                segment = first, offset = self.cursor.offset, bytes = bytes.len(), why, aside = %aside.display(),
                "the last frame was not written whole: cut and set aside; it was never answered"
            );
            if let Some(torn) = &mut report.torn {
                torn.aside = Some(aside);
            }
            file.write_all_at(&vec![0; bytes.len()], self.cursor.offset as u64)?;
        }
        file.sync(SyncPoint::Tail)?;
        files.sync_dir(&folder.log, SyncPoint::LogDir)
    }
}

fn set_aside(
    files: &dyn Files,
    folder: &Folder,
    segment: u64,
    offset: usize,
    bytes: &[u8],
) -> std::io::Result<std::path::PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = format!("torn-{segment:020}-{offset}-{now}");
    let mut number = 1;
    let (path, file) = loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.aside.join(format!("{name}{suffix}.bin"));
        match files.open(&path, Access::CreateNew) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 10_000 => number += 1,
            file => break (path, file?),
        }
    };
    file.write_all_at(bytes, 0)?;
    file.sync(SyncPoint::AsideFile)?;
    files.sync_dir(&folder.aside, SyncPoint::AsideDir)?;
    Ok(path)
}
