//! The decisions on chargebacks and on disputes that are won.

use rust_decimal::Decimal;

use super::command::{Chargeback, ReverseChargeback};
use super::exchange::{captured_in, split, stop};
use super::postings::{chargeback_fee, chargeback_fee_back, suspend, unsuspend};
use super::refund::{at_most, named, take_from_player};
use super::state::{CHARGEBACKS_MAX, ChargedBack, Deposit};
use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::SubAccount;
use crate::key::OperationKind;
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player::Block;
use crate::player_ledger::{Facts, Fault, Outcome, Stop, Workspace};
use crate::policy::ShortfallPolicy;
use crate::rejection::{Capacity, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{
    ChargebackReversed, Converted, DepositChargedBack, Event, LotShare, PlayerBlocked, TransactionRef,
};
use crate::wallet::{LotMoves, Purse, back_from, credit_cash, credit_converted, first_of, incoming, purse};

/// A fee of a payment provider; zero is none.
fn fee(amount: Option<Decimal>, currency: &Currency) -> Result<Amount, Rejection> {
    amount.map_or(Ok(currency.zero()), |amount| incoming(amount, currency))
}

fn unless_zero(amount: Amount) -> Option<Amount> {
    Some(amount).filter(|amount| !amount.is_zero())
}

pub(super) fn charge_back(command: &Chargeback, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let deposit = named((&command.source, &command.deposit), command.currency, facts)?;
    if deposit.chargeback(&command.id).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let currency = captured_in(deposit, facts, work)?;
    // What is left with the player goes first; money in suspense is nobody's yet.
    let credited = deposit.left()?;
    let from_suspense = credited.is_zero() && deposit.suspense.is_positive();
    let left = if from_suspense { deposit.suspense } else { credited };
    let amount = at_most(command.amount, left, &currency)?;
    let fee = fee(command.fee, &currency)?;
    if deposit.chargebacks.len() >= CHARGEBACKS_MAX {
        return Err(capacity(Capacity::ChargebacksOfDeposit, CHARGEBACKS_MAX).into());
    }
    let psp = &command.source;
    let (mut postings, recovery, converted, shown, unplayed) = if from_suspense {
        (unsuspend(psp, amount, command.currency), None, None, command.currency, Vec::new())
    } else {
        // Whatever the policy of refunds: the bank has taken the money, so he owes it.
        let taken = take_from_player(deposit, amount, currency.zero(), ShortfallPolicy::AllowNegative, work)?;
        (taken.postings, Some(taken.recovery), taken.converted, taken.currency, taken.unplayed)
    };
    postings.extend(chargeback_fee(psp, fee, command.currency));

    let entry = work.post_with(postings, &LotMoves::drawn(&unplayed))?;
    let entry = entry.ok_or_else(|| Fault::corrupted("a chargeback without an entry"))?;
    let event = Event::DepositChargedBack(DepositChargedBack {
        txn: command.id.clone(),
        currency: command.currency,
        amount,
        fee: unless_zero(fee),
        recovery,
        unplayed,
        converted,
        entry,
    });
    work.push_deposit(deposit, event)?;
    block(command, work)?;
    Ok(Some(shown))
}

/// A player whose payment was charged back gets no money out as before, until someone lifts the block.
fn block(command: &Chargeback, work: &mut Workspace<'_>) -> Result<(), Fault> {
    let block = Block::ChargedBack;
    if work.state().standing().since(block).is_some() {
        return Ok(());
    }
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Chargeback,
        id: command.id.clone(),
    };
    work.push_player(Event::PlayerBlocked(PlayerBlocked { txn, block, by: None, reason: None }))
}

/// What comes back of a chargeback.
struct Back {
    postings: Vec<Posting>,
    converted: Option<Converted>,
    currency: CurrencyCode,
    /// What is unplayed again, by lot.
    unplayed: Vec<LotShare>,
}

/// What of the money that comes back is unplayed again: what the chargeback took of lots beyond what still stands
/// of it, as far as it becomes cash.
fn unplayed_back(
    chargeback: &ChargedBack,
    purse: &Purse,
    amount: Amount,
) -> Result<Vec<LotShare>, AmountError> {
    let back = back_from(&chargeback.unplayed, chargeback.standing_with_player().checked_sub(amount)?)?;
    first_of(&back, amount.checked_sub(purse.receivable().min(amount)?)?)
}

/// What was taken comes back to where it was taken from.
fn give_back(
    deposit: &Deposit,
    chargeback: &ChargedBack,
    amount: Amount,
    work: &Workspace<'_>,
) -> Result<Back, Stop> {
    let psp = &deposit.of.source;
    if chargeback.from_suspense {
        return Ok(Back {
            postings: suspend(psp, amount, deposit.currency),
            converted: None,
            currency: deposit.currency,
            unplayed: Vec::new(),
        });
    }
    let own = deposit.credited_in.ok_or_else(|| Fault::corrupted("a deposit that was not credited"))?;
    let purse = purse(work.state(), own)?;
    let of = SubAccount::source(psp);
    let Some((part, converted)) = split(deposit, chargeback.converted.as_ref(), amount)? else {
        let postings = credit_cash(purse, AccountCode::PspClearing, of, amount)?;
        let unplayed = unplayed_back(chargeback, purse, amount)?;
        return Ok(Back { postings, converted: None, currency: own, unplayed });
    };
    let postings = credit_converted(purse, AccountCode::PspClearing, of, &part).map_err(stop)?;
    let unplayed = unplayed_back(chargeback, purse, part.to())?;
    Ok(Back { postings, converted: Some(converted), currency: own, unplayed })
}

pub(super) fn reverse(command: &ReverseChargeback, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let id = &command.chargeback;
    let deposit = named((&command.source, &command.deposit), command.currency, facts)?;
    let chargeback = deposit.chargeback(id).ok_or_else(|| Rejection::PaymentNotFound { id: id.clone() })?;
    if chargeback.standing.is_zero() {
        return Err(not_allowed(NotAllowedReason::ChargebackReversed).into());
    }
    let currency = captured_in(deposit, facts, work)?;
    let amount = at_most(command.amount, chargeback.standing, &currency)?;
    let fee = fee(command.fee, &currency)?;
    if fee > chargeback.fee {
        return Err(Rejection::ExceedsRest { left: chargeback.fee, currency: command.currency }.into());
    }
    let Back { mut postings, converted, currency: shown, unplayed } =
        give_back(deposit, chargeback, amount, work)?;
    postings.extend(chargeback_fee_back(&command.source, fee, command.currency));

    let entry = work.post_with(postings, &LotMoves::back(shown, &unplayed))?;
    let entry = entry.ok_or_else(|| Fault::corrupted("a reversal without an entry"))?;
    let event = Event::ChargebackReversed(ChargebackReversed {
        txn: command.id.clone(),
        chargeback: id.clone(),
        currency: command.currency,
        amount,
        fee: unless_zero(fee),
        converted,
        unplayed,
        entry,
    });
    work.push_deposit(deposit, event)?;
    Ok(Some(shown))
}
