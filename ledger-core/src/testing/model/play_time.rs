//! Limits on the time of play, as the model reads the rules: every time that a session was played is kept, and each question
//! is answered by laying them over each other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::limits::zoned;
use super::{Judged, Model};
use crate::controls::{ConfirmPlayTimeLimit, SetPlayTimeLimit};
use crate::player_ledger::PlayerCommand;
use crate::policy::{PlayTimeRule, Policy};
use crate::stored::{LimitBasis, LimitPeriod, LimitSide, LimitWindow, SessionRef};

const SECOND: i64 = 1_000_000;

/// A limit that the player or the operator set: seconds, and what they are to be, from when on, and whether that must be said
/// again.
#[derive(Debug, Clone)]
struct OwnLimit {
    side: LimitSide,
    window: LimitWindow,
    secs: u32,
    raise: Option<(Option<u32>, i64, bool)>,
}

/// What the model knows of the time of play.
#[derive(Debug, Clone, Default)]
pub(super) struct PlayTimes {
    own: Vec<OwnLimit>,
    /// From which sign of life of a session to which, of all sessions.
    played: Vec<(i64, i64)>,
    /// Since when time is counted over a window.
    since: BTreeMap<LimitWindow, i64>,
}

/// Whether time of play is counted of a command, or a limit on it looked at.
fn counts(command: &PlayerCommand) -> bool {
    use PlayerCommand as C;
    matches!(
        command,
        C::PlaceBet(_)
            | C::RollOut(_)
            | C::StartSession(_)
            | C::EndSession(_)
            | C::AcknowledgeRealityCheck(_)
            | C::SetPlayTimeLimit(_)
            | C::ConfirmPlayTimeLimit(_)
    )
}

/// Whether each limit on the time of play leaves some, and each window has one.
pub(super) fn may_be_published(policy: &Policy) -> bool {
    let fits = |rules: &[PlayTimeRule]| {
        let windows: BTreeSet<LimitWindow> = rules.iter().map(|rule| rule.window).collect();
        windows.len() == rules.len() && rules.iter().all(|rule| rule.max_secs > 0)
    };
    let mut laws = policy.jurisdictions.values().chain([&policy.default_jurisdiction]);
    laws.all(|law| fits(&law.controls.play_time))
        && policy.limit_profiles.values().all(|profile| fits(&profile.play_time))
}

impl Model {
    /// A session gives a sign of life after another.
    pub(super) fn played(&mut self, since: i64) {
        self.play_times.played.push((since, self.now));
    }

    fn rules(&self) -> Vec<PlayTimeRule> {
        let lasts = |rules: Vec<PlayTimeRule>| -> Vec<PlayTimeRule> {
            let last = |window| rules.iter().rev().find(|rule| rule.window == window).copied();
            rules.iter().filter(|rule| last(rule.window) == Some(**rule)).copied().collect()
        };
        let mut all = lasts(self.profile().controls.play_time.clone());
        all.extend(lasts(self.profile_play_time()));
        all
    }

    fn windows_in_force(&self) -> Vec<(LimitWindow, u32)> {
        let own = self.play_times.own.iter().map(|own| (own.window, own.secs));
        own.chain(self.rules().into_iter().map(|rule| (rule.window, rule.max_secs))).collect()
    }

    /// From when to when the window is that is now.
    fn bounds_of(&self, window: LimitWindow, since: i64) -> (i64, i64) {
        let zone = TimeZone::get(&self.limits.zone).expect("a zone");
        match window.basis {
            LimitBasis::Rolling => {
                let days = match window.period {
                    LimitPeriod::Day => 1,
                    LimitPeriod::Week => 7,
                    LimitPeriod::Month => 31,
                };
                (self.now - days * 86_400 * SECOND, i64::MAX)
            }
            LimitBasis::Calendar => {
                let first = self.first_day_of(zoned(self.now, &self.limits.zone).date(), window.period);
                let start = first.to_zoned(zone).expect("a midnight").timestamp().as_microsecond();
                (start, self.end_of(window, since))
            }
            LimitBasis::Anniversary => {
                let nth = i32::try_from(self.window_of(self.now, window, since)).expect("few");
                let later = match window.period {
                    LimitPeriod::Day => nth.days(),
                    LimitPeriod::Week => nth.weeks(),
                    LimitPeriod::Month => nth.months(),
                };
                let start = Timestamp::from_microsecond(since).expect("an instant").to_zoned(zone) + later;
                (start.timestamp().as_microsecond(), self.end_of(window, since))
            }
        }
    }

