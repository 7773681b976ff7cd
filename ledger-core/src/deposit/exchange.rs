//! What of a deposit is exchanged: into the player's currency when it comes, and back at the same rate.

use std::time::Duration;

use super::state::Deposit;
use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{SourceId, SubAccount};
use crate::money::{Amount, AmountError, Conversion, Currency, CurrencyCode, FxError, FxRate};
use crate::player_ledger::{Facts, Fault, Stop, Workspace};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection, not_allowed};
use crate::stored::Converted;
use crate::wallet::{Purse, credit_cash, credit_converted};

/// What was checked before: the errors that are left are of the ledger's own making, but for amounts too large.
pub(super) fn stop(error: FxError) -> Stop {
    match error {
        FxError::Amount(AmountError::AmountOverflow) => Rejection::AmountOverflow.into(),
        error => Fault::corrupted(error.to_string()).into(),
    }
}

/// The currency that a rate makes of another, if the rate may be used now.
pub(super) fn target(
    rate: Option<&FxRate>,
    from: CurrencyCode,
    facts: &Facts<'_>,
    work: &Workspace<'_>,
) -> Result<CurrencyCode, Rejection> {
    let Some(rate) = rate else { return Ok(from) };
    let age = Duration::from_secs(facts.policy.fx.max_age_secs.into());
    if rate.is_stale(work.now(), age) {
        return Err(not_allowed(NotAllowedReason::StaleRate));
    }
    if rate.base() == from {
        Ok(rate.quote())
    } else if rate.quote() == from {
        Ok(rate.base())
    } else {
        Err(Rejection::Mismatch { field: MismatchField::Currency })
    }
}

/// Money of a payment provider, from clearing or suspense, for the player: as it is, or exchanged.
pub(super) fn credit(
    purse: &Purse,
    from: AccountCode,
    psp: &SourceId,
    (currency, amount): (&Currency, Amount),
    rate: Option<&FxRate>,
) -> Result<(Vec<Posting>, Option<Converted>), Stop> {
    let of = SubAccount::source(psp);
    let Some(rate) = rate else { return Ok((credit_cash(purse, from, of, amount)?, None)) };
    let conversion = rate.convert(amount, currency, purse.currency()).map_err(stop)?;
    let postings = credit_converted(purse, from, of, &conversion).map_err(stop)?;
    Ok((postings, Some(converted(rate, &conversion))))
}

pub(super) fn converted(rate: &FxRate, conversion: &Conversion) -> Converted {
    Converted {
        rate: rate.clone(),
        currency: conversion.to_currency(),
        amount: conversion.to(),
        exact: conversion.exact(),
    }
}

/// The part of a deposit's exchange that goes back with an amount of it, and how it is stored.
pub(super) fn part_of(deposit: &Deposit, amount: Amount) -> Result<Option<(Conversion, Converted)>, Stop> {
    split(deposit, deposit.converted.as_ref(), amount)
}

/// The same of the part that a chargeback took.
pub(super) fn split(
    deposit: &Deposit,
    whole: Option<&Conversion>,
    amount: Amount,
) -> Result<Option<(Conversion, Converted)>, Stop> {
    let (Some(whole), Some(rate)) = (whole, &deposit.rate) else { return Ok(None) };
    let (part, _) = whole.split_off(amount).map_err(stop)?;
    Ok(Some((part, converted(rate, &part))))
}

/// The currency a deposit was captured in.
pub(super) fn captured_in(
    deposit: &Deposit,
    facts: &Facts<'_>,
    work: &Workspace<'_>,
) -> Result<Currency, Rejection> {
    currency(deposit.currency, facts, work)
}

/// A currency of the player, or one that the ledger knows.
pub(super) fn currency(
    code: CurrencyCode,
    facts: &Facts<'_>,
    work: &Workspace<'_>,
) -> Result<Currency, Rejection> {
    let own = work.state().wallet().purse(code).map(Purse::currency);
    own.or_else(|| facts.currencies.get(code)).copied().ok_or(Rejection::CurrencyUnknown { currency: code })
}
