//! The decision to give up what a player owes.

use super::command::WriteOffDebt;
use super::postings;
use super::refund::at_most;
use crate::key::OperationKind;
use crate::player_ledger::{Fault, Outcome, Workspace};
use crate::rejection::{NotAllowedReason, not_allowed};
use crate::stored::{DebtWrittenOff, Event, TransactionRef};
use crate::wallet::purse;

pub(super) fn write_off(command: &WriteOffDebt, work: &mut Workspace<'_>) -> Outcome {
    if command.by == command.approved_by {
        return Err(not_allowed(NotAllowedReason::SamePerson).into());
    }
    let purse = purse(work.state(), command.currency)?;
    if purse.receivable().is_zero() {
        return Err(not_allowed(NotAllowedReason::NothingOwed).into());
    }
    let amount = at_most(command.amount, purse.receivable(), purse.currency())?;
    let postings = postings::write_off(purse, amount);
    let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("a write-off without an entry"))?;
    work.push_player(Event::DebtWrittenOff(DebtWrittenOff {
        txn: TransactionRef {
            source: command.source.clone(),
            kind: OperationKind::DebtWriteOff,
            id: command.id.clone(),
        },
        currency: command.currency,
        amount,
        reason: command.reason.clone(),
        by: command.by.clone(),
        approved_by: command.approved_by.clone(),
        entry,
    }))?;
    Ok(Some(command.currency))
}
