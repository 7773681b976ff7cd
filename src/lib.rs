//! casino-ledger
mod clock;
#[cfg(feature = "log")]
mod embedded;
mod error;
mod inbox;
mod job;
mod ledger;
mod loader;
mod request;
mod settings;
mod telemetry;
mod verify;
mod watchdog;
mod writer;

/// The version of this engine, as it stands in every commit.
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

pub use clock::{Clock, ClockSuspect, SystemClock};
pub use error::{ExecuteError, OpenError, Refusal};
pub use ledger::Ledger;
pub use request::{EntryId, Outcome, PlayerReading, Receipt, RecordedOutcome, Request};
pub use settings::{Lane, Settings};
pub use verify::{TrialBalanceLine, Verification, VerifyError, verify};

/// The pure domain.
pub use ledger_core as core;
/// The store contract and its backends.
pub use ledger_store as store;
