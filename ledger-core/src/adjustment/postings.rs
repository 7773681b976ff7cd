//! The postings of adjustments (docs/chart-of-accounts.md), one function per movement, as in `wallet/postings.rs`.

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::SubAccount;
use crate::money::{Amount, AmountError};
use crate::stored::Recovery;
use crate::wallet::{Purse, credit_cash, recover_to, unless_zero};

/// The house takes money from a player (P32, P44, P46): from cash, as a receivable, or written off. `to` is the
/// credited account.
pub(super) fn take(
    purse: &Purse,
    to: AccountCode,
    of: SubAccount,
    amount: Amount,
    recovery: &Recovery,
) -> Vec<Posting> {
    recover_to(purse, to, of, amount, recovery)
}

/// A correction in the player's favour (P31). It pays what he owes first (P29).
pub(super) fn correct_up(
    purse: &Purse,
    code: SubAccount,
    amount: Amount,
) -> Result<Vec<Posting>, AmountError> {
    credit_cash(purse, AccountCode::Adjustments, code, amount)
}

/// A withheld tax goes back. What he got none of, because it had been written off, is no longer a loss.
pub(super) fn return_tax(
    purse: &Purse,
    jurisdiction: SubAccount,
    to_player: Amount,
    to_bad_debt: Amount,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let mut postings = credit_cash(purse, AccountCode::TaxWithheld, jurisdiction.clone(), to_player)?;
    let house = [
        Posting::debit(AccountCode::TaxWithheld, Some(jurisdiction), to_bad_debt, currency),
        Posting::credit(AccountCode::BadDebt, None, to_bad_debt, currency),
    ];
    postings.extend(house.into_iter().filter_map(unless_zero));
    Ok(postings)
}

/// Cash becomes dormant (P45).
pub(super) fn make_dormant(purse: &Purse, amount: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::PlayerCash, None, amount, currency),
        Posting::credit(AccountCode::PlayerDormant, None, amount, currency),
    ]
}

/// Dormant money is cash again (P45). It pays no debts: it is the player's own, as a refund is (P07).
pub(super) fn wake(purse: &Purse, amount: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::PlayerDormant, None, amount, currency),
        Posting::credit(AccountCode::PlayerCash, None, amount, currency),
    ]
}
