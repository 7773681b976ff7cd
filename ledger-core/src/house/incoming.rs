//! What comes in from outside: currencies, amounts as their sender wrote them, and who agrees.

use rust_decimal::Decimal;

use super::operation::not_allowed;
use crate::ids::ActorId;
use crate::money::{Amount, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::wallet::incoming;

/// A recorded currency.
pub(super) fn currency<'a>(facts: &Facts<'a>, code: CurrencyCode) -> Result<&'a Currency, Rejection> {
    facts.currencies.get(code).ok_or(Rejection::CurrencyUnknown { currency: code })
}

/// An amount above zero.
pub(super) fn above_zero(amount: Decimal, currency: &Currency) -> Result<Amount, Rejection> {
    let taken = incoming(amount, currency)?;
    if taken.is_zero() { Err(Rejection::InvalidAmount { amount: amount.to_string() }) } else { Ok(taken) }
}

/// An amount on either side of zero.
pub(super) fn signed(amount: Decimal, currency: &Currency) -> Result<Amount, Stop> {
    let taken = incoming(amount.abs(), currency)?;
    if amount.is_sign_negative() { Ok(currency.zero().checked_sub(taken)?) } else { Ok(taken) }
}

/// Who approves is another person than who acts.
pub(super) fn two_persons(by: &ActorId, approved_by: &ActorId) -> Result<(), Stop> {
    if by == approved_by { Err(not_allowed(NotAllowedReason::SamePerson)) } else { Ok(()) }
}

/// Two persons agree where it is `needed`; an approval that is there counts in any case.
pub(super) fn approval(needed: bool, by: &ActorId, approved_by: Option<&ActorId>) -> Result<(), Stop> {
    match approved_by {
        Some(approved_by) => two_persons(by, approved_by),
        None if needed => Err(not_allowed(NotAllowedReason::NeedsApproval)),
        None => Ok(()),
    }
}
