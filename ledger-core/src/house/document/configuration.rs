//! The documents that are or will be in force, and their fold.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::item::cannot_follow;
use super::DocumentContent;
use crate::ids::{DocumentKind, DocumentName};
use crate::key::ContentHash;
use crate::player_ledger::Fault;
use crate::stored::{DocumentPublished, Event, EventRecord};
use crate::time::Timestamp;

/// The most documents of a ledger.
pub const DOCUMENTS_MAX: usize = 1_024;

/// The most versions of one document that are in force or still to come.
pub const VERSIONS_MAX: usize = 16;

/// The most bytes that all contents in force or still to come may have together.
pub const CONFIGURATION_BYTES_MAX: usize = 8 << 20;

/// A version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentVersion {
    /// Its number: 1, 2, 3 ...
    pub version: u64,
    /// The hash of its content.
    pub hash: ContentHash,
    /// From when on it is in force, unless a newer one is by then.
    pub effective_from: Timestamp,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDocument {
    kind: DocumentKind,
    name: DocumentName,
    /// The versions that are or may yet be in force, oldest first; the last is the newest.
    versions: Vec<DocumentVersion>,
}

impl PublishedDocument {
    /// Its kind.
    pub fn kind(&self) -> &DocumentKind {
        &self.kind
    }

    /// Its name.
    pub fn name(&self) -> &DocumentName {
        &self.name
    }

    /// The versions that are or may yet be in force, oldest first.
    pub fn versions(&self) -> &[DocumentVersion] {
        &self.versions
    }

    /// The version in force at an instant: the newest that takes effect by then. `None` before the first one does.
    pub fn in_force(&self, at: Timestamp) -> Option<&DocumentVersion> {
        self.versions.iter().rev().find(|version| version.effective_from <= at)
    }
}

/// Whether a version will never be in force from an instant on, because a newer one is by then.
fn is_over(version: &DocumentVersion, newer: &[DocumentVersion], at: Timestamp) -> bool {
    newer.iter().any(|newer| newer.effective_from <= version.effective_from.max(at))
}

/// The published documents that are or will be in force, with their contents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// In the order they were first published.
    documents: Vec<PublishedDocument>,
    /// By hash: a content that several versions name is here once.
    contents: BTreeMap<ContentHash, DocumentContent>,
}

impl Configuration {
    /// All documents, in the order they were first published.
    pub fn documents(&self) -> &[PublishedDocument] {
        &self.documents
    }

    /// A document.
    pub fn document(&self, kind: &DocumentKind, name: &DocumentName) -> Option<&PublishedDocument> {
        self.documents.iter().find(|document| document.kind == *kind && document.name == *name)
    }

    /// The content of a version that is or may yet be in force.
    pub fn content(&self, hash: &ContentHash) -> Option<&DocumentContent> {
        self.contents.get(hash)
    }

    /// What of a document is in force at an instant.
    pub fn in_force(
        &self,
        kind: &DocumentKind,
        name: &DocumentName,
        at: Timestamp,
    ) -> Option<(&DocumentVersion, &DocumentContent)> {
        let version = self.document(kind, name)?.in_force(at)?;
        Some((version, self.content(&version.hash)?))
    }

    /// How many bytes all contents have together.
    pub fn bytes(&self) -> usize {
        self.contents.values().fold(0, |sum, content| sum.saturating_add(content.as_str().len()))
    }

    pub(in crate::house) fn weight(&self) -> usize {
        self.bytes().saturating_add(self.documents.len().saturating_mul(300))
    }

    /// Folds the storing of a content. It is dropped again if no version of the same commit names it.
    pub(in crate::house) fn store(&mut self, record: &EventRecord) -> Result<(), Fault> {
        let Event::DocumentStored(event) = &record.event else { return Err(cannot_follow(record)) };
        if self.contents.insert(event.hash, event.content.clone()).is_some() {
            return Err(cannot_follow(record));
        }
        Ok(())
    }

