//! A player's event as cqrs-es carries it.

use casino_ledger::core::stored::{Event, EventRecord, KeyRecord, TombstoneRecord};
use casino_ledger::core::{Partition, PlayerId, Stream, Timestamp};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// An event of a player, with what its commit says of it.
///
/// As JSON it is `{"recorded_at", "operation", "event": {"stream", "version", "type", "schema", "data"}}`, the last as it
/// stands in the ledger. An event of an older schema is read as the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlayerEvent {
    /// When its commit was recorded.
    pub recorded_at: Timestamp,
    /// The key of the operation it belongs to; `None` where the commit consumed none, as for a refusal that may be sent
    /// again.
    pub operation: Option<KeyRecord>,
    /// The event in its stream.
    #[serde(rename = "event")]
    pub record: EventRecord,
}

impl PlayerEvent {
    /// An event, as a test gives it to an aggregate.
    pub fn new(recorded_at: Timestamp, operation: Option<KeyRecord>, record: EventRecord) -> Self {
        Self { recorded_at, operation, record }
    }

    /// The event itself.
    pub fn event(&self) -> &Event {
        &self.record.event
    }

    /// Whose event it is; `None` for one of the house.
    pub fn player(&self) -> Option<PlayerId> {
        match self.record.stream.partition() {
            Partition::Player(player) => Some(player),
            Partition::House(_) => None,
        }
    }

    /// The tombstone it sets, if it sets one.
    pub(crate) fn tombstone(&self) -> Option<TombstoneRecord> {
        match &self.record.event {
            Event::TxnTombstoned(event) => {
                Some(TombstoneRecord { source: event.txn.source.clone(), id: event.target.clone() })
            }
            _ => None,
        }
    }
}

impl DomainEvent for PlayerEvent {
    /// The stored type, such as `bet.placed`.
    fn event_type(&self) -> String {
        self.record.event.type_name().to_owned()
    }

    /// The version of the shape, such as `1`.
    fn event_version(&self) -> String {
        self.record.schema.to_string()
    }
}

/// [`EventRecord`] reads from borrowed text alone; cqrs-es hands out values.
#[derive(Deserialize)]
struct StoredRecord {
    stream: Stream,
    version: u64,
    #[serde(rename = "type")]
    name: String,
    schema: u16,
    data: Box<RawValue>,
}

impl<'de> Deserialize<'de> for PlayerEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Stored {
            recorded_at: Timestamp,
            operation: Option<KeyRecord>,
            event: StoredRecord,
        }
        let Stored { recorded_at, operation, event } = Stored::deserialize(deserializer)?;
        let StoredRecord { stream, version, name, schema, data } = event;
        let event = Event::decode(&name, schema, data.get()).map_err(serde::de::Error::custom)?;
        Ok(Self { recorded_at, operation, record: EventRecord { stream, version, schema, event } })
    }
}
