//! Withdrawals: money out, from the request to the payment provider's answer, and what becomes of it later.
//!
//! # A life
//!
//! A withdrawal has a stream of its own, `withdrawal/P/source/W`; source and id are the cashier's. Until it has ended
//! it is live state of the player, at most [`OPEN_WITHDRAWALS_MAX`] at once; afterwards it is folded from its stream
//! when a command names it. docs/withdrawals.md has the states and what every command does in each of them.
//!
//! - What is asked for is *held*: it leaves cash and stands on `player:withdrawal_pending`. Only cash less what the
//!   player owes can be asked for, never what is held for open rounds, and never bonus.
//! - Before it is sent the player may have to be verified, and persons must approve it: as many as the policy says
//!   for the amount, nobody twice, nobody what he asked for in the player's name or has split. Small amounts of verified
//!   players may be approved by rule.
//! - Sent, its money is *on its way*, on `payouts:in_transit` of the payment provider. After a time-out it stays there:
//!   whether it was paid is not known, and nothing is given back.
//! - Paid, it is over, unless a bank sends it back. Failed, its money is with the player again.
//!
//! # Breaks
//!
//! A payment provider's messages may contradict each other. What a message reports that was reported before, or
//! was overtaken, is a noop on record. A failure after the payment (W10) is a break and gives nothing back. A payment
//! after the failure has left all the same: the player has the money twice, and by policy it is taken from him, as a
//! debt if need be, or stands in suspense until two persons decide. Less than was sent may be paid; the rest goes
//! back to the player (E30). More is refused as `mismatch`: the difference is the provider's.
//!
//! # Unplayed deposits
//!
//! Where a jurisdiction asks for it, deposits are lots of unplayed money (`wallet/lots.rs`). A withdrawal takes played
//! money first. What it takes out of lots may cost a share, which is taken beside the amount, or be barred. Whatever
//! goes back to the player goes back to the lots it came from, and what it had cost goes back with it (A6.10). Parts of a
//! withdrawal take their shares with them ([`crate::stored::Hold`]).

mod command;
mod common;
mod end;
mod hold;
mod payout;
mod payouts;
mod postings;
mod quote;
mod recent;
mod request;
mod returned;
mod review;
mod split;
mod state;

pub use command::{
    ApproveWithdrawal, CancelWithdrawal, ExpireWithdrawal, PassKyc, RejectWithdrawal, RequestWithdrawal,
    SplitPart, SplitWithdrawal, StartReview,
};
pub use payouts::{MarkFailed, MarkPaid, MarkReturned, MarkUnknown, SendWithdrawal, SettleLatePayout};
pub use quote::{AwardAtStake, QuoteError, WithdrawalQuote};
pub use recent::RECENT_WITHDRAWALS_MAX;
pub(crate) use recent::Recent;
pub(crate) use state::fold_withdrawal;
pub use state::{APPROVALS_MAX, OPEN_WITHDRAWALS_MAX, PARTS_MAX, Withdrawal, WithdrawalStatus};
