//! The bet round: bets are held, wins are paid, stakes are taken at the end. The round owns rules and no
//! money: each movement is one entry of the wallet, named by the round's event beside it.

mod close;
mod command;
mod common;
mod corrections;
mod expire;
mod flags;
mod place;
mod reopen;
mod settle;
mod stakes;
mod state;
mod undo;

pub use command::{
    CloseRound, Finality, FreeStake, Funds, JackpotShare, PlaceBet, Rollback, RollbackKind, Settle, Void,
    VoidTarget,
};
pub use corrections::{AdjustRound, CashOut, Inform, Resettle, Unsettle, VoidSettled};
pub use expire::ExpireRound;
pub use flags::CallFlags;
pub use place::{GAMES_MAX, JACKPOTS_MAX, JACKPOTS_OF_BET_MAX};
pub use reopen::ReopenRound;
pub use state::{BETS_MAX, WINS_MAX};
pub(crate) use state::{empty, evolve};
