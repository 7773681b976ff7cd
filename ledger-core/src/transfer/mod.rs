//! Money that plays elsewhere: a game provider with a wallet of its own takes an amount out (a roll-out, or all there
//! is), and brings back what is left (a roll-in).
//!
//! It stays the player's while it is away: it is held, per transfer, and live state until it comes back, so that one
//! that never does is seen. What was staked and won there is booked when it comes back.

mod command;
mod decide;
mod postings;
mod state;

pub use command::{RollIn, RollOut};
pub(crate) use decide::roll_back;
pub(crate) use state::evolve;
pub use state::{Transfer, TransferRef, TransferStatus};

/// The most transfers of a player that have not come back.
pub const OPEN_TRANSFERS_MAX: usize = 100;
