//! Signals of risk, found in what players do (B.9, R37 in docs/scenarios.md). They are recorded as alerts; what follows from
//! one is the policy's to say, and no money moves by it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ledger_core::stored::{AwardRef, BetPlaced, Event, ProgressChange};
use ledger_core::{
    ActorId, Amount, CurrencyCode, GameId, PlayerId, Policy, RaiseAlert, Reason, SignalName, Timestamp,
};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::{named, player};
use crate::lane::Lane;
use crate::process::id::{ManagerName, ProcessId, ProcessNameError, step};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// The most bets, or undone bets, of one player that are remembered.
pub const SIGNAL_WINDOW_MAX: u16 = 256;
/// The most awards and open rounds of one player that are looked at; of more the oldest are forgotten.
const WATCHED_MAX: usize = 64;
/// How much of what was seen is told, in bytes: as much as a reason holds.
const SEEN_BYTES_MAX: usize = 250;
/// All of it, in basis points.
const WHOLE: u128 = 10_000;

/// Stakes that grow: the mean of the last bets beside that of those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BetGrowth {
    /// How many bets are the last ones.
    pub last: u16,
    /// How many bets before them they are compared with; all must be there.
    pub before: u16,
    /// By how much the mean of the last ones is greater, or more, in basis points: 50,000 is five times.
    pub times: u32,
}

/// Many bets that are undone: voided, rolled back, returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManyVoids {
    /// So many.
    pub voids: u16,
    /// Within so long.
    pub within: Duration,
}

/// Bets at a game's minimum while the last of a bonus is wagered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumBets {
    /// So many.
    pub bets: u16,
    /// From which share of its target on an award is looked at, in basis points: 9,000 is the last tenth.
    pub from: u32,
    /// The minimum of games. A game without one is not looked at.
    pub minimums: BTreeMap<GameId, BTreeMap<CurrencyCode, Amount>>,
}

impl MinimumBets {
    /// With the least stakes of a policy's table of games.
    pub fn of(bets: u16, from: u32, policy: &Policy) -> Self {
        let least = |(game, rule): (&GameId, &ledger_core::GameRule)| {
            let stakes = rule.stakes.iter().filter_map(|(currency, range)| {
                let least = range.min?.normalize();
                Some((*currency, Amount::from_decimal(least, u8::try_from(least.scale()).ok()?).ok()?))
            });
            (game.clone(), stakes.collect())
        };
        Self { bets, from, minimums: policy.games.games.iter().map(least).collect() }
    }

    fn is_minimum(&self, bet: &BetPlaced) -> bool {
        let least = self.minimums.get(&bet.game).and_then(|stakes| stakes.get(&bet.currency));
        least.is_some_and(|least| bet.stake.to_decimal() <= least.to_decimal())
    }
}

/// How much of a game's outcomes a bet covers, in basis points: a colour of European roulette is 4,864.
pub type Coverage = Arc<dyn Fn(&BetPlaced) -> u32 + Send + Sync>;

/// Bets of one round that cover nearly all of its outcomes. What a bet is on the ledger does not know: the host tells.
#[derive(Clone)]
pub struct OppositeBets {
    /// How much a bet covers: pure.
    pub coverage: Coverage,
    /// From which coverage of all bets of a round on, in basis points.
    pub from: u32,
}

impl fmt::Debug for OppositeBets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OppositeBets").field("from", &self.from).finish_non_exhaustive()
    }
}

/// What is looked for. A rule that is absent is not.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SignalRules {
    /// The version of these rules: raise it with every change, so that what was seen under others is not gone on with.
    pub version: u32,
    /// What happened before it raises nothing: an instant at which these rules began.
    pub since: Option<Timestamp>,
    /// How long the same signal of a player is not raised again.
    pub quiet: Duration,
    /// Raises `bet_growth`.
    pub bet_growth: Option<BetGrowth>,
    /// Raises `many_voids`.
    pub many_voids: Option<ManyVoids>,
    /// Raises `minimum_bets`, once for an award.
    pub minimum_bets: Option<MinimumBets>,
    /// Raises `opposite_bets`, once for a round.
    pub opposite_bets: Option<OppositeBets>,
}

