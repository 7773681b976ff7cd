//! The decisions on prizes and returns of tournaments.

use super::{PayTournamentPrize, ReturnTournamentEntry};
use crate::account::{AccountCode, AccountKind};
use crate::ids::{SubAccount, TournamentId};
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Workspace};
use crate::purchase::{self, Purchase, PurchaseRef};
use crate::rejection::{MismatchField, Rejection};
use crate::stored::{
    BarredPayee, Event, ForfeitCause, PaymentRef, TournamentEntered, TournamentPrizeForfeited,
    TournamentPrizePaid,
};
use crate::time::Timestamp;
use crate::wallet::{credit_cash, purse, summed};

/// The entry that a command names, into this tournament.
fn entered<'f>(
    of: &PurchaseRef,
    (kind, tournament): (AccountKind, &TournamentId),
    state: &PlayerState,
    facts: &'f Facts<'_>,
) -> Result<(&'f Purchase, &'f TournamentEntered), Rejection> {
    let known = facts.found.purchase(of).and_then(|known| Some((known, known.tournament()?)));
    let (known, entered) = known.ok_or_else(|| Rejection::PaymentNotFound { id: of.id.clone() })?;
    if entered.tournament.as_str() != tournament.as_str() {
        return Err(Rejection::Mismatch { field: MismatchField::Tournament });
    }
    if state.profile().map_or(AccountKind::Real, |profile| profile.kind) != kind {
        return Err(Rejection::Mismatch { field: MismatchField::Kind });
    }
    Ok((known, entered))
}

/// Why a player gets nothing, if the terms say so of barred ones.
fn barred(state: &PlayerState, now: Timestamp) -> Option<ForfeitCause> {
    let standing = state.standing();
    if standing.closed_at.is_some() {
        return Some(ForfeitCause::Closed);
    }
    let excluded = standing.exclusion.as_ref().is_some_and(|exclusion| exclusion.bars(now));
    excluded.then_some(ForfeitCause::Excluded)
}

/// A prize stands whatever became of the entry since the results were fixed.
pub(super) fn pay(command: &PayTournamentPrize, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let tournament = (command.kind, &command.tournament);
    let (_, entered) = entered(&command.entry(), tournament, state, facts)?;
    if entered.currency != command.currency {
        return Err(Rejection::Mismatch { field: MismatchField::Currency }.into());
    }
    let purse = purse(state, command.currency)?;
    // The terms bound it: it is a share of what many paid.
    let amount = summed(command.amount, purse.currency())?;
    if amount.is_zero() {
        return Err(Rejection::InvalidAmount { amount: command.amount.to_string() }.into());
    }
    let of = PaymentRef { source: command.source.clone(), id: command.id.clone() };
    let (tournament, prize, place) = (command.tournament.clone(), command.prize, command.place);
    let currency = command.currency;
    let cause = match command.barred {
        BarredPayee::Pay => None,
        BarredPayee::Forfeit => barred(state, work.now()),
    };
    if let Some(cause) = cause {
        let kind = command.kind;
        work.push_player(Event::TournamentPrizeForfeited(TournamentPrizeForfeited {
            of,
            kind,
            tournament,
            prize,
            place,
            currency,
            amount,
            cause,
        }))?;
        return Ok(Some(currency));
    }
    let pool = SubAccount::tournament(&command.tournament);
    let entry = work.post(credit_cash(purse, AccountCode::TournamentPool, pool, amount)?)?;
    let entry = entry.ok_or_else(|| Fault::corrupted("a prize without an entry"))?;
    work.push_player(Event::TournamentPrizePaid(TournamentPrizePaid {
        of,
        tournament,
        prize,
        place,
        currency,
        amount,
        entry,
    }))?;
    Ok(Some(currency))
}

pub(super) fn give_back(
    command: &ReturnTournamentEntry,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let tournament = (command.kind, &command.tournament);
    let (known, _) = entered(&command.entry(), tournament, work.state(), facts)?;
    purchase::give_back(&command.id, known, work)
}
