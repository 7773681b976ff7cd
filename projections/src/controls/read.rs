//! Reads what protects players.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger_core::stored::LimitTerm;
use ledger_core::{Amount, PlayerId, Timestamp};

use super::page::{
    ExclusionCursor, HitCursor, LimitCursor, counter_key, exclusion_key, exclusion_stem, exclusions_from,
    history_key, hit_key, index_key, limit_key, limits_from, limits_key, limits_stem, money_key,
    play_time_key, player_stem, register_key, span_key, standing_key,
};
use super::player::PlayerControls;
use super::row::{
    ControlRecord, ControlsRow, ExclusionBy, ExclusionRow, LimitHit, LimitRow, LimitSpan, Money,
};
use super::{PlayerProtection, ReadControls};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::EventPlace;
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::{Page, limited, read_page, read_whole};
use crate::period::Period;
use crate::range::{KeyParts, KeyRange, SCAN_ROWS_MAX, key};
use crate::text::parse_id;

/// How many rows are read for each player of a page: more than most have.
const ROWS_OF_A_PLAYER: usize = 32;

fn damaged() -> ViewError {
    ViewError::Damaged("a row of the controls view is of another kind, or missing".to_owned())
}

fn as_span(row: ControlsRow) -> Option<LimitSpan> {
    match row {
        ControlsRow::Span(span) => Some(*span),
        _ => None,
    }
}

fn as_limit(row: ControlsRow) -> Option<LimitRow> {
    match row {
        ControlsRow::Limit(limit) => Some(*limit),
        _ => None,
    }
}

/// All rows of a player, put together.
fn player_of(
    player: &PlayerId,
    mut rows: BTreeMap<KeyParts, ControlsRow>,
) -> Result<Option<PlayerControls>, ViewError> {
    let standing = match rows.remove(&standing_key(player)) {
        Some(ControlsRow::Standing(standing)) => *standing,
        Some(_) => return Err(damaged()),
        None => return Ok(None),
    };
    let index = match rows.remove(&index_key(player)) {
        Some(ControlsRow::Index(index)) => index,
        Some(_) => return Err(damaged()),
        None => super::row::Index::default(),
    };
    let Money { purses, .. } = match rows.remove(&money_key(player)) {
        Some(ControlsRow::Money(money)) => money,
        Some(_) => return Err(damaged()),
        None => Money::default(),
    };
    let mut limits = Vec::with_capacity(index.limits.len());
    for (side, term) in &index.limits {
        let row = rows.remove(&limit_key(player, *side, term)).and_then(as_limit);
        limits.push(row.ok_or_else(damaged)?);
    }
    let mut counters = Vec::with_capacity(index.counters.len());
    for term in &index.counters {
        match rows.remove(&counter_key(player, term)) {
            Some(ControlsRow::Counter(counter)) => counters.push(*counter),
            _ => return Err(damaged()),
        }
    }
    let mut registers = Vec::with_capacity(index.registers.len());
    for register in &index.registers {
        match rows.remove(&register_key(player, register)) {
            Some(ControlsRow::Register(known)) => registers.push(*known),
            _ => return Err(damaged()),
        }
    }
    let play_time = match rows.remove(&play_time_key(player)) {
        Some(ControlsRow::PlayTime(play)) => Some(*play),
        Some(_) => return Err(damaged()),
        None => None,
    };
    let (mut deposits, mut sessions) = (Vec::new(), Vec::new());
    for row in rows.into_values() {
        match row {
            ControlsRow::Deposit(deposit) => deposits.push(*deposit),
            ControlsRow::Session(session) => sessions.push(*session),
            _ => return Err(damaged()),
        }
    }
    let player = player.clone();
    Ok(Some(PlayerControls {
        player,
        standing,
        limits,
        counters,
        play_time,
        deposits,
        registers,
        sessions,
        purses,
    }))
}

#[async_trait]
impl<R: ReadModel<PlayerProtection>> ReadControls for R {
    async fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerControls>>, ViewError> {
        let range = KeyRange::beginning(&player_stem(player))?;
        let found = read_whole(self, &range, "page through the player's history").await?;
        let AtCheckpoint { checkpoint, value } = found;
        let value = player_of(player, value.into_iter().collect())?;
        Ok(AtCheckpoint { checkpoint, value }.of_player(player))
    }

