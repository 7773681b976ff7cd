//! What the audit trail holds.

use ledger_core::stored::{EventRecord, PurseBalance, TransactionRef};
use ledger_core::{ActorId, BrandId, OperatorId, Partition, Reason, Timestamp, TraceId};
use ledger_store::{Position, Shard};
use serde::{Deserialize, Serialize};

/// One event that a person caused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When it was recorded.
    pub at: Timestamp,
    /// The shard.
    pub shard: Shard,
    /// The position of its commit: with shard and index, its id.
    pub position: Position,
    /// Which of the commit's events it is, from 0 on.
    pub index: u16,
    /// Whom it is about: a player, or a part of the house.
    pub partition: Partition,
    /// The operator, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The brand, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// Who acted, as the event names them: who did it, who approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<ActorId>,
    /// Who sent the request.
    pub actor: ActorId,
    /// The operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<TransactionRef>,
    /// Why, in the words of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The trace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What caused the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<TraceId>,
    /// What was changed, as it was before: a limit, a profile, a document's hash. Absent if it had no value, or if nothing of the
    /// kind was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The same after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The purses that its entry touched, before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purses_before: Vec<PurseBalance>,
    /// The same after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purses_after: Vec<PurseBalance>,
    /// The event, whole.
    pub event: EventRecord,
}

/// Where a page of the audit trail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditCursor {
    /// When the last record was made.
    pub at: Timestamp,
    /// Its shard.
    pub shard: Shard,
    /// The position of its commit.
    pub position: Position,
    /// Which of the commit's events it is.
    pub index: u16,
}

impl AuditRecord {
    /// Where a page that ends with this record goes on.
    pub fn cursor(&self) -> AuditCursor {
        let Self { at, shard, position, index, .. } = *self;
        AuditCursor { at, shard, position, index }
    }
}

/// A row of the view's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuditRow(pub(super) Option<Box<AuditRecord>>);
