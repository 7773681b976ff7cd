//! The postings of purchases (docs/chart-of-accounts.md).

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::SubAccount;
use crate::money::{Amount, AmountError};
use crate::wallet::{Purse, unless_zero};

/// A tip (P43).
pub(super) fn tip(purse: &Purse, provider: SubAccount, amount: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::PlayerCash, None, amount, currency),
        Posting::credit(AccountCode::TipsPayable, Some(provider), amount, currency),
    ]
}

/// A tip goes back.
pub(super) fn return_tip(purse: &Purse, provider: SubAccount, amount: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::TipsPayable, Some(provider), amount, currency),
        Posting::credit(AccountCode::PlayerCash, None, amount, currency),
    ]
}

/// An entry to a tournament (P41).
pub(super) fn enter(
    purse: &Purse,
    tournament: &SubAccount,
    buy_in: Amount,
    fee: Amount,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let of = || Some(tournament.clone());
    let all = [
        Posting::debit(AccountCode::PlayerCash, None, buy_in.checked_add(fee)?, currency),
        Posting::credit(AccountCode::TournamentPool, of(), buy_in, currency),
        Posting::credit(AccountCode::Rake, of(), fee, currency),
    ];
    Ok(all.into_iter().filter_map(unless_zero).collect())
}

/// An entry to a tournament goes back, fee and all.
pub(super) fn leave(
    purse: &Purse,
    tournament: &SubAccount,
    buy_in: Amount,
    fee: Amount,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let of = || Some(tournament.clone());
    let all = [
        Posting::debit(AccountCode::TournamentPool, of(), buy_in, currency),
        Posting::debit(AccountCode::Rake, of(), fee, currency),
        Posting::credit(AccountCode::PlayerCash, None, buy_in.checked_add(fee)?, currency),
    ];
    Ok(all.into_iter().filter_map(unless_zero).collect())
}
