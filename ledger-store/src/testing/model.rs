//! What a store must hold: a naive model that the store is compared with.

use std::collections::BTreeMap;

use ledger_core::{KeyDigest, PartitionDigest, StreamDigest};

use super::{Verdict, Violation, ensure};
use crate::{
    EventStore, Head, LedgerIdentity, Lookup, Position, SealedCommit, Shard, ShardAppend, StoredCommit,
    genesis,
};

/// Every commit that landed, as a plain list per shard.
#[derive(Debug, Clone)]
pub struct Model {
    identity: LedgerIdentity,
    shards: Vec<Vec<SealedCommit>>,
}

impl Model {
    /// An empty ledger.
    pub fn new(identity: LedgerIdentity) -> Self {
        Self { identity, shards: identity.shards.all().map(|_| Vec::new()).collect() }
    }

    /// Takes note of an append that landed.
    pub fn landed(&mut self, append: &ShardAppend) {
        self.shards[append.shard.index()].extend(append.commits.iter().cloned());
    }

    /// Brings appends that landed in any order into the order of their shards.
    pub fn landed_in_any_order(&mut self, mut appends: Vec<ShardAppend>) {
        appends.sort_by_key(|append| (append.shard, append.expected.position));
        for append in &appends {
            self.landed(append);
        }
    }

    /// The commits of a shard.
    pub fn commits(&self, shard: Shard) -> &[SealedCommit] {
        &self.shards[shard.index()]
    }

    /// The head of a shard.
    pub fn head(&self, shard: Shard) -> Head {
        let last = self.commits(shard).last();
        last.map_or_else(|| genesis(&self.identity, shard), |c| Head { position: c.position, hash: c.hash })
    }

    /// Compares everything a store shows with this model: identity, heads, commits, partitions, index, time.
    ///
    /// # Errors
    ///
    /// [`Violation`] with the first difference.
    pub async fn check(&self, store: &dyn EventStore) -> Verdict {
        ensure!(*store.identity() == self.identity, "the identity is {:?}", store.identity());
        self.check_heads(store).await?;
        for shard in self.identity.shards.all() {
            let stored = read_all(store, shard, usize::MAX).await?;
            self.check_commits(shard, &stored)?;
        }
        self.check_partitions(store).await?;
        self.check_index(store).await?;
        let newest = self.shards.iter().flatten().map(|commit| commit.index.recorded_at).max();
        let told = store.last_recorded_at().await?;
        ensure!(told == newest, "the newest commit is of {newest:?}, the store says {told:?}");
        Ok(())
    }

    /// Compares the heads only.
    ///
    /// # Errors
    ///
    /// [`Violation`] with the first difference.
    pub async fn check_heads(&self, store: &dyn EventStore) -> Verdict {
        let heads = store.heads().await?;
        ensure!(heads.len() == self.shards.len(), "{} heads for {} shards", heads.len(), self.shards.len());
        for (shard, head) in self.identity.shards.all().zip(heads) {
            let expected = self.head(shard);
            ensure!(head == expected, "shard {shard}: the head is {head:?}, not {expected:?}");
        }
        Ok(())
    }

    /// Compares the commits that were read from the whole of a shard.
    ///
    /// # Errors
    ///
    /// [`Violation`] with the first difference.
    pub fn check_commits(&self, shard: Shard, stored: &[StoredCommit]) -> Verdict {
        same_commits(shard, stored, self.commits(shard))
    }

    async fn check_partitions(&self, store: &dyn EventStore) -> Verdict {
        for (shard, commits) in self.identity.shards.all().zip(&self.shards) {
            let mut partitions: BTreeMap<PartitionDigest, Vec<SealedCommit>> = BTreeMap::new();
            for commit in commits {
                partitions.entry(commit.index.partition).or_default().push(commit.clone());
            }
            for (partition, own) in partitions {
                let stored = read_partition_all(store, &partition, usize::MAX).await?;
                same_commits(shard, &stored, &own)?;
            }
        }
        Ok(())
    }

