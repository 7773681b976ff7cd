//! Responsible gaming: limits in force and how much of them is used, exclusions, blocks, registers, reality checks, and who
//! hit a limit.

mod fold;
mod hits;
mod page;
mod play_time;
mod player;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::stored::{EventRecord, LimitTerm};
use ledger_core::{Amount, FOLD_VERSION, PlayerId, Timestamp};

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::{Commit, EventPlace};
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::period::Period;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use page::{ExclusionCursor, HitCursor, LimitCursor};
pub use player::{LimitUse, PlayerControls};
pub use row::{
    BlockRow, ControlRecord, ControlsRow, ExclusionBy, ExclusionRow, HitKind, LimitHit, LimitRow, LimitSpan,
    MetLimit, OpenDeposit, SessionRow, StandingRow,
};

/// What protects every player, with a row per limit, counter, exclusion, register and session (rows E12, E44, E49, E63 and E64 of
/// docs/compliance.md).
///
/// What is used of a limit is counted by the code that decides on bets and deposits (`Controls::follow` of the core), so it is
/// what a decision at the same position sees. It depends on time and on the policy, so both are arguments of
/// [`PlayerControls::limits`].
#[derive(Debug, Clone, Copy)]
pub struct PlayerProtection;

impl Model for PlayerProtection {
    const NAME: &'static str = "controls";
    // What the core's fold counts otherwise is another view.
    const VERSION: u32 = 2_000 + FOLD_VERSION;
    type Key = KeyParts;
    type Row = ControlsRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(_: &mut ControlsRow, _: ControlsRow) -> Option<()> {
        // Every row is a player's, who is in one shard.
        None
    }
}

/// Reads what protects players, wherever it is kept.
#[async_trait]
pub trait ReadControls: Standing {
    /// What protects a player now; `None` if he was not open by then.
    ///
    /// # Errors
    ///
    /// [`ViewError::TooMuch`] of a player with more deposits under way and sessions than
    /// [`SCAN_ROWS_MAX`](crate::SCAN_ROWS_MAX); [`ViewError`] if the view cannot be read.
    async fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerControls>>, ViewError>;

    /// What protects players, after one of them, in the bytewise order of their ids as JSON: up to `limit` (at most
    /// [`PAGE_MAX`](crate::PAGE_MAX)), and fewer where they have much. Where a page ends says whether there are more.
    ///
    /// # Errors
    ///
    /// As [`Self::player`].
    async fn players(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<PlayerControls, PlayerId>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) events of a player's protection, after a place, oldest first: limits,
    /// exclusions, blocks, tiers, answers of registers, reality checks, and where he came near a limit or hit it (row E12).
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn history(
        &self,
        player: &PlayerId,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<AtHead<Page<ControlRecord, EventPlace>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) stretches of time in which a limit of a player was as it was, after a
    /// place, in the order in which they began.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn spans(
        &self,
        player: &PlayerId,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<AtHead<Page<LimitSpan, EventPlace>>, ViewError>;

    /// The limits of a player that were in force at an instant.
    ///
    /// # Errors
    ///
    /// [`ViewError::TooMuch`] of a player whose limits changed more often than
    /// [`SCAN_ROWS_MAX`](crate::SCAN_ROWS_MAX); [`ViewError`] if the view cannot be read.
    async fn in_force_at(
        &self,
        player: &PlayerId,
        at: Timestamp,
    ) -> Result<AtHead<Vec<LimitSpan>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) times that players came near a limit or were refused for one, in a period,
    /// after a cursor, oldest first (row E63).
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn hits(
        &self,
        period: Period,
        after: Option<&HitCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<LimitHit, HitCursor>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) exclusions of a kind that bar their players at an instant, after a cursor:
    /// those first that end first, those last that have no end. Of a past instant those are told that were not replaced since.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn exclusions(
        &self,
        by: ExclusionBy,
        now: Timestamp,
        after: Option<&ExclusionCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<ExclusionRow, ExclusionCursor>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) limits in force on a term that are at least so high, after a cursor, the
    /// lowest first (row E63).
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn limits_from(
        &self,
        term: &LimitTerm,
        amount: Amount,
        after: Option<&LimitCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<LimitRow, LimitCursor>>, ViewError>;
}
