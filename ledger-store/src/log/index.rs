//! The derived index: what finds a commit by key, stream or partition, and where it stands on disk.
//!
//! It is never the truth. This version lives in memory and is rebuilt whenever the log is opened; it covers
//! exactly the commits of the [`View`](super::view::View) that holds it, so "absent" is complete.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use ledger_core::stored::CommitIndex;
use ledger_core::{KeyDigest, PartitionDigest, StreamDigest};

use crate::types::{Position, Shard};

/// Digests are uniform already: their first eight bytes are the hash.
#[derive(Debug, Default, Clone)]
pub(super) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }
}

type Map<K, V> = HashMap<K, V, BuildHasherDefault<FirstBytes>>;

/// How many maps share the digests, so that none ever grows for long.
const PARTS: usize = 256;
const POSITION_BITS: u32 = 53;
const LIST: u64 = 1 << 63;

/// Shard and position in one word; the top bit stays free.
fn pack(shard: Shard, position: Position) -> u64 {
    debug_assert!(position.0 < 1 << POSITION_BITS && shard.0 < 1 << 10);
    (u64::from(shard.0) << POSITION_BITS) | position.0
}

fn unpack(word: u64, shard: Shard) -> Option<Position> {
    (word >> POSITION_BITS == u64::from(shard.0)).then_some(Position(word & ((1 << POSITION_BITS) - 1)))
}

/// From a digest to the commits it occurs in: 24 bytes and the table's slack each, as most occur in one.
#[derive(Debug)]
struct Postings {
    parts: Vec<Map<[u8; 16], u64>>,
    /// The commits of digests that occur in several; the map holds `LIST` and the place here.
    lists: Vec<Vec<u64>>,
}

impl Postings {
    fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Map::default()).collect(), lists: Vec::new() }
    }

    fn add(&mut self, digest: &[u8; 16], word: u64) {
        let slot = self.parts[usize::from(digest[15])].entry(*digest).or_insert(word);
        if *slot & LIST != 0 {
            let list = &mut self.lists[place(*slot)];
            if list.last() != Some(&word) {
                list.push(word);
            }
        } else if *slot != word {
            self.lists.push(vec![*slot, word]);
            *slot = LIST | (self.lists.len() - 1) as u64;
        }
    }

    fn find(&self, digest: &[u8; 16], shard: Shard) -> Vec<Position> {
        match self.parts[usize::from(digest[15])].get(digest) {
            None => Vec::new(),
            Some(slot) if slot & LIST != 0 => {
                self.lists[place(*slot)].iter().filter_map(|word| unpack(*word, shard)).collect()
            }
            Some(word) => unpack(*word, shard).into_iter().collect(),
        }
    }
}

fn place(slot: u64) -> usize {
    usize::try_from(slot & !LIST).unwrap_or(usize::MAX)
}

/// Finds commits by key, stream and partition.
#[derive(Debug)]
pub(super) struct Index {
    keys: Postings,
    streams: Postings,
    partitions: Map<[u8; 32], Vec<u64>>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { keys: Postings::new(), streams: Postings::new(), partitions: Map::default() }
    }

    /// Adds a commit; positions of a shard come in ascending order.
    pub(super) fn add(&mut self, shard: Shard, position: Position, commit: &CommitIndex) {
        let word = pack(shard, position);
        for key in &commit.keys {
            self.keys.add(key.as_bytes(), word);
        }
        for stream in &commit.streams {
            self.streams.add(stream.as_bytes(), word);
        }
        self.partitions.entry(*commit.partition.as_bytes()).or_default().push(position.0);
    }

    /// The commits of a shard that consumed this key, ascending.
    pub(super) fn key(&self, shard: Shard, key: &KeyDigest) -> Vec<Position> {
        self.keys.find(key.as_bytes(), shard)
    }

    /// The commits of a shard that have events of this stream, ascending.
    pub(super) fn stream(&self, shard: Shard, stream: &StreamDigest) -> Vec<Position> {
        self.streams.find(stream.as_bytes(), shard)
    }

    /// Up to `limit` commits of a partition after a position.
    pub(super) fn partition(&self, partition: &PartitionDigest, after: Position, limit: usize) -> &[u64] {
        let all = self.partitions.get(partition.as_bytes()).map(Vec::as_slice).unwrap_or_default();
        let rest = &all[all.partition_point(|position| *position <= after.0)..];
        &rest[..rest.len().min(limit)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_keep_shards_and_repeats_apart() {
        let mut postings = Postings::new();
        let digest = [9; 16];
        let (a, b) = (Shard(0), Shard(1_023));
        for (shard, position) in [(a, 1), (a, 1), (b, 7), (a, 3), (a, 3)] {
            postings.add(&digest, pack(shard, Position(position)));
        }
        assert_eq!(postings.find(&digest, a), [Position(1), Position(3)]);
        assert_eq!(postings.find(&digest, b), [Position(7)]);
        assert_eq!(postings.find(&digest, Shard(2)), []);
        assert_eq!(postings.find(&[8; 16], a), []);
    }
}
