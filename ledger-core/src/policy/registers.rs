//! Which registers outside of this ledger must be asked about a player, and before what.

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::ids::RegisterName;

/// Before what a register is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegisterUse {
    /// A bet.
    Bet,
    /// A tip, or the entry to a tournament.
    Purchase,
    /// Money goes to play elsewhere.
    Transfer,
    /// The start of a session.
    Session,
    /// The start of a deposit.
    Deposit,
}

/// What becomes of a command when a register could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenUnreachable {
    /// It is refused.
    #[default]
    Refuse,
    /// It is allowed, and the log says that the register could not be reached.
    Allow,
}

/// That a register must be asked (E49, E61, E64 in docs/scenarios.md).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterRule {
    /// Which.
    pub register: RegisterName,
    /// Before what.
    pub before: Vec<RegisterUse>,
    /// How old its answer may be, in seconds.
    pub max_age_secs: u32,
    /// What holds when it could not be reached.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unreachable: WhenUnreachable,
}
