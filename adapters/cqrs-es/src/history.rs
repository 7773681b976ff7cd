//! Facts from a player's events alone, for an aggregate that decides without a ledger.

use casino_ledger::core::stored::{CommitBody, EventRecord, KeyRecord, SealedFields, TombstoneRecord};
use casino_ledger::core::{
    ActorId, ContentHash, Draft, FactsNeeded, Fault, Found, IdempotencyKey, KnownBatch, KnownOperation,
    Partition, PlayerId, Rejection, Timestamp,
};

use crate::envelope::operations;
use crate::event::PlayerEvent;

/// What a command needs to know of what is over.
pub(crate) fn facts(
    player: &PlayerId,
    needed: &FactsNeeded,
    history: &[PlayerEvent],
) -> Result<Found, Fault> {
    let mut found = Found::default();
    let mut aggregates = Vec::new();
    for needs in needed.operations() {
        for key in std::iter::once(&needs.key).chain(&needs.targets) {
            if let Some(known) = known(player, key, history)? {
                aggregates.extend(known.subject.aggregate());
                found.add_operation(known);
            }
        }
        let is_dead = |dead: &TombstoneRecord| dead.source == needs.key.source && dead.id == needs.key.id;
        if let Some(dead) = history.iter().filter_map(PlayerEvent::tombstone).find(is_dead) {
            found.add_tombstone(dead);
        }
        aggregates.extend(needs.aggregates.iter().cloned());
    }
    aggregates.sort_unstable();
    aggregates.dedup();
    for aggregate in aggregates {
        let stream = aggregate.stream(player);
        let events = history.iter().filter(|event| event.record.stream == stream);
        let events: Vec<_> = events.map(|event| (event.record.clone(), event.recorded_at)).collect();
        found.add_stream(&aggregate, &events)?;
    }
    Ok(found)
}

/// The operation that consumed a key.
fn known(
    player: &PlayerId,
    key: &IdempotencyKey,
    history: &[PlayerEvent],
) -> Result<Option<KnownOperation>, Fault> {
    let own = history.iter().filter(|event| event.operation.as_ref().is_some_and(|own| own.key() == *key));
    let own: Vec<&PlayerEvent> = own.collect();
    let Some((first, record)) = own.first().and_then(|first| Some((first, first.operation.clone()?))) else {
        return Ok(None);
    };
    let events = own.iter().map(|event| event.record.clone()).collect();
    Ok(KnownOperation::find(&commit(player, record, events, first.recorded_at)?, key))
}

/// A commit of one operation, as far as an operation is known by it.
fn commit(
    player: &PlayerId,
    record: KeyRecord,
    events: Vec<EventRecord>,
    recorded_at: Timestamp,
) -> Result<CommitBody, Fault> {
    let actor = ActorId::new("history").map_err(|error| Fault::corrupted(error.to_string()))?;
    Ok(CommitBody {
        partition: Partition::Player(player.clone()),
        recorded_at,
        keys: vec![KeyRecord { events: None, ..record }],
        tombstones: Vec::new(),
        operator: None,
        brand: None,
        jurisdiction: None,
        actor,
        trace: None,
        causation: None,
        sealed: SealedFields::default(),
        policy: ContentHash::of(&[]),
        engine: "".into(),
        writer: None,
        balance: None,
        events,
    })
}

/// The events of a decision, as they would be read from the ledger.
pub(crate) fn events(draft: &Draft, now: Timestamp) -> Vec<PlayerEvent> {
    let events = draft.events.iter().zip(operations(&draft.keys));
    events.map(|(record, key)| PlayerEvent::new(now, key.cloned(), record.clone())).collect()
}

/// The refusal that a replay answers again, if the first answer was one.
pub(crate) fn refusal_of(needed: &FactsNeeded, found: &Found) -> Option<Rejection> {
    match needed.known(found)? {
        KnownBatch::Refused(known) => known.rejection.clone(),
        KnownBatch::Accepted(_) => None,
    }
}
