//! Stored shapes: everything that stands in the log, in one place. Frozen: see `docs/storage-format.md`.

mod commit;
mod credit;
mod deposit;
mod event;
mod house;
mod index;
mod player;
mod round;
mod shapes;
mod wallet;

pub use commit::{BodyError, CommitBody, EVENTS_MAX, KEYS_MAX, KeyRecord, OutcomeKind, TombstoneRecord};
pub use credit::{CreditGranted, CreditKind};
pub use deposit::{
    ChargebackReversed, Converted, DebtWrittenOff, DepositAttempted, DepositBreak, DepositCancelled,
    DepositChargedBack, DepositCompleted, DepositExpired, DepositFailed, DepositInitiated, DepositMismatch,
    DepositRefunded, DepositReleased, DepositSucceeded, DepositSuspended, LateAfter, Money, PaymentRef,
    ReleasedTo, SuspenseReason,
};
#[cfg(feature = "schema")]
pub use event::event_schemas;
pub use event::{Event, EventError, EventRecord};
pub use house::CurrencyRegistered;
pub use index::{CommitIndex, IndexError};
pub use player::{Note, PlayerOpened, TransactionRef, TxnNoted, TxnRejected, TxnTombstoned};
pub use round::{
    Bet, BetPlaced, BetRolledBack, BetSettled, BetStatus, BetVoided, CloseReason, ReopenReason, Round,
    RoundClosed, RoundReopened, RoundStatus, RoundVoided, SettledBy, Win, WinCredited, WinRetained,
    WinRolledBack, WinStatus,
};
pub use wallet::{EntryPosted, NegativeBalanceCleared, NegativeBalanceRaised, PurseBalance, Recovery, Split};
