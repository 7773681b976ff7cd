//! What a bet needs of its session.

use std::time::Duration;

use crate::controls;
use crate::money::CurrencyCode;
use crate::player_ledger::{PlayerState, Workspace};
use crate::policy::{JurisdictionProfile, SessionPolicy};
use crate::rejection::Rejection;
use crate::stored::SessionRef;
use crate::time::Timestamp;

/// What a command says of its session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The session it names.
    pub(crate) session: Option<&'a SessionRef>,
    /// The currency it is in.
    pub(crate) currency: CurrencyCode,
    /// Whether the provider wants it to be looked at, over its policy.
    pub(crate) validate: Option<bool>,
}

/// A bet that needs an open session has one, in its currency. What the jurisdiction demands is demanded whatever the
/// provider says.
///
/// # Errors
///
/// [`Rejection::CurrencyMismatch`], [`Rejection::SessionExpired`].
pub(crate) fn check(
    asked: Asked<'_>,
    policy: &SessionPolicy,
    profile: &JurisdictionProfile,
    state: &PlayerState,
    now: Timestamp,
) -> Result<(), Rejection> {
    let needed = profile.session_needed || asked.validate.unwrap_or(policy.needed);
    let checked = profile.session_needed || asked.validate.unwrap_or(policy.checked);
    let Some(named) = asked.session else {
        return if needed { Err(Rejection::SessionExpired) } else { Ok(()) };
    };
    let Some(session) = state.session(named) else {
        return if checked { Err(Rejection::SessionExpired) } else { Ok(()) };
    };
    if session.currency() != asked.currency {
        return Err(Rejection::CurrencyMismatch { currency: asked.currency });
    }
    if checked && session.has_expired(policy, now) {
        return Err(Rejection::SessionExpired);
    }
    Ok(())
}

/// The session may go on: it has not lasted too long, the player has not played for as long as he may, and no reality check is
/// due. Of what names no open session only the second is looked at; a jurisdiction that asks for the others asks for sessions
/// too.
///
/// # Errors
///
/// [`Rejection::SessionTimeReached`], [`Rejection::PlayTimeReached`], [`Rejection::RealityCheckDue`].
pub(crate) fn check_time(
    named: Option<&SessionRef>,
    profile: &JurisdictionProfile,
    work: &Workspace<'_>,
) -> Result<(), Rejection> {
    let (state, now) = (work.state(), work.now());
    let session = named.and_then(|named| state.session(named));
    let is_past = |since: Timestamp, secs: u32| now >= since.saturating_add(Duration::from_secs(secs.into()));
    let controls = &profile.controls;
    let own = state.protection().and_then(|protection| protection.session_limit()?.in_force(now));
    let lower = own.into_iter().chain(controls.session_max_secs).min();
    let is_too_long = |secs: &u32| session.is_some_and(|session| is_past(session.started_at(), *secs));
    if let Some(limit_secs) = lower.filter(is_too_long) {
        return Err(Rejection::SessionTimeReached { limit_secs });
    }
    controls::check_play_time(named, work)?;
    let Some(session) = session else { return Ok(()) };
    let shown_at = session.acknowledged_at().unwrap_or(session.started_at());
    if controls.reality_check_secs.is_some_and(|secs| is_past(shown_at, secs)) {
        return Err(Rejection::RealityCheckDue { staked: session.staked(), won: session.won() });
    }
    Ok(())
}
