//! The decision on a refund, and what refunds and chargebacks share.

use rust_decimal::Decimal;

use super::command::RefundDeposit;
use super::exchange::{captured_in, part_of, stop};
use super::postings::take;
use super::state::Deposit;
use crate::account::AccountCode;
use crate::controls::Controls;
use crate::entry::Posting;
use crate::ids::{SourceId, SubAccount, TransactionId};
use crate::money::{Amount, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Fault, Outcome, Stop, Workspace};
use crate::policy::ShortfallPolicy;
use crate::rejection::{MismatchField, NotAllowedReason, Rejection, not_allowed};
use crate::stored::{Converted, DepositRefunded, Event, LotShare, PaymentRef, Recovery};
use crate::wallet::{LotMoves, incoming, purse, recovery, reverse_credit_converted};

/// The deposit a command names, in the currency it was captured in.
pub(super) fn named<'a>(
    (source, id): (&SourceId, &TransactionId),
    currency: CurrencyCode,
    facts: &Facts<'a>,
) -> Result<&'a Deposit, Rejection> {
    let of = PaymentRef { source: source.clone(), id: id.clone() };
    let deposit = facts.found.deposit(&of).ok_or_else(|| Rejection::PaymentNotFound { id: id.clone() })?;
    if deposit.currency == currency {
        Ok(deposit)
    } else {
        Err(Rejection::Mismatch { field: MismatchField::Currency })
    }
}

/// What a command takes of what is left: above zero, and not more. Without an amount it is all.
pub(super) fn at_most(
    amount: Option<Decimal>,
    left: Amount,
    currency: &Currency,
) -> Result<Amount, Rejection> {
    let exceeds = || Rejection::ExceedsRest { left, currency: currency.code() };
    let Some(amount) = amount else {
        return if left.is_positive() { Ok(left) } else { Err(exceeds()) };
    };
    let taken = incoming(amount, currency)?;
    if taken.is_zero() {
        return Err(Rejection::InvalidAmount { amount: amount.to_string() });
    }
    if taken > left { Err(exceeds()) } else { Ok(taken) }
}

/// How a credited deposit is taken back.
pub(super) struct Taken {
    pub(super) postings: Vec<Posting>,
    /// What of the cash is unplayed money, by lot.
    pub(super) unplayed: Vec<LotShare>,
    pub(super) recovery: Recovery,
    pub(super) converted: Option<Converted>,
    /// The currency of the player's purse.
    pub(super) currency: CurrencyCode,
}

/// Takes an amount of a credited deposit back, `fee` of it from the house, the rest from the player.
pub(super) fn take_from_player(
    deposit: &Deposit,
    amount: Amount,
    fee: Amount,
    policy: ShortfallPolicy,
    work: &Workspace<'_>,
) -> Result<Taken, Stop> {
    let own = deposit.credited_in.ok_or_else(|| Fault::corrupted("a deposit that was not credited"))?;
    let purse = purse(work.state(), own)?;
    let part = part_of(deposit, amount)?;
    let from_player = match &part {
        Some((part, _)) => part.to(),
        None => amount.checked_sub(fee)?,
    };
    let recovery =
        recovery(purse, from_player, policy)?.ok_or_else(|| not_allowed(NotAllowedReason::NotRetainable))?;
    let psp = &deposit.of.source;
    let postings = match &part {
        Some((part, _)) => {
            let of = SubAccount::source(psp);
            reverse_credit_converted(purse, AccountCode::PspClearing, of, part, &recovery).map_err(stop)?
        }
        None => take(purse, psp, amount, fee, &recovery),
    };
    // The deposit's own money leaves first.
    let unplayed = work.state().wallet().draw_last(purse, recovery.cash, &deposit.credits)?;
    Ok(Taken { postings, unplayed, recovery, converted: part.map(|(_, converted)| converted), currency: own })
}

pub(super) fn refund(command: &RefundDeposit, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let deposit = named((&command.source, &command.deposit), command.currency, facts)?;
    if deposit.credited.is_zero() {
        return Err(not_allowed(NotAllowedReason::NotCredited).into());
    }
    let currency = captured_in(deposit, facts, work)?;
    let mut left = deposit.left()?;
    if !command.return_fee {
        left = left.checked_sub(deposit.fee.min(left)?)?;
    }
    let amount = at_most(command.amount, left, &currency)?;
    let fee = if command.return_fee { deposit.fee.min(amount)? } else { currency.zero() };
    let policy = command.on_shortfall.unwrap_or(facts.policy.deposits.on_shortfall);
    let taken = take_from_player(deposit, amount, fee, policy, work)?;

    let entry = work.post_with(taken.postings, &LotMoves::drawn(&taken.unplayed))?;
    let entry = entry.ok_or_else(|| Fault::corrupted("a refund without an entry"))?;
    let counted = deposit.credits.first().copied();
    let event = Event::DepositRefunded(DepositRefunded {
        txn: command.id.clone(),
        currency: command.currency,
        amount,
        fee: Some(fee).filter(|fee| fee.is_positive()),
        recovery: taken.recovery,
        converted: taken.converted,
        entry,
        counted: counted.filter(|_| work.controls().is_some_and(Controls::counts_deposits)),
    });
    work.push_deposit(deposit, event)?;
    Ok(Some(taken.currency))
}
