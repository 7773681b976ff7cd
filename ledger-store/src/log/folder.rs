//! The ledger's folder: what it is called, what it holds, and how a new one is laid out.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::archive::{ARCHIVED, ArchiveManifest};
use super::files::{Access, Files, FolderLock, LogFile, SyncPoint, read_small, replace};
use super::frame::LOG_FORMAT;
use super::sealed::{self, Sealed};
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
    /// Where sealed segments may have been moved.
    pub(super) archive: Option<PathBuf>,
    /// What was moved there.
    archived: Arc<RwLock<Option<ArchiveManifest>>>,
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
    pub(super) fn new(root: &Path, archive: Option<&Path>) -> Self {
        Self {
            root: root.to_owned(),
            log: root.join(LOG),
            aside: root.join(ASIDE),
            snapshots: root.join(SNAPSHOTS),
            index: root.join(INDEX),
            archive: archive.map(Path::to_owned),
            archived: Arc::default(),
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

    /// Reads the list of segments that were moved to the archive.
    pub(super) fn read_archived(
        &self,
        files: &dyn Files,
        identity: &LedgerIdentity,
    ) -> Result<(), StoreError> {
        let manifest = ArchiveManifest::read(files, &self.root.join(ARCHIVED), identity)?;
        self.set_archived(manifest);
        Ok(())
    }

    pub(super) fn set_archived(&self, manifest: ArchiveManifest) {
        *self.archived.write().unwrap_or_else(PoisonError::into_inner) = Some(manifest);
    }

    /// What was moved to the archive, as far as the list was read.
    pub(super) fn archived(&self) -> Option<ArchiveManifest> {
        self.archived.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a segment was moved to the archive.
    pub(super) fn is_archived(&self, first: u64) -> bool {
        let archived = self.archived.read().unwrap_or_else(PoisonError::into_inner);
        archived.as_ref().is_some_and(|manifest| manifest.find(first).is_some())
    }

    /// Opens a segment to read it: as it was written, sealed, or in the archive.
    pub(super) fn open_segment(&self, files: &dyn Files, first: u64) -> io::Result<Arc<dyn LogFile>> {
        let plain = files.open(&self.log.join(segment::name(first)), Access::Read);
        if !plain.as_ref().is_err_and(not_found) {
            return plain;
        }
        // A segment is removed only when what it was made into has its name.
        let places = [Some(&self.log), self.archive.as_ref()];
        for folder in places.into_iter().flatten() {
            match Sealed::open(files, &folder.join(sealed::name(first))) {
                Err(error) if not_found(&error) => {}
                opened => return self.recognised(first, opened?),
            }
        }
        if self.is_archived(first) {
            let place = match &self.archive {
                Some(archive) => format!("is not in {}: bring it back", archive.display()),
                None => "no archive was named: set `LogOptions::archive`".to_owned(),
            };
            let what = format!("segment {} was moved to the archive, and {place}", sealed::name(first));
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        plain
    }

    /// A sealed segment, if it is the one that belongs there.
    fn recognised(&self, first: u64, sealed: Sealed) -> io::Result<Arc<dyn LogFile>> {
        let archived = self.archived.read().unwrap_or_else(PoisonError::into_inner);
        let listed = archived.as_ref().and_then(|manifest| manifest.find(first));
        let is_listed = listed.is_none_or(|listed| listed.content_sha256.0 == sealed.seal.content_sha256);
        if sealed.seal.first == first && is_listed {
            Ok(Arc::new(sealed))
        } else {
            let what = format!("{} is not the segment that was archived", sealed::name(first));
            Err(io::Error::new(io::ErrorKind::InvalidData, what))
        }
    }

    /// The first frames of all segments, ascending, wherever they are; removes what is unfinished if asked to.
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
        let archived = self.archived().map(|manifest| manifest.segments).unwrap_or_default();
        let mut segments: Vec<u64> = archived.iter().map(|segment| segment.first_frame).collect();
        let (mut plain, mut sealed) = (BTreeSet::new(), Vec::new());
        for name in names {
            if is_temporary(&name) {
                if remove_unfinished {
                    let removed = files.remove(&self.log.join(&name));
                    removed.map_err(|error| self.io("removing an unfinished segment", error))?;
                }
            } else if let Some(first) = segment::first_of(&name) {
                plain.insert(first);
            } else if let Some(first) = sealed::first_of(&name) {
                sealed.push(first);
            } else {
                let what = format!("{} holds {name:?}, which is no segment", self.log.display());
                return Err(StoreError::Corrupted(what));
            }
        }
        for first in sealed {
            let is_there_twice =
                plain.contains(&first) || archived.iter().any(|other| other.first_frame == first);
            if is_there_twice && remove_unfinished {
                // It was about to replace the one, or to be replaced by the other.
                let removed = files.remove(&self.log.join(sealed::name(first)));
                removed.map_err(|error| self.io("removing a segment that is there twice", error))?;
            }
            segments.push(first);
        }
        segments.extend(plain);
        segments.sort_unstable();
        segments.dedup();
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
        let file = files.open(&self.log.join(name), Access::Read);
        let content = file.and_then(|file| read_segment(&*file));
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
pub(super) fn read_segment(file: &dyn LogFile) -> io::Result<Vec<u8>> {
    let bytes = file.bytes()?;
    if bytes > SEGMENT_FILE_BYTES_MAX {
        let what = format!("it has {bytes} bytes: no segment is that long");
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
