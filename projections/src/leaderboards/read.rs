//! Reads leaderboards.

use async_trait::async_trait;
use ledger_core::stored::TournamentTie;
use ledger_core::{HouseId, Partition, PlayerId};

use super::fold::{entry_key, of_player_key, place_key, tournament_key};
use super::row::{EntryCursor, EntryRow, LeaderboardsRow, PlaceCursor, PlaceRow, TournamentRow};
use super::{Leaderboards, ReadLeaderboards};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::{Page, limited, read_page};
use crate::range::{KeyRange, key};

fn as_entry(row: LeaderboardsRow) -> Result<EntryRow, ViewError> {
    match row {
        LeaderboardsRow::Entry(row) => Ok(*row),
        _ => Err(ViewError::Damaged("another row where an entry should be".to_owned())),
    }
}

fn as_tournament(row: LeaderboardsRow) -> Result<TournamentRow, ViewError> {
    match row {
        LeaderboardsRow::Tournament(row) => Ok(*row),
        _ => Err(ViewError::Damaged("another row where a tournament should be".to_owned())),
    }
}

#[async_trait]
impl<R: ReadModel<Leaderboards>> ReadLeaderboards for R {
    async fn tournament(&self, house: &HouseId) -> Result<AtHead<Option<TournamentRow>>, ViewError> {
        let found = self.get(&tournament_key(house)).await?.of(&Partition::House(house.clone()));
        let row = found.value.clone().map(as_tournament).transpose()?;
        Ok(found.map(|_| row))
    }

    async fn tournaments(
        &self,
        after: Option<&HouseId>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<TournamentRow, HouseId>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["tournament"])?;
        if let Some(house) = after {
            range = range.after(&tournament_key(house))?;
        }
        read_page(self, &range, limit, as_tournament, |row| row.house.clone()).await
    }

    async fn places(
        &self,
        house: &HouseId,
        after: Option<&PlaceCursor>,
        limit: usize,
    ) -> Result<AtHead<Page<PlaceRow, PlaceCursor>>, ViewError> {
        let terms = self.tournament(house).await?.value.and_then(|row| row.terms);
        let mut range = KeyRange::beginning(&key!["place", house])?;
        if let (Some(after), Some(terms)) = (after, &terms) {
            let last = (after.points, after.reached_at, after.number);
            range = range.after(&place_key(terms, house, last))?;
        }
        let found = self.range(&range, limited(limit)).await?;
        let shared = terms.is_none_or(|terms| terms.tie != TournamentTie::EarlierFirst);
        let (mut before, mut last) = (0_u64, None);
        if let Some(after) = after {
            (before, last) = (after.before, Some((after.points, after.place)));
        }
        let (mut rows, mut next) = (Vec::new(), None);
        for (_, row) in found.value.rows {
            let entry = as_entry(row)?;
            let (Some(points), Some(reached_at)) = (entry.points, entry.reached_at) else {
                return Err(ViewError::Damaged("a place without points".to_owned()));
            };
            let place = match last {
                Some((same, place)) if shared && same == points => place,
                _ => before.saturating_add(1),
            };
            before = before.saturating_add(1);
            last = Some((points, place));
            next = Some(PlaceCursor { before, place, points, reached_at, number: entry.number });
            rows.push(PlaceRow { place, entry });
        }
        let next = next.filter(|_| found.value.next.is_some());
        let page = AtCheckpoint { checkpoint: found.checkpoint, value: Page { rows, next } };
        Ok(page.of(&Partition::House(house.clone())))
    }

    async fn entry(&self, house: &HouseId, number: u64) -> Result<AtHead<Option<EntryRow>>, ViewError> {
        let found = self.get(&entry_key(house, number)).await?.of(&Partition::House(house.clone()));
        let row = found.value.clone().map(as_entry).transpose()?;
        Ok(found.map(|_| row))
    }

    async fn of_player(
        &self,
        player: &PlayerId,
        after: Option<&EntryCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<EntryRow, EntryCursor>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["player", player])?;
        if let Some(EntryCursor { house, number }) = after {
            range = range.after(&of_player_key(player, house, *number))?;
        }
        let cursor = |row: &EntryRow| EntryCursor { house: row.house.clone(), number: row.number };
        read_page(self, &range, limit, as_entry, cursor).await
    }
}
