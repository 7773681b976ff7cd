//! Paying an open bet before its result.

use super::CashOut;
use crate::player_ledger::{Facts, Outcome, Workspace};
use crate::rejection::{Capacity, MismatchField, Rejection};
use crate::round::common::{capacity, check_currency, close_if_settled, known_round, pay_win, win_split};
use crate::round::stakes;
use crate::round::state::WINS_MAX;
use crate::stored::{BetCashedOut, BetSettled, BetStatus, Event, RoundStatus, SettledBy};
use crate::wallet::{incoming, purse};

pub(super) fn cash_out(command: &CashOut, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let not_found = || Rejection::BetNotFound { round: command.round.clone() };
    let round = known_round(state, facts, &command.round_ref()).ok_or_else(not_found)?;
    let bet = round.bet(&command.bet).ok_or_else(not_found)?;
    match bet.status {
        _ if round.status == RoundStatus::Cancelled => return Err(Rejection::TxnCancelled.into()),
        BetStatus::RolledBack | BetStatus::Voided => return Err(Rejection::TxnCancelled.into()),
        BetStatus::Settled => return Err(Rejection::AlreadySettled { txn: bet.id.clone() }.into()),
        BetStatus::Open => {}
    }
    let purse = purse(state, command.currency)?;
    check_currency(round, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    let open = bet.open_stake();
    let principal = match command.principal {
        Some(principal) => incoming(principal, purse.currency())?,
        None => open,
    };
    if command.principal.is_some() && principal.is_zero() {
        return Err(Rejection::InvalidAmount { amount: principal.to_string() }.into());
    }
    if principal > open {
        return Err(Rejection::Mismatch { field: MismatchField::Amount }.into());
    }
    if round.wins.len() >= WINS_MAX {
        return Err(capacity(Capacity::WinsInRound, WINS_MAX));
    }
    let is_whole = command.principal.is_none() || principal == open;

    let open = bet.open_split();
    let taken = stakes::bonus_part(principal, &open)?;
    let split = win_split(state, amount, &(open.money(), open.bonus))?;
    let mut postings = stakes::take_part(round, bet, principal, &taken, purse)?;
    postings.extend(pay_win(round, Some(bet), &split, purse)?);
    let mut round = round.clone();
    let entry = work.post(postings)?;
    let (txn, bet, currency) = (command.id.clone(), command.bet.clone(), command.currency);
    if !is_whole {
        let event =
            Event::BetCashedOut(BetCashedOut { txn, bet, currency, principal, amount, split, taken, entry });
        work.push_round(&mut round, event)?;
        return Ok(Some(currency));
    }
    let event = Event::BetSettled(BetSettled {
        txn,
        bets: vec![bet.clone()],
        bet: Some(bet),
        currency,
        stake: principal,
        win: amount,
        split,
        by: SettledBy::CashOut,
        entry,
        reported: None,
    });
    work.push_round(&mut round, event)?;
    close_if_settled(work, &mut round, &command.id, facts.policy.of(&command.source))?;
    Ok(Some(currency))
}
