//! Where a view stands: a head per shard.

use ledger_core::Partition;
use ledger_store::{Head, LedgerIdentity, Shard, genesis};

use crate::commit::Commit;
use crate::error::ViewError;

/// How far a view has read, per shard: position and hash of the last commit it contains.
///
/// The hash makes the checkpoint a claim about a history and not only a number: a view refuses to go on from
/// a history that is not the one it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    identity: LedgerIdentity,
    heads: Vec<Head>,
}

/// What is new in a batch, and where a view stands after it.
#[derive(Debug)]
pub struct Advance<'a> {
    /// The commits beyond the checkpoint, in order of delivery.
    pub fresh: Vec<&'a Commit>,
    /// The checkpoint after them.
    pub after: Checkpoint,
}

impl Checkpoint {
    /// Before the first commit of every shard.
    pub fn start(identity: &LedgerIdentity) -> Self {
        let heads = identity.shards.all().map(|shard| genesis(identity, shard)).collect();
        Self { identity: *identity, heads }
    }

    /// A checkpoint from its parts: one head per shard, in order of shards.
    ///
    /// # Errors
    ///
    /// [`ViewError::OtherLedger`] if the ledger has another number of shards.
    pub fn from_heads(identity: &LedgerIdentity, heads: Vec<Head>) -> Result<Self, ViewError> {
        if heads.len() == usize::from(identity.shards.get()) {
            Ok(Self { identity: *identity, heads })
        } else {
            let reason = format!("{} heads for {} shards", heads.len(), identity.shards.get());
            Err(ViewError::OtherLedger(reason))
        }
    }

    /// The ledger.
    pub fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    /// The heads, in order of shards.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Where the view stands in a shard; `None` if the ledger has no such shard.
    pub fn head(&self, shard: Shard) -> Option<Head> {
        self.heads.get(shard.index()).copied()
    }

    /// The shard of a partition, and where the view stands in it.
    pub fn of(&self, partition: &Partition) -> (Shard, Head) {
        let shard = self.identity.shards.shard_of(&partition.digest());
        // A checkpoint has a head for every shard of its identity: see `start` and `from_heads`.
        (shard, self.head(shard).unwrap_or_else(|| genesis(&self.identity, shard)))
    }

    /// Tells what of a batch is new: commits at or below the checkpoint are left out (V05), everything else must
    /// follow it without a gap (V06) and on its hash (V07).
    ///
    /// # Errors
    ///
    /// [`ViewError::Gap`], [`ViewError::HistoryLost`], or [`ViewError::OtherLedger`] for a shard the ledger has not.
    pub fn advance<'a>(&self, commits: &'a [Commit]) -> Result<Advance<'a>, ViewError> {
        let mut after = self.clone();
        let mut fresh = Vec::with_capacity(commits.len());
        for commit in commits {
            let shard = commit.shard;
            let Some(head) = after.heads.get_mut(shard.index()) else {
                return Err(ViewError::OtherLedger(format!("it has no shard {shard}")));
            };
            if commit.position <= head.position {
                if commit.position == head.position && commit.hash != head.hash {
                    let actual = format!("the ledger has the hash {} there", commit.hash);
                    return Err(ViewError::HistoryLost { shard, seen: *head, actual });
                }
                continue;
            }
            if commit.position != head.position.next() {
                let (expected, found) = (head.position.next(), commit.position);
                return Err(ViewError::Gap { shard, expected, found });
            }
            if commit.previous != head.hash {
                let actual = format!("position {} follows the hash {}", commit.position, commit.previous);
                return Err(ViewError::HistoryLost { shard, seen: *head, actual });
            }
            *head = commit.head();
            fresh.push(commit);
        }
        Ok(Advance { fresh, after })
    }
}

/// An answer about one shard, with the head it is true at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtHead<T> {
    /// The shard the answer comes from.
    pub shard: Shard,
    /// The last commit of the shard that the answer contains.
    pub head: Head,
    /// The answer.
    pub value: T,
}

/// An answer about the whole ledger, with the checkpoint it is true at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtCheckpoint<T> {
    /// The last commit of every shard that the answer contains.
    pub checkpoint: Checkpoint,
    /// The answer.
    pub value: T,
}
