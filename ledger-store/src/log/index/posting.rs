//! Postings and places as bytes: what a block of a table holds. Pure.

use std::sync::Arc;

use super::super::frame::RECORD_BYTES;
use super::super::view::Place;
use super::block::{BLOCK_PAYLOAD_BYTES, put_varint, varint};
use crate::types::{Position, Shard};

/// What a table is searched by: digest, shard and position, compared as bytes.
pub(super) type Key = [u8; 26];

/// That a commit has a digest. Ordered by digest, then shard, then position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    pub(super) digest: [u8; 16],
    pub(super) shard: Shard,
    pub(super) position: Position,
}

/// Where a commit's record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Placed {
    pub(super) shard: Shard,
    pub(in super::super) position: Position,
    pub(in super::super) place: Place,
}

/// The most positions one entry lists; a digest with more has several entries, so that they can be paged.
const LIST_MAX: usize = 1_024;

pub(super) fn key(digest: &[u8; 16], shard: Shard, position: Position) -> Key {
    let mut key = [0; 26];
    key[..16].copy_from_slice(digest);
    key[16..18].copy_from_slice(&shard.0.to_be_bytes());
    key[18..].copy_from_slice(&position.0.to_be_bytes());
    key
}

impl Posting {
    pub(super) fn key(&self) -> Key {
        key(&self.digest, self.shard, self.position)
    }
}

impl Placed {
    pub(super) fn key(&self) -> Key {
        key(&[0; 16], self.shard, self.position)
    }
}

/// A block that was filled: its first key and its payload.
pub(super) type Filled = (Key, Vec<u8>);

/// Gathers postings, in order, into blocks.
#[derive(Debug, Default)]
pub(super) struct PostingBlocks {
    /// Digest and first key of each entry, and where its value begins in `values`.
    entries: Vec<(Key, usize)>,
    values: Vec<u8>,
    /// The entry that may still grow.
    open: Option<(Posting, Vec<u64>)>,
}

impl PostingBlocks {
    /// Adds a posting; a block that is full comes back.
    pub(super) fn push(&mut self, posting: Posting) -> Option<Filled> {
        if let Some((first, more)) = &mut self.open
            && first.digest == posting.digest
            && first.shard == posting.shard
            && more.len() < LIST_MAX
        {
            more.push(posting.position.0);
            return None;
        }
        let full = self.close_entry();
        self.open = Some((posting, Vec::new()));
        full
    }

    fn close_entry(&mut self) -> Option<Filled> {
        let (first, more) = self.open.take()?;
        let mut value = Vec::with_capacity(16 + more.len() * 2);
        put_varint(&mut value, u64::from(first.shard.0) << 1 | u64::from(!more.is_empty()));
        put_varint(&mut value, first.position.0);
        if !more.is_empty() {
            let mut last = first.position.0;
            for position in more {
                put_varint(&mut value, position.saturating_sub(last));
                last = position;
            }
            put_varint(&mut value, 0);
        }
        let bytes = 17 + (self.entries.len() + 1) * 16 + self.values.len() + value.len();
        let full = if bytes > BLOCK_PAYLOAD_BYTES { self.take_block() } else { None };
        self.entries.push((first.key(), self.values.len()));
        self.values.extend_from_slice(&value);
        full
    }

    fn take_block(&mut self) -> Option<Filled> {
        let (first, last) = (self.entries.first()?.0, self.entries.last()?.0);
        let prefix = first[..16].iter().zip(&last[..16]).take_while(|(a, b)| a == b).count();
        let mut payload = Vec::with_capacity(BLOCK_PAYLOAD_BYTES);
        payload.push(u8::try_from(prefix).unwrap_or(0));
        payload.extend_from_slice(&first[..prefix]);
        let ends = self.entries.iter().skip(1).map(|(_, from)| *from).chain([self.values.len()]);
        for ((key, from), end) in self.entries.iter().zip(ends) {
            payload.extend_from_slice(&key[prefix..16]);
            payload.extend_from_slice(&self.values[*from..end]);
        }
        self.entries.clear();
        self.values.clear();
        Some((first, payload))
    }

    /// The blocks that are left when all postings were added.
    pub(super) fn finish(mut self) -> impl Iterator<Item = Filled> {
        let full = self.close_entry();
        let last = self.take_block();
        full.into_iter().chain(last)
    }
}

/// Reads the postings of a block's payload, in order.
#[derive(Debug)]
pub(super) struct PostingReader {
    payload: Arc<[u8]>,
    at: usize,
    prefix: usize,
    /// The last posting, and whether more of its entry follow.
    last: Posting,
    more: bool,
}

