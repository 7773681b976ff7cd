//! Settling: wins are paid, stakes are taken for good.

use super::common::{
    capacity, check_currency, close, close_if_settled, is_undone, known_round, pay_win, payer_bet, reopen,
    sources, total, win_split,
};
use super::state::{WINS_MAX, empty};
use super::{Finality, Settle, stakes};
use crate::ids::{GameId, TransactionId};
use crate::money::Amount;
use crate::player_ledger::{Facts, OPEN_ROUNDS_MAX, Outcome, RoundRef, Stop, Workspace};
use crate::policy::{FreeRoundPayment, Policy, RoundClosePolicy, SourcePolicy};
use crate::rejection::{Capacity, Rejection};
use crate::stored::{
    Bet, BetPlaced, BetSettled, BetStatus, CloseReason, Event, FreeBet, OutcomeKind, ReopenReason, Round,
    RoundStatus, SettledBy, Split, WinCredited,
};
use crate::wallet::{Purse, incoming, purse};

/// How a win comes to its round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The round is open.
    Open,
    /// A rule of the ledger closed it: the win is paid beside it.
    ByRule,
    /// It is over, and its source may come late.
    Late,
    /// No one has seen it, and its source may credit without a debit.
    Alone,
}

/// How a win comes to the round it names, if it may.
fn way(
    command: &Settle,
    round: Option<&Round>,
    facts: &Facts<'_>,
    source: &SourcePolicy,
) -> Result<Way, Rejection> {
    let not_found = || Rejection::BetNotFound { round: command.round.clone() };
    let alone = command.flags.may_credit_alone(source);
    let is_dead = |bet: &TransactionId| facts.found.is_tombstoned(&command.source, bet);
    if alone && command.bet.as_ref().is_some_and(is_dead) {
        return Err(Rejection::TxnCancelled);
    }
    let Some(round) = round else {
        return if alone && command.game.is_some() { Ok(Way::Alone) } else { Err(not_found()) };
    };
    // As for a bet: keys may have been looked for under another kind when this win came first.
    if round.win(&command.id).is_some() {
        return Err(Rejection::KeyReused);
    }
    let named = command.bet.as_ref().and_then(|named| round.bet(named));
    let none_stands = round.bets.iter().all(is_undone);
    if round.status == RoundStatus::Cancelled || none_stands || named.is_some_and(is_undone) {
        return Err(Rejection::TxnCancelled);
    }
    let way = match round.status {
        RoundStatus::Open => Way::Open,
        _ if named.is_some_and(Bet::is_sold) => {
            return Err(Rejection::AlreadySettled { txn: named.map_or(&command.id, |bet| &bet.id).clone() });
        }
        _ if command.bet.is_none() && round.bets.iter().all(Bet::is_sold) => {
            let txn = round.bets.first().map_or_else(|| command.id.clone(), |bet| bet.id.clone());
            return Err(Rejection::AlreadySettled { txn });
        }
        _ if round.by_rule.is_some() => Way::ByRule,
        _ if command.flags.may_come_late(source) => Way::Late,
        _ => return Err(Rejection::RoundClosed { round: command.round.clone() }),
    };
    // The bet it names must be there, and not have a result that stands; unless more may come.
    match (&command.bet, named) {
        (Some(_), None) if !alone => Err(not_found()),
        (_, Some(bet)) if bet.status == BetStatus::Settled && round.is_answered(bet) => {
            let more = way == Way::Late || (bet.by_rule && !bet.is_sold());
            if more { Ok(way) } else { Err(Rejection::AlreadySettled { txn: bet.id.clone() }) }
        }
        _ => Ok(way),
    }
}

/// What a win ends: as it says, or as the policy of its source says.
fn finality(command: &Settle, round: &Round, win: Amount, way: Way, source: &SourcePolicy) -> Finality {
    match command.finality {
        // Its round is over already, and is so again.
        _ if way == Way::Late => Finality::Round,
        Finality::ByPolicy => match source.round_close {
            RoundClosePolicy::EveryWin => Finality::Bet,
            RoundClosePolicy::ZeroWin if win.is_positive() => Finality::MoreToCome,
            RoundClosePolicy::ZeroWin if command.bet.is_some() => Finality::Bet,
            RoundClosePolicy::ZeroWin => Finality::Round,
            RoundClosePolicy::ImmediateLoss if round.open_bets().next().is_some() => Finality::Bet,
            RoundClosePolicy::Flag | RoundClosePolicy::EndCall | RoundClosePolicy::ImmediateLoss => {
                Finality::MoreToCome
            }
        },
        said => said,
    }
}

/// What is paid for a win, and what was reported where that is not the same: single wins of free rounds, where their
/// total is paid (S95 in docs/scenarios.md).
fn paid(
    command: &Settle,
    round: &Round,
    win: Amount,
    purse: &Purse,
    policy: &Policy,
) -> (Amount, Option<Amount>) {
    let free = payer_bet(round, command.bet.as_ref()).and_then(|bet| bet.free.as_ref());
    let by_total =
        |free: &FreeBet| policy.free_rounds(&command.source, Some(&free.campaign)) == FreeRoundPayment::Total;
    if free.is_some_and(by_total) { (purse.currency().zero(), Some(win)) } else { (win, None) }
}

