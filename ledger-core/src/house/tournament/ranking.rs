//! Who has which place of a tournament, and what prize.
//!
//! Places follow points. What the same points come to the terms say; all is in whole units of the currency, and nothing is
//! rounded away: what cannot be divided goes, a unit each, to those who entered first.

use std::cmp::Reverse;

use super::state::{Entrant, Tournament};
use crate::ids::PlayerId;
use crate::money::{Amount, AmountError, Rounding};
use crate::stored::{TournamentPrize, TournamentRank, TournamentRemainder, TournamentTerms, TournamentTie};

/// The most places of one page of `tournament.ranked`.
pub const TOURNAMENT_RANKS_PER_PAGE: usize = 256;

/// The places of a tournament as its points stand, and what they come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// The places, best first; players with the same points by their entries.
    pub ranks: Vec<TournamentRank>,
    /// What was collected.
    pub collected: Amount,
    /// All prizes.
    pub prizes: Amount,
    /// What the house adds to what was collected.
    pub overlay: Amount,
    /// What the house keeps of it.
    pub to_house: Amount,
}

struct Candidate<'a> {
    player: &'a PlayerId,
    entrant: &'a Entrant,
    points: Amount,
    bets: u32,
    reached_at: crate::time::Timestamp,
}

/// Those who have enough bets, best first.
fn candidates<'a>(terms: &TournamentTerms, of: &'a Tournament) -> Vec<Candidate<'a>> {
    let least = terms.min_bets.max(1);
    let mut all: Vec<Candidate<'a>> = of
        .entrants()
        .filter_map(|(player, entrant)| {
            let score = entrant.score?;
            let (points, bets, reached_at) = (score.points, score.bets, score.reached_at);
            (bets >= least).then_some(Candidate { player, entrant, points, bets, reached_at })
        })
        .collect();
    match terms.tie {
        TournamentTie::EarlierFirst => all.sort_by_key(|candidate| {
            (Reverse(candidate.points.units()), candidate.reached_at, candidate.entrant.number)
        }),
        TournamentTie::SharePrizes | TournamentTie::HigherPrize => {
            all.sort_by_key(|candidate| (Reverse(candidate.points.units()), candidate.entrant.number));
        }
    }
    all
}

/// Where each group of players with one place begins and ends.
fn groups(tie: TournamentTie, all: &[Candidate<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
    let mut before: Option<Amount> = None;
    for (at, candidate) in all.iter().enumerate() {
        let next = at.saturating_add(1);
        let same = tie != TournamentTie::EarlierFirst && before == Some(candidate.points);
        match groups.last_mut() {
            Some(group) if same => group.end = next,
            _ => groups.push(at..next),
        }
        before = Some(candidate.points);
    }
    groups
}

/// Equal parts; what cannot be divided goes, a unit each, to the first.
fn divide(all: Amount, among: usize) -> Result<Vec<Amount>, AmountError> {
    let count = i128::try_from(among).map_err(|_| AmountError::AmountOverflow)?;
    let each = all.units().checked_div_euclid(count).ok_or(AmountError::DivisionByZero)?;
    let mut left = all.units().checked_rem_euclid(count).ok_or(AmountError::DivisionByZero)?;
    let mut parts = Vec::with_capacity(among);
    for _ in 0..among {
        let one = i128::from(left > 0);
        left = left.saturating_sub(one);
        parts.push(Amount::new(each.saturating_add(one), all.scale())?);
    }
    Ok(parts)
}

fn sum(zero: Amount, parts: impl IntoIterator<Item = Amount>) -> Result<Amount, AmountError> {
    parts.into_iter().try_fold(zero, Amount::checked_add)
}

/// Adds parts to what a range of players gets.
fn give(prizes: &mut [Amount], to: &std::ops::Range<usize>, parts: Vec<Amount>) -> Result<(), AmountError> {
    for (prize, part) in prizes.iter_mut().skip(to.start).zip(parts) {
        *prize = prize.checked_add(part)?;
    }
    Ok(())
}

impl Ranking {
    /// The places of a tournament as its points stand now, with what was collected by now.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if the prizes together are beyond what an amount can be.
    pub(super) fn of(tournament: &Tournament, terms: &TournamentTerms) -> Result<Self, AmountError> {
        let zero = Amount::zero(terms.buy_in.scale());
        let collected = tournament.collected().unwrap_or(zero);
        let shared = if collected < terms.guarantee { terms.guarantee } else { collected };
        let all = candidates(terms, tournament);
        let groups = groups(terms.tie, &all);
        let places: Vec<Amount> = terms
            .prizes()
            .take(all.len())
            .map(|prize| match prize {
                TournamentPrize::Fixed(amount) => Ok(amount),
                TournamentPrize::Share(share) => shared.basis_points(share, Rounding::Floor),
            })
            .collect::<Result<_, _>>()?;
        let of_place = |at: usize| places.get(at).copied().unwrap_or(zero);
        let mut prizes = vec![zero; all.len()];
        for group in &groups {
            let parts = match terms.tie {
                TournamentTie::SharePrizes => divide(sum(zero, group.clone().map(of_place))?, group.len())?,
                TournamentTie::EarlierFirst | TournamentTie::HigherPrize => {
                    vec![of_place(group.start); group.len()]
                }
            };
            give(&mut prizes, group, parts)?;
        }
        let given = sum(zero, prizes.iter().copied())?;
        if let TournamentRemainder::Place(place) = terms.remainder
            && given < shared
        {
            let at = usize::try_from(place).unwrap_or(usize::MAX).saturating_sub(1);
            if let Some(group) = groups.iter().find(|group| group.contains(&at)) {
                give(&mut prizes, group, divide(shared.checked_sub(given)?, group.len())?)?;
            }
        }
        let given = sum(zero, prizes.iter().copied())?;
        let (overlay, to_house) = if given > collected {
            (given.checked_sub(collected)?, zero)
        } else {
            (zero, collected.checked_sub(given)?)
        };
        let mut ranks = Vec::with_capacity(all.len());
        for group in groups {
            let place = u32::try_from(group.start.saturating_add(1)).unwrap_or(u32::MAX);
            for (candidate, prize) in all.iter().zip(&prizes).skip(group.start).take(group.len()) {
                ranks.push(TournamentRank {
                    place,
                    number: candidate.entrant.number,
                    of: candidate.entrant.of(candidate.player),
                    points: candidate.points,
                    bets: candidate.bets,
                    prize: Some(*prize).filter(|prize| prize.is_positive()),
                });
            }
        }
        Ok(Self { ranks, collected, prizes: given, overlay, to_house })
    }
}
