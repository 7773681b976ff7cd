//! What exchange demands.

use serde::{Deserialize, Serialize};

/// What exchange between a player's purses demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct FxPolicy {
    /// How many seconds a quoted rate is good for (FX3). One from further in the future is refused as well.
    pub max_age_secs: u32,
}

impl Default for FxPolicy {
    fn default() -> Self {
        Self { max_age_secs: 60 }
    }
}
