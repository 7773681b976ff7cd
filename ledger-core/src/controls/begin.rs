//! What time and the policy change of limits, recorded with the next command that something is counted of: limits that the
//! jurisdiction sets, raises whose time has come, windows of the calendar that are over. So no timer writes into the log of a
//! player who does nothing.

use std::borrow::Cow;

use super::tier::rule;
use super::{Controls, play_time, profile, window};
use crate::key::IdempotencyKey;
use crate::money::Amount;
use crate::player_ledger::{Facts, Fault, PlayerCommand, Workspace};
use crate::policy::{ControlPolicy, LimitRule};
use crate::stored::{
    Event, LimitBasis, LimitBounds, LimitCause, LimitSet, LimitSide, LimitTerm, LimitWindowOpened,
    LimitWindowsOpened, TransactionRef,
};
use crate::time::Timestamp;

/// Whether something may be counted of a command that was not counted before, or a limit looked at.
fn counts(command: &PlayerCommand) -> bool {
    use PlayerCommand as C;
    matches!(
        command,
        C::PlaceBet(_)
            | C::Settle(_)
            | C::CashOut(_)
            | C::Resettle(_)
            | C::RollOut(_)
            | C::RollIn(_)
            | C::InitiateDeposit(_)
            | C::RecordDeposit(_)
            | C::ReleaseSuspense(_)
            | C::MarkPaid(_)
            | C::MarkReturned(_)
            | C::SetLimit(_)
            | C::RaiseAlert(_)
            | C::ConfirmLimit(_)
    )
}

/// The events, and the limits as they are after them.
pub(super) struct Begun<'w, 'a> {
    key: &'a IdempotencyKey,
    /// Copied with the first change: most commands find everything as it is.
    controls: Cow<'a, Controls>,
    work: &'w mut Workspace<'a>,
}

impl Begun<'_, '_> {
    /// The limits as they are after what was pushed.
    pub(super) fn controls(&self) -> &Controls {
        &self.controls
    }

    /// The operation that is to be decided.
    pub(super) fn txn(&self) -> TransactionRef {
        let IdempotencyKey { source, kind, id } = self.key;
        TransactionRef { source: source.clone(), kind: *kind, id: id.clone() }
    }

    pub(super) fn push(&mut self, event: Event) -> Result<(), Fault> {
        let entries = self.work.state().wallet().version();
        self.controls.to_mut().evolve(&event, entries, self.work.now())?;
        self.work.push_player(event)
    }

    fn set(
        &mut self,
        (side, term): (LimitSide, LimitTerm),
        amount: Option<Amount>,
        cause: LimitCause,
        bounds: Option<LimitBounds>,
    ) -> Result<(), Fault> {
        let txn = self.txn();
        let previous = self.controls.limit(side, &term).map(|limit| limit.amount);
        self.push(Event::LimitSet(LimitSet { txn, side, term, amount, previous, cause, bounds, by: None }))
    }
}

/// The window in which counting begins for a limit, if nothing is counted for it yet and it is one of the calendar.
pub(super) fn first_bounds(
    controls: Option<&Controls>,
    term: &LimitTerm,
    policy: &ControlPolicy,
    zone: &str,
    now: Timestamp,
) -> Option<LimitBounds> {
    let is_counted = controls.is_some_and(|controls| controls.counter(term).is_some());
    let window = term.window.filter(|window| !is_counted && window.basis != LimitBasis::Rolling)?;
    window::bounds(window, policy, zone, now, now)
}

