//! The decisions on transfers.

use super::postings::{self, Comeback};
use super::{OPEN_TRANSFERS_MAX, RollIn, RollOut, Transfer, TransferRef, TransferStatus};
use crate::controls::{self, Begins, Gate};
use crate::ids::{SubAccount, TransactionId};
use crate::key::OperationKind;
use crate::money::Amount;
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::RegisterUse;
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection};
use crate::session;
use crate::stored::{Event, TransactionRef, TransferRolledBack, TransferRolledIn, TransferRolledOut};
use crate::wallet::{LotMoves, Purse, back_from, incoming, purse};

/// A transfer, away or fetched from the log.
fn known<'a>(state: &'a PlayerState, facts: &Facts<'a>, of: &TransferRef) -> Option<&'a Transfer> {
    state.transfer(of).or_else(|| facts.found.transfer(of))
}

pub(super) fn roll_out(command: &RollOut, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (state, of) = (work.state(), command.transfer());
    // No key was found, but keys are found by their kind: had the source another scope of keys before, there is
    // such a transfer already.
    if known(state, facts, &of).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let (currency, source) = (command.currency, facts.policy.of(&command.source));
    let purse = purse(state, currency)?;
    let jurisdiction = &state.profile().ok_or(Rejection::PlayerUnknown)?.jurisdiction;
    let profile = facts.policy.profile(jurisdiction);
    let validate = command.flags.validate_session;
    let asked = session::Asked { session: command.session.as_ref(), currency, validate };
    session::check(asked, &source.sessions, profile, state, work.now())?;
    let asked = command.amount.map(|amount| incoming(amount, purse.currency())).transpose()?;
    let gate = Gate::read(&command.registers, state, work.now())?;
    state.may_begin(&gate, RegisterUse::Transfer, &profile.controls, work.now())?;
    controls::check_source(source, &command.source, Begins::Play)?;
    controls::check_game(facts.policy, &command.game, jurisdiction)?;
    session::check_time(command.session.as_ref(), profile, work)?;
    if state.open_transfers() >= OPEN_TRANSFERS_MAX {
        let maximum = u32::try_from(OPEN_TRANSFERS_MAX).unwrap_or(u32::MAX);
        return Err(Rejection::CapacityExceeded { what: Capacity::OpenTransfers, maximum }.into());
    }
    let available = purse.available();
    let amount = match asked {
        Some(amount) if amount.is_positive() && amount > available => {
            return Err(Rejection::InsufficientFunds { available, currency }.into());
        }
        Some(amount) => amount,
        None if available.is_negative() => purse.currency().zero(),
        None => available,
    };
    let near = controls::check(controls::Asked::Transfer(amount), currency, facts, work)?;
    purse.held().checked_add(amount)?;

    let txn =
        || TransactionRef { source: of.source.clone(), kind: OperationKind::RollOut, id: of.id.clone() };
    gate.record(txn, work)?;
    // It goes to be played, so unplayed money goes first, as of a stake.
    let unplayed = state.wallet().draw(currency, amount)?;
    let postings = postings::roll_out(purse, sub_account(&of)?, amount);
    let entry = work.post_with(postings, &LotMoves::drawn(&unplayed))?;
    let event = Event::TransferRolledOut(TransferRolledOut {
        game: command.game.clone(),
        currency,
        amount,
        session: command.session.clone(),
        unplayed,
        entry,
    });
    work.push_first(Stream::Transfer(state.player().clone(), of.clone()), event);
    near.record(txn, work)?;
    Ok(Some(currency))
}

fn sub_account(of: &TransferRef) -> Result<SubAccount, Fault> {
    SubAccount::transfer(&of.source, &of.id).map_err(|error| Fault::corrupted(error.to_string()))
}

/// A transfer that is still away, to be ended.
fn check_out(transfer: &Transfer) -> Result<(), Rejection> {
    match transfer.status {
        TransferStatus::Out => Ok(()),
        TransferStatus::Returned => Err(Rejection::AlreadySettled { txn: transfer.of.id.clone() }),
        TransferStatus::RolledBack => Err(Rejection::AlreadyRolledBack { txn: transfer.of.id.clone() }),
    }
}

fn push(transfer: &Transfer, event: Event, work: &mut Workspace<'_>) -> Result<(), Fault> {
    let next = transfer.version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
    work.push(Stream::Transfer(work.state().player().clone(), transfer.of.clone()), next, event);
    Ok(())
}

/// What was staked and won, as the provider tells or as the difference is.
fn comeback(command: &RollIn, out: Amount, purse: &Purse) -> Result<(Amount, Comeback), Stop> {
    let returned = incoming(command.amount, purse.currency())?;
    let mismatch = || Rejection::Mismatch { field: MismatchField::Amount };
    let own = returned.min(out)?;
    let gain = returned.checked_sub(own)?;
    let (staked, won) = match (command.staked, command.won) {
        (None, None) => (out.checked_sub(own)?, gain),
        (Some(staked), Some(won)) => (incoming(staked, purse.currency())?, incoming(won, purse.currency())?),
        _ => return Err(mismatch().into()),
    };
    if out.checked_add(won)? != returned.checked_add(staked)? {
        return Err(mismatch().into());
    }
    Ok((returned, Comeback { out, staked, won, own, gain }))
}

pub(super) fn roll_in(command: &RollIn, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (state, of) = (work.state(), command.transfer());
    let unknown = Rejection::NotAllowed { reason: NotAllowedReason::TargetUnknown };
    let transfer = known(state, facts, &of).ok_or(unknown)?;
    check_out(transfer)?;
    let currency = transfer.currency;
    if currency != command.currency {
        return Err(Rejection::Mismatch { field: MismatchField::Currency }.into());
    }
    let purse = purse(state, currency)?;
    let (amount, back) = comeback(command, transfer.amount, purse)?;

    let game = SubAccount::game(&transfer.game);
    // What was not staked there is unplayed again.
    let unplayed = back_from(&transfer.unplayed, back.staked.min(back.out)?)?;
    let postings = postings::roll_in(purse, sub_account(&of)?, &game, &back)?;
    let entry = work.post_with(postings, &LotMoves::back(currency, &unplayed))?;
    let event = Event::TransferRolledIn(TransferRolledIn {
        txn: command.id.clone(),
        game: transfer.game.clone(),
        currency,
        amount,
        staked: back.staked,
        won: back.won,
        entry,
    });
    push(transfer, event, work)?;
    Ok(Some(currency))
}

/// A roll-out is undone: all of it is back.
pub(crate) fn roll_back(txn: &TransactionId, transfer: &Transfer, work: &mut Workspace<'_>) -> Outcome {
    check_out(transfer)?;
    let (currency, amount) = (transfer.currency, transfer.amount);
    let purse = purse(work.state(), currency)?;
    let postings = postings::roll_back(purse, sub_account(&transfer.of)?, amount);
    let entry = work.post_with(postings, &LotMoves::back(currency, &transfer.unplayed))?;
    let event = Event::TransferRolledBack(TransferRolledBack { txn: txn.clone(), currency, amount, entry });
    push(transfer, event, work)?;
    Ok(Some(currency))
}
