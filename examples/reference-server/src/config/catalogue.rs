//! Brands and games.

use serde::{Deserialize, Serialize};

/// A brand of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Its id.
    pub id: String,
    /// How it is called.
    pub name: String,
    /// The jurisdiction of its players.
    pub jurisdiction: String,
    /// The time zone of their periods, as in the IANA database.
    pub zone: String,
    /// The currencies they may have.
    pub currencies: Vec<String>,
}

/// What kind of game it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Slots.
    Slots,
    /// Table games.
    Tables,
    /// Games with dealers.
    Live,
    /// Crash games.
    Crash,
    /// Jackpot games.
    Jackpot,
    /// Bets on sport.
    Sport,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Slots, Self::Tables, Self::Live, Self::Crash, Self::Jackpot, Self::Sport];

    /// Its name, as the ledger's policy knows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::Tables => "tables",
            Self::Live => "live",
            Self::Crash => "crash",
            Self::Jackpot => "jackpot",
            Self::Sport => "sport",
        }
    }
}

/// A game, as seed catalogues of providers have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Game {
    /// Its id in the ledger.
    pub id: String,
    /// Whose game it is.
    pub provider: String,
    /// The provider's own code of it.
    pub code: String,
    /// How it is called.
    pub name: String,
    /// What kind of game it is.
    pub category: Category,
    /// What it pays back in theory, a share such as `0.9610`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtp: Option<String>,
    /// The least stake, in every currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bet: Option<String>,
    /// The highest stake, in every currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bet: Option<String>,
    /// Whether it may be started.
    #[serde(default = "active")]
    pub active: bool,
}

fn active() -> bool {
    true
}