/// Looks for signals of risk in what players do, and raises an alert for each. The policy says what follows
/// (`ControlPolicy::risk`): a block, a limit, a case.
#[derive(Debug, Clone)]
pub struct Signals {
    name: ManagerName,
    rules: SignalRules,
}

impl Signals {
    /// The manager `signals`.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new(rules: SignalRules) -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("signals")?, rules })
    }
}

/// An award as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedAward {
    /// The award.
    pub of: AwardRef,
    /// What must be wagered.
    pub target: Amount,
    /// What is.
    pub progress: Amount,
    /// How many bets at the minimum were placed in the last part.
    pub minimum_bets: u16,
}

/// The bets of an open round as far as they are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedRound {
    /// The round's stream.
    pub stream: String,
    /// What its bets cover, in basis points.
    pub covered: u32,
}

/// An alert that is to be raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is.
    pub signal: SignalName,
    /// The step that raises it.
    pub step: String,
    /// What was seen.
    pub seen: String,
}

/// What is remembered of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The player.
    pub player: PlayerId,
    /// His last stakes by currency, the oldest first.
    pub stakes: BTreeMap<CurrencyCode, VecDeque<Amount>>,
    /// When bets of his were undone, the oldest first.
    pub voids: VecDeque<Timestamp>,
    /// His awards.
    pub awards: Vec<WatchedAward>,
    /// His rounds with a bet that covers something.
    pub rounds: Vec<WatchedRound>,
    /// When each signal was found last.
    pub last: BTreeMap<SignalName, Timestamp>,
    /// What is to be raised.
    pub found: Vec<Found>,
}

fn units(amount: &Amount) -> u128 {
    u128::try_from(amount.units()).unwrap_or_default()
}

impl Watched {
    fn find(
        &mut self,
        signal: &'static str,
        seen: String,
        event: &Occurrence,
        rules: &SignalRules,
        at: Timestamp,
    ) {
        let Ok(signal) = SignalName::new(signal) else { return };
        let is_new = |last: &Timestamp| last.saturating_add(rules.quiet) <= at;
        let is_quiet =
            rules.since.is_some_and(|since| at < since) || !self.last.get(&signal).is_none_or(is_new);
        if is_quiet {
            return;
        }
        let end = seen.char_indices().map(|(at, _)| at).take_while(|at| *at <= SEEN_BYTES_MAX).last();
        let seen =
            if seen.len() <= SEEN_BYTES_MAX { seen } else { seen[..end.unwrap_or_default()].to_owned() };
        self.last.insert(signal.clone(), at);
        let step = step(&[signal.as_str(), &event.id().to_string()]);
        self.found.push(Found { signal, step, seen });
    }

    fn placed(&mut self, bet: &BetPlaced, event: &Occurrence, rules: &SignalRules, at: Timestamp) {
        if let Some(rule) = &rules.bet_growth {
            let keep = usize::from(rule.last.clamp(1, SIGNAL_WINDOW_MAX))
                + usize::from(rule.before.clamp(1, SIGNAL_WINDOW_MAX));
            let stakes = self.stakes.entry(bet.currency).or_default();
            stakes.push_back(bet.stake);
            while stakes.len() > keep {
                stakes.pop_front();
            }
            if let Some((last, before)) = grown(stakes, *rule) {
                self.find(
                    "bet_growth",
                    format!("the last bets are {last} on average, those before {before}"),
                    event,
                    rules,
                    at,
                );
                // The next comparison begins anew, not with each bet that follows.
                self.stakes.remove(&bet.currency);
            }
        }
        if let (Some(rule), Some(counted)) = (&rules.minimum_bets, &bet.counted)
            && rule.is_minimum(bet)
            && let Some(award) = self.awards.iter_mut().find(|award| award.of == counted.award)
            && units(&award.progress) * WHOLE >= units(&award.target) * u128::from(rule.from)
        {
            award.minimum_bets = award.minimum_bets.saturating_add(1);
            if award.minimum_bets == rule.bets {
                let seen = format!("{} bets at the minimum end the wagering of {}", rule.bets, award.of.id);
                self.find("minimum_bets", seen, event, rules, at);
            }
        }
        if let Some(rule) = &rules.opposite_bets {
            let covers = (rule.coverage)(bet);
            if covers > 0
                && let Some(record) = event.record()
            {
                self.cover(&record.stream.to_string(), covers, rule.from, event, rules, at);
            }
        }
    }

