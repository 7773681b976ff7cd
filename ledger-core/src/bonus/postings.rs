//! The postings of bonus credits (docs/chart-of-accounts.md), one function per movement. Nothing else names a side of
//! an account of the bonus book.

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{GameId, RoundId, SourceId, SubAccount};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{AwardRef, BonusShare, BonusTaken};
use crate::wallet::{Purse, pay, unless_zero};

/// Bonus credits in or out of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved<'a> {
    /// The currency.
    pub(crate) currency: CurrencyCode,
    /// The round.
    pub(crate) round: (&'a SourceId, &'a RoundId),
}

fn award(of: &AwardRef) -> SubAccount {
    SubAccount::award(&of.source, &of.id)
}

impl Moved<'_> {
    fn held(&self, of: &AwardRef) -> Result<SubAccount, Fault> {
        let (source, round) = self.round;
        SubAccount::round_award(source, round, &of.source, &of.id)
            .map_err(|error| Fault::corrupted(error.to_string()))
    }
}

/// Credits are issued to an award (P09).
pub(super) fn issue(
    currency: CurrencyCode,
    campaign: &SubAccount,
    of: &AwardRef,
    amount: Amount,
) -> Vec<Posting> {
    let all = [
        Posting::debit(AccountCode::BonusIssued, Some(campaign.clone()), amount, currency),
        Posting::credit(AccountCode::PlayerBonus, Some(award(of)), amount, currency),
    ];
    all.into_iter().filter_map(unless_zero).collect()
}

/// Shares move between two accounts, each.
fn moved<'a>(
    currency: CurrencyCode,
    shares: &'a [BonusShare],
    between: impl Fn(&'a BonusShare) -> Result<[(AccountCode, SubAccount); 2], Fault>,
) -> Result<Vec<Posting>, Fault> {
    let mut all = Vec::with_capacity(shares.len().saturating_mul(2));
    for share in shares.iter().filter(|share| !share.amount.is_zero()) {
        let [(from, from_of), (to, to_of)] = between(share)?;
        all.push(Posting::debit(from, Some(from_of), share.amount, currency));
        all.push(Posting::credit(to, Some(to_of), share.amount, currency));
    }
    Ok(all)
}

/// A stake is held for its round (P10).
pub(crate) fn hold_bonus(round: Moved<'_>, shares: &[BonusShare]) -> Result<Vec<Posting>, Fault> {
    moved(round.currency, shares, |share| {
        let held = (AccountCode::PlayerBonusHeld, round.held(&share.award)?);
        Ok([(AccountCode::PlayerBonus, award(&share.award)), held])
    })
}

/// Held stakes of a game are taken for good (P11, P12).
pub(crate) fn take_bonus(
    round: Moved<'_>,
    game: &GameId,
    shares: &[BonusShare],
) -> Result<Vec<Posting>, Fault> {
    moved(round.currency, shares, |share| {
        let held = (AccountCode::PlayerBonusHeld, round.held(&share.award)?);
        Ok([held, (AccountCode::BonusStakes, SubAccount::game(game))])
    })
}

/// Stakes of a game that were taken are held again.
pub(crate) fn hold_bonus_again(
    round: Moved<'_>,
    game: &GameId,
    shares: &[BonusShare],
) -> Result<Vec<Posting>, Fault> {
    moved(round.currency, shares, |share| {
        let held = (AccountCode::PlayerBonusHeld, round.held(&share.award)?);
        Ok([(AccountCode::BonusStakes, SubAccount::game(game)), held])
    })
}

/// Where credits go that are an award's: to it, or, if it has ended, to what is forfeited.
fn to(currency: CurrencyCode, share: &BonusShare, is_live: bool) -> Posting {
    let (account, of) = if is_live {
        (AccountCode::PlayerBonus, award(&share.award))
    } else {
        (AccountCode::BonusForfeited, share.campaign.clone())
    };
    Posting::credit(account, Some(of), share.amount, currency)
}

