//! The decisions on captured deposits.

use super::RecordDeposit;
use crate::ids::SubAccount;
use crate::partition::Stream;
use crate::player_ledger::{Fault, Outcome, Workspace};
use crate::rejection::Rejection;
use crate::stored::{DepositSucceeded, Event};
use crate::wallet::{self, incoming, purse};

pub(super) fn record(command: &RecordDeposit, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let purse = purse(state, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    if amount.is_zero() {
        return Err(Rejection::InvalidAmount { amount: command.amount.to_string() }.into());
    }

    let postings = wallet::deposit(purse, SubAccount::source(&command.source), amount)?;
    let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("a deposit without an entry"))?;
    let stream = Stream::Deposit(state.player().clone(), command.source.clone(), command.id.clone());
    work.push_first(
        stream,
        Event::DepositSucceeded(DepositSucceeded {
            currency: command.currency,
            amount,
            authorisation: command.authorisation.clone(),
            entry,
        }),
    );
    Ok(Some(command.currency))
}
