//! The decisions on claims on jackpots.

use super::state::{JACKPOT_CLAIMS_MAX, JackpotClaim};
use super::{ClaimJackpot, PayJackpot, WithdrawJackpotClaim};
use crate::account::{AccountCode, AccountKind};
use crate::ids::{SourceId, SubAccount, TransactionId};
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, RoundRef, Stop, Workspace};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{
    ClaimEnd, Event, JackpotClaimWithdrawn, JackpotClaimed, JackpotPaid, PaymentRef, Round, RoundStatus,
    TombstoneRecord,
};
use crate::wallet::{credit_cash, incoming, purse};

/// A round that the bets of which were undone, or that was called off, triggers nothing.
fn is_undone(round: &Round) -> bool {
    matches!(round.status, RoundStatus::Void | RoundStatus::Cancelled)
}

fn round<'f>(of: &RoundRef, state: &'f PlayerState, facts: &'f Facts<'_>) -> Option<&'f Round> {
    state.round(of).or_else(|| facts.found.round(of))
}

fn kind(state: &PlayerState) -> AccountKind {
    state.profile().map_or(AccountKind::Real, |profile| profile.kind)
}

/// A claim passes whatever the player's standing: its round has begun.
pub(super) fn claim(command: &ClaimJackpot, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    match round(&command.round_ref(), state, facts) {
        None => return Err(Rejection::BetNotFound { round: command.round.clone() }.into()),
        Some(round) if is_undone(round) => return Err(Rejection::TxnCancelled.into()),
        Some(_) => {}
    }
    purse(state, command.currency)?;
    if state.jackpot_claims().len() >= JACKPOT_CLAIMS_MAX {
        return Err(capacity(Capacity::JackpotClaims, JACKPOT_CLAIMS_MAX).into());
    }
    work.push_player(Event::JackpotClaimed(JackpotClaimed {
        claim: PaymentRef { source: command.source.clone(), id: command.id.clone() },
        kind: kind(state),
        jackpot: command.jackpot.clone(),
        round: command.round.clone(),
        currency: command.currency,
    }))?;
    Ok(Some(command.currency))
}

fn open<'s>(
    state: &'s PlayerState,
    source: &SourceId,
    id: &TransactionId,
) -> Result<&'s JackpotClaim, Rejection> {
    let of = |claim: &&JackpotClaim| claim.of.source == *source && claim.of.id == *id;
    state.jackpot_claims().iter().find(of).ok_or(not_allowed(NotAllowedReason::ClaimNotOpen))
}

/// What was won is paid whatever the player's standing.
pub(super) fn pay(command: &PayJackpot, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let claim = open(state, &command.source, &command.id)?;
    let differs = if claim.jackpot != command.jackpot {
        Some(MismatchField::Jackpot)
    } else if kind(state) != command.kind {
        Some(MismatchField::Kind)
    } else if claim.currency != command.currency {
        Some(MismatchField::Currency)
    } else {
        None
    };
    if let Some(field) = differs {
        return Err(Rejection::Mismatch { field }.into());
    }
    let purse = purse(state, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    if amount.is_zero() {
        return Err(Rejection::InvalidAmount { amount: command.amount.to_string() }.into());
    }
    let of = SubAccount::jackpot(&command.jackpot);
    let postings = credit_cash(purse, AccountCode::JackpotLiability, of, amount)?;
    let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("a jackpot without an entry"))?;
    work.push_player(Event::JackpotPaid(JackpotPaid {
        claim: claim.of.clone(),
        jackpot: command.jackpot.clone(),
        award: command.award,
        currency: command.currency,
        amount,
        entry,
    }))?;
    Ok(Some(command.currency))
}

pub(super) fn withdraw(command: &WithdrawJackpotClaim, work: &mut Workspace<'_>) -> Outcome {
    let claim = open(work.state(), &command.source, &command.id)?.of.clone();
    work.push_player(Event::JackpotClaimWithdrawn(JackpotClaimWithdrawn {
        claim,
        cause: ClaimEnd::Withdrawn,
        reason: Some(command.reason.clone()),
        by: Some(command.by.clone()),
    }))?;
    Ok(None)
}

/// After a command: claims whose round it undid, or whose id it let die, are withdrawn.
pub(crate) fn follow_up(facts: &Facts<'_>, work: &mut Workspace<'_>) -> Result<(), Stop> {
    let state = work.state();
    for claim in state.jackpot_claims() {
        let dies = |dead: &TombstoneRecord| dead.source == claim.of.source && dead.id == claim.of.id;
        let cause = if work.tombstones().iter().any(dies) {
            ClaimEnd::RolledBack
        } else if undoes(&claim.round_ref(), facts, work)? {
            ClaimEnd::RoundUndone
        } else {
            continue;
        };
        work.push_player(Event::JackpotClaimWithdrawn(JackpotClaimWithdrawn {
            claim: claim.of.clone(),
            cause,
            reason: None,
            by: None,
        }))?;
    }
    Ok(())
}

/// Whether the events so far leave a round undone.
fn undoes(of: &RoundRef, facts: &Facts<'_>, work: &Workspace<'_>) -> Result<bool, Fault> {
    let is_of = |stream: &Stream| matches!(stream, Stream::Round(_, source, round) if *source == of.source && *round == of.round);
    let mut events = work.events().iter().filter(|record| is_of(&record.stream)).peekable();
    if events.peek().is_none() {
        return Ok(false);
    }
    let known = round(of, work.state(), facts).cloned();
    let mut round = known.unwrap_or_else(|| crate::round::empty(&of.source, &of.round));
    for record in events {
        round.evolve(record, work.now())?;
    }
    Ok(is_undone(&round))
}