/// A win of a game is paid to awards, and what is of ended ones is forfeited (second half of P11).
pub(crate) fn pay_bonus(
    currency: CurrencyCode,
    game: &GameId,
    live: &[BonusShare],
    ended: &[BonusShare],
) -> Vec<Posting> {
    let of = |(share, is_live): (&BonusShare, bool)| {
        let game = Some(SubAccount::game(game));
        [
            Posting::debit(AccountCode::BonusPayouts, game, share.amount, currency),
            to(currency, share, is_live),
        ]
    };
    let all = live.iter().map(|share| (share, true)).chain(ended.iter().map(|share| (share, false)));
    all.flat_map(of).filter_map(unless_zero).collect()
}

/// Stakes go back to the awards they came from: those that are held, or, with a game, those that were taken.
pub(crate) fn give_back_bonus(
    moved: Moved<'_>,
    taken: Option<&GameId>,
    live: &[BonusShare],
    ended: &[BonusShare],
) -> Result<Vec<Posting>, Fault> {
    let mut all = Vec::with_capacity(live.len().saturating_add(ended.len()).saturating_mul(2));
    let shares = live.iter().map(|share| (share, true)).chain(ended.iter().map(|share| (share, false)));
    for (share, is_live) in shares.filter(|(share, _)| !share.amount.is_zero()) {
        let (account, of) = match taken {
            Some(game) => (AccountCode::BonusStakes, SubAccount::game(game)),
            None => (AccountCode::PlayerBonusHeld, moved.held(&share.award)?),
        };
        all.push(Posting::debit(account, Some(of), share.amount, moved.currency));
        all.push(to(moved.currency, share, is_live));
    }
    Ok(all)
}

/// Wins of a game are taken back from awards, as far as they still have them, and from what was forfeited.
pub(crate) fn take_bonus_win(currency: CurrencyCode, game: &GameId, taken: &[BonusTaken]) -> Vec<Posting> {
    let of = |taken: &BonusTaken| {
        let forfeited = taken.forfeited.unwrap_or(Amount::zero(taken.taken.scale()));
        let game = || Some(SubAccount::game(game));
        [
            Posting::debit(AccountCode::PlayerBonus, Some(award(&taken.award)), taken.taken, currency),
            Posting::credit(AccountCode::BonusPayouts, game(), taken.taken, currency),
            Posting::debit(AccountCode::BonusForfeited, Some(taken.campaign.clone()), forfeited, currency),
            Posting::credit(AccountCode::BonusPayouts, game(), forfeited, currency),
        ]
    };
    taken.iter().flat_map(of).filter_map(unless_zero).collect()
}

/// Credits become cash, and what the terms do not convert is forfeited (P13). What the player owes is paid first (P29).
pub(super) fn convert(
    purse: &Purse,
    campaign: &SubAccount,
    of: &AwardRef,
    converted: Amount,
    forfeited: Amount,
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let campaign = || Some(campaign.clone());
    let gone = converted.checked_add(forfeited)?;
    let all = [
        Posting::debit(AccountCode::PlayerBonus, Some(award(of)), gone, currency),
        Posting::credit(AccountCode::BonusConverted, campaign(), converted, currency),
        Posting::credit(AccountCode::BonusForfeited, campaign(), forfeited, currency),
        Posting::debit(AccountCode::BonusCost, campaign(), converted, currency),
    ];
    Ok(all.into_iter().chain(pay(purse, converted)?).filter_map(unless_zero).collect())
}

/// What is left of an award is forfeited or expires (P14).
pub(super) fn end(
    currency: CurrencyCode,
    to: AccountCode,
    campaign: &SubAccount,
    of: &AwardRef,
    amount: Amount,
) -> Vec<Posting> {
    let all = [
        Posting::debit(AccountCode::PlayerBonus, Some(award(of)), amount, currency),
        Posting::credit(to, Some(campaign.clone()), amount, currency),
    ];
    all.into_iter().filter_map(unless_zero).collect()
}
