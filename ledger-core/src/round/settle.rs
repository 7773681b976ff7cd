//! Settling: wins are paid, stakes are taken for good.

use super::common::{capacity, check_currency, known_round, payout_game, stakes, sub_account, total};
use super::state::WINS_MAX;
use super::{Finality, Settle};
use crate::account::AccountCode;
use crate::ids::SubAccount;
use crate::player_ledger::{Facts, Outcome, RoundRef, Workspace};
use crate::rejection::{Capacity, Rejection};
use crate::stored::{
    Bet, BetSettled, BetStatus, CloseReason, Event, OutcomeKind, Round, RoundClosed, RoundStatus, SettledBy,
    Split, WinCredited,
};
use crate::wallet::{credit_cash, incoming, purse, take_stakes};

/// The bet a win names must be there, and not be settled with a win that stands.
fn check_answerable(round: &Round, command: &Settle) -> Result<(), Rejection> {
    let Some(named) = &command.bet else { return Ok(()) };
    let bet = round.bet(named).ok_or_else(|| Rejection::BetNotFound { round: round.id.clone() })?;
    match bet.status {
        BetStatus::RolledBack | BetStatus::Voided => Err(Rejection::TxnCancelled),
        BetStatus::Settled if round.is_answered(bet) => Err(Rejection::AlreadySettled { txn: named.clone() }),
        BetStatus::Settled | BetStatus::Open => Ok(()),
    }
}

pub(super) fn settle(command: &Settle, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let round = known_round(state, facts, &reference)
        .ok_or_else(|| Rejection::BetNotFound { round: command.round.clone() })?;
    // As for a bet: keys may have been looked for under another kind when this win came first.
    if round.win(&command.id).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let named = command.bet.as_ref().and_then(|named| round.bet(named));
    let undone = named.is_some_and(|bet| matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided));
    match round.status {
        RoundStatus::Cancelled | RoundStatus::Void => return Err(Rejection::TxnCancelled.into()),
        _ if undone => return Err(Rejection::TxnCancelled.into()),
        RoundStatus::Closed if named.is_some_and(Bet::is_sold) => check_answerable(round, command)?,
        RoundStatus::Closed if command.bet.is_none() && round.bets.iter().all(Bet::is_sold) => {
            let txn = round.bets.first().map_or_else(|| command.id.clone(), |bet| bet.id.clone());
            return Err(Rejection::AlreadySettled { txn }.into());
        }
        RoundStatus::Closed => return Err(Rejection::RoundClosed { round: command.round.clone() }.into()),
        RoundStatus::Open => {}
    }
    check_answerable(round, command)?;
    let purse = purse(state, command.currency)?;
    check_currency(round, command.currency)?;
    let win = incoming(command.amount, purse.currency())?;
    if round.wins.len() >= WINS_MAX {
        return Err(capacity(Capacity::WinsInRound, WINS_MAX));
    }

    let mut round = round.clone();
    let settled: Vec<Bet> = match (command.finality, &command.bet) {
        (Finality::MoreToCome, _) => Vec::new(),
        (Finality::Bet, Some(named)) => round.open_bets().filter(|bet| bet.id == *named).cloned().collect(),
        (Finality::Bet, None) | (Finality::Round, _) => round.open_bets().cloned().collect(),
    };
    let stake = total(&settled, purse)?;
    let game = payout_game(&round, command.bet.as_ref())?.clone();
    let mut postings = take_stakes(purse, sub_account(&round), &stakes(&settled))?;
    if win.is_positive() {
        postings.extend(credit_cash(purse, AccountCode::GamingPayouts, SubAccount::game(&game), win)?);
    }
    let entry = work.post(postings)?;
    let split = Split { cash: win };
    if command.finality == Finality::MoreToCome {
        if win.is_zero() {
            work.outcome(OutcomeKind::Noop);
        }
        let event = Event::WinCredited(WinCredited {
            win: command.id.clone(),
            bet: command.bet.clone(),
            currency: command.currency,
            amount: win,
            split,
            entry,
        });
        work.push_round(&mut round, event)?;
        return Ok(Some(command.currency));
    }
    let event = Event::BetSettled(BetSettled {
        txn: command.id.clone(),
        bets: settled.into_iter().map(|bet| bet.id).collect(),
        bet: command.bet.clone(),
        currency: command.currency,
        stake,
        win,
        split,
        by: SettledBy::Win,
        entry,
    });
    work.push_round(&mut round, event)?;
    let reason = match command.finality {
        Finality::Round => Some(CloseReason::Win),
        _ if round.is_settled() => Some(CloseReason::AllSettled),
        _ => None,
    };
    if let Some(reason) = reason {
        work.push_round(&mut round, Event::RoundClosed(RoundClosed { txn: command.id.clone(), reason }))?;
    }
    Ok(Some(command.currency))
}
