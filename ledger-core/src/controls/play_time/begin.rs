//! What time and the policy change of limits on the time of play, recorded with the next command that time is counted of.

use super::PlayTime;
use crate::controls::begin::Begun;
use crate::controls::window;
use crate::player_ledger::{Fault, PlayerCommand};
use crate::policy::{ControlPolicy, PlayTimeRule};
use crate::stored::{
    Event, LimitBasis, LimitBounds, LimitCause, LimitSide, LimitWindow, PlayTimeLimitSet,
    PlayTimeWindowOpened, PlayTimeWindowsOpened,
};
use crate::time::Timestamp;

/// Whether time of play may be counted of a command, or a limit on it looked at.
pub(in crate::controls) fn counts(command: &PlayerCommand) -> bool {
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

/// The window in which counting begins for a limit, if no time is counted over it yet and it is one of the calendar.
pub(super) fn first_bounds(
    play: Option<&PlayTime>,
    of: LimitWindow,
    policy: &ControlPolicy,
    zone: &str,
    now: Timestamp,
) -> Option<LimitBounds> {
    let is_counted = play.is_some_and(|play| play.window(of).is_some());
    if is_counted || of.basis == LimitBasis::Rolling {
        return None;
    }
    window::bounds(of, policy, zone, now, now)
}

/// Records what has changed of limits on the time of play, before the command is decided.
///
/// # Errors
///
/// [`Fault`] if the events do not follow the state.
pub(in crate::controls) fn begin(
    sides: [(LimitSide, &[PlayTimeRule]); 2],
    policy: &ControlPolicy,
    zone: &str,
    now: Timestamp,
    begun: &mut Begun<'_, '_>,
) -> Result<(), Fault> {
    for (side, rules) in sides {
        follow_policy((side, rules), policy, zone, now, begun)?;
    }
    let Some(play) = begun.controls().play_time() else { return Ok(()) };
    let matured = play.limits().iter().filter_map(|limit| {
        let raise = limit.raise.filter(|raise| !raise.confirm && raise.due_at <= now)?;
        Some((limit.window, raise.max_secs))
    });
    for (window, max_secs) in matured.collect::<Vec<_>>() {
        set(begun, (LimitSide::Player, window), max_secs, LimitCause::Matured, None)?;
    }
    let Some(play) = begun.controls().play_time() else { return Ok(()) };
    let over = play.windows().iter().filter(|counted| counted.is_over(now));
    let windows: Vec<_> = over
        .filter_map(|counted| {
            let bounds = window::bounds(counted.window, policy, zone, counted.since, now)?;
            Some(PlayTimeWindowOpened { window: counted.window, bounds })
        })
        .collect();
    if !windows.is_empty() {
        begun.push(Event::PlayTimeWindowsOpened(PlayTimeWindowsOpened { windows }))?;
    }
    Ok(())
}

fn set(
    begun: &mut Begun<'_, '_>,
    (side, window): (LimitSide, LimitWindow),
    max_secs: Option<u32>,
    cause: LimitCause,
    bounds: Option<LimitBounds>,
) -> Result<(), Fault> {
    let known = begun.controls().play_time().and_then(|play| play.limit(side, window));
    let previous = known.map(|limit| limit.max_secs);
    let txn = begun.txn();
    begun.push(Event::PlayTimeLimitSet(PlayTimeLimitSet {
        txn,
        side,
        window,
        max_secs,
        previous,
        cause,
        bounds,
        by: None,
    }))
}

/// The limits of a side that the policy sets are what it says.
fn follow_policy(
    (side, rules): (LimitSide, &[PlayTimeRule]),
    policy: &ControlPolicy,
    zone: &str,
    now: Timestamp,
    begun: &mut Begun<'_, '_>,
) -> Result<(), Fault> {
    for rule in rules {
        // A policy that was published has one on each window. Of the settings' nobody looked: there the later counts, so that
        // the two are not set in turn with each command.
        if rules.iter().rev().find(|other| other.window == rule.window) != Some(rule) {
            continue;
        }
        let play = begun.controls().play_time();
        let known = play.and_then(|play| play.limit(side, rule.window));
        if known.is_none_or(|limit| limit.max_secs != rule.max_secs) {
            let bounds = first_bounds(play, rule.window, policy, zone, now);
            set(begun, (side, rule.window), Some(rule.max_secs), LimitCause::Policy, bounds)?;
        }
    }
    let play = begun.controls().play_time();
    let own = play.map_or(&[][..], PlayTime::limits).iter().filter(|limit| limit.side == side);
    let gone: Vec<LimitWindow> = own
        .map(|limit| limit.window)
        .filter(|window| rules.iter().all(|rule| rule.window != *window))
        .collect();
    for window in gone {
        set(begun, (side, window), None, LimitCause::Policy, None)?;
    }
    Ok(())
}
