//! What an event changes of withdrawals.

use ledger_core::stored::{
    Event, EventRecord, Hold, PaymentRef, WithdrawalPaid, WithdrawalRequested, WithdrawalReturned,
    WithdrawalSplitOff,
};
use ledger_core::{AccountKind, Amount, PlayerId, Stream, Timestamp};

use super::Withdrawals;
use super::row::{WithdrawalRow, WithdrawalState, WithdrawalSums, WithdrawalsRow};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};
use crate::text::kind_text;

pub(super) fn withdrawal_key(player: &PlayerId, of: &PaymentRef) -> KeyParts {
    key!["withdrawal", player, of.source, of.id]
}

pub(super) fn queue_key(
    state: WithdrawalState,
    requested_at: Timestamp,
    player: &PlayerId,
    of: &PaymentRef,
) -> KeyParts {
    key!["queue", state.as_str(), requested_at, player, of.source, of.id]
}

fn totals_key(row: &WithdrawalRow) -> KeyParts {
    key!["totals", row.state.as_str(), kind_text(row.kind), row.currency]
}

fn paid_key(row: &WithdrawalRow) -> KeyParts {
    key!["paid", row.player, row.currency]
}

pub(super) fn fold(
    rows: &mut Rows<'_, Withdrawals>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let Stream::Withdrawal(player, source, id) = &record.stream else { return Ok(()) };
    let of = PaymentRef { source: source.clone(), id: id.clone() };
    let known = match rows.get(&withdrawal_key(player, &of))? {
        Some(WithdrawalsRow::Withdrawal(row)) => Some(*row),
        _ => None,
    };
    let begun = match &record.event {
        Event::WithdrawalRequested(event) => Some(requested(commit, player, &of, event)),
        Event::WithdrawalSplitOff(event) => Some(split_off(commit, player, &of, event)),
        _ => None,
    };
    let after = match (&known, begun) {
        (None, Some(begun)) => begun,
        (Some(_), Some(_)) => return Err(commit.poison_event(record, "the withdrawal was asked for twice")),
        (Some(known), None) => {
            let mut after = known.clone();
            evolve(&mut after, commit, &record.event);
            after
        }
        (None, None) => return Err(commit.poison_event(record, "the withdrawal was never asked for")),
    };
    if let Some(before) = &known {
        count(rows, before, false)?;
        rows.remove(&queue_key(before.state, before.requested_at, player, &of))?;
    }
    count(rows, &after, true)?;
    pay(rows, &record.event, &after)?;
    let row = WithdrawalsRow::Withdrawal(Box::new(after.clone()));
    rows.put(&queue_key(after.state, after.requested_at, player, &of), row.clone())?;
    rows.put(&withdrawal_key(player, &of), row)
}

/// The kind of account, as the commit's entries say it.
fn kind(commit: &Commit) -> AccountKind {
    let mut kinds = commit.body.events.iter().filter_map(|record| match &record.event {
        Event::EntryPosted(event) => Some(event.entry.kind()),
        _ => None,
    });
    // A withdrawal begins with an entry.
    kinds.next().unwrap_or(AccountKind::Real)
}

fn requested(
    commit: &Commit,
    player: &PlayerId,
    of: &PaymentRef,
    event: &WithdrawalRequested,
) -> WithdrawalRow {
    let Hold { amount, fee, extra, .. } = event.hold;
    WithdrawalRow {
        player: player.clone(),
        reference: of.clone(),
        kind: kind(commit),
        operator: commit.body.operator.clone(),
        brand: commit.body.brand.clone(),
        state: event.status.into(),
        currency: event.currency,
        amount,
        fee,
        extra,
        destination: event.destination.clone(),
        method: event.method.clone(),
        requested_at: commit.body.recorded_at,
        changed_at: commit.body.recorded_at,
        kyc: event.kyc,
        by: event.by.clone(),
        approvals: event.approvals,
        approved_by: Vec::new(),
        reviewer: None,
        parent: None,
        parts: Vec::new(),
        payout: None,
        sent_at: None,
        paid: None,
        authorisation: None,
        reason: None,
        breaks: Vec::new(),
    }
}

