//! The index against the log: what is derived must be what it is derived from.

use std::collections::BTreeMap;

use ledger_core::PartitionDigest;
use ledger_core::stored::CommitIndex;

use crate::contract::{EventStore, Lookup};
use crate::error::StoreError;
use crate::types::{Position, Shard, StoredCommit};

/// How many commits are compared at a time.
const PAGE: usize = 512;

/// Walks the whole log and compares it with what the store finds by key, tombstone, stream and partition (C12,
/// C13). Answers the number of commits.
///
/// Reading checks hashes, but an index that misses a key makes a known bet new, and nothing else would notice.
///
/// # Errors
///
/// [`StoreError::Corrupted`] with the first commit that is not found by what it has, or whatever reading answers.
pub async fn verify_index(store: &dyn EventStore) -> Result<u64, StoreError> {
    let mut commits = 0;
    for shard in store.identity().shards.all() {
        let mut from = Position(1);
        loop {
            let page = store.read(shard, from, PAGE).await?;
            let Some(last) = page.last() else { break };
            verify_page(store, shard, from, &page).await?;
            commits += page.len() as u64;
            from = last.position.next();
        }
    }
    Ok(commits)
}

async fn verify_page(
    store: &dyn EventStore,
    shard: Shard,
    from: Position,
    page: &[StoredCommit],
) -> Result<(), StoreError> {
    let (mut questions, mut due) = (Vec::new(), Vec::new());
    let mut partitions: BTreeMap<PartitionDigest, Vec<Position>> = BTreeMap::new();
    for commit in page {
        let at = commit.position;
        let index =
            CommitIndex::of_body(&commit.body).map_err(|error| StoreError::corrupted_at(shard, at, error))?;
        let keys = index.keys.iter().map(|key| Lookup::Key(shard, *key));
        let streams = index.streams.iter().map(|stream| Lookup::Stream(shard, *stream));
        for question in keys.chain(streams) {
            questions.push(question);
            due.push(at);
        }
        partitions.entry(index.partition).or_default().push(at);
    }
    let answers = store.lookup(&questions).await?;
    for ((question, at), found) in questions.iter().zip(due).zip(answers) {
        if !found.contains(&at) {
            return Err(StoreError::corrupted_at(shard, at, format!("it is not found by {question:?}")));
        }
    }
    for (partition, due) in partitions {
        verify_partition(store, shard, from, &partition, &due).await?;
    }
    Ok(())
}

/// The commits of a partition, from a position on, must be these; a page of it may end earlier than asked.
async fn verify_partition(
    store: &dyn EventStore,
    shard: Shard,
    from: Position,
    partition: &PartitionDigest,
    due: &[Position],
) -> Result<(), StoreError> {
    let mut due = due.iter().copied().peekable();
    let mut after = Position(from.0.saturating_sub(1));
    while let Some(first) = due.peek().copied() {
        let missing =
            || StoreError::corrupted_at(shard, first, "it is not found among those of its partition");
        let found = store.read_partition(partition, after, due.len()).await?;
        after = found.last().ok_or_else(missing)?.position;
        for commit in found {
            if due.next() != Some(commit.position) {
                return Err(missing());
            }
        }
    }
    Ok(())
}
