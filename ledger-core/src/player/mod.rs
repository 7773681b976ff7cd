//! The player himself: his opening, purses, blocks and closing, and the record of what was refused.

mod blocks;
mod closing;
mod command;
mod decide;
mod purse;

pub use blocks::{Block, BlockPlayer, UnblockPlayer};
pub use closing::{ClosePlayer, ReopenPlayer};
pub use command::OpenPlayer;
pub(crate) use decide::refusal;
pub use purse::AddPurse;
