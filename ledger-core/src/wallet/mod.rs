//! The wallet: a player's purses, and every entry that touches them.
//!
//! The wallet owns money and no rules: rounds, deposits and credits decide, and post
//! postings built here. So the wallet's stream alone is the player's complete statement.

#[cfg_attr(not(test), expect(dead_code, reason = "the commands that exchange are not there yet"))]
mod fx_postings;
mod incoming;
mod postings;
mod recovery;
mod state;

pub(crate) use fx_postings::{credit_converted, reverse_credit_converted};
pub(crate) use incoming::{incoming, purse};
pub(crate) use postings::{
    credit_cash, deposit, hold, pay, recover, release, take_back, take_stakes, unless_zero,
};
pub(crate) use recovery::recovery;
pub(crate) use state::PostError;
pub use state::{Purse, Wallet};
