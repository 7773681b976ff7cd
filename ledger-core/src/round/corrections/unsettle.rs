//! Making a settled bet open again.

use super::Unsettle;
use super::undone::{Back, Undone, answering};
use crate::key::OperationKind;
use crate::player_ledger::{Facts, Outcome, Workspace};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::round::common::{check_room, known_round, note, reopen, round_currency};
use crate::stored::{BetStatus, BetUnsettled, Event, Note, ReopenReason, RoundStatus, TransactionRef};
use crate::wallet::purse;

pub(super) fn unsettle(command: &Unsettle, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let not_found = || Rejection::BetNotFound { round: command.round.clone() };
    let round = known_round(state, facts, &command.round_ref()).ok_or_else(not_found)?;
    let bet = round.bet(&command.bet).ok_or_else(not_found)?;
    match bet.status {
        _ if round.status == RoundStatus::Cancelled => return Err(Rejection::TxnCancelled.into()),
        BetStatus::RolledBack | BetStatus::Voided => return Err(Rejection::TxnCancelled.into()),
        BetStatus::Open => return Err(Rejection::NotAllowed { reason: NotAllowedReason::NotSettled }.into()),
        BetStatus::Settled => {}
    }
    let wins = answering(round, bet)?;
    let currency = round_currency(round)?;
    let purse = purse(state, currency)?;
    check_room(state, round)?;
    let undone = Undone::of(round, vec![bet.clone()], wins, Back::Held, purse, work)?;
    purse.held().checked_add(undone.stake)?;
    let policy = command.on_shortfall.unwrap_or(facts.policy.of(&command.source).on_shortfall);
    let Some(recovery) = undone.recovery(purse, Back::Held, policy, work)? else {
        let txn = TransactionRef {
            source: command.source.clone(),
            kind: OperationKind::Unsettle,
            id: command.id.clone(),
        };
        return note(work, txn, Note::Retained).map(|_| Some(currency));
    };
    let mut round = round.clone();
    if round.status != RoundStatus::Open {
        reopen(work, &mut round, ReopenReason::Unsettle)?;
    }
    let entry = work.post(undone.postings(purse, Back::Held, &recovery)?)?;
    let event = Event::BetUnsettled(BetUnsettled {
        txn: command.id.clone(),
        bet: command.bet.clone(),
        wins: undone.wins.iter().map(|win| win.id.clone()).collect(),
        currency,
        stake: undone.stake,
        win: undone.win,
        recovery: undone.win.is_positive().then_some(recovery),
        taken: undone.wins_taken,
        entry,
    });
    work.push_round(&mut round, event)?;
    Ok(Some(currency))
}