    /// For how many microseconds at least one session was played in a window; with one that runs since then.
    fn played_in(&self, window: LimitWindow, running: Option<i64>) -> i64 {
        let Some(since) = self.play_times.since.get(&window).copied() else { return 0 };
        let (from, until) = self.bounds_of(window, since);
        let (from, until) = (from.max(since), until.min(self.now));
        let mut all: Vec<(i64, i64)> = self.play_times.played.clone();
        all.extend(running.map(|running| (running, self.now)));
        // Each instant at which something begins or ends, and whether anything is played from there to the next.
        let mut cuts: Vec<i64> = all.iter().flat_map(|(a, b)| [*a, *b]).chain([from, until]).collect();
        cuts.retain(|at| (from..=until).contains(at));
        cuts.sort_unstable();
        let is_played = |at: i64| all.iter().any(|(a, b)| *a <= at && at < *b);
        let pairs = cuts.iter().zip(cuts.iter().skip(1));
        pairs.filter(|(from, _)| is_played(**from)).map(|(from, until)| until - from).sum()
    }

    /// How long was played in each window that is limited.
    pub fn play_time_used(&self) -> BTreeMap<LimitWindow, i64> {
        let windows = self.play_times.since.keys();
        windows.map(|window| (*window, self.played_in(*window, None))).collect()
    }

    /// That the player has not played for as long as he may.
    pub(super) fn in_play_time(&self, named: Option<&SessionRef>) -> Result<(), &'static str> {
        let running = named.and_then(|of| self.sessions.get(&(of.source.to_string(), of.id.to_string())));
        let running = running.map(|session| session.last);
        let is_used_up = |(window, secs): &(LimitWindow, u32)| {
            self.played_in(*window, running) >= i64::from(*secs) * SECOND
        };
        let used_up = self.windows_in_force().iter().any(is_used_up);
        if used_up { Err("play_time_reached") } else { Ok(()) }
    }

    /// What time does before a command of which time of play may be counted.
    pub(super) fn mature_play_time(&mut self, command: &PlayerCommand) {
        if !counts(command) {
            return;
        }
        let now = self.now;
        let due = |own: &OwnLimit| own.raise.filter(|(_, at, again)| !again && *at <= now);
        for own in &mut self.play_times.own {
            if let Some((Some(secs), ..)) = due(own) {
                (own.secs, own.raise) = (secs, None);
            }
        }
        self.play_times.own.retain(|own| due(own).is_none());
    }

    /// Once such a command is accepted, counting begins for what is limited, and ends for what is not any more.
    pub(super) fn keep_play_time(&mut self, command: &PlayerCommand) {
        if !counts(command) {
            return;
        }
        let windows: Vec<LimitWindow> =
            self.windows_in_force().into_iter().map(|(window, _)| window).collect();
        for window in &windows {
            self.play_times.since.entry(*window).or_insert(self.now);
        }
        self.play_times.since.retain(|window, _| windows.contains(window));
    }

    pub(super) fn set_play_time(&mut self, c: &SetPlayTimeLimit) -> Judged {
        if !matches!(c.side, LimitSide::Player | LimitSide::Operator) {
            return Err("not_allowed");
        }
        let controls = self.profile().controls.clone();
        let since = self.play_times.since.get(&c.window).copied();
        let late = since.filter(|_| controls.raise_after_window && c.window.basis != LimitBasis::Rolling);
        let late = late.map_or(0, |since| self.end_of(c.window, since));
        let mut all = self.play_times.own.clone();
        let known = all.iter_mut().find(|own| own.side == c.side && own.window == c.window);
        match (known, c.max_secs) {
            (None, None) => return Ok("noop"),
            (None, Some(secs)) => {
                all.push(OwnLimit { side: c.side, window: c.window, secs, raise: None });
            }
            (Some(own), asked)
                if c.side == LimitSide::Player && asked.is_none_or(|asked| asked > own.secs) =>
            {
                let due = (self.now + i64::from(controls.raise_after_secs) * SECOND).max(late);
                own.raise = Some((asked, due, controls.raise_needs_confirmation));
            }
            (Some(own), Some(secs)) => (own.secs, own.raise) = (secs, None),
            (Some(_), None) => all.retain(|own| own.side != c.side || own.window != c.window),
        }
        self.play_times.own = all;
        Ok("applied")
    }

    pub(super) fn confirm_play_time(&mut self, c: &ConfirmPlayTimeLimit) -> Judged {
        let now = self.now;
        let is_own = |own: &OwnLimit| own.side == LimitSide::Player && own.window == c.window;
        let own = self.play_times.own.iter_mut().find(|own| is_own(own)).ok_or("not_allowed")?;
        match own.raise.ok_or("not_allowed")? {
            (_, due, _) if now < due => return Err("not_allowed"),
            (Some(secs), ..) => (own.secs, own.raise) = (secs, None),
            (None, ..) => self.play_times.own.retain(|own| !is_own(own)),
        }
        Ok("applied")
    }
}
