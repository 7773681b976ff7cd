//! The actual return to players beside the theoretical one.

use rust_decimal::Decimal;

use super::{Job, kind, ratio};
use crate::period::date;
use crate::reports::cell::Cell;
use crate::reports::error::{DefinitionError, ReportError};
use crate::reports::run::Rows;
use crate::revenue::Breakdown;
use crate::rtp::{RTP_DAYS_MAX, RtpRules, RtpWindow, actual_rtp};

/// How many standard deviations are chance, if nothing is told: what one of a hundred games passes by chance alone.
const SIGMAS: &str = "2.576";
/// Of fewer bets nothing is said, if nothing is told.
const BETS_MIN: u64 = 10_000;

impl Job<'_> {
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ReportError> {
        let read = |text: &str| {
            let (field, value) = (name.to_owned(), text.chars().take(64).collect());
            text.parse().map_err(|_| DefinitionError::Value { field, value })
        };
        Ok(self.parameter(name).map(read).transpose()?)
    }

    fn sigmas(&self) -> Result<Decimal, ReportError> {
        let text = self.parameter("sigmas").unwrap_or(SIGMAS);
        let read = Decimal::from_str_exact(text).ok().filter(|sigmas| !sigmas.is_sign_negative());
        let wrong =
            || DefinitionError::Value { field: "sigmas".to_owned(), value: text.chars().take(64).collect() };
        Ok(read.ok_or_else(wrong)?)
    }

    /// Over the days of the report; with `bets` over the last of them, as many as it takes to have so many bets.
    pub(super) async fn rtp(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = self.views.revenue.get(&self.definition.zone);
        let reader = reader.ok_or(ReportError::NoView("revenue of its time zone"))?;
        let (from, to) = self.arguments.days.ok_or(DefinitionError::NeedsPeriod)?;
        let days = date(from).zip(date(to)).and_then(|(from, to)| from.until(to).ok());
        let days = days.and_then(|span| u16::try_from(span.get_days()).ok()?.checked_add(1));
        let days = days
            .filter(|days| *days <= RTP_DAYS_MAX)
            .ok_or_else(|| DefinitionError::TooMany { what: "days", most: usize::from(RTP_DAYS_MAX) })?;
        let window = match self.number("bets")? {
            Some(bets) => RtpWindow::Bets { bets, days_max: days },
            None => RtpWindow::Days(days),
        };
        let rules = RtpRules {
            games: self.views.certified.clone(),
            sigmas: self.sigmas()?,
            bets_min: self.number("bets_min")?.unwrap_or(BETS_MIN),
        };
        let asks = |name| self.definition.asks_for(name);
        let by = Breakdown {
            day: false,
            operator: asks("operator"),
            brand: asks("brand"),
            jurisdiction: asks("jurisdiction"),
            source: asks("source"),
            game: asks("game"),
        };
        let found = actual_rtp(reader.as_ref(), to, window, by, &rules).await?;
        rows.begin(&found.checkpoint)?;
        for row in found.value {
            let key = &row.key;
            rows.row(vec![
                Cell::Day(row.from),
                kind(key.kind),
                Cell::maybe(key.operator.as_ref()),
                Cell::maybe(key.brand.as_ref()),
                Cell::maybe(key.jurisdiction.as_ref()),
                Cell::maybe(key.source.as_ref()),
                Cell::maybe(key.game.as_ref()),
                Cell::text(key.currency),
                Cell::Integer(row.bets),
                Cell::Amount(row.stakes),
                Cell::Amount(row.payouts),
                ratio(row.actual),
                ratio(row.theoretical),
                ratio(row.deviation),
                ratio(row.bound),
                Cell::text(row.flag.as_str()),
            ])?;
        }
        Ok(())
    }
}
