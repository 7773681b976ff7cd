//! The events of limits on the time of play. A shape that has been released is never edited: a new version gets a new struct
//! and an upcaster.

use serde::{Deserialize, Serialize};

use super::limit::{LimitBounds, LimitCause, LimitSide, LimitWindow};
use super::player::TransactionRef;
use super::shapes::shape;
use crate::ids::ActorId;
use crate::time::Timestamp;

shape! {
    /// `play_time_limit.set` 1: a limit on the time of play is as it says from here on; a raise that was asked for and waited is
    /// off.
    pub struct PlayTimeLimitSet {
        /// The operation.
        pub txn: TransactionRef,
        /// Whose limit.
        pub side: LimitSide,
        /// Over which window.
        pub window: LimitWindow,
        /// How long he may play in it, in seconds; absent if there is no limit any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_secs: Option<u32>,
        /// How long it was; absent if there was no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous: Option<u32>,
        /// Why.
        pub cause: LimitCause,
        /// The window that counting begins in, if it is one of the calendar and nothing was counted for it so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bounds: Option<LimitBounds>,
        /// Who set it, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

shape! {
    /// `play_time_limit.raise_requested` 1: the player wants a limit of his on the time of play higher, or no more. It stands until
    /// its time has come.
    pub struct PlayTimeRaiseRequested {
        /// The operation.
        pub txn: TransactionRef,
        /// Over which window.
        pub window: LimitWindow,
        /// How long he wants it, in seconds; absent if he wants no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_secs: Option<u32>,
        /// From when on it may be so.
        pub due_at: Timestamp,
        /// Whether he must confirm it then.
        pub confirm: bool,
        /// Who asked, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

shape! {
    /// A window of the calendar in which the time of play is counted from here on.
    #[derive(Copy)]
    pub struct PlayTimeWindowOpened {
        /// Which window.
        pub window: LimitWindow,
        /// From when to when.
        pub bounds: LimitBounds,
    }
}

shape! {
    /// `play_time_limit.windows_opened` 1: the windows before are over; what was played before these begin does not count in them.
    pub struct PlayTimeWindowsOpened {
        /// Each window.
        pub windows: Vec<PlayTimeWindowOpened>,
    }
}

shape! {
    /// `play_time_limit.warned` 1: the player is near a limit of his on the time of play (S109).
    pub struct PlayTimeWarned {
        /// The operation that brought him there.
        pub txn: TransactionRef,
        /// Over which window.
        pub window: LimitWindow,
        /// Whose limit it is.
        pub side: LimitSide,
        /// How long he may play, in seconds.
        pub max_secs: u32,
        /// How long he has, in whole seconds.
        pub used_secs: u32,
    }
}
