//! How withdrawals are dealt with.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::is_default;
use crate::money::{BasisPoints, CurrencyCode};

/// What a request for a withdrawal needs to be known of the player (W15, E43 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KycRequirement {
    /// Nothing.
    NotRequired,
    /// That he is verified. Without that the withdrawal waits for it, its money held.
    #[default]
    Await,
    /// That he is verified. Without that the request is refused.
    Reject,
}

/// Where money may go (W21 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DestinationPolicy {
    /// Anywhere.
    Any,
    /// To an instrument that a captured deposit came from, or that the host has verified.
    #[default]
    Proven,
    /// To an instrument that a captured deposit came from.
    ClosedLoop,
}

/// What a chargeback of an earlier deposit means for withdrawals, until the block it left is lifted (W23 in
/// docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AfterChargeback {
    /// They are refused.
    #[default]
    Reject,
    /// They are taken in and held: approved by nobody automatically, and not sent.
    Hold,
    /// Nothing.
    Allow,
}

/// Who bears a payout that was reported as failed, went back to the player, and was paid after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LatePayoutPolicy {
    /// The player, who has the money twice: it is taken from his cash, and what is missing he owes.
    #[default]
    Player,
    /// Nobody yet: it stands in suspense until two persons decide.
    Suspense,
}

/// How many approvals a withdrawal needs from an amount on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalStep {
    /// The least amount.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub from: Decimal,
    /// How many approvals; at least one counts, and at most [`crate::APPROVALS_MAX`].
    pub approvals: u8,
}

/// What a withdrawal costs the player (P26).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct WithdrawalFee {
    /// A fixed part. Digits that the currency does not have are cut off, and less than nothing is nothing.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub fixed: Decimal,
    /// A share of the amount, a half rounded up.
    pub rate: BasisPoints,
}

/// What holds for withdrawals in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct WithdrawalTerms {
    /// Up to which amount a verified player's withdrawal is approved without a person (W24).
    #[serde(with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub auto_approve_max: Option<Decimal>,
    /// How many approvals are needed from which amount on (W13); the highest step that an amount reaches counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalStep>,
    /// What a withdrawal costs the player.
    #[serde(skip_serializing_if = "is_default")]
    pub fee: WithdrawalFee,
    /// The most that may be asked for within 24 hours (W17).
    #[serde(with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub day_max: Option<Decimal>,
    /// The same within 7 days.
    #[serde(with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub week_max: Option<Decimal>,
    /// The same within 31 days.
    #[serde(with = "crate::text::decimal_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub month_max: Option<Decimal>,
}

/// How withdrawals are dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct WithdrawalPolicy {
    /// What must be known of the player.
    pub kyc: KycRequirement,
    /// How old the answer that he is verified may be, in seconds.
    pub kyc_max_age_secs: u32,
    /// Where money may go.
    pub destination: DestinationPolicy,
    /// How many withdrawals of a player may be under way at once (W18); the parts of one that was split are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_max: Option<u16>,
    /// How old a withdrawal must be to expire that nobody has looked at, in seconds.
    pub ttl_secs: u32,
    /// What a chargeback means for withdrawals.
    pub after_chargeback: AfterChargeback,
    /// Who bears a payout that failed and was paid after all.
    pub late_payout: LatePayoutPolicy,
    /// What holds in named currencies; in others a withdrawal needs one approval, costs nothing and has no limit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub currencies: BTreeMap<CurrencyCode, WithdrawalTerms>,
}

impl Default for WithdrawalPolicy {
    fn default() -> Self {
        Self {
            kyc: KycRequirement::default(),
            kyc_max_age_secs: 365 * 86_400,
            destination: DestinationPolicy::default(),
            pending_max: None,
            ttl_secs: 30 * 86_400,
            after_chargeback: AfterChargeback::default(),
            late_payout: LatePayoutPolicy::default(),
            currencies: BTreeMap::new(),
        }
    }
}
