//! The postings of transfers (docs/chart-of-accounts.md).

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::SubAccount;
use crate::money::{Amount, AmountError};
use crate::wallet::{Purse, pay, unless_zero};

/// Money plays elsewhere: it is held.
pub(super) fn roll_out(purse: &Purse, transfer: SubAccount, amount: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    let all = [
        Posting::debit(AccountCode::PlayerCash, None, amount, currency),
        Posting::credit(AccountCode::PlayerHeld, Some(transfer), amount, currency),
    ];
    all.into_iter().filter_map(unless_zero).collect()
}

/// It never left.
pub(super) fn roll_back(purse: &Purse, transfer: SubAccount, amount: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    let all = [
        Posting::debit(AccountCode::PlayerHeld, Some(transfer), amount, currency),
        Posting::credit(AccountCode::PlayerCash, None, amount, currency),
    ];
    all.into_iter().filter_map(unless_zero).collect()
}

/// What comes back of what went.
pub(super) struct Comeback {
    /// What went.
    pub(super) out: Amount,
    /// What was staked with it.
    pub(super) staked: Amount,
    /// What it won.
    pub(super) won: Amount,
    /// What comes back of the player's own: it is not new money, so it pays no debts.
    pub(super) own: Amount,
    /// What comes back beyond that: new money.
    pub(super) gain: Amount,
}

/// It comes back; what was staked is the house's, what was won is paid.
pub(super) fn roll_in(
    purse: &Purse,
    transfer: SubAccount,
    game: &SubAccount,
    back: &Comeback,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let of = || Some(game.clone());
    let all = [
        Posting::debit(AccountCode::PlayerHeld, Some(transfer), back.out, currency),
        Posting::credit(AccountCode::GamingStakes, of(), back.staked, currency),
        Posting::debit(AccountCode::GamingPayouts, of(), back.won, currency),
        Posting::credit(AccountCode::PlayerCash, None, back.own, currency),
    ];
    Ok(all.into_iter().chain(pay(purse, back.gain)?).filter_map(unless_zero).collect())
}
