//! Whether a source takes anything new, and a game may be played for a stake by players of a jurisdiction.

use crate::ids::{GameId, JurisdictionId, SourceId};
use crate::money::{Amount, CurrencyCode};
use crate::policy::{GameRule, Policy, SourcePolicy, SourceSwitch, StakeRange};
use crate::rejection::Rejection;

/// What is to begin at a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// A bet, a purchase or a transfer.
    Play,
    /// A session.
    Session,
}

/// That a source takes something new.
///
/// # Errors
///
/// [`Rejection::SourceClosed`].
pub(crate) fn check_source(policy: &SourcePolicy, source: &SourceId, what: Begins) -> Result<(), Rejection> {
    let closes = |switch: &SourceSwitch| match switch {
        SourceSwitch::Maintenance => true,
        SourceSwitch::NoNewSessions => what == Begins::Session,
        SourceSwitch::BonusesOff => false,
    };
    match policy.switches.iter().find(|switch| closes(switch)) {
        Some(switch) => Err(Rejection::SourceClosed { of: source.clone(), switch: *switch }),
        None => Ok(()),
    }
}

fn rule<'p>(policy: &'p Policy, game: &GameId) -> Option<&'p GameRule> {
    policy.games.games.get(game)
}

/// That players of a jurisdiction may play a game.
///
/// # Errors
///
/// [`Rejection::GameNotAllowed`].
pub(crate) fn check_game(
    policy: &Policy,
    game: &GameId,
    jurisdiction: &JurisdictionId,
) -> Result<(), Rejection> {
    let may = match rule(policy, game) {
        Some(rule) => rule.jurisdictions.as_ref().is_none_or(|listed| listed.contains(jurisdiction)),
        None => !policy.games.only_listed,
    };
    if may { Ok(()) } else { Err(Rejection::GameNotAllowed { game: game.clone() }) }
}

/// That a game may be played for a stake.
///
/// # Errors
///
/// [`Rejection::StakeNotAllowed`].
pub(crate) fn check_stake(
    policy: &Policy,
    game: &GameId,
    jurisdiction: &JurisdictionId,
    (currency, stake): (CurrencyCode, Amount),
) -> Result<(), Rejection> {
    let Some(rule) = rule(policy, game).filter(|_| stake.is_positive()) else { return Ok(()) };
    let stakes = rule.stakes_by_jurisdiction.get(jurisdiction).unwrap_or(&rule.stakes);
    let Some(StakeRange { min, max }) = stakes.get(&currency) else { return Ok(()) };
    let amount = stake.to_decimal();
    if min.is_some_and(|min| amount < min) || max.is_some_and(|max| amount > max) {
        return Err(Rejection::StakeNotAllowed { stake, currency });
    }
    Ok(())
}
