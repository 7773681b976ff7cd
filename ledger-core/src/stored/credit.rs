//! The event of a credit. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::adjustment::Direction;
use super::player::TransactionRef;
use super::shapes::shape;
use super::shapes::words;
use super::wallet::Recovery;
use crate::ids::Reason;
use crate::ids::RoundId;
use crate::ids::SubAccount;
use crate::money::Amount;
use crate::money::CurrencyCode;

words! {
    /// What a credit without a stake is for, which tells who bears it.
    pub enum CreditKind {
        /// A promotion the game provider pays for: his debt.
        ProviderPromo,
        /// The cash win of a free round: a cost of the house.
        FreeRound,
        /// Cashback: a cost of the house.
        Cashback,
        /// A local jackpot: from its pool.
        LocalJackpot,
        /// A network jackpot: the provider's debt.
        NetworkJackpot,
    }
}

shape! {
    /// `credit.granted` 1: money for the player that no stake earned.
    pub struct CreditGranted {
        /// The credit.
        pub credit: TransactionRef,
        /// What for.
        pub reason: CreditKind,
        /// The campaign, jackpot or provider that bears it.
        pub of: SubAccount,
        /// The round it is linked to, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub round: Option<RoundId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// The credit.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `adjustment.applied` 1: a game provider corrected the player's balance.
    pub struct AdjustmentApplied {
        /// The adjustment.
        pub txn: TransactionRef,
        /// The round it is about, if it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub round: Option<RoundId>,
        /// Which way it went.
        pub direction: Direction,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Why, in the words of who did it.
        pub reason: Reason,
        /// From where it was taken, if it was taken from the player.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub recovery: Option<Recovery>,
        /// The entry.
        pub entry: u64,
    }
}
