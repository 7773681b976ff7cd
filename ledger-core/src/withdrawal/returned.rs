//! The decisions on payouts after they were paid: they come back, or were paid late and someone bears them.

use super::common::{sent, txn};
use super::payouts::{MarkReturned, SettleLatePayout};
use super::postings::{self, Back};
use super::state::{Withdrawal, WithdrawalStatus};
use crate::key::OperationKind;
use crate::money::Amount;
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, Stop, Workspace};
use crate::policy::ShortfallPolicy;
use crate::rejection::{NotAllowedReason, Rejection, not_allowed};
use crate::stored::{
    Bearer, DepositSuspended, Event, LatePayout, LatePayoutSettled, PayoutReturnedTo, ReturnFee,
    SuspenseReason, WithdrawalReturned,
};
use crate::wallet::{LotMoves, first_of, incoming, purse, recovery};

/// What a bank kept: less than what was paid.
fn bank_fee(
    command: &MarkReturned,
    paid: Amount,
    withdrawal: &Withdrawal,
    work: &Workspace<'_>,
) -> Result<Amount, Rejection> {
    let purse = purse(work.state(), withdrawal.currency)?;
    let Some(fee) = command.fee else { return Ok(purse.currency().zero()) };
    let taken = incoming(fee, purse.currency())?;
    if taken < paid { Ok(taken) } else { Err(Rejection::InvalidAmount { amount: fee.to_string() }) }
}

/// Who bore the payout, and so gets back what returns of it.
enum Owner {
    /// The player: he gets it, or it is in suspense for him.
    Player,
    /// It is in suspense, or bad debt of the house: it goes back there.
    House(Bearing),
}

/// Where a late payout is booked that the player does not bear.
#[derive(Clone, Copy)]
enum Bearing {
    Suspense,
    BadDebt,
}

fn owner(withdrawal: &Withdrawal) -> Owner {
    match withdrawal.late.as_ref().map(|late| late.bearer) {
        None | Some(Some(Bearer::Player)) => Owner::Player,
        Some(Some(Bearer::House)) => Owner::House(Bearing::BadDebt),
        Some(None) => Owner::House(Bearing::Suspense),
    }
}

pub(super) fn returned(command: &MarkReturned, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let withdrawal = sent(work.state(), facts, &command.withdrawal, &command.payout)?;
    match withdrawal.status {
        WithdrawalStatus::Paid => {}
        WithdrawalStatus::Sending | WithdrawalStatus::Unknown | WithdrawalStatus::Failed => {
            return Err(not_allowed(NotAllowedReason::NotPaid).into());
        }
        _ => return Err(not_allowed(NotAllowedReason::WithdrawalEnded).into()),
    }
    let paid = withdrawal.paid.ok_or_else(|| Fault::corrupted("a payout without an amount"))?;
    match (owner(&withdrawal), command.to) {
        (Owner::House(_), PayoutReturnedTo::Player) => {
            Err(not_allowed(NotAllowedReason::NotBorneByPlayer).into())
        }
        (Owner::House(bearing), PayoutReturnedTo::Suspense) => {
            let bank_fee = bank_fee(command, paid, &withdrawal, work)?;
            let back = Back { paid, bank_fee, bearer: Bearer::House };
            to_house(command, withdrawal, &back, bearing, work)
        }
        (Owner::Player, to) => {
            if to == PayoutReturnedTo::Suspense && facts.found.deposit(&command.in_suspense()).is_some() {
                return Err(Rejection::KeyReused.into());
            }
            let bank_fee = bank_fee(command, paid, &withdrawal, work)?;
            let back = Back { paid, bank_fee, bearer: command.fee_by };
            match to {
                PayoutReturnedTo::Player => to_player(command, withdrawal, &back, work),
                PayoutReturnedTo::Suspense => to_suspense(command, withdrawal, &back, work),
            }
        }
    }
}

fn push(
    command: &MarkReturned,
    withdrawal: &mut Withdrawal,
    back: &Back,
    (credited, entry): (Amount, u64),
    work: &mut Workspace<'_>,
) -> Result<(), Stop> {
    let fee = ReturnFee { amount: back.bank_fee, by: back.bearer };
    let event = Event::WithdrawalReturned(WithdrawalReturned {
        txn: txn(&command.source, OperationKind::PayoutReturn, &command.id),
        to: command.to,
        currency: withdrawal.currency,
        amount: back.paid,
        fee: Some(fee).filter(|fee| fee.amount.is_positive()),
        credited,
        entry,
    });
    Ok(work.push_withdrawal(withdrawal, event)?)
}

