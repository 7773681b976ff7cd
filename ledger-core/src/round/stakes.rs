//! Stakes on their way to the house or back to the player, with what of them goes to jackpots.

use super::common::{by_life, moved, sub_account};
use crate::bonus::{add_shares, give_back_bonus, part_of, sum, take_bonus};
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::money::{Amount, AmountError, Rounding, mul_div};
use crate::player_ledger::{PlayerState, Stop};
use crate::stored::{Bet, BetStatus, BonusShare, Contribution, LotShare, Round, Split};
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
    let splits: Vec<_> = bets.iter().map(|bet| (bet, bet.open_split())).collect();
    let stakes: Vec<_> = splits.iter().map(|(bet, split)| (bet.game.clone(), split.money())).collect();
    let mut postings = take_stakes(purse, sub_account(round), &stakes)?;
    for (game, shares) in bonus_by_game(&splits)? {
        postings.extend(take_bonus(moved(round, purse), game, &shares)?);
    }
    let mut jackpots = Jackpots::default();
    bets.iter().try_for_each(|bet| jackpots.add(bet, taken(bet), bet.staked()))?;
    postings.extend(jackpots.contribute(round, purse));
    Ok(postings)
}

/// The bonus credits of splits of bets, game by game.
fn bonus_by_game<'a>(splits: &[(&'a Bet, Split)]) -> Result<Vec<(&'a GameId, Vec<BonusShare>)>, AmountError> {
    let mut all: Vec<(&GameId, Vec<BonusShare>)> = Vec::new();
    for (bet, split) in splits.iter().filter(|(_, split)| !split.bonus.is_empty()) {
        match all.iter_mut().find(|(game, _)| **game == bet.game) {
            Some((_, shares)) => add_shares(shares, &split.bonus)?,
            None => all.push((&bet.game, split.bonus.clone())),
        }
    }
    Ok(all)
}

/// The bonus credits in a part of what has these sources.
pub(super) fn bonus_part(part: Amount, of: &Split) -> Result<Vec<BonusShare>, AmountError> {
    part_of(part, of.money(), &of.bonus)
}

/// The postings that take a part of what one bet still holds.
pub(super) fn take_part(
    round: &Round,
    bet: &Bet,
    part: Amount,
    bonus: &[BonusShare],
    purse: &Purse,
) -> Result<Vec<Posting>, Stop> {
    let money = part.checked_sub(sum(purse.currency().zero(), bonus)?)?;
    let mut postings = take_stakes(purse, sub_account(round), &[(bet.game.clone(), money)])?;
    postings.extend(take_bonus(moved(round, purse), &bet.game, bonus)?);
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
pub(super) fn add(all: &Split, more: &Split) -> Result<Split, Stop> {
    let owed = match (all.owed, more.owed) {
        (Some(owed), Some(more)) => Some(owed.checked_add(more)?),
        (owed, more) => owed.or(more),
    };
    let (mut bonus, mut forfeited) = (all.bonus.clone(), all.forfeited.clone());
    add_shares(&mut bonus, &more.bonus)?;
    add_shares(&mut forfeited, &more.forfeited)?;
    Ok(Split { cash: all.cash.checked_add(more.cash)?, owed, bonus, forfeited })
}

/// Bonus credits go back to the awards they came from; what is of awards that have ended is forfeited. Held ones come out
/// of the round, the others from the stakes of a game.
pub(super) fn bonus_back(
    state: &PlayerState,
    round: &Round,
    purse: &Purse,
    taken: Option<&GameId>,
    split: &mut Split,
) -> Result<Vec<Posting>, Stop> {
    if split.bonus.is_empty() {
        return Ok(Vec::new());
    }
    let (live, ended) = by_life(state, std::mem::take(&mut split.bonus));
    let postings = give_back_bonus(moved(round, purse), taken, &live, &ended)?;
    (split.bonus, split.forfeited) = (live, ended);
    Ok(postings)
}

/// All that is left of the stakes of some bets goes back.
pub(super) fn back(state: &PlayerState, round: &Round, bets: &[Bet], purse: &Purse) -> Result<Back, Stop> {
    let zero = purse.currency().zero();
    let mut all = Split::cash(zero);
    let mut games: Vec<(GameId, Amount)> = Vec::new();
    let mut jackpots = Jackpots::default();
    let (ruled, held): (Vec<&Bet>, Vec<&Bet>) = bets.iter().partition(|bet| bet.status == BetStatus::Settled);
    let (mut unplayed, mut bonus) = (Vec::new(), Vec::new());
    let (mut stake, mut money) = (zero, zero);
    for bet in &held {
        let mut split = bet.open_split();
        money = money.checked_add(split.money())?;
        stake = stake.checked_add(bet.open_stake())?;
        bonus.extend(bonus_back(state, round, purse, None, &mut split)?);
        all = add(&all, &split)?;
        unplayed.extend(back_from(&bet.unplayed, taken(bet))?);
    }
    for bet in &ruled {
        let mut split = bet.staked_split();
        stake = stake.checked_add(bet.staked())?;
        add_to(&mut games, &bet.game, split.money())?;
        bonus.extend(bonus_back(state, round, purse, Some(&bet.game), &mut split)?);
        all = add(&all, &split)?;
        unplayed.extend_from_slice(&bet.unplayed);
        jackpots.add(bet, Amount::zero(bet.stake.scale()), bet.staked())?;
    }
    let mut postings = give_back(purse, sub_account(round), money, &games, &all)?;
    postings.extend(bonus);
    postings.extend(jackpots.take_back(round, purse));
    Ok(Back { stake, split: all, unplayed, postings })
}

/// A part of a stake goes back, pro rata from each of its sources. Of the money, what is owed for it goes first.
pub(super) fn part_back(
    state: &PlayerState,
    round: &Round,
    bet: &Bet,
    part: Amount,
    purse: &Purse,
) -> Result<Back, Stop> {
    let zero = purse.currency().zero();
    let is_held = bet.status != BetStatus::Settled;
    let from = if is_held { bet.open_split() } else { bet.staked_split() };
    let bonus = bonus_part(part, &from)?;
    let money = part.checked_sub(sum(zero, &bonus)?)?;
    let owed = bet.staked_split().owed.unwrap_or(zero).min(money)?;
    let cash = money.checked_sub(owed)?;
    let owed = Some(owed).filter(|owed| owed.is_positive());
    let mut split = Split { owed, bonus, ..Split::cash(cash) };
    let unplayed = back_from(&bet.unplayed, bet.staked().checked_sub(part)?)?;
    let game = if is_held { None } else { Some(&bet.game) };
    let bonus = bonus_back(state, round, purse, game, &mut split)?;
    let (held, games) = match game {
        None => (money, Vec::new()),
        Some(game) => (zero, vec![(game.clone(), money)]),
    };
    let mut postings = give_back(purse, sub_account(round), held, &games, &split)?;
    postings.extend(bonus);
    if !is_held {
        let mut jackpots = Jackpots::default();
        jackpots.add(bet, bet.staked().checked_sub(part)?, bet.staked())?;
        postings.extend(jackpots.take_back(round, purse));
    }
    Ok(Back { stake: part, split, unplayed, postings })
}
