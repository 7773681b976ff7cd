//! Exchange between the purses of one player, and its reversal at the same rate (P39, P40 and FX1 to FX3 in
//! docs/scenarios.md).

mod command;
mod decide;

pub use command::{Exchange, ReverseExchange};
