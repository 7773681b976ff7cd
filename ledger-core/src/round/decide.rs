//! The round's decisions: checks in fixed precedence first, then events.

use super::state::{BETS_MAX, WINS_MAX, empty};
use crate::account::AccountCode;
use crate::ids::{GameId, RoundId, SubAccount, TransactionId};
use crate::key::OperationKind;
use crate::money::{Amount, Currency, CurrencyCode};
use crate::player_ledger::Fault;
use crate::player_ledger::{
    CloseRound, Facts, Finality, KnownOperation, OPEN_ROUNDS_MAX, PlaceBet, PlayerState, Rollback,
    RollbackKind, RoundRef, Settle, Stop, Subject, Void, VoidTarget, Workspace,
};
use crate::policy::ShortfallPolicy;
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection};
use crate::stored::{
    Bet, BetPlaced, BetRolledBack, BetSettled, BetStatus, BetVoided, CloseReason, Event, Note, OutcomeKind,
    Recovery, ReopenReason, Round, RoundClosed, RoundReopened, RoundStatus, RoundVoided, SettledBy, Split,
    TombstoneRecord, TransactionRef, TxnNoted, TxnTombstoned, Win, WinCredited, WinRetained, WinRolledBack,
    WinStatus,
};
use crate::wallet::{Purse, credit_cash, hold, recover, release, take_stakes};
use rust_decimal::Decimal;

type Outcome = Result<Option<CurrencyCode>, Stop>;

/// An incoming amount in a currency's units: never rounded, never negative, never above the maximum.
pub(crate) fn incoming(amount: Decimal, currency: &Currency) -> Result<Amount, Rejection> {
    let invalid = || Rejection::InvalidAmount { amount: amount.to_string() };
    let negative = amount.is_sign_negative() && !amount.is_zero();
    if negative || amount > currency.maximum().to_decimal() {
        return Err(invalid());
    }
    Amount::from_decimal(amount, currency.scale()).map_err(|error| match error {
        crate::money::AmountError::TooFine { .. } => {
            Rejection::Precision { amount: amount.to_string(), scale: currency.scale() }
        }
        _ => invalid(),
    })
}

/// The player's purse in a currency.
pub(crate) fn purse(state: &PlayerState, currency: CurrencyCode) -> Result<&Purse, Rejection> {
    state.wallet().purse(currency).ok_or(Rejection::CurrencyMismatch { currency })
}

/// The round a command is about: live, or fetched from the log. A fetched round that is another one (that
/// of the command's target) is not it.
fn known_round<'a>(state: &'a PlayerState, facts: &Facts<'a>, round: &RoundRef) -> Option<&'a Round> {
    let fetched = || facts.round.filter(|found| found.source == round.source && found.id == round.round);
    state.round(round).or_else(fetched)
}

fn check_currency(round: &Round, currency: CurrencyCode) -> Result<(), Rejection> {
    match round.currency {
        Some(own) if own != currency => Err(Rejection::CurrencyMismatch { currency }),
        _ => Ok(()),
    }
}

fn sub_account(round: &Round) -> SubAccount {
    SubAccount::round(&round.source, &round.id)
}

/// The round as a name of something that was done; ids of rounds and transactions have the same form.
fn as_txn(round: &RoundId) -> Result<TransactionId, Fault> {
    TransactionId::new(round.as_str()).map_err(|error| Fault::corrupted(error.to_string()))
}

fn reopen(work: &mut Workspace<'_>, round: &mut Round, reason: ReopenReason) -> Result<(), Fault> {
    let event = Event::RoundReopened(RoundReopened { reason, round: round.clone() });
    work.push_round(round, event)
}

pub(crate) fn place_bet(command: &PlaceBet, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let known = known_round(state, facts, &reference);
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
    let entry = if stake.is_zero() { None } else { work.post(hold(purse, sub_account(&round), stake))? };
    let event = Event::BetPlaced(BetPlaced {
        bet: command.id.clone(),
        game: command.game.clone(),
        currency: command.currency,
        stake,
        split: Split { cash: stake },
        entry,
    });
    work.push_round(&mut round, event)?;
    Ok(Some(command.currency))
}

