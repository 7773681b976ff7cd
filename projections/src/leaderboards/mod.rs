//! Leaderboards: tournaments with their terms and money, who stands where, and who won what.

mod fold;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::stored::EventRecord;
use ledger_core::{HouseId, PlayerId};

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{
    EntryCursor, EntryRow, EntryState, LeaderboardsRow, PlaceCursor, PlaceRow, TournamentRow, TournamentSums,
};

/// Tournaments, their entries, and their standings while they run and afterwards (row E10 of docs/compliance.md).
#[derive(Debug, Clone, Copy)]
pub struct Leaderboards;

impl Model for Leaderboards {
    const NAME: &'static str = "leaderboards";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = LeaderboardsRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    /// A tournament is in one shard, and so is every row.
    fn join(_: &mut LeaderboardsRow, _: LeaderboardsRow) -> Option<()> {
        None
    }
}

/// Reads leaderboards, wherever they are kept. A tournament is named by its partition, `tournament/T`.
#[async_trait]
pub trait ReadLeaderboards: Standing {
    /// A tournament; `None` if nothing happened in it by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn tournament(&self, house: &HouseId) -> Result<AtHead<Option<TournamentRow>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) tournaments, after one of them, in the bytewise order of their names
    /// as JSON.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn tournaments(
        &self,
        after: Option<&HouseId>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<TournamentRow, HouseId>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) players of a tournament who have a place, after a cursor, the best
    /// first: as the points stand, and once it is closed, with its results. While it runs players move: whoever passes a cursor
    /// between two pages is on both or on neither, and places count from the first page on.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn places(
        &self,
        house: &HouseId,
        after: Option<&PlaceCursor>,
        limit: usize,
    ) -> Result<AtHead<Page<PlaceRow, PlaceCursor>>, ViewError>;

    /// An entry, by its number in the tournament.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn entry(&self, house: &HouseId, number: u64) -> Result<AtHead<Option<EntryRow>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) entries of a player into any tournament, after a cursor, in the
    /// bytewise order of the tournaments' names as JSON.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn of_player(
        &self,
        player: &PlayerId,
        after: Option<&EntryCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<EntryRow, EntryCursor>>, ViewError>;
}
