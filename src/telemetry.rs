//! What the library itself tells a `metrics` recorder, if the host has installed one.

use std::time::Duration;

use crate::lane::Lane;
use crate::shared::Shared;

/// Counts a batch that goes to the store.
pub(crate) fn batch(shared: &Shared, commits: usize, bytes: usize, outcomes: [(&'static str, u64); 5]) {
    for (outcome, count) in outcomes {
        if count > 0 {
            metrics::counter!("casino_ledger_commands_total", "outcome" => outcome).increment(count);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "figures for a dashboard, not money")]
    {
        metrics::histogram!("casino_ledger_batch_commits").record(commits as f64);
        metrics::histogram!("casino_ledger_batch_bytes").record(bytes as f64);
        for (lane, depth) in Lane::ALL.into_iter().zip(shared.inbox.depth()) {
            metrics::gauge!("casino_ledger_lane_depth", "lane" => lane.as_str()).set(depth as f64);
        }
    }
}

/// Tells how long a durable write took.
pub(crate) fn write(took: Duration) {
    metrics::histogram!("casino_ledger_append_seconds").record(took.as_secs_f64());
}

/// Tells how many players are cached, and their estimated bytes.
pub(crate) fn cache(players: usize, bytes: usize) {
    #[expect(clippy::cast_precision_loss, reason = "figures for a dashboard, not money")]
    {
        metrics::gauge!("casino_ledger_cached_players").set(players as f64);
        metrics::gauge!("casino_ledger_cached_bytes").set(bytes as f64);
    }
}
