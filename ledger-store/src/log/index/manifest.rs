//! The manifest: which runs make up the index. Replaced as a whole, and durably, or not at all.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::files::{Files, SyncPoint, read_small, replace};
use super::run::{INDEX_FORMAT, Run};
use crate::error::StoreError;
use crate::types::{LedgerId, LedgerIdentity, ShardCount};

pub(super) const MANIFEST: &str = "manifest.json";

/// The most runs an index may have; merging keeps it far below.
pub(super) const RUNS_MAX: usize = 400;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) bytes: u64,
    /// The checksum of the footer, so that no other file of this number is taken for it.
    pub(super) footer: u32,
}

/// The runs in order, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    index_format: u16,
    ledger: LedgerId,
    shards: ShardCount,
    /// Runs made from now on have this number or a higher one.
    pub(super) next: u64,
    pub(super) runs: Vec<Entry>,
}

impl Manifest {
    pub(super) fn new<'a>(identity: &LedgerIdentity, next: u64, runs: impl Iterator<Item = &'a Run>) -> Self {
        let entry = |run: &Run| Entry { number: run.number, bytes: run.bytes, footer: run.footer_crc };
        Self {
            index_format: INDEX_FORMAT,
            ledger: identity.ledger,
            shards: identity.shards,
            next,
            runs: runs.map(entry).collect(),
        }
    }

    /// Reads the manifest; `None` if there is none. An unreadable one is `Corrupted`.
    pub(super) fn read(
        files: &dyn Files,
        folder: &Path,
        identity: &LedgerIdentity,
    ) -> Result<Option<Self>, StoreError> {
        let damaged = |what: &str| StoreError::Corrupted(format!("the index's manifest {what}"));
        let content = match read_small(files, &folder.join(MANIFEST)) {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(damaged("is too long"));
            }
            content => content.map_err(|error| StoreError::io("reading the index's manifest", error))?,
        };
        let Some(content) = content else { return Ok(None) };
        let parts = content.split_last_chunk::<9>();
        let (json, crc) = parts.ok_or_else(|| damaged("is too short"))?;
        if format!("{:08x}\n", crc32fast::hash(json)).as_bytes() != crc {
            return Err(damaged("does not match its checksum"));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|error| damaged(&error.to_string()))?;
        let own = (manifest.index_format, manifest.ledger, manifest.shards);
        if own != (INDEX_FORMAT, identity.ledger, identity.shards) {
            return Err(damaged("is of another ledger or another version"));
        }
        Ok(Some(manifest))
    }

    /// Replaces the manifest, durably.
    pub(super) fn write(&self, files: &dyn Files, folder: &Path) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("writing the index's manifest", error);
        let mut content = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        content.push(b'\n');
        let crc = crc32fast::hash(&content);
        content.extend_from_slice(format!("{crc:08x}\n").as_bytes());
        replace(files, folder, MANIFEST, &content, SyncPoint::IndexManifest).map_err(failed)?;
        files.sync_dir(folder, SyncPoint::IndexDir).map_err(failed)
    }
}
