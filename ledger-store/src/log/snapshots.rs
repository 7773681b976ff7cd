//! The snapshots file: records appended without a sync, the highest position per partition counts.
//!
//! Nothing rests on it: what is missing or damaged is taken as not kept.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::PartitionDigest;

use super::files::{Access, Files, LogFile};
use super::frame::{u32_at, u64_at};
use crate::contract::{SNAPSHOT_BYTES_MAX, Snapshot};
use crate::types::{CommitHash, Head, Position};

const MAGIC: [u8; 8] = *b"\xF5CLSNP\xF6\n";
const HEADER_BYTES: usize = 100;
/// Below this a file is not worth compacting.
const COMPACT_BYTES_MIN: u64 = 1 << 20;

#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: u64,
    bytes: u32,
    crc: u32,
    fold: u32,
    /// The log held exactly this commit when the snapshot was written.
    witness: bool,
    head: Head,
}

impl Entry {
    fn span(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.bytes)
    }
}

/// The snapshots kept in one file.
#[derive(Debug)]
pub(super) struct Snapshots {
    files: Arc<dyn Files>,
    path: PathBuf,
    file: Option<Arc<dyn LogFile>>,
    entries: HashMap<[u8; 32], Entry>,
    end: u64,
    living: u64,
    /// Bytes of an unknown past may follow the end: start a new file before the next write.
    untidy: bool,
}

fn encode(entry: &Entry, partition: &[u8; 32]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[12..16].copy_from_slice(&entry.bytes.to_le_bytes());
    header[16..20].copy_from_slice(&entry.fold.to_le_bytes());
    header[20] = u8::from(entry.witness);
    header[24..32].copy_from_slice(&entry.head.position.0.to_le_bytes());
    header[32..64].copy_from_slice(&entry.head.hash.0);
    header[64..96].copy_from_slice(partition);
    header[96..100].copy_from_slice(&entry.crc.to_le_bytes());
    let crc = crc32fast::hash(&header[12..]);
    header[8..12].copy_from_slice(&crc.to_le_bytes());
    header
}

fn decode(header: &[u8; HEADER_BYTES], offset: u64) -> Option<([u8; 32], Entry)> {
    if header[..8] != MAGIC || crc32fast::hash(&header[12..]) != u32_at(header, 8) {
        return None;
    }
    let (mut hash, mut partition) = ([0; 32], [0; 32]);
    hash.copy_from_slice(&header[32..64]);
    partition.copy_from_slice(&header[64..96]);
    let entry = Entry {
        offset,
        bytes: u32_at(header, 12),
        crc: u32_at(header, 96),
        fold: u32_at(header, 16),
        witness: header[20] == 1,
        head: Head { position: Position(u64_at(header, 24)), hash: CommitHash(hash) },
    };
    (entry.bytes as usize <= SNAPSHOT_BYTES_MAX).then_some((partition, entry))
}

impl Snapshots {
    /// Reads the headers of what is kept.
    pub(super) fn open(files: Arc<dyn Files>, path: &Path, access: Access) -> io::Result<Self> {
        let file = match files.open(path, access) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let length = file.as_ref().map_or(Ok(0), |file| file.bytes())?;
        let mut this = Self {
            files,
            path: path.to_owned(),
            file: file.clone(),
            entries: HashMap::new(),
            end: 0,
            living: 0,
            untidy: false,
        };
        let mut header = [0; HEADER_BYTES];
        while let Some(file) = &file
            && length - this.end >= HEADER_BYTES as u64
        {
            file.read_exact_at(&mut header, this.end)?;
            match decode(&header, this.end) {
                Some((partition, entry)) if length - this.end >= entry.span() => this.keep(partition, entry),
                _ => break,
            }
        }
        this.untidy = this.end != length;
        Ok(this)
    }

    fn keep(&mut self, partition: [u8; 32], entry: Entry) {
        self.end += entry.span();
        let newer = |kept: &Entry| kept.head.position > entry.head.position;
        if self.entries.get(&partition).is_some_and(newer) {
            return;
        }
        self.living += entry.span();
        if let Some(old) = self.entries.insert(partition, entry) {
            self.living -= old.span();
        }
    }

    /// The heads that the log held when their snapshots were written.
    pub(super) fn witnesses(&self) -> impl Iterator<Item = (PartitionBytes, Head)> + '_ {
        self.entries.iter().filter(|(_, entry)| entry.witness).map(|(digest, entry)| (*digest, entry.head))
    }

    /// The newest snapshot of a partition; a damaged one counts as none.
    pub(super) fn read(&self, partition: &PartitionDigest) -> io::Result<Option<Snapshot>> {
        let (Some(entry), Some(file)) = (self.entries.get(partition.as_bytes()), &self.file) else {
            return Ok(None);
        };
        let Some(bytes) = state(&**file, entry)? else { return Ok(None) };
        let Entry { fold, head, .. } = *entry;
        let partition = *partition;
        Ok(Some(Snapshot { partition, position: head.position, hash: head.hash, fold, bytes }))
    }

    /// Keeps a snapshot.
    pub(super) fn write(&mut self, snapshot: &Snapshot, witness: bool) -> io::Result<()> {
        if self.untidy || (self.end > COMPACT_BYTES_MIN && self.living < self.end / 2) {
            self.compact()?;
        }
        if self.file.is_none() {
            self.file = Some(self.files.open(&self.path, Access::CreateNew)?);
        }
        let entry = Entry {
            offset: self.end,
            bytes: u32::try_from(snapshot.bytes.len()).map_err(io::Error::other)?,
            crc: crc32fast::hash(&snapshot.bytes),
            fold: snapshot.fold,
            witness,
            head: Head { position: snapshot.position, hash: snapshot.hash },
        };
        let partition = *snapshot.partition.as_bytes();
        let mut record = Vec::with_capacity(HEADER_BYTES + snapshot.bytes.len());
        record.extend_from_slice(&encode(&entry, &partition));
        record.extend_from_slice(&snapshot.bytes);
        self.append(&record)?;
        self.keep(partition, entry);
        Ok(())
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::Error::other("no snapshots file")) };
        let written = file.write_all_at(record, self.end);
        self.untidy |= written.is_err();
        written
    }

    /// Moves what lives to a new file, which replaces the old one.
    fn compact(&mut self) -> io::Result<()> {
        let temporary = self.path.with_extension("bin.tmp");
        match self.files.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.files.open(&temporary, Access::CreateNew)?;
        let mut moved = HashMap::with_capacity(self.entries.len());
        let mut end = 0;
        for (partition, entry) in &self.entries {
            let Some(old) = &self.file else { break };
            let Some(bytes) = state(&**old, entry)? else { continue };
            let entry = Entry { offset: end, ..*entry };
            file.write_all_at(&encode(&entry, partition), end)?;
            file.write_all_at(&bytes, end + HEADER_BYTES as u64)?;
            end += entry.span();
            moved.insert(*partition, entry);
        }
        self.files.rename(&temporary, &self.path)?;
        tracing::debug!(from = self.end, to = end, "compacted the snapshots");
        (self.file, self.entries, self.end, self.living) = (Some(file), moved, end, end);
        self.untidy = false;
        Ok(())
    }
}

/// A partition's digest as it is stored.
pub(super) type PartitionBytes = [u8; 32];

fn state(file: &dyn LogFile, entry: &Entry) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; entry.bytes as usize];
    match file.read_exact_at(&mut bytes, entry.offset + HEADER_BYTES as u64) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    Ok((crc32fast::hash(&bytes) == entry.crc).then_some(bytes))
}
