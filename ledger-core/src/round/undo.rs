//! Undoing: voids of rounds and bets, rollbacks of bets and wins, and tombstones for what was never seen.

use super::common::{
    as_txn, check_room, known_round, payout_game, reopen, round_currency, sub_account, tombstone, total,
};
use super::corrections::{Wanted, void_bets};
use super::state::empty;
use super::{Rollback, RollbackKind, Void, VoidTarget};
use crate::ids::{Reason, SourceId, SubAccount, TransactionId};
use crate::key::{IdempotencyKey, OperationKind};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::{
    Facts, Fault, KnownOperation, Outcome, PlayerState, RoundRef, Stop, Subject, Workspace,
};
use crate::policy::Policy;
use crate::rejection::{MismatchField, NotAllowedReason, Rejection};
use crate::stored::{
    Bet, BetReturned, BetRolledBack, BetStatus, BetVoided, CloseReason, Event, LotShare, OutcomeKind,
    ReopenReason, Round, RoundClosed, RoundStatus, RoundVoided, Split, TransactionRef, Win, WinRetained,
    WinRolledBack, WinStatus,
};
use crate::wallet::{LotMoves, back_from, incoming, purse, recover, recovery, release};

/// The keys under which what is undone may stand. Without a stated kind a bet comes first, then a win;
/// other kinds are looked for too, so that a rollback of them is refused and does not bury their id.
pub(super) fn target_keys(
    source: &SourceId,
    target: &TransactionId,
    kind: Option<RollbackKind>,
    policy: &Policy,
) -> Vec<IdempotencyKey> {
    use OperationKind::{
        Adjustment, Bet, CashOut, Close, Credit, Deposit, Information, Resettle, Rollback, Unsettle, Void,
        VoidSettled, Win,
    };
    let kinds: &[OperationKind] = match kind {
        Some(RollbackKind::Bet) => &[Bet],
        Some(RollbackKind::Win) => &[Win],
        None => &[
            Bet,
            Win,
            Rollback,
            Credit,
            Deposit,
            Void,
            Close,
            VoidSettled,
            Resettle,
            Unsettle,
            CashOut,
            Adjustment,
            Information,
        ],
    };
    let mut keys: Vec<IdempotencyKey> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let key = IdempotencyKey {
            source: source.clone(),
            kind: policy.key_kind(source, *kind),
            id: target.clone(),
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

pub(super) fn void(command: &Void, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    match &command.target {
        VoidTarget::Round => void_round(command, facts, work),
        VoidTarget::Bet(bet) => void_bet(command, bet, facts, work),
    }
}

fn void_ref(command: &Void) -> TransactionRef {
    TransactionRef { source: command.source.clone(), kind: OperationKind::Void, id: command.id.clone() }
}

fn void_round(command: &Void, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.round_source.clone(), round: command.round.clone() };
    let known = known_round(state, facts, &reference);
    if let Some(round) = known {
        let txn = as_txn(&round.id)?;
        let won = round.wins.iter().any(|win| win.status != WinStatus::RolledBack);
        let taken = round.bets.iter().any(|bet| bet.status == BetStatus::Settled);
        match round.status {
            RoundStatus::Cancelled => return Err(Rejection::AlreadyRolledBack { txn }.into()),
            RoundStatus::Closed => return Err(Rejection::AlreadySettled { txn }.into()),
            RoundStatus::Open if won || taken => return Err(Rejection::AlreadySettled { txn }.into()),
            RoundStatus::Open | RoundStatus::Void => {}
        }
    }

    let mut round = known.cloned().unwrap_or_else(|| empty(&command.round_source, &command.round));
    let open: Vec<Bet> = round.open_bets().cloned().collect();
    let mut entry = None;
    if let Some(currency) = round.currency.filter(|_| !open.is_empty()) {
        let purse = purse(state, currency)?;
        let stake = total(&open, purse)?;
        if stake.is_positive() {
            let unplayed = unplayed_back(&open)?;
            let lots = LotMoves::back(currency, &unplayed);
            entry = work.post_with(release(purse, sub_account(&round), stake), &lots)?;
        }
    }
    if known.is_none() {
        work.outcome(OutcomeKind::Tombstoned);
    }
    let currency = round.currency;
    let event = Event::RoundVoided(RoundVoided {
        txn: void_ref(command),
        reason: command.reason.clone(),
        bets: open.into_iter().map(|bet| bet.id).collect(),
        entry,
    });
    work.push_round(&mut round, event)?;
    Ok(currency)
}

/// What of the open stakes of these bets was unplayed and is so again.
fn unplayed_back(bets: &[Bet]) -> Result<Vec<LotShare>, AmountError> {
    let mut all = Vec::new();
    for bet in bets.iter().filter(|bet| !bet.unplayed.is_empty()) {
        all.extend(back_from(&bet.unplayed, bet.cashed_out.unwrap_or(Amount::zero(bet.stake.scale())))?);
    }
    Ok(all)
}

/// The stake of an open bet goes back where it came from.
fn post_release(
    work: &mut Workspace<'_>,
    round: &Round,
    bet: &Bet,
    currency: CurrencyCode,
) -> Result<Option<u64>, Stop> {
    let stake = bet.open_stake();
    if stake.is_zero() {
        return Ok(None);
    }
    let unplayed = unplayed_back(std::slice::from_ref(bet))?;
    let postings = release(purse(work.state(), currency)?, sub_account(round), stake);
    work.post_with(postings, &LotMoves::back(currency, &unplayed))
}

/// A bet that can be undone is open, and no win that stands answers it.
fn check_undoable(round: &Round, bet: &Bet) -> Result<(), Rejection> {
    let txn = || bet.id.clone();
    match bet.status {
        BetStatus::RolledBack | BetStatus::Voided => Err(Rejection::AlreadyRolledBack { txn: txn() }),
        BetStatus::Settled => Err(Rejection::AlreadySettled { txn: txn() }),
        BetStatus::Open if round.is_answered(bet) => Err(Rejection::AlreadySettled { txn: txn() }),
        BetStatus::Open => Ok(()),
    }
}

/// After a bet was undone: if what is left of the round was settled bet by bet, the round is over.
pub(super) fn close_if_settled(
    work: &mut Workspace<'_>,
    round: &mut Round,
    txn: &TransactionId,
) -> Result<(), Fault> {
    if round.status == RoundStatus::Open && round.is_settled() {
        let event = Event::RoundClosed(RoundClosed { txn: txn.clone(), reason: CloseReason::AllSettled });
        work.push_round(round, event)?;
    }
    Ok(())
}

fn void_bet(command: &Void, bet: &TransactionId, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.round_source.clone(), round: command.round.clone() };
    let known = known_round(state, facts, &reference).and_then(|round| Some((round, round.bet(bet)?)));
    let Some((round, bet)) = known else {
        // An id that is used must not be buried: the void names another round, or something that is no bet.
        let keys = target_keys(&command.round_source, bet, Some(RollbackKind::Bet), facts.policy);
        return match facts.found.target(&keys).map(|known| &known.subject) {
            Some(Subject::Bet(_)) => Err(Rejection::Mismatch { field: MismatchField::Round }.into()),
            Some(_) => Err(Rejection::NotAllowed { reason: NotAllowedReason::NotReversible }.into()),
            None => tombstone(work, void_ref(command), &command.round_source, bet),
        };
    };
    check_undoable(round, bet)?;
    let currency = round_currency(round)?;

    let (mut round, bet) = (round.clone(), bet.clone());
    let stake = bet.open_stake();
    let entry = post_release(work, &round, &bet, currency)?;
    let event = Event::BetVoided(BetVoided {
        txn: void_ref(command),
        bet: bet.id,
        reason: command.reason.clone(),
        currency,
        stake,
        split: Split { cash: stake },
        entry,
    });
    work.push_round(&mut round, event)?;
    close_if_settled(work, &mut round, &command.id)?;
    Ok(Some(currency))
}

