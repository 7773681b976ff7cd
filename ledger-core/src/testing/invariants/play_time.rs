//! How long a player played, added up again from all commits at once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::controls::{PlayTime, STRETCHES_MAX};
use crate::partition::Stream;
use crate::player_ledger::PlayerState;
use crate::stored::{CommitBody, Event, LimitBasis, LimitPeriod, SessionEndReason, SessionRef};

/// From which sign of life of a session to which it was played, of every session, in microseconds.
fn played(commits: &[CommitBody]) -> Vec<(i64, i64)> {
    let mut last: BTreeMap<&SessionRef, i64> = BTreeMap::new();
    let mut all = Vec::new();
    for body in commits {
        let at = body.recorded_at.as_micros();
        for record in &body.events {
            let (session, ends) = match (&record.stream, &record.event) {
                (Stream::Session(_, of), Event::SessionStarted(_)) => {
                    last.insert(of, at);
                    continue;
                }
                (Stream::Session(_, of), Event::SessionEnded(event)) => {
                    if event.reason == SessionEndReason::Displaced {
                        last.remove(of);
                        continue;
                    }
                    (of, true)
                }
                (Stream::Session(_, of), Event::RealityCheckAcknowledged(_)) => (of, false),
                (_, Event::BetPlaced(event)) => match &event.session {
                    Some(of) => (of, false),
                    None => continue,
                },
                _ => continue,
            };
            let Some(before) = last.get_mut(session) else { continue };
            all.push((std::mem::replace(before, at), at));
            if ends {
                last.remove(session);
            }
        }
    }
    all
}

/// For how long at least one of them runs between two instants.
fn covered(all: &[(i64, i64)], from: i64, until: i64) -> i64 {
    let mut clipped: Vec<(i64, i64)> =
        all.iter().map(|(a, b)| ((*a).max(from), (*b).min(until))).filter(|(a, b)| a < b).collect();
    clipped.sort_unstable();
    let (mut sum, mut end) = (0, i64::MIN);
    for (a, b) in clipped {
        sum += (b - a.max(end)).max(0);
        end = end.max(b);
    }
    sum
}

/// I17: how long was played in a window is what the sessions in the log come to, each time once, at every instant from now
/// on. Where more stretches were played than are kept apart, it is at least that.
///
/// # Errors
///
/// The window that is off.
pub fn i17_play_time_is_that_of_sessions(commits: &[CommitBody], live: &PlayerState) -> Result<(), String> {
    let (Some(play), Some(body)) = (live.controls().and_then(|own| own.play_time()), commits.last()) else {
        return Ok(());
    };
    play_time_agrees(&played(commits), play, body)
}

fn play_time_agrees(all: &[(i64, i64)], play: &PlayTime, last: &CommitBody) -> Result<(), String> {
    for counted in play.windows() {
        for hours in [0_u64, 1, 23, 24, 200] {
            let now = last.recorded_at.saturating_add(Duration::from_secs(hours * 3_600));
            let days = match counted.window.period {
                LimitPeriod::Day => 1,
                LimitPeriod::Week => 7,
                LimitPeriod::Month => 31,
            };
            let (from, until) = match (counted.window.basis, counted.bounds) {
                (LimitBasis::Rolling, None) => (now.as_micros() - days * 86_400_000_000, i64::MAX),
                (LimitBasis::Calendar | LimitBasis::Anniversary, Some(bounds)) if bounds.until <= now => {
                    (0, 0)
                }
                (LimitBasis::Calendar | LimitBasis::Anniversary, Some(bounds)) => {
                    (bounds.from.as_micros(), bounds.until.as_micros())
                }
                (basis, bounds) => return Err(format!("I17: a window {basis:?} has {bounds:?}")),
            };
            let expected = covered(all, from.max(counted.since.as_micros()), until);
            let used = i64::try_from(play.used(counted, None, now).as_micros()).unwrap_or(i64::MAX);
            let may_be_more = play.stretches().len() == STRETCHES_MAX;
            if used < expected || (used > expected && !may_be_more) {
                let window = counted.window;
                return Err(format!("I17: {used} of {window:?} at {now}, sessions come to {expected}"));
            }
        }
    }
    let is_in_order = |pair: &[crate::controls::Stretch]| match pair {
        [earlier, later] => {
            earlier.from < earlier.until && earlier.until < later.from && later.from < later.until
        }
        _ => false,
    };
    if play.stretches().windows(2).all(is_in_order) {
        Ok(())
    } else {
        Err("I17: stretches overlap".to_owned())
    }
}
