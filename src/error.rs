//! What a command can come to when it is not applied. Four kinds, never mixed: a refusal by the rules, a
//! failure before anything was recorded, an outcome nobody knows yet, and a bug.

use ledger_core::stored::{PurseBalance, ShapeLevel};
use ledger_core::{IdError, IdempotencyKey, Rejection};
use ledger_store::{Position, Shard, StoreError};

use crate::clock::ClockSuspect;
use crate::lane::Lane;
use crate::privacy::{KeyError, SealError};

/// A refusal by the rules. Nothing was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub rejection: Rejection,
    /// Whether this is the recorded answer to an earlier command with the same key.
    pub replayed: bool,
    /// Where the refusal is recorded, if it is.
    pub recorded: Option<(Shard, Position)>,
    /// The player's purse in the command's currency (or his first one), as it is now; none of the house.
    pub balances: Vec<PurseBalance>,
}

/// Why a command has no receipt.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The rules refuse. Match on [`Refusal::rejection`]; its `code()` is stable.
    #[error("refused: {}", .0.rejection)]
    Rejected(Box<Refusal>),
    /// The lane is full. Nothing was recorded; the same command may be sent again later.
    #[error("the {lane:?} lane is full with {waiting} commands: slow down")]
    Overloaded {
        /// The lane.
        lane: Lane,
        /// How many wait in it.
        waiting: usize,
    },
    /// The ledger cannot serve now. Nothing was recorded; the same command may be sent again.
    #[error("the ledger is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The wall clock cannot be believed. Nothing was recorded.
    #[error(transparent)]
    ClockSuspect(#[from] ClockSuspect),
    /// Whether the command was recorded is unknown: money may have moved. Ask for the outcome of this key;
    /// never send the command under another one.
    #[error("whether {key} was recorded is unknown: ask for its outcome, do not use another key")]
    Indeterminate {
        /// The key to ask for.
        key: IdempotencyKey,
    },
    /// The store lost history or is damaged. The player's shard has stopped.
    #[error("the store failed: {0}")]
    Store(#[source] StoreError),
    /// The command could not be decided: state and log contradict each other, or the code has a bug.
    #[error("a bug or damage was found while deciding: {what}")]
    Bug {
        /// What was found.
        what: String,
    },
    /// The ledger is closing or closed. Nothing was recorded.
    #[error("the ledger is closed")]
    Closed,
    /// An identifier of the command cannot be part of a key.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The personal data of the request could not be sealed. Nothing was recorded; the same command may be sent without it.
    #[error("personal data could not be sealed: {0}")]
    Sealing(#[from] SealError),
}

impl ExecuteError {
    /// Whether nothing was recorded and the same command, with the same key, may simply be sent again.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Overloaded { .. }
                | Self::Unavailable { .. }
                | Self::ClockSuspect(_)
                | Self::Closed
                | Self::Sealing(SealError::Key(KeyError::Unavailable { .. }))
        )
    }

    /// The refusal, if it is one.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(refusal) => Some(&refusal.rejection),
            _ => None,
        }
    }
}

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store refuses: see its text for what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting is not usable.
    #[error("setting {name}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A newer release writes this ledger, in shapes that this build does not know: use that release.
    #[error(
        "shapes of level {active} are active in this ledger, this build knows {newest}: use a newer casino-ledger"
    )]
    NewerShapes {
        /// The level that is active.
        active: ShapeLevel,
        /// The newest this build knows.
        newest: ShapeLevel,
    },
    /// A partition of the house that every process must know cannot be named.
    #[error("the register of currencies or the configuration cannot be named: {0}")]
    Register(String),
}
