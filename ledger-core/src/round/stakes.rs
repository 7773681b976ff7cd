//! Stakes on their way to the house or back to the player, with what of them goes to jackpots.

use super::common::{sub_account, total};
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::money::{Amount, Rounding, mul_div};
use crate::player_ledger::Stop;
use crate::stored::{Bet, BetStatus, Contribution, LotShare, Round, Split};
use crate::wallet::{Purse, back_from, contribute, give_back, take_contribution_back, take_stakes};

/// What of a contribution falls due when so much of the stake has been taken. It is pro rata and rounded down, so that
/// whatever the parts, all of it is due when all of the stake is taken.
fn due(contribution: &Contribution, taken: Amount, stake: Amount) -> Result<Amount, Stop> {
    let amount = contribution.amount;
    if taken == stake {
        return Ok(amount);
    }
    let [whole, part, of] = [amount, taken, stake].map(|amount| amount.units().unsigned_abs());
    let units = mul_div(whole, part, of, Rounding::Floor)?;
    let units = i128::try_from(units).map_err(|_| crate::money::AmountError::AmountOverflow)?;
    Ok(Amount::new(units, amount.scale())?)
}

/// What falls due to each jackpot when stakes are taken, or comes back with them.
#[derive(Debug, Default)]
pub(super) struct Jackpots {
    shares: Vec<Contribution>,
}

impl Jackpots {
    /// The shares of one bet between two amounts of its stake that have been taken.
    pub(super) fn add(&mut self, bet: &Bet, from: Amount, to: Amount) -> Result<(), Stop> {
        for contribution in &bet.contributions {
            let before = due(contribution, from, bet.stake)?;
            let share = due(contribution, to, bet.stake)?.checked_sub(before)?;
            let same = |known: &&mut Contribution| {
                known.jackpot == contribution.jackpot && known.kind == contribution.kind
            };
            match self.shares.iter_mut().find(same) {
                Some(known) => known.amount = known.amount.checked_add(share)?,
                None => self.shares.push(Contribution { amount: share, ..contribution.clone() }),
            }
        }
        Ok(())
    }

    fn due(&self) -> impl Iterator<Item = &Contribution> {
        self.shares.iter().filter(|share| share.amount.is_positive())
    }

    /// The postings of what falls due.
    pub(super) fn contribute(&self, round: &Round, purse: &Purse) -> Vec<Posting> {
        let provider = SubAccount::source(&round.source);
        self.due().flat_map(|share| contribute(purse, share, &provider)).collect()
    }

    /// The postings of what comes back.
    pub(super) fn take_back(&self, round: &Round, purse: &Purse) -> Vec<Posting> {
        let provider = SubAccount::source(&round.source);
        self.due().flat_map(|share| take_contribution_back(purse, share, &provider)).collect()
    }
}

/// How much of a stake has been taken so far.
fn taken(bet: &Bet) -> Amount {
    match bet.status {
        BetStatus::Settled => bet.staked(),
        _ => bet.cashed_out.unwrap_or(Amount::zero(bet.stake.scale())),
    }
}

/// The postings that take what bets still hold, for good.
pub(super) fn take(round: &Round, bets: &[Bet], purse: &Purse) -> Result<Vec<Posting>, Stop> {
    let stakes: Vec<_> = bets.iter().map(|bet| (bet.game.clone(), bet.open_stake())).collect();
    let mut postings = take_stakes(purse, sub_account(round), &stakes)?;
    let mut jackpots = Jackpots::default();
    bets.iter().try_for_each(|bet| jackpots.add(bet, taken(bet), bet.staked()))?;
    postings.extend(jackpots.contribute(round, purse));
    Ok(postings)
}

/// The postings that take a part of what one bet still holds.
pub(super) fn take_part(round: &Round, bet: &Bet, part: Amount, purse: &Purse) -> Result<Vec<Posting>, Stop> {
    let mut postings = take_stakes(purse, sub_account(round), &[(bet.game.clone(), part)])?;
    let (before, mut jackpots) = (taken(bet), Jackpots::default());
    jackpots.add(bet, before, before.checked_add(part)?)?;
    postings.extend(jackpots.contribute(round, purse));
    Ok(postings)
}

