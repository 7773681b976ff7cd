//! Whether a source takes anything new, and a game may be played for a stake by players of a jurisdiction.

use std::collections::BTreeMap;

use super::profile;
use crate::ids::{GameId, GameType, JurisdictionId, SourceId};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::PlayerState;
use crate::policy::{CategoryStakes, GameRule, Policy, SourcePolicy, SourceSwitch, StakeRange};
use crate::rejection::Rejection;
use crate::stored::Round;

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

/// A bet, as far as its stake is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Staked<'a> {
    pub(crate) game: &'a GameId,
    /// Of which category the bet says its game is.
    pub(crate) game_type: Option<&'a GameType>,
    pub(crate) currency: CurrencyCode,
    pub(crate) stake: Amount,
    /// Its round, if there was a bet before.
    pub(crate) round: Option<&'a Round>,
}

impl Staked<'_> {
    fn fits(&self, stakes: Option<&BTreeMap<CurrencyCode, StakeRange>>) -> bool {
        let Some(StakeRange { min, max, round_max }) = stakes.and_then(|stakes| stakes.get(&self.currency))
        else {
            return true;
        };
        let amount = self.stake.to_decimal();
        min.is_none_or(|min| amount >= min)
            && max.is_none_or(|max| amount <= max)
            && round_max.is_none_or(|most| self.of_round().is_ok_and(|all| all.to_decimal() <= most))
    }

    /// What the bets of its round stake, with it.
    fn of_round(&self) -> Result<Amount, AmountError> {
        let before = Amount::new(self.round.map_or(0, Round::staked), self.stake.scale())?;
        self.stake.checked_add(before)
    }
}

/// That a game may be played for a stake: by its own rule, and by those of its category in the jurisdiction and in the
/// player's profile.
///
/// # Errors
///
/// [`Rejection::StakeNotAllowed`].
pub(crate) fn check_stake(
    policy: &Policy,
    state: &PlayerState,
    (jurisdiction, by_law): (&JurisdictionId, &CategoryStakes),
    staked: Staked<'_>,
) -> Result<(), Rejection> {
    if !staked.stake.is_positive() {
        return Ok(());
    }
    let rule = rule(policy, staked.game);
    let own = rule.map(|rule| rule.stakes_by_jurisdiction.get(jurisdiction).unwrap_or(&rule.stakes));
    let of_category = |category: &GameType| {
        let of_profile = profile::profile(policy, state).and_then(|profile| profile.stakes.get(category));
        staked.fits(by_law.get(category)) && staked.fits(of_profile)
    };
    let category = rule.and_then(|rule| rule.category.as_ref()).or(staked.game_type);
    if staked.fits(own) && category.is_none_or(of_category) {
        return Ok(());
    }
    Err(Rejection::StakeNotAllowed { stake: staked.stake, currency: staked.currency })
}
