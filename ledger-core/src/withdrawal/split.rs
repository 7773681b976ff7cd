//! The decision to split a withdrawal.

use super::command::SplitWithdrawal;
use super::common::{known, pending, txn};
use super::postings;
use super::review::approved_by;
use super::state::{OPEN_WITHDRAWALS_MAX, PARTS_MAX, Withdrawal};
use crate::key::OperationKind;
use crate::money::Amount;
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, Stop, Workspace};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{
    Event, Hold, PaymentRef, PendingStatus, WithdrawalPart, WithdrawalSplit, WithdrawalSplitOff,
};
use crate::wallet::{incoming, purse};

/// Whether each part is named anew.
fn check_names(command: &SplitWithdrawal, facts: &Facts<'_>, work: &Workspace<'_>) -> Result<(), Rejection> {
    let mut seen = Vec::with_capacity(command.parts.len());
    for part in &command.parts {
        let of = command.part(&part.id);
        if seen.contains(&&part.id) || known(work.state(), facts, &of).is_some() {
            return Err(Rejection::KeyReused);
        }
        seen.push(&part.id);
    }
    Ok(())
}

/// The parts' amounts: each above zero, and together the whole.
fn amounts(
    command: &SplitWithdrawal,
    withdrawal: &Withdrawal,
    work: &Workspace<'_>,
) -> Result<Vec<Amount>, Stop> {
    let purse = purse(work.state(), withdrawal.currency)?;
    let mut sum = purse.currency().zero();
    let mut amounts = Vec::with_capacity(command.parts.len());
    for part in &command.parts {
        let amount = incoming(part.amount, purse.currency())?;
        if amount.is_zero() {
            return Err(Rejection::InvalidAmount { amount: part.amount.to_string() }.into());
        }
        sum = sum.checked_add(amount)?;
        amounts.push(amount);
    }
    if sum == withdrawal.hold.amount {
        Ok(amounts)
    } else {
        Err(Rejection::Mismatch { field: MismatchField::Amount }.into())
    }
}

/// The parts with their money: each pays something out.
fn parts(
    command: &SplitWithdrawal,
    withdrawal: &Withdrawal,
    work: &Workspace<'_>,
) -> Result<Vec<(PaymentRef, Hold)>, Stop> {
    let mut rest = withdrawal.hold.clone();
    let mut parts = Vec::with_capacity(command.parts.len());
    for (part, amount) in command.parts.iter().zip(amounts(command, withdrawal, work)?) {
        let (own, left) = if amount == rest.amount { (rest.clone(), rest) } else { rest.split_off(amount)? };
        if !own.payout()?.is_positive() {
            return Err(Rejection::InvalidAmount { amount: part.amount.to_string() }.into());
        }
        parts.push((command.part(&part.id), own));
        rest = left;
    }
    Ok(parts)
}

/// Where the parts stand: as the whole, less the approval of who splits it, and never approved without persons.
fn inherited(withdrawal: &Withdrawal, status: PendingStatus, approvals: usize) -> PendingStatus {
    match status {
        PendingStatus::AwaitingKyc | PendingStatus::Requested | PendingStatus::UnderReview => status,
        PendingStatus::PartlyApproved | PendingStatus::Approved if approvals == 0 => {
            PendingStatus::UnderReview
        }
        PendingStatus::PartlyApproved | PendingStatus::Approved => {
            approved_by(approvals, withdrawal.approvals)
        }
    }
}

pub(super) fn split(command: &SplitWithdrawal, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let (mut withdrawal, status) = pending(state, facts, &command.withdrawal)?;
    if command.parts.len() < 2 {
        return Err(not_allowed(NotAllowedReason::Parts).into());
    }
    if command.parts.len() > PARTS_MAX {
        return Err(capacity(Capacity::PartsOfWithdrawal, PARTS_MAX).into());
    }
    check_names(command, facts, work)?;
    let parts = parts(command, &withdrawal, work)?;
    // The whole is replaced by them.
    if state.open_withdrawals().saturating_sub(1).saturating_add(parts.len()) > OPEN_WITHDRAWALS_MAX {
        return Err(capacity(Capacity::OpenWithdrawals, OPEN_WITHDRAWALS_MAX).into());
    }

    let currency = withdrawal.currency;
    let postings = postings::split(&withdrawal.of, withdrawal.hold.amount, &parts, currency);
    let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("a split without an entry"))?;
    let whole = withdrawal.clone();
    let listed = parts.iter().map(|(of, hold)| WithdrawalPart { id: of.id.clone(), amount: hold.amount });
    let event = Event::WithdrawalSplit(WithdrawalSplit {
        txn: txn(&command.source, OperationKind::WithdrawalSplit, &command.id),
        by: command.by.clone(),
        parts: listed.collect(),
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    let mut approved_by = whole.approved_by.clone();
    approved_by.retain(|person| *person != command.by);
    for (of, hold) in parts {
        let event = Event::WithdrawalSplitOff(WithdrawalSplitOff {
            parent: whole.of.clone(),
            root: whole.root.clone(),
            requested_at: whole.requested_at,
            currency,
            hold,
            destination: whole.destination.clone(),
            by: whole.by.clone(),
            edited_by: command.by.clone(),
            status: inherited(&whole, status, approved_by.len()),
            approvals: whole.approvals,
            approved_by: approved_by.clone(),
            entry,
        });
        work.push_first(Stream::Withdrawal(state.player().clone(), of.source, of.id), event);
    }
    Ok(Some(currency))
}