fn split_off(
    commit: &Commit,
    player: &PlayerId,
    of: &PaymentRef,
    event: &WithdrawalSplitOff,
) -> WithdrawalRow {
    let Hold { amount, fee, extra, .. } = event.hold;
    WithdrawalRow {
        player: player.clone(),
        reference: of.clone(),
        kind: kind(commit),
        operator: commit.body.operator.clone(),
        brand: commit.body.brand.clone(),
        state: event.status.into(),
        currency: event.currency,
        amount,
        fee,
        extra,
        destination: event.destination.clone(),
        method: None,
        requested_at: event.requested_at,
        changed_at: commit.body.recorded_at,
        kyc: None,
        by: event.by.clone(),
        approvals: event.approvals,
        approved_by: event.approved_by.clone(),
        reviewer: None,
        parent: Some(event.parent.clone()),
        parts: Vec::new(),
        payout: None,
        sent_at: None,
        paid: None,
        authorisation: None,
        reason: None,
        breaks: Vec::new(),
    }
}

fn evolve(row: &mut WithdrawalRow, commit: &Commit, event: &Event) {
    let before = row.state;
    match event {
        Event::WithdrawalKycPassed(event) => row.state = event.status.into(),
        Event::WithdrawalReviewStarted(event) => {
            row.state = WithdrawalState::UnderReview;
            row.reviewer = Some(event.by.clone());
        }
        Event::WithdrawalApproved(event) => {
            row.state = event.status.into();
            row.approved_by.push(event.by.clone());
        }
        Event::WithdrawalRejected(event) => {
            row.state = WithdrawalState::Rejected;
            row.reason = Some(event.reason.clone());
        }
        Event::WithdrawalCancelled(_) => row.state = WithdrawalState::Cancelled,
        Event::WithdrawalExpired(_) => row.state = WithdrawalState::Expired,
        Event::WithdrawalSplit(event) => {
            row.state = WithdrawalState::Split;
            row.parts.clone_from(&event.parts);
        }
        Event::WithdrawalSent(event) => {
            row.state = WithdrawalState::Sent;
            row.payout = Some(event.payout.clone());
            row.sent_at = Some(commit.body.recorded_at);
        }
        Event::WithdrawalTimedOut(_) => row.state = WithdrawalState::Unknown,
        Event::WithdrawalPaid(event) => paid(row, event),
        Event::WithdrawalFailed(event) => {
            row.state = WithdrawalState::Failed;
            row.reason.clone_from(&event.reason);
        }
        Event::WithdrawalReturned(_) => row.state = WithdrawalState::Returned,
        Event::WithdrawalMismatch(event) => row.breaks.push(event.what),
        _ => {}
    }
    if row.state != before {
        row.changed_at = commit.body.recorded_at;
    }
}

fn paid(row: &mut WithdrawalRow, event: &WithdrawalPaid) {
    row.state = WithdrawalState::Paid;
    row.paid = Some(event.amount);
    row.authorisation.clone_from(&event.authorisation);
}

/// Counts a withdrawal in the totals of its state, or no more.
fn count(rows: &mut Rows<'_, Withdrawals>, row: &WithdrawalRow, adds: bool) -> Result<(), ViewError> {
    let one = WithdrawalSums { count: 1, amount: row.amount.into() };
    add(rows, &totals_key(row), one, adds)
}

/// Counts what was paid to the player, and what came back.
fn pay(rows: &mut Rows<'_, Withdrawals>, event: &Event, row: &WithdrawalRow) -> Result<(), ViewError> {
    let sums = |amount: Amount| WithdrawalSums { count: 1, amount: amount.into() };
    match event {
        Event::WithdrawalPaid(WithdrawalPaid { amount, .. }) => {
            add(rows, &paid_key(row), sums(*amount), true)
        }
        Event::WithdrawalReturned(WithdrawalReturned { amount, .. }) => {
            add(rows, &paid_key(row), sums(*amount), false)
        }
        _ => Ok(()),
    }
}

fn add(
    rows: &mut Rows<'_, Withdrawals>,
    key: &KeyParts,
    sums: WithdrawalSums,
    adds: bool,
) -> Result<(), ViewError> {
    rows.update(key, |row| {
        let WithdrawalsRow::Sums(known) = row else { return None };
        *known = if adds { known.plus(sums)? } else { known.minus(sums)? };
        Some(())
    })
}
