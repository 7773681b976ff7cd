//! A provider's adjustments, and its messages about no money.

use super::{AdjustRound, Inform};
use crate::account::AccountCode;
use crate::ids::SubAccount;
use crate::key::OperationKind;
use crate::player_ledger::{Facts, Fault, Outcome, Workspace};
use crate::round::common::note;
use crate::stored::{AdjustmentApplied, Direction, Event, Note, TransactionRef};
use crate::wallet::{credit_cash, incoming, purse, recover_to, recovery_of};

pub(super) fn adjust(command: &AdjustRound, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let purse = purse(work.state(), command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Adjustment,
        id: command.id.clone(),
    };
    if amount.is_zero() {
        return note(work, txn, Note::SameResult).map(|_| Some(command.currency));
    }
    let of = SubAccount::source(&command.source);
    let (postings, recovery) = match command.direction {
        Direction::Credit => (credit_cash(purse, AccountCode::Adjustments, of, amount)?, None),
        Direction::Debit => {
            let policy = command.on_shortfall.unwrap_or(facts.policy.of(&command.source).on_shortfall);
            let Some(recovery) = recovery_of(purse, purse.cash(), amount, policy)? else {
                return note(work, txn, Note::Retained).map(|_| Some(command.currency));
            };
            (recover_to(purse, AccountCode::Adjustments, of, amount, &recovery), Some(recovery))
        }
    };
    let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("an adjustment without an entry"))?;
    work.push_player(Event::AdjustmentApplied(AdjustmentApplied {
        txn,
        round: command.round.clone(),
        direction: command.direction,
        currency: command.currency,
        amount,
        reason: command.reason.clone(),
        recovery,
        entry,
    }))?;
    Ok(Some(command.currency))
}

pub(super) fn inform(command: &Inform, work: &mut Workspace<'_>) -> Outcome {
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Information,
        id: command.id.clone(),
    };
    note(work, txn, Note::Information)
}
