//! The watchdog: no caller waits without limit, also while a durable write hangs.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::ExecuteError;
use crate::inbox::STALLED;
use crate::shared::Shared;

/// Ends the watchdog.
#[derive(Debug, Default)]
pub(crate) struct Leash {
    ended: Mutex<bool>,
    bell: Condvar,
}

impl Leash {
    pub(crate) fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Sleeps for a while; answers whether it is over.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, _) = self
            .bell
            .wait_timeout_while(ended, time, |ended| !*ended)
            .unwrap_or_else(PoisonError::into_inner);
        *ended
    }
}

/// Looks at the write under way. If it takes longer than the limit, its callers are told that the outcome
/// is unknown, and those that wait behind it that nothing was recorded.
pub(crate) fn run(shared: &Arc<Shared>, leash: &Leash) {
    let limit = shared.settings.write_timeout;
    let pace = (limit / 10).clamp(Duration::from_millis(1), Duration::from_millis(100));
    while !leash.sleep(pace) {
        if shared.in_flight.age().is_none_or(|age| age <= limit) {
            continue;
        }
        let waiting = shared.inbox.stall(true);
        if shared.in_flight.age().is_none() {
            // It returned just now.
            shared.inbox.stall(false);
        }
        for job in waiting {
            job.fail(ExecuteError::Unavailable { reason: STALLED.to_owned() });
        }
        if shared.in_flight.age().is_some_and(|age| age > limit)
            && let Some(entries) = shared.in_flight.take()
        {
            tracing::error!(waiting = entries.len(), "a durable write hangs: its outcome is unknown");
            for entry in entries {
                entry.unknown(STALLED);
            }
        }
    }
}
