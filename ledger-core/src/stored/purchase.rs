//! The events of what a player pays that is no stake. A shape that has been released is never edited: a new version
//! gets a new struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::shapes::shape;
use super::wallet::LotShare;
use crate::account::AccountKind;
use crate::ids::RoundId;
use crate::ids::SubAccount;
use crate::ids::TransactionId;
use crate::money::Amount;
use crate::money::CurrencyCode;

shape! {
    /// `tip.given` 1: a tip for a provider's dealers. It is no wager.
    pub struct TipGiven {
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// The round it was given in, if it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub round: Option<RoundId>,
        /// What of it was unplayed money of deposits.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `tip.returned` 1: a tip was undone by its source.
    pub struct TipReturned {
        /// The rollback.
        pub txn: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much went back.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `tournament.entered` 1: the player pays to take part in a tournament.
    pub struct TournamentEntered {
        /// The tournament.
        pub tournament: SubAccount,
        /// The currency.
        pub currency: CurrencyCode,
        /// What goes into the pool.
        pub buy_in: Amount,
        /// What the house keeps.
        pub fee: Amount,
        /// What of both was unplayed money of deposits.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// The entry; absent if both are zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
        /// Whether it is of real or of test money, where no entry says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub kind: Option<AccountKind>,
    }
}

shape! {
    /// `tournament.entry_returned` 1: the player does not take part; what he paid went back.
    pub struct TournamentEntryReturned {
        /// The rollback.
        pub txn: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much went back, fee and all.
        pub amount: Amount,
        /// The entry; absent if nothing was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
        /// The tournament.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tournament: Option<SubAccount>,
        /// Whether it is of real or of test money, where no entry says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub kind: Option<AccountKind>,
    }
}
