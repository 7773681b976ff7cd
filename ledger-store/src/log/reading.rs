//! Reads commits from segments and checks them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{Files, LogFile};
use super::folder::Folder;
use super::frame::{RECORD_BYTES, Record, decode_record};
use super::recover::unreadable;
use super::view::Place;
use crate::chain::genesis;
use crate::contract::READ_BYTES_MAX;
use crate::error::StoreError;
use crate::types::{CommitHash, LedgerIdentity, Position, Shard, StoredCommit};
use crate::validate::verify_commit;

/// The most segments kept open for reading.
const OPEN_SEGMENTS_MAX: usize = 256;

/// Open segments, each opened when first read.
#[derive(Debug)]
pub(super) struct Reading {
    files: Arc<dyn Files>,
    folder: Folder,
    identity: LedgerIdentity,
    open: Mutex<HashMap<u64, Arc<dyn LogFile>>>,
}

/// What to read: a commit's place, and its predecessor's, which holds the previous hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) position: Position,
    pub(super) place: Place,
    pub(super) before: Option<Place>,
}

impl Reading {
    pub(super) fn new(files: Arc<dyn Files>, folder: Folder, identity: LedgerIdentity) -> Self {
        Self { files, folder, identity, open: Mutex::new(HashMap::new()) }
    }

    pub(super) fn files(&self) -> &dyn Files {
        &*self.files
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    fn segment(&self, first: u64) -> io::Result<Arc<dyn LogFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&first) {
            return Ok(Arc::clone(file));
        }
        if open.len() >= OPEN_SEGMENTS_MAX {
            open.clear();
        }
        let file = match self.folder.open_segment(&*self.files, first) {
            // The writer may have moved it to the archive since the list was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.folder.is_archived(first) => {
                let read = self.folder.read_archived(&*self.files, &self.identity);
                read.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
                self.folder.open_segment(&*self.files, first)?
            }
            opened => opened?,
        };
        open.insert(first, Arc::clone(&file));
        Ok(file)
    }

    /// The stored hash of a commit.
    pub(super) fn hash(
        &self,
        shard: Shard,
        position: Position,
        place: Place,
    ) -> Result<CommitHash, StoreError> {
        Ok(self.record(shard, position, place)?.hash)
    }

    fn record(&self, shard: Shard, position: Position, place: Place) -> Result<Record, StoreError> {
        let mut bytes = [0; RECORD_BYTES];
        self.bytes(place, &mut bytes)?;
        check_record(&decode_record(&bytes), shard, position, place)
    }

    fn bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), StoreError> {
        let Place { segment, offset, .. } = place;
        self.segment(segment)
            .and_then(|file| file.read_exact_at(buffer, u64::from(offset)))
            .map_err(|error| unreadable(segment, offset as usize, error))
    }

    /// Lets go of a segment whose file is no more.
    pub(super) fn forget(&self, first: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&first);
    }

    /// Reads commits in order, until their bodies reach the limit of one read.
    pub(super) fn commits(&self, shard: Shard, wanted: &[Wanted]) -> Result<Vec<StoredCommit>, StoreError> {
        let mut commits: Vec<StoredCommit> = Vec::with_capacity(wanted.len());
        let mut body_bytes = 0;
        let mut buffer = Vec::new();
        for wanted in wanted {
            let previous = match (commits.last(), wanted.before) {
                (Some(last), _) if last.position.next() == wanted.position => last.hash,
                (_, Some(place)) => self.record(shard, Position(wanted.position.0 - 1), place)?.hash,
                (_, None) => genesis(&self.identity, shard).hash,
            };
            let commit = self.commit(shard, wanted, previous, &mut buffer)?;
            body_bytes += commit.body.len();
            commits.push(commit);
            if body_bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(commits)
    }

    fn commit(
        &self,
        shard: Shard,
        wanted: &Wanted,
        previous: CommitHash,
        buffer: &mut Vec<u8>,
    ) -> Result<StoredCommit, StoreError> {
        let &Wanted { position, place, .. } = wanted;
        buffer.resize(RECORD_BYTES + place.body_bytes as usize, 0);
        self.bytes(place, buffer)?;
        let Some((head, body)) = buffer.split_first_chunk() else {
            return Err(StoreError::corrupted_at(shard, position, "an empty record"));
        };
        let record = check_record(&decode_record(head), shard, position, place)?;
        let commit = StoredCommit { shard, position, previous, hash: record.hash, body: Arc::from(body) };
        verify_commit(&self.identity, &commit)?;
        Ok(commit)
    }
}

fn check_record(
    record: &Record,
    shard: Shard,
    position: Position,
    place: Place,
) -> Result<Record, StoreError> {
    if record.shard == shard && record.position == position && record.body_bytes == place.body_bytes {
        Ok(*record)
    } else {
        Err(StoreError::corrupted_at(shard, position, "its record on disk has changed"))
    }
}
