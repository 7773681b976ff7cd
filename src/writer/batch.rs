//! The batch being built: the commits of one durable write, and the answers that wait for it.

use ledger_core::PartitionDigest;
use ledger_store::{Head, SealedCommit, Shard, ShardAppend};

use crate::job::Entry;

#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) no: u64,
    pub(crate) appends: Vec<ShardAppend>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: usize,
    pub(crate) commits: usize,
    pub(crate) players: Vec<PartitionDigest>,
    /// Whether it records what all partitions must know.
    pub(crate) has_news: bool,
    place: Vec<Option<usize>>,
}

impl Batch {
    pub(crate) fn new(no: u64, shards: usize) -> Self {
        Self { no, place: vec![None; shards], ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.appends.is_empty()
    }

    /// Adds a commit that was sealed on `expected`, the shard's head so far.
    pub(crate) fn append(&mut self, shard: Shard, expected: Head, commit: SealedCommit) {
        self.bytes += commit.body.len();
        self.commits += 1;
        let appends = &mut self.appends;
        let at = *self.place[shard.index()].get_or_insert_with(|| {
            appends.push(ShardAppend { shard, expected, commits: Vec::new() });
            appends.len() - 1
        });
        self.appends[at].commits.push(commit);
    }

    /// The shards whose answers append nothing here, with the heads they rest on.
    pub(crate) fn unconfirmed(&self, heads: &[Head]) -> Vec<(Shard, Head)> {
        let mut shards: Vec<Shard> = self
            .entries
            .iter()
            .map(|entry| entry.job.shard)
            .filter(|shard| self.place[shard.index()].is_none())
            .collect();
        shards.sort_unstable();
        shards.dedup();
        shards.into_iter().map(|shard| (shard, heads[shard.index()])).collect()
    }
}
