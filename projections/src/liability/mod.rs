//! Player liability: what the house owes its players, what is held in open rounds by game, and what covers it.

mod fold;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::stored::EventRecord;

use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{
    Cover, HeldDayRow, HeldKey, HeldRow, HeldSums, LiabilityKey, LiabilityRow, LiabilitySums,
    LiabilityTableRow,
};

/// What the house owes its players, by operator and brand, and what stands in open rounds, by game and age (rows E24, E25, E39 and E52
/// of docs/compliance.md).
///
/// Over all operators its columns equal the players' accounts of the trial balance.
#[derive(Debug, Clone, Copy)]
pub struct Liability;

impl Model for Liability {
    const NAME: &'static str = "liability";
    const VERSION: u32 = 2;
    type Key = KeyParts;
    type Row = LiabilityTableRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(row: &mut LiabilityTableRow, other: LiabilityTableRow) -> Option<()> {
        *row = row.joined(other)?;
        Some(())
    }
}

/// Reads player liability, wherever it is kept.
#[async_trait]
pub trait ReadLiability: Standing {
    /// What is owed, in order of kind, operator, brand and currency; what the house's own partitions hold stands without
    /// operator and brand.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn liability(&self) -> Result<AtCheckpoint<Vec<LiabilityRow>>, ViewError>;

    /// What is held in open rounds and by money that plays elsewhere, by game. A round is counted under the game of its
    /// first bet.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn held(&self) -> Result<AtCheckpoint<Vec<HeldRow>>, ViewError>;

    /// The same with ages: by the day (of UTC) since which a round holds something, those of one game side by side, the oldest
    /// first (rows E24 and E39). Which rounds they are, the view of rounds lists.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn held_by_day(&self) -> Result<AtCheckpoint<Vec<HeldDayRow>>, ViewError>;

    /// What is owed and what covers it, over the whole ledger, per kind and currency.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn cover(&self) -> Result<AtCheckpoint<Vec<Cover>>, ViewError>;
}
