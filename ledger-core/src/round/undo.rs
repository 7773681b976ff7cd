//! Undoing: voids of rounds and bets, rollbacks of bets and wins, and tombstones for what was never seen.

use super::common::{
    as_txn, check_room, check_spent, close_again, close_if_settled, known_round, paid_by, paid_from, reopen,
    reopen_for, round_currency, taken_of, tombstone,
};
use super::corrections::{Wanted, void_bets};
use super::state::empty;
use super::{Rollback, RollbackKind, Void, VoidTarget, stakes};
use crate::bonus::{take_bonus_win, uncount, uncounted};
use crate::ids::{Reason, RoundId, SourceId, TransactionId};
use crate::key::{IdempotencyKey, OperationKind};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{
    Facts, Fault, KnownOperation, Outcome, PlayerState, RoundRef, Stop, Subject, Workspace,
};
use crate::policy::Policy;
use crate::purchase::{self, Purchase};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection};
use crate::stored::{
    Bet, BetReturned, BetRolledBack, BetStatus, BetVoided, Event, OutcomeKind, ReopenReason, Round,
    RoundStatus, RoundVoided, TransactionRef, Win, WinRetained, WinRolledBack, WinStatus,
};
use crate::transfer::{self, Transfer};
use crate::wallet::{LotMoves, incoming, purse, recover_to, recovery};

