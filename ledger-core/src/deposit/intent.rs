//! The decisions on deposits at the cashier, before any money moves.

use std::time::Duration;

use super::command::{AttemptDeposit, CancelDeposit, ExpireDeposit, FailDeposit, InitiateDeposit};
use super::state::{ATTEMPTS_MAX, Intent, OPEN_INTENTS_MAX};
use crate::controls::{self, Gate};
use crate::ids::{SourceId, TransactionId};
use crate::key::OperationKind;
use crate::partition::Stream;
use crate::player::Block;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Workspace};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{
    DepositAttempted, DepositBreak, DepositCancelled, DepositExpired, DepositFailed, DepositInitiated,
    DepositMismatch, Event, Money, OutcomeKind, PaymentRef, PlayerBlocked, TransactionRef,
};
use crate::time::Timestamp;
use crate::wallet::{incoming, purse};

/// An intent: live, or fetched from the log.
pub(super) fn known_intent<'a>(
    state: &'a PlayerState,
    facts: &Facts<'a>,
    of: &PaymentRef,
) -> Option<&'a Intent> {
    state.intent(of).or_else(|| facts.found.intent(of))
}

fn named(state: &PlayerState, facts: &Facts<'_>, of: &PaymentRef) -> Result<Intent, Rejection> {
    let known = known_intent(state, facts, of).cloned();
    known.ok_or_else(|| Rejection::PaymentNotFound { id: of.id.clone() })
}

fn open(state: &PlayerState, facts: &Facts<'_>, of: &PaymentRef) -> Result<Intent, Rejection> {
    let intent = named(state, facts, of)?;
    if intent.is_open() { Ok(intent) } else { Err(not_allowed(NotAllowedReason::DepositEnded)) }
}

fn txn(source: &SourceId, kind: OperationKind, id: &TransactionId) -> TransactionRef {
    TransactionRef { source: source.clone(), kind, id: id.clone() }
}