    fn cover(
        &mut self,
        stream: &str,
        covers: u32,
        from: u32,
        event: &Occurrence,
        rules: &SignalRules,
        at: Timestamp,
    ) {
        let known = self.rounds.iter().position(|round| round.stream == stream);
        let index = known.unwrap_or_else(|| {
            if self.rounds.len() >= WATCHED_MAX {
                self.rounds.remove(0);
            }
            self.rounds.push(WatchedRound { stream: stream.to_owned(), covered: 0 });
            self.rounds.len() - 1
        });
        let Some(round) = self.rounds.get_mut(index) else { return };
        let before = round.covered;
        round.covered = before.saturating_add(covers);
        let covered = round.covered;
        // One bet that covers all is no pair of opposite ones.
        if known.is_some() && before < from && covered >= from {
            let seen = format!("the bets of {stream} cover {covered} of 10000");
            self.find("opposite_bets", seen, event, rules, at);
        }
    }

    fn undone(&mut self, event: &Occurrence, rules: &SignalRules, at: Timestamp) {
        let Some(rule) = rules.many_voids else { return };
        self.voids.push_back(at);
        while self.voids.len() > usize::from(rule.voids.clamp(1, SIGNAL_WINDOW_MAX)) {
            self.voids.pop_front();
        }
        let oldest = self.voids.front().map(|oldest| oldest.saturating_add(rule.within));
        if self.voids.len() == usize::from(rule.voids.clamp(1, SIGNAL_WINDOW_MAX))
            && oldest.is_some_and(|end| at <= end)
        {
            self.find(
                "many_voids",
                format!("{} bets were undone within {:?}", rule.voids, rule.within),
                event,
                rules,
                at,
            );
            self.voids.clear();
        }
    }
}

/// The means of the last stakes and of those before, if the last are that much greater.
fn grown(stakes: &VecDeque<Amount>, rule: BetGrowth) -> Option<(u128, u128)> {
    let (last, before) = (
        usize::from(rule.last.clamp(1, SIGNAL_WINDOW_MAX)),
        usize::from(rule.before.clamp(1, SIGNAL_WINDOW_MAX)),
    );
    if stakes.len() < last + before {
        return None;
    }
    let sum = |range: std::ops::Range<usize>| stakes.range(range).map(units).sum::<u128>();
    let (old, new) = (sum(0..before), sum(before..before + last));
    let (last, before) = (u128::try_from(last).ok()?, u128::try_from(before).ok()?);
    let is_more = new.checked_mul(before)?.checked_mul(WHOLE)?
        >= old.checked_mul(last)?.checked_mul(rule.times.into())?;
    (is_more && old > 0).then(|| (new / last, old / before))
}

fn is_watched(event: &Event) -> bool {
    matches!(
        event,
        Event::BetPlaced(_)
            | Event::BetRolledBack(_)
            | Event::BetVoided(_)
            | Event::BetReturned(_)
            | Event::RoundVoided(_)
            | Event::RoundClosed(_)
            | Event::BonusIssued(_)
            | Event::WagerProgressUpdated(_)
            | Event::BonusConverted(_)
            | Event::BonusLost(_)
            | Event::BonusExpired(_)
            | Event::BonusForfeited(_)
            | Event::AlertRaised(_)
    )
}

