//! Deposits: money a payment provider captured.

mod command;
mod decide;

pub use command::RecordDeposit;
