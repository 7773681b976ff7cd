//! The events of who a player is and how far he is verified. A shape that has been released is never edited: a new version
//! gets a new struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::player::TransactionRef;
use super::shapes::shape;
use crate::ids::ActorId;
use crate::ids::PersonId;
use crate::ids::Reason;
use crate::ids::TierName;

shape! {
    /// `player.kyc.status_changed` 1: the player is verified so far from here on.
    pub struct KycStatusChanged {
        /// The operation.
        pub txn: TransactionRef,
        /// The tier; absent if he has none any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tier: Option<TierName>,
        /// The tier before; absent if he had none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous: Option<TierName>,
        /// Who said so.
        pub by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
    }
}

shape! {
    /// `player.person_changed` 1: the player is this person.
    pub struct PersonChanged {
        /// The operation.
        pub txn: TransactionRef,
        /// The person; absent if nobody knows any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub person: Option<PersonId>,
        /// The person before; absent if nobody knew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous: Option<PersonId>,
        /// Who said so.
        pub by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
    }
}
