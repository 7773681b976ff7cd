//! The decisions on money in: captured deposits, and credits that no stake earned.

use crate::account::AccountCode;
use crate::ids::SubAccount;
use crate::key::OperationKind;
use crate::money::CurrencyCode;
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, GrantCredit, RecordDeposit, RoundRef, Stop, Workspace};
use crate::rejection::Rejection;
use crate::round::{incoming, purse};
use crate::stored::{
    CreditGranted, CreditKind, DepositSucceeded, Event, Note, OutcomeKind, TransactionRef, TxnNoted,
};
use crate::wallet;

type Outcome = Result<Option<CurrencyCode>, Stop>;

pub(crate) fn record(command: &RecordDeposit, work: &mut Workspace<'_>) -> Outcome {
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

/// Who bears a credit.
fn bearer(command: &GrantCredit) -> (AccountCode, SubAccount) {
    match command.reason {
        CreditKind::ProviderPromo | CreditKind::NetworkJackpot => {
            (AccountCode::ProviderReceivable, SubAccount::source(&command.source))
        }
        CreditKind::FreeRound => (AccountCode::FreeSpinCost, command.of.clone()),
        CreditKind::Cashback => (AccountCode::CashbackCost, command.of.clone()),
        CreditKind::LocalJackpot => (AccountCode::JackpotLiability, command.of.clone()),
    }
}

/// A credit passes in every state of its round: promotions come late (S63 in docs/scenarios.md).
pub(crate) fn credit(command: &GrantCredit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let purse = purse(state, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Credit,
        id: command.id.clone(),
    };

    if amount.is_zero() {
        work.outcome(OutcomeKind::Noop);
        work.push_player(Event::TxnNoted(TxnNoted { txn, note: Note::ZeroCredit }))?;
        return Ok(Some(command.currency));
    }
    let (account, of) = bearer(command);
    let postings = wallet::credit_cash(purse, account, of, amount)?;
    let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("a credit without an entry"))?;
    let event = Event::CreditGranted(CreditGranted {
        credit: txn,
        reason: command.reason,
        of: command.of.clone(),
        round: command.round.clone(),
        currency: command.currency,
        amount,
        entry,
    });
    let reference =
        command.round.as_ref().map(|round| RoundRef { source: command.source.clone(), round: round.clone() });
    let round = reference.and_then(|reference| state.round(&reference).or(facts.round).cloned());
    match round {
        Some(mut round) => work.push_round(&mut round, event)?,
        None => work.push_player(event)?,
    }
    Ok(Some(command.currency))
}
