//! The decisions on limits.

use std::time::Duration;

use super::begin::first_bounds;
use super::window;
use super::{ConfirmLimit, Controls, LIMITS_MAX, PlayerLimit, SetLimit};
use crate::key::OperationKind;
use crate::money::Amount;
use crate::player_ledger::{Facts, Outcome, Workspace};
use crate::policy::{ControlPolicy, LimitRule};
use crate::rejection::{Capacity, NotAllowedReason, Rejection, not_allowed};
use crate::stored::{
    Event, LimitBasis, LimitCause, LimitKind, LimitRaiseRequested, LimitSet, LimitSide, LimitTerm, Note,
    TransactionRef,
};
use crate::time::Timestamp;
use crate::wallet::{incoming, purse};

/// A limit on what is at one instant, a single bet or the balance, has no window, any other has one.
pub(crate) fn is_whole(term: &LimitTerm) -> bool {
    matches!(term.kind, LimitKind::SingleBet | LimitKind::Balance) == term.window.is_none()
}

impl LimitRule {
    /// Whether its window fits what it limits, and it is not below zero.
    pub(crate) fn is_sensible(&self) -> bool {
        is_whole(&self.term) && !self.amount.is_sign_negative()
    }
}

/// From when on a raise that is asked for now may be.
fn due_at(
    limit: &PlayerLimit,
    controls: &Controls,
    policy: &ControlPolicy,
    zone: &str,
    now: Timestamp,
) -> Timestamp {
    let waited = now.saturating_add(Duration::from_secs(policy.raise_after_secs.into()));
    let counter = controls.counter(&limit.term).filter(|_| policy.raise_after_window);
    let over = counter.and_then(|counter| {
        let window = counter.term.window.filter(|window| window.basis != LimitBasis::Rolling)?;
        window::bounds(window, policy, zone, counter.since, now)
    });
    over.map_or(waited, |bounds| waited.max(bounds.until))
}

pub(super) fn set(command: &SetLimit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let (side, term) = (command.side, command.term);
    if matches!(side, LimitSide::Jurisdiction | LimitSide::Profile | LimitSide::Tier) {
        return Err(not_allowed(NotAllowedReason::LimitOfPolicy).into());
    }
    if !is_whole(&term) {
        return Err(not_allowed(NotAllowedReason::LimitWindow).into());
    }
    let purse = purse(state, term.currency)?;
    let amount = command.amount.map(|amount| incoming(amount, purse.currency())).transpose()?;
    let nothing = Controls::default();
    let controls = work.controls().unwrap_or(&nothing);
    let known = controls.limit(side, &term);
    if known.is_none() && amount.is_some() && controls.limits().len() >= LIMITS_MAX {
        let maximum = u32::try_from(LIMITS_MAX).unwrap_or(u32::MAX);
        return Err(Rejection::CapacityExceeded { what: Capacity::Limits, maximum }.into());
    }
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::LimitSet,
        id: command.id.clone(),
    };
    let (policy, profile) = (state.jurisdiction_profile(facts.policy), state.profile());
    let zone = profile.map_or("UTC", |profile| profile.zone.as_str());
    let previous = known.map(|limit| limit.amount);
    let cause = match (known, amount) {
        (None, None) => {
            work.note(txn, Note::NoLimit)?;
            return Ok(Some(term.currency));
        }
        (Some(limit), amount) if is_laxer(limit, amount) && side == LimitSide::Player => {
            let policy = &policy.controls;
            let event = LimitRaiseRequested {
                txn,
                term,
                amount,
                due_at: due_at(limit, controls, policy, zone, work.now()),
                confirm: policy.raise_needs_confirmation,
                by: command.by.clone(),
            };
            work.push_player(Event::LimitRaiseRequested(event))?;
            return Ok(Some(term.currency));
        }
        (Some(limit), amount) if is_laxer(limit, amount) => LimitCause::Raised,
        _ => LimitCause::Set,
    };
    let bounds = amount.and_then(|_| first_bounds(Some(controls), &term, &policy.controls, zone, work.now()));
    let by = command.by.clone();
    work.push_player(Event::LimitSet(LimitSet { txn, side, term, amount, previous, cause, bounds, by }))?;
    Ok(Some(term.currency))
}

/// Whether a limit would be higher than it is, or no more.
fn is_laxer(limit: &PlayerLimit, amount: Option<Amount>) -> bool {
    amount.is_none_or(|amount| amount > limit.amount)
}

pub(super) fn confirm(command: &ConfirmLimit, work: &mut Workspace<'_>) -> Outcome {
    let (side, term) = (LimitSide::Player, command.term);
    let limit = work.controls().and_then(|controls| controls.limit(side, &term));
    let waiting = limit.and_then(|limit| Some((limit.amount, limit.raise.as_ref()?)));
    let (previous, raise) = waiting.ok_or_else(|| not_allowed(NotAllowedReason::NoRaiseWaits))?;
    if work.now() < raise.due_at {
        return Err(not_allowed(NotAllowedReason::RaiseNotDue).into());
    }
    let event = LimitSet {
        txn: TransactionRef {
            source: command.source.clone(),
            kind: OperationKind::LimitConfirm,
            id: command.id.clone(),
        },
        side,
        term,
        amount: raise.amount,
        previous: Some(previous),
        cause: LimitCause::Confirmed,
        bounds: None,
        by: None,
    };
    work.push_player(Event::LimitSet(event))?;
    Ok(Some(term.currency))
}
