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
    let before = Position(from.0.saturating_sub(1));
    for (partition, due) in partitions {
        let found = store.read_partition(&partition, before, due.len()).await?;
        let found = found.iter().map(|commit| commit.position);
        // A page of a partition may end earlier, at a limit of bytes.
        let differs = due.iter().zip(found.clone()).find(|(due, found)| *due != found).map(|(due, _)| *due);
        let missing = differs.or_else(|| if found.len() == 0 { due.first().copied() } else { None });
        if let Some(at) = missing {
            return Err(StoreError::corrupted_at(shard, at, "it is not found among those of its partition"));
        }
    }
    Ok(())
}
