//! Several commands of one player in one commit: all or none (S78 to S92 in docs/scenarios.md).

use serde::{Deserialize, Serialize};

use crate::ids::TransactionId;
use crate::key::IdempotencyKey;
use crate::player_ledger::cover::Cover;
use crate::player_ledger::draft::DraftOperation;
use crate::player_ledger::draft::check_events;
use crate::player_ledger::facts::{balances_after, operations};
use crate::player_ledger::{
    Decision, Draft, Facts, FactsNeeded, Fault, Found, PlayerCommand, PlayerState, Stop, Workspace,
};
use crate::rejection::Rejection;
use crate::stored::{Event, KEYS_MAX, KeyRecord, OutcomeKind, PurseBalance, TransactionRef, TxnRejected};
use crate::time::Timestamp;

/// What becomes of a batch of which some operations are known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KnownOperations {
    /// The batch is refused, and the known ones are listed.
    #[default]
    Refuse,
    /// The known ones are replayed, the others decided.
    Replay,
}

/// Several commands of one player, decided in their order and committed together, or not at all: bet and win in
/// one call, several bets, a bet with the host's own event.
///
/// Each has its own key. If all keys are known the batch is replayed; if one of them was refused before, so is
/// the batch. A command that is refused refuses the batch. Then the keys of its bets are consumed only if the
/// refused one takes money and refusals stick (S20): the whole batch must come under new ids.
///
/// Commands that take money are covered by what the player had before the batch, whatever their order: a win, a
/// deposit or any other new money of the same batch does not pay for its bets (S84). Stakes that go back within it
/// do: they were his before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "BatchParts", into = "BatchParts")]
pub struct Batch {
    first: Box<PlayerCommand>,
    commands: Vec<PlayerCommand>,
    known: KnownOperations,
}

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct BatchParts {
    /// The commands, in order: 1 to 16, none of them a batch or the opening of the player.
    commands: Vec<PlayerCommand>,
    /// What becomes of the batch if some of its operations are known already.
    #[serde(default)]
    known: KnownOperations,
}

/// Why commands are not a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// There are none, or more than a commit may have keys.
    #[error("a batch has 1 to {KEYS_MAX} commands, not {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A batch, or the opening of a player, cannot be part of a batch.
    #[error("command {index} cannot be part of a batch")]
    NotAllowed {
        /// Which, from 0.
        index: usize,
    },
}

impl Batch {
    /// Takes commands as a batch.
    ///
    /// # Errors
    ///
    /// [`BatchError`] if there are none or too many, or one is a batch or an opening.
    pub fn new(commands: Vec<PlayerCommand>, known: KnownOperations) -> Result<Self, BatchError> {
        let count = commands.len();
        let first = commands.first().filter(|_| count <= KEYS_MAX).ok_or(BatchError::Count { count })?;
        let no = |c: &PlayerCommand| matches!(c, PlayerCommand::Batch(_) | PlayerCommand::OpenPlayer(_));
        if let Some(index) = commands.iter().position(no) {
            return Err(BatchError::NotAllowed { index });
        }
        Ok(Self { first: Box::new(first.clone()), commands, known })
    }

    /// The commands, in order.
    pub fn commands(&self) -> &[PlayerCommand] {
        &self.commands
    }

    /// The first command: a batch has one.
    pub fn first(&self) -> &PlayerCommand {
        &self.first
    }

    /// What becomes of it if some of its operations are known.
    pub fn known(&self) -> KnownOperations {
        self.known
    }
}

impl TryFrom<BatchParts> for Batch {
    type Error = BatchError;
    fn try_from(parts: BatchParts) -> Result<Self, BatchError> {
        Self::new(parts.commands, parts.known)
    }
}

impl From<Batch> for BatchParts {
    fn from(batch: Batch) -> Self {
        Self { commands: batch.commands, known: batch.known }
    }
}

