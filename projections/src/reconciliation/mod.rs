//! Reconciliation with payment providers: what the ledger has of payments, by the provider's reference, compared with a
//! settlement file.
//!
//! [`SettlementFile::parse`] reads a neutral file, which a host makes of a provider's own; [`Payments`] is the view; and
//! [`reconcile`] compares the two. It is a pure function: it moves no money and keeps nothing.

mod compare;
mod file;
mod fold;
mod row;

use async_trait::async_trait;
use ledger_core::SourceId;
use ledger_core::stored::EventRecord;

use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, ReadModel, Rows};
use crate::page::{Page, limited, read_whole};
use crate::range::{KeyParts, KeyRange, key};
use crate::standing::Standing;

pub use compare::{Break, Difference, FeeTerms, Reconciliation, Terms, reconcile};
pub use file::{
    FIELD_BYTES_MAX, FILE_BYTES_MAX, FileError, LINES_MAX, LineStatus, SettlementFile, SettlementLine,
};
pub use row::{Payment, PaymentKind, PaymentStatus};

/// Payments in and out, by payment provider, kind and the provider's reference (row E13 of docs/compliance.md).
#[derive(Debug, Clone, Copy)]
pub struct Payments;

impl Model for Payments {
    const NAME: &'static str = "payments";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = Option<Payment>;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(row: &mut Option<Payment>, other: Option<Payment>) -> Option<()> {
        // Two players were credited for one reference.
        *row = match (row.take(), other) {
            (Some(own), Some(other)) => Some(own.joined(other)?),
            (own, other) => own.or(other),
        };
        Some(())
    }
}

/// Reads payments, wherever they are kept.
#[async_trait]
pub trait ReadPayments: Standing {
    /// One payment; `None` if the ledger has none.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn payment(
        &self,
        psp: &SourceId,
        kind: PaymentKind,
        reference: &str,
    ) -> Result<AtCheckpoint<Option<Payment>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) payments of a provider, after one of them, by kind and reference.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn list(
        &self,
        psp: &SourceId,
        after: Option<(PaymentKind, &str)>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<Payment, (PaymentKind, String)>>, ViewError>;

    /// All payments of a provider, at one checkpoint, for [`reconcile`].
    ///
    /// # Errors
    ///
    /// [`ViewError::TooMuch`] beyond [`SCAN_ROWS_MAX`](crate::SCAN_ROWS_MAX): take them page by page; [`ViewError`] if the view cannot be read.
    async fn all(&self, psp: &SourceId) -> Result<AtCheckpoint<Vec<Payment>>, ViewError>;
}

fn payment_key(psp: &SourceId, kind: PaymentKind, reference: &str) -> KeyParts {
    key![psp, kind.as_str(), reference]
}

fn present(row: Option<Payment>) -> Result<Payment, ViewError> {
    row.ok_or_else(|| ViewError::Damaged("a row of payments is empty".to_owned()))
}

#[async_trait]
impl<R: ReadModel<Payments>> ReadPayments for R {
    async fn payment(
        &self,
        psp: &SourceId,
        kind: PaymentKind,
        reference: &str,
    ) -> Result<AtCheckpoint<Option<Payment>>, ViewError> {
        Ok(self.get(&payment_key(psp, kind, reference)).await?.map(Option::flatten))
    }

    async fn list(
        &self,
        psp: &SourceId,
        after: Option<(PaymentKind, &str)>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<Payment, (PaymentKind, String)>>, ViewError> {
        let mut range = KeyRange::beginning(&key![psp])?;
        if let Some((kind, reference)) = after {
            range = range.after(&payment_key(psp, kind, reference))?;
        }
        let found = self.range(&range, limited(limit)).await?;
        let rows =
            found.value.rows.into_iter().map(|(_, row)| present(row)).collect::<Result<Vec<_>, _>>()?;
        let cursor = |last: &Payment| (last.kind, last.reference.clone());
        let next = if found.value.next.is_some() { rows.last().map(cursor) } else { None };
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: Page { rows, next } })
    }

    async fn all(&self, psp: &SourceId) -> Result<AtCheckpoint<Vec<Payment>>, ViewError> {
        let range = KeyRange::beginning(&key![psp])?;
        let found = read_whole(self, &range, "take them page by page").await?;
        let rows = found.value.into_iter().map(|(_, row)| present(row)).collect::<Result<Vec<_>, _>>()?;
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: rows })
    }
}
