//! What an award has to do with a bet: whether it can fund the stake, what the stake counts, and what is reversed with
//! it (F4 to F8, F12, F13 in docs/bonuses.md).

use super::Award;
use super::shares::sum;
use crate::ids::{GameId, GameType, RoundId, SourceId, SubAccount};
use crate::money::{Amount, AmountError, BasisPoints, CurrencyCode, Rounding};
use crate::player_ledger::{Fault, PlayerState, Stop, Workspace};
use crate::policy::{AboveMaxBet, WageringCount};
use crate::rejection::BonusRule;
use crate::stored::{
    Bet, Counted, Event, ProgressChange, Round, Split, WagerProgressUpdated, WagerReversalIgnored,
};
use crate::time::Timestamp;

/// The award a player plays with in a currency on a type of games: one that is booked, not wagered to its end, and whose
/// time is not over; that of the type before that of all types.
fn playing<'a>(
    state: &'a PlayerState,
    currency: CurrencyCode,
    game_type: Option<&GameType>,
    now: Timestamp,
) -> Option<&'a Award> {
    let mut of_all = None;
    for award in state.awards() {
        if award.currency != currency || !award.may_be_played_at(now) {
            continue;
        }
        match &award.terms.product {
            Some(product) if Some(product) == game_type => return Some(award),
            Some(_) => {}
            None => of_all = of_all.or(Some(award)),
        }
    }
    of_all
}

impl Award {
    fn may_be_played_at(&self, now: Timestamp) -> bool {
        self.status == super::AwardStatus::Active && !self.is_expired_at(now) && self.progress < self.target
    }
}

/// A bet that is to be placed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// Its game, and of which type that is.
    pub(crate) game: (&'a GameId, Option<&'a GameType>),
    /// Its round.
    pub(crate) round: (&'a SourceId, &'a RoundId),
    /// Its stake, in the currency's units.
    pub(crate) stake: Amount,
    /// Whether it buys a feature of the game.
    pub(crate) buys_feature: bool,
    /// Whether its source reports losses.
    pub(crate) reports_losses: bool,
}

/// What an award can put into a stake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stakeable<'a> {
    /// The award.
    pub(crate) award: &'a Award,
    /// How much of the stake counts, in basis points.
    pub(crate) weight: u32,
    /// Its credits.
    pub(crate) balance: Amount,
    /// Why they may not be staked, if so: not where the terms pay in the end, nor on a game that does not count, nor where a
    /// loss is never reported, so that no one would know when a round with them is over (nor where the names of round and
    /// award together are too long for an account); nor for a bought feature or above the most, where the terms say so.
    pub(crate) barred: Option<BonusRule>,
    /// Whether the stake is above the most that one bet may have, so that neither may it have credits nor count.
    pub(crate) is_too_high: bool,
}

impl Stakeable<'_> {
    /// Whether its credits may be staked.
    pub(crate) fn may(&self) -> bool {
        self.barred.is_none()
    }
}

/// What the award that is played can put into a stake.
pub(crate) fn stakeable<'a>(
    state: &'a PlayerState,
    currency: CurrencyCode,
    now: Timestamp,
    asking: Asking<'_>,
) -> Option<Stakeable<'a>> {
    if state.awards().is_empty() {
        return None;
    }
    let award = playing(state, currency, asking.game.1, now)?;
    let weight = award.terms.weights.of(asking.game.0, asking.game.1);
    let (source, round) = asking.round;
    let is_named = SubAccount::round_award(source, round, &award.of.source, &award.of.id).is_ok();
    let (balance, _) = state.wallet().bonus_of(&award.of, Amount::zero(award.amount.scale()));
    let is_above = award.max_bet.is_some_and(|most| asking.stake > most);
    let cash_only = is_above && award.terms.max_bet.above == AboveMaxBet::CashOnly;
    let barred = if weight == 0 || award.terms.post_paid || !asking.reports_losses || !is_named {
        Some(BonusRule::NotStakeable)
    } else if asking.buys_feature && !award.terms.buy_feature {
        Some(BonusRule::BuyFeature)
    } else {
        Some(BonusRule::MaxBet).filter(|_| cash_only)
    };
    let weight = if cash_only { 0 } else { weight };
    Some(Stakeable { award, weight, balance, barred, is_too_high: is_above && !cash_only })
}

