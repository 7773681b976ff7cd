//! Takes from an old store what a restored or promoted one has lost.

use ledger_core::KeyDigest;
use ledger_core::stored::{CommitBody, CommitIndex};
use ledger_store::{CommitHash, EventStore, Head, Lookup, Position, READ_COMMITS_MAX, Shard};

use super::compare::{Pair, Relation, heads_of_both};
use super::copy::{Copied, Due, copy_shards};
use super::error::ReplicaError;

/// A shard that went on without what the old store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The shard.
    pub shard: Shard,
    /// The first position at which the two differ.
    pub first: Position,
    /// How many commits the old store has from there on.
    pub lost: u64,
    /// Where the old store ends.
    pub old: Head,
    /// Where the store ends that went on.
    pub current: Head,
}

/// What was brought back, and what could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtBack {
    /// The shards that got commits back, and how many each.
    pub shards: Vec<(Shard, u64)>,
    /// What was copied.
    pub copied: Copied,
    /// The shards with two histories. They were left as they are.
    pub conflicts: Vec<Conflict>,
}

/// Brings back what an old store has and the current one lost, shard by shard: where the current one is a beginning of the old, the
/// rest is appended; where it went on with other commits, nothing is written and the first that differs is named. Those commits
/// were acknowledged and are no part of the ledger any more: [`lost_commits`] lists them, with what was sent again since.
///
/// Call it while nobody writes to the current store, and open the old one for itself alone (a log that is read beside its
/// writer hides its last frame).
///
/// # Errors
///
/// [`ReplicaError::OtherLedger`], [`ReplicaError::Chain`], [`ReplicaError::Busy`], [`ReplicaError::Source`] (the old store),
/// [`ReplicaError::Target`].
pub async fn bring_back(
    old: &dyn EventStore,
    current: &dyn EventStore,
    progress: &mut (dyn FnMut(&Copied) + Send),
) -> Result<BroughtBack, ReplicaError> {
    let (of_old, of_current) = heads_of_both(old, current).await?;
    let (mut due, mut shards, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
    for (shard, (goal, at)) in old.identity().shards.all().zip(of_old.iter().zip(of_current)) {
        match (Pair { source: old, copy: current, shard }).relation(*goal, at).await? {
            Relation::Same | Relation::Ahead { .. } => {}
            Relation::Behind { by } => {
                shards.push((shard, by));
                due.push(Due { shard, at, goal: *goal });
            }
            Relation::Forked { first } => {
                let lost = (goal.position.0 + 1).saturating_sub(first.0);
                conflicts.push(Conflict { shard, first, lost, old: *goal, current: at });
            }
        }
    }
    let copied = copy_shards(old, current, of_old, due, progress).await?;
    Ok(BroughtBack { shards, copied, conflicts })
}

/// A commit that was acknowledged once and is no part of the ledger any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostCommit {
    /// Where it stood.
    pub position: Position,
    /// Its hash there.
    pub hash: CommitHash,
    /// What it said: whose it was, its keys, events and entries.
    pub body: CommitBody,
    /// How many of its keys are used in the current store: those commands were sent again. If all are, nothing is missing.
    pub sent_again: usize,
}

/// Up to `limit` commits of a conflict, from a position on.
///
/// # Errors
///
/// [`ReplicaError::Source`] (the old store), [`ReplicaError::Target`]; [`ReplicaError::Chain`] for a body that cannot be read.
pub async fn lost_commits(
    old: &dyn EventStore,
    current: &dyn EventStore,
    conflict: &Conflict,
    from: Position,
    limit: usize,
) -> Result<Vec<LostCommit>, ReplicaError> {
    let (shard, from) = (conflict.shard, from.max(conflict.first));
    let limit = limit.min(READ_COMMITS_MAX);
    let read = old.read(shard, from, limit).await.map_err(ReplicaError::Source)?;
    let mut lost = Vec::with_capacity(read.len());
    for commit in read {
        let position = commit.position;
        let wrong = |what: String| ReplicaError::Chain { shard, position, what };
        let index = CommitIndex::of_body(&commit.body).map_err(|error| wrong(error.to_string()))?;
        let body = CommitBody::decode(&commit.body).map_err(|error| wrong(error.to_string()))?;
        let mut questions: Vec<Lookup> = index.keys.iter().map(|key| at(shard, *key)).collect();
        questions.truncate(body.keys.len());
        let answers = if questions.is_empty() {
            Vec::new()
        } else {
            current.lookup(&questions).await.map_err(ReplicaError::Target)?
        };
        let sent_again = answers.iter().filter(|found| !found.is_empty()).count();
        lost.push(LostCommit { position, hash: commit.hash, body, sent_again });
    }
    Ok(lost)
}

fn at(shard: Shard, key: KeyDigest) -> Lookup {
    Lookup::Key(shard, key)
}
