//! The cache of partitions (players, and those of the house): bounded by estimated bytes, second-chance eviction, never
//! of one whose commits are not durable yet or for which jobs wait.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use ledger_core::PartitionDigest;
use ledger_store::Head;

use crate::job::Job;
use crate::loader::LoadedFacts;
use crate::state::State;

/// Digests are uniform already: their first bytes are the hash.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
    // The length of an array is written before its bytes; it says nothing.
    fn write_usize(&mut self, _: usize) {}
}

pub(crate) type ByDigest<K, V> = HashMap<K, V, BuildHasherDefault<DigestHasher>>;

/// Whether a partition's jobs can be decided now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Yes, if the state is there.
    Ready,
    /// When this batch is durable.
    Waiting(u64),
    /// When the loader is done; since when it works on it.
    Loading(Duration),
}

#[derive(Debug)]
pub(crate) struct Slot {
    /// The speculative state: everything decided so far.
    pub(crate) state: Option<State>,
    pub(crate) gate: Gate,
    /// The load that counts; what an older one found is out of date.
    pub(crate) load: u64,
    /// Jobs that wait, in order.
    pub(crate) parked: VecDeque<Job>,
    /// Facts loaded for the first parked job.
    pub(crate) facts: Option<LoadedFacts>,
    /// The batch of the newest commit.
    pub(crate) last_batch: u64,
    /// The partition's newest commit, or the shard's genesis.
    pub(crate) head: Head,
    pub(crate) since_snapshot: u32,
    used: bool,
    weight: usize,
}

#[derive(Debug)]
pub(crate) struct Slots {
    by_digest: ByDigest<PartitionDigest, Slot>,
    clock: VecDeque<PartitionDigest>,
    bytes: usize,
    bytes_max: usize,
}

impl Slots {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { by_digest: ByDigest::default(), clock: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(crate) fn get_mut(&mut self, partition: &PartitionDigest) -> Option<&mut Slot> {
        self.by_digest.get_mut(partition)
    }

    pub(crate) fn get(&self, partition: &PartitionDigest) -> Option<&Slot> {
        self.by_digest.get(partition)
    }

    /// The slot of a partition, made empty if there is none.
    pub(crate) fn entry(&mut self, partition: PartitionDigest, genesis: Head) -> &mut Slot {
        let clock = &mut self.clock;
        let slot = self.by_digest.entry(partition).or_insert_with(|| {
            clock.push_back(partition);
            Slot {
                state: None,
                gate: Gate::Ready,
                load: 0,
                parked: VecDeque::new(),
                facts: None,
                last_batch: 0,
                head: genesis,
                since_snapshot: 0,
                used: true,
                weight: 0,
            }
        });
        slot.used = true;
        slot
    }

    /// Weighs a slot again after its state changed.
    pub(crate) fn reweigh(&mut self, partition: &PartitionDigest) {
        if let Some(slot) = self.by_digest.get_mut(partition) {
            let weight = slot.state.as_ref().map_or(0, State::weight);
            self.bytes = self.bytes - slot.weight + weight;
            slot.weight = weight;
        }
    }

    /// How many partitions are cached, and their estimated bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.by_digest.len(), self.bytes)
    }

    /// Drops the state of a partition; its waiting jobs stay.
    pub(crate) fn drop_state(&mut self, partition: &PartitionDigest) {
        if let Some(slot) = self.by_digest.get_mut(partition) {
            slot.state = None;
            slot.facts = None;
        }
        self.reweigh(partition);
    }

    /// Evicts partitions until the bound holds, or all that could go were looked at once. Gives the states of
    /// those whose snapshot is worth keeping.
    pub(crate) fn evict(&mut self, durable_batch: u64, snapshot_from: u32) -> Vec<(PartitionDigest, Slot)> {
        let mut worth = Vec::new();
        let mut looks = self.clock.len().saturating_mul(2);
        while self.bytes > self.bytes_max && looks > 0 {
            looks -= 1;
            let Some(partition) = self.clock.pop_front() else { break };
            let Some(slot) = self.by_digest.get_mut(&partition) else { continue };
            let busy = slot.gate != Gate::Ready || !slot.parked.is_empty() || slot.last_batch > durable_batch;
            if busy || slot.used {
                slot.used = slot.used && busy;
                self.clock.push_back(partition);
                continue;
            }
            if let Some(slot) = self.by_digest.remove(&partition) {
                self.bytes -= slot.weight;
                if slot.since_snapshot >= snapshot_from {
                    worth.push((partition, slot));
                }
            }
        }
        worth
    }

    /// All partitions.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&PartitionDigest, &mut Slot)> {
        self.by_digest.iter_mut()
    }
}
