//! A player's limits on the time of play, and their fold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::controls::session_limit::SessionRaise;
use crate::controls::window;
use crate::player_ledger::Fault;
use crate::stored::{
    Event, LimitBasis, LimitBounds, LimitPeriod, LimitSide, LimitWindow, PlayTimeLimitSet,
    PlayTimeRaiseRequested,
};
use crate::time::Timestamp;

/// The most stretches of play that are kept apart. Of more, the two with the shortest pause between them become one, and the
/// pause counts: never to the player's advantage.
pub const STRETCHES_MAX: usize = 128;

/// A limit on the time of play in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayTimeLimit {
    /// Whose it is.
    pub side: LimitSide,
    /// Over which window.
    pub window: LimitWindow,
    /// How long he may play in it, in seconds.
    pub max_secs: u32,
    /// Since when it is so.
    pub since: Timestamp,
    /// A raise of it that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise: Option<SessionRaise>,
}

/// A window in which the time of play is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayTimeWindow {
    /// Which.
    pub window: LimitWindow,
    /// When counting began. What was played before does not count.
    pub since: Timestamp,
    /// From when to when it is, if it is one of the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<LimitBounds>,
}

/// A time in which at least one session was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

/// What is left of the lowest limit on the time of play over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayTimeLeft {
    /// Over which window.
    pub window: LimitWindow,
    /// Whose limit it is: of several that leave as much the first.
    pub side: LimitSide,
    /// How long he may play in it, in seconds.
    pub max_secs: u32,
    /// How long he has.
    pub used: Duration,
    /// Whether so much is used that the player is to be warned (S109).
    pub is_near: bool,
}

impl PlayTimeLeft {
    /// What is left; nothing where the limit was made lower than what was played.
    pub fn left(&self) -> Duration {
        Duration::from_secs(self.max_secs.into()).saturating_sub(self.used)
    }
}

/// The limits of a player on the time of play, and when he played.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayTime {
    /// In the order they were set.
    limits: Vec<PlayTimeLimit>,
    /// In the order in which counting began.
    windows: Vec<PlayTimeWindow>,
    /// Oldest first; none touches another.
    stretches: Vec<Stretch>,
}

/// How long ago something may be that counts in a window: longer than any such window is, whatever its zone does.
fn reach(period: LimitPeriod) -> Duration {
    window::length(period).saturating_add(window::length(LimitPeriod::Day).saturating_mul(2))
}

/// How much of a stretch lies between two instants, in microseconds.
fn within(stretch: Stretch, from: Timestamp, until: Timestamp) -> i64 {
    let (from, until) = (stretch.from.max(from), stretch.until.min(until));
    until.as_micros().saturating_sub(from.as_micros()).max(0)
}

impl PlayTimeWindow {
    /// From which to which instant play counts in it, seen from an instant. None of a window that is over.
    fn span(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (from, until) = match (self.window.basis, self.bounds) {
            (LimitBasis::Rolling, _) | (_, None) => {
                (now.saturating_sub(window::length(self.window.period)), Timestamp::MAX)
            }
            (_, Some(bounds)) => (bounds.from, bounds.until),
        };
        (now < until).then_some((from.max(self.since), until))
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.bounds.is_some_and(|bounds| bounds.until <= now)
    }
}

impl PlayTime {
    /// The limits in force, in the order they were set.
    pub fn limits(&self) -> &[PlayTimeLimit] {
        &self.limits
    }

    /// A limit in force.
    pub fn limit(&self, side: LimitSide, window: LimitWindow) -> Option<&PlayTimeLimit> {
        self.limits.iter().find(|limit| limit.side == side && limit.window == window)
    }

    /// The windows in which the time of play is counted.
    pub fn windows(&self) -> &[PlayTimeWindow] {
        &self.windows
    }

    /// When he played, oldest first.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The window in which the time of play is counted for limits over it.
    pub fn window(&self, window: LimitWindow) -> Option<&PlayTimeWindow> {
        self.windows.iter().find(|counted| counted.window == window)
    }

