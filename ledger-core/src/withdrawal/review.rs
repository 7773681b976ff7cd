//! The decisions of the operator before a withdrawal is sent: no money moves.

use std::time::Duration;

use super::command::{ApproveWithdrawal, PassKyc, StartReview};
use super::common::{pending, txn};
use super::request::{is_approved_by_rule, is_fresh};
use crate::controls;
use crate::key::OperationKind;
use crate::money::Amount;
use crate::player_ledger::{Facts, Outcome, Workspace};
use crate::rejection::{NotAllowedReason, Rejection, not_allowed};
use crate::stored::{Event, PendingStatus, WithdrawalApproved, WithdrawalKycPassed, WithdrawalReviewStarted};

pub(super) fn pass_kyc(command: &PassKyc, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (mut withdrawal, status) = pending(work.state(), facts, &command.withdrawal)?;
    if status != PendingStatus::AwaitingKyc {
        return Err(not_allowed(NotAllowedReason::KycNotAwaited).into());
    }
    let age = Duration::from_secs(facts.policy.withdrawals.kyc_max_age_secs.into());
    if !is_fresh(command.as_of, age, work.now()) {
        return Err(Rejection::KycRequired { tier: None }.into());
    }
    let state = work.state();
    let nothing = (withdrawal.currency, Amount::zero(withdrawal.hold.amount.scale()));
    let controls = &state.jurisdiction_profile(facts.policy).controls;
    if let Some(tier) = controls::tier_for_withdrawal(nothing, controls, state)? {
        return Err(Rejection::KycRequired { tier: Some(tier) }.into());
    }
    // A part of a withdrawal was changed by someone: a person must approve it.
    let by_someone = withdrawal.by.is_some() || withdrawal.edited_by.is_some();
    let asked = (withdrawal.currency, withdrawal.hold.amount);
    let event = Event::WithdrawalKycPassed(WithdrawalKycPassed {
        txn: txn(&command.source, OperationKind::WithdrawalKyc, &command.id),
        as_of: command.as_of,
        by: command.by.clone(),
        status: if is_approved_by_rule(work.state(), facts.policy, asked, by_someone) {
            PendingStatus::Approved
        } else {
            PendingStatus::Requested
        },
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(withdrawal.currency))
}

pub(super) fn start(command: &StartReview, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (mut withdrawal, status) = pending(work.state(), facts, &command.withdrawal)?;
    match status {
        PendingStatus::Requested => {}
        PendingStatus::AwaitingKyc => return Err(not_allowed(NotAllowedReason::AwaitsKyc).into()),
        PendingStatus::UnderReview | PendingStatus::PartlyApproved | PendingStatus::Approved => {
            return Err(not_allowed(NotAllowedReason::ReviewStarted).into());
        }
    }
    let event = Event::WithdrawalReviewStarted(WithdrawalReviewStarted {
        txn: txn(&command.source, OperationKind::WithdrawalReview, &command.id),
        by: command.by.clone(),
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(withdrawal.currency))
}

/// Where so many approvals of those that are needed lead.
pub(super) fn approved_by(count: usize, needed: u8) -> PendingStatus {
    if count >= usize::from(needed) { PendingStatus::Approved } else { PendingStatus::PartlyApproved }
}

pub(super) fn approve(command: &ApproveWithdrawal, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (mut withdrawal, status) = pending(work.state(), facts, &command.withdrawal)?;
    match status {
        PendingStatus::AwaitingKyc => return Err(not_allowed(NotAllowedReason::AwaitsKyc).into()),
        PendingStatus::Approved => return Err(not_allowed(NotAllowedReason::AlreadyApproved).into()),
        PendingStatus::Requested | PendingStatus::UnderReview | PendingStatus::PartlyApproved => {}
    }
    let own = [&withdrawal.by, &withdrawal.edited_by];
    if own.iter().any(|person| person.as_ref() == Some(&command.by)) {
        return Err(not_allowed(NotAllowedReason::SamePerson).into());
    }
    if withdrawal.approved_by.contains(&command.by) {
        return Err(not_allowed(NotAllowedReason::AlreadyApproved).into());
    }
    let count = withdrawal.approved_by.len().saturating_add(1);
    let event = Event::WithdrawalApproved(WithdrawalApproved {
        txn: txn(&command.source, OperationKind::WithdrawalApproval, &command.id),
        by: command.by.clone(),
        status: approved_by(count, withdrawal.approvals),
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(withdrawal.currency))
}