/// What a rollback undoes.
enum Target<'a> {
    Bet(&'a Round, &'a Bet),
    Win(&'a Round, &'a Win),
    Rollback,
    Other,
    Unseen,
}

fn in_round<'a>(round: &'a Round, command: &Rollback) -> Option<Target<'a>> {
    let bet = || round.bet(&command.target).map(|bet| Target::Bet(round, bet));
    let win = || round.win(&command.target).map(|win| Target::Win(round, win));
    match command.kind {
        Some(RollbackKind::Bet) => bet(),
        Some(RollbackKind::Win) => win(),
        None => bet().or_else(win),
    }
}

/// Finds the target: in a live round of the source, or by the facts fetched from the log. Without a
/// stated kind a bet is preferred to a win wherever it stands.
fn find_target<'a>(
    command: &Rollback,
    state: &'a PlayerState,
    facts: &Facts<'a>,
) -> Result<Target<'a>, Fault> {
    let mut live = state
        .rounds()
        .filter(|round| round.source == command.source)
        .filter_map(|round| in_round(round, command));
    let mut win = None;
    for target in live.by_ref() {
        match target {
            Target::Win(..) => win = Some(target),
            target => return Ok(target),
        }
    }
    let keys = target_keys(&command.source, &command.target, command.kind, facts.policy);
    if let Some(known) = facts.found.target(&keys) {
        return match (&known.subject, win) {
            // Where ids are unique over all kinds, the id may be found on the other kind than the stated one.
            (Subject::Bet(_), None) if command.kind == Some(RollbackKind::Win) => Ok(Target::Other),
            (Subject::Win(_), None) if command.kind == Some(RollbackKind::Bet) => Ok(Target::Other),
            (Subject::Bet(_), _) | (Subject::Win(_), None) => archived(known, command, state, facts),
            (_, Some(win)) => Ok(win),
            (Subject::Rollback, None) => Ok(Target::Rollback),
            (Subject::Other, None) => Ok(Target::Other),
        };
    }
    Ok(win.unwrap_or(Target::Unseen))
}

