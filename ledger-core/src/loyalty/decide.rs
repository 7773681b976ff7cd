//! The decisions on loyalty points.

use std::time::Duration;

use super::{AdjustPoints, EarnPoints, ExpirePoints, POINTS_MAX, PROGRAMMES_MAX, Points, SpendPoints};
use crate::bonus;
use crate::ids::ProgrammeName;
use crate::key::{ContentHash, OperationKind};
use crate::money::{Amount, Currency, Rounding, mul_div};
use crate::player_ledger::{Facts, Fault, Operation, Outcome, PlayerState, Stop, Workspace};
use crate::policy::{LoyaltyTerms, Policy, WHOLE};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{
    CashbackBase, Event, Note, PointsAdjusted, PointsEarned, PointsExpired, PointsSpent, TransactionRef,
};
use crate::time::Timestamp;
use crate::wallet::purse;

fn terms<'p>(policy: &'p Policy, programme: &ProgrammeName) -> Result<&'p LoyaltyTerms, Rejection> {
    policy.loyalty.get(programme).ok_or_else(|| not_allowed(NotAllowedReason::ProgrammeUnknown))
}

fn of<'s>(state: &'s PlayerState, programme: &ProgrammeName) -> Option<&'s Points> {
    state.rewards()?.points(programme)
}

/// Whether points are over at an instant.
fn are_over(points: &Points, terms: &LoyaltyTerms, now: Timestamp) -> bool {
    let after = terms.expires_after_secs.map(|secs| Duration::from_secs(secs.into()));
    let end = after.map(|after| points.touched_at.saturating_add(after));
    points.balance > 0 && end.is_some_and(|end| end <= now)
}

/// How many points there are, and whether older ones are over.
fn balance(
    state: &PlayerState,
    programme: &ProgrammeName,
    terms: &LoyaltyTerms,
    now: Timestamp,
) -> (u64, u64) {
    match of(state, programme) {
        Some(points) if are_over(points, terms, now) => (0, points.balance),
        Some(points) => (points.balance, 0),
        None => (0, 0),
    }
}

fn check_room(state: &PlayerState, programme: &ProgrammeName) -> Result<(), Rejection> {
    let programmes = state.rewards().map_or(0, |rewards| rewards.programmes().len());
    if of(state, programme).is_none() && programmes >= PROGRAMMES_MAX {
        return Err(capacity(Capacity::Programmes, PROGRAMMES_MAX));
    }
    Ok(())
}

/// Records that points are over, if there were any.
fn push_expired(
    txn: &TransactionRef,
    programme: &ProgrammeName,
    points: u64,
    work: &mut Workspace<'_>,
) -> Result<(), Fault> {
    if points == 0 {
        return Ok(());
    }
    let (txn, programme) = (txn.clone(), programme.clone());
    work.push_player(Event::PointsExpired(PointsExpired { txn, programme, points }))
}

fn within_bounds(points: u64) -> Result<u64, Rejection> {
    if points > POINTS_MAX {
        return Err(Rejection::CapacityExceeded { what: Capacity::Points, maximum: u32::MAX });
    }
    Ok(points)
}

/// How many points what was played earns (F19 in docs/loyalty.md): each product's stakes by its weight, rounded down to a
/// unit, and of their sum the whole points.
fn earned(terms: &LoyaltyTerms, base: &CashbackBase, currency: &Currency) -> Result<u64, Stop> {
    let price = terms.stake_per_point.get(&currency.code());
    let price = price.ok_or(Rejection::CurrencyMismatch { currency: currency.code() })?;
    let price = Amount::from_decimal(price.to_decimal(), currency.scale())?;
    let mut sum = currency.zero();
    for line in &base.lines {
        let weight = terms.weights.get(&line.product).or(terms.others.as_ref());
        let counts = match weight {
            Some(weight) => line.stakes.basis_points(*weight, Rounding::Floor)?,
            None => line.stakes,
        };
        sum = sum.checked_add(counts)?;
    }
    let units = |amount: Amount| u128::try_from(amount.units()).unwrap_or_default();
    if units(price) == 0 {
        return Err(not_allowed(NotAllowedReason::TermsContradictory).into());
    }
    let points = mul_div(units(sum), 1, units(price), Rounding::Floor)?;
    Ok(within_bounds(u64::try_from(points).unwrap_or(u64::MAX))?)
}