/// Stakes of bets that go back to the player: what is still held, and what a rule of the ledger took.
#[derive(Debug)]
pub(super) struct Back {
    /// How much.
    pub(super) stake: Amount,
    /// To which funds: those it came from.
    pub(super) split: Split,
    /// What of it was unplayed money, and is so again.
    pub(super) unplayed: Vec<LotShare>,
    pub(super) postings: Vec<Posting>,
}

/// Adds an amount to the sum of a game, an account or the like.
pub(super) fn add_to<K: PartialEq + Clone>(
    sums: &mut Vec<(K, Amount)>,
    of: &K,
    amount: Amount,
) -> Result<(), Stop> {
    if amount.is_zero() {
        return Ok(());
    }
    match sums.iter_mut().find(|(known, _)| known == of) {
        Some((_, sum)) => *sum = sum.checked_add(amount)?,
        None => sums.push((of.clone(), amount)),
    }
    Ok(())
}

/// The sum of two shares of funds.
pub(super) fn add(sum: &Split, more: &Split) -> Result<Split, Stop> {
    let owed = match (sum.owed, more.owed) {
        (Some(owed), Some(more)) => Some(owed.checked_add(more)?),
        (owed, more) => owed.or(more),
    };
    Ok(Split { cash: sum.cash.checked_add(more.cash)?, owed })
}

/// All that is left of the stakes of some bets goes back.
pub(super) fn back(round: &Round, bets: &[Bet], purse: &Purse) -> Result<Back, Stop> {
    let mut split = Split::cash(purse.currency().zero());
    let mut games: Vec<(GameId, Amount)> = Vec::new();
    let mut jackpots = Jackpots::default();
    let (ruled, held): (Vec<&Bet>, Vec<&Bet>) = bets.iter().partition(|bet| bet.status == BetStatus::Settled);
    let mut unplayed = Vec::new();
    for bet in &held {
        split = add(&split, &bet.open_split())?;
        unplayed.extend(back_from(&bet.unplayed, taken(bet))?);
    }
    for bet in &ruled {
        split = add(&split, &bet.staked_split())?;
        unplayed.extend_from_slice(&bet.unplayed);
        add_to(&mut games, &bet.game, bet.staked())?;
        jackpots.add(bet, Amount::zero(bet.stake.scale()), bet.staked())?;
    }
    let held: Vec<Bet> = held.into_iter().cloned().collect();
    let held = total(&held, purse)?;
    let stake = games.iter().try_fold(held, |sum, (_, stake)| sum.checked_add(*stake))?;
    let mut postings = give_back(purse, sub_account(round), held, &games, &split)?;
    postings.extend(jackpots.take_back(round, purse));
    Ok(Back { stake, split, unplayed, postings })
}

/// A part of a stake goes back. What is owed for it goes first.
pub(super) fn part_back(round: &Round, bet: &Bet, part: Amount, purse: &Purse) -> Result<Back, Stop> {
    let zero = purse.currency().zero();
    let owed = bet.staked_split().owed.unwrap_or(zero).min(part)?;
    let split = Split { cash: part.checked_sub(owed)?, owed: Some(owed).filter(|owed| owed.is_positive()) };
    let unplayed = back_from(&bet.unplayed, bet.staked().checked_sub(part)?)?;
    if bet.status != BetStatus::Settled {
        let postings = give_back(purse, sub_account(round), part, &[], &split)?;
        return Ok(Back { stake: part, split, unplayed, postings });
    }
    let mut postings = give_back(purse, sub_account(round), zero, &[(bet.game.clone(), part)], &split)?;
    let mut jackpots = Jackpots::default();
    jackpots.add(bet, bet.staked().checked_sub(part)?, bet.staked())?;
    postings.extend(jackpots.take_back(round, purse));
    Ok(Back { stake: part, split, unplayed, postings })
}
