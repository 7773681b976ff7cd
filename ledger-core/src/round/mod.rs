//! The bet round: bets are held, wins are paid, stakes are taken at the end. The round owns rules and no
//! money: each movement is one entry of the wallet, named by the round's event beside it.

mod decide;
mod state;

pub(crate) use decide::{close, incoming, place_bet, purse, rollback, settle, void};
pub use state::{BETS_MAX, WINS_MAX};
pub(crate) use state::{empty, evolve};
