//! What comes in with commands: amounts as their sender wrote them, and the purse they are for.

use rust_decimal::Decimal;

use super::Purse;
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::PlayerState;
use crate::rejection::Rejection;

/// An incoming amount in a currency's units: never rounded, never negative, never above the maximum.
pub(crate) fn incoming(amount: Decimal, currency: &Currency) -> Result<Amount, Rejection> {
    if amount > currency.maximum().to_decimal() {
        return Err(Rejection::InvalidAmount { amount: amount.to_string() });
    }
    summed(amount, currency)
}

/// An amount that the ledger itself came to, of many operations: as [`incoming`], but the maximum of one does not bound it.
pub(crate) fn summed(amount: Decimal, currency: &Currency) -> Result<Amount, Rejection> {
    let invalid = || Rejection::InvalidAmount { amount: amount.to_string() };
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err(invalid());
    }
    Amount::from_decimal(amount, currency.scale()).map_err(|error| match error {
        AmountError::TooFine { .. } => {
            Rejection::Precision { amount: amount.to_string(), scale: currency.scale() }
        }
        _ => invalid(),
    })
}

/// The player's purse in a currency.
pub(crate) fn purse(state: &PlayerState, currency: CurrencyCode) -> Result<&Purse, Rejection> {
    state.wallet().purse(currency).ok_or(Rejection::CurrencyMismatch { currency })
}
