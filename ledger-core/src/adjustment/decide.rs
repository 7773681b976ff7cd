//! The decisions of the back office on a player's money.

use super::command::{
    ChargeInactivityFee, DecideCorrection, ProposeCorrection, ReclaimDormant, ReturnTax, TransferDormant,
    WithholdTax, correction, tax,
};
use super::postings::{correct_up, make_dormant, return_tax as tax_back, take, wake};
use super::{Adjustment, AdjustmentKind, Correction, CorrectionStatus, PROPOSALS_MAX, TaxWithholding};
use crate::account::AccountCode;
use crate::ids::{JurisdictionId, SubAccount};
use crate::key::OperationKind;
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::ShortfallPolicy;
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection};
use crate::stored::{
    CorrectionApplied, CorrectionDeclined, CorrectionProposed, DeclineCause, Direction, DormantReclaimed,
    DormantTransferred, Event, FeeCharged, FeeKind, Note, OutcomeKind, Recovery, TaxReturned, TaxWithheld,
    TransactionRef,
};
use crate::wallet::{Purse, incoming, purse, recovery};
use rust_decimal::Decimal;

fn not_allowed(reason: NotAllowedReason) -> Stop {
    Rejection::NotAllowed { reason }.into()
}

/// An incoming amount above zero.
fn above_zero(amount: Decimal, purse: &Purse) -> Result<Amount, Rejection> {
    let units = incoming(amount, purse.currency())?;
    if units.is_zero() { Err(Rejection::InvalidAmount { amount: amount.to_string() }) } else { Ok(units) }
}

fn entry(posted: Option<u64>) -> Result<u64, Fault> {
    posted.ok_or_else(|| Fault::corrupted("an adjustment without an entry"))
}

/// Accepted, and there was nothing to move.
fn nothing(work: &mut Workspace<'_>, txn: TransactionRef, currency: CurrencyCode) -> Outcome {
    work.note(txn, Note::NothingToMove)?;
    Ok(Some(currency))
}

pub(super) fn propose(command: &ProposeCorrection, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = correction(&command.source, &command.id);
    // No key was found, but keys are found by their kind: had the source another scope of keys before, there is
    // such a proposal already.
    if known_correction(state, facts, &reference).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let purse = purse(state, command.currency)?;
    let amount = above_zero(command.amount, purse)?;
    if state.proposals().len() >= PROPOSALS_MAX {
        let maximum = u32::try_from(PROPOSALS_MAX).unwrap_or(u32::MAX);
        return Err(Rejection::CapacityExceeded { what: Capacity::Proposals, maximum }.into());
    }

    let event = Event::CorrectionProposed(CorrectionProposed {
        direction: command.direction,
        code: command.code.clone(),
        currency: command.currency,
        amount,
        reason: command.reason.clone(),
        by: command.by.clone(),
        on_shortfall: command.on_shortfall,
    });
    work.push_adjustment(&mut None, &reference, event)?;
    Ok(Some(command.currency))
}

/// A correction, waiting or decided.
fn known_correction<'a>(
    state: &'a PlayerState,
    facts: &Facts<'a>,
    reference: &super::AdjustmentRef,
) -> Option<&'a Correction> {
    state.proposal(&reference.source, &reference.id).or_else(|| match facts.found.adjustment(reference) {
        Some(Adjustment::Correction(found)) => Some(found),
        _ => None,
    })
}

pub(super) fn decide_correction(
    command: &DecideCorrection,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let state = work.state();
    let reference = correction(&command.source, &command.proposal);
    let known = known_correction(state, facts, &reference);
    let known = known.ok_or_else(|| not_allowed(NotAllowedReason::TargetUnknown))?;
    if known.status != CorrectionStatus::Proposed {
        return Err(not_allowed(NotAllowedReason::AlreadyDecided));
    }
    let proposal = &known.proposal;
    if command.approve && command.by == proposal.by {
        return Err(not_allowed(NotAllowedReason::SamePerson));
    }
    let currency = proposal.currency;
    let mut live = Some(Adjustment::Correction(known.clone()));
    let declined = |cause| {
        let (txn, by) = (command.id.clone(), command.by.clone());
        Event::CorrectionDeclined(CorrectionDeclined { txn, by, cause })
    };
    if !command.approve {
        work.push_adjustment(&mut live, &reference, declined(DeclineCause::Decided))?;
        return Ok(Some(currency));
    }

    let (purse, amount) = (purse(state, currency)?, proposal.amount);
    let (postings, recovery) = match proposal.direction {
        Direction::Credit => (correct_up(purse, proposal.code.clone(), amount)?, None),
        Direction::Debit => {
            let policy = proposal.on_shortfall.unwrap_or(facts.policy.of(&command.source).on_shortfall);
            let Some(recovery) = recovery(purse, amount, policy)? else {
                work.outcome(OutcomeKind::Noop);
                work.push_adjustment(&mut live, &reference, declined(DeclineCause::Retained))?;
                return Ok(Some(currency));
            };
            let code = proposal.code.clone();
            (take(purse, AccountCode::Adjustments, code, amount, &recovery), Some(recovery))
        }
    };
    let entry = entry(work.post(postings)?)?;
    let event = Event::CorrectionApplied(CorrectionApplied {
        txn: command.id.clone(),
        by: command.by.clone(),
        direction: proposal.direction,
        currency,
        amount,
        recovery,
        entry,
    });
    work.push_adjustment(&mut live, &reference, event)?;
    Ok(Some(currency))
}

