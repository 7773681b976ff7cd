//! Where a view stands: a head per shard.

use std::sync::Arc;

use ledger_core::{Partition, PlayerId};
use ledger_store::{Head, LedgerIdentity, Position, Shard, genesis};
use serde::{Deserialize, Serialize};

use crate::commit::Commit;
use crate::error::ViewError;
use crate::skip::{Incomplete, SKIPS_MAX, Skip};

/// How far a view has read, per shard: position and hash of the last commit it contains; and what it was told to
/// leave out.
///
/// The hash makes the checkpoint a claim about a history and not only a number: a view refuses to go on from
/// a history that is not the one it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Checkpoint {
    identity: LedgerIdentity,
    heads: Vec<Head>,
    /// In order of shard and position.
    #[serde(skip_serializing_if = "no_skips")]
    skips: Arc<[Skip]>,
}

fn no_skips(skips: &Arc<[Skip]>) -> bool {
    skips.is_empty()
}

/// A checkpoint as it is read back.
#[derive(Deserialize)]
struct Stored {
    identity: LedgerIdentity,
    heads: Vec<Head>,
    #[serde(default)]
    skips: Vec<Skip>,
}

impl TryFrom<Stored> for Checkpoint {
    type Error = ViewError;
    fn try_from(Stored { identity, heads, skips }: Stored) -> Result<Self, ViewError> {
        Self::from_heads(&identity, heads)?.with_skips(skips)
    }
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
        Self { identity: *identity, heads, skips: Arc::default() }
    }

    /// A checkpoint from its parts: one head per shard, in order of shards, as [`EventStore::heads`] gives them.
    ///
    /// [`EventStore::heads`]: ledger_store::EventStore::heads
    ///
    /// # Errors
    ///
    /// [`ViewError::OtherLedger`] if the ledger has another number of shards.
    pub fn from_heads(identity: &LedgerIdentity, heads: Vec<Head>) -> Result<Self, ViewError> {
        if heads.len() == usize::from(identity.shards.get()) {
            Ok(Self { identity: *identity, heads, skips: Arc::default() })
        } else {
            let reason = format!("{} heads for {} shards", heads.len(), identity.shards.get());
            Err(ViewError::OtherLedger(reason))
        }
    }

    /// The same heads, with what was left out before them, as a home kept it.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if a skip is beyond its shard's head, named twice, or one of too many.
    pub fn with_skips(mut self, mut skips: Vec<Skip>) -> Result<Self, ViewError> {
        skips.sort_by_key(|skip| (skip.shard, skip.position));
        let damaged = |what: &str| Err(ViewError::Damaged(format!("of the skips {what}")));
        if skips.len() > SKIPS_MAX {
            return damaged("there are too many");
        }
        if skips
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if (a.shard, a.position) == (b.shard, b.position)))
        {
            return damaged("two name one commit");
        }
        if skips.iter().any(|skip| !self.contains(skip.shard, skip.position)) {
            return damaged("one is beyond its shard's head");
        }
        self.skips = skips.into();
        Ok(self)
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

    /// Whether a position of a shard is read.
    pub fn contains(&self, shard: Shard, position: Position) -> bool {
        self.head(shard).is_some_and(|head| head.position >= position)
    }

    /// Whether everything that another checkpoint of the same ledger has read is read. Hashes are not compared.
    pub fn is_at_least(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.heads.iter().zip(&other.heads).all(|(own, other)| own.position >= other.position)
    }

    /// How many commits are read, over all shards.
    pub fn commits(&self) -> u64 {
        self.heads.iter().fold(0, |sum, head| sum.saturating_add(head.position.0))
    }

    /// What was left out, in order of shards and positions.
    pub fn skips(&self) -> &[Skip] {
        &self.skips
    }

    /// Whether answers about the whole ledger lack commits that were left out.
    pub fn incomplete(&self) -> Option<Incomplete> {
        Incomplete::of(self.skips.iter())
    }

    /// Whether answers about a shard lack commits that were left out.
    pub fn incomplete_in(&self, shard: Shard) -> Option<Incomplete> {
        Incomplete::of(self.skips.iter().filter(|skip| skip.shard == shard))
    }

    /// The checkpoint after a commit was left out: it must be the next of its shard.
    ///
    /// # Errors
    ///
    /// [`ViewError::Gap`] or [`ViewError::HistoryLost`] if it is not, [`ViewError::NotSkippable`] beyond
    /// [`SKIPS_MAX`], [`ViewError::OtherLedger`] for a shard the ledger has not.
    pub fn skip(&self, skip: &Skip) -> Result<Self, ViewError> {
        let mut after = self.clone();
        let Some(head) = after.heads.get_mut(skip.shard.index()) else {
            return Err(ViewError::no_shard(skip.shard));
        };
        follows(*head, skip.shard, skip.position, skip.previous)?;
        if self.skips.len() >= SKIPS_MAX {
            return Err(ViewError::NotSkippable(format!(
                "{SKIPS_MAX} commits were left out already: rebuild"
            )));
        }
        *head = skip.head();
        let skips = self.skips.iter().cloned().chain([skip.clone()]).collect();
        after.with_skips(skips)
    }

    /// An answer about one shard, as of this checkpoint.
    pub fn answer<T>(&self, shard: Shard, value: T) -> AtHead<T> {
        // Callers take the shard from this ledger's own count.
        let head = self.head(shard).unwrap_or_else(|| genesis(&self.identity, shard));
        AtHead { shard, head, incomplete: self.incomplete_in(shard), value }
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
    pub fn advance<'a>(&self, commits: &'a [Arc<Commit>]) -> Result<Advance<'a>, ViewError> {
        let mut after = self.clone();
        let mut fresh = Vec::with_capacity(commits.len());
        for commit in commits {
            let shard = commit.shard;
            let Some(head) = after.heads.get_mut(shard.index()) else {
                return Err(ViewError::no_shard(shard));
            };
            if commit.position <= head.position {
                if commit.position == head.position && commit.hash != head.hash {
                    let actual = format!("the ledger has the hash {} there", commit.hash);
                    return Err(ViewError::HistoryLost { shard, seen: *head, actual });
                }
                continue;
            }
            follows(*head, shard, commit.position, commit.previous)?;
            *head = commit.head();
            fresh.push(commit.as_ref());
        }
        Ok(Advance { fresh, after })
    }
}

