//! The player himself: his opening, and the record of what was refused.

mod command;
mod decide;

pub use command::OpenPlayer;
pub(crate) use decide::refusal;