/// The keys under which what is undone may stand. Without a stated kind a bet comes first, then a win, then what else
/// can be undone; other kinds are looked for too, so that a rollback of them is refused and does not bury their id.
pub(super) fn target_keys(
    source: &SourceId,
    target: &TransactionId,
    kind: Option<RollbackKind>,
    policy: &Policy,
) -> Vec<IdempotencyKey> {
    use OperationKind::{
        Adjustment, Bet, CashOut, Close, Credit, Deposit, FreeRoundTotal, Information, Resettle, RollIn,
        RollOut, Rollback, RoundReopen, Tip, TournamentEntry, Unsettle, Void, VoidSettled, Win,
    };
    let kinds: &[OperationKind] = match kind {
        Some(RollbackKind::Bet) => &[Bet],
        Some(RollbackKind::Win) => &[Win],
        Some(RollbackKind::Tip) => &[Tip],
        Some(RollbackKind::TournamentEntry) => &[TournamentEntry],
        Some(RollbackKind::RollOut) => &[RollOut],
        None => &[
            Bet,
            Win,
            Tip,
            TournamentEntry,
            RollOut,
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
            RollIn,
            FreeRoundTotal,
            RoundReopen,
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

/// A round can be called off while nothing of it has a result: no win stands, and no bet was settled but by a rule of
/// the ledger.
fn check_no_result(round: &Round) -> Result<(), Rejection> {
    let txn = || as_txn(&round.id).map_err(|_| Rejection::BetNotFound { round: round.id.clone() });
    let won = round.wins.iter().any(|win| win.status != WinStatus::RolledBack);
    let taken = round.bets.iter().any(|bet| bet.status == BetStatus::Settled && !bet.by_rule && !bet.made_up);
    match round.status {
        RoundStatus::Cancelled => Err(Rejection::AlreadyRolledBack { txn: txn()? }),
        RoundStatus::Closed if round.by_rule.is_none() => Err(Rejection::AlreadySettled { txn: txn()? }),
        RoundStatus::Open | RoundStatus::Closed if won || taken => {
            Err(Rejection::AlreadySettled { txn: txn()? })
        }
        RoundStatus::Open | RoundStatus::Closed | RoundStatus::Void => Ok(()),
    }
}

fn void_round(command: &Void, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.round_source.clone(), round: command.round.clone() };
    let known = known_round(state, facts, &reference);
    known.map_or(Ok(()), check_no_result)?;

    let mut round = known.cloned().unwrap_or_else(|| empty(&command.round_source, &command.round));
    let stands = |bet: &&Bet| matches!(bet.status, BetStatus::Open | BetStatus::Settled) && !bet.made_up;
    let bets: Vec<Bet> = round.bets.iter().filter(stands).cloned().collect();
    let mut forfeited = Vec::new();
    let entry = match round.currency.filter(|_| !bets.is_empty()) {
        Some(currency) => {
            let back = stakes::back(state, &round, &bets, purse(state, currency)?)?;
            forfeited = back.split.forfeited;
            work.post_with(back.postings, &LotMoves::back(currency, &back.unplayed))?
        }
        None => None,
    };
    if known.is_none() {
        work.outcome(OutcomeKind::Tombstoned);
    }
    reopen_for(work, &mut round, ReopenReason::BetUndone)?;
    let currency = round.currency;
    let event = Event::RoundVoided(RoundVoided {
        txn: void_ref(command),
        reason: command.reason.clone(),
        bets: bets.iter().map(|bet| bet.id.clone()).collect(),
        forfeited,
        entry,
    });
    work.push_round(&mut round, event)?;
    for bet in &bets {
        undo_counted(work, &round, bet)?;
    }
    Ok(currency)
}

/// A bet that can be undone is open, or was taken by a rule of the ledger, and no win that stands answers it.
fn check_undoable(round: &Round, bet: &Bet) -> Result<(), Rejection> {
    let txn = || bet.id.clone();
    match bet.status {
        BetStatus::RolledBack | BetStatus::Voided => Err(Rejection::AlreadyRolledBack { txn: txn() }),
        BetStatus::Settled if !bet.by_rule => Err(Rejection::AlreadySettled { txn: txn() }),
        BetStatus::Settled | BetStatus::Open if round.is_answered(bet) => {
            Err(Rejection::AlreadySettled { txn: txn() })
        }
        BetStatus::Settled | BetStatus::Open => Ok(()),
    }
}

/// All that is left of a stake went back: what it counted is reversed, but for what was cashed out of it.
pub(super) fn undo_counted(work: &mut Workspace<'_>, round: &Round, bet: &Bet) -> Result<(), Stop> {
    if bet.counted.is_none() {
        return Ok(());
    }
    let back = if bet.status == BetStatus::Open { bet.open_stake() } else { bet.staked() };
    uncount(work, round, bet, back, bet.staked().checked_sub(back)?)
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
    let purse = purse(state, currency)?;

    let (mut round, bet) = (round.clone(), bet.clone());
    let back = stakes::back(work.state(), &round, std::slice::from_ref(&bet), purse)?;
    let rule = reopen_for(work, &mut round, ReopenReason::BetUndone)?;
    let entry = work.post_with(back.postings, &LotMoves::back(currency, &back.unplayed))?;
    let event = Event::BetVoided(BetVoided {
        txn: void_ref(command),
        bet: bet.id.clone(),
        reason: command.reason.clone(),
        currency,
        stake: back.stake,
        split: back.split,
        entry,
    });
    work.push_round(&mut round, event)?;
    undo_counted(work, &round, &bet)?;
    close_again(work, &mut round, &command.id, rule)?;
    close_if_settled(work, &mut round, &command.id, facts.policy.of(&command.round_source))?;
    Ok(Some(currency))
}

/// What a rollback undoes.
enum Target<'a> {
    Bet(&'a Round, &'a Bet),
    Win(&'a Round, &'a Win),
    Purchase(&'a Purchase),
    Transfer(&'a Transfer),
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
        Some(_) => None,
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
            (Subject::Bet(_), None) if command.kind.is_some_and(|kind| kind != RollbackKind::Bet) => {
                Ok(Target::Other)
            }
            (Subject::Win(_), None) if command.kind.is_some_and(|kind| kind != RollbackKind::Win) => {
                Ok(Target::Other)
            }
            (Subject::Bet(_), _) | (Subject::Win(_), None) => archived(known, command, state, facts),
            (_, Some(win)) => Ok(win),
            (Subject::Purchase(_) | Subject::Transfer(_), None) => {
                paid_elsewhere(known, command, state, facts)
            }
            (Subject::Rollback, None) => Ok(Target::Rollback),
            (Subject::Other, None) => Ok(Target::Other),
        };
    }
    Ok(win.unwrap_or(Target::Unseen))
}

/// A tip, an entry to a tournament or a roll-out, unless the rollback says that it is of something else.
fn paid_elsewhere<'a>(
    known: &KnownOperation,
    command: &Rollback,
    state: &'a PlayerState,
    facts: &Facts<'a>,
) -> Result<Target<'a>, Fault> {
    let missing = || Fault::corrupted(format!("{} is not in the log", known.record.key()));
    let stated = |kind: RollbackKind| command.kind.is_none_or(|stated| stated == kind);
    match &known.subject {
        Subject::Purchase(of) if stated(of.kind.rollback()) => {
            facts.found.purchase(of).map(Target::Purchase).ok_or_else(missing)
        }
        Subject::Transfer(of) if stated(RollbackKind::RollOut) => {
            state.transfer(of).or_else(|| facts.found.transfer(of)).map(Target::Transfer).ok_or_else(missing)
        }
        _ => Ok(Target::Other),
    }
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

