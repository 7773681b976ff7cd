//! Sums of the house: revenue, the trial balance, what is owed.

use ledger_core::Book;

use super::{Job, kind, need, ratio, sum};
use crate::liability::LiabilitySums;
use crate::reports::cell::Cell;
use crate::reports::definition::ReportSource;
use crate::reports::error::{DefinitionError, ReportError};
use crate::reports::run::Rows;
use crate::revenue::Breakdown;
use crate::trial_balance::Detail;

impl Job<'_> {
    pub(super) async fn revenue(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = self.views.revenue.get(&self.definition.zone);
        let reader = reader.ok_or(ReportError::NoView("revenue of its time zone"))?;
        let (from, to) = self.arguments.days.ok_or(DefinitionError::NeedsPeriod)?;
        let asks = |name| self.definition.asks_for(name);
        let by = Breakdown {
            day: asks("day"),
            operator: asks("operator"),
            brand: asks("brand"),
            jurisdiction: asks("jurisdiction"),
            source: asks("source"),
            game: asks("game"),
        };
        let found = reader.sums(from, to, by).await?;
        rows.begin(&found.checkpoint)?;
        for (key, sums) in found.value {
            let mut cells = vec![
                key.day.map_or(Cell::Empty, Cell::Day),
                kind(key.kind),
                Cell::maybe(key.operator.as_ref()),
                Cell::maybe(key.brand.as_ref()),
                Cell::maybe(key.jurisdiction.as_ref()),
                Cell::maybe(key.source.as_ref()),
                Cell::maybe(key.game.as_ref()),
                Cell::text(key.currency),
                Cell::Integer(sums.bets),
            ];
            cells.extend(sums.columns().into_iter().map(|(_, amount)| Cell::Amount(amount)));
            cells.extend([
                sum(sums.ggr_cash())?,
                sum(sums.ggr_total())?,
                sum(sums.ggr_withdrawable())?,
                sum(sums.bonus_cost())?,
                sum(sums.ngr_after_bonuses())?,
                sum(sums.ngr_after_costs())?,
                ratio(sums.rtp()),
                ratio(sums.rtp_with_contributions()),
                ratio(sums.rtp_with_jackpots()),
                ratio(sums.hold()),
            ]);
            rows.row(cells)?;
        }
        Ok(())
    }

    pub(super) async fn trial_balance(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found =
            need(self.views.trial_balance.as_ref(), "trial_balance")?.rows(Detail::SubAccount).await?;
        rows.begin(&found.checkpoint)?;
        for row in found.value {
            let account = &row.account;
            let book = match account.code.book() {
                Book::Cash => "cash",
                Book::Bonus => "bonus",
            };
            rows.row(vec![
                kind(account.kind),
                Cell::text(book),
                Cell::text(account.code.code()),
                Cell::text(account.code.name()),
                Cell::maybe(account.of.as_ref()),
                Cell::text(account.currency),
                Cell::Amount(row.debits),
                Cell::Amount(row.credits),
                sum(row.balance())?,
            ])?;
        }
        Ok(())
    }

    pub(super) async fn liability(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found = need(self.views.liability.as_ref(), "liability")?.liability().await?;
        rows.begin(&found.checkpoint)?;
        for (key, sums) in found.value {
            let mut cells = vec![
                kind(key.kind),
                Cell::maybe(key.operator.as_ref()),
                Cell::maybe(key.brand.as_ref()),
                Cell::text(key.currency),
            ];
            cells.extend(columns(&sums));
            cells.extend([sum(sums.owed())?, sum(sums.owed_until_paid())?, sum(sums.funds())?]);
            rows.row(cells)?;
        }
        Ok(())
    }

    pub(super) async fn held(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found = need(self.views.liability.as_ref(), "liability")?.held().await?;
        rows.begin(&found.checkpoint)?;
        for (key, sums) in found.value {
            rows.row(vec![
                kind(key.kind),
                Cell::maybe(key.operator.as_ref()),
                Cell::maybe(key.brand.as_ref()),
                Cell::maybe(key.source.as_ref()),
                Cell::maybe(key.game.as_ref()),
                Cell::text(key.currency),
                Cell::Integer(sums.rounds),
                Cell::Amount(sums.cash),
                Cell::Amount(sums.bonus),
            ])?;
        }
        Ok(())
    }

    pub(super) async fn cover(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found = need(self.views.liability.as_ref(), "liability")?.cover().await?;
        rows.begin(&found.checkpoint)?;
        for cover in found.value {
            let mut cells = vec![
                kind(cover.kind),
                Cell::text(cover.currency),
                Cell::Amount(cover.owed),
                Cell::Amount(cover.funds),
                ratio(cover.ratio()),
                Cell::Flag(cover.is_covered()),
            ];
            cells.extend(columns(&cover.sums));
            cells.push(sum(cover.sums.owed_until_paid())?);
            rows.row(cells)?;
        }
        Ok(())
    }
}

/// In the order of the fields of [`ReportSource::Liability`], which is that of the view.
fn columns(sums: &LiabilitySums) -> impl Iterator<Item = Cell> {
    debug_assert!(ReportSource::Liability.fields().len() == 24);
    sums.columns().into_iter().map(|(_, amount)| Cell::Amount(amount))
}
