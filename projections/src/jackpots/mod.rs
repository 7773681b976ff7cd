//! Local jackpots: what each holds and owes, how that adds up with the accounts, who claimed and won it, and every change of its
//! parameters.

mod fold;
mod read;
mod row;
mod sums;

use async_trait::async_trait;
use ledger_core::stored::EventRecord;
use ledger_core::{AccountKind, JackpotId};

use crate::checkpoint::AtCheckpoint;
use crate::commit::{Commit, EventPlace};
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{
    AwardEnd, AwardRow, ClaimCursor, ClaimRow, ClaimState, JackpotRecord, JackpotState, JackpotsRow,
    OriginRow, PaymentRow, PoolRow, TermsRow,
};
pub use sums::{BookedSums, JackpotProof, PoolSums, SweptSums};

/// A jackpot: of real or of test money, and its name.
pub type JackpotName = (AccountKind, JackpotId);

/// Every local jackpot (rows E06, E15, E18, E36 and E38 of docs/compliance.md).
///
/// What a pool holds is folded from its own events, what is owed from the entries of all partitions: [`JackpotState::proofs`]
/// sets one against the other (I15 in docs/scenarios.md).
#[derive(Debug, Clone, Copy)]
pub struct Jackpots;

impl Model for Jackpots {
    const NAME: &'static str = "jackpots";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = JackpotsRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(row: &mut JackpotsRow, other: JackpotsRow) -> Option<()> {
        match (row, other) {
            (JackpotsRow::Booked(sums), JackpotsRow::Booked(other)) => **sums = sums.plus(&other)?,
            (JackpotsRow::Name, JackpotsRow::Name) => {}
            // A pool is in one shard, and so is a player.
            _ => return None,
        }
        Some(())
    }
}

/// Reads jackpots, wherever they are kept.
#[async_trait]
pub trait ReadJackpots: Standing {
    /// One jackpot; `None` if nothing was booked for it or told of it by then.
    ///
    /// # Errors
    ///
    /// [`ViewError::TooMuch`] of one with more sums than [`SCAN_ROWS_MAX`](crate::SCAN_ROWS_MAX); [`ViewError`] if the view
    /// cannot be read.
    async fn jackpot(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
    ) -> Result<AtCheckpoint<Option<JackpotState>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) jackpots, after one of them, those of real money first, in the bytewise
    /// order of their names as JSON.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn jackpots(
        &self,
        after: Option<&JackpotName>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<JackpotName, JackpotName>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) changes of a jackpot's parameters and status, and its seeds that were
    /// paid by hand, after a place, oldest first: each with who asked for it, who agreed and why (rows E15 and E18).
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn history(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<JackpotRecord, EventPlace>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) awards of a jackpot, after a number, in the order in which the pool gave
    /// them, with what became of each (row E38).
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn awards(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<AwardRow, u64>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) claims on a jackpot, after a cursor, those first that were recorded
    /// first. Which of them the pool saw first, the numbers of awards say.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn claims(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
        after: Option<&ClaimCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<ClaimRow, ClaimCursor>>, ViewError>;
}