fn capacity(what: Capacity, maximum: usize) -> Stop {
    Rejection::CapacityExceeded { what, maximum: u32::try_from(maximum).unwrap_or(u32::MAX) }.into()
}

/// The game a win is booked under: that of the bet it answers, or of the round's first bet.
fn payout_game<'a>(round: &'a Round, bet: Option<&TransactionId>) -> Result<&'a GameId, Fault> {
    bet.and_then(|bet| round.bet(bet))
        .or_else(|| round.bets.first())
        .map(|bet| &bet.game)
        .ok_or_else(|| Fault::corrupted(format!("round {} has no bet", round.id)))
}

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

pub(crate) fn settle(command: &Settle, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let round = known_round(state, facts, &reference)
        .ok_or_else(|| Rejection::BetNotFound { round: command.round.clone() })?;
    let named = command.bet.as_ref().and_then(|named| round.bet(named));
    let undone = named.is_some_and(|bet| matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided));
    match round.status {
        RoundStatus::Cancelled | RoundStatus::Void => return Err(Rejection::TxnCancelled.into()),
        _ if undone => return Err(Rejection::TxnCancelled.into()),
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

fn stakes(bets: &[Bet]) -> Vec<(GameId, Amount)> {
    bets.iter().map(|bet| (bet.game.clone(), bet.stake)).collect()
}

fn total(bets: &[Bet], purse: &Purse) -> Result<Amount, Stop> {
    Ok(bets.iter().try_fold(purse.currency().zero(), |sum, bet| sum.checked_add(bet.stake))?)
}

fn note(work: &mut Workspace<'_>, txn: TransactionRef, note: Note) -> Outcome {
    work.outcome(OutcomeKind::Noop);
    work.push_player(Event::TxnNoted(TxnNoted { txn, note }))?;
    Ok(None)
}

pub(crate) fn close(command: &CloseRound, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let txn = || TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Close,
        id: command.id.clone(),
    };
    let Some(round) = known_round(state, facts, &reference) else {
        return note(work, txn(), Note::RoundUnknown);
    };
    if round.status != RoundStatus::Open {
        return note(work, txn(), Note::RoundNotOpen);
    }
    let currency = round_currency(round)?;
    let purse = purse(state, currency)?;

    let mut round = round.clone();
    let open: Vec<Bet> = round.open_bets().cloned().collect();
    if !open.is_empty() {
        let stake = total(&open, purse)?;
        let entry = work.post(take_stakes(purse, sub_account(&round), &stakes(&open))?)?;
        let event = Event::BetSettled(BetSettled {
            txn: command.id.clone(),
            bets: open.into_iter().map(|bet| bet.id).collect(),
            bet: None,
            currency,
            stake,
            win: purse.currency().zero(),
            split: Split { cash: purse.currency().zero() },
            by: SettledBy::Close,
            entry,
        });
        work.push_round(&mut round, event)?;
    }
    let event = Event::RoundClosed(RoundClosed { txn: command.id.clone(), reason: CloseReason::Close });
    work.push_round(&mut round, event)?;
    Ok(Some(currency))
}

fn round_currency(round: &Round) -> Result<CurrencyCode, Fault> {
    round.currency.ok_or_else(|| Fault::corrupted(format!("round {} has no currency", round.id)))
}

/// Remembers that something never seen was undone.
fn tombstone(
    work: &mut Workspace<'_>,
    txn: TransactionRef,
    source: &crate::ids::SourceId,
    target: &TransactionId,
) -> Outcome {
    work.outcome(OutcomeKind::Tombstoned);
    work.tombstone(TombstoneRecord { source: source.clone(), id: target.clone() });
    work.push_player(Event::TxnTombstoned(TxnTombstoned { txn, target: target.clone() }))?;
    Ok(None)
}

