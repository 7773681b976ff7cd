//! The postings of each movement (docs/chart-of-accounts.md), one function per movement. Nothing else in the
//! ledger names a side of an account.

use super::state::Purse;
use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::money::{Amount, AmountError};
use crate::stored::Recovery;

pub(crate) fn unless_zero(posting: Posting) -> Option<Posting> {
    if posting.amount.is_zero() { None } else { Some(posting) }
}

/// The player's side of new money: it pays what he owes first (P29), the rest is cash.
pub(crate) fn pay(purse: &Purse, amount: Amount) -> Result<[Posting; 2], AmountError> {
    let currency = purse.currency().code();
    let owed = purse.receivable().min(amount)?;
    Ok([
        Posting::credit(AccountCode::PlayerReceivable, None, owed, currency),
        Posting::credit(AccountCode::PlayerCash, None, amount.checked_sub(owed)?, currency),
    ])
}

/// The player's side of money that is taken back: from cash, as a receivable, or written off.
pub(crate) fn take_back(purse: &Purse, recovery: &Recovery) -> [Posting; 3] {
    let currency = purse.currency().code();
    [
        Posting::debit(AccountCode::PlayerCash, None, recovery.cash, currency),
        Posting::debit(AccountCode::PlayerReceivable, None, recovery.receivable, currency),
        Posting::debit(AccountCode::BadDebt, None, recovery.written_off, currency),
    ]
}

/// New money for the player. `from` is the debited account.
pub(crate) fn credit_cash(
    purse: &Purse,
    from: AccountCode,
    of: SubAccount,
    amount: Amount,
) -> Result<Vec<Posting>, AmountError> {
    let (currency, scale) = (purse.currency().code(), from.scale(purse.currency()));
    let from = Posting::debit(from, Some(of), amount.rescale_up(scale)?, currency);
    Ok([from].into_iter().chain(pay(purse, amount)?).filter_map(unless_zero).collect())
}

/// A captured deposit (P01, P29).
pub(crate) fn deposit(purse: &Purse, psp: SubAccount, amount: Amount) -> Result<Vec<Posting>, AmountError> {
    credit_cash(purse, AccountCode::PspClearing, psp, amount)
}

/// A stake is held for its round (P04).
pub(crate) fn hold(purse: &Purse, round: SubAccount, stake: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::PlayerCash, None, stake, currency),
        Posting::credit(AccountCode::PlayerHeld, Some(round), stake, currency),
    ]
}

/// Held stakes go back where they came from (P07). They do not pay debts: a refund restores the funds
/// it came from exactly.
pub(crate) fn release(purse: &Purse, round: SubAccount, stake: Amount) -> Vec<Posting> {
    let currency = purse.currency().code();
    vec![
        Posting::debit(AccountCode::PlayerHeld, Some(round), stake, currency),
        Posting::credit(AccountCode::PlayerCash, None, stake, currency),
    ]
}

/// Held stakes are taken for good (P05, first half of P06): one credit per game.
pub(crate) fn take_stakes(
    purse: &Purse,
    round: SubAccount,
    stakes: &[(GameId, Amount)],
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let mut by_game: Vec<(GameId, Amount)> = Vec::with_capacity(1);
    let mut total = purse.currency().zero();
    for (game, stake) in stakes.iter().filter(|(_, stake)| !stake.is_zero()) {
        total = total.checked_add(*stake)?;
        match by_game.iter_mut().find(|(g, _)| g == game) {
            Some((_, sum)) => *sum = sum.checked_add(*stake)?,
            None => by_game.push((game.clone(), *stake)),
        }
    }
    if total.is_zero() {
        return Ok(Vec::new());
    }
    let mut postings = Vec::with_capacity(by_game.len().saturating_add(4));
    postings.push(Posting::debit(AccountCode::PlayerHeld, Some(round), total, currency));
    for (game, stake) in by_game {
        postings.push(Posting::credit(
            AccountCode::GamingStakes,
            Some(SubAccount::game(&game)),
            stake,
            currency,
        ));
    }
    Ok(postings)
}

/// A paid win is taken back (P51, S42): from cash, as a receivable, or written off.
pub(crate) fn recover(purse: &Purse, game: SubAccount, amount: Amount, recovery: &Recovery) -> Vec<Posting> {
    recover_to(purse, AccountCode::GamingPayouts, game, amount, recovery)
}

/// Money of the player goes to an account of the house: from cash, as a receivable, or written off.
pub(crate) fn recover_to(
    purse: &Purse,
    account: AccountCode,
    of: SubAccount,
    amount: Amount,
    recovery: &Recovery,
) -> Vec<Posting> {
    let credit = Posting::credit(account, Some(of), amount, purse.currency().code());
    take_back(purse, recovery).into_iter().chain([credit]).filter_map(unless_zero).collect()
}

/// Wins of several games are taken back together (second half of P08).
pub(crate) fn recover_all(purse: &Purse, won: &[(GameId, Amount)], recovery: &Recovery) -> Vec<Posting> {
    let currency = purse.currency().code();
    let payouts = won.iter().map(|(game, amount)| {
        Posting::credit(AccountCode::GamingPayouts, Some(SubAccount::game(game)), *amount, currency)
    });
    take_back(purse, recovery).into_iter().chain(payouts).filter_map(unless_zero).collect()
}

/// Stakes that were taken go back (first half of P08): to cash, or to what is held for their round. `to` is the
/// credited account.
pub(crate) fn return_taken(
    purse: &Purse,
    taken: &[(GameId, Amount)],
    to: AccountCode,
    of: Option<&SubAccount>,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let total = taken.iter().try_fold(purse.currency().zero(), |sum, (_, stake)| sum.checked_add(*stake))?;
    let mut postings: Vec<Posting> = taken
        .iter()
        .map(|(game, stake)| {
            Posting::debit(AccountCode::GamingStakes, Some(SubAccount::game(game)), *stake, currency)
        })
        .collect();
    postings.push(Posting::credit(to, of.cloned(), total, currency));
    Ok(postings.into_iter().filter_map(unless_zero).collect())
}
