//! Placing a bet: its stake is held.

use super::PlaceBet;
use super::common::{capacity, check_currency, known_round, reopen, sub_account};
use super::state::{BETS_MAX, empty};
use crate::player_ledger::{Facts, OPEN_ROUNDS_MAX, Outcome, RoundRef, Workspace};
use crate::rejection::{Capacity, Rejection};
use crate::stored::{BetPlaced, Event, ReopenReason, RoundStatus, Split};
use crate::wallet::{LotMoves, hold, incoming, purse};

pub(super) fn place_bet(command: &PlaceBet, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let known = known_round(state, facts, &reference);
    // No key was found, but keys are found by their kind: had the source another scope of keys before, the
    // round still has the bet.
    if known.is_some_and(|round| round.bet(&command.id).is_some()) {
        return Err(Rejection::KeyReused.into());
    }
    match known.map(|round| round.status) {
        Some(RoundStatus::Cancelled) => return Err(Rejection::TxnCancelled.into()),
        Some(RoundStatus::Closed) => {
            return Err(Rejection::RoundClosed { round: command.round.clone() }.into());
        }
        Some(RoundStatus::Open | RoundStatus::Void) | None => {}
    }
    let purse = purse(state, command.currency)?;
    if let Some(round) = known {
        check_currency(round, command.currency)?;
    }
    let stake = incoming(command.amount, purse.currency())?;
    state.may_play()?;
    let bets = known.map_or(0, |round| round.bets.len());
    if bets >= BETS_MAX {
        return Err(capacity(Capacity::BetsInRound, BETS_MAX));
    }
    if state.round(&reference).is_none() && state.open_rounds() >= OPEN_ROUNDS_MAX {
        return Err(capacity(Capacity::OpenRounds, OPEN_ROUNDS_MAX));
    }
    purse.held().checked_add(stake)?;
    if stake.is_positive() && stake > purse.available() {
        return Err(Rejection::InsufficientFunds {
            available: purse.available(),
            currency: command.currency,
        }
        .into());
    }

    let mut round = known.cloned().unwrap_or_else(|| empty(&command.source, &command.round));
    if round.status == RoundStatus::Void {
        reopen(work, &mut round, ReopenReason::Bet)?;
    }
    let unplayed = state.wallet().draw(command.currency, stake)?;
    let entry = if stake.is_zero() {
        None
    } else {
        let lots = LotMoves::drawn(&unplayed);
        work.post_with(hold(purse, sub_account(&round), stake), &lots)?
    };
    let event = Event::BetPlaced(BetPlaced {
        bet: command.id.clone(),
        game: command.game.clone(),
        currency: command.currency,
        stake,
        split: Split { cash: stake },
        unplayed,
        entry,
    });
    work.push_round(&mut round, event)?;
    Ok(Some(command.currency))
}
