//! Risk: alerts and cases of money laundering, by state, by who looks into them, and by player.

mod fold;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::stored::{EventRecord, TransactionRef};
use ledger_core::{ActorId, PlayerId};

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{AlertRow, AlertState, CaseRow, CaseState, CasesRow, Closing, RiskCursor};

/// Every alert of risk and every case (row E65 of docs/compliance.md).
#[derive(Debug, Clone, Copy)]
pub struct Cases;

impl Model for Cases {
    const NAME: &'static str = "cases";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = CasesRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(row: &mut CasesRow, other: CasesRow) -> Option<()> {
        match (row, other) {
            (CasesRow::Count(count), CasesRow::Count(other)) => {
                *count = count.checked_add(other)?;
                Some(())
            }
            // A player is in one shard.
            _ => None,
        }
    }
}

/// Reads alerts and cases, wherever they are kept.
#[async_trait]
pub trait ReadCases: Standing {
    /// One alert, by the operation that raised it; `None` if it was not raised by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn alert(
        &self,
        player: &PlayerId,
        alert: &TransactionRef,
    ) -> Result<AtHead<Option<AlertRow>>, ViewError>;

    /// One case, by the operation that opened it; `None` if it was not opened by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn case(
        &self,
        player: &PlayerId,
        case: &TransactionRef,
    ) -> Result<AtHead<Option<CaseRow>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) alerts in a state, after a cursor, those first that were raised first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn alerts(
        &self,
        state: AlertState,
        after: Option<&RiskCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<AlertRow, RiskCursor>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) cases in a state, after a cursor, those first that were opened first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn cases(
        &self,
        state: CaseState,
        after: Option<&RiskCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<CaseRow, RiskCursor>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) open cases that someone looks into, after a cursor, those first that were
    /// opened first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn assigned(
        &self,
        to: &ActorId,
        after: Option<&RiskCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<CaseRow, RiskCursor>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) alerts of a player, after one of them, in the bytewise order of what they
    /// are named after as JSON: source, kind, id.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn alerts_of(
        &self,
        player: &PlayerId,
        after: Option<&TransactionRef>,
        limit: usize,
    ) -> Result<AtHead<Page<AlertRow, TransactionRef>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) cases of a player, after one of them, in the same order.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn cases_of(
        &self,
        player: &PlayerId,
        after: Option<&TransactionRef>,
        limit: usize,
    ) -> Result<AtHead<Page<CaseRow, TransactionRef>>, ViewError>;

    /// How many alerts and how many cases are in each state; a state that none is in is left out.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn counts(
        &self,
    ) -> Result<AtCheckpoint<(Vec<(AlertState, u64)>, Vec<(CaseState, u64)>)>, ViewError>;
}
