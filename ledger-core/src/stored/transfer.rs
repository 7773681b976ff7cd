//! The events of money that plays elsewhere. A shape that has been released is never edited: a new version gets a
//! new struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::session::SessionRef;
use super::shapes::shape;
use super::wallet::LotShare;
use crate::ids::GameId;
use crate::ids::TransactionId;
use crate::money::Amount;
use crate::money::CurrencyCode;

shape! {
    /// `transfer.rolled_out` 1: money of the player is with a game provider, to be played there. It stays his: it is
    /// held until it comes back.
    pub struct TransferRolledOut {
        /// The game it is for.
        pub game: GameId,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// The session it is for, if it named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub session: Option<SessionRef>,
        /// What of it was unplayed money of deposits.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// The entry; absent if there was nothing to take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `transfer.rolled_in` 1: what is left of it came back, and what was staked and won there is booked.
    pub struct TransferRolledIn {
        /// The operation.
        pub txn: TransactionId,
        /// The game, as of the roll-out: stakes and payouts are booked under it.
        pub game: GameId,
        /// The currency.
        pub currency: CurrencyCode,
        /// What came back.
        pub amount: Amount,
        /// What was staked with it.
        pub staked: Amount,
        /// What it won.
        pub won: Amount,
        /// The entry; absent if nothing was above zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `transfer.rolled_back` 1: it was undone by its source; all of it is back.
    pub struct TransferRolledBack {
        /// The rollback.
        pub txn: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much went back.
        pub amount: Amount,
        /// The entry; absent if there was nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}
