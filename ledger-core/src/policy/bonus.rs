//! The terms of bonuses: what a campaign gives, what must be wagered for it, and what it becomes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::bonus_rules::{Leaving, Principal};
use super::is_default;
use crate::ids::{GameId, GameType, JurisdictionId, SubAccount};
use crate::money::{Amount, BasisPoints, CurrencyCode};

/// All of it, in basis points.
pub(crate) const WHOLE: u32 = 10_000;

/// How much a campaign gives (F1 in docs/bonuses.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Reward {
    /// What the grant says, up to so much by currency. In a currency that is not named nothing is given.
    Given {
        /// The most.
        most: BTreeMap<CurrencyCode, Amount>,
    },
    /// A fixed amount by currency.
    Fixed {
        /// How much.
        amounts: BTreeMap<CurrencyCode, Amount>,
    },
    /// A share of a captured deposit, rounded down, up to so much by currency.
    Match {
        /// The share: 10,000 doubles the deposit.
        rate: BasisPoints,
        /// The most.
        most: BTreeMap<CurrencyCode, Amount>,
    },
    /// A share of what was played in a period (F15, F16), rounded down by product; nothing below the least, and no more
    /// than the most.
    Cashback {
        /// Of what.
        of: CashbackOf,
        /// The share by product.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        rates: BTreeMap<GameType, BasisPoints>,
        /// The share of all other products; nothing, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        others: Option<BasisPoints>,
        /// The least. In a currency that is not named there is none.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        least: BTreeMap<CurrencyCode, Amount>,
        /// The most. In a currency that is not named nothing is given.
        most: BTreeMap<CurrencyCode, Amount>,
    },
    /// A fixed amount by currency for what was done in a period: a mission, completed by [`crate::CompleteMission`].
    Mission {
        /// What must have been done: all of it. At least one, and at most [`crate::MISSION_CONDITIONS_MAX`].
        conditions: Vec<MissionCondition>,
        /// How much.
        amounts: BTreeMap<CurrencyCode, Amount>,
    },
}

impl Reward {
    /// The amounts by currency that it names: what is given, or the most of it.
    pub fn named(&self) -> &BTreeMap<CurrencyCode, Amount> {
        match self {
            Self::Given { most } | Self::Match { most, .. } | Self::Cashback { most, .. } => most,
            Self::Fixed { amounts } | Self::Mission { amounts, .. } => amounts,
        }
    }
}

/// What a mission asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MissionCondition {
    /// On which product; on all of them together, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<GameType>,
    /// At least so many rounds.
    #[serde(skip_serializing_if = "is_default")]
    pub rounds: u32,
    /// At least so much staked, by currency. In a currency that is not named nothing need be staked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stakes: BTreeMap<CurrencyCode, Amount>,
}

/// Of what a cashback is a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CashbackOf {
    /// Of what was staked less what was won (F15).
    Ggr,
    /// Of what was staked (F16).
    Turnover,
}

/// Of what the wagering target is a multiple (F2, F3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WageringBase {
    /// Of the bonus.
    #[default]
    Bonus,
    /// Of the bonus and the deposit it is for.
    DepositAndBonus,
}

/// What of a stake counts (F6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WageringCount {
    /// All of it.
    #[default]
    AllBets,
    /// Its real money.
    RealBets,
    /// Its bonus credits.
    BonusBets,
}

/// What must be wagered before a bonus is converted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct WageringTerms {
    /// Of what it is a multiple.
    pub base: WageringBase,
    /// How many times: 350,000 is 35 times.
    pub times: BasisPoints,
    /// What of a stake counts.
    pub counts: WageringCount,
}

/// How much of a stake counts, by game. What does not count at all cannot be played with bonus credits either. An
/// excluded game or type comes first, then the game, then its type, then the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Games that do not count.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded_games: BTreeSet<GameId>,
    /// Types of games that do not count.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded_types: BTreeSet<GameType>,
    /// Named games.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub games: BTreeMap<GameId, BasisPoints>,
    /// Named types of games.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<GameType, BasisPoints>,
    /// All others; all of the stake, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<BasisPoints>,
}