pub(super) fn earn(command: &EarnPoints, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let programme = &command.programme;
    let currency = *purse(work.state(), command.currency)?.currency();
    let terms = terms(facts.policy, programme)?;
    let base = command.played.base(&currency, work.now())?;
    let counted = of(work.state(), programme).and_then(|points| points.counted_to.get(&command.currency));
    if counted.is_some_and(|counted| base.from < *counted) {
        return Err(not_allowed(NotAllowedReason::PeriodCounted).into());
    }
    let points = earned(terms, &base, &currency)?;
    check_room(work.state(), programme)?;
    let (before, over) = balance(work.state(), programme, terms, work.now());
    let balance = within_bounds(before.saturating_add(points))?;

    let (source, id) =
        command.sender(work.state().player()).map_err(|error| Fault::corrupted(error.to_string()))?;
    let txn = TransactionRef { source, kind: OperationKind::PointsEarn, id };
    let json = serde_json::to_vec(terms).map_err(|error| Fault::corrupted(error.to_string()))?;
    push_expired(&txn, programme, over, work)?;
    work.push_player(Event::PointsEarned(PointsEarned {
        txn,
        programme: programme.clone(),
        terms: ContentHash::of(&json),
        currency: command.currency,
        base,
        points,
        balance,
    }))?;
    Ok(Some(command.currency))
}

pub(super) fn spend(command: &SpendPoints, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let programme = &command.programme;
    let currency = *purse(work.state(), command.currency)?.currency();
    let terms = terms(facts.policy, programme)?;
    let worth = terms.worth.get(&command.currency);
    let worth = worth.ok_or(Rejection::CurrencyMismatch { currency: command.currency })?;
    let lots = command.points.checked_div(worth.points).unwrap_or_default();
    let is_whole = lots > 0 && lots.checked_mul(worth.points) == Some(command.points);
    if !is_whole || command.points > POINTS_MAX {
        return Err(Rejection::Mismatch { field: MismatchField::Points }.into());
    }
    let (before, over) = balance(work.state(), programme, terms, work.now());
    let balance =
        before.checked_sub(command.points).ok_or_else(|| not_allowed(NotAllowedReason::PointsShort))?;
    let one = Amount::from_decimal(worth.amount.to_decimal(), currency.scale())?;
    let amount = i128::from(lots).checked_mul(one.units());
    let amount = Amount::new(amount.unwrap_or(i128::MAX), currency.scale())?;
    if !amount.is_positive() {
        return Err(not_allowed(NotAllowedReason::TermsContradictory).into());
    }
    let grant = bonus::GrantBonus {
        source: command.source.clone(),
        id: command.id.clone(),
        terms: terms.into.clone(),
        currency: command.currency,
        amount: Some(amount.to_decimal()),
        deposit: None,
        reactivates: None,
        played: None,
    };
    // What refuses comes first; after it nothing can.
    bonus::grant(&grant, OperationKind::PointsSpend, facts, work)?;
    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: OperationKind::PointsSpend, id };
    push_expired(&txn, programme, over, work)?;
    work.push_player(Event::PointsSpent(PointsSpent {
        txn,
        programme: programme.clone(),
        points: command.points,
        balance,
        currency: command.currency,
        amount,
        award: command.award(),
    }))?;
    Ok(Some(command.currency))
}

pub(super) fn expire(command: &ExpirePoints, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let terms = terms(facts.policy, &command.programme)?;
    let (_, over) = balance(work.state(), &command.programme, terms, work.now());
    if over == 0 {
        return Err(not_allowed(NotAllowedReason::NotExpired).into());
    }
    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: OperationKind::PointsExpire, id };
    push_expired(&txn, &command.programme, over, work)?;
    Ok(None)
}

pub(super) fn adjust(command: &AdjustPoints, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let programme = &command.programme;
    if command.by == command.approved_by {
        return Err(not_allowed(NotAllowedReason::SamePerson).into());
    }
    let terms = terms(facts.policy, programme)?;
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::PointsAdjust,
        id: command.id.clone(),
    };
    if command.points == 0 {
        work.note(txn, Note::ZeroCredit)?;
        return Ok(None);
    }
    check_room(work.state(), programme)?;
    let (before, over) = balance(work.state(), programme, terms, work.now());
    let balance = before
        .checked_add_signed(command.points)
        .ok_or_else(|| not_allowed(NotAllowedReason::PointsShort))?;
    let balance = within_bounds(balance)?;
    push_expired(&txn, programme, over, work)?;
    work.push_player(Event::PointsAdjusted(PointsAdjusted {
        txn,
        programme: programme.clone(),
        points: command.points,
        balance,
        by: command.by.clone(),
        approved_by: command.approved_by.clone(),
        reason: command.reason.clone(),
    }))?;
    Ok(None)
}

/// That a programme can be published: it has a price and a worth above nothing.
pub(crate) fn is_sensible(terms: &LoyaltyTerms) -> bool {
    let prices = terms.stake_per_point.values().all(|price| price.is_positive());
    let weights =
        terms.weights.values().chain(&terms.others).all(|weight| weight.get() <= WHOLE.saturating_mul(100));
    let worths = terms.worth.values();
    prices && weights && worths.into_iter().all(|worth| worth.points > 0 && worth.amount.is_positive())
}
