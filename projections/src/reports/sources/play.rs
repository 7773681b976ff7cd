//! Rounds and games.

use ledger_core::stored::RoundStatus;

use super::{Job, kind, need, ratio, sum, word};
use crate::page::PAGE_MAX;
use crate::reports::cell::Cell;
use crate::reports::error::ReportError;
use crate::reports::run::Rows;
use crate::rounds::RoundRow;
use crate::text::status_text;
use crate::total::Total;

fn largest(amounts: impl Iterator<Item = ledger_core::Amount>) -> Cell {
    let largest = amounts.map(Cell::amount).max_by(Cell::order);
    largest.unwrap_or(Cell::Empty)
}

fn round(row: &RoundRow) -> Result<Vec<Cell>, ReportError> {
    let games = row.games();
    let ggr = row.staked.minus(row.refunded).and_then(|staked: Total| staked.minus(row.paid));
    Ok(vec![
        Cell::text(&row.player),
        Cell::text(&row.source),
        Cell::text(&row.round),
        kind(row.kind),
        Cell::text(status_text(row.status)?),
        Cell::maybe(row.currency.as_ref()),
        Cell::maybe(games.first().copied()),
        Cell::count(games.len()),
        Cell::count(row.bets.len()),
        Cell::count(row.wins.len()),
        Cell::Amount(row.staked),
        Cell::Amount(row.paid),
        Cell::Amount(row.refunded),
        largest(row.bets.iter().map(|bet| bet.stake)),
        largest(row.wins.iter().map(|win| win.amount)),
        sum(ggr)?,
        Cell::Instant(row.opened.at),
        row.closed.map_or(Cell::Empty, |closed| Cell::Instant(closed.at)),
        row.by_rule.as_ref().map(word).transpose()?.unwrap_or(Cell::Empty),
        Cell::Integer(u64::from(row.shard.0)),
        Cell::Integer(row.opened.position.0),
    ])
}

impl Job<'_> {
    pub(super) async fn rounds(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.rounds.as_ref(), "rounds")?;
        rows.begin(&reader.checkpoint().await?)?;
        for status in [RoundStatus::Open, RoundStatus::Closed, RoundStatus::Void, RoundStatus::Cancelled] {
            let mut cursor = None;
            loop {
                rows.control().go_on()?;
                let page = reader.list(status, cursor.as_ref(), PAGE_MAX).await?;
                rows.still(&page.checkpoint)?;
                for row in page.value.rows.iter().filter(|row| self.is_in_period(row.opened.at)) {
                    rows.row(round(row)?)?;
                }
                cursor = page.value.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn games(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found = need(self.views.rounds.as_ref(), "rounds")?.games().await?;
        rows.begin(&found.checkpoint)?;
        for game in found.value {
            rows.row(vec![
                kind(game.kind),
                Cell::text(&game.game),
                Cell::text(game.currency),
                Cell::Integer(game.rounds),
                Cell::Amount(game.stakes),
                Cell::Amount(game.payouts),
                sum(game.ggr())?,
                ratio(game.rtp()),
            ])?;
        }
        Ok(())
    }
}
