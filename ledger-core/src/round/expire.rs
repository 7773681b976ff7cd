//! The end of a round that took too long (S69 in docs/scenarios.md).

use serde::{Deserialize, Serialize};

use super::close::lose;
use super::common::{close, known_round, note, round_currency};
use super::stakes;
use super::undo::undo_counted;
use crate::ids::{Reason, RoundId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Fault, Needs, Operation, Outcome, RoundRef, Stop, Workspace, sent_by};
use crate::policy::{Policy, TimeOutAction};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{
    Bet, BetStatus, BetVoided, CloseReason, Event, Note, Round, RoundStatus, RoundVoided, SettledBy,
    TransactionRef, WinStatus,
};
use crate::wallet::{LotMoves, Purse, purse};

/// Ends a round in which nothing has happened for longer than the policy of its source allows. What becomes of its
/// open bets the policy says too. Sent by a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExpireRound {
    /// The timer, or whoever looks at the time.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The round's game provider.
    pub round_source: SourceId,
    /// The round.
    pub round: RoundId,
}

impl ExpireRound {
    fn round_ref(&self) -> RoundRef {
        RoundRef { source: self.round_source.clone(), round: self.round.clone() }
    }

    fn txn(&self) -> TransactionRef {
        TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() }
    }
}

impl Operation for ExpireRound {
    const KIND: OperationKind = OperationKind::RoundExpire;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.round.as_str())).field(6, Some(self.round_source.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.round_ref().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        expire(self, facts, work)
    }
}

fn expire(command: &ExpireRound, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let Some(round) = known_round(state, facts, &command.round_ref()) else {
        return note(work, command.txn(), Note::RoundUnknown);
    };
    if round.status != RoundStatus::Open {
        return note(work, command.txn(), Note::RoundNotOpen);
    }
    let source = facts.policy.of(&command.round_source);
    let not_yet = Rejection::NotAllowed { reason: NotAllowedReason::RoundNotTimedOut };
    let Some(limit) = source.round_time_out else { return Err(not_yet.into()) };
    if round.times_out_at(source).is_none_or(|due| work.now() < due) {
        return Err(not_yet.into());
    }
    let currency = round_currency(round)?;
    let purse = purse(state, currency)?;

    let mut round = round.clone();
    // A bet whose result was reported was in play: it is not called off.
    let (lost, void): (Vec<Bet>, Vec<Bet>) = round
        .open_bets()
        .cloned()
        .partition(|bet| limit.then == TimeOutAction::Lose || round.is_answered(bet));
    if limit.then == TimeOutAction::Void && is_untouched(&round) {
        call_off(command, &mut round, &void, purse, work)?;
        return Ok(Some(currency));
    }
    let mut postings = stakes::take(&round, &lost, purse)?;
    let back = stakes::back(work.state(), &round, &void, purse)?;
    postings.extend(back.postings);
    let entry = work.post_with(postings, &LotMoves::back(currency, &back.unplayed))?;
    lose(work, &mut round, lost, &command.id, SettledBy::Rule, entry, purse)?;
    for bet in void {
        let back = stakes::back(work.state(), &round, std::slice::from_ref(&bet), purse)?;
        let event = Event::BetVoided(BetVoided {
            txn: command.txn(),
            bet: bet.id.clone(),
            reason: reason()?,
            currency,
            entry: entry.filter(|_| back.stake.is_positive()),
            stake: back.stake,
            split: back.split,
        });
        work.push_round(&mut round, event)?;
        undo_counted(work, &round, &bet)?;
    }
    if round.status == RoundStatus::Open {
        close(work, &mut round, &command.id, CloseReason::TimeOut)?;
    }
    Ok(Some(currency))
}

fn reason() -> Result<Reason, Fault> {
    Reason::new("time-out").map_err(|error| Fault::corrupted(error.to_string()))
}

/// Nothing of the round is settled, and nothing was won: it can be called off as a whole.
fn is_untouched(round: &Round) -> bool {
    round.bets.iter().all(|bet| bet.status != BetStatus::Settled)
        && round.wins.iter().all(|win| win.status == WinStatus::RolledBack)
}

fn call_off(
    command: &ExpireRound,
    round: &mut Round,
    open: &[Bet],
    purse: &Purse,
    work: &mut Workspace<'_>,
) -> Result<(), Stop> {
    let back = stakes::back(work.state(), round, open, purse)?;
    let entry = work.post_with(back.postings, &LotMoves::back(purse.currency().code(), &back.unplayed))?;
    let event = Event::RoundVoided(RoundVoided {
        txn: command.txn(),
        reason: reason()?,
        bets: open.iter().map(|bet| bet.id.clone()).collect(),
        forfeited: back.split.forfeited,
        entry,
    });
    work.push_round(round, event)?;
    open.iter().try_for_each(|bet| undo_counted(work, round, bet))
}
