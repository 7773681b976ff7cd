//! How a source's rounds end, and what its bets and sessions are like.

use serde::{Deserialize, Serialize};

/// How a source says that bets and rounds are over (H13 in docs/scenarios.md): what a win ends that does not say so
/// itself. What a command says goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RoundClosePolicy {
    /// Its last win says so. One that does not say ends nothing.
    #[default]
    Flag,
    /// A call of its own, [`crate::CloseRound`]. No win ends anything, and a round stays open although all its bets are
    /// settled, until the call comes.
    EndCall,
    /// A win of zero. It ends the bet it names, or the round. A win above zero ends nothing.
    ZeroWin,
    /// Every win is the result of the bets it answers, zero if they are lost.
    EveryWin,
    /// Nothing: the source reports no losses. A stake is taken when it is placed, and the round is closed. Wins that
    /// come later are paid all the same, and until one comes the bet can be undone.
    ImmediateLoss,
}

/// What becomes of the open bets of a round that takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimeOutAction {
    /// They are called off: stakes go back. Those whose result was reported are lost.
    Void,
    /// They are lost. A win that comes later is paid all the same.
    Lose,
}

/// When a round has taken too long (S69 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoundTimeOut {
    /// How long nothing must have happened in it, in seconds.
    pub after_secs: u32,
    /// What becomes of its open bets.
    pub then: TimeOutAction,
}

/// Which of a source's messages pays the wins of free rounds: never both (H14, S95 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FreeRoundPayment {
    /// Each win is paid when it comes; the total at the end is news.
    #[default]
    Each,
    /// The total at the end is paid; each win is news.
    Total,
}

/// What a source's bets need of a session. Wins, rollbacks and ends of rounds never need one (S45, S71).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SessionPolicy {
    /// Whether a bet must name one.
    pub needed: bool,
    /// Whether one that a bet names must be open and not have expired.
    pub checked: bool,
    /// How many seconds after its start a session expires; never, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u32>,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self { needed: false, checked: true, ttl_secs: None }
    }
}
