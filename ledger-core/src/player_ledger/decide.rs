//! `decide`: one command, one state, the facts, an instant; nothing else.

use crate::deposit;
use crate::key::Fingerprint;
use crate::money::CurrencyCode;
use crate::player;
use crate::player_ledger::{
    Decision, Facts, FactsNeeded, Fault, PlayerCommand, PlayerState, Stop, Workspace,
};
use crate::rejection::Rejection;
use crate::round;
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
        let print = command.fingerprint();
        let needed = FactsNeeded::of(command, state.player(), facts.policy)
            .map_err(|error| Fault::corrupted(error.to_string()))?;
        Self::decide_prepared(state, command, print, &needed, facts, now)
    }

    /// [`Self::decide`] with the fingerprint and the needs computed before, on another thread.
    ///
    /// # Errors
    ///
    /// See [`Self::decide`].
    pub fn decide_prepared(
        state: &PlayerState,
        command: &PlayerCommand,
        print: Fingerprint,
        needed: &FactsNeeded,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<Decision, Fault> {
        if state.recorded_at().is_some_and(|last| now < last) {
            return Err(Fault::corrupted("the clock stands before the player's last commit"));
        }
        if let Some(known) = facts.known {
            let same = known.record.print == print;
            return Ok(if same { Decision::Replay } else { Decision::Refuse(Rejection::KeyReused) });
        }
        let opening = matches!(command, PlayerCommand::OpenPlayer(_));
        if state.profile().is_none() && !opening {
            return Ok(Decision::Refuse(Rejection::PlayerUnknown));
        }
        let mut work = Workspace::new(state);
        let result = if facts.tombstoned {
            Err(Rejection::TxnCancelled.into())
        } else {
            Self::dispatch(command, facts, &mut work)
        };
        match result {
            Ok(currency) => {
                let key = &needed.key;
                let record = KeyRecord {
                    source: key.source.clone(),
                    kind: key.kind,
                    id: key.id.clone(),
                    print,
                    outcome: OutcomeKind::Applied,
                };
                Ok(Decision::Commit(work.finish(record, currency.or(command.currency()))))
            }
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Reject(rejection)) if rejection.is_malformed() || state.profile().is_none() => {
                Ok(Decision::Refuse(rejection))
            }
            Err(Stop::Reject(rejection)) => {
                let sticky = command.takes_money() && facts.policy.of(&needed.key.source).sticky_rejections;
                let draft = player::refusal(command, &needed.key, print, rejection, state, sticky)?;
                Ok(Decision::Commit(draft))
            }
        }
    }

    fn dispatch(
        command: &PlayerCommand,
        facts: &Facts<'_>,
        work: &mut Workspace<'_>,
    ) -> Result<Option<CurrencyCode>, Stop> {
        match command {
            PlayerCommand::OpenPlayer(c) => player::open(c, facts, work),
            PlayerCommand::RecordDeposit(c) => deposit::record(c, work),
            PlayerCommand::PlaceBet(c) => round::place_bet(c, facts, work),
            PlayerCommand::Settle(c) => round::settle(c, facts, work),
            PlayerCommand::CloseRound(c) => round::close(c, facts, work),
            PlayerCommand::Void(c) => round::void(c, facts, work),
            PlayerCommand::Rollback(c) => round::rollback(c, facts, work),
            PlayerCommand::GrantCredit(c) => deposit::credit(c, facts, work),
        }
    }
}
