//! The decision on a request.

use std::time::Duration;

use rust_decimal::Decimal;

use super::command::RequestWithdrawal;
use super::common::known;
use super::postings;
use super::quote::Priced;
use super::recent::{RECENT_WITHDRAWALS_MAX, Window};
use super::state::{APPROVALS_MAX, OPEN_WITHDRAWALS_MAX};
use crate::bonus;
use crate::controls;
use crate::money::{Amount, CurrencyCode};
use crate::partition::Stream;
use crate::player::Block;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::{AfterChargeback, DestinationPolicy, KycRequirement, Policy, WithdrawalTerms};
use crate::rejection::{Capacity, Limit, MismatchField, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{DestinationProof, Event, KycAnswer, KycStatus, PendingStatus, WithdrawalRequested};
use crate::time::Timestamp;
use crate::wallet::{LotMoves, purse};

/// A deposit that is named as a proof is the player's, and came from the destination.
fn check_proof(command: &RequestWithdrawal, facts: &Facts<'_>) -> Result<(), Rejection> {
    let Some(DestinationProof::Deposit(of)) = &command.proof else { return Ok(()) };
    let deposit = facts.found.deposit(of).ok_or_else(|| Rejection::PaymentNotFound { id: of.id.clone() })?;
    if deposit.instrument.as_ref() == Some(&command.destination) && deposit.proves_its_instrument() {
        Ok(())
    } else {
        Err(Rejection::Mismatch { field: MismatchField::Destination })
    }
}

/// The destination is proven as the policy demands.
fn check_destination(command: &RequestWithdrawal, policy: &Policy) -> Result<(), Rejection> {
    let is_enough = match policy.withdrawals.destination {
        DestinationPolicy::Any => true,
        DestinationPolicy::Proven => command.proof.is_some(),
        DestinationPolicy::ClosedLoop => matches!(command.proof, Some(DestinationProof::Deposit(_))),
    };
    if is_enough { Ok(()) } else { Err(Rejection::DestinationUnproven) }
}

/// Whether an answer says that the player is verified, and is young enough, and not of the future.
fn is_verified(kyc: Option<&KycAnswer>, policy: &Policy, now: Timestamp) -> bool {
    let age = Duration::from_secs(policy.withdrawals.kyc_max_age_secs.into());
    kyc.is_some_and(|answer| answer.status == KycStatus::Verified && is_fresh(answer.as_of, age, now))
}

/// Whether an instant lies at most so far back.
pub(super) fn is_fresh(as_of: Timestamp, age: Duration, now: Timestamp) -> bool {
    let passed = now.as_micros().saturating_sub(as_of.as_micros());
    u128::try_from(passed).is_ok_and(|passed| passed <= age.as_micros())
}

/// How many persons must approve an amount.
fn approvals(terms: Option<&WithdrawalTerms>, amount: Amount) -> u8 {
    let amount = amount.to_decimal();
    let steps = terms.into_iter().flat_map(|terms| &terms.approvals);
    let highest = steps.filter(|step| step.from <= amount).max_by_key(|step| step.from);
    highest.map_or(1, |step| step.approvals).clamp(1, APPROVALS_MAX)
}

/// Whether no person need approve it (W24): the player is verified, asks himself and is not blocked, and the amount is
/// small enough.
pub(super) fn is_approved_by_rule(
    state: &PlayerState,
    policy: &Policy,
    (currency, amount): (CurrencyCode, Amount),
    by_someone: bool,
) -> bool {
    let terms = policy.withdrawals.currencies.get(&currency);
    let limit = terms.and_then(|terms| terms.auto_approve_max);
    let is_held = state.standing().since(Block::ChargedBack).is_some()
        && policy.withdrawals.after_chargeback != AfterChargeback::Allow;
    limit.is_some_and(|limit| amount.to_decimal() <= limit) && !by_someone && !is_held
}

fn check_window(
    state: &PlayerState,
    (limit, window, most): (Limit, Window, Option<Decimal>),
    (currency, amount): (CurrencyCode, Amount),
    now: Timestamp,
) -> Result<(), Stop> {
    let Some(most) = most else { return Ok(()) };
    let zero = Amount::zero(amount.scale());
    let before = state.recent_withdrawals().sum(window, zero, currency, now)?;
    if before.checked_add(amount)?.to_decimal() <= most {
        return Ok(());
    }
    // What is left, in units of the currency; nothing if the limit has come down since.
    let most = most.max(Decimal::ZERO).trunc_with_scale(amount.scale().into());
    let left =
        Amount::from_decimal(most, amount.scale()).and_then(|most| most.checked_sub(before.min(most)?))?;
    Err(Rejection::LimitExceeded { limit, left: Some(left) }.into())
}

/// The limits over rolling windows (W17) and of what is under way (W18).
fn check_limits(
    state: &PlayerState,
    policy: &Policy,
    asked: (CurrencyCode, Amount),
    now: Timestamp,
) -> Result<(), Stop> {
    if let Some(terms) = policy.withdrawals.currencies.get(&asked.0) {
        check_window(state, (Limit::WithdrawalsPerDay, Window::Day, terms.day_max), asked, now)?;
        check_window(state, (Limit::WithdrawalsPerWeek, Window::Week, terms.week_max), asked, now)?;
        check_window(state, (Limit::WithdrawalsPerMonth, Window::Month, terms.month_max), asked, now)?;
    }
    let under_way = state.requests_under_way();
    if policy.withdrawals.pending_max.is_some_and(|most| under_way >= usize::from(most)) {
        return Err(Rejection::LimitExceeded { limit: Limit::PendingWithdrawals, left: None }.into());
    }
    Ok(())
}

fn check_room(state: &PlayerState, now: Timestamp) -> Result<(), Rejection> {
    if state.open_withdrawals() >= OPEN_WITHDRAWALS_MAX {
        return Err(capacity(Capacity::OpenWithdrawals, OPEN_WITHDRAWALS_MAX));
    }
    if state.recent_withdrawals().count(now) >= RECENT_WITHDRAWALS_MAX {
        return Err(capacity(Capacity::RecentWithdrawals, RECENT_WITHDRAWALS_MAX));
    }
    Ok(())
}

pub(super) fn request(command: &RequestWithdrawal, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (state, policy, now) = (work.state(), facts.policy, work.now());
    let of = command.of();
    // As for a deposit: keys may have been looked for under another kind when this one came first, and parts of a
    // withdrawal that was split have no key.
    if known(state, facts, &of).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    check_proof(command, facts)?;
    let purse = purse(state, command.currency)?;
    let priced = Priced::of(state, policy, command.amount, purse)?;
    let asked = (command.currency, priced.amount());
    state.may_withdraw(policy)?;
    let controls = &state.jurisdiction_profile(policy).controls;
    let tier = controls::tier_for_withdrawal(asked, controls, state)?;
    let is_verified = is_verified(command.kyc.as_ref(), policy, now) && tier.is_none();
    let requirement = policy.withdrawals.kyc;
    let may_wait = requirement == KycRequirement::Await;
    if (requirement == KycRequirement::Reject && !is_verified) || (tier.is_some() && !may_wait) {
        return Err(Rejection::KycRequired { tier }.into());
    }
    check_destination(command, policy)?;
    check_limits(state, policy, asked, now)?;
    bonus::check_withdrawal(state, command.currency, now)?;
    check_room(state, now)?;
    purse.pending().checked_add(priced.amount())?;
    priced.check()?;
    if let Some(most) = command.forfeits_at_most
        && priced.costs(state, now)?.to_decimal() > most
    {
        return Err(not_allowed(NotAllowedReason::ForfeitsMore).into());
    }

    let status = if requirement == KycRequirement::Await && !is_verified {
        PendingStatus::AwaitingKyc
    } else if is_verified && is_approved_by_rule(state, policy, asked, command.by.is_some()) {
        PendingStatus::Approved
    } else {
        PendingStatus::Requested
    };
    let hold = priced.hold(state)?;
    let postings = postings::request(purse, &of, &hold)?;
    let entry = work.post_with(postings, &LotMoves::drawn(&hold.unplayed))?;
    let event = Event::WithdrawalRequested(WithdrawalRequested {
        currency: command.currency,
        hold,
        destination: command.destination.clone(),
        proof: command.proof.clone(),
        method: command.method.clone(),
        kyc: command.kyc,
        by: command.by.clone(),
        status,
        approvals: approvals(policy.withdrawals.currencies.get(&command.currency), priced.amount()),
        entry: entry.ok_or_else(|| Fault::corrupted("a withdrawal without an entry"))?,
    });
    work.push_first(Stream::Withdrawal(state.player().clone(), of.source, of.id), event);
    Ok(Some(command.currency))
}
