//! Bonuses: every award with its wagering, what offers came to, and what campaigns cost.

mod fold;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::PlayerId;
use ledger_core::stored::{AwardRef, EventRecord};

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{
    AwardRow, AwardState, BonusesRow, CampaignKey, CampaignRow, CampaignSums, LiveCursor, OfferKey, OfferRow,
    OfferSums,
};

/// Every bonus award, every offer (the terms of one name and hash in a campaign), and every campaign (rows E11, E14 and E58 of
/// docs/compliance.md).
///
/// The sums of campaigns are folded from what was posted, so they equal the trial balance; those of offers from what became
/// of awards.
#[derive(Debug, Clone, Copy)]
pub struct Bonuses;

impl Model for Bonuses {
    const NAME: &'static str = "bonuses";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = BonusesRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(row: &mut BonusesRow, other: BonusesRow) -> Option<()> {
        match (row, other) {
            (BonusesRow::Offer(sums), BonusesRow::Offer(other)) => **sums = sums.plus(&other)?,
            (BonusesRow::Campaign(sums), BonusesRow::Campaign(other)) => **sums = sums.plus(&other)?,
            // A player is in one shard.
            _ => return None,
        }
        Some(())
    }
}

/// Reads bonuses, wherever they are kept.
#[async_trait]
pub trait ReadBonuses: Standing {
    /// One award; `None` if it was not granted by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn award(&self, player: &PlayerId, award: &AwardRef)
    -> Result<AtHead<Option<AwardRow>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) awards of a player, after a cursor, in the bytewise order of
    /// sources and ids as JSON.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn of_player(
        &self,
        player: &PlayerId,
        after: Option<&AwardRef>,
        limit: usize,
    ) -> Result<AtHead<Page<AwardRow, AwardRef>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) awards that have not ended, after a cursor: those first that
    /// expire first, those last that never do.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn live(
        &self,
        after: Option<&LiveCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<AwardRow, LiveCursor>>, ViewError>;

    /// What every offer came to, in order of keys.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn offers(&self) -> Result<AtCheckpoint<Vec<OfferRow>>, ViewError>;

    /// What every campaign issued and cost, in order of keys.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn campaigns(&self) -> Result<AtCheckpoint<Vec<CampaignRow>>, ViewError>;
}
