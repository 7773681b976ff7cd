//! The postings of each movement (docs/chart-of-accounts.md), one function per movement. Nothing else in the
//! ledger names a side of an account.

use super::state::Purse;
use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::money::{Amount, AmountError};
use crate::stored::{Contribution, JackpotKind, Recovery, Split};

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

/// The player's side of a stake: from cash, and what he owes for it if it may be more than he has.
fn pay_stake(purse: &Purse, funds: &Split) -> [Posting; 2] {
    let currency = purse.currency().code();
    let owed = funds.owed.unwrap_or(purse.currency().zero());
    [
        Posting::debit(AccountCode::PlayerCash, None, funds.cash, currency),
        Posting::debit(AccountCode::PlayerReceivable, None, owed, currency),
    ]
}

/// A stake is held for its round (P04).
pub(crate) fn hold(purse: &Purse, round: SubAccount, stake: Amount, funds: &Split) -> Vec<Posting> {
    let held = Posting::credit(AccountCode::PlayerHeld, Some(round), stake, purse.currency().code());
    pay_stake(purse, funds).into_iter().chain([held]).filter_map(unless_zero).collect()
}

/// A stake is taken when it is placed, without being held (P04 and P05 in one): its source reports no losses.
pub(crate) fn take_at_once(purse: &Purse, game: SubAccount, stake: Amount, funds: &Split) -> Vec<Posting> {
    let taken = Posting::credit(AccountCode::GamingStakes, Some(game), stake, purse.currency().code());
    pay_stake(purse, funds).into_iter().chain([taken]).filter_map(unless_zero).collect()
}

/// The player's side of stakes that go back: where they came from. They do not pay debts, but for what was owed for
/// them: of that, what he still owes is owed no longer, and what he paid since is his again.
fn restore(purse: &Purse, funds: &Split) -> Result<[Posting; 2], AmountError> {
    let currency = purse.currency().code();
    let owed = funds.owed.unwrap_or(purse.currency().zero());
    let debt = owed.min(purse.receivable())?;
    let cash = funds.cash.checked_add(owed)?.checked_sub(debt)?;
    Ok([
        Posting::credit(AccountCode::PlayerReceivable, None, debt, currency),
        Posting::credit(AccountCode::PlayerCash, None, cash, currency),
    ])
}

/// Stakes go back where they came from (P07): those that are held, and those that were taken per game.
pub(crate) fn give_back(
    purse: &Purse,
    round: SubAccount,
    held: Amount,
    taken: &[(GameId, Amount)],
    funds: &Split,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let held = Posting::debit(AccountCode::PlayerHeld, Some(round), held, currency);
    let taken = untake(purse, taken);
    let all = [held].into_iter().chain(taken).chain(restore(purse, funds)?);
    Ok(all.filter_map(unless_zero).collect())
}

/// Stakes that were taken leave the house, per game.
fn untake(purse: &Purse, taken: &[(GameId, Amount)]) -> Vec<Posting> {
    let currency = purse.currency().code();
    let of = |(game, stake): &(GameId, Amount)| {
        Posting::debit(AccountCode::GamingStakes, Some(SubAccount::game(game)), *stake, currency)
    };
    taken.iter().map(of).collect()
}

/// Stakes that were taken are held again, per game.
pub(crate) fn hold_again(
    purse: &Purse,
    round: SubAccount,
    taken: &[(GameId, Amount)],
) -> Result<Vec<Posting>, AmountError> {
    let total = taken.iter().try_fold(purse.currency().zero(), |sum, (_, stake)| sum.checked_add(*stake))?;
    let held = Posting::credit(AccountCode::PlayerHeld, Some(round), total, purse.currency().code());
    Ok(untake(purse, taken).into_iter().chain([held]).filter_map(unless_zero).collect())
}

/// The account of the house that is owed a contribution.
fn jackpot(share: &Contribution, provider: &SubAccount) -> (AccountCode, SubAccount) {
    match share.kind {
        JackpotKind::Local => (AccountCode::JackpotLiability, share.jackpot.clone()),
        JackpotKind::Network => (AccountCode::JackpotNetworkPayable, provider.clone()),
    }
}

/// Part of a stake goes to a jackpot: the house's own (P33), or a provider's (P34).
pub(crate) fn contribute(purse: &Purse, share: &Contribution, provider: &SubAccount) -> [Posting; 2] {
    let currency = purse.currency().code();
    let (account, of) = jackpot(share, provider);
    [
        Posting::debit(AccountCode::JackpotContribution, Some(share.jackpot.clone()), share.amount, currency),
        Posting::credit(account, Some(of), share.amount, currency),
    ]
}

/// It comes back with the stake.
pub(crate) fn take_contribution_back(
    purse: &Purse,
    share: &Contribution,
    provider: &SubAccount,
) -> [Posting; 2] {
    let currency = purse.currency().code();
    let (account, of) = jackpot(share, provider);
    [
        Posting::debit(account, Some(of), share.amount, currency),
        Posting::credit(
            AccountCode::JackpotContribution,
            Some(share.jackpot.clone()),
            share.amount,
            currency,
        ),
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

/// Wins are taken back together, each by the account that paid it (second half of P08).
pub(crate) fn recover_all(
    purse: &Purse,
    won: &[((AccountCode, SubAccount), Amount)],
    recovery: &Recovery,
) -> Vec<Posting> {
    let currency = purse.currency().code();
    let payouts = won
        .iter()
        .map(|((account, of), amount)| Posting::credit(*account, Some(of.clone()), *amount, currency));
    take_back(purse, recovery).into_iter().chain(payouts).filter_map(unless_zero).collect()
}
