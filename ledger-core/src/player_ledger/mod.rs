//! One player's ledger: the consistency boundary. Wallet, rounds, deposits and controls of one player are
//! decided together, from one state, into one commit.

mod command;
mod decide;
mod draft;
mod facts;
mod state;

pub use command::{
    CloseRound, Finality, GrantCredit, OpenPlayer, PlaceBet, PlayerCommand, RecordDeposit, Rollback,
    RollbackKind, Settle, Void, VoidTarget,
};
pub use decide::PlayerLedger;
pub use draft::{Context, Decision, Draft};
pub(crate) use draft::{Stop, Workspace};
pub use facts::{Facts, FactsNeeded, KnownOperation, RoundRef, Subject};
pub use state::{FOLD_VERSION, Fault, OPEN_ROUNDS_MAX, PlayerState, Profile};
