//! The ends of a withdrawal that was not sent: its money goes back to where it came from.

use super::command::{CancelWithdrawal, ExpireWithdrawal, RejectWithdrawal};
use super::common::{pending, txn};
use super::postings;
use super::state::Withdrawal;
use crate::key::OperationKind;
use crate::money::Amount;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::{Policy, ReverseWithdrawal};
use crate::rejection::{NotAllowedReason, Rejection, not_allowed};
use crate::stored::{Event, PendingStatus, WithdrawalCancelled, WithdrawalExpired, WithdrawalRejected};
use crate::time::Timestamp;
use crate::wallet::{LotMoves, purse};

/// Posts what goes back: the amount and what was taken beside it, lot by lot. Answers how much, and the entry.
fn give_back(withdrawal: &Withdrawal, work: &mut Workspace<'_>) -> Result<(Amount, u64), Stop> {
    let Withdrawal { of, currency, hold, .. } = withdrawal;
    let postings = postings::give_back(purse(work.state(), *currency)?, of, hold)?;
    let entry = work.post_with(postings, &LotMoves::back(*currency, &hold.unplayed))?;
    Ok((hold.taken()?, entry.ok_or_else(|| Fault::corrupted("a withdrawal without an entry"))?))
}

pub(super) fn reject(command: &RejectWithdrawal, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (mut withdrawal, _) = pending(work.state(), facts, &command.withdrawal)?;
    let (amount, entry) = give_back(&withdrawal, work)?;
    let currency = withdrawal.currency;
    let event = Event::WithdrawalRejected(WithdrawalRejected {
        txn: txn(&command.source, OperationKind::WithdrawalRejection, &command.id),
        by: command.by.clone(),
        reason: command.reason.clone(),
        currency,
        amount,
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}

/// Whether the player may take it back where it stands (H28).
fn check_reverse(state: &PlayerState, policy: &Policy, status: PendingStatus) -> Result<(), Rejection> {
    let is_looked_at = match status {
        PendingStatus::AwaitingKyc | PendingStatus::Requested => false,
        PendingStatus::UnderReview | PendingStatus::PartlyApproved | PendingStatus::Approved => true,
    };
    match state.jurisdiction_profile(policy).reverse_withdrawal {
        ReverseWithdrawal::Forbidden => Err(not_allowed(NotAllowedReason::ReverseForbidden)),
        ReverseWithdrawal::UntilReview if is_looked_at => Err(not_allowed(NotAllowedReason::ReviewStarted)),
        ReverseWithdrawal::UntilReview | ReverseWithdrawal::UntilSend => Ok(()),
    }
}

pub(super) fn cancel(command: &CancelWithdrawal, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (mut withdrawal, status) = pending(work.state(), facts, &command.withdrawal)?;
    check_reverse(work.state(), facts.policy, status)?;
    // Frozen money stays where it is: taken back, it could be played away.
    work.state().check_not_frozen()?;
    let (amount, entry) = give_back(&withdrawal, work)?;
    let currency = withdrawal.currency;
    let event = Event::WithdrawalCancelled(WithdrawalCancelled {
        txn: txn(&command.source, OperationKind::WithdrawalCancel, &command.id),
        currency,
        amount,
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}

pub(super) fn expire(command: &ExpireWithdrawal, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (mut withdrawal, status) = pending(work.state(), facts, &command.withdrawal)?;
    if !matches!(status, PendingStatus::AwaitingKyc | PendingStatus::Requested) {
        return Err(not_allowed(NotAllowedReason::ReviewStarted).into());
    }
    let age = i64::from(facts.policy.withdrawals.ttl_secs).saturating_mul(1_000_000);
    let due_at = withdrawal.requested_at.as_micros().saturating_add(age);
    let due_at = Timestamp::from_micros(due_at).unwrap_or(Timestamp::MAX);
    if work.now() < due_at {
        return Err(not_allowed(NotAllowedReason::NotExpired).into());
    }
    work.state().check_not_frozen()?;
    let (amount, entry) = give_back(&withdrawal, work)?;
    let currency = withdrawal.currency;
    let event = Event::WithdrawalExpired(WithdrawalExpired {
        txn: txn(&command.source, OperationKind::WithdrawalExpire, &command.id),
        due_at,
        currency,
        amount,
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}
