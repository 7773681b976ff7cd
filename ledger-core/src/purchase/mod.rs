//! What a player pays that is no stake: tips for dealers, and entries to tournaments. No wager, so no round, no
//! revenue of a game; cash only. Each has a stream of its own, so that its source can undo it.

mod command;
mod decide;
mod postings;
mod state;

pub use command::{EnterTournament, Tip};
pub(crate) use decide::give_back;
pub(crate) use state::evolve;
pub use state::{Purchase, PurchaseKind, PurchaseRef};
