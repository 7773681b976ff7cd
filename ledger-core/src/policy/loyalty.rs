//! The programmes of loyalty points.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{GameType, TermsName};
use crate::money::{Amount, BasisPoints, CurrencyCode};

/// What points are worth when they are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PointWorth {
    /// So many points, and whole multiples of them.
    pub points: u64,
    /// Are worth so much.
    pub amount: Amount,
}

/// A programme of loyalty points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoyaltyTerms {
    /// The stake that earns one point, by currency. In a currency that is not named nothing is earned.
    pub stake_per_point: BTreeMap<CurrencyCode, Amount>,
    /// How much of a stake counts, by type of game.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<GameType, BasisPoints>,
    /// How much of a stake on all others counts; all of it, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<BasisPoints>,
    /// What points are worth, by currency. In a currency that is not named they cannot be spent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub worth: BTreeMap<CurrencyCode, PointWorth>,
    /// The terms of the bonus they are spent on; its amount is as the grant says.
    pub into: TermsName,
    /// How many seconds after they were last earned, spent or adjusted points are over; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_secs: Option<u32>,
}