/// A payload that is not what a writer makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl PostingReader {
    pub(super) fn new(payload: Arc<[u8]>) -> Result<Self, Malformed> {
        let prefix = usize::from(*payload.first().ok_or(Malformed)?);
        let mut digest = [0; 16];
        let shared = payload.get(1..=prefix).filter(|_| prefix <= 16).ok_or(Malformed)?;
        digest[..prefix].copy_from_slice(shared);
        let last = Posting { digest, shard: Shard(0), position: Position::ZERO };
        Ok(Self { at: 1 + prefix, payload, prefix, last, more: false })
    }

    pub(super) fn next(&mut self) -> Result<Option<Posting>, Malformed> {
        let mut rest = self.payload.get(self.at..).ok_or(Malformed)?;
        if self.more {
            let gap = varint(&mut rest).ok_or(Malformed)?;
            self.at = self.payload.len() - rest.len();
            if gap > 0 {
                let position = self.last.position.0.checked_add(gap).ok_or(Malformed)?;
                self.last.position = Position(position);
                return Ok(Some(self.last));
            }
            self.more = false;
            return self.next();
        }
        if rest.is_empty() {
            return Ok(None);
        }
        let suffix = rest.get(..16 - self.prefix).ok_or(Malformed)?;
        self.last.digest[self.prefix..].copy_from_slice(suffix);
        rest = &rest[16 - self.prefix..];
        let shard = varint(&mut rest).ok_or(Malformed)?;
        self.last.shard = Shard(u16::try_from(shard >> 1).map_err(|_| Malformed)?);
        self.last.position = Position(varint(&mut rest).ok_or(Malformed)?);
        self.more = shard & 1 == 1;
        self.at = self.payload.len() - rest.len();
        Ok(Some(self.last))
    }
}

/// Gathers places, in order of shard and position, into blocks; a block holds one shard's, without a gap.
///
/// Segments stand in it as numbers, counted from 0 in the run's own list of them.
#[derive(Debug, Default)]
pub(super) struct PlaceBlocks {
    payload: Vec<u8>,
    first: Key,
    last: Option<(Placed, u64)>,
}

impl PlaceBlocks {
    /// Adds a place in the run's segment of this number; a block that is full comes back.
    pub(super) fn push(&mut self, placed: Placed, segment: u64) -> Option<Filled> {
        let follows =
            |(last, _): &(Placed, u64)| last.shard == placed.shard && last.position.next() == placed.position;
        let goes_on =
            self.last.as_ref().is_some_and(follows) && self.payload.len() + 25 <= BLOCK_PAYLOAD_BYTES;
        let full = if goes_on { None } else { self.take_block() };
        let Place { offset, body_bytes, .. } = placed.place;
        let number = match &self.last {
            Some((last, number)) => {
                let adjacent =
                    u64::from(last.place.offset) + RECORD_BYTES as u64 + u64::from(last.place.body_bytes);
                if *number == segment && u64::from(offset) >= adjacent {
                    put_varint(&mut self.payload, (u64::from(offset) - adjacent) << 1);
                    None
                } else {
                    Some(segment.saturating_sub(*number))
                }
            }
            None => {
                self.first = placed.key();
                self.payload.extend_from_slice(&placed.shard.0.to_le_bytes());
                self.payload.extend_from_slice(&placed.position.0.to_le_bytes());
                Some(segment)
            }
        };
        if let Some(number) = number {
            put_varint(&mut self.payload, number << 1 | 1);
            put_varint(&mut self.payload, u64::from(offset));
        }
        put_varint(&mut self.payload, u64::from(body_bytes));
        self.last = Some((placed, segment));
        full
    }

    fn take_block(&mut self) -> Option<Filled> {
        self.last.take()?;
        Some((self.first, std::mem::take(&mut self.payload)))
    }

    /// The block that is left when all places were added.
    pub(super) fn finish(mut self) -> Option<Filled> {
        self.take_block()
    }
}

/// Reads the places of a block's payload, in order.
#[derive(Debug)]
pub(super) struct PlaceReader {
    payload: Arc<[u8]>,
    at: usize,
    shard: Shard,
    next: Position,
    segment: u64,
    adjacent: u64,
}

impl PlaceReader {
    pub(super) fn new(payload: Arc<[u8]>) -> Result<Self, Malformed> {
        let head: &[u8; 10] = payload.first_chunk().ok_or(Malformed)?;
        let shard = Shard(u16::from_le_bytes([head[0], head[1]]));
        let next = Position(super::super::frame::u64_at(head, 2));
        Ok(Self { payload, at: 10, shard, next, segment: 0, adjacent: 0 })
    }