    async fn players(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<PlayerControls, PlayerId>>, ViewError> {
        let limit = limited(limit);
        let mut range = KeyRange::beginning(&key!["player"])?;
        if let Some(player) = after {
            range = range.behind_key(&player_stem(player))?;
        }
        let AtCheckpoint { mut checkpoint, value: Page { rows, next } } =
            self.range(&range, limit.saturating_mul(ROWS_OF_A_PLAYER).min(SCAN_ROWS_MAX)).await?;
        let mut found: Vec<(PlayerId, BTreeMap<KeyParts, ControlsRow>)> = Vec::new();
        for (key, row) in rows {
            match found.last_mut() {
                Some((player, rows)) if player.as_str() == key.part(1) => drop(rows.insert(key, row)),
                _ => found.push((parse_id(PlayerId::new(key.part(1)))?, BTreeMap::from([(key, row)]))),
            }
        }
        // Of the last one more rows may follow.
        let mut more = next.is_some();
        if more && found.len() > 1 {
            found.pop();
        } else if let (true, Some((player, rows))) = (more, found.last_mut()) {
            let own = KeyRange::beginning(&player_stem(player))?;
            let whole = read_whole(self, &own, "page through the player's history").await?;
            (checkpoint, *rows) = (whole.checkpoint, whole.value.into_iter().collect());
        }
        more |= found.len() > limit;
        found.truncate(limit);
        let next = if more { found.last().map(|(player, _)| player.clone()) } else { None };
        let mut rows = Vec::with_capacity(found.len());
        for (player, own) in found {
            rows.extend(player_of(&player, own)?);
        }
        Ok(AtCheckpoint { checkpoint, value: Page { rows, next } })
    }

    async fn history(
        &self,
        player: &PlayerId,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<AtHead<Page<ControlRecord, EventPlace>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["history", player])?;
        if let Some(place) = after {
            range = range.after(&history_key(player, place))?;
        }
        let row = |row: ControlsRow| match row {
            ControlsRow::Record(record) => Some(*record),
            _ => None,
        };
        Ok(read_page(self, &range, limit, |found| row(found).ok_or_else(damaged), |record| record.place)
            .await?
            .of_player(player))
    }

    async fn spans(
        &self,
        player: &PlayerId,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<AtHead<Page<LimitSpan, EventPlace>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["span", player])?;
        if let Some(place) = after {
            range = range.after(&span_key(player, place))?;
        }
        Ok(read_page(self, &range, limit, |found| as_span(found).ok_or_else(damaged), |span| span.place)
            .await?
            .of_player(player))
    }

    async fn in_force_at(
        &self,
        player: &PlayerId,
        at: Timestamp,
    ) -> Result<AtHead<Vec<LimitSpan>>, ViewError> {
        let range = KeyRange::beginning(&key!["span", player])?;
        let found = read_whole(self, &range, "page through the player's spans").await?;
        let AtCheckpoint { checkpoint, value } = found;
        let spans = value.into_iter().map(|(_, row)| as_span(row).ok_or_else(damaged));
        let mut value = spans.collect::<Result<Vec<_>, ViewError>>()?;
        value.retain(|span| span.holds_at(at));
        Ok(AtCheckpoint { checkpoint, value }.of_player(player))
    }

    async fn hits(
        &self,
        period: Period,
        after: Option<&HitCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<LimitHit, HitCursor>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["hit"])?
            .from_key(&key!["hit", period.from])?
            .until_key(&key!["hit", period.until])?;
        if let Some(cursor) = after {
            range = range.after(&hit_key(cursor))?;
        }
        let row = |row: ControlsRow| match row {
            ControlsRow::Hit(hit) => Some(*hit),
            _ => None,
        };
        read_page(self, &range, limit, |found| row(found).ok_or_else(damaged), LimitHit::cursor).await
    }

    async fn exclusions(
        &self,
        by: ExclusionBy,
        now: Timestamp,
        after: Option<&ExclusionCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<ExclusionRow, ExclusionCursor>>, ViewError> {
        // What ends at this instant does not bar any more.
        let from = Timestamp::from_micros(now.as_micros().saturating_add(1)).unwrap_or(now);
        let mut range = KeyRange::beginning(&exclusion_stem(by))?.from_key(&exclusions_from(by, from))?;
        if let Some(cursor) = after {
            range = range.after(&exclusion_key(by, cursor))?;
        }
        let row = |row: ControlsRow| match row {
            ControlsRow::Exclusion(exclusion) => Some(*exclusion),
            _ => None,
        };
        read_page(self, &range, limit, |found| row(found).ok_or_else(damaged), ExclusionRow::cursor).await
    }

    async fn limits_from(
        &self,
        term: &LimitTerm,
        amount: Amount,
        after: Option<&LimitCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<LimitRow, LimitCursor>>, ViewError> {
        let mut range = KeyRange::beginning(&limits_stem(term))?.from_key(&limits_from(term, amount))?;
        if let Some(cursor) = after {
            range = range.after(&limits_key(term, cursor))?;
        }
        read_page(self, &range, limit, |found| as_limit(found).ok_or_else(damaged), LimitRow::cursor).await
    }
}
