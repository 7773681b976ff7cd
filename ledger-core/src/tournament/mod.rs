//! Tournaments with a player who takes part: he is paid, or what he paid goes back. Who takes part, has which place and wins
//! what, the tournament's partition says (docs/tournaments.md).

mod command;
mod decide;

pub use command::{PayTournamentPrize, ReturnTournamentEntry};
