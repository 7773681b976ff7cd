//! The events of sessions. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::player::TransactionRef;
use super::shapes::shape;
use super::shapes::words;
use crate::ids::DeviceId;
use crate::ids::GameId;
use crate::ids::SourceId;
use crate::ids::TransactionId;
use crate::money::Amount;
use crate::money::CurrencyCode;

shape! {
    /// A session as its source names it.
    #[derive(Hash, PartialOrd, Ord)]
    pub struct SessionRef {
        /// Who started it.
        pub source: SourceId,
        /// Its id of it.
        pub id: TransactionId,
    }
}

shape! {
    /// `session.started` 1: the player opened a game.
    pub struct SessionStarted {
        /// The game.
        pub game: GameId,
        /// The currency of all its bets.
        pub currency: CurrencyCode,
        /// The device, as an opaque id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub device: Option<DeviceId>,
        /// The launch of the game that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub launch: Option<TransactionId>,
    }
}

words! {
    /// Why a session ended.
    pub enum SessionEndReason {
        /// Someone ended it.
        Ended,
        /// The player opened more than may be open at once, and it was the one without a bet for the longest time.
        Displaced,
    }
}

shape! {
    /// `session.ended` 1: no bets in this session from here on.
    pub struct SessionEnded {
        /// The operation that ended it.
        pub txn: TransactionRef,
        /// Why.
        pub reason: SessionEndReason,
        /// What its rounds staked until then.
        pub staked: Amount,
        /// What they won until then.
        pub won: Amount,
    }
}

shape! {
    /// `reality_check.acknowledged` 1: the player was shown how long he plays and what he won and lost, and goes on.
    pub struct RealityCheckAcknowledged {
        /// The operation that says so.
        pub txn: TransactionRef,
        /// What the session's rounds staked until then.
        pub staked: Amount,
        /// What they won until then.
        pub won: Amount,
    }
}
