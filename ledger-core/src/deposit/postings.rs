//! The postings of deposits (docs/chart-of-accounts.md), one function per movement.

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{SourceId, SubAccount};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::stored::Recovery;
use crate::wallet::{Purse, pay, take_back, unless_zero};

fn only_positive(postings: impl IntoIterator<Item = Posting>) -> Vec<Posting> {
    postings.into_iter().filter_map(unless_zero).collect()
}

fn clearing(psp: &SourceId) -> SubAccount {
    SubAccount::source(psp)
}

/// What the player pays for a deposit is kept under this name of `fees:income`.
fn fee_kind() -> Option<SubAccount> {
    SubAccount::new("deposit").ok()
}

/// A captured deposit of which the player pays a fee (P03): the whole comes in, he gets the rest of it.
pub(super) fn deposit_with_fee(
    purse: &Purse,
    psp: &SourceId,
    amount: Amount,
    fee: Amount,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let whole = Posting::debit(AccountCode::PspClearing, Some(clearing(psp)), amount, currency);
    let kept = Posting::credit(AccountCode::FeesIncome, fee_kind(), fee, currency);
    Ok(only_positive([whole].into_iter().chain(pay(purse, amount.checked_sub(fee)?)?).chain([kept])))
}

/// Captured money that is not credited.
pub(crate) fn suspend(psp: &SourceId, amount: Amount, currency: CurrencyCode) -> Vec<Posting> {
    vec![
        Posting::debit(AccountCode::PspClearing, Some(clearing(psp)), amount, currency),
        Posting::credit(AccountCode::Suspense, Some(clearing(psp)), amount, currency),
    ]
}

/// Money leaves suspense and goes back to its payer, or is charged back by him.
pub(crate) fn unsuspend(psp: &SourceId, amount: Amount, currency: CurrencyCode) -> Vec<Posting> {
    vec![
        Posting::debit(AccountCode::Suspense, Some(clearing(psp)), amount, currency),
        Posting::credit(AccountCode::PspClearing, Some(clearing(psp)), amount, currency),
    ]
}

/// A credited deposit is taken back (D14, P28): from the player as `recovery` says, and the fee that the house gives
/// back.
pub(super) fn take(
    purse: &Purse,
    psp: &SourceId,
    amount: Amount,
    fee: Amount,
    recovery: &Recovery,
) -> Vec<Posting> {
    let currency = purse.currency().code();
    only_positive(take_back(purse, recovery).into_iter().chain([
        Posting::debit(AccountCode::FeesIncome, fee_kind(), fee, currency),
        Posting::credit(AccountCode::PspClearing, Some(clearing(psp)), amount, currency),
    ]))
}

/// What a payment provider charges the house for a chargeback (P28).
pub(super) fn chargeback_fee(psp: &SourceId, fee: Amount, currency: CurrencyCode) -> Vec<Posting> {
    only_positive([
        Posting::debit(AccountCode::ChargebackFees, Some(clearing(psp)), fee, currency),
        Posting::credit(AccountCode::PspClearing, Some(clearing(psp)), fee, currency),
    ])
}

/// It gives that back.
pub(super) fn chargeback_fee_back(psp: &SourceId, fee: Amount, currency: CurrencyCode) -> Vec<Posting> {
    only_positive([
        Posting::debit(AccountCode::PspClearing, Some(clearing(psp)), fee, currency),
        Posting::credit(AccountCode::ChargebackFees, Some(clearing(psp)), fee, currency),
    ])
}

/// What a player owes is given up (P30).
pub(super) fn write_off(purse: &Purse, amount: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::BadDebt, None, amount, currency),
        Posting::credit(AccountCode::PlayerReceivable, None, amount, currency),
    ]
}