/// Whether the batch can be answered by what is known alone; otherwise which of its operations are known.
pub(super) fn known_operations(
    batch: &Batch,
    needed: &[FactsNeeded],
    found: &Found,
) -> Result<Vec<bool>, Box<Decision>> {
    let mut seen: Vec<&IdempotencyKey> = Vec::with_capacity(needed.len());
    let mut known = Vec::with_capacity(needed.len());
    let mut refused = false;
    for needs in needed {
        let found = found.operation(&needs.key);
        let reused = found.is_some_and(|found| found.record.print != needs.print);
        if reused || seen.contains(&&needs.key) {
            return Err(Box::new(Decision::Refuse(Rejection::KeyReused)));
        }
        seen.push(&needs.key);
        refused |= found.is_some_and(super::KnownOperation::is_rejected);
        known.push(found.is_some());
    }
    if refused || known.iter().all(|known| *known) {
        return Err(Box::new(Decision::Replay));
    }
    if batch.known == KnownOperations::Refuse && known.contains(&true) {
        let ids = |(needs, known): (&FactsNeeded, &bool)| known.then(|| needs.key.id.clone());
        let ids = needed.iter().zip(&known).filter_map(ids).collect();
        return Err(Box::new(Decision::Refuse(Rejection::PartlyKnown { ids })));
    }
    Ok(known)
}

/// Decides the commands one after the other, each on the state that those before it leave.
pub(super) fn decide(
    state: &PlayerState,
    batch: &Batch,
    needed: &FactsNeeded,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Decision, Fault> {
    let needed = needed.operations();
    let known = match known_operations(batch, needed, facts.found) {
        Ok(known) => known,
        Err(decision) => return Ok(*decision),
    };
    if state.profile().is_none() {
        return Ok(Decision::Refuse(Rejection::PlayerUnknown));
    }
    let mut scratch = state.clone();
    let mut found = facts.found.clone();
    let mut parts: Vec<Option<Draft>> = Vec::with_capacity(needed.len());
    let mut cover = Cover::default();
    let mut events = 0;
    for ((command, needs), known) in batch.commands.iter().zip(needed).zip(known) {
        if known {
            parts.push(None);
            continue;
        }
        let facts_now = Facts { found: &found, ..*facts };
        let decided = super::decide::apply(&scratch, command, needs, &facts_now, now).and_then(|draft| {
            events = check_events(events, &draft)?;
            cover.take(&scratch, command, &draft, facts.policy)?;
            Ok(draft)
        });
        match decided {
            Ok(draft) => {
                found.follow(&scratch, &draft, now)?;
                scratch.evolve_all(&draft.events, now)?;
                parts.push(Some(draft));
            }
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Reject(rejection)) if rejection.is_malformed() => {
                return Ok(Decision::Refuse(rejection));
            }
            Err(Stop::Reject(rejection)) => {
                let rejection = cover.told(command, rejection);
                return refusal(state, batch, needed, needs, rejection, facts, now).map(Decision::Commit);
            }
        }
    }
    Ok(Decision::Commit(assemble(needed, parts, facts)))
}

/// One draft of many: keys, events and tombstones in order, each key with the number of its events.
fn assemble(needed: &[FactsNeeded], parts: Vec<Option<Draft>>, facts: &Facts<'_>) -> Draft {
    let mut whole = Draft {
        keys: Vec::with_capacity(parts.len()),
        tombstones: Vec::new(),
        outcome: OutcomeKind::Noop,
        rejection: None,
        entry: None,
        balance: None,
        operations: Vec::with_capacity(parts.len()),
        events: Vec::new(),
    };
    let mut shown: Vec<PurseBalance> = Vec::new();
    for (needs, part) in needed.iter().zip(parts) {
        let Some(part) = part else {
            if let Some(known) = facts.found.operation(&needs.key) {
                whole.operations.push(DraftOperation {
                    key: needs.key.clone(),
                    replayed: true,
                    outcome: known.record.outcome,
                    entry: known.entry,
                    balances: known.balances.clone(),
                });
            }
            continue;
        };
        if whole.events.is_empty() {
            whole.balance.clone_from(&part.balance);
            shown = part.balance.iter().cloned().collect();
        }
        shown = balances_after(&part.events, shown);
        if part.outcome == OutcomeKind::Applied || whole.outcome == OutcomeKind::Noop {
            whole.outcome = part.outcome;
        }
        whole.entry = part.entry.or(whole.entry);
        whole.operations.push(DraftOperation {
            key: needs.key.clone(),
            replayed: false,
            outcome: part.outcome,
            entry: part.entry,
            balances: shown.clone(),
        });
        let count = u16::try_from(part.events.len()).ok();
        whole.keys.extend(part.keys.into_iter().map(|key| KeyRecord { events: count, ..key }));
        whole.tombstones.extend(part.tombstones);
        whole.events.extend(part.events);
    }
    whole
}

