//! What registers outside of this ledger answered. A shape that has been released is never edited: a new version gets a
//! new struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::deposit::Money;
use super::player::TransactionRef;
use super::shapes::shape;
use crate::ids::ActorId;
use crate::ids::RegisterName;
use crate::time::Timestamp;

/// What a register said of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegisterOutcome {
    /// Nothing bars him.
    Clear,
    /// He is excluded.
    Excluded {
        /// Until when; for ever, or nobody knows, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// So much he may still deposit, of a limit over several operators.
    Left(Money),
    /// It could not be reached.
    Unreachable,
}

shape! {
    /// The answer of a register, or that it gave none.
    pub struct RegisterRecord {
        /// Which.
        pub register: RegisterName,
        /// When it was asked.
        pub asked_at: Timestamp,
        /// What it said.
        pub outcome: RegisterOutcome,
    }
}

shape! {
    /// `register.answered` 1: registers answered about the player what was not known before.
    pub struct RegisterAnswered {
        /// The operation that they were asked for.
        pub txn: TransactionRef,
        /// The answers.
        pub answers: Vec<RegisterRecord>,
        /// Who told it, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}
