//! The terms of a tournament: whether they may be.

use crate::house::operation::not_allowed;
use crate::money::{Amount, AmountError, Currency, Rounding};
use crate::player_ledger::Stop;
use crate::rejection::{Capacity, NotAllowedReason, capacity};
use crate::stored::{
    TournamentPrize, TournamentRemainder, TournamentScoring, TournamentTerms, TournamentTie,
};

/// The most players of one tournament.
pub const TOURNAMENT_ENTRIES_MAX: u32 = 10_000;

/// The most places of one tournament that have a prize.
pub const TOURNAMENT_PLACES_MAX: usize = 1_000;

/// The most games that the terms of one tournament name.
pub const TOURNAMENT_GAMES_MAX: usize = 1_024;

/// All of a pool, in basis points.
const WHOLE: u64 = 10_000;

/// The digits of the multiples of stakes.
const MULTIPLE_DIGITS: u8 = 4;

impl TournamentTerms {
    /// The digits that points have.
    pub fn points_scale(&self) -> u8 {
        match self.scoring {
            TournamentScoring::Stakes | TournamentScoring::Wins | TournamentScoring::Net => {
                self.buy_in.scale()
            }
            TournamentScoring::HighestMultiple | TournamentScoring::MultipleSum => MULTIPLE_DIGITS,
            TournamentScoring::Bets => 0,
        }
    }

    /// The prizes of the places, from the first on.
    pub(super) fn prizes(&self) -> impl Iterator<Item = TournamentPrize> {
        let each = self.prizes.iter().flat_map(|band| {
            let places = usize::try_from(band.places).unwrap_or(usize::MAX);
            std::iter::repeat_n(band.prize, places.min(TOURNAMENT_PLACES_MAX))
        });
        each.take(TOURNAMENT_PLACES_MAX)
    }

    /// How many places have a prize.
    fn places(&self) -> u64 {
        self.prizes.iter().fold(0, |sum: u64, band| sum.saturating_add(u64::from(band.places)))
    }

    /// Whether the terms can be those of a tournament.
    pub(super) fn check(&self, currency: &Currency) -> Result<(), Stop> {
        self.check_amounts(currency)?;
        let places = self.places();
        let within = |place: u32| place > 0 && u64::from(place) <= places;
        let remainder = match self.remainder {
            TournamentRemainder::Place(place) => within(place),
            TournamentRemainder::House => true,
        };
        let in_order = self.from < self.until && self.until <= self.results_until;
        let entries = self.entries_max > 0 && self.entries_max <= TOURNAMENT_ENTRIES_MAX;
        let bands = self.prizes.iter().all(|band| band.places > 0);
        if !(remainder && in_order && entries && bands && places > 0) {
            return Err(not_allowed(NotAllowedReason::TournamentTerms));
        }
        if places > u64::try_from(TOURNAMENT_PLACES_MAX).unwrap_or(u64::MAX) {
            return Err(capacity(Capacity::PlacesOfTournament, TOURNAMENT_PLACES_MAX).into());
        }
        if self.games.len() > TOURNAMENT_GAMES_MAX {
            return Err(capacity(Capacity::GamesOfTournament, TOURNAMENT_GAMES_MAX).into());
        }
        Ok(())
    }

    /// Amounts are whole amounts of the currency, shares are at most all of a pool, and the most that a tournament can come
    /// to is an amount that can be held.
    fn check_amounts(&self, currency: &Currency) -> Result<(), Stop> {
        let whole = |amount: Amount| {
            amount.scale() == currency.scale() && !amount.is_negative() && amount <= currency.maximum()
        };
        let fits = |band: &crate::stored::TournamentPlaces| match band.prize {
            TournamentPrize::Fixed(amount) => whole(amount),
            TournamentPrize::Share(share) => u64::from(share.get()) <= WHOLE,
        };
        let shares = self.prizes.iter().fold(0, |sum: u64, band| match band.prize {
            TournamentPrize::Share(share) => {
                sum.saturating_add(u64::from(share.get()).saturating_mul(u64::from(band.places)))
            }
            TournamentPrize::Fixed(_) => sum,
        });
        let amounts = [self.buy_in, self.fee, self.guarantee, self.min_stake];
        if !(amounts.into_iter().all(whole) && self.prizes.iter().all(fits) && shares <= WHOLE) {
            return Err(not_allowed(NotAllowedReason::TermsAmounts));
        }
        self.most_given()?;
        Ok(())
    }

    /// The most that prizes come to, if as many take part as may: nothing that is ranked comes to more. Where all who have the
    /// same points get the higher prize, that may be the highest one for each of them.
    fn most_given(&self) -> Result<Amount, AmountError> {
        let most = times(self.buy_in, self.entries_max)?;
        let shared = if most < self.guarantee { self.guarantee } else { most };
        let (mut fixed, mut highest) = (Amount::zero(shared.scale()), Amount::zero(shared.scale()));
        for band in &self.prizes {
            let each = match band.prize {
                TournamentPrize::Fixed(amount) => {
                    fixed = fixed.checked_add(times(amount, band.places)?)?;
                    amount
                }
                TournamentPrize::Share(share) => shared.basis_points(share, Rounding::Floor)?,
            };
            highest = if highest < each { each } else { highest };
        }
        let given = match self.tie {
            TournamentTie::HigherPrize => times(highest, self.entries_max)?,
            TournamentTie::SharePrizes | TournamentTie::EarlierFirst => fixed.checked_add(shared)?,
        };
        // What prizes leave over comes to what is shared at most.
        Ok(if given < shared { shared } else { given })
    }
}

fn times(amount: Amount, count: u32) -> Result<Amount, AmountError> {
    let units = amount.units().checked_mul(i128::from(count));
    Amount::new(units.ok_or(AmountError::AmountOverflow)?, amount.scale())
}