fn archived<'a>(
    known: &KnownOperation,
    command: &Rollback,
    state: &'a PlayerState,
    facts: &Facts<'a>,
) -> Result<Target<'a>, Fault> {
    let (Subject::Bet(reference) | Subject::Win(reference)) = &known.subject else {
        return Ok(Target::Other);
    };
    let missing = || {
        Fault::corrupted(format!("{} names {}, which its round has not", known.record.key(), command.target))
    };
    let round = known_round(state, facts, reference).ok_or_else(missing)?;
    match &known.subject {
        Subject::Bet(_) => round.bet(&command.target).map(|bet| Target::Bet(round, bet)),
        _ => round.win(&command.target).map(|win| Target::Win(round, win)),
    }
    .ok_or_else(missing)
}

fn check_agrees(command: &Rollback, round: &Round, amount: Amount) -> Result<(), Rejection> {
    let mismatch = |field| Err(Rejection::Mismatch { field });
    if command.round.as_ref().is_some_and(|named| *named != round.id) {
        return mismatch(MismatchField::Round);
    }
    if command.currency.is_some_and(|named| Some(named) != round.currency) {
        return mismatch(MismatchField::Currency);
    }
    if command.amount.is_some_and(|named| named != amount.to_decimal()) {
        return mismatch(MismatchField::Amount);
    }
    Ok(())
}

pub(super) fn rollback(command: &Rollback, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    match find_target(command, work.state(), facts)? {
        Target::Bet(round, bet) => rollback_bet(command, round, bet, facts, work),
        Target::Win(..) if command.partial => {
            Err(Rejection::NotAllowed { reason: NotAllowedReason::NotReversible }.into())
        }
        Target::Win(round, win) => rollback_win(command, round, win, facts, work),
        Target::Rollback => {
            Err(Rejection::NotAllowed { reason: NotAllowedReason::RollbackOfRollback }.into())
        }
        Target::Other => Err(Rejection::NotAllowed { reason: NotAllowedReason::NotReversible }.into()),
        Target::Unseen => tombstone(work, rollback_ref(command), &command.source, &command.target),
    }
}

fn rollback_ref(command: &Rollback) -> TransactionRef {
    TransactionRef { source: command.source.clone(), kind: OperationKind::Rollback, id: command.id.clone() }
}

