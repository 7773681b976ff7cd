//! Which games may be played where, for how much, and what of a provider is switched off.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{GameId, GameType, JurisdictionId};
use crate::money::CurrencyCode;

/// The least and the most of one stake, and the most of all stakes of a round.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct StakeRange {
    /// The least.
    #[serde(with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub min: Option<Decimal>,
    /// The most.
    #[serde(with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub max: Option<Decimal>,
    /// The most that the bets of one round may stake together, each as far as it was not called off: of a game cycle whose
    /// stake comes in parts (R41).
    #[serde(with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub round_max: Option<Decimal>,
}

/// What one bet may stake on a category of games, by currency.
pub type CategoryStakes = BTreeMap<GameType, BTreeMap<CurrencyCode, StakeRange>>;

/// What holds for one game.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GameRule {
    /// Its category, such as slots; what the bet says (`game_type`), if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<GameType>,
    /// The jurisdictions whose players may play it; all, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jurisdictions: Option<BTreeSet<JurisdictionId>>,
    /// What one bet may stake, by currency. In a currency that is not named any stake may be placed. A bet of zero or a
    /// free one always may.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stakes: BTreeMap<CurrencyCode, StakeRange>,
    /// The same for players of a jurisdiction, instead.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stakes_by_jurisdiction: BTreeMap<JurisdictionId, BTreeMap<CurrencyCode, StakeRange>>,
}

/// The games that there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GameTable {
    /// Whether a game that is not listed may not be played.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_listed: bool,
    /// By game.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub games: BTreeMap<GameId, GameRule>,
}

/// What of a source is switched off. What has begun takes its course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceSwitch {
    /// It takes nothing new: no bets, tips, entries to tournaments, transfers and sessions.
    Maintenance,
    /// It starts no sessions.
    NoNewSessions,
    /// No bonus credits are staked there, and bets do not count for any.
    BonusesOff,
}
