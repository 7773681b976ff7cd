//! Stored shapes: everything that stands in the log, in one place. Frozen: see `docs/storage-format.md`.

mod commit;
mod event;
mod events;
mod index;

pub use commit::{BodyError, CommitBody, EVENTS_MAX, KEYS_MAX, KeyRecord, OutcomeKind, TombstoneRecord};
#[cfg(feature = "schema")]
pub use event::event_schemas;
pub use event::{Event, EventError, EventRecord};
pub use events::{
    Bet, BetPlaced, BetRolledBack, BetSettled, BetStatus, BetVoided, CloseReason, CreditGranted, CreditKind,
    CurrencyRegistered, DepositSucceeded, EntryPosted, NegativeBalanceRaised, Note, PlayerOpened,
    PurseBalance, Recovery, ReopenReason, Round, RoundClosed, RoundReopened, RoundStatus, RoundVoided,
    SettledBy, Split, TransactionRef, TxnNoted, TxnRejected, TxnTombstoned, Win, WinCredited, WinRetained,
    WinRolledBack, WinStatus,
};
pub use index::{CommitIndex, IndexError};