/// Records what has changed, before the command is decided.
///
/// # Errors
///
/// [`Fault`] if the events do not follow the state.
pub(crate) fn begin<'a>(
    command: &PlayerCommand,
    key: &'a IdempotencyKey,
    facts: &Facts<'_>,
    work: &mut Workspace<'a>,
) -> Result<(), Fault> {
    let (of_money, of_time) = (counts(command), play_time::counts(command));
    if !of_money && !of_time {
        return Ok(());
    }
    let state = work.state();
    let policy = &state.jurisdiction_profile(facts.policy).controls;
    let of_tier = rule(policy, state).map_or(&[][..], |tier| &tier.limits[..]);
    let of_profile = profile::limits(facts.policy, state);
    let time_of_profile = profile::profile(facts.policy, state).map_or(&[][..], |own| &own.play_time[..]);
    let no_money = policy.limits.is_empty() && of_tier.is_empty() && of_profile.is_empty();
    let no_time = policy.play_time.is_empty() && time_of_profile.is_empty();
    if state.controls().is_none() && (no_money || !of_money) && (no_time || !of_time) {
        return Ok(());
    }
    let Some(opened) = state.profile() else { return Ok(()) };
    let zone = opened.zone.as_str();
    let now = work.now();
    let controls = state.controls().map_or_else(Cow::default, Cow::Borrowed);
    let mut begun = Begun { key, controls, work };

    if of_time {
        let sides = [(LimitSide::Jurisdiction, &policy.play_time[..]), (LimitSide::Profile, time_of_profile)];
        play_time::begin(sides, policy, zone, now, &mut begun)?;
    }
    if of_money {
        begin_money([&policy.limits, of_profile, of_tier], policy, zone, now, &mut begun)?;
    }
    if let Cow::Owned(controls) = begun.controls {
        work.begun(controls);
    }
    Ok(())
}

/// Records what has changed of limits on money.
fn begin_money(
    [of_law, of_profile, of_tier]: [&[LimitRule]; 3],
    policy: &ControlPolicy,
    zone: &str,
    now: Timestamp,
    begun: &mut Begun<'_, '_>,
) -> Result<(), Fault> {
    follow_policy((LimitSide::Jurisdiction, of_law), policy, zone, now, begun)?;
    follow_policy((LimitSide::Profile, of_profile), policy, zone, now, begun)?;
    follow_policy((LimitSide::Tier, of_tier), policy, zone, now, begun)?;
    let matured = begun.controls.limits().iter().filter_map(|limit| {
        let raise = limit.raise.as_ref().filter(|raise| !raise.confirm && raise.due_at <= now)?;
        Some((limit.term, raise.amount))
    });
    for (term, amount) in matured.collect::<Vec<_>>() {
        begun.set((LimitSide::Player, term), amount, LimitCause::Matured, None)?;
    }
    let over = begun.controls.counters().iter().filter(|counter| counter.is_over(now));
    let windows: Vec<_> = over
        .filter_map(|counter| {
            let bounds = window::bounds(counter.term.window?, policy, zone, counter.since, now)?;
            Some(LimitWindowOpened { term: counter.term, bounds })
        })
        .collect();
    if !windows.is_empty() {
        begun.push(Event::LimitWindowsOpened(LimitWindowsOpened { windows }))?;
    }
    Ok(())
}

/// The limits of a side that the policy sets are what it says.
fn follow_policy(
    (side, rules): (LimitSide, &[LimitRule]),
    policy: &ControlPolicy,
    zone: &str,
    now: Timestamp,
    begun: &mut Begun<'_, '_>,
) -> Result<(), Fault> {
    for rule in rules {
        // Of two rules on the same the later counts.
        if rules.iter().rev().find(|other| other.term == rule.term) != Some(rule) {
            continue;
        }
        let Some(purse) = begun.work.state().wallet().purse(rule.term.currency) else { continue };
        let scale = purse.currency().scale();
        let amount = rule.amount.trunc_with_scale(scale.into());
        let Ok(amount) = Amount::from_decimal(amount, scale) else { continue };
        if begun.controls.limit(side, &rule.term).is_none_or(|limit| limit.amount != amount) {
            let bounds = first_bounds(Some(&begun.controls), &rule.term, policy, zone, now);
            begun.set((side, rule.term), Some(amount), LimitCause::Policy, bounds)?;
        }
    }
    let own = begun.controls.limits().iter().filter(|limit| limit.side == side);
    let gone: Vec<LimitTerm> =
        own.map(|limit| limit.term).filter(|term| rules.iter().all(|rule| rule.term != *term)).collect();
    for term in gone {
        begun.set((side, term), None, LimitCause::Policy, None)?;
    }
    Ok(())
}
