//! Corrections of what was settled: results that change, bets that are open again, settlements that are called off,
//! cash-outs, and a provider's adjustments. Each is one entry and one event, whatever it touches.

mod adjust;
mod cash_out;
mod command;
mod resettle;
mod undone;
mod unsettle;
mod void_settled;

pub use command::{AdjustRound, CashOut, Inform, Resettle, Unsettle, VoidSettled};
pub(super) use void_settled::{Wanted, void_bets};
