//! Calling off what was settled.

use super::VoidSettled;
use super::undone::{Back, Undone, answering};
use crate::bonus::uncount;
use crate::controls::Controls;
use crate::ids::{Reason, TransactionId};
use crate::key::OperationKind;
use crate::money::Amount;
use crate::player_ledger::{Facts, Outcome, Subject, Workspace};
use crate::policy::{ShortfallPolicy, SourcePolicy};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection};
use crate::round::common::{as_txn, close_if_settled, known_round, note, round_currency, tombstone};
use crate::round::state::empty;
use crate::round::undo::target_keys;
use crate::round::{RollbackKind, VoidTarget};
use crate::stored::{
    Bet, BetStatus, CountedShare, Event, Note, OutcomeKind, Round, RoundStatus, RoundVoided,
    SettlementVoided, TransactionRef, WinStatus,
};
use crate::wallet::{LotMoves, purse};

/// What is called off, and by whom.
pub(in crate::round) struct Wanted<'a> {
    pub(in crate::round) txn: TransactionRef,
    pub(in crate::round) reason: Reason,
    /// The bet; without one the whole round.
    pub(in crate::round) bet: Option<&'a Bet>,
    pub(in crate::round) policy: ShortfallPolicy,
    /// How the source of the round behaves.
    pub(in crate::round) source: &'a SourcePolicy,
}

pub(super) fn void_settled(command: &VoidSettled, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::VoidSettled,
        id: command.id.clone(),
    };
    let known = known_round(state, facts, &command.round_ref());
    let (round, bet) = match (&command.target, known) {
        (VoidTarget::Round, Some(round)) => (round, None),
        (VoidTarget::Round, None) => return void_unseen(command, txn, work),
        (VoidTarget::Bet(id), known) => match known.and_then(|round| Some((round, round.bet(id)?))) {
            Some((round, bet)) => (round, Some(bet)),
            None => return bury_unseen(command, id, txn, facts, work),
        },
    };
    let source = facts.policy.of(&command.round_source);
    let wanted = Wanted {
        txn,
        reason: command.reason.clone(),
        bet,
        policy: command.on_shortfall.unwrap_or(source.on_shortfall),
        source,
    };
    void_bets(wanted, round, work)
}

/// A round that no one has seen is called off: nothing of it may come any more (S117).
fn void_unseen(command: &VoidSettled, txn: TransactionRef, work: &mut Workspace<'_>) -> Outcome {
    let mut round = empty(&command.round_source, &command.round);
    work.outcome(OutcomeKind::Tombstoned);
    let reason = command.reason.clone();
    let event =
        Event::RoundVoided(RoundVoided { txn, reason, bets: Vec::new(), forfeited: Vec::new(), entry: None });
    work.push_round(&mut round, event)?;
    Ok(None)
}

/// A bet that no one has seen in this round. An id that is used must not be buried.
fn bury_unseen(
    command: &VoidSettled,
    bet: &TransactionId,
    txn: TransactionRef,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let keys = target_keys(&command.round_source, bet, Some(RollbackKind::Bet), facts.policy);
    match facts.found.target(&keys).map(|known| &known.subject) {
        Some(Subject::Bet(_)) => Err(Rejection::Mismatch { field: MismatchField::Round }.into()),
        Some(_) => Err(Rejection::NotAllowed { reason: NotAllowedReason::NotReversible }.into()),
        None => tombstone(work, txn, &command.round_source, bet),
    }
}

fn check(round: &Round, bet: Option<&Bet>) -> Result<(), Rejection> {
    let undone = |txn: &TransactionId| Err(Rejection::AlreadyRolledBack { txn: txn.clone() });
    let round_txn = as_txn(&round.id).map_err(|_| Rejection::BetNotFound { round: round.id.clone() })?;
    if round.status == RoundStatus::Cancelled {
        return undone(&round_txn);
    }
    match bet {
        Some(bet) if matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided) => undone(&bet.id),
        None if round
            .bets
            .iter()
            .all(|bet| matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided)) =>
        {
            undone(&round_txn)
        }
        _ => Ok(()),
    }
}

