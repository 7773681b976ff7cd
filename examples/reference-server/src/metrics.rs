//! Figures for Prometheus: those of the library, those of requests, and those of the casino.
//!
//! Amounts are written as the decimals they are; no float comes near them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use casino_ledger::core::{AccountCode, AccountKind, CurrencyCode, Day, Timestamp};
use casino_ledger::projections::trial_balance::Detail;
use casino_ledger::projections::{PAGE_MAX, Total, ViewError};
use casino_ledger::{ExecuteError, Receipt};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::api::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// The bounds of seconds, in which durations are counted.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The last durations of commands, for the overview.
static LAST: Mutex<VecDeque<Duration>> = Mutex::new(VecDeque::new());
const LAST_MAX: usize = 1_000;

/// Installs the recorder of this process, once.
pub fn install() {
    recorder();
}

fn recorder() -> Option<&'static PrometheusHandle> {
    let built = RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder =
            builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS).ok()?;
        builder.install_recorder().ok()
    });
    built.as_ref()
}

/// The figures of this process as text.
#[cfg(test)]
pub(crate) fn rendered() -> String {
    recorder().map(PrometheusHandle::render).unwrap_or_default()
}

/// Has the recorder tidy up from time to time, also while nobody reads the figures: it would keep every sample until
/// somebody does.
pub(crate) fn upkeep() {
    if let Some(Some(handle)) = RECORDER.get() {
        handle.run_upkeep();
    }
}

/// Counts a request.
pub(crate) fn request(path: &str, status: StatusCode, took: Duration) {
    let labels = [("path", path.to_owned()), ("status", status.as_str().to_owned())];
    metrics::histogram!("casino_http_request_seconds", &labels).record(took.as_secs_f64());
}

/// Counts a command, by kind and by what it came to.
pub(crate) fn transaction(kind: &'static str, answer: &Result<Receipt, ExecuteError>, took: Duration) {
    let status = match answer {
        Ok(receipt) if receipt.replayed => "replayed",
        Ok(_) => "applied",
        Err(ExecuteError::Rejected(_)) => "refused",
        Err(ExecuteError::Indeterminate { .. }) => "unknown",
        Err(error) if error.is_retryable() => "not_recorded",
        Err(_) => "failed",
    };
    metrics::histogram!("casino_transaction_duration_seconds", "type" => kind, "status" => status)
        .record(took.as_secs_f64());
    if let Err(ExecuteError::Rejected(refusal)) = answer {
        metrics::counter!("casino_refusals_total", "type" => kind, "code" => refusal.rejection.code())
            .increment(1);
    }
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.len() == LAST_MAX {
        last.pop_front();
    }
    last.push_back(took);
}

/// How long the last commands of this process took.
#[derive(Debug)]
pub(crate) struct Latency {
    pub(crate) median: String,
    pub(crate) p95: String,
}

pub(crate) fn latency() -> Latency {
    let mut last: Vec<Duration> =
        LAST.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
    last.sort_unstable();
    let at = |percent: usize| {
        let of = last.get((last.len() * percent / 100).min(last.len().saturating_sub(1)));
        of.map_or_else(|| "-".to_owned(), |took| format!("{:.1} ms", took.as_secs_f64() * 1_000.0))
    };
    Latency { median: at(50), p95: at(95) }
}

/// The figures, as Prometheus reads them: with a key, since they tell what all players have. A figure whose view cannot
/// answer is left out, and its absence is what an alert sees.
///
/// # Errors
///
/// [`Problem`] if the caller may not see them.
pub async fn metrics(State(casino): State<Arc<Casino>>, caller: Caller) -> Result<Response, Problem> {
    caller.must_be(&[Role::Monitor, Role::Office])?;
    let Some(handle) = recorder() else { return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()) };
    let mut text = handle.render();
    for figure in [sessions(&casino).await, wallets(&casino).await, held(&casino).await] {
        match figure {
            Ok(lines) => text.push_str(&lines),
            Err(error) => tracing::warn!(%error, "a figure is left out"),
        }
    }
    text.push_str(&views(&casino).await);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

