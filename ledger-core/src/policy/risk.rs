//! What follows from a signal of risk.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::SignalName;
use crate::player::Block;
use crate::stored::LimitTerm;

/// What the ledger does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Reaction {
    /// The player is blocked for something, if he is not.
    Block {
        /// What for.
        block: Block,
    },
    /// The operator's limit becomes so low, if it is not lower.
    Limit {
        /// On what.
        term: LimitTerm,
        /// How high. Digits that the currency does not have are cut off.
        #[serde(with = "crate::text::decimal_text")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        amount: Decimal,
    },
    /// A case is opened.
    Case,
}

/// That something follows from a signal, in the commit that records it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RiskRule {
    /// The signal.
    pub signal: SignalName,
    /// What follows.
    pub then: Reaction,
}