/// Calls off one bet, or a whole round, whatever of it is settled.
pub(in crate::round) fn void_bets(wanted: Wanted<'_>, round: &Round, work: &mut Workspace<'_>) -> Outcome {
    check(round, wanted.bet)?;
    let wins = match wanted.bet {
        Some(bet) => answering(round, bet)?,
        None => round.wins.iter().filter(|win| win.status == WinStatus::Paid).cloned().collect(),
    };
    let stands = |bet: &&Bet| matches!(bet.status, BetStatus::Open | BetStatus::Settled) && !bet.made_up;
    let bets = match wanted.bet {
        Some(bet) => vec![bet.clone()],
        None => round.bets.iter().filter(stands).cloned().collect(),
    };
    let currency = round_currency(round)?;
    let purse = purse(work.state(), currency)?;
    let undone = Undone::of(round, bets, wins, Back::Cash, purse, work)?;
    let Some(recovery) = undone.recovery(purse, Back::Cash, wanted.policy, work)? else {
        return note(work, wanted.txn, Note::Retained).map(|_| Some(currency));
    };
    let unplayed = undone.unplayed_back()?;
    let lots = LotMoves::back(currency, &unplayed);
    let entry = work.post_with(undone.postings(purse, Back::Cash, &recovery)?, &lots)?;
    let counted = not_counted(round, &undone, work);
    let mut round = round.clone();
    let id = wanted.txn.id.clone();
    let event = Event::SettlementVoided(SettlementVoided {
        txn: wanted.txn,
        reason: wanted.reason,
        round: wanted.bet.is_none(),
        bets: undone.bets.iter().map(|bet| bet.id.clone()).collect(),
        wins: undone.wins.iter().map(|win| win.id.clone()).collect(),
        currency,
        stake: undone.stake,
        win: undone.win,
        recovery: undone.win.is_positive().then_some(recovery),
        bonus: undone.bonus,
        forfeited: undone.forfeited,
        taken: undone.wins_taken,
        entry,
        session: round.session.clone().filter(|_| round.status != RoundStatus::Open),
        counted,
    });
    work.push_round(&mut round, event)?;
    // All of the stakes goes back, also what was cashed out.
    for bet in &undone.bets {
        uncount(work, &round, bet, bet.staked(), purse.currency().zero())?;
    }
    close_if_settled(work, &mut round, &id, wanted.source)?;
    Ok(Some(currency))
}

/// What limits do not count any more of a round that is over; one that is live they see for themselves.
fn not_counted(round: &Round, undone: &Undone, work: &Workspace<'_>) -> Vec<CountedShare> {
    if round.status == RoundStatus::Open || !work.controls().is_some_and(Controls::counts_play) {
        return Vec::new();
    }
    let unless_zero = |amount: Amount| Some(amount).filter(|amount| amount.is_positive());
    let stakes = undone.bets.iter().filter_map(|bet| {
        let (entry, stake) = (bet.entry?, bet.staked_money());
        // A part of the stake: it is no more than all of it.
        let bonus_stake = bet.staked().checked_sub(stake).ok().and_then(unless_zero);
        Some(CountedShare { entry, stake: Some(stake), win: None, bonus_stake, bonus_win: None })
    });
    let wins = undone.wins.iter().filter_map(|win| {
        let (entry, zero) = (win.entry?, Amount::zero(win.amount.scale()));
        let bonus = win.bonus.iter().map(|share| share.amount).try_fold(zero, Amount::checked_add);
        let bonus_win = bonus.ok().and_then(unless_zero);
        Some(CountedShare { entry, stake: None, win: Some(win.money()), bonus_stake: None, bonus_win })
    });
    stakes.chain(wins).collect()
}