/// What a stake counts: F6 and F7, as far as the target is away (F8).
pub(crate) fn count(found: Stakeable<'_>, stake: Amount, split: &Split) -> Result<Option<Counted>, Stop> {
    let award = found.award;
    let zero = Amount::zero(stake.scale());
    let bonus = sum(zero, &split.bonus)?;
    let counted = match award.terms.wagering.counts {
        WageringCount::AllBets => stake,
        WageringCount::RealBets => stake.checked_sub(bonus)?,
        WageringCount::BonusBets => bonus,
    };
    let weight = BasisPoints::new(found.weight).map_err(|error| Fault::corrupted(error.to_string()))?;
    let worth = counted.basis_points(weight, Rounding::Floor)?;
    let amount = worth.min(award.target.checked_sub(award.progress)?)?;
    let (award, terms) = (award.of.clone(), award.hash);
    Ok(Some(Counted { award, amount, terms }).filter(|counted| counted.amount.is_positive()))
}

impl Workspace<'_> {
    /// The stake of a bet was counted: the award's progress rises.
    pub(crate) fn push_counted(&mut self, round: &Round, bet: &Bet, counted: &Counted) -> Result<(), Stop> {
        let before = self.award(&counted.award).map(|award| award.progress);
        let before =
            before.ok_or_else(|| Fault::corrupted("a stake counts for an award that is not live"))?;
        let progress = before.checked_add(counted.amount)?;
        self.push_progress(round, bet, counted, (ProgressChange::Counted, counted.amount), progress)
    }

    fn push_progress(
        &mut self,
        round: &Round,
        bet: &Bet,
        counted: &Counted,
        (change, amount): (ProgressChange, Amount),
        progress: Amount,
    ) -> Result<(), Stop> {
        let event = Event::WagerProgressUpdated(WagerProgressUpdated {
            source: round.source.clone(),
            round: round.id.clone(),
            bet: bet.id.clone(),
            change,
            amount,
            progress,
        });
        Ok(self.push_award(&counted.award, event)?)
    }
}

/// What of a bet's wagering goes back when `part` of its stake does and `kept` of it stays: pro rata of the whole,
/// rounded down, and what is left when nothing stays.
pub(crate) fn uncounted(bet: &Bet, part: Amount, kept: Amount) -> Result<Option<Amount>, AmountError> {
    let Some(counted) = &bet.counted else { return Ok(None) };
    let rest = match bet.uncounted {
        Some(gone) => counted.amount.checked_sub(gone)?,
        None => counted.amount,
    };
    let amount = if kept.is_zero() {
        rest
    } else {
        counted.amount.share(part, bet.stake, Rounding::Floor)?.min(rest)?
    };
    Ok(Some(amount).filter(|amount| amount.is_positive()))
}

/// Reverses what a stake counted, as it was recorded, as `part` of it goes back and `kept` of it stays. If the award has
/// ended, that is recorded and nothing else.
pub(crate) fn uncount(
    work: &mut Workspace<'_>,
    round: &Round,
    bet: &Bet,
    part: Amount,
    kept: Amount,
) -> Result<(), Stop> {
    let (Some(counted), Some(amount)) = (&bet.counted, uncounted(bet, part, kept)?) else { return Ok(()) };
    let progress = work.award(&counted.award).filter(|award| award.is_booked()).map(|award| award.progress);
    match progress {
        Some(progress) => {
            let progress = progress.checked_sub(amount.min(progress)?)?;
            work.push_progress(round, bet, counted, (ProgressChange::Reversed, amount), progress)
        }
        None => Ok(work.push_player(Event::WagerReversalIgnored(WagerReversalIgnored {
            award: counted.award.clone(),
            source: round.source.clone(),
            round: round.id.clone(),
            bet: bet.id.clone(),
            amount,
        }))?),
    }
}