    /// Folds a publication, recorded at an instant.
    pub(in crate::house) fn publish(
        &mut self,
        kind: &DocumentKind,
        name: &DocumentName,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let Event::DocumentPublished(DocumentPublished { hash, effective_from, .. }) = &record.event else {
            return Err(cannot_follow(record));
        };
        let known = self.documents.iter().position(|known| known.kind == *kind && known.name == *name);
        if known.is_none() {
            let (kind, name) = (kind.clone(), name.clone());
            self.documents.push(PublishedDocument { kind, name, versions: Vec::new() });
        }
        let last = self.documents.len().saturating_sub(1);
        let document = self.documents.get_mut(known.unwrap_or(last)).ok_or_else(|| cannot_follow(record))?;
        let before = document.versions.last().map_or(0, |newest| newest.version);
        if Some(record.version) != before.checked_add(1) || !self.contents.contains_key(hash) {
            return Err(cannot_follow(record));
        }
        let version =
            DocumentVersion { version: record.version, hash: *hash, effective_from: *effective_from };
        document.versions.push(version);
        self.prune(at);
        Ok(())
    }

    /// Drops the versions that will never be in force from an instant on, and the contents that nothing names.
    fn prune(&mut self, at: Timestamp) {
        for document in &mut self.documents {
            let all = std::mem::take(&mut document.versions);
            let newer = |index: usize| all.get(index.saturating_add(1)..).unwrap_or_default();
            let kept = all.iter().enumerate().filter(|(index, version)| !is_over(version, newer(*index), at));
            document.versions = kept.map(|(_, version)| *version).collect();
        }
        let named: BTreeSet<ContentHash> =
            self.documents.iter().flat_map(|known| &known.versions).map(|version| version.hash).collect();
        self.contents.retain(|hash, _| named.contains(hash));
    }

    /// What of it is or may yet be in force from an instant on.
    pub(super) fn pruned(&self, at: Timestamp) -> Self {
        let mut pruned = self.clone();
        pruned.prune(at);
        pruned
    }
}

/// Folds one event of a content's stream: what it stores is what its name says.
pub(in crate::house) fn stored(
    version: &mut u64,
    hash: ContentHash,
    record: &EventRecord,
) -> Result<(), Fault> {
    match &record.event {
        Event::DocumentStored(event)
            if event.hash == hash
                && event.content.hash() == hash
                && Some(record.version) == version.checked_add(1) =>
        {
            *version = record.version;
            Ok(())
        }
        _ => Err(cannot_follow(record)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000).unwrap()
    }

    fn document(versions: &[(u64, i64)]) -> PublishedDocument {
        let versions = versions.iter().map(|(version, from)| DocumentVersion {
            version: *version,
            hash: ContentHash::of(&version.to_be_bytes()),
            effective_from: at(*from),
        });
        PublishedDocument {
            kind: DocumentKind::new("policy").unwrap(),
            name: DocumentName::new("default").unwrap(),
            versions: versions.collect(),
        }
    }

    #[test]
    fn in_force_is_the_newest_that_takes_effect_by_then() {
        let document = document(&[(1, 10), (2, 30), (3, 20), (4, 40)]);
        let in_force = |second| document.in_force(at(second)).map(|version| version.version);
        let shown: Vec<_> = [9, 10, 19, 20, 30, 39, 40].into_iter().map(in_force).collect();
        assert_eq!(shown, [None, Some(1), Some(1), Some(3), Some(3), Some(3), Some(4)]);
    }

    #[test]
    fn a_version_is_over_once_a_newer_one_is_always_in_its_place() {
        let all = document(&[(1, 10), (2, 30), (3, 20), (4, 40)]).versions;
        let over = |now: i64| {
            let is_over = |i: usize| is_over(&all[i], &all[i + 1..], at(now));
            (0..4).filter(|i| is_over(*i)).map(|i| all[i].version).collect::<Vec<_>>()
        };
        assert_eq!(over(5), [2], "the third is there before the second");
        assert_eq!(over(20), [1, 2]);
        assert_eq!(over(40), [1, 2, 3]);
    }
}
