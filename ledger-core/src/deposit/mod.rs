//! Deposits: what the cashier starts, what payment providers capture, and what becomes of captured money later.
//!
//! # Two things, two streams
//!
//! An *intent* is a deposit as the cashier started it: `intent/P/source/I`, source and id are the cashier's. It moves
//! no money. While it is open it is live state of the player, at most [`OPEN_INTENTS_MAX`] at once; it may be tried
//! at several payment providers, one after the other or at once, so that the player need not start again when one
//! of them is down (D08). It ends once:
//!
//! - *completed* by the first capture that names it (in suspense or not),
//! - *failed*, *cancelled*, or *expired*, which needs the age of the policy.
//!
//! A *deposit* is money that a payment provider captured: `deposit/P/source/D`, source and id are the provider's. It
//! is over as soon as it is there; refunds, chargebacks and releases fold it from its stream. It may come without an
//! intent, where a host starts payments elsewhere.
//!
//! # Whose is captured money?
//!
//! Captured money is never refused: it is there. It is the player's, or it is in suspense, in his partition:
//!
//! | what the capture finds | what becomes of it |
//! |---|---|
//! | no intent named; an open one; a failed one of the same reference (D04) | credited |
//! | an intent that expired or was cancelled | `policy.deposits.late_capture`, by default credited: it is the player's own money |
//! | an intent that another capture completed | `policy.deposits.second_capture`, by default suspense |
//! | an intent that failed under another reference | suspense |
//! | an intent that was never started (D05) | suspense |
//! | no purse in its currency, and no rate (D03) | suspense |
//! | a player who may not be credited | suspense |
//!
//! A late report that a captured attempt failed changes nothing: a break is recorded. So what is credited does not
//! depend on the order in which failures, captures and their copies come.
//!
//! Suspense is left by [`ReleaseSuspense`] alone, asked for by one person and approved by another.
//!
//! # What can be taken back
//!
//! What was credited less what was refunded and is charged back is what is *left*; no refund and no chargeback
//! takes more. The player's fee (P03) is part of the amount. A chargeback takes it too, from the player: he has his
//! money back. A refund leaves it with the house unless it says otherwise. An exchanged deposit goes back at the
//! rate it came at, in parts that add up to what was booked.

mod capture;
mod chargeback;
mod command;
mod debt;
mod exchange;
mod intent;
mod postings;
mod refund;
mod state;
mod suspense;

pub use command::{
    AttemptDeposit, CancelDeposit, Chargeback, ExpireDeposit, FailDeposit, HouseItem, InitiateDeposit,
    RecordDeposit, RefundDeposit, RefuseAssignment, ReleaseSuspense, ReverseChargeback, WriteOffDebt,
};
pub(crate) use postings::{suspend, unsuspend};
pub use state::{
    ATTEMPTS_MAX, Attempt, CHARGEBACKS_MAX, ChargedBack, Deposit, DepositStatus, Intent, IntentStatus,
    OPEN_INTENTS_MAX,
};
pub(crate) use state::{fold_deposit, fold_intent};
