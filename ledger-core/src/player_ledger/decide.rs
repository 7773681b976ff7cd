//! `decide`: one command, one state, the facts, an instant; nothing else.

use crate::bonus;
use crate::controls;
use crate::host;
use crate::jackpot;
use crate::player;
use crate::player_ledger::draft::check_events;
use crate::player_ledger::{
    Decision, Draft, Facts, FactsNeeded, Fault, Found, PlayerCommand, PlayerState, Stop, Workspace, batch,
};
use crate::rejection::Rejection;
use crate::stored::{KeyRecord, OutcomeKind};
use crate::time::Timestamp;

/// The decisions of one player's ledger.
#[derive(Debug, Clone, Copy)]
pub struct PlayerLedger;

impl PlayerLedger {
    /// Decides a command. Pure: equal arguments give equal decisions.
    ///
    /// Precedence (docs/scenarios.md): a known key answers before any other check; then tombstones and the
    /// state of the round; then player and currency; then the form of the amount; then funds.
    ///
    /// # Errors
    ///
    /// [`Fault`] if state, facts and command contradict each other in a way no command can cause, or `now`
    /// lies before the player's last commit.
    pub fn decide(
        state: &PlayerState,
        command: &PlayerCommand,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<Decision, Fault> {
        let needed = FactsNeeded::of(command, state.player(), facts.policy)
            .map_err(|error| Fault::corrupted(error.to_string()))?;
        Self::decide_prepared(state, command, &needed, facts, now)
    }

    /// [`Self::decide`] with the needs computed before, on another thread.
    ///
    /// # Errors
    ///
    /// See [`Self::decide`].
    pub fn decide_prepared(
        state: &PlayerState,
        command: &PlayerCommand,
        needed: &FactsNeeded,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<Decision, Fault> {
        if state.recorded_at().is_some_and(|last| now < last) {
            return Err(Fault::corrupted("the clock stands before the player's last commit"));
        }
        if let PlayerCommand::Batch(commands) = command {
            return Ok(match batch::decide(state, commands, needed, facts, now)? {
                Decision::Commit(draft) => Decision::commit_at(facts.level, draft),
                answer => answer,
            });
        }
        if let Some(answer) = needed.known_answer(facts.found) {
            return Ok(answer);
        }
        match apply(state, command, needed, facts, now) {
            Ok(draft) => Ok(Decision::commit_at(facts.level, draft)),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Reject(rejection)) if rejection.is_malformed() || state.profile().is_none() => {
                Ok(Decision::Refuse(rejection))
            }
            Err(Stop::Reject(rejection)) => {
                let sticky = command.takes_money()
                    && !rejection.is_incomplete()
                    && facts.policy.of(&needed.key.source).sticky_rejections;
                let draft = player::refusal(command, needed, rejection, state, sticky, now)?;
                Ok(Decision::commit_at(facts.level, draft))
            }
        }
    }
}

impl FactsNeeded {
    /// The answer to a single command that its key alone gives: a replay, or a refusal if it stands for another
    /// payload. `None` if the key is not known.
    fn known_answer(&self, found: &Found) -> Option<Decision> {
        let known = found.operation(&self.key)?;
        let same = known.record.print == self.print;
        Some(if same { Decision::Replay } else { Decision::Refuse(Rejection::KeyReused) })
    }

    /// The answer that known keys alone give, whatever the state and the time: a replay, or a refusal that nothing
    /// records. `None` if the command must be decided. An engine whose clock is wrong can answer so much.
    pub fn answered(&self, command: &PlayerCommand, found: &Found) -> Option<Decision> {
        match command {
            PlayerCommand::Batch(batch) => {
                batch::known_operations(batch, self.operations(), found).err().map(|answer| *answer)
            }
            _ => self.known_answer(found),
        }
    }
}

/// Decides one operation whose key is not known.
pub(super) fn apply(
    state: &PlayerState,
    command: &PlayerCommand,
    needed: &FactsNeeded,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Draft, Stop> {
    let opening = matches!(command, PlayerCommand::OpenPlayer(_));
    if state.profile().is_none() && !opening {
        return Err(Rejection::PlayerUnknown.into());
    }
    let key = &needed.key;
    if facts.found.is_tombstoned(&key.source, &key.id) {
        return Err(Rejection::TxnCancelled.into());
    }
    let mut work = Workspace::new(state, now);
    controls::begin(command, key, facts, &mut work)?;
    let decided = command.decide(facts, &mut work);
    // The host's checks come before funds: they are asked where nothing else, or only funds, refuse.
    let refused = match &decided {
        Ok(_) => None,
        Err(Stop::Reject(rejection)) => Some(rejection),
        Err(Stop::Fault(fault)) => return Err(fault.clone().into()),
    };
    if !facts.checks.is_empty() && host::takes_part(command, refused) {
        host::run_checks(facts.checks, state, command, now)?;
    }
    let currency = decided?;
    bonus::follow_up(&mut work)?;
    jackpot::follow_up(facts, &mut work)?;
    let record = KeyRecord {
        source: key.source.clone(),
        kind: key.kind,
        id: key.id.clone(),
        print: needed.print,
        outcome: OutcomeKind::Applied,
        events: None,
    };
    let draft = work.finish(Some(record), currency.or(command.currency()));
    check_events(0, &draft)?;
    Ok(draft)
}