fn gauge(name: &str, help: &str) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n")
}

async fn sessions(casino: &Casino) -> Result<String, ViewError> {
    let name = "casino_active_game_sessions";
    let mut text = gauge(name, "Sessions that were started and not ended.");
    let mut sum = 0_u64;
    for (_, open) in casino.views.sessions.list(None, PAGE_MAX).await?.value.rows {
        sum = sum.saturating_add(open.started.saturating_sub(open.ended));
    }
    let _ = writeln!(text, "{name} {sum}");
    Ok(text)
}

async fn wallets(casino: &Casino) -> Result<String, ViewError> {
    let name = "casino_wallet_balance_total";
    let mut text = gauge(name, "What players have in cash, held stakes and pending withdrawals.");
    let mut sums: BTreeMap<CurrencyCode, Total> = BTreeMap::new();
    for row in casino.views.trial_balance.rows(Detail::Account).await?.value {
        let is_wallet = matches!(
            row.account.code,
            AccountCode::PlayerCash | AccountCode::PlayerHeld | AccountCode::WithdrawalPending
        );
        if is_wallet && row.account.kind == AccountKind::Real {
            let sum = sums.entry(row.account.currency).or_default();
            *sum = row.balance().and_then(|balance| sum.plus(balance)).unwrap_or(*sum);
        }
    }
    for (currency, sum) in sums {
        let _ = writeln!(text, "{name}{{currency=\"{currency}\"}} {sum}");
    }
    Ok(text)
}

const DAY_MICROS: i64 = 86_400_000_000;

/// The day of an instant, in UTC.
pub(crate) fn day(at: Timestamp) -> Option<Day> {
    at.to_string().get(..10)?.parse().ok()
}

/// What is held in open rounds, by the day since when it is.
async fn held(casino: &Casino) -> Result<String, ViewError> {
    let name = "casino_held_funds";
    let mut text = gauge(name, "What is held in open rounds, by the day (UTC) since when it is.");
    let now = casino.now();
    let before = Timestamp::from_micros(now.as_micros().saturating_sub(DAY_MICROS)).unwrap_or(now);
    let (today, yesterday) = (day(now), day(before));
    let mut sums: BTreeMap<(CurrencyCode, &str), Total> = BTreeMap::new();
    let mut rounds = 0_u64;
    for (held, since, of) in casino.views.liability.held_by_day().await?.value {
        if held.kind != AccountKind::Real {
            continue;
        }
        let age = match Some(since) {
            since if since >= today => "today",
            since if since >= yesterday => "yesterday",
            _ => "older",
        };
        let sum = sums.entry((held.currency, age)).or_default();
        *sum = of.cash.plus(of.bonus).and_then(|of| sum.plus(of)).unwrap_or(*sum);
        rounds = rounds.saturating_add(of.rounds);
    }
    for ((currency, age), sum) in sums {
        let _ = writeln!(text, "{name}{{currency=\"{currency}\",age=\"{age}\"}} {sum}");
    }
    text.push_str(&gauge("casino_held_rounds", "Rounds that hold something."));
    let _ = writeln!(text, "casino_held_rounds {rounds}");
    Ok(text)
}

async fn views(casino: &Casino) -> String {
    let name = "casino_view_lag_commits";
    let mut text = gauge(name, "How many commits a view does not contain yet.");
    let standing = casino.views.standing().await;
    for view in &standing {
        let _ = writeln!(text, "{name}{{view=\"{}\"}} {}", view.name, view.lag);
    }
    text.push_str(&gauge("casino_view_stopped", "Whether a view cannot go on."));
    for view in &standing {
        let stopped = u8::from(view.stopped.is_some());
        let _ = writeln!(text, "casino_view_stopped{{view=\"{}\"}} {stopped}", view.name);
    }
    text
}