    /// How long he played in a window, seen from an instant; with `running` he plays since then, whatever else he played.
    pub fn used(&self, window: &PlayTimeWindow, running: Option<Timestamp>, now: Timestamp) -> Duration {
        let Some((from, until)) = window.span(now) else { return Duration::ZERO };
        // What runs takes in whatever of the others lies behind its beginning.
        let cut = running.unwrap_or(Timestamp::MAX);
        let before = self.stretches.iter().map(|stretch| within(*stretch, from, until.min(cut)));
        let runs = running.map(|since| within(Stretch { from: since, until: now }, from, until));
        let micros = before.chain(runs).fold(0, i64::saturating_add);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// A session gave a sign of life, and was played since the one before.
    pub(crate) fn played(&mut self, from: Timestamp, at: Timestamp) {
        let longest = self.windows.iter().map(|counted| reach(counted.window.period)).max();
        let Some(kept_from) = longest.map(|longest| at.saturating_sub(longest)) else { return };
        let gone = self.stretches.iter().take_while(|stretch| stretch.until <= kept_from).count();
        self.stretches.drain(..gone.min(self.stretches.len()));
        let mut from = from.max(kept_from);
        if from >= at {
            return;
        }
        // All that is kept was before now, so what touches it are the last ones.
        while let Some(last) = self.stretches.pop_if(|last| last.until >= from) {
            from = from.min(last.from);
        }
        self.stretches.push(Stretch { from, until: at });
        if self.stretches.len() > STRETCHES_MAX {
            self.join();
        }
    }

    /// The two stretches with the shortest pause between them become one; of several such the oldest.
    fn join(&mut self) {
        let pauses = self.stretches.iter().zip(self.stretches.iter().skip(1));
        let pauses =
            pauses.map(|(earlier, later)| later.from.as_micros().saturating_sub(earlier.until.as_micros()));
        let shortest =
            pauses.enumerate().min_by_key(|(index, pause)| (*pause, *index)).map(|(index, _)| index);
        let Some(index) = shortest.filter(|index| *index < self.stretches.len()) else { return };
        let earlier = self.stretches.remove(index);
        if let Some(later) = self.stretches.get_mut(index) {
            later.from = earlier.from;
        }
    }

    /// The estimated bytes of it in a cache.
    pub(in crate::controls) fn weight(&self) -> usize {
        let own = self.limits.len().saturating_mul(96);
        let windows = self.windows.len().saturating_mul(48);
        own.saturating_add(windows).saturating_add(self.stretches.len().saturating_mul(16))
    }

    /// Whether nothing is limited any more.
    pub(in crate::controls) fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// Folds an event of limits on the time of play.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow.
    pub(in crate::controls) fn evolve(&mut self, event: &Event, at: Timestamp) -> Result<(), Fault> {
        match event {
            Event::PlayTimeLimitSet(event) => self.set(event, at),
            Event::PlayTimeRaiseRequested(event) => self.request_raise(event)?,
            Event::PlayTimeWindowsOpened(event) => {
                for opened in &event.windows {
                    let counted = self.windows.iter_mut().find(|counted| counted.window == opened.window);
                    let counted = counted
                        .ok_or_else(|| Fault::corrupted("a window was opened in which no time is counted"))?;
                    counted.bounds = Some(opened.bounds);
                }
            }
            Event::PlayTimeWarned(_) => {}
            event => {
                let what = format!("{} is of no limit on the time of play", event.type_name());
                return Err(Fault::corrupted(what));
            }
        }
        Ok(())
    }

    fn set(&mut self, event: &PlayTimeLimitSet, at: Timestamp) {
        let (side, window) = (event.side, event.window);
        let known = self.limits.iter_mut().find(|limit| limit.side == side && limit.window == window);
        match (event.max_secs, known) {
            (Some(max_secs), Some(limit)) => {
                (limit.max_secs, limit.since, limit.raise) = (max_secs, at, None);
            }
            (Some(max_secs), None) => {
                self.limits.push(PlayTimeLimit { side, window, max_secs, since: at, raise: None });
                if self.window(window).is_none() {
                    self.windows.push(PlayTimeWindow { window, since: at, bounds: event.bounds });
                }
            }
            (None, _) => {
                self.limits.retain(|limit| limit.side != side || limit.window != window);
                if self.limits.iter().all(|limit| limit.window != window) {
                    self.windows.retain(|counted| counted.window != window);
                }
            }
        }
    }

    fn request_raise(&mut self, event: &PlayTimeRaiseRequested) -> Result<(), Fault> {
        let mut limits = self.limits.iter_mut();
        let limit = limits.find(|limit| limit.side == LimitSide::Player && limit.window == event.window);
        let limit =
            limit.ok_or_else(|| Fault::corrupted("a limit on play is to be raised that there is not"))?;
        let (max_secs, due_at, confirm) = (event.max_secs, event.due_at, event.confirm);
        limit.raise = Some(SessionRaise { max_secs, due_at, confirm });
        Ok(())
    }
}
