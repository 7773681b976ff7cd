//! The decision on a release of money from suspense.

use super::capture::new_lot;
use super::command::{RefuseAssignment, ReleaseSuspense};
use super::exchange::{captured_in, credit, currency, target};
use super::postings::unsuspend;
use super::state::Deposit;
use crate::account::AccountCode;
use crate::key::OperationKind;
use crate::money::{Amount, Currency};
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, Stop, Workspace};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection, not_allowed};
use crate::stored::{DepositReleased, Event, PaymentRef, ReleasedTo, SuspenseRefused, TransactionRef};
use crate::wallet::{LotMoves, incoming, purse};

/// What is in suspense: at the player, or at the house.
fn item(
    command: &ReleaseSuspense,
    deposit: Option<&Deposit>,
    facts: &Facts<'_>,
    work: &Workspace<'_>,
) -> Result<(Currency, Amount), Rejection> {
    match (&command.house_item, deposit) {
        (Some(_), Some(_)) => Err(not_allowed(NotAllowedReason::NotSuspended)),
        (Some(_), None) if command.to == ReleasedTo::Payer => Err(not_allowed(NotAllowedReason::HouseItem)),
        (Some(item), None) => {
            let own = work.state().profile().map(|profile| profile.kind);
            if own != Some(item.kind) {
                return Err(Rejection::Mismatch { field: MismatchField::Kind });
            }
            let currency = currency(item.currency, facts, work)?;
            let amount = incoming(item.amount, &currency)?;
            if amount.is_zero() {
                return Err(Rejection::InvalidAmount { amount: item.amount.to_string() });
            }
            Ok((currency, amount))
        }
        (None, None) => Err(Rejection::PaymentNotFound { id: command.reference.clone() }),
        (None, Some(deposit)) if deposit.suspense.is_zero() => {
            Err(not_allowed(NotAllowedReason::NotSuspended))
        }
        (None, Some(deposit)) => Ok((captured_in(deposit, facts, work)?, deposit.suspense)),
    }
}

/// A deposit that was credited once, in part, is credited the same way again.
fn check_same_way(command: &ReleaseSuspense, deposit: Option<&Deposit>) -> Result<(), Rejection> {
    let Some(deposit) = deposit.filter(|deposit| deposit.credited_in.is_some()) else { return Ok(()) };
    if deposit.rate.as_ref() == command.rate.as_deref() {
        return Ok(());
    }
    Err(Rejection::Mismatch { field: MismatchField::Currency })
}

pub(super) fn release(command: &ReleaseSuspense, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let deposit = facts.found.deposit(&command.of());
    if command.by == command.approved_by {
        return Err(not_allowed(NotAllowedReason::SamePerson).into());
    }
    let (currency, amount) = item(command, deposit, facts, work)?;
    let mut lots = LotMoves::default();
    let (postings, converted) = match command.to {
        ReleasedTo::Payer => (unsuspend(&command.psp, amount, currency.code()), None),
        ReleasedTo::Player => {
            check_same_way(command, deposit)?;
            let rate = command.rate.as_deref();
            let target = target(rate, currency.code(), facts, work)?;
            let purse = purse(work.state(), target)?;
            // What the house assigned has its own way back, a refusal.
            if command.house_item.is_none() {
                work.state().check_not_excluded(work.now())?;
            }
            lots = new_lot(purse, work.state().unplayed_money(facts.policy));
            credit(purse, AccountCode::Suspense, &command.psp, (&currency, amount), rate)?
        }
    };
    let entry = work.post_with(postings, &lots)?;
    let entry = entry.ok_or_else(|| Fault::corrupted("a release without an entry"))?;
    let shown = converted.as_ref().map_or(currency.code(), |converted| converted.currency);
    let event = Event::DepositReleased(DepositReleased {
        txn: TransactionRef {
            source: command.source.clone(),
            kind: OperationKind::SuspenseRelease,
            id: command.id.clone(),
        },
        to: command.to,
        house_item: command.house_item.is_some(),
        currency: currency.code(),
        amount,
        converted,
        by: command.by.clone(),
        approved_by: command.approved_by.clone(),
        entry,
    });
    push(command, deposit, event, work)?;
    Ok(Some(shown))
}

fn push(
    command: &ReleaseSuspense,
    deposit: Option<&Deposit>,
    event: Event,
    work: &mut Workspace<'_>,
) -> Result<(), Stop> {
    if let Some(deposit) = deposit {
        work.push_deposit(deposit, event)?;
    } else {
        let player = work.state().player().clone();
        work.push_first(Stream::Deposit(player, command.psp.clone(), command.reference.clone()), event);
    }
    Ok(())
}

pub(super) fn refuse(command: &RefuseAssignment, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let capture = PaymentRef { source: command.psp.clone(), id: command.reference.clone() };
    // The money is the player's already, whether the house released it or the provider reported it for him.
    if facts.found.deposit(&capture).is_some() {
        return Err(not_allowed(NotAllowedReason::NotSuspended).into());
    }
    let (reason, by) = (command.reason.clone(), command.by.clone());
    work.push_player(Event::SuspenseRefused(SuspenseRefused { capture, reason, by }))?;
    Ok(None)
}
