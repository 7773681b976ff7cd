//! The wallet: a player's purses, and every entry that touches them.
//!
//! The wallet owns money and no rules: rounds, deposits and credits decide, and post
//! postings built here. So the wallet's stream alone is the player's complete statement.

mod fx_postings;
mod incoming;
mod lots;
mod postings;
mod recovery;
mod state;

pub(crate) use fx_postings::{credit_converted, exchange, reverse_credit_converted, reverse_exchange};
pub(crate) use incoming::{incoming, purse, summed};
pub use lots::{LOTS_MAX, Lot};
pub(crate) use lots::{LotMoves, back_from, first_of, less, total};
pub(crate) use postings::{
    contribute, credit_cash, deposit, give_back, hold, hold_again, pay, recover_all, recover_to,
    take_at_once, take_back, take_contribution_back, take_stakes, unless_zero,
};
pub(crate) use recovery::{recovery, recovery_beside, recovery_of};
pub(crate) use state::PostError;
pub use state::{BonusPurse, Purse, Wallet};
