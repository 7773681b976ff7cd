//! Sessions: that a player has a game open, on what device, and what he staked and won in it since.
//!
//! A session is one of the ledger's because bets are decided on it: whether it is open and has not expired, in which
//! currency it is, and what a reality check shows. Open ones are live state; one that has ended is in the log. Wins,
//! rollbacks and ends of rounds never look at it (S45 and S71 in docs/scenarios.md).

mod check;
mod command;
mod decide;
mod state;

pub(crate) use check::{Asked, check, check_time};
pub use command::{AcknowledgeRealityCheck, EndSession, StartSession};
pub use state::Session;

/// The most sessions that a player may have open at once. One more ends the one without a bet for the longest time: not
/// every provider says when a player has left.
pub const SESSIONS_MAX: usize = 32;
