//! How deposits are dealt with.

use serde::{Deserialize, Serialize};

use super::ShortfallPolicy;

/// What becomes of money that a payment provider captured when nobody expected it any more. It is the player's own
/// money either way; in suspense it waits for two persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CapturePolicy {
    /// The player is credited.
    Credit,
    /// It is kept in suspense.
    Suspend,
}

/// How many failed deposits, within which time, block further ones (D12; GLI-19 A.3.6(b)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FailureRule {
    /// How many; more than 20 are not counted.
    pub count: u8,
    /// Within how many seconds.
    pub within_secs: u32,
}

/// How deposits are dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DepositPolicy {
    /// How old a deposit must be to expire, in seconds.
    pub intent_ttl_secs: u32,
    /// What becomes of the capture of a deposit that expired or was cancelled.
    pub late_capture: CapturePolicy,
    /// What becomes of a second capture of one deposit.
    pub second_capture: CapturePolicy,
    /// What a refund does when the player has spent the money.
    pub on_shortfall: ShortfallPolicy,
    /// When failed deposits block further ones; by default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailureRule>,
}

impl Default for DepositPolicy {
    fn default() -> Self {
        Self {
            intent_ttl_secs: 86_400,
            late_capture: CapturePolicy::Credit,
            second_capture: CapturePolicy::Suspend,
            on_shortfall: ShortfallPolicy::AllowNegative,
            failures: None,
        }
    }
}
