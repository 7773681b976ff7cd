//! The watchdog: no caller waits without limit, also while a durable write hangs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::ExecuteError;
use crate::inbox::STALLED;
use crate::shared::Shared;
use crate::threads::{Bell, Threads};

/// Ends the watchdog.
#[derive(Debug)]
pub(crate) struct Leash {
    ended: Mutex<bool>,
    bell: Bell,
    threads: Threads,
}

impl Leash {
    pub(crate) fn new(threads: Threads) -> Self {
        Self { ended: Mutex::new(false), bell: threads.bell(), threads }
    }

    pub(crate) fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.ring();
    }

    /// Sleeps for a while; answers whether it is over.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let until = self.threads.now().saturating_add(time);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.saturating_sub(self.threads.now());
            if *ended || left.is_zero() {
                return *ended;
            }
            ended = self.bell.wait(&self.ended, ended, Some(left));
        }
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
