//! The publication of a document.

use serde::{Deserialize, Serialize};

use super::super::incoming::two_persons;
use super::super::item::{HouseAggregate, HouseAggregateRef};
use super::super::operation::{HouseOperation, not_allowed, sent_by};
use super::super::{HouseName, HousePurpose, HouseWorkspace};
use super::check::{DocumentDraft, check};
use super::{CONFIGURATION_BYTES_MAX, Configuration, DOCUMENTS_MAX, DocumentContent, VERSIONS_MAX};
use crate::ids::{ActorId, DocumentKind, DocumentName, IdError, Reason, SourceId, TransactionId};
use crate::key::{ContentHash, FingerprintBuilder, OperationKind};
use crate::partition::Partition;
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{Capacity, NotAllowedReason, Rejection, capacity};
use crate::stored::{DocumentPublished, DocumentStored, Event, TransactionRef};
use crate::time::Timestamp;

/// The partition of the published documents.
///
/// # Errors
///
/// None in practice: the name is an identifier.
pub fn configuration_partition() -> Result<Partition, IdError> {
    HouseName::real(HousePurpose::Configuration).partition()
}

/// Publishes a version of a configuration document. Its author and who approves it are two persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishDocument {
    /// The back office.
    pub source: SourceId,
    /// Its id of the publication.
    pub id: TransactionId,
    /// The kind of document.
    pub kind: DocumentKind,
    /// Its name within the kind.
    pub name: DocumentName,
    /// Its content.
    pub content: DocumentContent,
    /// From when on it is in force: now or later; at once if absent.
    #[serde(default)]
    pub effective_from: Option<Timestamp>,
    /// The version it was made from, 0 for none: it is refused if there is a newer one.
    #[serde(default)]
    pub expected: Option<u64>,
    /// Why, in the author's words; not part of the fingerprint.
    pub reason: Reason,
    /// Who wrote it.
    pub author: ActorId,
    /// Who approves it: another person.
    pub approved_by: ActorId,
}

impl PublishDocument {
    fn stored(&self) -> HouseAggregateRef {
        HouseAggregateRef::Content(self.content.hash())
    }

    /// There is room for it. What it replaces is not taken off: that is known when it is folded.
    fn check_room(&self, hash: ContentHash, all: &Configuration, now: Timestamp) -> Result<(), Rejection> {
        let all = all.pruned(now);
        let known = all.document(&self.kind, &self.name);
        if known.is_none() && all.documents().len() >= DOCUMENTS_MAX {
            return Err(capacity(Capacity::Documents, DOCUMENTS_MAX));
        }
        if known.is_some_and(|document| document.versions().len() >= VERSIONS_MAX) {
            return Err(capacity(Capacity::DocumentVersions, VERSIONS_MAX));
        }
        let bytes = all.bytes().saturating_add(self.content.as_str().len());
        if all.content(&hash).is_none() && bytes > CONFIGURATION_BYTES_MAX {
            return Err(capacity(Capacity::DocumentBytes, CONFIGURATION_BYTES_MAX));
        }
        Ok(())
    }
}

impl HouseOperation for PublishDocument {
    const KIND: OperationKind = OperationKind::Document;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        matches!(purpose, HousePurpose::Configuration)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(1, Some(self.kind.as_str()))
            .field(2, Some(self.name.as_str()))
            .field(3, Some(&self.content.hash().to_string()))
            .field(4, self.effective_from.map(|at| at.to_string()).as_deref())
            .field(5, Some(self.author.as_str()))
    }

    fn needs(&self) -> Option<HouseAggregateRef> {
        Some(self.stored())
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let all = work.state().configuration();
        let known = all.document(&self.kind, &self.name);
        let newest = known.and_then(|document| document.versions().last());
        let version = newest.map_or(0, |newest| newest.version);
        if self.expected.is_some_and(|expected| expected != version) {
            return Err(Rejection::DocumentVersion { version }.into());
        }
        let effective_from = self.effective_from.unwrap_or(work.now());
        if effective_from < work.now() {
            return Err(not_allowed(NotAllowedReason::Backdated));
        }
        let hash = self.content.hash();
        if newest.is_some_and(|newest| newest.hash == hash && newest.effective_from <= effective_from) {
            return Err(not_allowed(NotAllowedReason::Unchanged));
        }
        two_persons(&self.author, &self.approved_by)?;
        let (name, content) = (&self.name, &self.content);
        let draft = DocumentDraft { name, content, effective_from, configuration: all };
        check(&self.kind, &draft, facts.documents, facts.policy)?;
        self.check_room(hash, all, work.now())?;

        if all.content(&hash).is_none() {
            let stored = self.stored();
            let before = match facts.found.house_aggregate(&stored) {
                Some(HouseAggregate::Content { version, .. }) => *version,
                _ => 0,
            };
            let event = Event::DocumentStored(DocumentStored { hash, content: self.content.clone() });
            work.push_item(&stored, before, event)?;
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let event = Event::DocumentPublished(DocumentPublished {
            txn,
            hash,
            effective_from,
            previous: newest.map(|newest| newest.hash),
            reason: self.reason.clone(),
            author: self.author.clone(),
            approved_by: self.approved_by.clone(),
        });
        work.push_item(&HouseAggregateRef::Document(self.kind.clone(), self.name.clone()), version, event)?;
        Ok(())
    }
}
