//! The ledger's folder: what it is called, what it holds, and how a new one is laid out.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::files::{Access, Files, FolderLock, SyncPoint, read_small, replace};
use super::frame::LOG_FORMAT;
use super::segment::{self, SEGMENT_HEADER_BYTES};
use crate::chain::FORMAT;
use crate::error::StoreError;
use crate::types::{LedgerId, LedgerIdentity, ShardCount};

const IDENTITY: &str = "ledger.json";
const STATE: &str = "state.json";
const LOCK: &str = "writer.lock";
const LOG: &str = "log";
const ASIDE: &str = "aside";
const SNAPSHOTS: &str = "snapshots.bin";
const INDEX: &str = "index";

/// The paths of one ledger.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) root: PathBuf,
    pub(super) log: PathBuf,
    pub(super) aside: PathBuf,
    pub(super) snapshots: PathBuf,
    pub(super) index: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    log_format: u16,
    ledger: LedgerId,
    shards: ShardCount,
    format: u16,
}

/// What is read first, so that a newer ledger is named as such whatever else it holds.
#[derive(Debug, Deserialize)]
struct Formats {
    log_format: u16,
    format: u16,
}

/// How the log was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Left {
    /// It was opened for writing at this frame.
    Open,
    /// It was closed, and this frame is the seal.
    Closed,
}

/// A frame that was durable when the state file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    #[serde(rename = "state")]
    pub(super) left: Left,
    pub(super) sequence: u64,
    pub(super) crc: u32,
}

