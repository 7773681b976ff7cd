//! How limits of players are kept, and which of them a jurisdiction sets itself.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{CategoryStakes, RegisterRule, RiskRule, TierRule, WithdrawalGate, is_default};
use crate::ids::MethodId;
use crate::stored::{LimitTerm, LimitWindow};

/// The day on which a week of the calendar begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WeekStart {
    /// Monday.
    #[default]
    Monday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// A limit that a jurisdiction sets for each of its players.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitRule {
    /// On what.
    pub term: LimitTerm,
    /// How high. Digits that the currency does not have are cut off.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub amount: Decimal,
}

/// A limit on the time of play that a jurisdiction sets for each of its players, or a profile for each of its (R40).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlayTimeRule {
    /// Over which window.
    pub window: LimitWindow,
    /// How long a player may play in it, over all his sessions, in seconds.
    pub max_secs: u32,
}

/// Which funds count for limits on stakes and losses (R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CountedFunds {
    /// The player's own money, also where he owes it.
    #[default]
    OwnMoney,
    /// Bonus credits too: those that are staked, and those that are won.
    All,
}

/// How limits of players are kept (D.1 and D.2 in docs/scenarios.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ControlPolicy {
    /// The time zone of windows of the calendar, as in the IANA database; by default the player's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The day on which a week of the calendar begins.
    #[serde(skip_serializing_if = "is_default")]
    pub week_starts: WeekStart,
    /// How long a player waits for a higher limit of his own, in seconds (R14): 24 hours in Great Britain, Denmark and
    /// Ontario, 72 in Sweden, 7 days in Germany.
    pub raise_after_secs: u32,
    /// Whether it must not come before the window of the calendar is over in which he asked (Sweden).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub raise_after_window: bool,
    /// Whether he must confirm it then (Great Britain). Without that it comes by itself.
    pub raise_needs_confirmation: bool,
    /// From how much of a limit on the player is warned, in per cent (S109); 0 for never.
    pub warn_at_percent: u8,
    /// How long a session may last, in seconds (R24); the player's own limit stands beside it. Bets must name their session
    /// for it: see [`super::JurisdictionProfile::session_needed`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_max_secs: Option<u32>,
    /// How long a player may play until he is shown how he does, in seconds (R20). The same holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reality_check_secs: Option<u32>,
    /// How long a time-out may be, in days: six weeks by UK LCCP 3.5.3.
    pub time_out_max_days: u16,
    /// How long a self-exclusion must be, in months: six by UK LCCP 3.5.3.
    pub self_exclusion_min_months: u8,
    /// How long a player waits after he asked to return from a self-exclusion that is over, in seconds (R18).
    pub return_after_secs: u32,
    /// Methods of payment by which no deposit may be started (D13).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbidden_methods: Vec<MethodId>,
    /// The limits that hold for every player of the jurisdiction, in any order; of two on the same the later counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitRule>,
    /// The limits on the time of play that hold for every player of the jurisdiction, in any order: at most one over a window, and
    /// none of zero.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub play_time: Vec<PlayTimeRule>,
    /// Which funds count for limits on stakes, losses and single bets.
    #[serde(skip_serializing_if = "is_default")]
    pub counted_funds: CountedFunds,
    /// The registers outside of this ledger that must be asked about a player.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<RegisterRule>,
    /// The tiers of verification, from the lowest, which a player has who was given none, to the highest. Without any
    /// nothing depends on them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierRule>,
    /// From which sum of withdrawals on a player needs a tier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withdrawal_gates: Vec<WithdrawalGate>,
    /// What follows from signals of risk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risk: Vec<RiskRule>,
    /// What one bet may stake, by category of games.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub stakes: CategoryStakes,
}

impl ControlPolicy {
    /// What holds where nothing is said: the strictest that is common, 24 hours and a confirmation (UK RTS 12).
    pub const DEFAULT: Self = Self {
        zone: None,
        week_starts: WeekStart::Monday,
        raise_after_secs: 86_400,
        raise_after_window: false,
        raise_needs_confirmation: true,
        warn_at_percent: 90,
        session_max_secs: None,
        reality_check_secs: None,
        time_out_max_days: 42,
        self_exclusion_min_months: 6,
        return_after_secs: 86_400,
        forbidden_methods: Vec::new(),
        limits: Vec::new(),
        play_time: Vec::new(),
        counted_funds: CountedFunds::OwnMoney,
        registers: Vec::new(),
        tiers: Vec::new(),
        withdrawal_gates: Vec::new(),
        risk: Vec::new(),
        stakes: std::collections::BTreeMap::new(),
    };
}

impl Default for ControlPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
