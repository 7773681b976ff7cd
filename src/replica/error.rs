use ledger_store::{Head, LedgerId, Position, Shard, StoreError};

use super::fence::Epoch;
use crate::safe_file::SafeFileError;

/// Why a copy, a standby or a promotion cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The two stores are not of one ledger: ids, numbers of shards or formats differ.
    #[error("the stores are of different ledgers: {from} and {to}, or of one in two shapes")]
    OtherLedger {
        /// The ledger copied from.
        from: LedgerId,
        /// The ledger copied to.
        to: LedgerId,
    },
    /// Both have a commit at this position, and not the same one. Nothing was written.
    #[error(
        "shard {shard} has two histories: they differ first at position {first}; find out which one was acknowledged"
    )]
    Forked {
        /// The shard.
        shard: Shard,
        /// The first position at which they differ.
        first: Position,
    },
    /// What is copied from lacks commits that the copy has: it lost history. Nothing was written.
    #[error(
        "shard {shard} of the copy stands at position {}, what it is copied from at {}: the source lost history",
        copy.position, source_head.position
    )]
    SourceBehind {
        /// The shard.
        shard: Shard,
        /// The head copied from.
        source_head: Head,
        /// The head of the copy.
        copy: Head,
    },
    /// What was read does not follow what is there. Nothing of it was written.
    #[error("shard {shard} position {position}: {what}")]
    Chain {
        /// The shard.
        shard: Shard,
        /// The position.
        position: Position,
        /// What is wrong.
        what: String,
    },
    /// Somebody else writes into the copy.
    #[error("shard {shard} of the copy was written by somebody else meanwhile: end that, then try again")]
    Busy {
        /// The shard.
        shard: Shard,
    },
    /// The store that is read fails.
    #[error("the store that is copied from: {0}")]
    Source(#[source] StoreError),
    /// The store that is written fails.
    #[error("the store that is copied to: {0}")]
    Target(#[source] StoreError),
    /// Another store of this ledger was promoted: this one may not write any more.
    #[error(
        "fenced: another store of this ledger was promoted (epoch {by}); let this one follow it as a standby"
    )]
    Fenced {
        /// The epoch of the promotion.
        by: Epoch,
    },
    /// It is a primary, or was promoted to be one, and takes nothing from another.
    #[error("this store is the primary of epoch {0}: it follows nobody")]
    NotAStandby(Epoch),
    /// Too few standbys answered when the primary started. Nothing was answered to anyone.
    #[error(
        "{reached} of {due} standbys were reached: one may have been promoted, so nothing begins before they answer"
    )]
    NotReached {
        /// How many have what they must have.
        reached: usize,
        /// How many must.
        due: usize,
        /// How each fares.
        standbys: String,
    },
    /// It is a standby: it must be promoted before it may write.
    #[error("this store is a standby: promote it before it may write")]
    NotPromoted,
    /// The file of the fence cannot be read or written.
    #[error("the fence: {0}")]
    Fence(#[from] SafeFileError),
    /// The file of the fence does not hold what a fence holds.
    #[error("the fence in {path} cannot be read: {what}")]
    FenceDamaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// A thread of its own could not be started.
    #[error("no thread for a standby: {0}")]
    Thread(#[source] std::io::Error),
    /// The settings contradict each other.
    #[error("{0}")]
    Settings(String),
}