/// Whether a commit is the next after a head.
fn follows(
    head: Head,
    shard: Shard,
    position: Position,
    previous: ledger_store::CommitHash,
) -> Result<(), ViewError> {
    if position != head.position.next() {
        return Err(ViewError::Gap { shard, expected: head.position.next(), found: position });
    }
    if previous != head.hash {
        let actual = format!("position {position} follows the hash {previous}");
        return Err(ViewError::HistoryLost { shard, seen: head, actual });
    }
    Ok(())
}

/// An answer about one shard, with the head it is true at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtHead<T> {
    /// The shard the answer comes from.
    pub shard: Shard,
    /// The last commit of the shard that the answer contains.
    pub head: Head,
    /// What of the shard the answer lacks, if an operator had commits left out.
    pub incomplete: Option<Incomplete>,
    /// The answer.
    pub value: T,
}

/// An answer about the whole ledger, with the checkpoint it is true at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtCheckpoint<T> {
    /// The last commit of every shard that the answer contains, and what was left out:
    /// [`Checkpoint::incomplete`].
    pub checkpoint: Checkpoint,
    /// The answer.
    pub value: T,
}

impl<T> AtHead<T> {
    /// The same place with another value.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> AtHead<U> {
        let Self { shard, head, incomplete, value } = self;
        AtHead { shard, head, incomplete, value: map(value) }
    }
}

impl<T> AtCheckpoint<T> {
    /// What the answer lacks, if an operator had commits left out.
    pub fn incomplete(&self) -> Option<Incomplete> {
        self.checkpoint.incomplete()
    }

    /// The same place with another value.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> AtCheckpoint<U> {
        AtCheckpoint { checkpoint: self.checkpoint, value: map(self.value) }
    }

    /// An answer that one partition alone has a part in: where its shard stands.
    pub(crate) fn of(self, partition: &Partition) -> AtHead<T> {
        let (shard, _) = self.checkpoint.of(partition);
        self.checkpoint.answer(shard, self.value)
    }

    /// An answer about one player.
    pub(crate) fn of_player(self, player: &PlayerId) -> AtHead<T> {
        self.of(&Partition::Player(player.clone()))
    }
}
