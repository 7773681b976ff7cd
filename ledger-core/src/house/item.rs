//! What of the house has a life, and so a stream, of its own.

use std::borrow::Cow;
use std::fmt;

use crate::house::{JournalProposal, SuspenseItem};
use crate::ids::{DocumentKind, DocumentName, HouseId, SourceId, TransactionId};
use crate::key::ContentHash;
use crate::partition::{NameError, Stream};
use crate::player_ledger::Fault;
use crate::stored::EventRecord;
use crate::text::write_escaped;

/// Something of a partition of the house that has a stream of its own, by its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HouseAggregateRef {
    /// Money of nobody known, by the payment provider's reference: `suspense/H/R`.
    Suspense(TransactionId),
    /// A proposed journal entry: `journal/H/source/J`.
    Journal(SourceId, TransactionId),
    /// A configuration document, with all its versions: `document/H/kind/name`.
    Document(DocumentKind, DocumentName),
    /// The content of a document, by its hash: `content/H/hash`.
    Content(ContentHash),
}

impl HouseAggregateRef {
    /// The first parts of the names of their streams.
    pub(crate) const KINDS: [&'static str; 4] = ["suspense", "journal", "document", "content"];

    /// Writes the name of its stream.
    pub(crate) fn write(&self, house: &HouseId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, kind: &str, parts: &[&str]| {
            f.write_str(kind)?;
            for part in std::iter::once(&house.as_str()).chain(parts) {
                f.write_str("/")?;
                write_escaped(f, part)?;
            }
            Ok(())
        };
        match self {
            Self::Suspense(reference) => write(f, "suspense", &[reference.as_str()]),
            Self::Journal(source, id) => write(f, "journal", &[source.as_str(), id.as_str()]),
            Self::Document(kind, name) => write(f, "document", &[kind.as_str(), name.as_str()]),
            Self::Content(hash) => write(f, "content", &[&hash.to_string()]),
        }
    }

    /// Reads the parts behind the kind and the house.
    pub(crate) fn read<'a>(
        kind: &str,
        part: &mut impl FnMut() -> Result<Cow<'a, str>, NameError>,
    ) -> Result<Self, NameError> {
        match kind {
            "suspense" => Ok(Self::Suspense(TransactionId::new(part()?)?)),
            "journal" => Ok(Self::Journal(SourceId::new(part()?)?, TransactionId::new(part()?)?)),
            "document" => Ok(Self::Document(DocumentKind::new(part()?)?, DocumentName::new(part()?)?)),
            _ => {
                let text = part()?;
                let hash = text.parse().map_err(|_| NameError::shape("stream", &text))?;
                Ok(Self::Content(hash))
            }
        }
    }

    /// Its stream in a partition.
    pub fn stream(&self, house: &HouseId) -> Stream {
        Stream::HouseAggregate(house.clone(), self.clone())
    }
}

/// An item as its stream tells it, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HouseAggregate {
    /// Money of nobody known.
    Suspense(SuspenseItem),
    /// A proposed journal entry.
    Journal(JournalProposal),
    /// The content of a document.
    Content {
        /// The hash.
        hash: ContentHash,
        /// How often it was stored: again only when it had left the live state.
        version: u64,
    },
}

impl HouseAggregate {
    /// What it is, by its name.
    pub fn reference(&self) -> HouseAggregateRef {
        match self {
            Self::Suspense(item) => HouseAggregateRef::Suspense(item.reference.clone()),
            Self::Journal(journal) => HouseAggregateRef::Journal(journal.source.clone(), journal.id.clone()),
            Self::Content { hash, .. } => HouseAggregateRef::Content(*hash),
        }
    }

    /// Folds the events of an item's stream, oldest first. `None` if there are none, or if nobody needs them: the
    /// versions of a document that may ever be in force are in the live state.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an event cannot follow the ones before it.
    pub fn fold<'a>(
        of: &HouseAggregateRef,
        events: impl IntoIterator<Item = &'a EventRecord>,
    ) -> Result<Option<Self>, Fault> {
        let mut events = events.into_iter();
        match of {
            HouseAggregateRef::Suspense(reference) => {
                let mut item = None;
                events.try_for_each(|record| super::suspense::evolve(&mut item, reference, record))?;
                Ok(item.map(Self::Suspense))
            }
            HouseAggregateRef::Journal(source, id) => {
                let mut journal = None;
                events.try_for_each(|record| super::journal::evolve(&mut journal, (source, id), record))?;
                Ok(journal.map(Self::Journal))
            }
            HouseAggregateRef::Content(hash) => {
                let mut version = 0;
                events.try_for_each(|record| super::document::stored(&mut version, *hash, record))?;
                Ok((version > 0).then_some(Self::Content { hash: *hash, version }))
            }
            HouseAggregateRef::Document(..) => Ok(None),
        }
    }
}

/// An event that cannot follow in the stream of an item.
pub(super) fn cannot_follow(record: &EventRecord) -> Fault {
    let (name, version) = (record.event.type_name(), record.version);
    Fault::corrupted(format!("{name} {version} cannot follow in {} as it stands", record.stream))
}
