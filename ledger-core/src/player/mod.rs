//! The player himself: his opening, purses and closing, and the record of what was refused.

mod closing;
mod command;
mod decide;
mod purse;

pub use closing::{ClosePlayer, ReopenPlayer};
pub use command::OpenPlayer;
pub(crate) use decide::refusal;
pub use purse::AddPurse;
