//! What an award has to do with a bet: whether it can fund the stake, what the stake counts, and what is reversed with
//! it (F4 to F8, F12, F13 in docs/bonuses.md).

use super::Award;
use super::shares::sum;
use crate::ids::{GameId, GameType, RoundId, SourceId, SubAccount};
use crate::money::{Amount, AmountError, BasisPoints, CurrencyCode, Rounding};
use crate::player_ledger::{Fault, PlayerState, Stop, Workspace};
use crate::policy::WageringCount;
use crate::stored::{
    Bet, Counted, Event, ProgressChange, Round, Split, WagerProgressUpdated, WagerReversalIgnored,
};
use crate::time::Timestamp;

/// The award a player plays with in a currency: the one that is booked, not wagered to its end, and whose time is not
/// over.
fn playing(state: &PlayerState, currency: CurrencyCode, now: Timestamp) -> Option<&Award> {
    let plays = |award: &&Award| award.currency == currency && award.may_be_played_at(now);
    state.awards().iter().find(plays)
}

impl Award {
    fn may_be_played_at(&self, now: Timestamp) -> bool {
        self.status == super::AwardStatus::Active && !self.is_expired_at(now) && self.progress < self.target
    }
}

/// What an award can put into a stake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stakeable<'a> {
    /// The award.
    pub(crate) award: &'a Award,
    /// How much of a stake on the game counts, in basis points.
    pub(crate) weight: u32,
    /// Its credits.
    pub(crate) balance: Amount,
    /// Whether they may be staked: not on a game that does not count, nor where a loss is never reported, so that no one
    /// would know when a round with them is over. (Nor where the names of round and award together are too long for an
    /// account.)
    pub(crate) may: bool,
}

/// What the award that is played can put into a stake on a game.
pub(crate) fn stakeable<'a>(
    state: &'a PlayerState,
    currency: CurrencyCode,
    now: Timestamp,
    game: (&GameId, Option<&GameType>),
    round: (&SourceId, &RoundId),
    reports_losses: bool,
) -> Option<Stakeable<'a>> {
    if state.awards().is_empty() {
        return None;
    }
    let award = playing(state, currency, now)?;
    let weight = award.terms.weights.of(game.0, game.1);
    let is_named = SubAccount::round_award(round.0, round.1, &award.of.source, &award.of.id).is_ok();
    let (balance, _) = state.wallet().bonus_of(&award.of, Amount::zero(award.amount.scale()));
    Some(Stakeable { award, weight, balance, may: weight > 0 && reports_losses && is_named })
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
/// ended, that is recorded and nothing else. Answers with how much.
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
