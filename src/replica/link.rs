//! What a primary and its standby say to each other. The wire is the host's.

use std::fmt;

use async_trait::async_trait;
use ledger_store::{Head, LedgerIdentity, Shard, StoredCommit};

use super::fence::Epoch;

/// The first word of a primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The ledger.
    pub identity: LedgerIdentity,
    /// The primary's epoch.
    pub epoch: Epoch,
}

/// Commits of one shard, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardCommits {
    /// The shard.
    pub shard: Shard,
    /// The head they follow.
    pub follows: Head,
    /// At least one.
    pub commits: Vec<StoredCommit>,
}

/// Commits on their way to a standby: at most one append's worth
/// ([`APPEND_COMMITS_MAX`](ledger_store::APPEND_COMMITS_MAX), [`APPEND_BYTES_MAX`](ledger_store::APPEND_BYTES_MAX)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// The epoch of the primary that sends it.
    pub epoch: Epoch,
    /// At most one of each shard.
    pub parts: Vec<ShardCommits>,
}

/// Why a standby did not take what it was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It does not answer, or cannot serve now. It may have taken it. Asked again later.
    #[error("the standby is away: {reason}")]
    Away {
        /// What happened.
        reason: String,
    },
    /// It knows of a newer primary. The sender must stop.
    #[error("fenced by epoch {by}")]
    Fenced {
        /// The newer epoch.
        by: Epoch,
    },
    /// It will never take this: another ledger, another history, a damaged commit. Someone has to look.
    #[error("the standby refuses: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

impl LinkError {
    /// [`Self::Away`], in words.
    pub fn away(reason: impl fmt::Display) -> Self {
        Self::Away { reason: reason.to_string() }
    }

    /// [`Self::Refused`], in words.
    pub fn refused(reason: impl fmt::Display) -> Self {
        Self::Refused { reason: reason.to_string() }
    }
}

/// The way to a standby. In one process it is the [`Standby`](super::Standby) itself; over a network the host implements it on
/// both sides (`examples/standby` does, over TCP).
///
/// A primary calls it from a thread of its own, in a Tokio runtime with timers and input, one call at a time. It drops a call that
/// takes too long, and treats it as [`LinkError::Away`].
#[async_trait]
pub trait StandbyLink: Send + Sync + fmt::Debug + 'static {
    /// Says who calls, and asks where the standby stands: its heads, in order of shards.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    async fn greet(&self, hello: Hello) -> Result<Vec<Head>, LinkError>;

    /// Hands commits over. Answers the standby's heads, in order of shards, once what it took is durable there. What does not
    /// follow its head it leaves out.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    async fn ship(&self, shipment: Shipment) -> Result<Vec<Head>, LinkError>;
}
