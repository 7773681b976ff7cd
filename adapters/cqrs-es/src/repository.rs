//! The ledger as a persisted event repository that can be read.

use casino_ledger::projections::Commit;
use casino_ledger::store::{EventStore, READ_COMMITS_MAX, StoreError};
use cqrs_es::persist::{
    PersistedEventRepository, PersistenceError, ReplayFeed, ReplayStream, SerializedEvent, SerializedSnapshot,
};
use cqrs_es::{Aggregate, EventEnvelope};
use serde_json::Value;
use std::sync::Arc;

use crate::aggregate::{AGGREGATE_TYPE, PlayerLedger, player_of};
use crate::envelope::envelopes;
use crate::error::AdapterError;
use crate::event_store::EVENTS_LOADED_MAX;
use crate::reader::{PlayerPages, ReadError, Reader, on_a_thread};

/// How many events a stream reads ahead of who takes them.
const STREAM_AHEAD: usize = 256;

/// The events of a ledger's players for what reads a [`PersistedEventRepository`], such as `cqrs_es::persist::QueryReplay`,
/// on whatever store the ledger is.
///
/// It answers for the aggregate type [`AGGREGATE_TYPE`] alone; there are no events of others. `persist` is
/// [`AdapterError::ReadOnly`] and writes nothing. There are no snapshots. `stream_all_events` gives what there is when it
/// is called, shard by shard, each player's events in order. A failure comes as an item of the stream, after which it ends.
#[derive(Debug, Clone)]
pub struct LedgerEventRepository {
    reader: Reader,
    events_max: usize,
}

impl LedgerEventRepository {
    /// The events in a store, such as `Ledger::store` gives.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread to read with.
    pub fn new(store: Arc<dyn EventStore>) -> std::io::Result<Self> {
        Ok(Self { reader: Reader::start(store)?, events_max: EVENTS_LOADED_MAX })
    }

    /// Another limit to what `get_events` answers; streams have none.
    pub fn with_events_max(self, events_max: usize) -> Self {
        Self { events_max, ..self }
    }
}

fn failed(error: ReadError) -> PersistenceError {
    match error.downcast_ref() {
        Some(StoreError::Unavailable { .. }) => PersistenceError::ConnectionError(error),
        _ => PersistenceError::UnknownError(error),
    }
}

fn serialized(events: &[EventEnvelope<PlayerLedger>]) -> Result<Vec<SerializedEvent>, PersistenceError> {
    events.iter().map(SerializedEvent::try_from).collect()
}

/// Whether whoever takes the events is still there.
async fn push(feed: &mut ReplayFeed, events: &[EventEnvelope<PlayerLedger>]) -> bool {
    for event in events {
        if feed.push(SerializedEvent::try_from(event)).await.is_err() {
            return false;
        }
    }
    true
}

async fn push_player(mut pages: PlayerPages, feed: &mut ReplayFeed) -> Result<(), ReadError> {
    while let Some(page) = pages.next().await? {
        if !push(feed, &page).await {
            break;
        }
    }
    Ok(())
}

async fn push_all(store: &dyn EventStore, feed: &mut ReplayFeed) -> Result<(), ReadError> {
    let heads = store.heads().await?;
    for (shard, head) in store.identity().shards.all().zip(heads) {
        let mut from = casino_ledger::store::Position(1);
        while from <= head.position {
            let page = store.read(shard, from, READ_COMMITS_MAX).await?;
            let Some(last) = page.last() else { break };
            from = last.position.next();
            for stored in page.iter().filter(|stored| stored.position <= head.position) {
                let Some((_, events)) = envelopes(&Commit::decode(stored)?)? else { continue };
                if !push(feed, &events).await {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

async fn tell(done: Result<(), ReadError>, feed: &mut ReplayFeed) {
    if let Err(error) = done {
        // If nobody takes it any more, nobody wants to know.
        drop(feed.push(Err(failed(error))).await);
    }
}

fn no_thread(error: std::io::Error) -> PersistenceError {
    PersistenceError::UnknownError(Box::new(error))
}

impl LedgerEventRepository {
    async fn events<A: Aggregate>(
        &self,
        aggregate_id: &str,
        after: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        // Of an id that no player can have there are no events either.
        let Ok(player) = player_of(aggregate_id) else { return Ok(Vec::new()) };
        if A::TYPE != AGGREGATE_TYPE {
            return Ok(Vec::new());
        }
        serialized(&self.reader.of_player(player, after, self.events_max).await.map_err(failed)?)
    }
}

impl PersistedEventRepository for LedgerEventRepository {
    async fn get_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.events::<A>(aggregate_id, 0).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.events::<A>(aggregate_id, last_sequence).await
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        _aggregate_id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Ok(None)
    }

    async fn persist<A: Aggregate>(
        &self,
        _events: &[SerializedEvent],
        _snapshot_update: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        Err(PersistenceError::UnknownError(Box::new(AdapterError::ReadOnly)))
    }

    async fn stream_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        let (mut feed, stream) = ReplayStream::new(STREAM_AHEAD);
        if let (Ok(player), true) = (player_of(aggregate_id), A::TYPE == AGGREGATE_TYPE) {
            let pages = PlayerPages::new(Arc::clone(self.reader.store()), &player, 0);
            on_a_thread("stream", move || async move {
                let done = push_player(pages, &mut feed).await;
                tell(done, &mut feed).await;
            })
            .map_err(no_thread)?;
        }
        Ok(stream)
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        let (mut feed, stream) = ReplayStream::new(STREAM_AHEAD);
        if A::TYPE == AGGREGATE_TYPE {
            let store = Arc::clone(self.reader.store());
            on_a_thread("stream", move || async move {
                let done = push_all(store.as_ref(), &mut feed).await;
                tell(done, &mut feed).await;
            })
            .map_err(no_thread)?;
        }
        Ok(stream)
    }
}
