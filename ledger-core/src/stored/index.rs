//! What a store's index must find a commit by, read from the commit's body.

use std::borrow::Cow;

use serde::Deserialize;

use crate::ids::{IdError, SourceId, TransactionId};
use crate::key::{OperationKind, tombstone_digest};
use crate::partition::{KeyDigest, Partition, PartitionDigest, Stream, StreamDigest};
use crate::text::BorrowedText;
use crate::time::Timestamp;

/// The parts of a commit body that an index is derived from. The body is the truth; this is a reading of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitIndex {
    /// The digest of the commit's partition.
    pub partition: PartitionDigest,
    /// When the commit was recorded.
    pub recorded_at: Timestamp,
    /// The keys it consumed and the tombstones it set.
    pub keys: Vec<KeyDigest>,
    /// The indexed streams it has events of (see [`Stream::is_indexed`]), each once.
    pub streams: Vec<StreamDigest>,
}

/// Why a body could not be read for the index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The body is not a commit in JSON.
    #[error("the body is not a commit: {0}")]
    Json(#[from] serde_json::Error),
    /// An identifier in it is malformed.
    #[error("the body names a malformed identifier")]
    Id(#[from] IdError),
}

#[derive(Deserialize)]
struct Body<'a> {
    partition: Partition,
    recorded_at: Timestamp,
    keys: Vec<Key<'a>>,
    #[serde(default, borrow)]
    tombstones: Vec<Tombstone<'a>>,
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow)]
    source: BorrowedText<'a>,
    kind: OperationKind,
    #[serde(borrow)]
    id: BorrowedText<'a>,
}

#[derive(Deserialize)]
struct Tombstone<'a> {
    #[serde(borrow)]
    source: BorrowedText<'a>,
    #[serde(borrow)]
    id: BorrowedText<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    stream: BorrowedText<'a>,
}

impl CommitIndex {
    /// The index of a commit that is at hand decoded; equals [`Self::of_body`] of its encoding.
    pub fn of(body: &super::CommitBody, partition: PartitionDigest) -> Self {
        let keys = body
            .keys
            .iter()
            .map(|key| KeyDigest::new(&partition, &key.source, key.kind.as_str(), &key.id))
            .chain(body.tombstones.iter().map(|t| tombstone_digest(&partition, &t.source, &t.id)))
            .collect();
        let mut streams = Vec::new();
        for event in body.events.iter().filter(|event| event.stream.is_indexed()) {
            let digest = event.stream.digest();
            if !streams.contains(&digest) {
                streams.push(digest);
            }
        }
        Self { partition, recorded_at: body.recorded_at, keys, streams }
    }

    /// Reads a body for the index without decoding its events.
    ///
    /// # Errors
    ///
    /// [`IndexError`] if the bytes are not the body of a commit.
    pub fn of_body(body: &[u8]) -> Result<Self, IndexError> {
        let body: Body<'_> = serde_json::from_slice(body)?;
        let partition = body.partition.digest();
        let mut keys = Vec::with_capacity(body.keys.len().saturating_add(body.tombstones.len()));
        for key in &body.keys {
            let (source, id) = (SourceId::new(&key.source.0)?, TransactionId::new(&key.id.0)?);
            keys.push(KeyDigest::new(&partition, &source, key.kind.as_str(), &id));
        }
        for tombstone in &body.tombstones {
            let (source, id) = (SourceId::new(&tombstone.source.0)?, TransactionId::new(&tombstone.id.0)?);
            keys.push(tombstone_digest(&partition, &source, &id));
        }
        let mut streams: Vec<StreamDigest> = Vec::new();
        for event in &body.events {
            let name: &Cow<'_, str> = &event.stream.0;
            if Stream::text_is_indexed(name) {
                let digest = StreamDigest::of_text(name);
                if !streams.contains(&digest) {
                    streams.push(digest);
                }
            }
        }
        Ok(Self { partition, recorded_at: body.recorded_at, keys, streams })
    }
}