pub(crate) fn void(command: &Void, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
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
            entry = work.post(release(purse, sub_account(&round), stake))?;
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
fn close_if_settled(work: &mut Workspace<'_>, round: &mut Round, txn: &TransactionId) -> Result<(), Fault> {
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
        return match facts.target.filter(|known| !known.is_rejected()).map(|known| &known.subject) {
            Some(Subject::Bet(_)) => Err(Rejection::Mismatch { field: MismatchField::Round }.into()),
            Some(_) => Err(Rejection::NotAllowed { reason: NotAllowedReason::NotReversible }.into()),
            None => tombstone(work, void_ref(command), &command.round_source, bet),
        };
    };
    check_undoable(round, bet)?;
    let currency = round_currency(round)?;
    let purse = purse(state, currency)?;

    let (mut round, bet) = (round.clone(), bet.clone());
    let entry =
        if bet.stake.is_zero() { None } else { work.post(release(purse, sub_account(&round), bet.stake))? };
    let event = Event::BetVoided(BetVoided {
        txn: void_ref(command),
        bet: bet.id,
        reason: command.reason.clone(),
        currency,
        stake: bet.stake,
        split: bet.split,
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
    if let Some(known) = facts.target.filter(|known| !known.is_rejected()) {
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

pub(crate) fn rollback(command: &Rollback, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    match find_target(command, work.state(), facts)? {
        Target::Bet(round, bet) => rollback_bet(command, round, bet, work),
        Target::Win(round, win) => rollback_win(command, round, win, facts, work),
        Target::Rollback => {
            Err(Rejection::NotAllowed { reason: NotAllowedReason::RollbackOfRollback }.into())
        }
        Target::Other => Err(Rejection::NotAllowed { reason: NotAllowedReason::NotReversible }.into()),
        Target::Unseen => {
            let txn = TransactionRef {
                source: command.source.clone(),
                kind: OperationKind::Rollback,
                id: command.id.clone(),
            };
            tombstone(work, txn, &command.source, &command.target)
        }
    }
}

fn rollback_bet(command: &Rollback, round: &Round, bet: &Bet, work: &mut Workspace<'_>) -> Outcome {
    check_undoable(round, bet)?;
    check_agrees(command, round, bet.stake)?;
    let currency = round_currency(round)?;
    let purse = purse(work.state(), currency)?;

    let (mut round, bet) = (round.clone(), bet.clone());
    let entry =
        if bet.stake.is_zero() { None } else { work.post(release(purse, sub_account(&round), bet.stake))? };
    let event = Event::BetRolledBack(BetRolledBack {
        txn: command.id.clone(),
        bet: bet.id,
        currency,
        stake: bet.stake,
        split: bet.split,
        entry,
    });
    work.push_round(&mut round, event)?;
    close_if_settled(work, &mut round, &command.id)?;
    Ok(Some(currency))
}

/// Where the money of a win comes from when it is taken back; `None` if the player keeps it.
fn recovery(purse: &Purse, amount: Amount, policy: ShortfallPolicy) -> Result<Option<Recovery>, Stop> {
    let zero = purse.currency().zero();
    let cash = purse.cash().min(amount)?;
    let short = amount.checked_sub(cash)?;
    if short.is_zero() {
        return Ok(Some(Recovery { cash, receivable: zero, written_off: zero }));
    }
    match policy {
        ShortfallPolicy::AllowNegative => Ok(Some(Recovery { cash, receivable: short, written_off: zero })),
        ShortfallPolicy::ZeroOut => Ok(Some(Recovery { cash, receivable: zero, written_off: short })),
        ShortfallPolicy::Retain => Ok(None),
        ShortfallPolicy::Reject => Err(Rejection::InsufficientFunds {
            available: purse.available(),
            currency: purse.currency().code(),
        }
        .into()),
    }
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
