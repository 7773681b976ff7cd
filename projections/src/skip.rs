//! What a view was told to leave out.

use ledger_core::{ActorId, Reason, Timestamp};
use ledger_store::{CommitHash, Head, Position, Shard, StoredCommit};
use serde::{Deserialize, Serialize};

/// The most commits one view may leave out. A view that needs more must be mended and rebuilt.
pub const SKIPS_MAX: usize = 100;
/// The most bytes of [`Skip::what`]; the rest is cut off.
pub const SKIP_TEXT_BYTES_MAX: usize = 2_000;

/// An operator's decision that a view goes on without one commit.
///
/// It is kept in the view's [`Checkpoint`](crate::Checkpoint), written in the same transaction, and comes with
/// every answer of the view as [`Incomplete`]. Only a rebuild gets rid of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// The shard of the commit.
    pub shard: Shard,
    /// Its position.
    pub position: Position,
    /// The hash of its predecessor.
    pub previous: CommitHash,
    /// Its own hash.
    pub hash: CommitHash,
    /// What the view could not take.
    pub what: String,
    /// Who decided.
    pub by: ActorId,
    /// Why.
    pub why: Reason,
    /// When.
    pub at: Timestamp,
}

impl Skip {
    /// The decision to leave a commit out. `what` is the failure, as the runner showed it.
    pub fn new(commit: &StoredCommit, what: &str, by: ActorId, why: Reason, at: Timestamp) -> Self {
        let StoredCommit { shard, position, previous, hash, .. } = *commit;
        let mut end = what.len().min(SKIP_TEXT_BYTES_MAX);
        while !what.is_char_boundary(end) {
            end -= 1;
        }
        let what = what.get(..end).unwrap_or_default().to_owned();
        Self { shard, position, previous, hash, what, by, why, at }
    }

    /// The head of its shard once it is left out.
    pub fn head(&self) -> Head {
        Head { position: self.position, hash: self.hash }
    }
}

/// That an answer lacks commits, because an operator had them left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// The first commit that is missing, and who decided that, why and when.
    pub since: Skip,
    /// How many are missing, in the shards that the answer is about.
    pub skips: usize,
}

impl Incomplete {
    pub(crate) fn of<'a>(mut skips: impl Iterator<Item = &'a Skip>) -> Option<Self> {
        let first = skips.next()?;
        let (since, skips) = skips.fold((first, 1), |(first, count), skip| {
            (if skip.at < first.at { skip } else { first }, count + 1)
        });
        Some(Self { since: since.clone(), skips })
    }
}