impl Weights {
    /// How much of a stake on a game counts, in basis points.
    pub fn of(&self, game: &GameId, game_type: Option<&GameType>) -> u32 {
        let is_excluded = self.excluded_games.contains(game)
            || game_type.is_some_and(|game_type| self.excluded_types.contains(game_type));
        if is_excluded {
            return 0;
        }
        let by_type = || game_type.and_then(|game_type| self.types.get(game_type));
        let weight = self.games.get(game).or_else(by_type).or(self.others.as_ref());
        weight.map_or(WHOLE, |weight| weight.get())
    }
}

/// Which funds a stake takes first (H16, F4, F5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FundOrder {
    /// Cash, then bonus credits.
    #[default]
    CashFirst,
    /// Bonus credits, then cash.
    BonusFirst,
}

/// The most that is converted (F11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum MaxConversion {
    /// So much, by currency. In a currency that is not named there is no limit.
    Fixed {
        /// The most.
        amounts: BTreeMap<CurrencyCode, Amount>,
    },
    /// So many times the bonus: 50,000 is five times.
    Times {
        /// How many.
        times: BasisPoints,
    },
}

/// What becomes of a bet above the most that one may stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AboveMaxBet {
    /// It is refused, if it has credits of the award in it or counts for it.
    #[default]
    Refuse,
    /// It is paid from cash alone and does not count.
    CashOnly,
}

/// The most that one bet may stake while an award is played with (F17): the lower of both, where both are given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MaxBet {
    /// So much, by currency. In a currency that is not named there is no fixed limit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub amounts: BTreeMap<CurrencyCode, Amount>,
    /// A share of the deposit that the bonus is for, rounded down: 1,000 is a tenth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_deposit: Option<BasisPoints>,
    /// What becomes of a bet above it.
    #[serde(skip_serializing_if = "is_default")]
    pub above: AboveMaxBet,
}

/// The terms of one bonus. A grant copies them, so that an award keeps those it was granted under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BonusTerms {
    /// The campaign that bears it.
    pub campaign: SubAccount,
    /// How much it gives.
    pub reward: Reward,
    /// What must be wagered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wagering: WageringTerms,
    /// How much of a stake counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weights: Weights,
    /// Which funds a stake takes first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub funds: FundOrder,
    /// The most that is converted; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_conversion: Option<MaxConversion>,
    /// What is too little to be played, by currency: with less than this, and no open round of its, an award is lost
    /// (F18).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub min_to_terminate: BTreeMap<CurrencyCode, Amount>,
    /// The most that one bet may stake; any stake, if absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_bet: MaxBet,
    /// Whether credits may be staked on a bet that buys a feature of its game (S105).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub buy_feature: bool,
    /// How many seconds after it is booked an award expires; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_secs: Option<u32>,
    /// For players of which jurisdictions; of all, if empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub jurisdictions: BTreeSet<JurisdictionId>,
    /// What a withdrawal, a self-exclusion and closing do to an award.
    #[serde(default, skip_serializing_if = "is_default")]
    pub leaving: Leaving,
    /// Whether what was given becomes cash in the end (B17, B18).
    #[serde(default, skip_serializing_if = "is_default")]
    pub principal: Principal,
    /// Whether its credits are never staked: cash alone is wagered, and they are paid in the end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub post_paid: bool,
    /// The share of the bonus that becomes cash whenever the same share of its target is wagered (F14): 1,000 is a tenth.
    /// All in the end, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_every: Option<BasisPoints>,
    /// The one type of games it is for: an award of its own is played with there, beside those of other types and one that
    /// is for all. For all types, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<GameType>,
    /// The campaigns whose bonuses do not go together with it: it is not granted while an award of theirs is live, nor
    /// theirs while it is.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_beside: BTreeSet<SubAccount>,
}
