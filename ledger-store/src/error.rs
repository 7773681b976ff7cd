//! What can go wrong in a store, and what the caller may conclude from it.

use std::sync::Arc;

use ledger_core::stored::BodyError;

use crate::types::{Head, Position, Shard};

/// A failure of the store. Only [`StoreError::Unknown`] leaves open whether an append landed; after every
/// other error of `append` nothing landed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The shard's head is not the expected one: another writer was faster. Nothing landed on this shard.
    /// Read what the other wrote, decide again.
    #[error("shard {shard} stands at position {}, not at {}: another writer appended", actual.position, expected.position)]
    HeadMoved {
        /// The shard.
        shard: Shard,
        /// The head the append was sealed on.
        expected: Head,
        /// The head as it is.
        actual: Head,
    },
    /// The shard's history is behind, or differs from, what was already seen: a lagging replica was promoted
    /// or a backup restored. The shard must stop.
    #[error("shard {shard} lost history: position {} was seen with hash {}, the store has {actual}", seen.position, seen.hash)]
    HistoryLost {
        /// The shard.
        shard: Shard,
        /// A head this process has seen.
        seen: Head,
        /// What the store has instead.
        actual: String,
    },
    /// Stored bytes are not what was written. The store must be restored or repaired.
    #[error("the store is damaged: {0}")]
    Corrupted(String),
    /// The append may or may not have landed. Look at position `expected + 1`, or resend the same bytes.
    #[error("whether the append landed is unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// The store cannot serve now; nothing landed. After a failed write it stays so until it is reopened.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// The cause, where the operating system gave one.
        #[source]
        source: Option<Arc<std::io::Error>>,
    },
    /// The request breaks a rule of the contract (a body too large, a gap, a wrong hash). Nothing landed.
    #[error("the append breaks the contract: {0}")]
    Invalid(String),
    /// The folder or database holds something else than a ledger, or another ledger.
    #[error("{what}: not a ledger this build can open: {reason}")]
    NotALedger {
        /// The folder or database.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The ledger was written by a newer version.
    #[error("{what} has format {found}, this build reads up to {supported}: use a newer casino-ledger")]
    NewerFormat {
        /// The file or folder.
        what: String,
        /// The version found.
        found: u16,
        /// The newest version this build reads.
        supported: u16,
    },
    /// A commit was written by a newer release, in shapes that this build does not know.
    #[error("shard {shard} position {position}: {what}")]
    NewerShape {
        /// The shard.
        shard: Shard,
        /// The position.
        position: Position,
        /// What is not known, and what to do.
        what: String,
    },
    /// Another process (or another handle of this one) has the ledger open for writing.
    #[error("{what} is open for writing elsewhere: close the other process first, or open it read-only")]
    InUse {
        /// The folder.
        what: String,
    },
}

impl StoreError {
    /// An input or output error as [`StoreError::Unavailable`].
    pub fn io(doing: impl Into<String>, error: std::io::Error) -> Self {
        Self::Unavailable { reason: doing.into(), source: Some(Arc::new(error)) }
    }

    /// A damaged commit.
    pub fn corrupted_at(shard: Shard, position: Position, what: impl std::fmt::Display) -> Self {
        Self::Corrupted(format!("shard {shard} position {position}: {what}"))
    }

    /// A commit whose body cannot be read: damaged, or of a newer release.
    pub fn unreadable_at(shard: Shard, position: Position, error: &BodyError) -> Self {
        match error {
            BodyError::Newer(newer) => Self::NewerShape { shard, position, what: newer.to_string() },
            error => Self::corrupted_at(shard, position, error),
        }
    }
}
