//! The rules of one jurisdiction.

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::ids::JurisdictionId;
use crate::money::BasisPoints;

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

/// The rules of one jurisdiction, for the players that were opened in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct JurisdictionProfile {
    /// Until when a player may take a withdrawal back.
    #[serde(skip_serializing_if = "is_default")]
    pub reverse_withdrawal: ReverseWithdrawal,
    /// What becomes of deposits that are withdrawn before they were played.
    #[serde(skip_serializing_if = "is_default")]
    pub unplayed: UnplayedMoney,
}

impl JurisdictionProfile {
    /// Great Britain: no reverse withdrawals (Gambling Commission, "Online games design and reverse withdrawals"), and no
    /// restriction on withdrawing deposits (the same, "Restrictions on withdrawing deposit and deposit winnings").
    pub const GREAT_BRITAIN: Self =
        Self { reverse_withdrawal: ReverseWithdrawal::Forbidden, unplayed: UnplayedMoney::Free };

    /// Sweden: no reverse withdrawals.
    pub const SWEDEN: Self =
        Self { reverse_withdrawal: ReverseWithdrawal::Forbidden, unplayed: UnplayedMoney::Free };

    /// What the law of a jurisdiction says where the policy does not name it: `GB`, `SE` and their parts (`GB-ENG`).
    pub(super) fn by_law(jurisdiction: &JurisdictionId) -> Option<&'static Self> {
        match jurisdiction.as_str().split('-').next() {
            Some("GB") => Some(&Self::GREAT_BRITAIN),
            Some("SE") => Some(&Self::SWEDEN),
            _ => None,
        }
    }
}
