//! The events of exclusions. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::player::TransactionRef;
use super::shapes::shape;
use super::shapes::words;
use crate::ids::ActorId;
use crate::time::Timestamp;

words! {
    /// What an exclusion is.
    pub enum ExclusionKind {
        /// A pause, which ends by itself.
        TimeOut,
        /// The player excludes himself. After its end he must ask before he may play again.
        SelfExclusion,
    }
}

impl ExclusionKind {
    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TimeOut => "time_out",
            Self::SelfExclusion => "self_exclusion",
        }
    }
}

shape! {
    /// `exclusion.started` 1: no bets, no deposits and no sessions from here on.
    pub struct ExclusionStarted {
        /// The operation.
        pub txn: TransactionRef,
        /// What it is.
        pub kind: ExclusionKind,
        /// Its end; absent if it has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<Timestamp>,
        /// Who acted, if it was not the player.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

shape! {
    /// `exclusion.return_requested` 1: a player whose self-exclusion is over may play again from an instant on.
    pub struct ExclusionReturnRequested {
        /// The operation.
        pub txn: TransactionRef,
        /// From when on.
        pub returns_at: Timestamp,
    }
}