fn rollback_bet(
    command: &Rollback,
    round: &Round,
    bet: &Bet,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let undoable = check_undoable(round, bet);
    let source = facts.policy.of(&command.source);
    if matches!(undoable, Err(Rejection::AlreadySettled { .. })) && source.cancel_settled && !command.partial
    {
        check_agrees(command, round, bet.stake)?;
        let wanted = Wanted {
            txn: rollback_ref(command),
            reason: Reason::new("rollback").map_err(|error| Fault::corrupted(error.to_string()))?,
            bet: Some(bet),
            policy: command.on_shortfall.unwrap_or(source.on_shortfall),
        };
        return void_bets(wanted, round, work);
    }
    undoable?;
    let currency = round_currency(round)?;
    let purse = purse(work.state(), currency)?;
    let open = bet.open_stake();
    if command.partial {
        let part = command.amount.ok_or(Rejection::Mismatch { field: MismatchField::Amount })?;
        let part = incoming(part, purse.currency())?;
        check_agrees(&Rollback { amount: None, ..command.clone() }, round, part)?;
        if part.is_zero() {
            return Err(Rejection::InvalidAmount { amount: part.to_string() }.into());
        }
        if part > open {
            return Err(Rejection::Mismatch { field: MismatchField::Amount }.into());
        }
        if part < open {
            return return_part(command, round, bet, part, work);
        }
    } else {
        check_agrees(command, round, bet.stake)?;
    }

    let (mut round, bet) = (round.clone(), bet.clone());
    let entry = post_release(work, &round, &bet, currency)?;
    let event = Event::BetRolledBack(BetRolledBack {
        txn: command.id.clone(),
        bet: bet.id,
        currency,
        stake: open,
        split: Split { cash: open },
        entry,
    });
    work.push_round(&mut round, event)?;
    close_if_settled(work, &mut round, &command.id)?;
    Ok(Some(currency))
}

/// Part of an open stake goes back; the rest of the bet stays open.
fn return_part(
    command: &Rollback,
    round: &Round,
    bet: &Bet,
    part: Amount,
    work: &mut Workspace<'_>,
) -> Outcome {
    let currency = round_currency(round)?;
    let purse = purse(work.state(), currency)?;
    let mut round = round.clone();
    let unplayed = back_from(&bet.unplayed, bet.staked().checked_sub(part)?)?;
    let lots = LotMoves::back(currency, &unplayed);
    let entry = work.post_with(release(purse, sub_account(&round), part), &lots)?;
    let event = Event::BetReturned(BetReturned {
        txn: command.id.clone(),
        bet: bet.id.clone(),
        currency,
        stake: part,
        split: Split { cash: part },
        unplayed,
        entry: entry.ok_or_else(|| Fault::corrupted("a part without an entry"))?,
    });
    work.push_round(&mut round, event)?;
    Ok(Some(currency))
}

fn rollback_win(
    command: &Rollback,
    round: &Round,
    win: &Win,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    if win.status != WinStatus::Paid {
        return Err(Rejection::AlreadyRolledBack { txn: win.id.clone() }.into());
    }
    check_agrees(command, round, win.amount)?;
    let currency = round_currency(round)?;
    let purse = purse(work.state(), currency)?;
    let policy = command.on_shortfall.unwrap_or(facts.policy.of(&command.source).on_shortfall);
    check_room(work.state(), round)?;
    let recovery = recovery(purse, win.amount, policy)?;

    let (mut round, win) = (round.clone(), win.clone());
    let Some(recovery) = recovery else {
        work.outcome(OutcomeKind::Noop);
        let event = Event::WinRetained(WinRetained {
            txn: command.id.clone(),
            win: win.id,
            currency,
            amount: win.amount,
        });
        work.push_round(&mut round, event)?;
        return Ok(Some(currency));
    };
    if round.status != RoundStatus::Open {
        reopen(work, &mut round, ReopenReason::WinRollback)?;
    }
    let game = SubAccount::game(payout_game(&round, win.bet.as_ref())?);
    let entry =
        if win.amount.is_zero() { None } else { work.post(recover(purse, game, win.amount, &recovery))? };
    let event = Event::WinRolledBack(WinRolledBack {
        txn: command.id.clone(),
        win: win.id,
        currency,
        amount: win.amount,
        recovery,
        entry,
    });
    work.push_round(&mut round, event)?;
    Ok(Some(currency))
}
