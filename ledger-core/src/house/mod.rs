//! The house's own partitions. The first is the register of currencies: a currency's first use fixes its
//! scale and maximum for ever, for the whole ledger.

mod currencies;

pub use currencies::{CurrencyRegister, RegisterCurrency, register_partition};
