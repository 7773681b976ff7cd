//! From a commit of the ledger to envelopes of cqrs-es.

use std::collections::HashMap;

use casino_ledger::core::stored::{EVENTS_MAX, KeyRecord};
use casino_ledger::core::{Partition, PlayerId};
use casino_ledger::projections::Commit;
use casino_ledger::store::Position;
use cqrs_es::EventEnvelope;

use crate::aggregate::PlayerLedger;
use crate::event::PlayerEvent;

/// How far the sequences of two neighbouring positions lie apart.
const STRIDE: u64 = 256;
const _: () = assert!(EVENTS_MAX <= 256, "every event of a commit needs a sequence of its own");

/// Which event of a player's shard it is: what a sequence of cqrs-es says.
///
/// A sequence is `position × 256 + index`, the index counted from 0 within the commit. So it needs no count of what came
/// before, says where in the log the event stands, rises along a player's events, and never names another one. It is
/// not dense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventPlace {
    /// The position of the commit in the player's shard.
    pub position: Position,
    /// The event's place in the commit, from 0.
    pub index: u8,
}

impl EventPlace {
    /// The place that a sequence names. Every number names one; whether an event stands there only the log can tell.
    pub fn of_sequence(sequence: usize) -> Self {
        let sequence = u64::try_from(sequence).unwrap_or(u64::MAX);
        let index = u8::try_from(sequence % STRIDE).unwrap_or(u8::MAX);
        Self { position: Position(sequence / STRIDE), index }
    }

    /// The sequence of this place. `None` if this machine cannot count so far: past position 2^24 with 32 bits, past
    /// 2^55 in a column of PostgreSQL.
    pub fn sequence(self) -> Option<usize> {
        let sequence = self.position.0.checked_mul(STRIDE)?.checked_add(u64::from(self.index))?;
        i64::try_from(sequence).ok()?;
        usize::try_from(sequence).ok()
    }
}

/// A place that this machine cannot count to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {index} of position {position} has no sequence on this machine")]
pub struct SequenceError {
    position: Position,
    index: usize,
}

/// The envelopes of a commit's events, in order, with whose they are; `None` for a commit of the house, which is no
/// aggregate.
///
/// The metadata says where the commit stands (`shard`, `position`, `hash`) and what its envelope has: `recorded_at`,
/// `actor`, `policy`, `engine` and, where there is one, `trace`, `causation`, `operator`, `brand`, `jurisdiction`,
/// `writer`. What a host sealed about a person is not in it.
///
/// # Errors
///
/// [`SequenceError`] on a machine of 32 bits, far into a log.
#[expect(clippy::type_complexity, reason = "a pair, which a name would hide")]
pub fn envelopes(
    commit: &Commit,
) -> Result<Option<(PlayerId, Vec<EventEnvelope<PlayerLedger>>)>, SequenceError> {
    let body = &commit.body;
    let Partition::Player(player) = &body.partition else { return Ok(None) };
    let metadata = metadata(commit);
    let operations = operations(&body.keys);
    let mut envelopes = Vec::with_capacity(body.events.len());
    for ((index, record), operation) in body.events.iter().enumerate().zip(operations) {
        let place = u8::try_from(index).ok().map(|index| EventPlace { position: commit.position, index });
        let sequence =
            place.and_then(EventPlace::sequence).ok_or(SequenceError { position: commit.position, index })?;
        let payload = PlayerEvent::new(body.recorded_at, operation.cloned(), record.clone());
        let aggregate_id = player.to_string();
        envelopes.push(EventEnvelope { aggregate_id, sequence, payload, metadata: metadata.clone() });
    }
    Ok(Some((player.clone(), envelopes)))
}

/// For each event of a commit the key of its operation. They stand in the order of the keys, each of which says how many
/// are its own; one that does not say it has all the rest.
pub(crate) fn operations(keys: &[KeyRecord]) -> impl Iterator<Item = Option<&KeyRecord>> {
    let own = |key: &KeyRecord| key.events.map_or(EVENTS_MAX, usize::from);
    let named = keys.iter().flat_map(move |key| std::iter::repeat_n(Some(key), own(key)));
    named.chain(std::iter::repeat(None))
}

fn metadata(commit: &Commit) -> HashMap<String, String> {
    let body = &commit.body;
    let always = [
        ("shard", commit.shard.to_string()),
        ("position", commit.position.to_string()),
        ("hash", commit.hash.to_string()),
        ("recorded_at", body.recorded_at.to_string()),
        ("actor", body.actor.to_string()),
        ("policy", body.policy.to_string()),
        ("engine", body.engine.to_string()),
    ];
    let sometimes = [
        ("trace", body.trace.as_ref().map(ToString::to_string)),
        ("causation", body.causation.as_ref().map(ToString::to_string)),
        ("operator", body.operator.as_ref().map(ToString::to_string)),
        ("brand", body.brand.as_ref().map(ToString::to_string)),
        ("jurisdiction", body.jurisdiction.as_ref().map(ToString::to_string)),
        ("writer", body.writer.as_ref().map(ToString::to_string)),
    ];
    let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    always.into_iter().chain(sometimes).map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_names_one_place_and_rises_with_it() {
        let places = [(1, 0), (1, 1), (1, 255), (2, 0), (3, 7), ((1 << 55) - 1, 255)];
        let places = places.map(|(position, index)| EventPlace { position: Position(position), index });
        let sequences = places.map(|place| place.sequence().unwrap());
        assert!(sequences.is_sorted_by(|a, b| a < b));
        assert_eq!(sequences.map(EventPlace::of_sequence), places);
        let beyond = EventPlace { position: Position(1 << 55), index: 0 };
        assert_eq!(beyond.sequence(), None, "a bigint of PostgreSQL ends there");
        assert_eq!(EventPlace { position: Position(u64::MAX), index: 0 }.sequence(), None);
    }
}
