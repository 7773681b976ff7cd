//! What the decisions on rounds share.

use crate::ids::{GameId, RoundId, SourceId, SubAccount, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Fault, OPEN_ROUNDS_MAX, Outcome, PlayerState, RoundRef, Stop, Workspace};
use crate::rejection::{Capacity, Rejection};
use crate::stored::{
    Bet, Event, Note, OutcomeKind, ReopenReason, Round, RoundReopened, RoundStatus, TombstoneRecord,
    TransactionRef, TxnNoted, TxnTombstoned,
};
use crate::wallet::Purse;

/// The round a command is about: live, or fetched from the log. A fetched round that is another one (that
/// of the command's target) is not it.
pub(super) fn known_round<'a>(
    state: &'a PlayerState,
    facts: &Facts<'a>,
    round: &RoundRef,
) -> Option<&'a Round> {
    state.round(round).or_else(|| facts.found.round(round))
}

pub(super) fn check_currency(round: &Round, currency: CurrencyCode) -> Result<(), Rejection> {
    match round.currency {
        Some(own) if own != currency => Err(Rejection::CurrencyMismatch { currency }),
        _ => Ok(()),
    }
}

pub(super) fn sub_account(round: &Round) -> SubAccount {
    SubAccount::round(&round.source, &round.id)
}

/// The round as a name of something that was done; ids of rounds and transactions have the same form.
pub(super) fn as_txn(round: &RoundId) -> Result<TransactionId, Fault> {
    TransactionId::new(round.as_str()).map_err(|error| Fault::corrupted(error.to_string()))
}

pub(super) fn reopen(work: &mut Workspace<'_>, round: &mut Round, reason: ReopenReason) -> Result<(), Fault> {
    let event = Event::RoundReopened(RoundReopened { reason, round: round.clone() });
    work.push_round(round, event)
}

pub(super) fn capacity(what: Capacity, maximum: usize) -> Stop {
    Rejection::CapacityExceeded { what, maximum: u32::try_from(maximum).unwrap_or(u32::MAX) }.into()
}

/// The game a win is booked under: that of the bet it answers, or of the round's first bet.
pub(super) fn payout_game<'a>(round: &'a Round, bet: Option<&TransactionId>) -> Result<&'a GameId, Fault> {
    bet.and_then(|bet| round.bet(bet))
        .or_else(|| round.bets.first())
        .map(|bet| &bet.game)
        .ok_or_else(|| Fault::corrupted(format!("round {} has no bet", round.id)))
}

pub(super) fn stakes(bets: &[Bet]) -> Vec<(GameId, Amount)> {
    bets.iter().map(|bet| (bet.game.clone(), bet.open_stake())).collect()
}

pub(super) fn total(bets: &[Bet], purse: &Purse) -> Result<Amount, Stop> {
    Ok(bets.iter().try_fold(purse.currency().zero(), |sum, bet| sum.checked_add(bet.open_stake()))?)
}

pub(super) fn note(work: &mut Workspace<'_>, txn: TransactionRef, note: Note) -> Outcome {
    work.outcome(OutcomeKind::Noop);
    work.push_player(Event::TxnNoted(TxnNoted { txn, note }))?;
    Ok(None)
}

pub(super) fn round_currency(round: &Round) -> Result<CurrencyCode, Fault> {
    round.currency.ok_or_else(|| Fault::corrupted(format!("round {} has no currency", round.id)))
}

/// Remembers that something never seen was undone.
pub(super) fn tombstone(
    work: &mut Workspace<'_>,
    txn: TransactionRef,
    source: &SourceId,
    target: &TransactionId,
) -> Outcome {
    work.outcome(OutcomeKind::Tombstoned);
    work.tombstone(TombstoneRecord { source: source.clone(), id: target.clone() });
    work.push_player(Event::TxnTombstoned(TxnTombstoned { txn, target: target.clone() }))?;
    Ok(None)
}

/// A round that is over needs room among the open ones to be live again.
pub(super) fn check_room(state: &PlayerState, round: &Round) -> Result<(), Stop> {
    if round.status != RoundStatus::Open && state.open_rounds() >= OPEN_ROUNDS_MAX {
        return Err(capacity(Capacity::OpenRounds, OPEN_ROUNDS_MAX));
    }
    Ok(())
}
