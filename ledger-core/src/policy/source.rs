//! How one source behaves.

use serde::{Deserialize, Serialize};

use super::play::{FreeRoundPayment, RoundClosePolicy, RoundTimeOut, SessionPolicy};
use super::{SourceSwitch, is_default};

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

/// How one source behaves. Some of it a call may override, see [`crate::CallFlags`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own that a provider's contract answers"
)]
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
    /// How its rounds end.
    #[serde(skip_serializing_if = "is_default")]
    pub round_close: RoundClosePolicy,
    /// When its rounds have taken too long; never, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_time_out: Option<RoundTimeOut>,
    /// Whether it may reopen a round that is over (S75).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reopen_rounds: bool,
    /// Whether its bets and wins may come after the end of a round.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wagers_after_end: bool,
    /// Whether a stake may be more than is available: then the player owes the rest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub negative_debit: bool,
    /// Whether a win of a round that no one has seen is paid, on a bet of zero that is made up for it (H8), instead of
    /// being refused (S56).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub credit_without_debit: bool,
    /// Whether a new round is refused while another one of the same game is open.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub one_open_round: bool,
    /// Which message pays the wins of its free rounds.
    #[serde(skip_serializing_if = "is_default")]
    pub free_rounds: FreeRoundPayment,
    /// What its bets need of a session.
    #[serde(skip_serializing_if = "is_default")]
    pub sessions: SessionPolicy,
    /// What of it is switched off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<SourceSwitch>,
}

impl Default for SourcePolicy {
    fn default() -> Self {
        Self {
            key_scope: KeyScope::PerKind,
            on_shortfall: ShortfallPolicy::AllowNegative,
            sticky_rejections: true,
            cancel_settled: false,
            round_close: RoundClosePolicy::Flag,
            round_time_out: None,
            reopen_rounds: false,
            wagers_after_end: false,
            negative_debit: false,
            credit_without_debit: false,
            one_open_round: false,
            free_rounds: FreeRoundPayment::Each,
            sessions: SessionPolicy::default(),
            switches: Vec::new(),
        }
    }
}
