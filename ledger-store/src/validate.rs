//! The rules of C05 and C14, checked alike by every backend.

use std::collections::HashSet;

use ledger_core::stored::CommitIndex;

use crate::chain::commit_hash;
use crate::contract::{APPEND_BYTES_MAX, APPEND_COMMITS_MAX, BODY_BYTES_MAX, SNAPSHOT_BYTES_MAX, Snapshot};
use crate::error::StoreError;
use crate::types::{Head, LedgerIdentity, Position, SealedCommit, ShardAppend, StoredCommit};

/// What [`validate_append`] derives again from the bodies, besides the checks that cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recompute {
    /// Nothing. For a backend that recomputes hashes at another place before it writes: C05 demands it.
    Nothing,
    /// The hash of every commit.
    Hashes,
    /// The hash of every commit, and what the index finds it by.
    HashesAndIndex,
}

/// Checks an append against the rules of C05. Backends call it before they write anything.
///
/// # Errors
///
/// [`StoreError::Invalid`] with the first rule that is broken.
pub fn validate_append(
    identity: &LedgerIdentity,
    appends: &[ShardAppend],
    recompute: Recompute,
) -> Result<(), StoreError> {
    if appends.is_empty() {
        return invalid("it has no part");
    }
    let commits = appends.iter().fold(0, |sum: usize, append| sum.saturating_add(append.commits.len()));
    if commits > APPEND_COMMITS_MAX {
        return invalid(format!("{commits} commits, at most {APPEND_COMMITS_MAX} are allowed"));
    }
    let bodies = appends.iter().flat_map(|append| &append.commits).map(|commit| commit.body.len());
    let bytes = bodies.fold(0, usize::saturating_add);
    if bytes > APPEND_BYTES_MAX {
        return invalid(format!("{bytes} bytes, at most {APPEND_BYTES_MAX} are allowed"));
    }
    let mut shards = HashSet::with_capacity(appends.len());
    for append in appends {
        if append.shard.0 >= identity.shards.get() {
            return invalid(format!("there is no shard {}", append.shard));
        }
        if !shards.insert(append.shard) {
            return invalid(format!("it has two parts for shard {}", append.shard));
        }
        validate_part(identity, append, recompute)?;
    }
    Ok(())
}

fn validate_part(
    identity: &LedgerIdentity,
    append: &ShardAppend,
    recompute: Recompute,
) -> Result<(), StoreError> {
    if append.commits.is_empty() {
        return invalid(format!("its part for shard {} has no commit", append.shard));
    }
    let mut head = append.expected;
    for commit in &append.commits {
        let at = || format!("shard {} position {}", append.shard, commit.position);
        if head.position.0.checked_add(1) != Some(commit.position.0) {
            return invalid(format!("{} does not follow position {}", at(), head.position));
        }
        if commit.previous != head.hash {
            return invalid(format!("{} does not link to the hash before it", at()));
        }
        if commit.body.len() > BODY_BYTES_MAX {
            let bytes = commit.body.len();
            return invalid(format!("{} has {bytes} bytes, at most {BODY_BYTES_MAX} are allowed", at()));
        }
        if identity.shards.shard_of(&commit.index.partition) != append.shard {
            return invalid(format!("{} is of a partition of another shard", at()));
        }
        recomputed(identity, append, commit, recompute)
            .map_err(|what| StoreError::Invalid(format!("{}: {what}", at())))?;
        head = Head { position: commit.position, hash: commit.hash };
    }
    Ok(())
}

fn recomputed(
    identity: &LedgerIdentity,
    append: &ShardAppend,
    commit: &SealedCommit,
    recompute: Recompute,
) -> Result<(), String> {
    if recompute == Recompute::Nothing {
        return Ok(());
    }
    let hash = commit_hash(identity, append.shard, commit.position, &commit.previous, &commit.body);
    if hash != commit.hash {
        return Err(format!("its hash is {hash}, not {}", commit.hash));
    }
    if recompute == Recompute::HashesAndIndex {
        let index = CommitIndex::of_body(&commit.body).map_err(|error| error.to_string())?;
        if index != commit.index {
            return Err("its index does not match its body".to_owned());
        }
    }
    Ok(())
}

fn invalid<T>(what: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid(what.into()))
}

/// Checks the size of a snapshot. Backends call it before they write anything.
///
/// # Errors
///
/// [`StoreError::Invalid`] over [`SNAPSHOT_BYTES_MAX`].
pub fn validate_snapshot(snapshot: &Snapshot) -> Result<(), StoreError> {
    let bytes = snapshot.bytes.len();
    if bytes > SNAPSHOT_BYTES_MAX {
        return invalid(format!("a snapshot has {bytes} bytes, at most {SNAPSHOT_BYTES_MAX} are allowed"));
    }
    Ok(())
}

/// Checks a commit against its hash (C14). Backends call it on every commit they read, before they answer.
///
/// # Errors
///
/// [`StoreError::Corrupted`] if the body, the place or the predecessor is not what was hashed.
pub fn verify_commit(identity: &LedgerIdentity, commit: &StoredCommit) -> Result<(), StoreError> {
    let StoredCommit { shard, position, previous, hash, body } = commit;
    if *position == Position::ZERO {
        return Err(StoreError::corrupted_at(*shard, *position, "no commit stands at position 0"));
    }
    let actual = commit_hash(identity, *shard, *position, previous, body);
    if actual == *hash {
        Ok(())
    } else {
        Err(StoreError::corrupted_at(*shard, *position, format!("the body hashes to {actual}, not {hash}")))
    }
}
