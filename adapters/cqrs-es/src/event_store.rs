//! The event store of a framework: commands go through the ledger.

use std::collections::HashMap;

use casino_ledger::core::{ActorId, Context, PlayerId, TraceId};
use casino_ledger::privacy::PersonalFields;
use casino_ledger::store::{CommitHash, Position, Shard, StoreError};
use casino_ledger::{Ledger, Request};
use cqrs_es::{AggregateContext, AggregateError, CqrsFramework, EventEnvelope, EventStore, Query};

use crate::aggregate::{PlayerLedger, player_of};
use crate::error::{AdapterError, PlayerError, aggregate_error};
use crate::event::PlayerEvent;
use crate::reader::{ReadError, Reader};
use crate::services::PlayerServices;

/// The most events that `load_events` answers, unless set otherwise.
pub const EVENTS_LOADED_MAX: usize = 1_000_000;
/// What stands before the name of a field of metadata that is to be sealed under the player's key.
pub const PERSONAL_PREFIX: &str = "personal.";

/// A framework of cqrs-es over a ledger.
pub type LedgerCqrs = CqrsFramework<PlayerLedger, LedgerEventStore>;

/// A framework over a ledger, on whatever store that is.
///
/// `queries` hear of a command's events in this process, after they are durable, and never of one that a crash took the
/// time to tell. A view belongs into a [`QueryFeed`](crate::QueryFeed) instead.
///
/// # Errors
///
/// If the operating system gives no thread to read with.
pub fn ledger_cqrs(
    ledger: Ledger,
    queries: Vec<Box<dyn Query<PlayerLedger>>>,
) -> std::io::Result<LedgerCqrs> {
    Ok(CqrsFramework::new(LedgerEventStore::new(ledger)?, queries, PlayerServices::ledger()))
}

/// What becomes of metadata that the ledger has no field for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UnknownMetadata {
    /// The command is refused, and nothing is recorded.
    #[default]
    Refuse,
    /// It is left out. No envelope has it afterwards.
    Drop,
}

/// An event store of cqrs-es over a [`Ledger`].
///
/// Loading asks the ledger for the player at the head. Committing sends the command through the ledger: the same keys, heads,
/// group commit and limits as [`Ledger::request`], from any number of frameworks and processes at once. The events it
/// answers are read from the log. A replay of a known key answers no events, so no query hears of it twice; a refusal is
/// [`PlayerError::Refused`], recorded if the rules say so, and the same one when the command comes again.
///
/// The command carries its source and id itself. Metadata becomes what the ledger keeps with a commit: `actor`, `trace`,
/// `causation`, and `personal.NAME` for what is sealed under the player's key.
#[derive(Debug, Clone)]
pub struct LedgerEventStore {
    ledger: Ledger,
    reader: Reader,
    events_max: usize,
    unknown: UnknownMetadata,
}

impl LedgerEventStore {
    /// An event store over a ledger.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread to read with.
    pub fn new(ledger: Ledger) -> std::io::Result<Self> {
        let reader = Reader::start(ledger.store())?;
        Ok(Self { ledger, reader, events_max: EVENTS_LOADED_MAX, unknown: UnknownMetadata::default() })
    }

    /// Another limit to what `load_events` answers: a player with more events is [`AdapterError::TooMany`].
    pub fn with_events_max(self, events_max: usize) -> Self {
        Self { events_max, ..self }
    }

    /// What becomes of metadata that the ledger has no field for.
    pub fn with_unknown_metadata(self, unknown: UnknownMetadata) -> Self {
        Self { unknown, ..self }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The request that a command with metadata is.
    fn request(
        &self,
        mut request: Request,
        metadata: HashMap<String, String>,
    ) -> Result<Request, PlayerError> {
        let mut context = Context::of(self.ledger.actor().clone());
        let mut personal = PersonalFields::new();
        for (name, value) in metadata {
            let wrong = |reason: String| PlayerError::Metadata { name: name.clone(), reason };
            let trace = || TraceId::new(&value).map_err(|error| wrong(error.to_string()));
            match name.as_str() {
                "actor" => {
                    context.actor = ActorId::new(&value).map_err(|error| wrong(error.to_string()))?;
                }
                "trace" => context.trace = Some(trace()?),
                "causation" => context.causation = Some(trace()?),
                other => match (other.strip_prefix(PERSONAL_PREFIX), self.unknown) {
                    (Some(field), _) => {
                        let with = personal.with(field, &value);
                        personal = with.map_err(|error| wrong(error.to_string()))?;
                    }
                    (None, UnknownMetadata::Drop) => {}
                    (None, UnknownMetadata::Refuse) => {
                        let known = "actor, trace, causation and personal.NAME are kept";
                        return Err(wrong(known.to_owned()));
                    }
                },
            }
        }
        request.context = Some(context);
        request.personal = personal;
        Ok(request)
    }
}

/// A player loaded from the ledger.
#[derive(Debug)]
pub struct LedgerContext {
    player: PlayerId,
    aggregate: PlayerLedger,
    shard: Shard,
    position: Position,
    hash: CommitHash,
}

impl LedgerContext {
    /// Where the aggregate is true: shard, position, and the shard's hash there.
    pub fn at(&self) -> (Shard, Position, CommitHash) {
        (self.shard, self.position, self.hash)
    }
}

impl AggregateContext<PlayerLedger> for LedgerContext {
    fn aggregate(&mut self) -> &mut PlayerLedger {
        &mut self.aggregate
    }
}

/// What could not be read, in the words of cqrs-es.
pub(crate) fn read_error(error: ReadError) -> AggregateError<PlayerError> {
    let is_unavailable = matches!(error.downcast_ref(), Some(StoreError::Unavailable { .. }));
    if is_unavailable {
        AggregateError::DatabaseConnectionError(error)
    } else {
        AggregateError::UnexpectedError(error)
    }
}

impl EventStore<PlayerLedger> for LedgerEventStore {
    type AC = LedgerContext;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<PlayerLedger>>, AggregateError<PlayerError>> {
        let player = player_of(aggregate_id).map_err(AggregateError::UserError)?;
        self.reader.of_player(player, 0, self.events_max).await.map_err(read_error)
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<LedgerContext, AggregateError<PlayerError>> {
        let player = player_of(aggregate_id).map_err(AggregateError::UserError)?;
        let reading = self.ledger.player(&player).await.map_err(aggregate_error)?;
        let (shard, position, hash) = (reading.shard, reading.position, reading.hash);
        Ok(LedgerContext { player, aggregate: PlayerLedger::of_ledger(reading.state), shard, position, hash })
    }

    async fn commit(
        &self,
        events: Vec<PlayerEvent>,
        mut context: LedgerContext,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<PlayerLedger>>, AggregateError<PlayerError>> {
        if !events.is_empty() {
            return Err(AggregateError::UnexpectedError(Box::new(AdapterError::ReadOnly)));
        }
        let Some(command) = context.aggregate.take_pending() else { return Ok(Vec::new()) };
        let request = self.request(Request::new(context.player, command), metadata);
        let request = request.map_err(AggregateError::UserError)?;
        let receipt = self.ledger.request(request).await.map_err(aggregate_error)?;
        if receipt.replayed {
            return Ok(Vec::new());
        }
        let read = self.reader.of_commit(receipt.shard, receipt.position).await;
        Ok(read.unwrap_or_else(|error| {
            // The command is durable, and must not be told as failed. A feed meets its events all the same.
            let (shard, position) = (receipt.shard.0, receipt.position.0);
            tracing::error!(shard, position, %error, "the events of a commit could not be read for the queries");
            Vec::new()
        }))
    }
}
