//! Walking over the commits of a shard in the order of its chain.

use ledger_store::{EventStore, Head, Position, READ_COMMITS_MAX, Shard, StoreError, StoredCommit, genesis};

/// The head of a shard before its first commit.
pub(super) fn origin(store: &dyn EventStore, shard: Shard) -> Head {
    genesis(store.identity(), shard)
}

/// Shows every commit after a head that was seen, up to a position. The store checks each against its hash (C14);
/// here each must follow the one before it.
///
/// Holds one read of the store in memory.
///
/// # Errors
///
/// [`StoreError::HistoryLost`] if the log does not pass through the head that was seen or ends too early, and what
/// the store answers.
pub(super) async fn each(
    store: &dyn EventStore,
    shard: Shard,
    seen: Head,
    to: Position,
    visit: &mut (dyn FnMut(&StoredCommit) + Send),
) -> Result<Head, StoreError> {
    let mut last = seen;
    while last.position < to {
        let commits = store.read(shard, last.position.next(), READ_COMMITS_MAX).await?;
        if commits.is_empty() {
            let actual = format!("nothing at position {}", last.position.next());
            return Err(StoreError::HistoryLost { shard, seen: last, actual });
        }
        for commit in commits.iter().take_while(|commit| commit.position <= to) {
            if commit.position != last.position.next() || commit.previous != last.hash {
                if last == seen {
                    let actual = format!("a commit that follows hash {}", commit.previous);
                    return Err(StoreError::HistoryLost { shard, seen, actual });
                }
                return Err(StoreError::corrupted_at(shard, commit.position, "it does not follow"));
            }
            visit(commit);
            last = Head { position: commit.position, hash: commit.hash };
        }
    }
    Ok(last)
}

/// Whether the log passes through a head that was seen.
///
/// # Errors
///
/// [`StoreError::HistoryLost`] if it does not, and what the store answers.
pub(crate) async fn passes_through(
    store: &dyn EventStore,
    shard: Shard,
    seen: Head,
) -> Result<(), StoreError> {
    let lost = |actual: String| Err(StoreError::HistoryLost { shard, seen, actual });
    if shard.0 >= store.identity().shards.get() {
        return lost(format!("{} shards only", store.identity().shards.get()));
    }
    let hash = if seen.position == Position::ZERO {
        origin(store, shard).hash
    } else {
        let found = store.read(shard, seen.position, 1).await?;
        match found.first() {
            Some(commit) if commit.position == seen.position => commit.hash,
            _ => return lost(format!("nothing at position {}", seen.position)),
        }
    };
    if hash == seen.hash { Ok(()) } else { lost(format!("hash {hash} there")) }
}