fn no_entry() -> Fault {
    Fault::corrupted("a return without an entry")
}

/// The player gets it, with what unplayed money in it had cost; it is unplayed again.
fn to_player(
    command: &MarkReturned,
    mut withdrawal: Withdrawal,
    back: &Back,
    work: &mut Workspace<'_>,
) -> Outcome {
    let (currency, hold) = (withdrawal.currency, withdrawal.hold.clone());
    let purse = purse(work.state(), currency)?;
    let zero = purse.currency().zero();
    let fee = if command.return_fee { hold.fee() } else { zero };
    let credited = back.left()?.checked_add(fee)?.checked_add(hold.extra())?;
    let postings = postings::returned(purse, &command.payout.source, back, (fee, hold.extra()))?;
    let cash = credited.checked_sub(purse.receivable().min(credited)?)?;
    let unplayed = first_of(&hold.unplayed, cash)?;
    let entry = work.post_with(postings, &LotMoves::back(currency, &unplayed))?.ok_or_else(no_entry)?;
    push(command, &mut withdrawal, back, (credited, entry), work)?;
    Ok(Some(currency))
}

/// It waits in suspense for two persons, as a payment of the provider that paid.
fn to_suspense(
    command: &MarkReturned,
    mut withdrawal: Withdrawal,
    back: &Back,
    work: &mut Workspace<'_>,
) -> Outcome {
    let currency = withdrawal.currency;
    let postings = postings::returned_to_suspense(&command.payout.source, back, currency)?;
    let entry = work.post(postings)?.ok_or_else(no_entry)?;
    let credited = back.left()?;
    push(command, &mut withdrawal, back, (credited, entry), work)?;
    let of = command.in_suspense();
    let event = Event::DepositSuspended(DepositSuspended {
        reason: SuspenseReason::PayoutReturned,
        currency,
        amount: credited,
        authorisation: None,
        // That money came back from there does not show whose it is.
        instrument: None,
        intent: None,
        entry,
    });
    work.push_first(Stream::Deposit(work.state().player().clone(), of.source, of.id), event);
    Ok(Some(currency))
}

/// It goes back to where a late payout was booked that the player did not bear.
fn to_house(
    command: &MarkReturned,
    mut withdrawal: Withdrawal,
    back: &Back,
    bearing: Bearing,
    work: &mut Workspace<'_>,
) -> Outcome {
    let currency = withdrawal.currency;
    let psp = &command.payout.source;
    let postings = match bearing {
        Bearing::Suspense => postings::returned_to_suspense(psp, back, currency)?,
        Bearing::BadDebt => postings::returned_to_house(psp, back, currency)?,
    };
    let entry = work.post(postings)?.ok_or_else(no_entry)?;
    push(command, &mut withdrawal, back, (back.left()?, entry), work)?;
    Ok(Some(currency))
}

pub(super) fn settle_late(
    command: &SettleLatePayout,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let mut withdrawal = super::common::named(work.state(), facts, &command.withdrawal)?;
    if !withdrawal.is_in_suspense() {
        return Err(not_allowed(NotAllowedReason::NotSuspended).into());
    }
    if command.by == command.approved_by {
        return Err(not_allowed(NotAllowedReason::SamePerson).into());
    }
    let incomplete = || Fault::corrupted("a late payout without an amount or provider");
    let amount = withdrawal.paid.ok_or_else(incomplete)?;
    let psp = withdrawal.payout.as_ref().ok_or_else(incomplete)?.source.clone();
    let currency = withdrawal.currency;
    let purse = purse(work.state(), currency)?;
    let (postings, taken) = match command.bearer {
        Bearer::Player => {
            let taken = recovery(purse, amount, ShortfallPolicy::AllowNegative)?;
            let taken = taken.ok_or_else(|| Fault::corrupted("a debt that is retained"))?;
            (postings::settle_on_player(purse, &psp, amount, &taken), Some(taken))
        }
        Bearer::House => (postings::settle_on_house(&psp, amount, currency), None),
    };
    let entry = work.post(postings)?.ok_or_else(no_entry)?;
    let event = Event::LatePayoutSettled(LatePayoutSettled {
        txn: txn(&command.source, OperationKind::PayoutSettlement, &command.id),
        late: LatePayout { bearer: Some(command.bearer), recovery: taken },
        currency,
        amount,
        by: command.by.clone(),
        approved_by: command.approved_by.clone(),
        entry,
    });
    work.push_withdrawal(&mut withdrawal, event)?;
    Ok(Some(currency))
}
