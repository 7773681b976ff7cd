//! The events of loyalty points. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::bonus::{AwardRef, CashbackBase};
use super::player::TransactionRef;
use super::shapes::shape;
use crate::ids::ActorId;
use crate::ids::ProgrammeName;
use crate::ids::Reason;
use crate::key::ContentHash;
use crate::money::Amount;
use crate::money::CurrencyCode;

shape! {
    /// `points.earned` 1: points were given for what was played in a period.
    pub struct PointsEarned {
        /// The operation.
        pub txn: TransactionRef,
        /// The programme.
        pub programme: ProgrammeName,
        /// The hash of its terms.
        pub terms: ContentHash,
        /// The currency of what was played.
        pub currency: CurrencyCode,
        /// What was played.
        pub base: CashbackBase,
        /// How many points; zero if it was too little.
        pub points: u64,
        /// How many there are now.
        pub balance: u64,
    }
}

shape! {
    /// `points.spent` 1: points became a bonus.
    pub struct PointsSpent {
        /// The operation.
        pub txn: TransactionRef,
        /// The programme.
        pub programme: ProgrammeName,
        /// How many points.
        pub points: u64,
        /// How many there are now.
        pub balance: u64,
        /// The currency of the bonus.
        pub currency: CurrencyCode,
        /// What they were worth.
        pub amount: Amount,
        /// The award.
        pub award: AwardRef,
    }
}

shape! {
    /// `points.expired` 1: points were not touched for too long. There are none now.
    pub struct PointsExpired {
        /// The operation that found it.
        pub txn: TransactionRef,
        /// The programme.
        pub programme: ProgrammeName,
        /// How many points.
        pub points: u64,
    }
}

shape! {
    /// `points.adjusted` 1: two persons gave or took points.
    pub struct PointsAdjusted {
        /// The operation.
        pub txn: TransactionRef,
        /// The programme.
        pub programme: ProgrammeName,
        /// How many more or, below zero, fewer.
        pub points: i64,
        /// How many there are now.
        pub balance: u64,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
        /// Why, in words.
        pub reason: Reason,
    }
}