/// All of an amount comes from cash.
fn from_cash(purse: &Purse, amount: Amount) -> Recovery {
    let zero = purse.currency().zero();
    Recovery { cash: amount, receivable: zero, written_off: zero }
}

pub(super) fn charge_inactivity(command: &ChargeInactivityFee, work: &mut Workspace<'_>) -> Outcome {
    let purse = purse(work.state(), command.currency)?;
    let asked = above_zero(command.amount, purse)?;
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::InactivityFee,
        id: command.id.clone(),
    };
    let amount = asked.min(purse.available())?;
    if !amount.is_positive() {
        return nothing(work, txn, command.currency);
    }

    let kind = FeeKind::Inactivity;
    let of = SubAccount::new(kind.as_str()).map_err(|error| Fault::corrupted(error.to_string()))?;
    let postings = take(purse, AccountCode::FeesIncome, of, amount, &from_cash(purse, amount));
    let entry = entry(work.post(postings)?)?;
    let (currency, by) = (command.currency, command.by.clone());
    work.push_player(Event::FeeCharged(FeeCharged { txn, kind, currency, asked, amount, by, entry }))?;
    Ok(Some(command.currency))
}

pub(super) fn transfer_dormant(command: &TransferDormant, work: &mut Workspace<'_>) -> Outcome {
    let purse = purse(work.state(), command.currency)?;
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::DormantTransfer,
        id: command.id.clone(),
    };
    let (amount, currency) = (purse.cash(), command.currency);
    if amount.is_zero() {
        return nothing(work, txn, currency);
    }
    let entry = entry(work.post(make_dormant(purse, amount))?)?;
    work.push_player(Event::DormantTransferred(DormantTransferred { txn, currency, amount, entry }))?;
    Ok(Some(currency))
}

pub(super) fn reclaim_dormant(command: &ReclaimDormant, work: &mut Workspace<'_>) -> Outcome {
    let purse = purse(work.state(), command.currency)?;
    let txn = TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::DormantReclaim,
        id: command.id.clone(),
    };
    let (amount, currency) = (purse.dormant(), command.currency);
    if amount.is_zero() {
        return nothing(work, txn, currency);
    }
    let entry = entry(work.post(wake(purse, amount))?)?;
    work.push_player(Event::DormantReclaimed(DormantReclaimed { txn, currency, amount, entry }))?;
    Ok(Some(currency))
}

fn jurisdiction_account(jurisdiction: &JurisdictionId) -> Result<SubAccount, Fault> {
    SubAccount::new(jurisdiction.as_str()).map_err(|error| Fault::corrupted(error.to_string()))
}

pub(super) fn withhold(command: &WithholdTax, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let reference = tax(&command.source, &command.id);
    // As for a proposal: keys may have been looked for under another kind when this tax came first.
    if facts.found.adjustment(&reference).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let (purse, currency) = (purse(work.state(), command.currency)?, command.currency);
    let amount = above_zero(command.amount, purse)?;
    let policy = command.on_shortfall.unwrap_or(ShortfallPolicy::Reject);
    if policy == ShortfallPolicy::Reject && amount > purse.available() {
        return Err(Rejection::InsufficientFunds { available: purse.available(), currency }.into());
    }
    let Some(recovery) = recovery(purse, amount, policy)? else {
        let (source, id) = (command.source.clone(), command.id.clone());
        return nothing(work, TransactionRef { source, kind: OperationKind::Tax, id }, currency);
    };

    let of = jurisdiction_account(&command.jurisdiction)?;
    let postings = take(purse, AccountCode::TaxWithheld, of, amount, &recovery);
    let entry = entry(work.post(postings)?)?;
    let event = Event::TaxWithheld(TaxWithheld {
        currency,
        amount,
        jurisdiction: command.jurisdiction.clone(),
        on: command.on.clone(),
        recovery,
        entry,
    });
    work.push_adjustment(&mut None, &reference, event)?;
    Ok(Some(currency))
}

/// What of a tax has not gone back, and how much of that is the player's: the rest was written off when it was
/// withheld.
fn outstanding(tax: &TaxWithholding) -> Result<(Amount, Amount), Stop> {
    let paid = tax.withheld.amount.checked_sub(tax.withheld.recovery.written_off)?;
    let to_player = paid.checked_sub(paid.min(tax.returned)?)?;
    Ok((tax.withheld.amount.checked_sub(tax.returned)?, to_player))
}

pub(super) fn return_tax(command: &ReturnTax, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let reference = tax(&command.source, &command.tax);
    debug_assert_eq!(reference.kind, AdjustmentKind::Tax);
    let Some(Adjustment::Tax(known)) = facts.found.adjustment(&reference) else {
        return Err(not_allowed(NotAllowedReason::TargetUnknown));
    };
    let (left, players) = outstanding(known)?;
    if command.currency != known.withheld.currency {
        return Err(Rejection::Mismatch { field: MismatchField::Currency }.into());
    }
    if command.amount > left.to_decimal() {
        return Err(Rejection::Mismatch { field: MismatchField::Amount }.into());
    }
    let (purse, currency) = (purse(work.state(), command.currency)?, command.currency);
    let amount = above_zero(command.amount, purse)?;

    let to_player = amount.min(players)?;
    let of = jurisdiction_account(&known.withheld.jurisdiction)?;
    let postings = tax_back(purse, of, to_player, amount.checked_sub(to_player)?)?;
    let entry = entry(work.post(postings)?)?;
    let event =
        Event::TaxReturned(TaxReturned { txn: command.id.clone(), currency, amount, to_player, entry });
    work.push_adjustment(&mut Some(Adjustment::Tax(known.clone())), &reference, event)?;
    Ok(Some(currency))
}
