//! What a verification found to be wrong.

use ledger_store::{Position, Shard, StoreError};

use crate::proof::{ArchiveError, StatementError};

/// What a verification found to be wrong, with the place of the first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The store cannot be read, or finds damage itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit is wrong.
    #[error("shard {shard} position {position} is wrong: {what}")]
    Commit {
        /// The shard.
        shard: Shard,
        /// The position.
        position: Position,
        /// What is wrong.
        what: String,
    },
    /// The log is not the one that was witnessed: it was written anew, or lost its end, however well its hashes fit.
    #[error("shard {shard} is not the one that was witnessed at position {witnessed}{}: {what}", place(*first, *vouched))]
    Witness {
        /// The shard.
        shard: Shard,
        /// The first wrong commit, where the hashes of the period were kept to tell it.
        first: Option<Position>,
        /// The last position that a witness vouches for: the first wrong commit comes after it.
        vouched: Position,
        /// The position of the witness that fails: the first wrong commit comes not after it.
        witnessed: Position,
        /// The number of the statement that witnessed it, if it was one.
        statement: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// A snapshot is not what a replay of its player comes to.
    #[error("the snapshot of shard {shard} position {position} is wrong: {what}")]
    Snapshot {
        /// The shard.
        shard: Shard,
        /// The position that the snapshot names.
        position: Position,
        /// What is wrong.
        what: String,
    },
    /// The index does not find what the log has, or finds something else.
    #[error("the index is wrong about shard {shard} position {position}: {what}")]
    Index {
        /// The shard.
        shard: Shard,
        /// The position.
        position: Position,
        /// What is wrong.
        what: String,
    },
    /// The books do not add up.
    #[error("the books do not add up: {0}")]
    Books(String),
    /// A statement does not follow those before it, or is forged.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The archive of statements cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The checkpoint to go on from does not belong to this verification.
    #[error("the checkpoint cannot be used: {0}")]
    Checkpoint(String),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(String),
}

/// Where the first wrong commit is, in words.
fn place(first: Option<Position>, vouched: Position) -> String {
    match first {
        Some(first) => format!(" (the first wrong commit is {first})"),
        None => format!(" (the first wrong commit comes after {vouched})"),
    }
}
