//! The audit trail: who did what, when and why, and what it was before and after.

mod fold;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::stored::EventRecord;
use ledger_core::{ActorId, Partition};

use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::period::Period;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use fold::{persons, reason};
pub use row::{AuditCursor, AuditRecord, AuditRow};

/// Every event that a person caused, or gave a reason for (GLI-19 2.9.5 and B.3.2; rows E13, E17, E19, E26, E27 and E66 of
/// docs/compliance.md).
///
/// What players and games do by themselves is not in it; it is in the log, in the statement and in the rounds. A record never
/// changes: the log has no way to change an event, and a correction is a new one.
#[derive(Debug, Clone, Copy)]
pub struct AuditTrail;

impl Model for AuditTrail {
    const NAME: &'static str = "audit_trail";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = AuditRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(_: &mut AuditRow, _: AuditRow) -> Option<()> {
        // A key names its shard.
        None
    }
}

/// What is asked for of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditFilter {
    /// All of it.
    All,
    /// What this person did, or approved.
    Actor(ActorId),
    /// What was done to this player, or to this partition of the house.
    Partition(Partition),
    /// Events of this type, such as `limit.set`.
    Type(String),
}

/// Records of the audit trail; the cursor is the last one's place.
pub type AuditPage = Page<AuditRecord, AuditCursor>;

/// Reads the audit trail, wherever it is kept.
#[async_trait]
pub trait ReadAuditTrail: Standing {
    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) records of a period, after a cursor, the oldest first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn records(
        &self,
        filter: &AuditFilter,
        period: Period,
        after: Option<&AuditCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<AuditPage>, ViewError>;

    /// The same, the newest first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn latest(
        &self,
        filter: &AuditFilter,
        period: Period,
        after: Option<&AuditCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<AuditPage>, ViewError>;
}
