//! From the events of a player to his points.
//!
//! A round counts as a whole, once it is over: it began within the time of the tournament, after the player entered, in a
//! game that counts, and staked enough. What is corrected later opens a round again and takes its part of the points out until
//! it is over again.

use serde::{Deserialize, Serialize};

use crate::ids::{GameId, RoundId, SourceId};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::partition::Stream;
use crate::player_ledger::Fault;
use crate::stored::{BetStatus, Event, EventRecord, Round, RoundStatus, TournamentScoring, TournamentTerms};
use crate::time::Timestamp;

/// The most rounds of a player that a tally follows at a time: open ones, and those that a rule of the ledger closed, of which
/// wins may still come. Beyond it the oldest of the latter is let go: what still comes of it does not count.
pub const TALLY_ROUNDS_MAX: usize = 1_024;

/// How many of the highest multiples a tally remembers, so that one can be taken back. If that many were, the highest is the
/// next that comes.
pub const TALLY_BEST_MAX: usize = 32;

/// The most results of rounds that are over that a tally remembers: before the terms are known all of them, and then those that
/// count. When more wait for the terms, what it says is not all. Later the oldest is forgotten, and if its round is called off
/// after that, its points stay.
pub const TALLY_RESULTS_MAX: usize = 4_096;

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RoundResult {
    source: SourceId,
    id: RoundId,
    opened_at: Timestamp,
    currency: CurrencyCode,
    game: GameId,
    staked: Amount,
    won: Amount,
    bets: u32,
    /// When it became so.
    at: Timestamp,
}

