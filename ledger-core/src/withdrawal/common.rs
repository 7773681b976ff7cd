//! What the decisions on withdrawals share.

use super::state::Withdrawal;
use crate::ids::{SourceId, TransactionId};
use crate::key::OperationKind;
use crate::player_ledger::{Facts, Outcome, PlayerState, Workspace};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection, not_allowed};
use crate::stored::{Note, PaymentRef, PendingStatus, TransactionRef};

pub(super) fn txn(source: &SourceId, kind: OperationKind, id: &TransactionId) -> TransactionRef {
    TransactionRef { source: source.clone(), kind, id: id.clone() }
}

/// A withdrawal: live, or fetched from the log.
pub(super) fn known<'a>(
    state: &'a PlayerState,
    facts: &Facts<'a>,
    of: &PaymentRef,
) -> Option<&'a Withdrawal> {
    state.withdrawal(of).or_else(|| facts.found.withdrawal(of))
}

/// The withdrawal a command names.
pub(super) fn named(
    state: &PlayerState,
    facts: &Facts<'_>,
    of: &PaymentRef,
) -> Result<Withdrawal, Rejection> {
    let known = known(state, facts, of).cloned();
    known.ok_or_else(|| Rejection::PaymentNotFound { id: of.id.clone() })
}

/// The withdrawal a command names, which was not sent and has not come to an end.
pub(super) fn pending(
    state: &PlayerState,
    facts: &Facts<'_>,
    of: &PaymentRef,
) -> Result<(Withdrawal, PendingStatus), Rejection> {
    let withdrawal = named(state, facts, of)?;
    match withdrawal.status.pending() {
        Some(status) => Ok((withdrawal, status)),
        None if withdrawal.status.is_on_its_way() => Err(not_allowed(NotAllowedReason::WithdrawalSent)),
        None => Err(not_allowed(NotAllowedReason::WithdrawalEnded)),
    }
}

/// The withdrawal and the payout that a message names: what was sent.
pub(super) fn sent(
    state: &PlayerState,
    facts: &Facts<'_>,
    of: &PaymentRef,
    payout: &PaymentRef,
) -> Result<Withdrawal, Rejection> {
    let withdrawal = named(state, facts, of)?;
    match &withdrawal.payout {
        Some(own) if own == payout => Ok(withdrawal),
        Some(_) => Err(Rejection::Mismatch { field: MismatchField::Payment }),
        None if withdrawal.is_open() => Err(not_allowed(NotAllowedReason::WithdrawalNotSent)),
        None => Err(not_allowed(NotAllowedReason::WithdrawalEnded)),
    }
}

/// What a payment provider reports is known, or was overtaken.
pub(super) fn known_status(
    work: &mut Workspace<'_>,
    txn: TransactionRef,
    withdrawal: &Withdrawal,
) -> Outcome {
    work.note(txn, Note::KnownStatus)?;
    Ok(Some(withdrawal.currency))
}
