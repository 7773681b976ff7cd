//! The decisions on exchanges.

use std::time::Duration;

use super::command::{Exchange, ReverseExchange, reference};
use crate::adjustment::Adjustment;
use crate::key::OperationKind;
use crate::money::{AmountError, Conversion, FxError, Rounding};
use crate::player_ledger::{Facts, Fault, Outcome, Stop, Workspace};
use crate::policy::ShortfallPolicy;
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{Event, ExchangeMade, ExchangeReversed, Note, TransactionRef};
use crate::wallet::{self, LotMoves, Purse, incoming, purse, recovery, reverse_exchange};

fn not_allowed(reason: NotAllowedReason) -> Stop {
    Rejection::NotAllowed { reason }.into()
}

fn stop(error: FxError) -> Stop {
    match error {
        FxError::Pair { .. } => not_allowed(NotAllowedReason::OtherPair),
        FxError::Stale { .. } | FxError::Ahead { .. } => not_allowed(NotAllowedReason::StaleRate),
        FxError::Amount(AmountError::AmountOverflow) => Rejection::AmountOverflow.into(),
        error => Fault::corrupted(error.to_string()).into(),
    }
}

fn check_available(purse: &Purse, amount: crate::money::Amount) -> Result<(), Rejection> {
    let (available, currency) = (purse.available(), purse.currency().code());
    if amount > available { Err(Rejection::InsufficientFunds { available, currency }) } else { Ok(()) }
}

pub(super) fn exchange(command: &Exchange, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (state, rate) = (work.state(), &command.rate);
    let reference = reference(&command.source, &command.id);
    // As for a bet: keys may have been looked for under another kind when this exchange came first.
    if facts.found.adjustment(&reference).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let pair = (rate.base(), rate.quote());
    if pair != (command.from, command.to) && pair != (command.to, command.from) {
        return Err(not_allowed(NotAllowedReason::OtherPair));
    }
    rate.check_age(work.now(), Duration::from_secs(facts.policy.fx.max_age_secs.into())).map_err(stop)?;
    let (from, to) = (purse(state, command.from)?, purse(state, command.to)?);
    let given = incoming(command.amount, from.currency())?;
    let conversion = rate.convert(given, from.currency(), to.currency()).map_err(stop)?;
    // Nothing given, or so little that nothing comes of it.
    if conversion.to().is_zero() || conversion.to() > to.currency().maximum() {
        return Err(Rejection::InvalidAmount { amount: command.amount.to_string() }.into());
    }
    check_available(from, given)?;

    let postings = wallet::exchange(from, to, &conversion).map_err(stop)?;
    // Unplayed money stays unplayed in the other currency.
    let unplayed = state.wallet().draw_last(from, given, &[])?;
    let mut lots = LotMoves::drawn(&unplayed);
    if !unplayed.is_empty() {
        let share = wallet::total(given.checked_sub(given)?, &unplayed)?;
        let played = conversion.to().share(given.checked_sub(share)?, given, Rounding::Floor)?;
        lots.opens = Some((command.to, Some(conversion.to().checked_sub(played)?)));
    }
    let entry = work.post_with(postings, &lots)?;
    let entry = entry.ok_or_else(|| Fault::corrupted("an exchange without an entry"))?;
    let event = Event::ExchangeMade(ExchangeMade {
        from: command.from,
        given,
        to: command.to,
        received: conversion.to(),
        exact: conversion.exact(),
        rate: rate.clone(),
        unplayed,
        entry,
    });
    work.push_adjustment(&mut None, &reference, event)?;
    Ok(Some(command.from))
}

pub(super) fn reverse(command: &ReverseExchange, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = reference(&command.source, &command.exchange);
    let Some(Adjustment::Exchange(known)) = facts.found.adjustment(&reference) else {
        return Err(not_allowed(NotAllowedReason::TargetUnknown));
    };
    if known.reversed {
        return Err(Rejection::AlreadyRolledBack { txn: command.exchange.clone() }.into());
    }
    let made = &known.made;
    let (from, to) = (purse(state, made.from)?, purse(state, made.to)?);
    let conversion =
        Conversion::new(made.from, made.given, made.to, made.received, made.exact).map_err(stop)?;
    let policy = command.on_shortfall.unwrap_or(ShortfallPolicy::Reject);
    if policy == ShortfallPolicy::Reject {
        check_available(to, made.received)?;
    }
    let Some(recovery) = recovery(to, made.received, policy)? else {
        let (source, id) = (command.source.clone(), command.id.clone());
        let txn = TransactionRef { source, kind: OperationKind::ExchangeReversal, id };
        work.note(txn, Note::NothingToMove)?;
        return Ok(Some(made.to));
    };

    let postings = reverse_exchange(from, to, &conversion, &recovery).map_err(stop)?;
    // What the exchange brought leaves first, what was unplayed before it is so again.
    let drawn = state.wallet().draw_last(to, recovery.cash, &[made.entry])?;
    let lots = LotMoves { drawn: &drawn, ..LotMoves::back(made.from, &made.unplayed) };
    let entry = work.post_with(postings, &lots)?;
    let entry = entry.ok_or_else(|| Fault::corrupted("a reversal without an entry"))?;
    let event = Event::ExchangeReversed(ExchangeReversed {
        txn: command.id.clone(),
        rate: made.rate.clone(),
        recovery,
        entry,
    });
    work.push_adjustment(&mut Some(Adjustment::Exchange(known.clone())), &reference, event)?;
    Ok(Some(made.to))
}
