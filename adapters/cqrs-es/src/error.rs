//! Why a command has no effect, as cqrs-es is told.

use casino_ledger::core::{Fault, IdError, IdempotencyKey};
use casino_ledger::{ExecuteError, Refusal};
use cqrs_es::AggregateError;

/// What an [`AggregateError::UserError`] holds: nothing that sending the command again under another key would mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlayerError {
    /// The rules refuse. Match on the rejection; its `code()` is stable.
    #[error("refused: {}", .0.rejection)]
    Refused(Box<Refusal>),
    /// Whether the command was recorded is unknown: money may have moved. Ask `Ledger::outcome` for this key, or send the
    /// same command again; never under another key.
    #[error("whether {key} was recorded is unknown: ask for its outcome, do not use another key")]
    Indeterminate {
        /// The key to ask for.
        key: IdempotencyKey,
    },
    /// The id of the aggregate is not one of a player, or an id of the command cannot be part of a key. Nothing was recorded.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The ledger cannot keep this metadata. Nothing was recorded.
    #[error("metadata {name:?}: {reason}")]
    Metadata {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Personal data could not be sealed, and sending it again would not help. Nothing was recorded.
    #[error("personal data could not be sealed: {0}")]
    Sealing(String),
    /// The event store does not commit through a ledger: keys, heads and order would not be kept. Nothing was recorded.
    #[error(
        "this event store does not commit through a ledger: use LedgerEventStore, or services that decide by themselves in a test"
    )]
    WithoutLedger,
    /// The events contradict each other.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why the adapter did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// There are more events than may be loaded at once.
    #[error("the player has more than {max} events: follow the ledger, or stream them")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// Events come into the ledger by commands alone.
    #[error("the ledger takes commands, not events: nothing was written")]
    ReadOnly,
    /// The thread that reads for the event store is gone.
    #[error("the reader of the event store has ended")]
    Ended,
}

/// Says in the words of cqrs-es what an engine's error lets conclude.
///
/// [`AggregateError::AggregateConflict`] is never among them: it means "load and try again" to many hosts, and the ledger
/// does that by itself. [`AggregateError::DatabaseConnectionError`] means that nothing was recorded, and that the same command
/// may be sent again.
pub fn aggregate_error(error: ExecuteError) -> AggregateError<PlayerError> {
    if error.is_retryable() {
        return AggregateError::DatabaseConnectionError(Box::new(error));
    }
    match error {
        ExecuteError::Rejected(refusal) => AggregateError::UserError(PlayerError::Refused(refusal)),
        ExecuteError::Indeterminate { key } => AggregateError::UserError(PlayerError::Indeterminate { key }),
        ExecuteError::Id(error) => AggregateError::UserError(PlayerError::Id(error)),
        ExecuteError::Sealing(error) => AggregateError::UserError(PlayerError::Sealing(error.to_string())),
        // A damaged store, a bug, and whatever an engine of later may say.
        error => AggregateError::UnexpectedError(Box::new(error)),
    }
}