/// What a round came to, of one that is over and had a bet.
fn result_of(round: &Round, at: Timestamp) -> Result<Option<RoundResult>, Fault> {
    if round.status != RoundStatus::Closed {
        return Ok(None);
    }
    let stands = |bet: &&crate::stored::Bet| !bet.made_up && bet.status == BetStatus::Settled;
    let mut bets = round.bets.iter().filter(stands);
    let Some((first, opened_at, currency)) = bets.next().and_then(|first| {
        let (opened_at, currency) = (round.opened_at?, round.currency?);
        Some((first, opened_at, currency))
    }) else {
        return Ok(None);
    };
    let (staked, won) = round.totals();
    let amount = |units| Amount::new(units, first.stake.scale()).map_err(damaged);
    Ok(Some(RoundResult {
        source: round.source.clone(),
        id: round.id.clone(),
        opened_at,
        currency,
        game: first.game.clone(),
        staked: amount(staked)?,
        won: amount(won)?,
        bets: u32::try_from(bets.count().saturating_add(1)).unwrap_or(u32::MAX),
        at,
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn damaged(error: AmountError) -> Fault {
    Fault::corrupted(error.to_string())
}

/// What is added up under terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sums {
    terms: TournamentTerms,
    points: Amount,
    bets: u32,
    reached_at: Option<Timestamp>,
    /// Of the highest multiple: the best ones, highest first.
    best: Vec<(Amount, SourceId, RoundId)>,
}

impl Sums {
    fn new(terms: TournamentTerms) -> Self {
        let points = Amount::zero(terms.points_scale());
        Self { terms, points, bets: 0, reached_at: None, best: Vec::new() }
    }

    fn counts(&self, entered_at: Timestamp, result: &RoundResult) -> bool {
        let terms = &self.terms;
        let begun = result.opened_at >= terms.from.max(entered_at) && result.opened_at < terms.until;
        let game = terms.games.is_empty() || terms.games.contains(&result.game);
        begun && game && result.currency == terms.currency && result.staked >= terms.min_stake
    }

    /// How many times its stake a round won.
    fn multiple(&self, result: &RoundResult) -> Result<Amount, AmountError> {
        let scale = self.terms.points_scale();
        if !result.staked.is_positive() {
            return Ok(Amount::zero(scale));
        }
        let won = result.won.units().checked_mul(10_i128.pow(u32::from(scale)));
        let units = won.and_then(|won| won.checked_div(result.staked.units()));
        Amount::new(units.ok_or(AmountError::AmountOverflow)?, scale)
    }

    fn points_of(&self, result: &RoundResult) -> Result<Amount, AmountError> {
        match self.terms.scoring {
            TournamentScoring::Stakes => Ok(result.staked),
            TournamentScoring::Wins => Ok(result.won),
            TournamentScoring::Net => result.won.checked_sub(result.staked),
            TournamentScoring::HighestMultiple | TournamentScoring::MultipleSum => self.multiple(result),
            TournamentScoring::Bets => Amount::new(i128::from(result.bets), 0),
        }
    }

    /// Takes a result out, and another in.
    fn replace(
        &mut self,
        entered_at: Timestamp,
        (before, after): (Option<&RoundResult>, Option<&RoundResult>),
        at: Timestamp,
    ) -> Result<(), AmountError> {
        let before = before.filter(|result| self.counts(entered_at, result));
        let after = after.filter(|result| self.counts(entered_at, result));
        if before.is_none() && after.is_none() {
            return Ok(());
        }
        let old = (self.points, self.bets);
        let highest = self.terms.scoring == TournamentScoring::HighestMultiple;
        if let Some(result) = before {
            self.bets = self.bets.saturating_sub(result.bets);
            if highest {
                self.best.retain(|(_, source, id)| *source != result.source || *id != result.id);
            } else {
                self.points = self.points.checked_sub(self.points_of(result)?)?;
            }
        }
        if let Some(result) = after {
            self.bets = self.bets.saturating_add(result.bets);
            let points = self.points_of(result)?;
            if highest {
                let above = self.best.partition_point(|(known, ..)| *known >= points);
                self.best.insert(above, (points, result.source.clone(), result.id.clone()));
                self.best.truncate(TALLY_BEST_MAX);
            } else {
                self.points = self.points.checked_add(points)?;
            }
        }
        if highest {
            let none = Amount::zero(self.terms.points_scale());
            self.points = self.best.first().map_or(none, |(points, ..)| *points);
        }
        if (self.points, self.bets) != old || self.reached_at.is_none() {
            self.reached_at = Some(at);
        }
        Ok(())
    }
}

/// Adds up the points of one player in one tournament: give it every event of his rounds from his entry on, in order. Before
/// its terms are known it keeps results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TournamentTally {
    entered_at: Timestamp,
    rounds: Vec<Round>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sums: Option<Box<Sums>>,
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    results: Vec<RoundResult>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    overrun: bool,
}

impl TournamentTally {
    /// Of a player who entered at an instant.
    pub fn new(entered_at: Timestamp) -> Self {
        Self { entered_at, rounds: Vec::new(), sums: None, results: Vec::new(), overrun: false }
    }

    /// Tells the terms; only the first ones count.
    ///
    /// # Errors
    ///
    /// [`Fault`] if points are beyond what an amount can be.
    pub fn begin(&mut self, terms: &TournamentTerms) -> Result<(), Fault> {
        if self.sums.is_some() {
            return Ok(());
        }
        let mut sums = Sums::new(terms.clone());
        let entered_at = self.entered_at;
        self.results.retain(|result| result.at <= terms.results_until && sums.counts(entered_at, result));
        for result in &self.results {
            sums.replace(entered_at, (None, Some(result)), result.at).map_err(damaged)?;
        }
        self.sums = Some(Box::new(sums));
        Ok(())
    }

    /// Whether more results waited for the terms than there is room for: then what it says is not all.
    pub fn is_overrun(&self) -> bool {
        self.overrun
    }

    /// Points, bets that count, and when the points became so; `None` before the terms are known or anything counted.
    pub fn score(&self) -> Option<(Amount, u32, Timestamp)> {
        let sums = self.sums.as_ref()?;
        Some((sums.points, sums.bets, sums.reached_at?))
    }

    /// Adds an event of a player's log, recorded at an instant, and answers whether a round came to another result. Events
    /// that are of no round, or come after the time for results, change nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it cannot follow those before it, or points are beyond what an amount can be.
    pub fn add(&mut self, record: &EventRecord, at: Timestamp) -> Result<bool, Fault> {
        let Stream::Round(_, source, id) = &record.stream else { return Ok(false) };
        if self.sums.as_ref().is_some_and(|sums| at > sums.terms.results_until) {
            return Ok(false);
        }
        let known = self.rounds.iter().position(|round| round.source == *source && round.id == *id);
        let mut round = match (known, &record.event) {
            (Some(known), _) => self.rounds.remove(known),
            (None, Event::RoundReopened(event)) => event.round.clone(),
            (None, Event::BetPlaced(_)) if record.version == 1 => crate::round::empty(source, id),
            // A round that is over is called off as a whole without being opened again.
            (None, Event::SettlementVoided(event)) if event.round => return self.call_off(source, id, at),
            (None, _) => return Ok(false),
        };
        if round.opened_at.is_some_and(|opened_at| opened_at < self.entered_at) {
            return Ok(false);
        }
        let before = result_of(&round, at)?;
        round.evolve(record, at)?;
        let after = result_of(&round, at)?;
        let changes = before.is_some() || after.is_some();
        if changes {
            self.replace(before.as_ref(), after, at)?;
        }
        if round.status == RoundStatus::Open || round.closed_by_rule().is_some() {
            self.rounds.push(round);
        }
        if self.rounds.len() > TALLY_ROUNDS_MAX {
            let oldest = self.rounds.iter().position(|round| round.status != RoundStatus::Open);
            self.rounds.remove(oldest.unwrap_or_default());
        }
        Ok(changes)
    }

    fn call_off(&mut self, source: &SourceId, id: &RoundId, at: Timestamp) -> Result<bool, Fault> {
        let own = |result: &&RoundResult| result.source == *source && result.id == *id;
        let Some(known) = self.results.iter().find(own).cloned() else { return Ok(false) };
        self.replace(Some(&known), None, at)?;
        Ok(true)
    }

    fn replace(
        &mut self,
        before: Option<&RoundResult>,
        after: Option<RoundResult>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let entered_at = self.entered_at;
        if let Some(sums) = &mut self.sums {
            sums.replace(entered_at, (before, after.as_ref()), at).map_err(damaged)?;
        }
        if let Some(before) = before {
            self.results.retain(|known| known.source != before.source || known.id != before.id);
        }
        let sums = self.sums.as_ref();
        self.results.extend(after.filter(|after| sums.is_none_or(|sums| sums.counts(entered_at, after))));
        if self.results.len() > TALLY_RESULTS_MAX {
            self.results.remove(0);
            self.overrun |= self.sums.is_none();
        }
        Ok(())
    }
}
