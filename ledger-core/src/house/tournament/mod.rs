//! One tournament: its terms, who takes part, what points they have, and who wins what (docs/tournaments.md).
//!
//! Money is booked once. What players pay to take part is booked by their own commits, and so is what goes back and what
//! they win. The tournament's partition is told of the first, decides who takes part, and fixes the places and prizes; then
//! players' commits pay. What the house adds, and what it keeps, is booked here.
//!
//! | file | owns |
//! |---|---|
//! | `terms` | whether terms may be, and the digits of points |
//! | `state` | the tournament and its fold |
//! | `ranking` | who has which place, and what prize |
//! | `configure` | commands: terms, opening, cancelling |
//! | `entry` | commands: an entry came, an entry went back |
//! | `score` | the command that says what points a player has |
//! | `closing` | commands: the end of play, the closing, a page of places |
//! | `prize` | the command that says what became of a prize |
//! | `flow` | what is due: from an event, or a state, to the commands that follow |
//! | `tally` | from the events of a player to his points |

mod closing;
mod configure;
mod entry;
mod flow;
mod prize;
mod ranking;
mod score;
mod state;
mod tally;
mod terms;

pub use closing::{CloseTournament, EndTournament, RankTournament};
pub use configure::{CancelTournament, ConfigureTournament, OpenTournament};
pub use entry::{ReleaseTournamentEntry, TakeTournamentEntry};
pub use flow::{TournamentStep, tournament_steps};
pub use prize::SettleTournamentPrize;
pub use ranking::{Ranking, TOURNAMENT_RANKS_PER_PAGE};
pub use score::ScoreTournament;
pub use state::{
    Entrant, EntrantScore, EntryToReturn, OpenPrize, TOURNAMENT_RETURNS_MAX, Tournament, TournamentStatus,
};
pub use tally::{TALLY_BEST_MAX, TALLY_RESULTS_MAX, TALLY_ROUNDS_MAX, TournamentTally};
pub use terms::{TOURNAMENT_ENTRIES_MAX, TOURNAMENT_GAMES_MAX, TOURNAMENT_PLACES_MAX};
