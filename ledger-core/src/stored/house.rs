//! The events of the house. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::shapes::shape;
use crate::money::Currency;

shape! {
    /// `currency.registered` 1: a currency's first use fixes its scale and maximum for ever.
    pub struct CurrencyRegistered {
        /// The currency.
        pub currency: Currency,
    }
}
