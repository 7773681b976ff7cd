//! The body of a commit: what one decision stored, with the envelope its events share.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::event::{Event, EventError, EventRecord};
use super::sealed::SealedFields;
use super::wallet::PurseBalance;
use crate::ids::{ActorId, BrandId, JurisdictionId, OperatorId, SourceId, TraceId, TransactionId, WriterId};
use crate::key::{ContentHash, Fingerprint, IdempotencyKey, OperationKind};
use crate::partition::Partition;
use crate::time::Timestamp;

/// The most keys one commit may consume.
pub const KEYS_MAX: usize = 16;
/// The most events one commit may hold.
pub const EVENTS_MAX: usize = 256;

/// What an operation came to, as stored with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutcomeKind {
    /// It had its effect.
    Applied,
    /// It was accepted; no money moved and nothing changed.
    Noop,
    /// It undoes something never seen; that is remembered.
    Tombstoned,
    /// It was refused, for good.
    Rejected,
}

/// A consumed key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyRecord {
    /// Who sent the operation.
    pub source: SourceId,
    /// What it does (`any` if the source's ids are unique over all kinds).
    pub kind: OperationKind,
    /// The sender's id.
    pub id: TransactionId,
    /// The fingerprint of its payload.
    pub print: Fingerprint,
    /// What it came to.
    pub outcome: OutcomeKind,
    /// How many of the commit's events are its own, where a commit has several operations: they stand in the
    /// order of the keys. Absent if all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<u16>,
}

impl KeyRecord {
    /// The key.
    pub fn key(&self) -> IdempotencyKey {
        IdempotencyKey { source: self.source.clone(), kind: self.kind, id: self.id.clone() }
    }
}

/// An id that is dead for its source, whatever the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TombstoneRecord {
    /// The source.
    pub source: SourceId,
    /// The id.
    pub id: TransactionId,
}

/// The body of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitBody {
    /// Whose commit it is.
    pub partition: Partition,
    /// When it was recorded; never before the shard's last.
    pub recorded_at: Timestamp,
    /// The keys it consumed.
    pub keys: Vec<KeyRecord>,
    /// The tombstones it set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tombstones: Vec<TombstoneRecord>,
    /// The operator (players only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The brand (players only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// The jurisdiction (players only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<JurisdictionId>,
    /// Who acted.
    pub actor: ActorId,
    /// The trace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What caused the request: the id of an event or message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<TraceId>,
    /// What the host remembers about the person, encrypted. Not part of any fingerprint.
    #[serde(default, skip_serializing_if = "SealedFields::is_empty")]
    pub sealed: SealedFields,
    /// The policy it was decided under.
    pub policy: ContentHash,
    /// The build that decided it.
    pub engine: Cow<'static, str>,
    /// Which engine decided it, on a store that several may write to. Without it two engines that decide the
    /// same command in the same microsecond would write the same bytes, and take each other's commit for
    /// their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<WriterId>,
    /// The purse of the operation's currency, where no entry tells it; of a batch, as it was before the first
    /// entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<PurseBalance>,
    /// The events, in order.
    pub events: Vec<EventRecord>,
}

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The bytes are not a commit of a shape this build knows.
    #[error("the body is not a commit this build can read: {0}")]
    Json(#[from] serde_json::Error),
    /// A newer release wrote it: the body has an event of a type or version that this build does not know.
    #[error(transparent)]
    Newer(EventError),
    /// There are more keys or events than a commit may have.
    #[error(
        "the commit has {keys} keys and {events} events: at most {KEYS_MAX} and {EVENTS_MAX} are allowed"
    )]
    TooMany {
        /// How many keys.
        keys: usize,
        /// How many events.
        events: usize,
    },
    /// The spike's encoder failed.
    #[cfg(feature = "spike-cbor")]
    #[error("the body could not be encoded as CBOR: {0}")]
    Cbor(String),
}

/// The first event of a body that this build does not know, if there is one: that is why it cannot be read then.
fn newer_event(bytes: &[u8]) -> Option<EventError> {
    #[derive(Deserialize)]
    struct Kinds {
        events: Vec<Kind>,
    }
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        name: String,
        schema: u16,
    }
    let kinds: Kinds = serde_json::from_slice(bytes).ok()?;
    let unknown = |kind: &Kind| match Event::decode(&kind.name, kind.schema, "null") {
        Err(error @ EventError::Unknown { .. }) => Some(error),
        _ => None,
    };
    kinds.events.iter().find_map(unknown)
}

impl CommitBody {
    /// Appends the encoded body to `out`.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooMany`] over the limits; [`BodyError::Json`] never in practice.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.check()?;
        #[cfg(not(feature = "spike-cbor"))]
        serde_json::to_writer(&mut *out, self)?;
        #[cfg(feature = "spike-cbor")]
        ciborium::into_writer(self, &mut *out).map_err(|e| BodyError::Cbor(e.to_string()))?;
        Ok(())
    }

    /// Reads a body. Unknown fields are ignored here and kept in the stored bytes, which are never rewritten.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if the bytes are not a commit this build can read.
    pub fn decode(bytes: &[u8]) -> Result<Self, BodyError> {
        let body: Self = serde_json::from_slice(bytes)
            .map_err(|error| newer_event(bytes).map_or(BodyError::Json(error), BodyError::Newer))?;
        body.check()?;
        Ok(body)
    }

    fn check(&self) -> Result<(), BodyError> {
        if self.keys.len() > KEYS_MAX || self.events.len() > EVENTS_MAX {
            return Err(BodyError::TooMany { keys: self.keys.len(), events: self.events.len() });
        }
        Ok(())
    }
}
