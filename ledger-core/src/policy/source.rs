//! How one source behaves.

use serde::{Deserialize, Serialize};

/// What happens when a win is rolled back and the player has already spent it (S42a to S42d in
/// docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ShortfallPolicy {
    /// Take it all; what is missing becomes a receivable that blocks bets until it is paid.
    #[default]
    AllowNegative,
    /// Refuse the rollback.
    Reject,
    /// Answer that it was done, take nothing, and record that the win was retained.
    Retain,
    /// Take what is there and write the rest off as bad debt.
    ZeroOut,
}

/// Over what a source's transaction ids are unique (S22 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Per kind of operation: a bet and its win may carry the same id.
    #[default]
    PerKind,
    /// Over all kinds: an id is used once, whatever for.
    AnyKind,
}

/// How one source behaves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SourcePolicy {
    /// Over what its transaction ids are unique.
    pub key_scope: KeyScope,
    /// What a rollback of a spent win does.
    pub on_shortfall: ShortfallPolicy,
    /// Whether a refused bet stays refused under its key (S20 in docs/scenarios.md).
    pub sticky_rejections: bool,
    /// Whether a rollback of a settled bet calls it off, wins and all (S126, H6), instead of being refused (S40).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cancel_settled: bool,
}

impl Default for SourcePolicy {
    fn default() -> Self {
        Self {
            key_scope: KeyScope::PerKind,
            on_shortfall: ShortfallPolicy::AllowNegative,
            sticky_rejections: true,
            cancel_settled: false,
        }
    }
}
