//! Clause C05: what an append must be, whatever the log holds.

use ledger_core::stored::CommitIndex;

use crate::chain::commit_hash;
use crate::contract::{APPEND_BYTES_MAX, APPEND_COMMITS_MAX, BODY_BYTES_MAX};
use crate::error::StoreError;
use crate::types::{LedgerIdentity, SealedCommit, Shard, ShardAppend};

/// Checks a whole call; `recompute` also hashes and reads every body again.
pub(super) fn validate(
    identity: &LedgerIdentity,
    appends: &[ShardAppend],
    recompute: bool,
) -> Result<(), StoreError> {
    let commits: usize = appends.iter().map(|part| part.commits.len()).sum();
    let bytes: usize = appends.iter().flat_map(|part| &part.commits).map(|commit| commit.body.len()).sum();
    if appends.is_empty() {
        return invalid("it has no part");
    }
    if commits > APPEND_COMMITS_MAX {
        return invalid(format!("{commits} commits, at most {APPEND_COMMITS_MAX} are allowed"));
    }
    if bytes > APPEND_BYTES_MAX {
        return invalid(format!("{bytes} bytes of bodies, at most {APPEND_BYTES_MAX} are allowed"));
    }
    let mut seen = vec![false; usize::from(identity.shards.get())];
    for part in appends {
        match seen.get_mut(part.shard.index()) {
            None => return invalid(format!("shard {} of {}", part.shard, identity.shards.get())),
            Some(true) => return invalid(format!("shard {} has two parts", part.shard)),
            Some(first) => *first = true,
        }
        validate_part(identity, part, recompute)?;
    }
    Ok(())
}

fn validate_part(identity: &LedgerIdentity, part: &ShardAppend, recompute: bool) -> Result<(), StoreError> {
    let shard = part.shard;
    if part.commits.is_empty() {
        return invalid(format!("shard {shard} has no commit"));
    }
    let mut head = part.expected;
    for commit in &part.commits {
        let position = commit.position;
        let invalid = |what: String| invalid(format!("shard {shard} position {position}: {what}"));
        if head.position.0.checked_add(1) != Some(position.0) {
            return invalid(format!("it does not follow position {}", head.position));
        }
        if commit.previous != head.hash {
            return invalid(format!("its previous hash is {}, not {}", commit.previous, head.hash));
        }
        if commit.body.len() > BODY_BYTES_MAX {
            return invalid(format!("{} bytes, at most {BODY_BYTES_MAX} are allowed", commit.body.len()));
        }
        if identity.shards.shard_of(&commit.index.partition) != shard {
            return invalid("its partition belongs to another shard".to_owned());
        }
        if recompute {
            self::recompute(identity, shard, commit)?;
        }
        head.position = position;
        head.hash = commit.hash;
    }
    Ok(())
}

fn recompute(identity: &LedgerIdentity, shard: Shard, commit: &SealedCommit) -> Result<(), StoreError> {
    let position = commit.position;
    if commit_hash(identity, shard, position, &commit.previous, &commit.body) != commit.hash {
        return invalid(format!("shard {shard} position {position}: its hash does not match"));
    }
    match CommitIndex::of_body(&commit.body) {
        Ok(index) if index == commit.index => Ok(()),
        Ok(_) => invalid(format!("shard {shard} position {position}: its index is not its body's")),
        Err(error) => invalid(format!("shard {shard} position {position}: {error}")),
    }
}

fn invalid<T>(what: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid(what.into()))
}
