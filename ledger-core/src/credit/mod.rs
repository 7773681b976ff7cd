//! Credits: money for the player that no stake earned.

mod command;
mod decide;

pub use command::{GrantCredit, ReportFreeRounds};
