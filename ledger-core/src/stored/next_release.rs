//! A release that does not exist yet, for the test of two releases side by side (feature `next-release`): it stores
//! the closing of a round in a second version, with another name for one field and one reason more.
//!
//! No host has this feature on. Once there are two releases, the test takes those, and this goes.

use super::round::{CloseReason, RoundClosed};
use super::shapes::shape;
use crate::ids::TransactionId;
use serde::{Deserialize, Serialize};

shape! {
    /// `round.closed` 1.
    pub(super) struct RoundClosedV1 {
        /// The operation that closed it.
        pub(super) txn: TransactionId,
        /// Why.
        pub(super) reason: CloseReason,
    }
}

pub(super) fn newest(old: RoundClosedV1) -> RoundClosed {
    RoundClosed { txn: old.txn, reason: old.reason }
}

/// The way back. The release before is imagined to have no word for an end that was announced.
pub(super) fn before(new: &RoundClosed) -> RoundClosedV1 {
    let reason = if new.reason == CloseReason::Close { CloseReason::Win } else { new.reason };
    RoundClosedV1 { txn: new.txn.clone(), reason }
}