pub(super) fn initiate(command: &InitiateDeposit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let of = PaymentRef { source: command.source.clone(), id: command.id.clone() };
    if known_intent(state, facts, &of).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let profile = state.jurisdiction_profile(facts.policy);
    if command.method.as_ref().is_some_and(|method| profile.controls.forbidden_methods.contains(method)) {
        return Err(not_allowed(NotAllowedReason::MethodForbidden).into());
    }
    let purse = purse(state, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    if amount.is_zero() {
        return Err(Rejection::InvalidAmount { amount: command.amount.to_string() }.into());
    }
    let (gate, policy, now) =
        (Gate::read(&command.registers, state, work.now())?, &profile.controls, work.now());
    state.may_deposit(&gate, command.currency, policy, now)?;
    let near = controls::check(controls::Asked::Deposit(amount), command.currency, facts, work)?;
    gate.check_left((command.currency, amount), &policy.registers, now)?;
    if state.open_intents() >= OPEN_INTENTS_MAX {
        return Err(capacity(Capacity::OpenDeposits, OPEN_INTENTS_MAX).into());
    }
    gate.record(|| txn(&command.source, OperationKind::DepositIntent, &command.id), work)?;
    let event = DepositInitiated { currency: command.currency, amount, method: command.method.clone() };
    let stream = Stream::Intent(state.player().clone(), of.source, of.id);
    work.push_first(stream, Event::DepositInitiated(event));
    near.record(|| txn(&command.source, OperationKind::DepositIntent, &command.id), work)?;
    Ok(Some(command.currency))
}

pub(super) fn attempt(command: &AttemptDeposit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let mut intent = open(work.state(), facts, &command.intent)?;
    if intent.attempt(&command.id).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    if intent.attempts.len() >= ATTEMPTS_MAX {
        return Err(capacity(Capacity::AttemptsOfDeposit, ATTEMPTS_MAX).into());
    }
    let event = Event::DepositAttempted(DepositAttempted {
        attempt: command.id.clone(),
        psp: command.psp.clone(),
        reference: command.reference.clone(),
    });
    work.push_intent(&mut intent, event)?;
    Ok(Some(intent.currency))
}

pub(super) fn fail(command: &FailDeposit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let mut intent = match command.attempt {
        Some(_) => named(work.state(), facts, &command.intent)?,
        None => open(work.state(), facts, &command.intent)?,
    };
    let failed = |payment| {
        Event::DepositFailed(DepositFailed {
            txn: txn(&command.source, OperationKind::DepositFail, &command.id),
            attempt: command.attempt.clone(),
            payment,
            reason: command.reason.clone(),
        })
    };
    let Some(id) = &command.attempt else {
        work.push_intent(&mut intent, failed(command.payment.clone()))?;
        block_after_failures(command, facts, work)?;
        return Ok(Some(intent.currency));
    };
    let attempt = intent.attempt(id).ok_or_else(|| Rejection::PaymentNotFound { id: id.clone() })?;
    if attempt.failed {
        return Err(not_allowed(NotAllowedReason::AttemptEnded).into());
    }
    if let Some(payment) = &command.payment {
        let other = attempt.reference.as_ref().is_some_and(|own| *own != payment.id);
        if payment.source != attempt.psp || other {
            return Err(Rejection::Mismatch { field: MismatchField::Payment }.into());
        }
    }
    let reference = command.payment.as_ref().map(|p| &p.id).or(attempt.reference.as_ref());
    let captured = intent.capture.clone().filter(|capture| {
        capture.source == attempt.psp && reference.is_some_and(|reference| *reference == capture.id)
    });
    if !intent.is_open() {
        work.outcome(OutcomeKind::Noop);
    }
    work.push_intent(&mut intent, failed(command.payment.clone()))?;
    if let Some(capture) = captured {
        let mismatch = DepositMismatch {
            what: DepositBreak::Status,
            capture,
            asked: Money { currency: intent.currency, amount: intent.amount },
            captured: None,
        };
        work.push_intent(&mut intent, Event::DepositMismatch(mismatch))?;
    }
    block_after_failures(command, facts, work)?;
    Ok(Some(intent.currency))
}

/// Too many failures within too short a time block further deposits (D12).
fn block_after_failures(
    command: &FailDeposit,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Result<(), Fault> {
    let (Some(rule), standing) = (facts.policy.deposits.failures, work.state().standing()) else {
        return Ok(());
    };
    let within = Duration::from_secs(rule.within_secs.into());
    let recent = standing.failed_deposits.iter().filter(|at| work.now() < at.saturating_add(within)).count();
    if standing.since(Block::Deposits).is_some() || recent.saturating_add(1) < usize::from(rule.count) {
        return Ok(());
    }
    work.push_player(Event::PlayerBlocked(PlayerBlocked {
        txn: txn(&command.source, OperationKind::DepositFail, &command.id),
        block: Block::Deposits,
        by: None,
        reason: None,
    }))
}

pub(super) fn cancel(command: &CancelDeposit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let mut intent = open(work.state(), facts, &command.intent)?;
    let event = Event::DepositCancelled(DepositCancelled {
        txn: txn(&command.source, OperationKind::DepositCancel, &command.id),
        reason: command.reason.clone(),
    });
    work.push_intent(&mut intent, event)?;
    Ok(Some(intent.currency))
}

pub(super) fn expire(command: &ExpireDeposit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let mut intent = open(work.state(), facts, &command.intent)?;
    let age = i64::from(facts.policy.deposits.intent_ttl_secs).saturating_mul(1_000_000);
    let due_at = intent.opened_at.as_micros().saturating_add(age);
    let due_at = Timestamp::from_micros(due_at).unwrap_or(Timestamp::MAX);
    if work.now() < due_at {
        return Err(not_allowed(NotAllowedReason::NotExpired).into());
    }
    let event = Event::DepositExpired(DepositExpired {
        txn: txn(&command.source, OperationKind::DepositExpire, &command.id),
        due_at,
    });
    work.push_intent(&mut intent, event)?;
    Ok(Some(intent.currency))
}