    /// The next place; its segment is a number in `segments`, which the place names by its first frame.
    pub(super) fn next(&mut self, segments: &[u64]) -> Result<Option<Placed>, Malformed> {
        let mut rest = self.payload.get(self.at..).ok_or(Malformed)?;
        if rest.is_empty() {
            return Ok(None);
        }
        let step = varint(&mut rest).ok_or(Malformed)?;
        let offset = if step & 1 == 1 {
            self.segment = self.segment.checked_add(step >> 1).ok_or(Malformed)?;
            varint(&mut rest).ok_or(Malformed)?
        } else {
            self.adjacent.checked_add(step >> 1).ok_or(Malformed)?
        };
        let body = varint(&mut rest).ok_or(Malformed)?;
        self.at = self.payload.len() - rest.len();
        let segment = usize::try_from(self.segment).ok().and_then(|number| segments.get(number));
        let place = Place {
            segment: *segment.ok_or(Malformed)?,
            offset: u32::try_from(offset).map_err(|_| Malformed)?,
            body_bytes: u32::try_from(body).map_err(|_| Malformed)?,
        };
        self.adjacent = offset + RECORD_BYTES as u64 + body;
        let placed = Placed { shard: self.shard, position: self.next, place };
        self.next = Position(self.next.0.checked_add(1).ok_or(Malformed)?);
        Ok(Some(placed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postings(counts: &[usize]) -> Vec<Posting> {
        let mut all = Vec::new();
        for (number, count) in counts.iter().enumerate() {
            let mut digest = [7; 16];
            digest[1] = u8::try_from(number / 200).unwrap();
            digest[9] = u8::try_from(number % 200).unwrap();
            let shard = Shard(u16::try_from(number % 1_024).unwrap());
            let positions = (0..*count).map(|n| Position(1 + n as u64 * (1 + n as u64 % 300)));
            let mut positions: Vec<_> = positions.collect();
            positions.sort_unstable();
            positions.dedup();
            all.extend(positions.into_iter().map(|position| Posting { digest, shard, position }));
        }
        all.sort_unstable();
        all
    }

    fn blocks(postings: &[Posting]) -> Vec<Filled> {
        let mut blocks = PostingBlocks::default();
        let mut filled: Vec<_> = postings.iter().filter_map(|posting| blocks.push(*posting)).collect();
        filled.extend(blocks.finish());
        filled
    }

    fn read(payload: &[u8]) -> Result<Vec<Posting>, Malformed> {
        let mut reader = PostingReader::new(payload.into())?;
        std::iter::from_fn(|| reader.next().transpose()).collect()
    }

    #[test]
    fn postings_read_back_in_order() {
        for counts in [&[][..], &[1], &[1; 700], &[3, 1, 1_025, 1, 5_000, 2, 1], &[20_000]] {
            let postings = postings(counts);
            let filled = blocks(&postings);
            let mut all = Vec::new();
            for (first, payload) in &filled {
                let block = read(payload).unwrap();
                assert_eq!(block[0].key(), *first);
                assert!(payload.len() <= BLOCK_PAYLOAD_BYTES, "{} bytes", payload.len());
                all.extend(block);
            }
            assert_eq!(all, postings);
        }
    }

    #[test]
    fn places_read_back_in_order() {
        let segments: Vec<u64> = (0..50).map(|n| 1 + n * 1_000).collect();
        let mut all = Vec::new();
        for (shard, count) in [(0, 3_000), (5, 1), (1_023, 900)] {
            let mut offset = 64;
            for n in 0..count {
                let number = n / 40 % 50;
                offset = if n % 40 == 0 {
                    64
                } else {
                    offset + 46 + 900 + u32::try_from(n % 3 * 500_000).unwrap()
                };
                let place = Place { segment: segments[number], offset, body_bytes: 900 };
                let position = Position(1_000_000 + n as u64);
                all.push((Placed { shard: Shard(shard), position, place }, number as u64));
            }
        }
        // Segments of a shard never go back; here each shard begins anew only after 2,000.
        all.retain(|(placed, _)| placed.position.0 < 1_002_000);
        let mut blocks = PlaceBlocks::default();
        let mut filled: Vec<_> =
            all.iter().filter_map(|(placed, number)| blocks.push(*placed, *number)).collect();
        filled.extend(blocks.finish());
        let mut found = Vec::new();
        for (first, payload) in filled {
            let mut reader = PlaceReader::new(payload.into()).unwrap();
            let block: Vec<_> = std::iter::from_fn(|| reader.next(&segments).unwrap()).collect();
            assert_eq!(block[0].key(), first);
            found.extend(block);
        }
        assert_eq!(found, all.iter().map(|(placed, _)| *placed).collect::<Vec<_>>());
    }

    #[test]
    fn hostile_payloads_are_refused_and_panic_nobody() {
        let (_, good) = blocks(&postings(&[1, 5, 1])).remove(0);
        for cut in 0..good.len() {
            let _read = read(&good[..cut]);
        }
        for (at, byte) in good.iter().enumerate() {
            for flip in [1, 0x80, 0xFF] {
                let mut bad = good.clone();
                bad[at] = byte ^ flip;
                let _read = read(&bad);
                if let Ok(mut reader) = PlaceReader::new(bad.into()) {
                    while let Ok(Some(_)) = reader.next(&[1, 2, 3]) {}
                }
            }
        }
        assert_eq!(read(&[]), Err(Malformed));
        assert_eq!(read(&[17; 40]), Err(Malformed));
    }
}
