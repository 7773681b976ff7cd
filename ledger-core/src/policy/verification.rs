//! What a player may who is verified so far and no further.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::LimitRule;
use crate::ids::TierName;
use crate::money::CurrencyCode;

/// What a tier bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TierBar {
    /// Bets, tips, entries to tournaments, sessions, money that goes to play elsewhere.
    Play,
    /// The start of deposits.
    Deposits,
    /// Requests for withdrawals.
    Withdrawals,
}

/// A tier of verification.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TierRule {
    /// What it is called.
    pub name: TierName,
    /// What it bars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bars: Vec<TierBar>,
    /// The limits of a player who has it, in any order; of two on the same the later counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitRule>,
}

/// From which sum of withdrawals on a player needs a tier (E43, E53): with what was paid to him and what is under way. Until he
/// has it, a request is not verified: it waits or is refused, as the policy's `kyc` has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WithdrawalGate {
    /// In which currency.
    pub currency: CurrencyCode,
    /// Above which sum.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub above: Decimal,
    /// The tier, or a higher one.
    pub tier: TierName,
}
