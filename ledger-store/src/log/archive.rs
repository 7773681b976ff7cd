//! The archive: sealed segments that were moved to another folder, and the list of them.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files::{Access, Files, SyncPoint, read_small_file, replace};
use super::folder::Folder;
use super::sealed::{self, Sealed};
use crate::error::StoreError;
use crate::types::{LedgerId, LedgerIdentity};

/// The list in the ledger's own folder: what is no longer there.
pub(super) const ARCHIVED: &str = "archived.json";
/// The list in the archive, for those who have only that.
pub(super) const MANIFEST: &str = "manifest.json";
/// The longest list that is read: 200,000 segments.
const LIST_BYTES_MAX: u64 = 64 << 20;
/// How much of a file is copied at once.
const COPY_BYTES: usize = 1 << 20;
const ARCHIVE_FORMAT: u16 = 1;

/// A segment in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArchivedSegment {
    /// The sequence number of its first frame, which names its file.
    pub first_frame: u64,
    /// The sequence number of its last frame.
    pub last_frame: u64,
    /// The CRC of its last frame's header, which the next segment's first frame carries.
    pub last_crc: u32,
    /// The length of the segment before it was compressed, without the zeros at its end.
    pub content_bytes: u64,
    /// The SHA-256 of that content.
    pub content_sha256: Sha256Text,
    /// The length of the file.
    pub file_bytes: u64,
    /// The SHA-256 of the file.
    pub file_sha256: Sha256Text,
}

/// A SHA-256, as hexadecimal text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256Text(pub [u8; 32]);

impl std::fmt::Display for Sha256Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sha256Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sha256Text({self})")
    }
}

impl Serialize for Sha256Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash: crate::types::CommitHash = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(hash.0))
    }
}

/// What is in the archive of a ledger, in order of frames. Its bytes ([`Self::to_bytes`]) are what an operator
/// signs; this library does not sign them yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArchiveManifest {
    archive_format: u16,
    /// The ledger's id.
    pub ledger: LedgerId,
    /// The segments.
    pub segments: Vec<ArchivedSegment>,
}

impl ArchiveManifest {
    fn new(identity: &LedgerIdentity) -> Self {
        Self { archive_format: ARCHIVE_FORMAT, ledger: identity.ledger, segments: Vec::new() }
    }

    /// The manifest as it is written: JSON, a segment a line.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let ledger = serde_json::to_string(&self.ledger)?;
        let mut text = format!("{{\"archive_format\":{ARCHIVE_FORMAT},\"ledger\":{ledger},\"segments\":[");
        for (number, segment) in self.segments.iter().enumerate() {
            text.push_str(if number == 0 { "\n" } else { ",\n" });
            text.push_str(&serde_json::to_string(segment)?);
        }
        text.push_str("\n]}\n");
        Ok(text.into_bytes())
    }

    /// The segment that begins with this frame.
    pub(super) fn find(&self, first: u64) -> Option<&ArchivedSegment> {
        let at = self.segments.binary_search_by_key(&first, |segment| segment.first_frame).ok()?;
        self.segments.get(at)
    }

    /// Reads the list of what a ledger has in its archive.
    pub(super) fn read(
        files: &dyn Files,
        path: &Path,
        identity: &LedgerIdentity,
    ) -> Result<Self, StoreError> {
        let what = path.display();
        let content = match read_small_file(files, path, LIST_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(StoreError::Corrupted(format!("{what} is too long: {error}")));
            }
            content => content.map_err(|error| StoreError::io(format!("reading {what}"), error))?,
        };
        let Some(content) = content else { return Ok(Self::new(identity)) };
        let bad = |reason: String| {
            StoreError::Corrupted(format!("{what} is unreadable: {reason}; restore it from a backup"))
        };
        let manifest: Self = serde_json::from_slice(&content).map_err(|error| bad(error.to_string()))?;
        if manifest.archive_format > ARCHIVE_FORMAT {
            let (found, supported) = (manifest.archive_format, ARCHIVE_FORMAT);
            return Err(StoreError::NewerFormat { what: what.to_string(), found, supported });
        }
        let follow = |pair: &[ArchivedSegment]| pair[0].last_frame + 1 == pair[1].first_frame;
        let is_dense = manifest.segments.windows(2).all(follow);
        if manifest.ledger != identity.ledger
            || !is_dense
            || manifest.to_bytes().ok().as_ref() != Some(&content)
        {
            return Err(bad("it is another ledger's, or was changed".to_owned()));
        }
        Ok(manifest)
    }
}

/// Copies a sealed segment into the archive, durably, and compares the copy; what the list says of it comes back.
pub(super) fn copy(
    files: &dyn Files,
    folder: &Folder,
    archive: &Path,
    first: u64,
) -> io::Result<ArchivedSegment> {
    let name = sealed::name(first);
    let original = Sealed::open(files, &folder.log.join(&name))?;
    let source = files.open(&folder.log.join(&name), Access::Read)?;
    let temporary = archive.join(format!("{name}.tmp"));
    match files.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let target = files.open(&temporary, Access::CreateNew)?;
    let file_bytes = source.bytes()?;
    let mut hash = Sha256::new();
    let mut buffer = Vec::new();
    let mut at = 0;
    while at < file_bytes {
        let count = usize::try_from(file_bytes - at).unwrap_or(usize::MAX).min(COPY_BYTES);
        buffer.resize(count, 0);
        source.read_exact_at(&mut buffer, at)?;
        hash.update(&buffer);
        target.write_all_at(&buffer, at)?;
        at += count as u64;
    }
    target.sync(SyncPoint::ArchiveFile)?;
    files.rename(&temporary, &archive.join(&name))?;
    files.sync_dir(archive, SyncPoint::ArchiveDir)?;
    let copy = Sealed::open(files, &archive.join(&name))?;
    copy.verify(&mut || Ok(()))?;
    if copy.seal != original.seal {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the copy is another segment"));
    }
    let seal = copy.seal;
    Ok(ArchivedSegment {
        first_frame: seal.first,
        last_frame: seal.last,
        last_crc: seal.last_crc,
        content_bytes: seal.content_bytes,
        content_sha256: Sha256Text(seal.content_sha256),
        file_bytes,
        file_sha256: Sha256Text(hash.finalize().into()),
    })
}

/// Writes the list into the archive and then into the ledger's folder, both durably.
pub(super) fn write_lists(
    files: &dyn Files,
    folder: &Folder,
    archive: &Path,
    manifest: &ArchiveManifest,
) -> io::Result<()> {
    let content = manifest.to_bytes()?;
    replace(files, archive, MANIFEST, &content, SyncPoint::ArchiveList)?;
    files.sync_dir(archive, SyncPoint::ArchiveDir)?;
    replace(files, &folder.root, ARCHIVED, &content, SyncPoint::ArchiveList)?;
    files.sync_dir(&folder.root, SyncPoint::ArchivedRoot)
}
