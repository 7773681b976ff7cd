//! What limits on the time of play say to what is to be played, and when the player comes near them.

use std::time::Duration;

use super::{PlayTime, PlayTimeLeft};
use crate::player_ledger::{Fault, PlayerState, Workspace};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::stored::{Event, PlayTimeWarned, SessionRef, TransactionRef};
use crate::time::Timestamp;

/// Whether so much of a limit is used that the player is to be warned.
fn is_near(used: Duration, max_secs: u32, percent: u8) -> bool {
    let used = used.as_micros().saturating_mul(100);
    let from = u128::from(max_secs).saturating_mul(1_000_000).saturating_mul(percent.into());
    percent > 0 && used > 0 && used >= from
}

/// What is left of each window, of the lowest limit over it.
fn lowest(play: &PlayTime, running: Option<Timestamp>, percent: u8, now: Timestamp) -> Vec<PlayTimeLeft> {
    let of_window = play.windows().iter().filter_map(|counted| {
        let used = play.used(counted, running, now);
        let own = play.limits().iter().filter(|limit| limit.window == counted.window);
        let lowest = own.min_by_key(|limit| (limit.max_secs, limit.side))?;
        let (window, side, max_secs) = (counted.window, lowest.side, lowest.max_secs);
        Some(PlayTimeLeft { window, side, max_secs, used, is_near: is_near(used, max_secs, percent) })
    });
    of_window.collect()
}

/// Since when the session that is named is played, if it is open.
fn running(named: Option<&SessionRef>, state: &PlayerState) -> Option<Timestamp> {
    Some(state.session(named?)?.last_at())
}

/// That the player may go on playing: of no window he has used all, with the session that is named until now (R40).
///
/// # Errors
///
/// [`Rejection::PlayTimeReached`] of the window that leaves least.
pub(crate) fn check(named: Option<&SessionRef>, work: &Workspace<'_>) -> Result<(), Rejection> {
    let Some(play) = work.controls().and_then(|controls| controls.play_time()) else { return Ok(()) };
    let all = lowest(play, running(named, work.state()), 0, work.now());
    let used_up = all.into_iter().filter(|own| own.left().is_zero());
    match used_up.min_by_key(|own| (own.max_secs, own.side, own.window)) {
        Some(own) => {
            Err(Rejection::PlayTimeReached { window: own.window, side: own.side, limit_secs: own.max_secs })
        }
        None => Ok(()),
    }
}

/// Records what the player comes near with a sign of life of a session, after the events of the operation.
///
/// # Errors
///
/// [`Fault`] if the events do not follow the state.
pub(crate) fn near(
    named: Option<&SessionRef>,
    percent: u8,
    txn: impl Fn() -> TransactionRef,
    work: &mut Workspace<'_>,
) -> Result<(), Fault> {
    if percent == 0 {
        return Ok(());
    }
    let Some(play) = work.controls().and_then(|controls| controls.play_time()) else { return Ok(()) };
    let Some(since) = running(named, work.state()) else { return Ok(()) };
    let now = work.now();
    let was_near = |own: &PlayTimeLeft| {
        let used = play.window(own.window).map(|counted| play.used(counted, None, now));
        used.is_some_and(|used| is_near(used, own.max_secs, percent))
    };
    let mut new = lowest(play, Some(since), percent, now);
    new.retain(|own| own.is_near && !was_near(own));
    for own in new {
        work.push_player(Event::PlayTimeWarned(PlayTimeWarned {
            txn: txn(),
            window: own.window,
            side: own.side,
            max_secs: own.max_secs,
            used_secs: u32::try_from(own.used.as_secs()).unwrap_or(u32::MAX),
        }))?;
    }
    Ok(())
}

impl PlayerState {
    /// What is left of his limits on the time of play at an instant, over each window of the lowest: of what was played until
    /// the last sign of life of each session. A limit that the policy sets is here once something was decided under it.
    pub fn play_time_left(&self, policy: &Policy, now: Timestamp) -> Vec<PlayTimeLeft> {
        let Some(play) = self.controls().and_then(|controls| controls.play_time()) else { return Vec::new() };
        lowest(play, None, self.jurisdiction_profile(policy).controls.warn_at_percent, now)
    }
}
