//! Correcting a result by the difference to the last one.

use super::Resettle;
use crate::bonus::{parts, take_bonus_win, with_amounts};
use crate::controls::Controls;
use crate::key::OperationKind;
use crate::money::{Amount, AmountError};
use crate::player_ledger::{Facts, Outcome, Workspace};
use crate::policy::FreeRoundPayment;
use crate::rejection::{Capacity, NotAllowedReason, Rejection};
use crate::round::common::{
    account_of, capacity, check_currency, check_spent, is_undone, known_round, note, paid_by, pay_win,
    payer_bet, sources, taken_of, win_split,
};
use crate::round::state::WINS_MAX;
use crate::stored::{
    Bet, BetResettled, BetStatus, BonusShare, BonusTaken, Event, FreeBet, Note, Round, RoundStatus,
    TransactionRef, Win, WinStatus,
};
use crate::wallet::{incoming, purse, recover_to, recovery_of};

/// What is corrected must be settled.
fn check(round: &Round, command: &Resettle) -> Result<(), Rejection> {
    let not_settled = Err(Rejection::NotAllowed { reason: NotAllowedReason::NotSettled });
    if matches!(round.status, RoundStatus::Cancelled | RoundStatus::Void) {
        return Err(Rejection::TxnCancelled);
    }
    match &command.bet {
        Some(named) => {
            let bet = round.bet(named).ok_or_else(|| Rejection::BetNotFound { round: round.id.clone() })?;
            match bet.status {
                BetStatus::Settled => Ok(()),
                BetStatus::Open => not_settled,
                BetStatus::RolledBack | BetStatus::Voided => Err(Rejection::TxnCancelled),
            }
        }
        None if round.bets.iter().all(is_undone) => Err(Rejection::TxnCancelled),
        None if round.bets.iter().any(|bet| bet.status == BetStatus::Open) => not_settled,
        None => Ok(()),
    }
}

/// The result that stands: the win that answers what the command names. Cash-outs are no results. What several wins
/// paid, or one win for several bets, cannot be corrected as if it were one result.
fn standing<'a>(round: &'a Round, command: &Resettle) -> Result<Option<&'a Win>, Rejection> {
    let refused = |reason| Err(Rejection::NotAllowed { reason });
    let results = |win: &&&Win| win.status == WinStatus::Paid && !win.cash_out;
    let named = command.bet.as_ref().and_then(|named| round.bet(named));
    let wins: Vec<&Win> = match named {
        Some(bet) => {
            if bet.is_sold() {
                return refused(NotAllowedReason::NotReversible);
            }
            let wins: Vec<&Win> = round.answers(bet).collect();
            let shares = |win: &&&Win| {
                let other =
                    |other: &&Bet| other.id != bet.id && !is_undone(other) && other.version < win.version;
                win.bet.is_none() && win.amount.is_positive() && round.bets.iter().any(|o| other(&o))
            };
            if wins.iter().filter(results).any(|win| shares(&win)) {
                return refused(NotAllowedReason::SharedWin);
            }
            wins
        }
        None if round.bets.iter().filter(|bet| !is_undone(bet)).all(Bet::is_sold) => {
            return refused(NotAllowedReason::NotReversible);
        }
        None => round.wins.iter().collect(),
    };
    let wins: Vec<&Win> = wins.iter().filter(results).copied().collect();
    let paid: Vec<&Win> = wins.iter().filter(|win| win.amount.is_positive()).copied().collect();
    match paid.as_slice() {
        [] => Ok(wins.last().copied()),
        [one] => Ok(Some(*one)),
        _ => refused(NotAllowedReason::SharedWin),
    }
}

/// What a corrected result does to awards.
#[derive(Default)]
struct Change {
    bonus: Vec<BonusShare>,
    forfeited: Vec<BonusShare>,
    taken: Vec<BonusTaken>,
}

