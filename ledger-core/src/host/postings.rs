//! The postings of the host's movements (docs/chart-of-accounts.md).

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::SubAccount;
use crate::money::{Amount, AmountError};
use crate::wallet::{Purse, credit_cash};

/// From an account of the host to the player: what he owes is paid first.
pub(super) fn to_player(
    purse: &Purse,
    account: AccountCode,
    of: SubAccount,
    amount: Amount,
) -> Result<Vec<Posting>, AmountError> {
    credit_cash(purse, account, of, amount)
}

/// From the player's cash to an account of the host.
pub(super) fn from_player(
    purse: &Purse,
    account: AccountCode,
    of: SubAccount,
    amount: Amount,
) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::PlayerCash, None, amount, currency),
        Posting::credit(account, Some(of), amount, currency),
    ]
}
