//! The events of deposits. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::shapes::shape;
use crate::ids::Authorisation;
use crate::money::Amount;
use crate::money::CurrencyCode;

shape! {
    /// `cashier.deposit.succeeded` 1: a payment provider captured a deposit.
    pub struct DepositSucceeded {
        /// The currency.
        pub currency: CurrencyCode,
        /// What was captured.
        pub amount: Amount,
        /// The authorisation number (GLI-19 2.5.6(c)), if the provider gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub authorisation: Option<Authorisation>,
        /// The entry.
        pub entry: u64,
    }
}
