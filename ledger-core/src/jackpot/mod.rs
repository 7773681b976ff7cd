//! Jackpots of the house with a player: a round of his triggers one, and he is paid. Who was first and how much it is, the
//! jackpot's pool says (docs/jackpots.md).

mod command;
mod decide;
mod state;

pub use command::{ClaimJackpot, PayJackpot, WithdrawJackpotClaim};
pub(crate) use decide::follow_up;
pub(crate) use state::evolve;
pub use state::{JACKPOT_CLAIMS_MAX, JackpotClaim};