    /// Compares what every key, tombstone and stream of this model is found by.
    pub(super) async fn check_index(&self, store: &dyn EventStore) -> Verdict {
        let mut keys: BTreeMap<(Shard, KeyDigest), Vec<Position>> = BTreeMap::new();
        let mut streams: BTreeMap<(Shard, StreamDigest), Vec<Position>> = BTreeMap::new();
        for (shard, commits) in self.identity.shards.all().zip(&self.shards) {
            for commit in commits {
                for key in &commit.index.keys {
                    keys.entry((shard, *key)).or_default().push(commit.position);
                }
                for stream in &commit.index.streams {
                    streams.entry((shard, *stream)).or_default().push(commit.position);
                }
            }
        }
        let keys = keys.into_iter().map(|((shard, key), at)| (Lookup::Key(shard, key), at));
        let streams = streams.into_iter().map(|((shard, stream), at)| (Lookup::Stream(shard, stream), at));
        let expected: Vec<_> = keys.chain(streams).collect();
        check_lookups(store, &expected).await
    }
}

/// Asks all at once and compares answer by answer.
pub(super) async fn check_lookups(store: &dyn EventStore, expected: &[(Lookup, Vec<Position>)]) -> Verdict {
    let questions: Vec<_> = expected.iter().map(|(question, _)| *question).collect();
    let answers = store.lookup(&questions).await?;
    ensure!(answers.len() == questions.len(), "{} answers to {} lookups", answers.len(), questions.len());
    for ((question, expected), answer) in expected.iter().zip(answers) {
        ensure!(answer == *expected, "{question:?} is at {expected:?}, lookup says {answer:?}");
    }
    Ok(())
}

/// Compares commits as read with commits as appended, byte for byte.
pub(super) fn same_commits(shard: Shard, stored: &[StoredCommit], expected: &[SealedCommit]) -> Verdict {
    for (stored, sealed) in stored.iter().zip(expected) {
        let at = format!("shard {shard} position {}", sealed.position);
        ensure!(stored.shard == shard, "{at}: read as a commit of shard {}", stored.shard);
        ensure!(stored.position == sealed.position, "{at}: read as position {}", stored.position);
        ensure!(stored.previous == sealed.previous, "{at}: another previous hash");
        ensure!(stored.hash == sealed.hash, "{at}: another hash");
        ensure!(stored.body == sealed.body, "{at}: the body is not the one that was appended");
    }
    let (read, landed) = (stored.len(), expected.len());
    ensure!(read == landed, "shard {shard}: {read} commits were read, {landed} landed");
    Ok(())
}

/// Reads a whole shard, page by page.
pub(super) async fn read_all(
    store: &dyn EventStore,
    shard: Shard,
    limit: usize,
) -> Result<Vec<StoredCommit>, Violation> {
    let mut all: Vec<StoredCommit> = Vec::new();
    loop {
        let last = all.last().map_or(Position::ZERO, |commit| commit.position);
        let page = store.read(shard, last.next(), limit).await?;
        ensure!(page.len() <= limit, "{} commits were read, the limit was {limit}", page.len());
        if page.is_empty() {
            return Ok(all);
        }
        let first = page[0].position;
        ensure!(first == last.next(), "shard {shard}: position {first} follows {last}");
        all.extend(page);
    }
}

/// Reads a whole partition, page by page.
pub(super) async fn read_partition_all(
    store: &dyn EventStore,
    partition: &PartitionDigest,
    limit: usize,
) -> Result<Vec<StoredCommit>, Violation> {
    let mut all: Vec<StoredCommit> = Vec::new();
    loop {
        let last = all.last().map_or(Position::ZERO, |commit| commit.position);
        let page = store.read_partition(partition, last, limit).await?;
        ensure!(page.len() <= limit, "{} commits were read, the limit was {limit}", page.len());
        if page.is_empty() {
            return Ok(all);
        }
        let first = page[0].position;
        ensure!(first > last, "position {first} was read after position {last}");
        all.extend(page);
    }
}
