//! Shares of amounts by their sources (F9, F10 in docs/bonuses.md).

use crate::money::{Amount, AmountError, Rounding};
use crate::stored::BonusShare;

/// The sum of shares, at the scale of a zero.
pub(crate) fn sum(zero: Amount, shares: &[BonusShare]) -> Result<Amount, AmountError> {
    shares.iter().try_fold(zero, |sum, share| sum.checked_add(share.amount))
}

/// Adds shares to others, award by award.
pub(crate) fn add_shares(all: &mut Vec<BonusShare>, more: &[BonusShare]) -> Result<(), AmountError> {
    for share in more.iter().filter(|share| !share.amount.is_zero()) {
        match all.iter_mut().find(|known| known.award == share.award) {
            Some(known) => known.amount = known.amount.checked_add(share.amount)?,
            None => all.push(share.clone()),
        }
    }
    Ok(())
}

/// What is left of shares after others are taken from them, award by award; nothing, where as much or more is taken.
/// No award stands in `shares` twice.
pub(crate) fn less_shares(shares: &[BonusShare], taken: &[BonusShare]) -> Vec<BonusShare> {
    let left = |share: &BonusShare| {
        let gone = taken.iter().filter(|gone| gone.award == share.award);
        let amount = gone
            .fold(share.amount, |rest, gone| rest.less(gone.amount).unwrap_or(Amount::zero(rest.scale())));
        BonusShare { amount, ..share.clone() }
    };
    shares.iter().map(left).filter(|share| share.amount.is_positive()).collect()
}

/// The bonus shares of a win by the sources of the stake it answers: each is rounded down, and what is left over is
/// money, or the first award's if no money was staked. `money` is what of the stake was not bonus credits.
pub(crate) fn win_shares(
    win: Amount,
    money: Amount,
    bonus: &[BonusShare],
) -> Result<Vec<BonusShare>, AmountError> {
    if bonus.is_empty() || win.is_zero() {
        return Ok(Vec::new());
    }
    let whole = sum(money, bonus)?;
    let mut shares = Vec::with_capacity(bonus.len());
    for source in bonus {
        let amount = win.share(source.amount, whole, Rounding::Floor)?;
        shares.push(BonusShare { amount, ..source.clone() });
    }
    if money.is_zero() {
        let given = sum(money, &shares)?;
        let rest = win.checked_sub(given)?;
        if let Some(first) = shares.first_mut() {
            first.amount = first.amount.checked_add(rest)?;
        }
    }
    shares.retain(|share| share.amount.is_positive());
    Ok(shares)
}

/// The parts of a part of something that has these sources beside money: pro rata, rounded down; what is left over is
/// money as far as there is, then of the first source that has more. So no source gives more than it has, and all parts
/// together give all of it.
pub(crate) fn parts(part: Amount, money: Amount, sources: &[Amount]) -> Result<Vec<Amount>, AmountError> {
    let whole = sources.iter().try_fold(money, |sum, source| sum.checked_add(*source))?;
    let share = |source: &Amount| source.share(part, whole, Rounding::Floor);
    let mut shares = sources.iter().map(share).collect::<Result<Vec<_>, _>>()?;
    let rest = shares.iter().try_fold(part, |rest, share| rest.checked_sub(*share))?;
    let mut over = rest.checked_sub(rest.min(money)?)?;
    for (share, source) in shares.iter_mut().zip(sources) {
        let more = source.checked_sub(*share)?.min(over)?;
        *share = share.checked_add(more)?;
        over = over.checked_sub(more)?;
    }
    Ok(shares)
}

/// Shares with other amounts, without those of zero.
pub(crate) fn with_amounts(shares: &[BonusShare], amounts: &[Amount]) -> Vec<BonusShare> {
    let with = |(share, amount): (&BonusShare, &Amount)| BonusShare { amount: *amount, ..share.clone() };
    shares.iter().zip(amounts).map(with).filter(|share| share.amount.is_positive()).collect()
}

/// The bonus shares of a part of a stake ([`parts`]).
pub(crate) fn part_of(
    part: Amount,
    money: Amount,
    bonus: &[BonusShare],
) -> Result<Vec<BonusShare>, AmountError> {
    if bonus.is_empty() || part.is_zero() {
        return Ok(Vec::new());
    }
    let sources: Vec<Amount> = bonus.iter().map(|share| share.amount).collect();
    Ok(with_amounts(bonus, &parts(part, money, &sources)?))
}
