//! A player's limits and their fold.

use serde::{Deserialize, Serialize};

use super::counter::{Counter, Flow};
use super::play_time::PlayTime;
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{Event, LimitKind, LimitRaiseRequested, LimitSet, LimitSide, LimitTerm};
use crate::time::Timestamp;

/// A raise that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raise {
    /// How high; `None` for no limit at all.
    pub amount: Option<Amount>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// From when on it may be.
    pub due_at: Timestamp,
    /// Whether it must be confirmed then.
    pub confirm: bool,
}

/// A limit in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerLimit {
    /// Whose it is.
    pub side: LimitSide,
    /// On what.
    pub term: LimitTerm,
    /// How high.
    pub amount: Amount,
    /// Since when it is so.
    pub since: Timestamp,
    /// A raise of it that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise: Option<Raise>,
}

/// What is left of the lowest limit on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitLeft {
    /// On what.
    pub term: LimitTerm,
    /// Whose limit it is: of several with as much left the first.
    pub side: LimitSide,
    /// How high it is.
    pub amount: Amount,
    /// How much of it is used.
    pub used: Amount,
    /// What is left; below zero where it was made lower than what was used.
    pub left: Amount,
    /// Whether so much is used that the player is to be warned (S109).
    pub is_near: bool,
}

/// The limits of a player, and what is counted for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controls {
    /// In the order they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) limits: Vec<PlayerLimit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) counters: Vec<Counter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) play_time: Option<Box<PlayTime>>,
}

impl Controls {
    /// The limits in force, in the order they were set.
    pub fn limits(&self) -> &[PlayerLimit] {
        &self.limits
    }

    /// A limit in force.
    pub fn limit(&self, side: LimitSide, term: &LimitTerm) -> Option<&PlayerLimit> {
        self.limits.iter().find(|limit| limit.side == side && limit.term == *term)
    }

    /// What is counted, in the order in which that began.
    pub fn counters(&self) -> &[Counter] {
        &self.counters
    }

    /// What is counted for limits on something.
    pub fn counter(&self, term: &LimitTerm) -> Option<&Counter> {
        self.counters.iter().find(|counter| counter.term == *term)
    }

    /// The limits on the time of play, and when he played; `None` if there are no such limits.
    pub fn play_time(&self) -> Option<&PlayTime> {
        self.play_time.as_deref()
    }

    /// Counts the time of a session that gave a sign of life, since the one before.
    pub(crate) fn played(&mut self, from: Timestamp, at: Timestamp) {
        if let Some(play) = &mut self.play_time {
            play.played(from, at);
        }
    }

    /// The estimated bytes of it in a cache.
    pub fn weight(&self) -> usize {
        let of_counter = |counter: &Counter| {
            let beside = counter.bonus.as_ref().map_or(0, |bonus| bonus.buckets.len());
            200_usize.saturating_add(counter.buckets.len().saturating_add(beside).saturating_mul(112))
        };
        let counters = self.counters.iter().map(of_counter).fold(0, usize::saturating_add);
        let play = self.play_time.as_ref().map_or(0, |play| play.weight());
        self.limits.len().saturating_mul(200).saturating_add(counters).saturating_add(play)
    }

    /// Whether stakes and wins are counted.
    pub(crate) fn counts_play(&self) -> bool {
        use LimitKind::{Loss, NetLoss, Stake};
        self.counters.iter().any(|counter| matches!(counter.term.kind, Stake | Loss | NetLoss))
    }

    /// Whether deposits are counted.
    pub(crate) fn counts_deposits(&self) -> bool {
        use LimitKind::{Deposit, NetDeposit};
        self.counters.iter().any(|counter| matches!(counter.term.kind, Deposit | NetDeposit))
    }

    /// Counts a flow of an entry.
    pub(super) fn count(&mut self, currency: CurrencyCode, flow: Flow, entry: u64, at: Timestamp) {
        for counter in self.counters.iter_mut().filter(|counter| counter.term.currency == currency) {
            counter.count(flow, entry, at);
        }
    }

    /// Counts the part of a flow of an entry that bonus credits are.
    pub(super) fn count_bonus(&mut self, currency: CurrencyCode, flow: Flow, entry: u64, at: Timestamp) {
        for counter in self.counters.iter_mut().filter(|counter| counter.term.currency == currency) {
            counter.count_bonus(flow, entry, at);
        }
    }

    /// Folds an event of limits, after so many entries of the wallet.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow.
    pub(crate) fn evolve(&mut self, event: &Event, entries: u64, at: Timestamp) -> Result<(), Fault> {
        match event {
            Event::LimitSet(event) => self.set(event, entries, at),
            Event::LimitRaiseRequested(event) => self.request_raise(event, at)?,
            Event::LimitWindowsOpened(event) => {
                for opened in &event.windows {
                    let counter = self.counters.iter_mut().find(|counter| counter.term == opened.term);
                    let counter = counter
                        .ok_or_else(|| Fault::corrupted("a window was opened in which nothing is counted"))?;
                    counter.reopen(opened.bounds, entries);
                }
            }
            Event::LimitWarned(_) => {}
            Event::PlayTimeLimitSet(_)
            | Event::PlayTimeRaiseRequested(_)
            | Event::PlayTimeWindowsOpened(_)
            | Event::PlayTimeWarned(_) => {
                self.play_time.get_or_insert_default().evolve(event, at)?;
                self.play_time = self.play_time.take().filter(|play| !play.is_empty());
            }
            event => return Err(Fault::corrupted(format!("{} is of no limit", event.type_name()))),
        }
        Ok(())
    }

    fn set(&mut self, event: &LimitSet, entries: u64, at: Timestamp) {
        let index = self.limits.iter().position(|limit| limit.side == event.side && limit.term == event.term);
        let known = index.and_then(|index| self.limits.get_mut(index));
        match (event.amount, known) {
            (Some(amount), Some(limit)) => (limit.amount, limit.since, limit.raise) = (amount, at, None),
            (Some(amount), None) => {
                let (side, term) = (event.side, event.term);
                self.limits.push(PlayerLimit { side, term, amount, since: at, raise: None });
                if term.window.is_some() && self.counter(&term).is_none() {
                    self.counters.push(Counter::new(term, amount.scale(), at, entries, event.bounds));
                }
            }
            (None, _) => {
                self.limits.retain(|limit| limit.side != event.side || limit.term != event.term);
                if self.limits.iter().all(|limit| limit.term != event.term) {
                    self.counters.retain(|counter| counter.term != event.term);
                }
            }
        }
    }

    fn request_raise(&mut self, event: &LimitRaiseRequested, at: Timestamp) -> Result<(), Fault> {
        let mut limits = self.limits.iter_mut();
        let limit = limits.find(|limit| limit.side == LimitSide::Player && limit.term == event.term);
        let limit = limit.ok_or_else(|| Fault::corrupted("a limit is to be raised that there is not"))?;
        let (amount, due_at, confirm) = (event.amount, event.due_at, event.confirm);
        limit.raise = Some(Raise { amount, asked_at: at, due_at, confirm });
        Ok(())
    }
}
