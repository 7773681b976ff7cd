//! The decision on a credit that no stake earned.

use super::{GrantCredit, ReportFreeRounds};
use crate::account::AccountCode;
use crate::bonus::{self, GrantBonus};
use crate::ids::{SubAccount, TermsName};
use crate::key::OperationKind;
use crate::player_ledger::{Facts, Fault, Outcome, Workspace};
use crate::policy::{FreeRoundPayment, Reward};
use crate::stored::{CreditGranted, CreditKind, Event, Note, TransactionRef};
use crate::wallet::{self, incoming, purse};

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
pub(super) fn credit(command: &GrantCredit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let purse = purse(state, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Credit,
        id: command.id.clone(),
    };

    if amount.is_zero() {
        work.note(txn, Note::ZeroCredit)?;
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
    let reference = command.round_ref();
    let round = reference.and_then(|of| state.round(&of).or_else(|| facts.found.round(&of)).cloned());
    match round {
        Some(mut round) => work.push_round(&mut round, event)?,
        None => work.push_player(event)?,
    }
    Ok(Some(command.currency))
}

/// The bonus that the total of free rounds is (B25): as much as they won, up to the most that its terms give.
fn as_bonus(command: &ReportFreeRounds, terms: &TermsName, facts: &Facts<'_>) -> GrantBonus {
    let named = facts.policy.bonuses.get(terms).and_then(|terms| match &terms.reward {
        Reward::Given { most } => most.get(&command.currency),
        _ => None,
    });
    let most = named.map_or(command.amount, |most| most.to_decimal());
    GrantBonus {
        source: command.source.clone(),
        id: command.id.clone(),
        terms: terms.clone(),
        currency: command.currency,
        amount: Some(command.amount.min(most)),
        deposit: None,
        reactivates: None,
        played: None,
    }
}

/// The total of free rounds is paid if single wins are not.
pub(super) fn free_rounds(
    command: &ReportFreeRounds,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let purse = purse(work.state(), command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: OperationKind::FreeRoundTotal, id };
    let note = match facts.policy.free_rounds(&command.source, Some(&command.campaign)) {
        FreeRoundPayment::Each => Some(Note::PaidOneByOne),
        FreeRoundPayment::Total if amount.is_zero() => Some(Note::ZeroCredit),
        FreeRoundPayment::Total => None,
    };
    if let Some(note) = note {
        work.note(txn, note)?;
        return Ok(Some(command.currency));
    }
    if let Some(terms) = facts.policy.free_round_bonuses.get(&command.campaign) {
        return bonus::grant(&as_bonus(command, terms, facts), OperationKind::FreeRoundTotal, facts, work);
    }
    let campaign = command.campaign.clone();
    let postings = wallet::credit_cash(purse, AccountCode::FreeSpinCost, campaign.clone(), amount)?;
    let entry = work.post(postings)?.ok_or_else(|| Fault::corrupted("a credit without an entry"))?;
    work.push_player(Event::CreditGranted(CreditGranted {
        credit: txn,
        reason: CreditKind::FreeRound,
        of: campaign,
        round: None,
        currency: command.currency,
        amount,
        entry,
    }))?;
    Ok(Some(command.currency))
}
