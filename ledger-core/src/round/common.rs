//! What the decisions on rounds share.

use crate::account::AccountCode;
use crate::ids::{RoundId, SourceId, SubAccount, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Fault, OPEN_ROUNDS_MAX, Outcome, PlayerState, RoundRef, Stop, Workspace};
use crate::policy::{RoundClosePolicy, SourcePolicy};
use crate::rejection::{Capacity, Rejection};
use crate::stored::{
    Bet, BetStatus, CloseReason, Event, Note, OutcomeKind, ReopenReason, Round, RoundClosed, RoundReopened,
    RoundStatus, TombstoneRecord, TransactionRef, TxnNoted, TxnTombstoned, Win,
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

/// The account a win is paid from: that of the bet it answers, or of the round's first bet. It is the payouts of its
/// game, or the campaign of a free bet (P15).
pub(super) fn payer(round: &Round, bet: Option<&TransactionId>) -> Result<(AccountCode, SubAccount), Fault> {
    account_of(round, payer_bet(round, bet))
}

/// The account a win was paid from. A bet that it names may have come after it, and is not what it was paid under.
pub(super) fn paid_from(round: &Round, win: &Win) -> Result<(AccountCode, SubAccount), Fault> {
    account_of(round, paid_by(round, win))
}

/// The bet whose game or campaign paid a win.
pub(super) fn paid_by<'a>(round: &'a Round, win: &Win) -> Option<&'a Bet> {
    let named = win.bet.as_ref().and_then(|bet| round.bet(bet)).filter(|bet| bet.version < win.version);
    named.or_else(|| round.bets.first())
}

pub(super) fn account_of(round: &Round, bet: Option<&Bet>) -> Result<(AccountCode, SubAccount), Fault> {
    let bet = bet.ok_or_else(|| Fault::corrupted(format!("round {} has no bet", round.id)))?;
    Ok(match &bet.free {
        Some(free) => (AccountCode::FreeSpinCost, free.campaign.clone()),
        None => (AccountCode::GamingPayouts, SubAccount::game(&bet.game)),
    })
}

/// The bet whose game or campaign pays a win.
pub(super) fn payer_bet<'a>(round: &'a Round, bet: Option<&TransactionId>) -> Option<&'a Bet> {
    bet.and_then(|bet| round.bet(bet)).or_else(|| round.bets.first())
}

/// Closes a round whose bets all came to their end by themselves, unless its source ends it by a call.
pub(super) fn close_if_settled(
    work: &mut Workspace<'_>,
    round: &mut Round,
    txn: &TransactionId,
    source: &SourcePolicy,
) -> Result<(), Fault> {
    if round.status == RoundStatus::Open
        && round.is_settled()
        && source.round_close != RoundClosePolicy::EndCall
    {
        // What a rule took may still be undone or won: its source has not said that the round is over.
        let by_rule = round.bets.iter().any(|bet| bet.by_rule && bet.status == BetStatus::Settled);
        let rule = round.by_rule.unwrap_or(CloseReason::ImmediateLoss);
        close(work, round, txn, if by_rule { rule } else { CloseReason::AllSettled })?;
    }
    Ok(())
}

pub(super) fn close(
    work: &mut Workspace<'_>,
    round: &mut Round,
    txn: &TransactionId,
    reason: CloseReason,
) -> Result<(), Fault> {
    work.push_round(round, Event::RoundClosed(RoundClosed { txn: txn.clone(), reason }))
}

/// Makes a round that a rule closed live for the moment in which something of it is undone or added.
pub(super) fn reopen_for(
    work: &mut Workspace<'_>,
    round: &mut Round,
    reason: ReopenReason,
) -> Result<Option<CloseReason>, Fault> {
    let rule = round.closed_by_rule();
    if rule.is_some() {
        reopen(work, round, reason)?;
    }
    Ok(rule)
}

/// Closes it again by the same rule, if it still has bets that stand and none that is open.
pub(super) fn close_again(
    work: &mut Workspace<'_>,
    round: &mut Round,
    txn: &TransactionId,
    rule: Option<CloseReason>,
) -> Result<(), Fault> {
    match rule {
        Some(rule) if round.status == RoundStatus::Open && round.open_bets().next().is_none() => {
            close(work, round, txn, rule)
        }
        _ => Ok(()),
    }
}

/// Whether a bet was undone or called off.
pub(super) fn is_undone(bet: &Bet) -> bool {
    matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided)
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
