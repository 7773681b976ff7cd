//! What a bet needs of its session.

use crate::money::CurrencyCode;
use crate::player_ledger::PlayerState;
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
