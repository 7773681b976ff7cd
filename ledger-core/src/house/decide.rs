//! `decide` of the house: one command, one state, the facts, an instant; nothing else.

use super::{HouseCommand, HouseState, HouseWorkspace};
use crate::partition::Stream;
use crate::player_ledger::{Decision, Draft, Facts, FactsNeeded, Fault, Found, Stop};
use crate::rejection::Rejection;
use crate::stored::{Event, KeyRecord, OutcomeKind, TransactionRef, TxnRejected};
use crate::time::Timestamp;

/// The decisions of one partition of the house.
#[derive(Debug, Clone, Copy)]
pub struct HouseLedger;

impl HouseLedger {
    /// Decides a command. Pure: equal arguments give equal decisions.
    ///
    /// Precedence: a known key answers before any other check; then the partition; then the state of what the
    /// command names; then who acts and who approves; then currencies, the form of the amounts and whether they
    /// agree; then capacity; then what is left to be taken.
    ///
    /// # Errors
    ///
    /// [`Fault`] if state, facts and command contradict each other in a way no command can cause, or `now`
    /// lies before the partition's last commit.
    pub fn decide(
        state: &HouseState,
        command: &HouseCommand,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<Decision, Fault> {
        let needed = FactsNeeded::of_house(command, state.house())
            .map_err(|error| Fault::corrupted(error.to_string()))?;
        Self::decide_prepared(state, command, &needed, facts, now)
    }

    /// [`Self::decide`] with the needs computed before, on another thread.
    ///
    /// # Errors
    ///
    /// See [`Self::decide`].
    pub fn decide_prepared(
        state: &HouseState,
        command: &HouseCommand,
        needed: &FactsNeeded,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<Decision, Fault> {
        if state.recorded_at().is_some_and(|last| now < last) {
            return Err(Fault::corrupted("the clock stands before the partition's last commit"));
        }
        if let Some(answer) = needed.answered_house(command, facts.found) {
            return Ok(answer);
        }
        if !command.is_for(state.house()) {
            return Ok(Decision::Refuse(Rejection::WrongPartition));
        }
        let mut work = HouseWorkspace::new(state, now);
        match command.decide(facts, &mut work) {
            Ok(()) => Ok(Decision::commit_at(facts.level, work.finish(applied(needed)))),
            Err(Stop::Fault(fault)) => Err(fault),
            // A partition begins with something that happened, as a player does.
            Err(Stop::Reject(rejection)) if rejection.is_malformed() || state.is_new() => {
                Ok(Decision::Refuse(rejection))
            }
            Err(Stop::Reject(rejection)) => {
                Ok(Decision::commit_at(facts.level, refusal(state, command, needed, rejection, now)?))
            }
        }
    }
}

impl FactsNeeded {
    /// The answer to a command to the house that its key alone gives: a replay, or a refusal if it stands for another
    /// payload. `None` if the command must be decided. An engine whose clock is wrong can answer so much.
    pub fn answered_house(&self, command: &HouseCommand, found: &Found) -> Option<Decision> {
        let known = found.operation(&self.key)?;
        let same = known.record.print == self.print;
        Some(if same { Decision::Replay } else { Decision::Refuse(command.reused()) })
    }
}

fn applied(needed: &FactsNeeded) -> KeyRecord {
    KeyRecord {
        source: needed.key.source.clone(),
        kind: needed.key.kind,
        id: needed.key.id.clone(),
        print: needed.print,
        outcome: OutcomeKind::Applied,
        events: None,
    }
}

/// The record of a refusal. It never consumes the key: what the house is told has happened somewhere else, or is a
/// person's decision, and may be told again once what was missing is there.
fn refusal(
    state: &HouseState,
    command: &HouseCommand,
    needed: &FactsNeeded,
    rejection: Rejection,
    now: Timestamp,
) -> Result<Draft, Fault> {
    let mut work = HouseWorkspace::new(state, now);
    let event = Event::TxnRejected(TxnRejected {
        txn: TransactionRef {
            source: needed.key.source.clone(),
            kind: command.kind(),
            id: needed.key.id.clone(),
        },
        rejection: rejection.clone(),
        print: Some(needed.print),
    });
    work.push_house(event)?;
    let mut draft = work.finish(None);
    draft.outcome = OutcomeKind::Rejected;
    draft.rejection = Some(rejection);
    Ok(draft)
}

impl HouseState {
    /// The stream of the partition's own events.
    pub(super) fn own_stream(&self) -> Stream {
        Stream::House(self.house().clone())
    }
}
