//! The durable write of a batch: what goes out, what is in flight, and what became of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ledger_store::{EventStore, Head, Shard, ShardAppend, StoreError};

use crate::job::Entry;
use crate::panics::guarded;
use crate::stations::{self, Station};
use crate::threads::Threads;

/// The longest pause before the bytes of an append of unknown outcome are sent again.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// A batch on its way to the store.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) appends: Vec<ShardAppend>,
    /// Heads to be confirmed on a store that others may write to.
    pub(crate) confirm: Vec<(Shard, Head)>,
}

/// What became of a write.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Everything is durable.
    Durable,
    /// On these shards another writer was faster; the others are durable.
    Moved(Vec<(Shard, Head)>),
    /// Nothing landed.
    NotLanded(StoreError),
    /// Whether it landed is unknown, and will not be found out.
    Unknown(StoreError),
}

/// The report of a write.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) fate: Fate,
    /// The heads of the shards that are durable.
    pub(crate) heads: Vec<(Shard, Head)>,
    /// The entries that were not answered.
    pub(crate) entries: Vec<Entry>,
    /// Entries whose commits are durable, and whose answers wait for the writer.
    pub(crate) held: Vec<Entry>,
    pub(crate) took: Duration,
}

/// The entries of the batch being written. The watchdog takes them if the write hangs.
#[derive(Debug)]
pub(crate) struct InFlight {
    entries: Mutex<Option<Vec<Entry>>>,
    /// Milliseconds at which the write began, plus one; 0 if there is none.
    since: AtomicU64,
    threads: Threads,
}

impl InFlight {
    pub(crate) fn new(threads: Threads) -> Self {
        Self { entries: Mutex::new(None), since: AtomicU64::new(0), threads }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.threads.now().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    pub(crate) fn begin(&self, entries: Vec<Entry>) {
        *self.entries.lock().unwrap_or_else(PoisonError::into_inner) = Some(entries);
        self.since.store(self.now(), Ordering::Release);
    }

    /// For how long the write has been under way.
    pub(crate) fn age(&self) -> Option<Duration> {
        match self.since.load(Ordering::Acquire) {
            0 => None,
            since => Some(Duration::from_millis(self.now().saturating_sub(since))),
        }
    }

    pub(crate) fn take(&self) -> Option<Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn end(&self) -> Vec<Entry> {
        self.since.store(0, Ordering::Release);
        self.take().unwrap_or_default()
    }
}

/// Appends and finds out what became of it. An unknown outcome is settled by sending the same bytes again, also
/// while the store is unavailable: until then nothing else may be decided on these heads. Meanwhile the watchdog
/// answers those who wait.
async fn append(
    store: &dyn EventStore,
    appends: &[ShardAppend],
    threads: &Threads,
    limit: Duration,
) -> Result<Vec<Result<Head, StoreError>>, (StoreError, bool)> {
    if appends.is_empty() {
        return Ok(Vec::new());
    }
    let start = threads.now();
    let mut unknown = false;
    let mut pause = Duration::from_millis(1);
    loop {
        match store.append(appends).await {
            Ok(results) => return Ok(results),
            Err(StoreError::Unknown { reason }) => {
                tracing::warn!(%reason, "whether an append landed is unknown: sending the same bytes again");
                unknown = true;
            }
            // It says of this sending only that it did nothing.
            Err(StoreError::Unavailable { reason, .. }) if unknown && !store.is_stopped() => {
                tracing::warn!(%reason, "whether an append landed is unknown, and the store is unavailable");
            }
            Err(error) => return Err((error, unknown)),
        }
        if threads.now().saturating_sub(start) > limit {
            let reason = format!("the store could not tell for {} s", limit.as_secs());
            return Err((StoreError::Unknown { reason }, true));
        }
        // This thread is the engine's own, and nothing can be done but ask again.
        threads.sleep(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Writes a batch, and answers what is durable. Runs on the writer's thread or on the one for writes.
/// `settled` is called when the write is over, so that what the watchdog marked can be cleared.
pub(crate) fn perform(
    store: &dyn EventStore,
    runtime: &tokio::runtime::Runtime,
    outgoing: &Outgoing,
    in_flight: &InFlight,
    settled: &dyn Fn(),
    limit: Duration,
) -> Written {
    let commits: usize = outgoing.appends.iter().map(|append| append.commits.len()).sum();
    let _span = tracing::debug_span!("append", shards = outgoing.appends.len(), commits).entered();
    let threads = &in_flight.threads;
    let start = threads.now();
    // A store that panics must not take the thread with it: somebody waits for each of these answers.
    let appending = stations::enter(Station::Append);
    let result = guarded(|| runtime.block_on(append(store, &outgoing.appends, threads, limit)))
        .unwrap_or_else(|reason| Err((StoreError::Unknown { reason }, true)));
    drop(appending);
    let confirmed = match &result {
        Ok(_) if !outgoing.confirm.is_empty() && !store.is_exclusive() => {
            guarded(|| runtime.block_on(store.heads()).map(Some))
                .unwrap_or_else(|reason| Err(StoreError::Unavailable { reason, source: None }))
        }
        _ => Ok(None),
    };
    let took = threads.now().saturating_sub(start);
    let entries = in_flight.end();
    settled();
    let landed = match result {
        Ok(landed) => landed,
        Err((error, unknown)) => {
            let fate = if unknown { Fate::Unknown(error) } else { Fate::NotLanded(error) };
            return Written { fate, heads: Vec::new(), entries, held: Vec::new(), took };
        }
    };
    let (mut heads, mut moved) = (Vec::with_capacity(landed.len()), Vec::new());
    for (append, result) in outgoing.appends.iter().zip(landed) {
        match result {
            Ok(head) => heads.push((append.shard, head)),
            Err(StoreError::HeadMoved { actual, .. }) => moved.push((append.shard, actual)),
            // The writer looks at the history of a shard that moved, and stops it.
            Err(StoreError::HistoryLost { seen, .. }) => moved.push((append.shard, seen)),
            Err(error) => {
                return Written { fate: Fate::Unknown(error), heads, entries, held: Vec::new(), took };
            }
        }
    }
    // The commits are durable whatever the look at the heads says; the answers without one rest on it.
    let mut unconfirmed = None;
    match confirmed {
        Ok(None) => {}
        Ok(Some(actual)) => {
            moved.extend(outgoing.confirm.iter().filter_map(|(shard, expected)| {
                let actual = actual.get(shard.index())?;
                if actual == expected { None } else { Some((*shard, *actual)) }
            }));
        }
        Err(error) => unconfirmed = Some(error),
    }
    let (mut held, mut again) = (Vec::new(), Vec::new());
    if moved.is_empty() && unconfirmed.is_none() {
        let _answer = stations::enter(Station::Answer);
        for entry in entries {
            if entry.is_held { held.push(entry) } else { entry.release() }
        }
        return Written { fate: Fate::Durable, heads, entries: again, held, took };
    }
    for entry in entries {
        let shard = entry.job.shard;
        let is_confirmed = heads.iter().any(|(landed, _)| *landed == shard);
        if moved.iter().any(|(moved, _)| *moved == shard) {
            again.push(entry);
        } else if let Some(error) = unconfirmed.as_ref().filter(|_| !is_confirmed) {
            entry.not_recorded(error);
        } else if entry.is_held {
            held.push(entry);
        } else {
            entry.release();
        }
    }
    let fate = if moved.is_empty() { Fate::Durable } else { Fate::Moved(moved) };
    Written { fate, heads, entries: again, held, took }
}