pub(super) fn settle(command: &Settle, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let source = facts.policy.of(&command.source);
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let known = known_round(state, facts, &reference);
    let way = way(command, known, facts, source)?;
    let purse = purse(state, command.currency)?;
    if let Some(round) = known {
        check_currency(round, command.currency)?;
    }
    let win = incoming(command.amount, purse.currency())?;
    if known.is_some_and(|round| round.wins.len() >= WINS_MAX) {
        return Err(capacity(Capacity::WinsInRound, WINS_MAX));
    }
    if way == Way::Alone && state.open_rounds() >= OPEN_ROUNDS_MAX {
        return Err(capacity(Capacity::OpenRounds, OPEN_ROUNDS_MAX));
    }

    let mut round = known.cloned().unwrap_or_else(|| empty(&command.source, &command.round));
    if let (Way::Alone, Some(game)) = (way, &command.game) {
        make_up_bet(command, game, &mut round, purse, work)?;
    }
    let ends = finality(command, &round, win, way, source);
    match way {
        Way::ByRule if ends != Finality::Round => {}
        Way::ByRule | Way::Late => reopen(work, &mut round, ReopenReason::LastWin)?,
        Way::Open | Way::Alone => {}
    }
    let settled: Vec<Bet> = match (ends, &command.bet) {
        _ if round.status != RoundStatus::Open => Vec::new(),
        (Finality::MoreToCome | Finality::ByPolicy, _) => Vec::new(),
        (Finality::Bet, Some(named)) => round.open_bets().filter(|bet| bet.id == *named).cloned().collect(),
        (Finality::Bet, None) | (Finality::Round, _) => round.open_bets().cloned().collect(),
    };
    let (paid, reported) = paid(command, &round, win, purse, facts.policy);
    let answered = sources(&round, command.bet.as_ref(), None, purse.currency().zero())?;
    let split = win_split(work.state(), paid, &answered)?;
    let entry = pay(command, &round, &settled, &split, purse, work)?;
    if ends == Finality::MoreToCome || round.status != RoundStatus::Open {
        if paid.is_zero() {
            work.outcome(OutcomeKind::Noop);
        }
        let is_over = round.status != RoundStatus::Open;
        let event = Event::WinCredited(WinCredited {
            win: command.id.clone(),
            bet: command.bet.clone(),
            currency: command.currency,
            amount: paid,
            split,
            entry,
            reported,
            session: round.session.clone().filter(|_| is_over),
        });
        work.push_round(&mut round, event)?;
        let has_open = round.open_bets().next().is_some();
        if !is_over && !has_open && source.round_close == RoundClosePolicy::ImmediateLoss {
            close(work, &mut round, &command.id, CloseReason::ImmediateLoss)?;
        }
        return Ok(Some(command.currency));
    }
    let event = Event::BetSettled(BetSettled {
        txn: command.id.clone(),
        stake: total(&settled, purse)?,
        bets: settled.into_iter().map(|bet| bet.id).collect(),
        bet: command.bet.clone(),
        currency: command.currency,
        win: paid,
        split,
        by: SettledBy::Win,
        entry,
        reported,
    });
    work.push_round(&mut round, event)?;
    if ends == Finality::Round {
        close(work, &mut round, &command.id, CloseReason::Win)?;
    } else {
        close_if_settled(work, &mut round, &command.id, source)?;
    }
    Ok(Some(command.currency))
}

/// One entry: the stakes of the settled bets are taken, the win is paid.
fn pay(
    command: &Settle,
    round: &Round,
    settled: &[Bet],
    split: &Split,
    purse: &Purse,
    work: &mut Workspace<'_>,
) -> Result<Option<u64>, Stop> {
    let mut postings = stakes::take(round, settled, purse)?;
    postings.extend(pay_win(round, payer_bet(round, command.bet.as_ref()), split, purse)?);
    work.post(postings)
}

/// A bet of zero for a win that came without one, so that the win has a game. Its id is that of the win; it is found by
/// nobody.
fn make_up_bet(
    command: &Settle,
    game: &GameId,
    round: &mut Round,
    purse: &Purse,
    work: &mut Workspace<'_>,
) -> Result<(), Stop> {
    let zero = purse.currency().zero();
    let event = Event::BetPlaced(BetPlaced {
        bet: command.id.clone(),
        game: game.clone(),
        currency: command.currency,
        stake: zero,
        split: Split::cash(zero),
        unplayed: Vec::new(),
        entry: None,
        session: None,
        free: None,
        contributions: Vec::new(),
        made_up: true,
        counted: None,
    });
    Ok(work.push_round(round, event)?)
}