impl ProcessManager for Signals {
    type State = Watched;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        self.rules.version
    }

    fn lane(&self) -> Option<Lane> {
        Some(Lane::Cashier)
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let (Some(record), Some(player)) = (event.record(), player(event)) else { return };
        if is_watched(&record.event) {
            processes.extend(ProcessId::of(&["player", player.as_str()]));
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<Watched>,
        input: Input<'_, Infallible, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        match input {
            Input::Event(event) => {
                let (Some(record), Some(player)) = (event.record(), player(event)) else { return };
                let watched = state.get_or_insert_with(|| Watched {
                    player: player.clone(),
                    stakes: BTreeMap::new(),
                    voids: VecDeque::new(),
                    awards: Vec::new(),
                    rounds: Vec::new(),
                    last: BTreeMap::new(),
                    found: Vec::new(),
                });
                let award = || match &record.stream {
                    ledger_core::Stream::Bonus(_, of) => Some(of.clone()),
                    _ => None,
                };
                let (rules, at) = (&self.rules, turn.at);
                match &record.event {
                    Event::BetPlaced(bet)
                        if !bet.made_up && bet.free.is_none() && bet.stake.is_positive() =>
                    {
                        watched.placed(bet, event, rules, at);
                    }
                    Event::BetRolledBack(_) | Event::BetVoided(_) | Event::BetReturned(_) => {
                        watched.undone(event, rules, at);
                    }
                    Event::RoundVoided(_) | Event::RoundClosed(_) => {
                        // The void of a round that nobody played undoes nothing.
                        if matches!(&record.event, Event::RoundVoided(voided) if !voided.bets.is_empty()) {
                            watched.undone(event, rules, at);
                        }
                        let stream = record.stream.to_string();
                        watched.rounds.retain(|round| round.stream != stream);
                    }
                    Event::BonusIssued(issued) => {
                        if let Some(of) = award() {
                            if watched.awards.len() >= WATCHED_MAX {
                                watched.awards.remove(0);
                            }
                            let (target, progress) = (issued.target, Amount::zero(issued.target.scale()));
                            watched.awards.push(WatchedAward { of, target, progress, minimum_bets: 0 });
                        }
                    }
                    Event::WagerProgressUpdated(step) => {
                        let of = award();
                        let known = watched.awards.iter_mut().find(|award| Some(&award.of) == of.as_ref());
                        if let Some(award) = known {
                            award.progress = step.progress;
                            let is_back = step.change == ProgressChange::Reversed;
                            let from = rules.minimum_bets.as_ref().map_or(0, |rule| rule.from);
                            let is_before =
                                units(&award.progress) * WHOLE < units(&award.target) * u128::from(from);
                            if is_back && is_before {
                                award.minimum_bets = 0;
                            }
                        }
                    }
                    Event::BonusConverted(_)
                    | Event::BonusLost(_)
                    | Event::BonusExpired(_)
                    | Event::BonusForfeited(_) => {
                        let of = award();
                        watched.awards.retain(|award| Some(&award.of) != of.as_ref());
                    }
                    Event::AlertRaised(raised)
                        if Some(&raised.txn.source) == self.name.source().ok().as_ref() =>
                    {
                        let known = watched.found.iter().position(|found| found.signal == raised.signal);
                        known.map(|index| watched.found.remove(index));
                    }
                    _ => {}
                }
            }
            // An alert that is refused, because too many are open, is not worth waiting for.
            Input::Done { step, .. } | Input::Refused { step, .. } | Input::Skipped { step, .. } => {
                if let Some(watched) = state {
                    watched.found.retain(|found| found.step != step);
                }
            }
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, state: &Watched, _: &Policy, wants: &mut Wants<Infallible>) {
        for found in &state.found {
            let (Ok(by), Ok(reason)) = (ActorId::new("process/signals"), Reason::new(found.seen.as_str()))
            else {
                wants.stuck("what was seen cannot be told");
                return;
            };
            wants.player(&found.step, &state.player, |key| RaiseAlert {
                source: key.source,
                id: key.id,
                signal: found.signal.clone(),
                by,
                reason,
            });
        }
    }
}