/// The sources of a part of a win, in the ratio in which it was paid: money, awards, and what is forfeited.
fn shares_of(win: &Win, part: Amount) -> Result<(Amount, Vec<BonusShare>, Vec<BonusShare>), AmountError> {
    if win.bonus.is_empty() && win.forfeited.is_empty() {
        return Ok((part, Vec::new(), Vec::new()));
    }
    let sources: Vec<Amount> = win.bonus.iter().chain(&win.forfeited).map(|share| share.amount).collect();
    let amounts = parts(part, win.money(), &sources)?;
    let money = amounts.iter().try_fold(part, |rest, amount| rest.checked_sub(*amount))?;
    let (won, forfeited) = amounts.split_at_checked(win.bonus.len()).unwrap_or((&amounts, &[]));
    Ok((money, with_amounts(&win.bonus, won), with_amounts(&win.forfeited, forfeited)))
}

pub(super) fn resettle(command: &Resettle, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let round = known_round(state, facts, &command.round_ref())
        .ok_or_else(|| Rejection::BetNotFound { round: command.round.clone() })?;
    check(round, command)?;
    let purse = purse(state, command.currency)?;
    check_currency(round, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    let before = standing(round, command)?;
    if before.is_none() && round.wins.len() >= WINS_MAX {
        return Err(capacity(Capacity::WinsInRound, WINS_MAX));
    }
    let previous = before.map_or(purse.currency().zero(), |win| win.amount);
    let win = before.map(|win| win.id.clone());
    let paid = before.filter(|win| win.amount.is_positive()).and_then(|win| win.entry);
    let is_counted = round.status != RoundStatus::Open && work.controls().is_some_and(Controls::counts_play);
    let txn = || TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Resettle,
        id: command.id.clone(),
    };
    if amount == previous {
        return note(work, txn(), Note::SameResult).map(|_| Some(command.currency));
    }
    let source = facts.policy.of(&command.source);
    let payer = match before {
        Some(win) => paid_by(round, win),
        None => payer_bet(round, command.bet.as_ref()),
    };
    let free = payer.and_then(|bet| bet.free.as_ref());
    let payment = |free: &FreeBet| facts.policy.free_rounds(&command.source, Some(&free.campaign));
    if free.map(payment) == Some(FreeRoundPayment::Total) {
        return note(work, txn(), Note::PaidByTotal).map(|_| Some(command.currency));
    }
    let mut change = Change::default();
    let (postings, recovery) = if amount > previous {
        let more = amount.checked_sub(previous)?;
        let version = before.map(|win| win.version);
        let named = before.map_or(command.bet.as_ref(), |win| win.bet.as_ref());
        let answered = sources(round, named, version, purse.currency().zero())?;
        let split = win_split(state, more, &answered)?;
        let postings = pay_win(round, payer, &split, purse)?;
        (change.bonus, change.forfeited) = (split.bonus, split.forfeited);
        (postings, None)
    } else {
        let less = previous.checked_sub(amount)?;
        let policy = command.on_shortfall.unwrap_or(source.on_shortfall);
        let (money, won, forfeited) = match before {
            Some(win) => shares_of(win, less)?,
            None => (less, Vec::new(), Vec::new()),
        };
        change.taken = taken_of(work, &won, &forfeited, (&[], &[]))?;
        let is_kept = check_spent(work, &change.taken, policy, purse)?;
        let recovery = recovery_of(purse, purse.cash(), money, policy)?.filter(|_| !is_kept);
        let Some(recovery) = recovery else {
            return note(work, txn(), Note::Retained).map(|_| Some(command.currency));
        };
        let mut postings = if money.is_zero() {
            Vec::new()
        } else {
            let (account, of) = account_of(round, payer)?;
            recover_to(purse, account, of, money, &recovery)
        };
        if let Some(payer) = payer {
            postings.extend(take_bonus_win(command.currency, &payer.game, &change.taken));
        }
        (postings, Some(recovery))
    };
    let mut round = round.clone();
    let entry = work.post(postings)?;
    let event = Event::BetResettled(BetResettled {
        txn: command.id.clone(),
        bet: command.bet.clone(),
        win,
        currency: command.currency,
        previous,
        amount,
        recovery,
        bonus: change.bonus,
        forfeited: change.forfeited,
        taken: change.taken,
        entry,
        session: round.session.clone().filter(|_| round.status != RoundStatus::Open),
        counted: paid.or(entry).filter(|_| is_counted),
    });
    work.push_round(&mut round, event)?;
    Ok(Some(command.currency))
}
