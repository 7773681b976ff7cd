//! The events of exchanges between a player's own purses. A shape that has been released is never edited: a new version
//! gets a new struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::shapes::shape;
use super::wallet::{LotShare, Recovery};
use crate::ids::TransactionId;
use crate::money::Amount;
use crate::money::CurrencyCode;
use crate::money::FxRate;

shape! {
    /// `exchange.made` 1: a player exchanged cash of one purse for cash of another.
    pub struct ExchangeMade {
        /// The currency he gave.
        pub from: CurrencyCode,
        /// What he gave.
        pub given: Amount,
        /// The currency he got.
        pub to: CurrencyCode,
        /// What he got: whole units.
        pub received: Amount,
        /// What it is worth, at the scale of the accounts of exchange.
        pub exact: Amount,
        /// The rate as it was fixed.
        pub rate: FxRate,
        /// What of what he gave was unplayed money of deposits, by lot; absent where nothing was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `exchange.reversed` 1: an exchange was undone, at its own rate.
    pub struct ExchangeReversed {
        /// The reversal.
        pub txn: TransactionId,
        /// The rate of the exchange.
        pub rate: FxRate,
        /// From where what the player had got was taken.
        pub recovery: Recovery,
        /// The entry.
        pub entry: u64,
    }
}
