//! The decisions on payouts: what is sent, and what a payment provider answers.

use rust_decimal::Decimal;

use super::common::{known_status, pending, sent, txn};
use super::payouts::{MarkFailed, MarkPaid, MarkUnknown, SendWithdrawal};
use super::postings;
use super::state::{Withdrawal, WithdrawalStatus};
use crate::key::OperationKind;
use crate::money::{Amount, Currency};
use crate::player_ledger::{Facts, Fault, Outcome, Stop, Workspace};
use crate::policy::{LatePayoutPolicy, ShortfallPolicy};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection, not_allowed};
use crate::stored::{
    Bearer, Event, LatePayout, OutcomeKind, PaymentRef, PendingStatus, TransactionRef, WithdrawalBreak,
    WithdrawalFailed, WithdrawalMismatch, WithdrawalPaid, WithdrawalSent, WithdrawalTimedOut,
};
use crate::wallet::{LotMoves, incoming, purse, recovery};

fn no_entry() -> Fault {
    Fault::corrupted("a payout without an entry")
}

pub(super) fn send(command: &SendWithdrawal, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (mut withdrawal, status) = pending(work.state(), facts, &command.withdrawal)?;
    match status {
        PendingStatus::Approved => {}
        PendingStatus::AwaitingKyc => return Err(not_allowed(NotAllowedReason::AwaitsKyc).into()),
        PendingStatus::Requested | PendingStatus::UnderReview | PendingStatus::PartlyApproved => {
            return Err(not_allowed(NotAllowedReason::NotApproved).into());
        }
    }
    work.state().may_be_paid_out(facts.policy)?;

    let (currency, hold) = (withdrawal.currency, withdrawal.hold.clone());
    let postings = postings::send(&withdrawal.of, &command.payout.source, &hold, currency)?;
    let entry = work.post(postings)?.ok_or_else(no_entry)?;
    let event = Event::WithdrawalSent(WithdrawalSent {
        txn: txn(&command.source, OperationKind::PayoutSend, &command.id),
        payout: command.payout.clone(),
        by: command.by.clone(),
        currency,
        amount: hold.payout()?,
        fee: hold.fee,
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}

pub(super) fn unknown(command: &MarkUnknown, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let mut withdrawal = sent(work.state(), facts, &command.withdrawal, &command.payout)?;
    let txn = txn(&command.source, OperationKind::PayoutUnknown, &command.id);
    if withdrawal.status != WithdrawalStatus::Sending {
        return known_status(work, txn, &withdrawal);
    }
    let event = Event::WithdrawalTimedOut(WithdrawalTimedOut { txn });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(withdrawal.currency))
}

/// A break between what was sent and what is reported.
fn mismatch(
    withdrawal: &mut Withdrawal,
    txn: TransactionRef,
    what: WithdrawalBreak,
    (payout, amount): (&PaymentRef, Option<Amount>),
    work: &mut Workspace<'_>,
) -> Result<(), Stop> {
    let sent = match (what, withdrawal.paid) {
        (WithdrawalBreak::FailedAfterPaid, Some(paid)) => paid,
        _ => withdrawal.hold.payout()?,
    };
    let event = Event::WithdrawalMismatch(WithdrawalMismatch {
        txn,
        what,
        payout: payout.clone(),
        sent,
        paid: amount,
    });
    Ok(work.push_withdrawal(withdrawal, event)?)
}

/// What was paid: above zero, and at most what was sent.
fn paid_of(amount: Option<Decimal>, sent: Amount, currency: &Currency) -> Result<Amount, Rejection> {
    let Some(amount) = amount else { return Ok(sent) };
    let paid = incoming(amount, currency)?;
    if paid.is_zero() {
        return Err(Rejection::InvalidAmount { amount: amount.to_string() });
    }
    if paid > sent { Err(Rejection::Mismatch { field: MismatchField::Amount }) } else { Ok(paid) }
}

pub(super) fn paid(command: &MarkPaid, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let withdrawal = sent(work.state(), facts, &command.withdrawal, &command.payout)?;
    match withdrawal.status {
        WithdrawalStatus::Failed => paid_late(command, withdrawal, facts, work),
        WithdrawalStatus::Sending | WithdrawalStatus::Unknown => paid_in_time(command, withdrawal, work),
        _ => known_status(work, paid_txn(command), &withdrawal),
    }
}

fn paid_txn(command: &MarkPaid) -> TransactionRef {
    txn(&command.source, OperationKind::PayoutPaid, &command.id)
}

fn paid_in_time(command: &MarkPaid, mut withdrawal: Withdrawal, work: &mut Workspace<'_>) -> Outcome {
    let (currency, psp) = (withdrawal.currency, &command.payout.source);
    let sent = withdrawal.hold.payout()?;
    let amount = paid_of(command.amount, sent, purse(work.state(), currency)?.currency())?;
    let rest = if amount == sent { None } else { Some(withdrawal.hold.paid_and_rest(amount)?.1) };

    let postings = postings::paid(psp, sent, amount, rest.as_ref(), currency)?;
    let unplayed = rest.as_ref().map_or(&[][..], |rest| &rest.unplayed);
    let entry = work.post_with(postings, &LotMoves::back(currency, unplayed))?.ok_or_else(no_entry)?;
    if rest.is_some() {
        let of = (&command.payout, Some(amount));
        mismatch(&mut withdrawal, paid_txn(command), WithdrawalBreak::Amount, of, work)?;
    }
    let event = Event::WithdrawalPaid(WithdrawalPaid {
        txn: paid_txn(command),
        currency,
        amount,
        authorisation: command.authorisation.clone(),
        rest,
        late: None,
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}

/// The money left although it had gone back to the player: a break, and someone bears it.
fn paid_late(
    command: &MarkPaid,
    mut withdrawal: Withdrawal,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let (currency, psp) = (withdrawal.currency, &command.payout.source);
    let purse = purse(work.state(), currency)?;
    let amount = paid_of(command.amount, withdrawal.hold.payout()?, purse.currency())?;
    let fee = withdrawal.hold.fee();
    let (postings, late) = match facts.policy.withdrawals.late_payout {
        LatePayoutPolicy::Player => {
            let taken = recovery(purse, amount.checked_add(fee)?, ShortfallPolicy::AllowNegative)?;
            let taken = taken.ok_or_else(|| Fault::corrupted("a debt that is retained"))?;
            let postings = postings::paid_late(purse, psp, amount, fee, &taken);
            (postings, LatePayout { bearer: Some(Bearer::Player), recovery: Some(taken) })
        }
        LatePayoutPolicy::Suspense => (
            postings::paid_late_in_suspense(psp, amount, currency),
            LatePayout { bearer: None, recovery: None },
        ),
    };
    let entry = work.post(postings)?.ok_or_else(no_entry)?;
    let of = (&command.payout, Some(amount));
    mismatch(&mut withdrawal, paid_txn(command), WithdrawalBreak::PaidAfterFailed, of, work)?;
    let event = Event::WithdrawalPaid(WithdrawalPaid {
        txn: paid_txn(command),
        currency,
        amount,
        authorisation: command.authorisation.clone(),
        rest: None,
        late: Some(late),
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}

pub(super) fn failed(command: &MarkFailed, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let mut withdrawal = sent(work.state(), facts, &command.withdrawal, &command.payout)?;
    let currency = withdrawal.currency;
    let txn = txn(&command.source, OperationKind::PayoutFailed, &command.id);
    match withdrawal.status {
        WithdrawalStatus::Sending | WithdrawalStatus::Unknown => {}
        WithdrawalStatus::Paid => {
            work.outcome(OutcomeKind::Noop);
            let of = (&command.payout, None);
            mismatch(&mut withdrawal, txn, WithdrawalBreak::FailedAfterPaid, of, work)?;
            return Ok(Some(currency));
        }
        _ => return known_status(work, txn, &withdrawal),
    }
    let hold = withdrawal.hold.clone();
    let postings = postings::failed(purse(work.state(), currency)?, &command.payout.source, &hold)?;
    let lots = LotMoves::back(currency, &hold.unplayed);
    let entry = work.post_with(postings, &lots)?.ok_or_else(no_entry)?;
    let event = Event::WithdrawalFailed(WithdrawalFailed {
        txn,
        reason: command.reason.clone(),
        currency,
        amount: hold.taken()?,
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}
