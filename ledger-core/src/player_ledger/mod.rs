//! One player's ledger: the consistency boundary. Wallet, rounds, deposits and controls of one player are
//! decided together, from one state, into one commit.

mod batch;
mod command;
mod cover;
mod decide;
mod draft;
mod facts;
mod operation;
mod state;

pub(crate) use batch::listed;
pub use batch::{Batch, BatchError, KnownBatch, KnownOperations, operations_of};
pub use command::PlayerCommand;
pub use decide::PlayerLedger;
pub use draft::{Context, Decision, Draft, DraftOperation};
pub(crate) use draft::{Stop, Workspace};
pub use facts::{AggregateRef, Facts, FactsNeeded, Found, KnownOperation, RoundRef, Subject};
pub(crate) use operation::{Needs, Operation, Outcome, sent_by};
pub use state::{
    FAILED_DEPOSITS_MAX, FOLD_VERSION, Fault, HostKept, OPEN_ROUNDS_MAX, PlayerState, Profile, Standing,
};
