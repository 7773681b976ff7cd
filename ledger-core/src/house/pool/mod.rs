//! The pool of one local jackpot: how large it is, who won it, and in which order (docs/jackpots.md).
//!
//! Money is booked once. What stakes give to a jackpot is booked by the commits of players, and so is what it pays. The
//! pool's partition learns of the first by sweeps, in order and without a gap, and decides the second: a claim of a player
//! comes here, gets the pool as it stands, and the player's own commit pays it. So the log of this partition is what says
//! how large the pool is and who was first.
//!
//! | file | owns |
//! |---|---|
//! | `terms` | the parameters of a jackpot, and what of a bet goes to it |
//! | `state` | the pool and its fold |
//! | `configure` | commands: the parameters, and whether it is open, suspended or closed |
//! | `sweep` | the command that takes in what was booked elsewhere |
//! | `award` | the commands of awards |
//! | `flow` | from an event to the command that follows it; what a commit booked for jackpots |

mod award;
mod configure;
mod flow;
mod state;
mod sweep;
mod terms;

pub use award::{AwardJackpot, SettleJackpotAward};
pub use configure::{ChangeJackpotStatus, ConfigureJackpot};
pub use flow::{JackpotStep, JackpotSums, JackpotTally, jackpot_steps};
pub use state::{JackpotAward, JackpotPool, OPEN_JACKPOT_AWARDS_MAX};
pub use sweep::{JACKPOT_SWEEP_PARTS_MAX, SWEEP_ORIGINS_MAX, SweepJackpot, SweepPart};
pub use terms::JACKPOT_GAMES_MAX;
