//! The decisions on purchases.

use super::state::Paid;
use super::{EnterTournament, Purchase, PurchaseKind, PurchaseRef, Tip, postings};
use crate::account::AccountKind;
use crate::controls::{self, Begins, Gate};
use crate::ids::{SubAccount, TransactionId};
use crate::key::OperationKind;
use crate::money::Amount;
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::RegisterUse;
use crate::rejection::{BonusRule, Rejection};
use crate::round::Funds;
use crate::stored::{
    Event, TipGiven, TipReturned, TournamentEntered, TournamentEntryReturned, TransactionRef,
};
use crate::wallet::{LotMoves, Purse, incoming, purse};

/// Bonus credits buy nothing.
fn check_funds(funds: Funds) -> Result<(), Rejection> {
    if funds == Funds::Bonus { Err(Rejection::BonusRule { rule: BonusRule::CashOnly }) } else { Ok(()) }
}

fn check_available(purse: &Purse, amount: Amount) -> Result<(), Rejection> {
    if amount.is_zero() || amount <= purse.available() {
        return Ok(());
    }
    let (available, currency) = (purse.available(), purse.currency().code());
    Err(Rejection::InsufficientFunds { available, currency })
}

/// No key was found, but keys are found by their kind: had the source another scope of keys before, there is such a
/// purchase already.
fn check_new(of: &PurchaseRef, facts: &Facts<'_>) -> Result<(), Rejection> {
    if facts.found.purchase(of).is_some() { Err(Rejection::KeyReused) } else { Ok(()) }
}

fn stream(state: &PlayerState, of: PurchaseRef) -> Stream {
    Stream::Purchase(state.player().clone(), of)
}

fn txn_of(of: &PurchaseRef) -> TransactionRef {
    let kind = match of.kind {
        PurchaseKind::Tip => OperationKind::Tip,
        PurchaseKind::TournamentEntry => OperationKind::TournamentEntry,
    };
    TransactionRef { source: of.source.clone(), kind, id: of.id.clone() }
}

/// The kind of the player's money, where no entry says it.
fn kind_without(entry: Option<u64>, state: &PlayerState) -> Option<AccountKind> {
    let kind = state.profile().map_or(AccountKind::Real, |profile| profile.kind);
    Some(kind).filter(|_| entry.is_none())
}

fn entry(posted: Option<u64>) -> Result<u64, Fault> {
    posted.ok_or_else(|| Fault::corrupted("a purchase without an entry"))
}

pub(super) fn tip(command: &Tip, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (state, of) = (work.state(), command.purchase());
    check_new(&of, facts)?;
    let purse = purse(state, command.currency)?;
    let amount = incoming(command.amount, purse.currency())?;
    if amount.is_zero() {
        return Err(Rejection::InvalidAmount { amount: command.amount.to_string() }.into());
    }
    let gate = Gate::read(&command.registers, state, work.now())?;
    let policy = &state.jurisdiction_profile(facts.policy).controls;
    state.may_begin(&gate, RegisterUse::Purchase, policy, work.now())?;
    controls::check_source(facts.policy.of(&command.source), &command.source, Begins::Play)?;
    check_funds(command.funds)?;
    check_available(purse, amount)?;

    gate.record(|| txn_of(&of), work)?;
    let provider = SubAccount::source(&command.source);
    let unplayed = state.wallet().draw_last(purse, amount, &[])?;
    let postings = postings::tip(purse, provider, amount);
    let entry = entry(work.post_with(postings, &LotMoves::drawn(&unplayed))?)?;
    let (currency, round) = (command.currency, command.round.clone());
    let event = Event::TipGiven(TipGiven { currency, amount, round, unplayed, entry });
    work.push_first(stream(state, of), event);
    Ok(Some(currency))
}

pub(super) fn enter(command: &EnterTournament, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (state, of) = (work.state(), command.purchase());
    check_new(&of, facts)?;
    let purse = purse(state, command.currency)?;
    let buy_in = incoming(command.buy_in, purse.currency())?;
    let fee = incoming(command.fee, purse.currency())?;
    let total = buy_in.checked_add(fee)?;
    let gate = Gate::read(&command.registers, state, work.now())?;
    let policy = &state.jurisdiction_profile(facts.policy).controls;
    state.may_begin(&gate, RegisterUse::Purchase, policy, work.now())?;
    controls::check_source(facts.policy.of(&command.source), &command.source, Begins::Play)?;
    check_funds(command.funds)?;
    check_available(purse, total)?;

    gate.record(|| txn_of(&of), work)?;
    let unplayed = state.wallet().draw_last(purse, total, &[])?;
    let postings = postings::enter(purse, &command.tournament, buy_in, fee)?;
    let entry = work.post_with(postings, &LotMoves::drawn(&unplayed))?;
    let (currency, tournament) = (command.currency, command.tournament.clone());
    let kind = kind_without(entry, state);
    let entered = TournamentEntered { tournament, currency, buy_in, fee, unplayed, entry, kind };
    let event = Event::TournamentEntered(entered);
    work.push_first(stream(state, of), event);
    Ok(Some(currency))
}

/// What was paid goes back, all of it.
pub(crate) fn give_back(txn: &TransactionId, purchase: &Purchase, work: &mut Workspace<'_>) -> Outcome {
    if purchase.is_returned() {
        return Err(Rejection::AlreadyRolledBack { txn: purchase.of().id.clone() }.into());
    }
    let (state, currency) = (work.state(), purchase.currency());
    let purse = purse(state, currency)?;
    let amount = purchase.amount().map_err(Stop::from)?;
    let (txn, lots) = (txn.clone(), LotMoves::back(currency, purchase.unplayed()));
    let event = match &purchase.paid {
        Paid::Tip(tip) => {
            let provider = SubAccount::source(&purchase.of().source);
            let entry = entry(work.post_with(postings::return_tip(purse, provider, tip.amount), &lots)?)?;
            Event::TipReturned(TipReturned { txn, currency, amount, entry })
        }
        Paid::Tournament(entered) => {
            let postings = postings::leave(purse, &entered.tournament, entered.buy_in, entered.fee)?;
            let entry = work.post_with(postings, &lots)?;
            let (tournament, kind) = (Some(entered.tournament.clone()), kind_without(entry, state));
            let returned = TournamentEntryReturned { txn, currency, amount, entry, tournament, kind };
            Event::TournamentEntryReturned(returned)
        }
    };
    let next = purchase.version().checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
    work.push(stream(state, purchase.of().clone()), next, event);
    Ok(Some(currency))
}
