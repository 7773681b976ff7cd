//! What limits count, window by window.

use serde::{Deserialize, Serialize};

use super::window::{grain, length};
use crate::money::Amount;
use crate::policy::CountedFunds;
use crate::stored::{LimitBasis, LimitBounds, LimitKind, LimitPeriod, LimitTerm, LimitWindow};
use crate::time::Timestamp;

/// What moves a counter: so much more, or less, in the window in which it was counted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// A deposit was credited.
    Deposit(i128),
    /// A withdrawal was paid.
    Payout(i128),
    /// A stake was taken.
    Stake(i128),
    /// A win was paid.
    Win(i128),
}

impl Flow {
    /// What it adds to a counter, and what it takes off.
    fn sides(self, kind: LimitKind) -> Option<(i128, i128)> {
        use LimitKind::{Deposit, Loss, NetDeposit, NetLoss, Stake};
        match (self, kind) {
            (Self::Deposit(units), Deposit | NetDeposit) | (Self::Stake(units), Stake | Loss | NetLoss) => {
                Some((units, 0))
            }
            (Self::Payout(units), NetDeposit) | (Self::Win(units), Loss | NetLoss) => Some((0, units)),
            _ => None,
        }
    }
}

/// Items that are counted as one. By the entries they were booked with it is known what is among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// When the first was counted.
    pub first_at: Timestamp,
    /// When the last was.
    pub last_at: Timestamp,
    /// The entry of the first.
    pub first: u64,
    /// The entry of the last.
    pub last: u64,
    /// What is counted.
    pub plus: Amount,
    /// What is taken off: wins, payouts.
    pub minus: Amount,
}

/// What is counted for all limits on the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// What.
    pub term: LimitTerm,
    /// When counting began. What was before is not counted.
    pub since: Timestamp,
    /// The current window, if it is one of the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<LimitBounds>,
    /// The entry of the last item that was counted; before the first, the last entry that does not count.
    pub last: u64,
    /// Oldest first; of a window of the calendar there is at most one.
    pub buckets: Vec<Bucket>,
    /// What bonus credits staked and won, counted beside: the policy says whether it counts (R11). Of a player without
    /// bonuses there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bonus: Option<Box<Counter>>,
    /// The last entry that is of before: of another window, or of before counting began.
    from: u64,
    scale: u8,
}

/// A total after a change of so many units. One that no amount can hold stays as it is: no wallet can hold it either.
fn changed(total: Amount, by: i128) -> Amount {
    total.units().checked_add(by).and_then(|units| Amount::new(units, total.scale()).ok()).unwrap_or(total)
}

/// Whether something at an instant is within the rolling window that ends now.
fn is_within(at: Timestamp, period: LimitPeriod, now: Timestamp) -> bool {
    now < at.saturating_add(length(period))
}

impl Counter {
    pub(super) fn new(
        term: LimitTerm,
        scale: u8,
        since: Timestamp,
        entry: u64,
        bounds: Option<LimitBounds>,
    ) -> Self {
        let (buckets, bonus) = (Vec::new(), None);
        Self { term, since, bounds, last: entry, buckets, bonus, from: entry, scale }
    }

    fn window(&self) -> LimitWindow {
        // A term without a window has no counter.
        self.term.window.unwrap_or(LimitWindow { period: LimitPeriod::Day, basis: LimitBasis::Rolling })
    }

    /// The next window of the calendar begins, after an entry.
    pub(super) fn reopen(&mut self, bounds: LimitBounds, entry: u64) {
        self.bounds = Some(bounds);
        self.last = self.last.max(entry);
        self.from = self.last;
        self.buckets.clear();
        self.bonus = None;
    }

    /// Counts a flow of an entry at an instant. One of an entry that was counted before changes what stands in its
    /// bucket; where that has left the window, and where the entry is from before counting began, nothing.
    pub(super) fn count(&mut self, flow: Flow, entry: u64, at: Timestamp) {
        let Some((plus, minus)) = flow.sides(self.term.kind) else { return };
        if let Some(bucket) = self.buckets.iter_mut().rev().find(|b| b.first <= entry && entry <= b.last) {
            (bucket.plus, bucket.minus) = (changed(bucket.plus, plus), changed(bucket.minus, minus));
            return;
        }
        if entry <= self.last {
            return;
        }
        self.last = entry;
        let LimitWindow { period, basis } = self.window();
        let is_rolling = basis == LimitBasis::Rolling;
        if is_rolling {
            self.buckets.retain(|bucket| is_within(bucket.last_at, period, at));
        }
        let fits = |bucket: &&mut Bucket| !is_rolling || at < bucket.first_at.saturating_add(grain(period));
        if let Some(bucket) = self.buckets.last_mut().filter(fits) {
            (bucket.last_at, bucket.last) = (at, entry);
            (bucket.plus, bucket.minus) = (changed(bucket.plus, plus), changed(bucket.minus, minus));
            return;
        }
        let zero = Amount::zero(self.scale);
        self.buckets.push(Bucket {
            first_at: at,
            last_at: at,
            first: entry,
            last: entry,
            plus: changed(zero, plus),
            minus: changed(zero, minus),
        });
    }

    /// Counts the part of a flow that bonus credits are, as [`Self::count`] the player's own.
    pub(super) fn count_bonus(&mut self, flow: Flow, entry: u64, at: Timestamp) {
        if flow.sides(self.term.kind).is_none() {
            return;
        }
        let (term, scale, since, from, bounds) = (self.term, self.scale, self.since, self.from, self.bounds);
        let bonus = self.bonus.get_or_insert_with(|| Box::new(Self::new(term, scale, since, from, bounds)));
        bonus.count(flow, entry, at);
    }

    /// What is counted at an instant, of the funds that count. Of a bucket that is partly within a rolling window all that
    /// is counted counts, and of what is taken off nothing. What was won beside counts below zero only where the kind says
    /// so.
    pub fn used(&self, funds: CountedFunds, now: Timestamp) -> Amount {
        let bonus = self.bonus.as_deref().filter(|_| funds == CountedFunds::All);
        let of_bonus = bonus.map_or(0, |bonus| bonus.sum(now).units());
        let used = changed(self.sum(now), of_bonus);
        let below = used.is_negative() && matches!(self.term.kind, LimitKind::Loss);
        if below { Amount::zero(self.scale) } else { used }
    }

    fn sum(&self, now: Timestamp) -> Amount {
        let LimitWindow { period, basis } = self.window();
        let mut used = Amount::zero(self.scale);
        for bucket in &self.buckets {
            let is_in = |at| match basis {
                LimitBasis::Rolling => is_within(at, period, now),
                _ => self.bounds.is_none_or(|bounds| now < bounds.until),
            };
            if is_in(bucket.last_at) {
                used = changed(used, bucket.plus.units());
            }
            if is_in(bucket.first_at) {
                used = changed(used, bucket.minus.units().saturating_neg());
            }
        }
        used
    }

    /// Whether the current window does not reach to an instant.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.bounds.is_some_and(|bounds| bounds.until <= now)
    }
}
