//! Publishes a ledger's events to NATS `JetStream`.
//!
//! The library delivers every event at least once, under an id that stays. `JetStream` takes that id as
//! `Nats-Msg-Id` and drops what it has already, within the stream's duplicate window. So each event is in the stream
//! exactly once, as long as a publisher that was away comes back within the window. (What is published again later than
//! that is there twice, under one id, and a consumer tells it by the id.)

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, message::PublishMessage, stream};
use async_trait::async_trait;
use casino_ledger::projections::{Occurrence, Sink, SinkError};
use casino_ledger::store::{LedgerId, Shard};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

/// How long the server remembers ids. The memory is what it costs.
pub const DUPLICATE_WINDOW: Duration = Duration::from_hours(1);

/// What was published by a sink.
#[derive(Debug, Default)]
pub struct Published {
    /// Events the stream did not have.
    pub new: AtomicU64,
    /// Events it had already.
    pub known: AtomicU64,
}

/// Publishes to a stream, on subjects `PREFIX.SHARD.EVENT.TYPE`.
#[derive(Debug)]
pub struct NatsSink {
    context: jetstream::Context,
    prefix: String,
    ledger: LedgerId,
    published: Arc<Published>,
}

/// An event as JSON: which it is, the commit it came in, and the event as it is stored.
///
/// # Errors
///
/// If the event cannot be written.
pub fn message(event: &Occurrence, ledger: LedgerId) -> Result<Value, serde_json::Error> {
    let commit = event.commit();
    Ok(json!({
        "ledger": ledger.to_string(),
        "id": event.id().to_string(),
        "commit": commit.hash.to_string(),
        "partition": commit.body.partition.to_string(),
        "recorded_at": commit.body.recorded_at.to_string(),
        "event": event.record().map(serde_json::to_value).transpose()?,
    }))
}

impl NatsSink {
    /// A sink for the events of a ledger. The stream is made if it is not there.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or has the stream with another configuration.
    pub async fn open(client: async_nats::Client, stream: &str, ledger: LedgerId) -> anyhow::Result<Self> {
        let context = jetstream::new(client);
        let prefix = stream.to_lowercase();
        context
            .get_or_create_stream(stream::Config {
                name: stream.to_owned(),
                subjects: vec![format!("{prefix}.>")],
                duplicate_window: DUPLICATE_WINDOW,
                ..stream::Config::default()
            })
            .await?;
        Ok(Self { context, prefix, ledger, published: Arc::default() })
    }

    /// What it published so far.
    pub fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published)
    }

    async fn send(&self, event: &Occurrence) -> Result<(), SinkError> {
        let again = |error: Box<dyn std::error::Error + Send + Sync>| SinkError::Again(error);
        let name = event.record().map_or("unknown", |record| record.event.type_name());
        let subject = format!("{}.{}.{name}", self.prefix, event.id().shard);
        let payload = message(event, self.ledger).map_err(|error| SinkError::Stop(Box::new(error)))?;
        let publish = PublishMessage::build()
            .message_id(event.message_id(self.ledger))
            .payload(payload.to_string().into());
        let sent =
            self.context.send_publish(subject, publish).await.map_err(|error| again(Box::new(error)))?;
        let acknowledged = sent.await.map_err(|error| again(Box::new(error)))?;
        let count = if acknowledged.duplicate { &self.published.known } else { &self.published.new };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Sink for NatsSink {
    /// Shards side by side; within a shard one after the other, so that what is tried again is never behind what came
    /// after it.
    async fn publish(&mut self, events: &[Occurrence]) -> Result<(), SinkError> {
        let mut shards: BTreeMap<Shard, Vec<&Occurrence>> = BTreeMap::new();
        for event in events {
            shards.entry(event.id().shard).or_default().push(event);
        }
        let sink = &*self;
        let in_order = |events: Vec<&Occurrence>| {
            let events: Vec<Occurrence> = events.into_iter().cloned().collect();
            async move {
                for event in &events {
                    sink.send(event).await?;
                }
                Ok::<(), SinkError>(())
            }
        };
        try_join_all(shards.into_values().map(in_order)).await?;
        Ok(())
    }
}