/// The record of a batch that is refused because of one of its commands.
fn refusal(
    state: &PlayerState,
    batch: &Batch,
    needed: &[FactsNeeded],
    cause: &FactsNeeded,
    rejection: Rejection,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Draft, Fault> {
    let mut work = Workspace::new(state, now);
    work.outcome(OutcomeKind::Rejected);
    let mut keys = Vec::new();
    let mut currency = None;
    let sticks = |command: &PlayerCommand, needs: &FactsNeeded| {
        command.takes_money() && facts.policy.of(&needs.key.source).sticky_rejections
    };
    let all = || batch.commands.iter().zip(needed);
    let cause_sticks = !rejection.is_incomplete()
        && all().any(|(command, needs)| needs.key == cause.key && sticks(command, needs));
    for (command, needs) in all() {
        let is_cause = needs.key == cause.key;
        let consumes = cause_sticks && sticks(command, needs) && facts.found.operation(&needs.key).is_none();
        if is_cause {
            currency = command.currency();
        }
        if !is_cause && !consumes {
            continue;
        }
        work.push_player(Event::TxnRejected(TxnRejected {
            txn: TransactionRef {
                source: needs.key.source.clone(),
                kind: command.kind(),
                id: needs.key.id.clone(),
            },
            rejection: if is_cause {
                rejection.clone()
            } else {
                Rejection::BatchRefused { txn: cause.key.id.clone() }
            },
            print: if consumes { None } else { Some(needs.print) },
        }))?;
        if consumes {
            keys.push(KeyRecord {
                source: needs.key.source.clone(),
                kind: needs.key.kind,
                id: needs.key.id.clone(),
                print: needs.print,
                outcome: OutcomeKind::Rejected,
                events: Some(1),
            });
        }
    }
    let mut draft = work.finish(None, currency);
    draft.keys = keys;
    draft.rejection = Some(rejection);
    Ok(draft)
}

impl Rejection {
    /// Whether this is the refusal of a batch for another command's sake.
    pub(crate) fn is_of_batch(&self) -> bool {
        matches!(self, Self::BatchRefused { .. })
    }
}

/// What a known batch came to: each operation in order. Of a refused one, the refusal of the command that caused
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownBatch<'a> {
    /// All were accepted.
    Accepted(Vec<&'a super::KnownOperation>),
    /// It was refused because of this one.
    Refused(&'a super::KnownOperation),
}

impl FactsNeeded {
    /// What the operations came to, where [`Decision::Replay`] says that they are known.
    pub fn known<'a>(&self, found: &'a super::Found) -> Option<KnownBatch<'a>> {
        let known: Vec<_> =
            self.operations().iter().filter_map(|needs| found.operation(&needs.key)).collect();
        let refused = || known.iter().copied().filter(|known| known.is_rejected());
        let cause = refused().find(|known| known.rejection.as_ref().is_some_and(|r| !r.is_of_batch()));
        match cause.or_else(|| refused().next()) {
            Some(refused) => Some(KnownBatch::Refused(refused)),
            None if known.is_empty() => None,
            None => Some(KnownBatch::Accepted(known)),
        }
    }
}

/// The operations of a commit, by its keys: for views and checkers that must tell them apart.
pub fn operations_of(body: &crate::stored::CommitBody) -> Vec<(&KeyRecord, &[crate::stored::EventRecord])> {
    operations(&body.keys, &body.events).collect()
}

/// The ids of a list, for a message.
pub(crate) fn listed(ids: &[TransactionId]) -> String {
    ids.iter().map(TransactionId::as_str).collect::<Vec<_>>().join(", ")
}
