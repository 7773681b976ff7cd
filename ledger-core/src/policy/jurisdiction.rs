//! The rules of one jurisdiction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BonusRestrictions, ControlPolicy, CountedFunds, WeekStart, is_default};
use crate::ids::JurisdictionId;
use crate::money::{Amount, BasisPoints, CurrencyCode};

/// Until when a player may take a withdrawal back (H28 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReverseWithdrawal {
    /// Not at all.
    Forbidden,
    /// Until someone looks at it or approves it.
    #[default]
    UntilReview,
    /// Until it is sent to a payment provider.
    UntilSend,
}

/// What becomes of deposits that are withdrawn before they were played (H29, T01 to T07 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnplayedMoney {
    /// Nothing: deposits bring no lots.
    #[default]
    Free,
    /// It costs so much of the unplayed money that leaves. At most all of it counts.
    Fee {
        /// The share.
        rate: BasisPoints,
    },
    /// While some is unplayed nothing can be withdrawn.
    Block,
}

/// The rules of one jurisdiction, for the players that were opened in it. No call of a provider overrides them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct JurisdictionProfile {
    /// The stakes that a bet may have, by currency, in any order. In a currency that is not named any stake may be
    /// placed. A bet of zero or a free one always may.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stakes: BTreeMap<CurrencyCode, Vec<Amount>>,
    /// The least time from the beginning of one round of a player to that of his next, whatever the game, in
    /// milliseconds (five seconds in Great Britain and in Germany). Further bets of a round that is open may come at
    /// any time.
    #[serde(skip_serializing_if = "super::is_default")]
    pub round_interval_ms: u32,
    /// Whether every bet must name an open session.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub session_needed: bool,
    /// Whether money may go from one player to another ([`HostMovement`](crate::HostMovement), E31). GLI-19 2.5.6(f) forbids it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub player_transfers: bool,
    /// Until when a player may take a withdrawal back.
    #[serde(skip_serializing_if = "is_default")]
    pub reverse_withdrawal: ReverseWithdrawal,
    /// What becomes of deposits that are withdrawn before they were played.
    #[serde(skip_serializing_if = "is_default")]
    pub unplayed: UnplayedMoney,
    /// How limits of players are kept, and which the jurisdiction sets itself.
    #[serde(skip_serializing_if = "is_default")]
    pub controls: ControlPolicy,
    /// What it forbids of bonuses.
    #[serde(skip_serializing_if = "is_default")]
    pub bonuses: BonusRestrictions,
}

impl JurisdictionProfile {
    /// Great Britain: no reverse withdrawals (Gambling Commission, "Online games design and reverse withdrawals"), no
    /// restriction on withdrawing deposits, by a bonus neither (the same, "Restrictions on withdrawing deposit and deposit
    /// winnings"), and of a bonus at most ten times to be wagered (the same, SR 5.1.1, from 19 January 2026).
    pub const GREAT_BRITAIN: Self = Self {
        stakes: BTreeMap::new(),
        round_interval_ms: 0,
        session_needed: false,
        player_transfers: false,
        reverse_withdrawal: ReverseWithdrawal::Forbidden,
        unplayed: UnplayedMoney::Free,
        controls: ControlPolicy::DEFAULT,
        bonuses: BonusRestrictions {
            wagering_max: Some(BasisPoints::TEN_TIMES),
            cash_free: true,
            ..BonusRestrictions::NONE
        },
    };

    /// Sweden: no reverse withdrawals; a higher limit after 72 hours, and not before the running day, week or month is over
    /// (Spelinspektionen).
    pub const SWEDEN: Self = Self {
        controls: ControlPolicy {
            zone: None,
            week_starts: WeekStart::Monday,
            raise_after_secs: 72 * 3_600,
            raise_after_window: true,
            raise_needs_confirmation: false,
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
        },
        stakes: BTreeMap::new(),
        round_interval_ms: 0,
        session_needed: false,
        player_transfers: false,
        reverse_withdrawal: ReverseWithdrawal::Forbidden,
        unplayed: UnplayedMoney::Free,
        bonuses: BonusRestrictions::NONE,
    };

    /// What the law of a jurisdiction says where the policy does not name it: `GB`, `SE` and their parts (`GB-ENG`).
    pub(super) fn by_law(jurisdiction: &JurisdictionId) -> Option<&'static Self> {
        static GREAT_BRITAIN: JurisdictionProfile = JurisdictionProfile::GREAT_BRITAIN;
        static SWEDEN: JurisdictionProfile = JurisdictionProfile::SWEDEN;
        match jurisdiction.as_str().split('-').next() {
            Some("GB") => Some(&GREAT_BRITAIN),
            Some("SE") => Some(&SWEDEN),
            _ => None,
        }
    }
}