fn not_found(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            log: root.join(LOG),
            aside: root.join(ASIDE),
            snapshots: root.join(SNAPSHOTS),
            index: root.join(INDEX),
        }
    }

    fn what(&self) -> String {
        self.root.display().to_string()
    }

    fn not_a_ledger(&self, reason: impl Into<String>) -> StoreError {
        StoreError::NotALedger { what: self.what(), reason: reason.into() }
    }

    fn io(&self, doing: &str, error: io::Error) -> StoreError {
        StoreError::io(format!("{doing} in {}", self.what()), error)
    }

    /// Reads `ledger.json`; `None` if there is none.
    pub(super) fn identity(&self, files: &dyn Files) -> Result<Option<LedgerIdentity>, StoreError> {
        let content = match read_small(files, &self.root.join(IDENTITY)) {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(self.not_a_ledger(format!("ledger.json is too long: {error}")));
            }
            Err(error) => return Err(self.io("reading ledger.json", error)),
        };
        let bad = |error: serde_json::Error| self.not_a_ledger(format!("ledger.json is unreadable: {error}"));
        let formats: Formats = serde_json::from_slice(&content).map_err(bad)?;
        for (found, supported) in [(formats.log_format, LOG_FORMAT), (formats.format, FORMAT)] {
            if found > supported {
                return Err(StoreError::NewerFormat { what: self.what(), found, supported });
            }
        }
        let Identity { ledger, shards, format, .. } = serde_json::from_slice(&content).map_err(bad)?;
        Ok(Some(LedgerIdentity { ledger, shards, format }))
    }

    /// Reads `ledger.json`, which must be there.
    pub(super) fn expect_identity(&self, files: &dyn Files) -> Result<LedgerIdentity, StoreError> {
        self.identity(files)?.ok_or_else(|| self.not_a_ledger("it has no ledger.json"))
    }

    /// Takes the writer's lock.
    pub(super) fn lock(&self, files: &dyn Files) -> Result<FolderLock, StoreError> {
        let lock =
            files.lock(&self.root.join(LOCK)).map_err(|error| self.io("locking writer.lock", error))?;
        lock.ok_or_else(|| StoreError::InUse { what: self.what() })
    }

    /// Reads `state.json`.
    pub(super) fn state(&self, files: &dyn Files) -> Result<State, StoreError> {
        let content = read_small(files, &self.root.join(STATE))
            .map_err(|error| self.io("reading state.json", error))?
            .ok_or_else(|| StoreError::Corrupted(format!("{} has lost its state.json", self.what())))?;
        serde_json::from_slice(&content).map_err(|error| {
            StoreError::Corrupted(format!("state.json in {} is unreadable: {error}", self.what()))
        })
    }

    /// Replaces `state.json`, durably.
    pub(super) fn write_state(&self, files: &dyn Files, state: State) -> io::Result<()> {
        self.put_state(files, state)?;
        files.sync_dir(&self.root, SyncPoint::StateDir)
    }

    fn put_state(&self, files: &dyn Files, state: State) -> io::Result<()> {
        replace(files, &self.root, STATE, &serde_json::to_vec(&state)?, SyncPoint::StateFile)
    }

    /// The first frames of all segments, ascending; removes what was only being prepared if asked to.
    pub(super) fn segments(
        &self,
        files: &dyn Files,
        remove_unfinished: bool,
    ) -> Result<Vec<u64>, StoreError> {
        let listing = "listing the segments";
        let names = match files.list(&self.log) {
            Err(error) if not_found(&error) => {
                return Err(StoreError::Corrupted(format!("{} has lost its folder log", self.what())));
            }
            names => names.map_err(|error| self.io(listing, error))?,
        };
        let mut segments = Vec::with_capacity(names.len());
        for name in names {
            if is_temporary(&name) {
                if remove_unfinished {
                    let removed = files.remove(&self.log.join(&name));
                    removed.map_err(|error| self.io("removing an unfinished segment", error))?;
                }
            } else if let Some(first) = segment::first_of(&name) {
                segments.push(first);
            } else {
                let what = format!("{} holds {name:?}, which is no segment", self.log.display());
                return Err(StoreError::Corrupted(what));
            }
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Lays out a new ledger; `ledger.json` appears last of all, and is not yet durable.
    ///
    /// The caller goes on with opening it, which syncs the folder.
    pub(super) fn lay_out(
        &self,
        files: &dyn Files,
        identity: &LedgerIdentity,
        segment_bytes: u32,
    ) -> Result<(), StoreError> {
        if identity.format != FORMAT {
            let reason = format!("this build makes ledgers of format {FORMAT}, not {}", identity.format);
            return Err(StoreError::Invalid(reason));
        }
        self.make_root(files).map_err(|error| self.io("making the folder", error))?;
        self.refuse_foreign(files)?;
        let lock = self.lock(files)?;
        self.refuse_foreign(files)?;
        self.fill(files, identity, segment_bytes).map_err(|error| self.io("laying out a ledger", error))?;
        drop(lock);
        tracing::info!(ledger = %identity.ledger, folder = %self.root.display(), "made a ledger");
        Ok(())
    }

    fn make_root(&self, files: &dyn Files) -> io::Result<()> {
        make_dir(files, &self.root)?;
        let parent = match self.root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        files.sync_dir(parent, SyncPoint::LedgerFolder)
    }

    /// Refuses a folder that holds anything but the remains of a creation that was interrupted.
    fn refuse_foreign(&self, files: &dyn Files) -> Result<(), StoreError> {
        for name in files.list(&self.root).map_err(|error| self.io("listing the folder", error))? {
            match name.as_str() {
                LOCK | LOG | ASIDE | STATE | INDEX => {}
                IDENTITY => return Err(self.not_a_ledger("it holds a ledger already: open it")),
                _ if name.strip_suffix(".tmp").is_some_and(|name| name == IDENTITY || name == STATE) => {}
                _ => return Err(self.not_a_ledger(format!("it holds {name:?}: choose an empty folder"))),
            }
        }
        let frames = "it holds a log but no ledger.json: restore that from a backup";
        for name in self.names(files, &self.log)? {
            if !is_temporary(&name) && !self.is_blank(files, &name)? {
                return Err(self.not_a_ledger(frames));
            }
        }
        if !self.names(files, &self.aside)?.is_empty() || !self.names(files, &self.index)?.is_empty() {
            return Err(self.not_a_ledger(frames));
        }
        Ok(())
    }

    fn names(&self, files: &dyn Files, folder: &Path) -> Result<Vec<String>, StoreError> {
        match files.list(folder) {
            Err(error) if not_found(&error) => Ok(Vec::new()),
            names => names.map_err(|error| self.io("listing a folder", error)),
        }
    }

    /// Whether this is the first segment without a frame.
    fn is_blank(&self, files: &dyn Files, name: &str) -> Result<bool, StoreError> {
        if segment::first_of(name) != Some(1) {
            return Ok(false);
        }
        let content = read_segment(files, &self.log.join(name));
        let content = content.map_err(|error| self.io("reading a segment", error))?;
        Ok(content.iter().skip(SEGMENT_HEADER_BYTES).all(|byte| *byte == 0))
    }

    fn fill(&self, files: &dyn Files, identity: &LedgerIdentity, segment_bytes: u32) -> io::Result<()> {
        make_dir(files, &self.log)?;
        make_dir(files, &self.aside)?;
        for name in files.list(&self.log)? {
            files.remove(&self.log.join(name))?;
        }
        let first = self.log.join("next-0.tmp");
        segment::make(files, &first, identity.ledger, segment_bytes, &AtomicBool::new(false))?;
        files.rename(&first, &self.log.join(segment::name(1)))?;
        files.sync_dir(&self.log, SyncPoint::FirstSegmentDir)?;
        let crc = first_previous(identity);
        self.put_state(files, State { left: Left::Open, sequence: 0, crc })?;
        files.sync_dir(&self.root, SyncPoint::CreatedRoot)?;
        let LedgerIdentity { ledger, shards, format } = *identity;
        let content = serde_json::to_vec(&Identity { log_format: LOG_FORMAT, ledger, shards, format })?;
        replace(files, &self.root, IDENTITY, &content, SyncPoint::IdentityFile)
    }
}

/// What frame 1 carries as the CRC of the frame before it.
pub(super) fn first_previous(identity: &LedgerIdentity) -> u32 {
    crc32fast::hash(&identity.ledger.0)
}

/// The longest file that is taken for a segment: what a setting may ask for, or one frame of the greatest size.
const SEGMENT_FILE_BYTES_MAX: u64 = segment::SEGMENT_BYTES_MAX as u64;

/// Reads a whole segment.
pub(super) fn read_segment(files: &dyn Files, path: &Path) -> io::Result<Vec<u8>> {
    let file = files.open(path, Access::Read)?;
    let bytes = file.bytes()?;
    if bytes > SEGMENT_FILE_BYTES_MAX {
        let what = format!("{} has {bytes} bytes: no segment is that long", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let mut content = vec![0; usize::try_from(bytes).unwrap_or_default()];
    file.read_exact_at(&mut content, 0)?;
    Ok(content)
}

fn is_temporary(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "tmp")
}

fn make_dir(files: &dyn Files, path: &Path) -> io::Result<()> {
    match files.create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}
