//! Awards, offers and campaigns.

use super::{Job, instant, kind, need, sum, word};
use crate::page::PAGE_MAX;
use crate::reports::cell::Cell;
use crate::reports::error::ReportError;
use crate::reports::run::Rows;

impl Job<'_> {
    pub(super) async fn awards(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.bonuses.as_ref(), "bonuses")?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let page = reader.live(cursor.as_ref(), PAGE_MAX).await?;
            rows.still(&page.checkpoint)?;
            for row in &page.value.rows {
                rows.row(vec![
                    Cell::text(&row.player),
                    Cell::text(&row.award.source),
                    Cell::text(&row.award.id),
                    kind(row.kind),
                    Cell::maybe(row.brand.as_ref()),
                    Cell::text(&row.campaign),
                    Cell::text(&row.terms),
                    Cell::text(row.hash),
                    word(&row.state)?,
                    Cell::text(row.currency),
                    Cell::amount(row.amount),
                    Cell::amount(row.target),
                    Cell::amount(row.progress),
                    Cell::amount(row.to_wager()),
                    Cell::amount(row.balance),
                    Cell::amount(row.held),
                    Cell::Instant(row.issued_at),
                    instant(row.activated_at),
                    instant(row.expires_at),
                    Cell::amount(row.converted),
                    Cell::amount(row.forfeited),
                ])?;
            }
            cursor = page.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn offers(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found = need(self.views.bonuses.as_ref(), "bonuses")?.offers().await?;
        rows.begin(&found.checkpoint)?;
        for (key, sums) in found.value {
            rows.row(vec![
                kind(key.kind),
                Cell::text(&key.campaign),
                Cell::text(&key.terms),
                Cell::text(&key.hash),
                Cell::text(key.currency),
                Cell::Integer(sums.granted),
                Cell::Integer(sums.live),
                Cell::Integer(sums.completed),
                Cell::Integer(sums.lost),
                Cell::Integer(sums.expired),
                Cell::Integer(sums.forfeited),
                Cell::Amount(sums.issued),
                Cell::Amount(sums.wagered),
                Cell::Amount(sums.converted),
                Cell::Amount(sums.forfeited_amount),
                Cell::Amount(sums.expired_amount),
                Cell::Amount(sums.balance),
                sum(sums.played_away())?,
            ])?;
        }
        Ok(())
    }

    pub(super) async fn campaigns(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found = need(self.views.bonuses.as_ref(), "bonuses")?.campaigns().await?;
        rows.begin(&found.checkpoint)?;
        for (key, sums) in found.value {
            rows.row(vec![
                kind(key.kind),
                Cell::text(&key.campaign),
                Cell::text(key.currency),
                Cell::Amount(sums.issued),
                Cell::Amount(sums.forfeited),
                Cell::Amount(sums.expired),
                Cell::Amount(sums.converted),
                Cell::Amount(sums.free_round_wins),
                Cell::Amount(sums.cashback),
                sum(sums.cost())?,
            ])?;
        }
        Ok(())
    }
}