/// What a rollback says of its target must be so. `round` is that of the target, if it has one.
fn check_agrees(
    command: &Rollback,
    round: Option<&RoundId>,
    currency: Option<CurrencyCode>,
    amount: Amount,
) -> Result<(), Rejection> {
    let mismatch = |field| Err(Rejection::Mismatch { field });
    if command.round.is_some() && command.round.as_ref() != round {
        return mismatch(MismatchField::Round);
    }
    if command.currency.is_some_and(|named| Some(named) != currency) {
        return mismatch(MismatchField::Currency);
    }
    if command.amount.is_some_and(|named| named != amount.to_decimal()) {
        return mismatch(MismatchField::Amount);
    }
    Ok(())
}

fn check_agrees_in(command: &Rollback, round: &Round, amount: Amount) -> Result<(), Rejection> {
    check_agrees(command, Some(&round.id), round.currency, amount)
}

pub(super) fn rollback(command: &Rollback, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    match find_target(command, work.state(), facts)? {
        Target::Bet(round, bet) => rollback_bet(command, round, bet, facts, work),
        Target::Win(..) | Target::Purchase(_) | Target::Transfer(_) if command.partial => {
            Err(Rejection::NotAllowed { reason: NotAllowedReason::NotReversible }.into())
        }
        Target::Win(round, win) => rollback_win(command, round, win, facts, work),
        Target::Purchase(purchase) => {
            check_agrees(command, purchase.round(), Some(purchase.currency()), purchase.amount()?)?;
            purchase::give_back(&command.id, purchase, work)
        }
        Target::Transfer(transfer) => {
            check_agrees(command, None, Some(transfer.currency), transfer.amount)?;
            transfer::roll_back(&command.id, transfer, work)
        }
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
    let cancels = command.flags.cancels_settled(source);
    if matches!(undoable, Err(Rejection::AlreadySettled { .. })) && cancels && !command.partial {
        check_agrees_in(command, round, bet.stake)?;
        let wanted = Wanted {
            txn: rollback_ref(command),
            reason: Reason::new("rollback").map_err(|error| Fault::corrupted(error.to_string()))?,
            bet: Some(bet),
            policy: command.on_shortfall.unwrap_or(source.on_shortfall),
            source,
        };
        return void_bets(wanted, round, work);
    }
    undoable?;
    let currency = round_currency(round)?;
    let purse = purse(work.state(), currency)?;
    // What has not gone back yet: of an open bet what is held, of one that a rule took what was taken.
    let rest = if bet.status == BetStatus::Open { bet.open_stake() } else { bet.staked() };
    if command.partial {
        let part = command.amount.ok_or(Rejection::Mismatch { field: MismatchField::Amount })?;
        let part = incoming(part, purse.currency())?;
        check_agrees_in(&Rollback { amount: None, ..command.clone() }, round, part)?;
        if part.is_zero() {
            return Err(Rejection::InvalidAmount { amount: part.to_string() }.into());
        }
        if part > rest {
            return Err(Rejection::Mismatch { field: MismatchField::Amount }.into());
        }
        if part < rest {
            return return_part(command, round, bet, part, work);
        }
    } else {
        check_agrees_in(command, round, bet.stake)?;
    }

    let (mut round, bet) = (round.clone(), bet.clone());
    let back = stakes::back(work.state(), &round, std::slice::from_ref(&bet), purse)?;
    let rule = reopen_for(work, &mut round, ReopenReason::BetUndone)?;
    let entry = work.post_with(back.postings, &LotMoves::back(currency, &back.unplayed))?;
    let event = Event::BetRolledBack(BetRolledBack {
        txn: command.id.clone(),
        bet: bet.id.clone(),
        currency,
        stake: back.stake,
        split: back.split,
        entry,
    });
    work.push_round(&mut round, event)?;
    undo_counted(work, &round, &bet)?;
    close_again(work, &mut round, &command.id, rule)?;
    close_if_settled(work, &mut round, &command.id, source)?;
    Ok(Some(currency))
}

/// Part of a stake goes back; the rest of the bet stays as it is.
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
    let kept = bet.staked().checked_sub(part)?;
    let back = stakes::part_back(work.state(), &round, bet, part, purse)?;
    let rule = reopen_for(work, &mut round, ReopenReason::BetUndone)?;
    let entry = work.post_with(back.postings, &LotMoves::back(currency, &back.unplayed))?;
    let event = Event::BetReturned(BetReturned {
        txn: command.id.clone(),
        bet: bet.id.clone(),
        currency,
        stake: part,
        split: back.split,
        unplayed: back.unplayed,
        uncounted: uncounted(bet, part, kept)?,
        entry: entry.ok_or_else(|| Fault::corrupted("a part without an entry"))?,
    });
    work.push_round(&mut round, event)?;
    uncount(work, &round, bet, part, kept)?;
    close_again(work, &mut round, &command.id, rule)?;
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
    check_agrees_in(command, round, win.reported.unwrap_or(win.amount))?;
    let currency = round_currency(round)?;
    let purse = purse(work.state(), currency)?;
    let policy = command.on_shortfall.unwrap_or(facts.policy.of(&command.source).on_shortfall);
    // One that a rule closed is live for a moment only.
    if round.closed_by_rule().is_none() {
        check_room(work.state(), round)?;
    }
    let taken = taken_of(work, &win.bonus, &win.forfeited, (&[], &[]))?;
    let is_kept = check_spent(work, &taken, policy, purse)?;
    let money = win.money();
    let recovery = recovery(purse, money, policy)?.filter(|_| !is_kept);

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
    let rule = round.closed_by_rule();
    if round.status != RoundStatus::Open {
        reopen(work, &mut round, ReopenReason::WinRollback)?;
    }
    let mut postings = if money.is_zero() {
        Vec::new()
    } else {
        let (account, of) = paid_from(&round, &win)?;
        recover_to(purse, account, of, money, &recovery)
    };
    if let Some(payer) = paid_by(&round, &win).filter(|_| !taken.is_empty()) {
        postings.extend(take_bonus_win(currency, &payer.game, &taken));
    }
    let entry = work.post(postings)?;
    let event = Event::WinRolledBack(WinRolledBack {
        txn: command.id.clone(),
        win: win.id,
        currency,
        amount: win.amount,
        recovery,
        taken,
        entry,
    });
    work.push_round(&mut round, event)?;
    close_again(work, &mut round, &command.id, rule)?;
    Ok(Some(currency))
}
