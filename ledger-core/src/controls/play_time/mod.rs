//! Limits on the time of play: how long a player may have games open over a day, a week or a month, whatever sessions he
//! plays in.
//!
//! A session is played from its start to its last sign of life: its last bet, the last reality check that was acknowledged in
//! it, or its end, if someone ended it; the pauses in between count, however long. Of sessions that overlap the time counts once. Nothing is written for counting, and
//! nothing is counted of a player without such a limit.

mod begin;
mod check;
mod command;
mod state;

pub(super) use begin::{begin, counts};
pub(crate) use check::{check, near};
pub use command::{ConfirmPlayTimeLimit, SetPlayTimeLimit};
pub use state::{PlayTime, PlayTimeLeft, PlayTimeLimit, PlayTimeWindow, STRETCHES_MAX, Stretch};
