//! Gaming revenue: GGR by day, and what each game pays back, beside what it should.

use std::sync::Arc;

use axum::extract::State;
use casino_ledger::Decimal;
use casino_ledger::core::{AccountKind, Day, Timestamp};
use casino_ledger::projections::Total;
use casino_ledger::projections::revenue::Breakdown;
use maud::{Markup, html};

use super::chart::{bars, chart};
use super::{may_look, page as whole};
use crate::api::{Caller, Problem};
use crate::casino::Casino;
use crate::metrics;

/// How many days are shown.
const DAYS: u64 = 30;

fn day(at: Timestamp) -> Result<Day, Problem> {
    metrics::day(at).ok_or_else(|| Problem::not_found("there is no such day"))
}

fn shown(total: Option<Total>) -> String {
    total.map_or_else(|| "beyond 128 bits".to_owned(), |total| total.to_string())
}

fn percent(share: Option<Decimal>) -> String {
    let percent = share.and_then(|share| share.checked_mul(Decimal::ONE_HUNDRED));
    percent.map_or_else(String::new, |percent| format!("{} %", percent.round_dp(2).normalize()))
}

pub(super) async fn page(State(casino): State<Arc<Casino>>, caller: Caller) -> Result<Markup, Problem> {
    may_look(&caller)?;
    let now = casino.now();
    let begin = Timestamp::from_micros(now.as_micros() - i64::try_from(DAYS * 86_400_000_000).unwrap_or(0));
    let (from, to) = (day(begin.map_err(|_| Problem::not_found("there is no such day"))?)?, day(now)?);
    let catalogue = casino.catalogue.games();
    let by_day = Breakdown { day: true, ..Breakdown::NONE };
    let by_game = Breakdown { game: true, source: true, ..Breakdown::NONE };
    let days = casino.views.revenue.sums(from, to, by_day).await?.value;
    let games = casino.views.revenue.sums(from, to, by_game).await?.value;
    let days: Vec<_> = days.into_iter().filter(|(key, _)| key.kind == AccountKind::Real).collect();
    let games: Vec<_> =
        games.into_iter().filter(|(key, _)| key.kind == AccountKind::Real && key.game.is_some()).collect();
    let mut currencies: Vec<_> = days.iter().map(|(key, _)| key.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    Ok(whole(
        "Revenue",
        "/revenue",
        &html! {
            p { "The last " (DAYS) " days of UTC. Gross gaming revenue is stakes of settled bets less wins." }
            @for currency in &currencies {
                @let of: Vec<_> = days.iter().filter(|(key, _)| key.currency == *currency).collect();
                @let values: Vec<_> = of.iter().filter_map(|(key, sums)| {
                    let ggr = sums.ggr_cash()?;
                    Some((key.day?.to_string().get(5..)?.to_owned(), ggr.units(), ggr.to_string()))
                }).collect();
                h2 { "GGR by day, " (currency) }
                (chart(&format!("Gross gaming revenue by day in {currency}"), &bars(&values)))
                div.wide { table {
                    thead { tr { th { "day" } th.n { "bets" } th.n { "stakes" } th.n { "payouts" } th.n { "GGR" } th.n { "RTP" } } }
                    tbody { @for (key, sums) in &of {
                        tr {
                            td { @if let Some(day) = key.day { (day) } } td.n { (sums.bets) } td.n { (sums.stakes) }
                            td.n { (sums.payouts) } td.n { (shown(sums.ggr_cash())) } td.n { (percent(sums.rtp())) }
                        }
                    } }
                } }
            }
            h2 { "Games" }
            @let values: Vec<_> = games.iter().filter_map(|(key, sums)| {
                let rtp = sums.rtp()?.checked_mul(Decimal::from(10_000))?.trunc();
                let label = format!("{} {}", key.game.as_ref()?, key.currency);
                Some((label, rtp.mantissa(), percent(sums.rtp())))
            }).collect();
            (chart("Return to player by game", &bars(&values)))
            div.wide { table {
                thead { tr { th { "game" } th { "provider" } th { "currency" } th.n { "bets" } th.n { "stakes" } th.n { "payouts" } th.n { "GGR" } th.n { "RTP" } th.n { "in theory" } } }
                tbody { @for (key, sums) in &games {
                    @let game = key.game.as_ref();
                    @let theory = game.and_then(|game| catalogue.by_id.get(game)?.rtp.as_deref());
                    tr {
                        td { @if let Some(game) = game { (game) } } td { @if let Some(source) = &key.source { (source) } }
                        td { (key.currency) } td.n { (sums.bets) } td.n { (sums.stakes) } td.n { (sums.payouts) }
                        td.n { (shown(sums.ggr_cash())) } td.n { (percent(sums.rtp())) }
                        td.n { (percent(theory.and_then(|text| Decimal::from_str_exact(text).ok()))) }
                    }
                } }
            } }
        },
    ))
}
