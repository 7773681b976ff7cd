//! The newest stretch of the index, in memory, until it is written as a run.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use ledger_core::stored::CommitIndex;

use super::super::view::Place;
use super::build::Source;
use super::posting::{Placed, Posting};
use super::run::Sought;
use super::span::{FramePlace, Mark, Span};
use crate::error::StoreError;
use crate::types::{Head, Position, Shard};

/// Digests are uniform already: their first eight bytes are the hash.
#[derive(Debug, Default, Clone)]
struct FirstBytes(u64);

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

type Map = HashMap<[u8; 16], u64, BuildHasherDefault<FirstBytes>>;

/// How many maps share the digests, so that none ever grows for long.
const PARTS: usize = 32;
const POSITION_BITS: u32 = 53;
const LIST: u64 = 1 << 63;

/// What a digest costs in memory, about: its place in a map that is between half and wholly full.
const DIGEST_BYTES: usize = 40;
/// What the second commit of a digest costs: the beginning of a list.
const LIST_BYTES: usize = 64;
/// What each further commit of a digest costs, with the list's slack.
const POSTING_BYTES: usize = 12;
/// What a place costs, with the slack.
const PLACE_BYTES: usize = 24;

/// Shard and position in one word; the top bit stays free.
fn pack(shard: Shard, position: Position) -> u64 {
    debug_assert!(position.0 < 1 << POSITION_BITS && shard.0 <= 1 << 10);
    (u64::from(shard.0) << POSITION_BITS) | position.0
}

fn unpack(word: u64) -> (Shard, Position) {
    let shard = u16::try_from((word & !LIST) >> POSITION_BITS).unwrap_or(u16::MAX);
    (Shard(shard), Position(word & ((1 << POSITION_BITS) - 1)))
}

/// From a digest to the commits it occurs in; most occur in one.
#[derive(Debug)]
struct Postings {
    parts: Vec<Map>,
    /// The commits of digests that occur in several; the map holds `LIST` and the place here.
    lists: Vec<Vec<u64>>,
    digests: u64,
}

impl Postings {
    fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Map::default()).collect(), lists: Vec::new(), digests: 0 }
    }

    /// Adds a commit; answers about how many bytes more that takes.
    fn add(&mut self, digest: &[u8; 16], word: u64) -> usize {
        let slot = match self.parts[part(digest)].entry(*digest) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(word);
                self.digests += 1;
                return DIGEST_BYTES;
            }
            std::collections::hash_map::Entry::Occupied(occupied) => occupied.into_mut(),
        };
        if *slot & LIST != 0 {
            let list = &mut self.lists[place(*slot)];
            if list.last() == Some(&word) {
                return 0;
            }
            list.push(word);
            POSTING_BYTES
        } else if *slot == word {
            0
        } else {
            self.lists.push(vec![*slot, word]);
            *slot = LIST | (self.lists.len() - 1) as u64;
            LIST_BYTES
        }
    }

    fn words<'a>(&'a self, slot: &'a u64) -> &'a [u64] {
        if *slot & LIST != 0 { &self.lists[place(*slot)] } else { std::slice::from_ref(slot) }
    }

    fn find(&self, digest: &[u8; 16]) -> &[u64] {
        self.parts[part(digest)].get(digest).map_or(&[], |slot| self.words(slot))
    }

    /// All digests with their slots, in order.
    fn sorted(&self) -> Vec<([u8; 16], u64)> {
        let mut all: Vec<_> = self.parts.iter().flatten().map(|(digest, slot)| (*digest, *slot)).collect();
        all.sort_unstable_by_key(|(digest, _)| *digest);
        all
    }
}

fn part(digest: &[u8; 16]) -> usize {
    usize::from(digest[15]) % PARTS
}

fn place(slot: u64) -> usize {
    usize::try_from(slot & !LIST).unwrap_or(usize::MAX)
}

/// A stretch of commits, with what they are found by.
#[derive(Debug)]
pub(in super::super) struct Piece {
    span: Span,
    tables: [Postings; 3],
    /// Per shard the places of the commits behind the head before.
    places: Vec<Vec<Place>>,
    bytes: usize,
}

impl Piece {
    /// An empty piece.
    pub(in super::super) fn new(span: Span) -> Self {
        let places = span.heads.iter().map(|_| Vec::new()).collect();
        Self { span, tables: [Postings::new(), Postings::new(), Postings::new()], places, bytes: 0 }
    }

    pub(in super::super) fn span(&self) -> &Span {
        &self.span
    }

