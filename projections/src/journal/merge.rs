//! The commits of all shards in the order of time, read piece by piece.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use ledger_core::Timestamp;
use ledger_store::{EventStore, Head, Position, Shard, genesis};

use super::JournalError;
use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;

/// How many commits are read ahead at once, over all shards.
const AHEAD_COMMITS: usize = 16_384;
/// The most of one shard.
const AHEAD_OF_SHARD_MAX: usize = 512;

/// One shard: what was read of it and not given yet.
struct Lane {
    shard: Shard,
    /// The last commit that was read.
    read: Head,
    /// The last commit that is wanted.
    end: Head,
    ready: VecDeque<Commit>,
}

pub(super) struct Merge<'a> {
    store: &'a dyn EventStore,
    lanes: Vec<Lane>,
    /// The first commit of every lane that has one, the oldest on top.
    next: BinaryHeap<Reverse<(Timestamp, Shard)>>,
    ahead: usize,
}

impl<'a> Merge<'a> {
    pub(super) async fn new(store: &'a dyn EventStore, until: &Checkpoint) -> Result<Self, JournalError> {
        let identity = *until.identity();
        if identity != *store.identity() {
            return Err(ViewError::other_ledger(&identity, store.identity()).into());
        }
        let lane = |(shard, end): (Shard, &Head)| {
            let read = genesis(&identity, shard);
            Lane { shard, read, end: *end, ready: VecDeque::new() }
        };
        let lanes: Vec<Lane> = identity.shards.all().zip(until.heads()).map(lane).collect();
        let ahead = AHEAD_COMMITS.checked_div(lanes.len()).unwrap_or(1).clamp(1, AHEAD_OF_SHARD_MAX);
        let mut merge = Self { store, lanes, next: BinaryHeap::new(), ahead };
        for index in 0..merge.lanes.len() {
            merge.fill(index).await?;
        }
        Ok(merge)
    }

    /// The oldest commit that was not given yet; of several of one instant that of the first shard.
    pub(super) async fn next(&mut self) -> Result<Option<Commit>, JournalError> {
        let Some(Reverse((_, shard))) = self.next.pop() else { return Ok(None) };
        let index = shard.index();
        let commit = self.lanes.get_mut(index).and_then(|lane| lane.ready.pop_front());
        self.fill(index).await?;
        Ok(commit)
    }

    /// Has the next commit of a shard at hand, if there is one.
    async fn fill(&mut self, index: usize) -> Result<(), JournalError> {
        let Some(lane) = self.lanes.get_mut(index) else { return Ok(()) };
        if lane.ready.is_empty() && lane.read.position < lane.end.position {
            let missing = usize::try_from(lane.end.position.0.saturating_sub(lane.read.position.0));
            let limit = missing.unwrap_or(usize::MAX).min(self.ahead);
            let from = Position(lane.read.position.0.saturating_add(1));
            let read = self.store.read(lane.shard, from, limit).await?;
            for stored in &read {
                let lost =
                    |actual: String| ViewError::HistoryLost { shard: lane.shard, seen: lane.read, actual };
                if stored.position != lane.read.position.next() || stored.previous != lane.read.hash {
                    let (position, previous) = (stored.position, stored.previous);
                    return Err(lost(format!("position {position} follows the hash {previous}")).into());
                }
                lane.ready.push_back(Commit::decode(stored)?);
                lane.read = Head { position: stored.position, hash: stored.hash };
            }
            let lost = |actual: &str| ViewError::HistoryLost {
                shard: lane.shard,
                seen: lane.end,
                actual: actual.to_owned(),
            };
            if read.is_empty() {
                return Err(lost("the store ends before it").into());
            }
            if lane.read.position == lane.end.position && lane.read.hash != lane.end.hash {
                return Err(lost("the store has another hash there").into());
            }
        }
        if let Some(commit) = lane.ready.front() {
            self.next.push(Reverse((commit.body.recorded_at, lane.shard)));
        }
        Ok(())
    }
}
