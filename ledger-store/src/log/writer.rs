//! The one writer: places frames, writes them, syncs them, and stops for good when that fails.

use std::sync::Arc;

use super::LogOptions;
use super::files::{Access, FolderLock, LogFile, SyncPoint};
use super::folder::{Folder, Left, State};
use super::frame::{self, HEADER_BYTES, Kind, SEGMENT_END_BYTES, frame_bytes};
use super::index::{FramePlace, Mark};
use super::prepare::Preparer;
use super::recover::Recovered;
use super::scan::Cursor;
use super::segment;
use crate::error::StoreError;
use crate::types::{LedgerIdentity, ShardAppend};

/// Whether the log takes appends.
#[derive(Debug, Clone)]
enum Life {
    Open,
    Closed,
    /// A write failed; the text says which.
    Failed(String),
}

/// The end of the log.
#[derive(Debug)]
pub(super) struct Writer {
    options: LogOptions,
    folder: Folder,
    life: Life,
    file: Arc<dyn LogFile>,
    segment_bytes: usize,
    /// The first frame of the current segment.
    segment: u64,
    cursor: Cursor,
    /// The last frame is a segment end: the next needs a new segment.
    ended: bool,
    /// The last frame is a seal.
    sealed: bool,
    buffer: Vec<u8>,
    preparer: Preparer,
    lock: Option<FolderLock>,
}

/// A batch that is durable: where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Landed {
    pub(super) frame: Mark,
    pub(super) place: FramePlace,
    /// The batch began its segment.
    pub(super) begun: bool,
}

/// How far a failed write may have come.
enum Reach {
    /// Nothing of the batch can have landed.
    Nothing,
    /// The batch may have landed.
    Perhaps,
}

impl Writer {
    /// Goes on where a recovered log ends. Its tail must have been settled.
    pub(super) fn new(
        options: LogOptions,
        folder: Folder,
        identity: &LedgerIdentity,
        recovered: &Recovered,
        lock: FolderLock,
    ) -> Result<Self, StoreError> {
        let first = recovered.view.segments.last().copied().unwrap_or_default();
        let path = folder.log.join(segment::name(first));
        let file = options.files.open(&path, Access::Write);
        let file = file.map_err(|error| StoreError::io(format!("opening {}", path.display()), error))?;
        let preparer = Preparer::new(
            Arc::clone(&options.files),
            folder.log.clone(),
            identity.ledger,
            options.segment_bytes,
            options.prepare,
        );
        let mut writer = Self {
            life: Life::Open,
            file,
            segment_bytes: recovered.segment_bytes,
            segment: first,
            cursor: recovered.cursor,
            ended: recovered.ended,
            sealed: recovered.sealed,
            buffer: Vec::new(),
            preparer,
            lock: Some(lock),
            options,
            folder,
        };
        writer.write_state(Left::Open)?;
        Ok(writer)
    }