    /// About how much memory it takes.
    pub(in super::super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a commit that follows its shard's head.
    pub(in super::super) fn add(&mut self, shard: Shard, head: Head, place: Place, index: &CommitIndex) {
        let word = pack(shard, head.position);
        let [keys, streams, partitions] = &mut self.tables;
        let mut bytes = PLACE_BYTES + partitions.add(half(index.partition.as_bytes()), word);
        bytes += index.keys.iter().map(|key| keys.add(key.as_bytes(), word)).sum::<usize>();
        bytes += index.streams.iter().map(|stream| streams.add(stream.as_bytes(), word)).sum::<usize>();
        self.bytes += bytes;
        self.places[shard.index()].push(place);
        self.span.heads[shard.index()] = head;
        self.span.commits += 1;
        self.span.recorded_at = self.span.recorded_at.max(Some(index.recorded_at));
    }

    /// The frame that the commits added last stand in is whole.
    pub(in super::super) fn end_frame(&mut self, frame: Mark, place: FramePlace) {
        self.span.extend(frame, place);
    }

    /// Adds the positions of a digest after a position, ascending, until there are `limit` of them.
    pub(super) fn find(
        &self,
        table: Sought,
        shard: Shard,
        digest: &[u8; 16],
        after: Position,
        limit: usize,
        found: &mut Vec<Position>,
    ) {
        let words = self.tables[table.number()].find(digest);
        // A digest belongs to one partition, so to one shard; should two shards share one, they may be mixed.
        let own = words.iter().map(|word| unpack(*word)).filter(|(own, _)| *own == shard);
        let later = own.map(|(_, position)| position).filter(|position| *position > after);
        found.extend(later.take(limit.saturating_sub(found.len())));
    }

    /// Where a commit stands, if it is in this piece.
    pub(super) fn place(&self, shard: Shard, position: Position) -> Option<Place> {
        let before = self.span.heads_before.get(shard.index())?.position;
        let at = position.0.checked_sub(before.0)?.checked_sub(1)?;
        self.places.get(shard.index())?.get(usize::try_from(at).ok()?).copied()
    }
}

/// The half of a partition's digest that the index knows.
pub(in super::super) fn half(digest: &[u8; 32]) -> &[u8; 16] {
    const NONE: &[u8; 16] = &[0; 16];
    digest.first_chunk().unwrap_or(NONE)
}

/// The items of a piece, in order.
pub(super) struct PieceItems<'a> {
    piece: &'a Piece,
    table: Option<Sought>,
    digests: Vec<([u8; 16], u64)>,
    /// The digest at hand, and its words that are left, the next one last.
    at: usize,
    words: Vec<u64>,
    shard: usize,
    place: usize,
}

impl<'a> PieceItems<'a> {
    pub(super) fn new(piece: &'a Piece) -> Self {
        Self { piece, table: None, digests: Vec::new(), at: 0, words: Vec::new(), shard: 0, place: 0 }
    }
}

impl Source for PieceItems<'_> {
    fn next_posting(&mut self, table: Sought) -> Result<Option<Posting>, StoreError> {
        let postings = &self.piece.tables[table.number()];
        if self.table != Some(table) {
            (self.table, self.digests, self.at) = (Some(table), postings.sorted(), 0);
            self.words.clear();
        }
        if self.words.is_empty() {
            let Some((_, slot)) = self.digests.get(self.at) else {
                self.digests = Vec::new();
                return Ok(None);
            };
            self.words.extend_from_slice(postings.words(slot));
            self.words.sort_unstable_by(|a, b| b.cmp(a));
            self.at += 1;
        }
        let (Some(word), Some((digest, _))) = (self.words.pop(), self.digests.get(self.at - 1)) else {
            return Ok(None);
        };
        let (shard, position) = unpack(word);
        Ok(Some(Posting { digest: *digest, shard, position }))
    }

    fn next_place(&mut self) -> Result<Option<(Placed, u64)>, StoreError> {
        loop {
            let Some(places) = self.piece.places.get(self.shard) else { return Ok(None) };
            let Some(place) = places.get(self.place) else {
                (self.shard, self.place) = (self.shard + 1, 0);
                continue;
            };
            let span = &self.piece.span;
            let before = span.heads_before[self.shard].position;
            let shard = Shard(u16::try_from(self.shard).unwrap_or(u16::MAX));
            let position = Position(before.0 + 1 + self.place as u64);
            let number = span.segments.partition_point(|first| *first < place.segment) as u64;
            self.place += 1;
            return Ok(Some((Placed { shard, position, place: *place }, number)));
        }
    }

    fn digests_at_most(&self, table: Sought) -> u64 {
        self.piece.tables[table.number()].digests
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
        let found: Vec<_> = postings.find(&digest).iter().map(|word| unpack(*word)).collect();
        assert_eq!(found, [(a, Position(1)), (b, Position(7)), (a, Position(3))]);
        assert!(postings.find(&[8; 16]).is_empty());
        assert_eq!(postings.digests, 1);
    }
}
