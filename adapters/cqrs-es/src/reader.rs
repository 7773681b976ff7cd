//! A thread that reads the log for an event store: stores may block on a disk, and no worker of a host's runtime may.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use casino_ledger::core::{Partition, PlayerId};
use casino_ledger::projections::Commit;
use casino_ledger::store::{EventStore, Position, READ_COMMITS_MAX, Shard, StoreError};
use cqrs_es::EventEnvelope;
use tokio::sync::{mpsc, oneshot};

use crate::aggregate::PlayerLedger;
use crate::envelope::{EventPlace, envelopes};
use crate::error::AdapterError;

/// How many reads wait for the thread before the next caller waits to hand in his.
const WAITING_MAX: usize = 64;

/// What went wrong while events were read.
pub(crate) type ReadError = Box<dyn std::error::Error + Send + Sync>;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Hands reads to the thread. The thread ends with the last of its handles.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    store: Arc<dyn EventStore>,
    work: mpsc::Sender<Work>,
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()
}

/// Runs something on a thread of its own, with a runtime that may block.
pub(crate) fn on_a_thread<F>(name: &str, work: impl FnOnce() -> F + Send + 'static) -> std::io::Result<()>
where
    F: Future<Output = ()>,
{
    let runtime = runtime()?;
    let thread = std::thread::Builder::new().name(format!("ledger-cqrs-{name}"));
    thread.spawn(move || runtime.block_on(work())).map(drop)
}

impl Reader {
    pub(crate) fn start(store: Arc<dyn EventStore>) -> std::io::Result<Self> {
        let (work, mut waiting) = mpsc::channel::<Work>(WAITING_MAX);
        let runtime = runtime()?;
        let thread = std::thread::Builder::new().name("ledger-cqrs-read".to_owned());
        let body = move || {
            while let Some(work) = waiting.blocking_recv() {
                // Whoever asked hears of a panic by an answer that does not come.
                if catch_unwind(AssertUnwindSafe(|| runtime.block_on(work))).is_err() {
                    tracing::error!("a read for cqrs-es panicked");
                }
            }
        };
        thread.spawn(body)?;
        Ok(Self { store, work })
    }

    pub(crate) fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    async fn read<T, F>(&self, work: impl FnOnce(Arc<dyn EventStore>) -> F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ReadError>> + Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        let work = work(Arc::clone(&self.store));
        let work = Box::pin(async move { drop(send.send(work.await)) });
        self.work.send(work).await.map_err(|_| AdapterError::Ended)?;
        receive.await.map_err(|_| AdapterError::Ended)?
    }

    /// The events of a player behind a sequence, oldest first.
    pub(crate) async fn of_player(
        &self,
        player: PlayerId,
        after: usize,
        max: usize,
    ) -> Result<Vec<EventEnvelope<PlayerLedger>>, ReadError> {
        self.read(move |store| async move {
            let mut pages = PlayerPages::new(store, &player, after);
            let mut all = Vec::new();
            while let Some(page) = pages.next().await? {
                if all.len() + page.len() > max {
                    return Err(AdapterError::TooMany { max }.into());
                }
                all.extend(page);
            }
            Ok(all)
        })
        .await
    }

    /// The events of one commit.
    pub(crate) async fn of_commit(
        &self,
        shard: Shard,
        position: Position,
    ) -> Result<Vec<EventEnvelope<PlayerLedger>>, ReadError> {
        self.read(move |store| async move {
            let page = store.read(shard, position, 1).await?;
            let stored = page.first().filter(|stored| stored.position == position).ok_or_else(|| {
                StoreError::Corrupted(format!("position {position} of shard {shard} is not there"))
            })?;
            let all = envelopes(&Commit::decode(stored)?)?;
            Ok(all.map(|(_, events)| events).unwrap_or_default())
        })
        .await
    }
}

/// A player's events, a page at a time.
pub(crate) struct PlayerPages {
    store: Arc<dyn EventStore>,
    partition: casino_ledger::core::PartitionDigest,
    at: Position,
    after: usize,
}

impl PlayerPages {
    pub(crate) fn new(store: Arc<dyn EventStore>, player: &PlayerId, after: usize) -> Self {
        let partition = Partition::Player(player.clone()).digest();
        // The commit that the sequence names may have further events.
        let at = Position(EventPlace::of_sequence(after).position.0.saturating_sub(1));
        Self { store, partition, at, after }
    }

    /// The next page; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<EventEnvelope<PlayerLedger>>>, ReadError> {
        let page = self.store.read_partition(&self.partition, self.at, READ_COMMITS_MAX).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.at = last.position;
        let mut events = Vec::with_capacity(page.len());
        for stored in &page {
            if let Some((_, own)) = envelopes(&Commit::decode(stored)?)? {
                events.extend(own.into_iter().filter(|event| event.sequence > self.after));
            }
        }
        Ok(Some(events))
    }
}
