//! Profiles of limits: what the operator sets for kinds of players.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CategoryStakes, LimitRule, PlayTimeRule};
use crate::ids::JurisdictionId;

/// The name of the profile that a player has who was assigned none, if the policy has one of that name.
pub const DEFAULT_PROFILE: &str = "DEFAULT";

/// A profile of limits (`DEFAULT`, `VIP_A`): each is on a currency, so one profile serves all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LimitProfile {
    /// Its limits, in any order; of two on the same the later counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitRule>,
    /// Those of players of a jurisdiction, instead.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jurisdictions: BTreeMap<JurisdictionId, Vec<LimitRule>>,
    /// Its limits on the time of play: at most one over a window, and none of zero.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub play_time: Vec<PlayTimeRule>,
    /// What one bet of such a player may stake, by category of games: a stake that only older players may place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stakes: CategoryStakes,
}

impl LimitProfile {
    /// The limits of players of a jurisdiction.
    pub fn limits_in(&self, jurisdiction: &JurisdictionId) -> &[LimitRule] {
        self.jurisdictions.get(jurisdiction).unwrap_or(&self.limits)
    }

    /// All limits there are in it.
    pub(crate) fn all(&self) -> impl Iterator<Item = &LimitRule> {
        self.limits.iter().chain(self.jurisdictions.values().flatten())
    }
}
