//! What protects one player, with how much of each limit is used.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger_core::stored::{LimitBounds, LimitCause, LimitSide, LimitTerm};
use ledger_core::{
    ActorId, Amount, Controls, CountedFunds, Counter, CurrencyCode, KnownRegister, PlayTime, PlayTimeLimit,
    PlayerId, Raise, Timestamp,
};

use super::row::{LimitRow, OpenDeposit, SessionRow, StandingRow};

/// A limit of a player, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitUse {
    /// Whose it is.
    pub side: LimitSide,
    /// On what.
    pub term: LimitTerm,
    /// How high it is.
    pub amount: Amount,
    /// How much of it is used.
    pub used: Amount,
    /// What is left; below zero where it was made lower than what was used.
    pub left: Amount,
    /// Since when it is so high.
    pub since: Timestamp,
    /// Why it is so high.
    pub cause: LimitCause,
    /// Who set it, if it is known.
    pub by: Option<ActorId>,
    /// A raise of it that waits.
    pub raise: Option<Raise>,
    /// From when to when its window is; `None` of a rolling one, of a limit without a window, and between two windows of the
    /// calendar: the next is recorded with the next bet or deposit.
    pub window: Option<LimitBounds>,
}

/// What protects a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerControls {
    /// The player.
    pub player: PlayerId,
    /// Blocks, exclusion, tier, profile of limits, limit on sessions.
    pub standing: StandingRow,
    /// The limits in force, in the order they were set. [`Self::limits`] tells how much of them is used.
    pub limits: Vec<LimitRow>,
    /// What is counted for them, in the order in which that began.
    pub counters: Vec<Counter>,
    /// The limits on the time of play, and when he played; `None` if there are none. [`Self::play_time_used`] tells
    /// how much of them is used.
    pub play_time: Option<PlayTime>,
    /// Deposits that are under way: they count for limits on deposits (R05).
    pub deposits: Vec<OpenDeposit>,
    /// What registers said last, in the order they first answered.
    pub registers: Vec<KnownRegister>,
    /// The open sessions, with their reality checks.
    pub sessions: Vec<SessionRow>,
    /// By currency: cash, and what is held. It counts for limits on the balance.
    pub purses: BTreeMap<CurrencyCode, Amount>,
}

impl PlayerControls {
    /// The limits in force at an instant, in the order they were set, and how much of each is used, as the policy counts
    /// funds (R11). A limit that the policy sets is here once something was decided under it.
    pub fn limits(&self, funds: CountedFunds, now: Timestamp) -> Vec<LimitUse> {
        let limits = self.limits.iter().map(|row| row.limit.clone()).collect();
        let controls = Controls::of(limits, self.counters.clone());
        let of = |row: &LimitRow| {
            let LimitRow { limit, cause, by, .. } = row;
            let currency = limit.term.currency;
            let balance = self.purses.get(&currency).copied();
            let under_way = self.deposits.iter().filter(|deposit| deposit.currency == currency);
            let used = controls.used(limit, funds, balance, under_way.map(|deposit| deposit.amount), now);
            let left = limit.amount.checked_sub(used).unwrap_or(Amount::zero(limit.amount.scale()));
            let bounds = controls.counter(&limit.term).and_then(|counter| counter.bounds);
            LimitUse {
                side: limit.side,
                term: limit.term,
                amount: limit.amount,
                used,
                left,
                since: limit.since,
                cause: *cause,
                by: by.clone(),
                raise: limit.raise.clone(),
                window: bounds.filter(|bounds| bounds.from <= now && now < bounds.until),
            }
        };
        self.limits.iter().map(of).collect()
    }

    /// The limits on the time of play in force, in the order they were set, and how long he has played in the window of each at
    /// an instant: until the last sign of life of each session (R40).
    pub fn play_time_used(&self, now: Timestamp) -> Vec<(PlayTimeLimit, Duration)> {
        let Some(play) = &self.play_time else { return Vec::new() };
        let used = |limit: &PlayTimeLimit| {
            play.window(limit.window).map_or(Duration::ZERO, |counted| play.used(counted, None, now))
        };
        play.limits().iter().map(|limit| (limit.clone(), used(limit))).collect()
    }
}