    /// Refuses unless the log takes appends.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        let reason = match &self.life {
            Life::Open => return Ok(()),
            Life::Closed => "the log is closed: open it again".to_owned(),
            Life::Failed(what) => format!("a write failed ({what}): open the log again"),
        };
        Err(StoreError::Unavailable { reason, source: None })
    }

    /// Writes commits as one frame, durably.
    pub(super) fn append(&mut self, parts: &[&ShardAppend]) -> Result<Landed, StoreError> {
        frame::begin(&mut self.buffer);
        let mut commits = 0;
        for part in parts {
            for commit in &part.commits {
                frame::push(&mut self.buffer, part.shard, commit);
                commits += 1;
            }
        }
        let begun = self.place()?.is_some();
        let Cursor { sequence, previous, offset } = self.cursor;
        self.write(Kind::Batch, commits, SyncPoint::Frame, &Reach::Perhaps)?;
        self.sealed = false;
        self.preparer.start();
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let place = FramePlace { segment: self.segment, offset, previous };
        Ok(Landed { frame: Mark { sequence, crc: self.cursor.previous }, place, begun })
    }

    /// Finds room for the frame in the buffer; answers the first frame of a segment that was begun for it.
    fn place(&mut self) -> Result<Option<u64>, StoreError> {
        let payload = self.buffer.len() - HEADER_BYTES;
        let end = self.cursor.offset + frame_bytes(self.cursor.offset, payload) + SEGMENT_END_BYTES;
        if !self.ended && end <= self.segment_bytes {
            return Ok(None);
        }
        let ready = self.preparer.take(segment::bytes_needed(payload));
        let ready = ready.map_err(|error| self.fail("making a segment", error, &Reach::Nothing))?;
        if !self.ended {
            let batch = std::mem::take(&mut self.buffer);
            frame::begin(&mut self.buffer);
            self.write(Kind::SegmentEnd, 0, SyncPoint::SegmentEnd, &Reach::Nothing)?;
            self.buffer = batch;
            self.ended = true;
        }
        let first = self.cursor.sequence;
        let name = segment::name(first);
        let files = &self.options.files;
        let named = files
            .rename(&ready.path, &self.folder.log.join(&name))
            .and_then(|()| files.sync_dir(&self.folder.log, SyncPoint::SegmentDir));
        named.map_err(|error| self.fail("giving a segment its name", error, &Reach::Nothing))?;
        tracing::debug!(segment = %name, bytes = ready.bytes, "began a segment");
        self.file = ready.file;
        self.segment_bytes = ready.bytes as usize;
        self.segment = first;
        self.cursor.offset = segment::SEGMENT_HEADER_BYTES;
        self.ended = false;
        Ok(Some(first))
    }

    /// Completes the frame in the buffer, writes it at the cursor and syncs it.
    fn write(
        &mut self,
        kind: Kind,
        commits: usize,
        point: SyncPoint,
        reach: &Reach,
    ) -> Result<(), StoreError> {
        let Cursor { sequence, previous, offset } = self.cursor;
        let crc = frame::finish(&mut self.buffer, kind, commits, sequence, previous, offset);
        let written = self.file.write_all_at(&self.buffer, offset as u64);
        written.map_err(|error| self.fail("writing a frame", error, reach))?;
        let synced = self.file.sync(point);
        synced.map_err(|error| self.fail("syncing a frame", error, reach))?;
        self.cursor = Cursor { sequence: sequence + 1, previous: crc, offset: offset + self.buffer.len() };
        Ok(())
    }

    /// Stops for good.
    fn fail(&mut self, doing: &str, error: std::io::Error, reach: &Reach) -> StoreError {
        let what = format!("{doing} in {}: {error}", self.folder.root.display());
        tracing::error!(%what, "a write failed: the log takes no more appends until it is reopened");
        self.life = Life::Failed(what.clone());
        match reach {
            Reach::Nothing => StoreError::io(format!("{what}; nothing landed"), error),
            Reach::Perhaps => StoreError::Unknown { reason: what },
        }
    }

    /// Seals the log and lets go of the lock. Harmless when closed.
    pub(super) fn close(&mut self) -> Result<Option<u64>, StoreError> {
        if matches!(self.life, Life::Closed) {
            return Ok(None);
        }
        self.check_open()?;
        let mut begun = None;
        if !self.sealed {
            frame::begin(&mut self.buffer);
            begun = self.place()?;
            self.write(Kind::Seal, 0, SyncPoint::Seal, &Reach::Nothing)?;
            self.sealed = true;
        }
        self.write_state(Left::Closed)?;
        self.life = Life::Closed;
        self.preparer.end();
        self.lock = None;
        tracing::info!(frames = self.cursor.sequence - 1, "closed the log");
        Ok(begun)
    }

    fn write_state(&mut self, left: Left) -> Result<(), StoreError> {
        let state = State { left, sequence: self.cursor.sequence - 1, crc: self.cursor.previous };
        let written = self.folder.write_state(&*self.options.files, state);
        written.map_err(|error| self.fail("writing state.json", error, &Reach::Nothing))
    }
}
