//! A run: one immutable file of the index with four tables, the filters of three of them, and a footer that
//! says what it covers. Reading it; [`super::build`] writes it.

use std::path::Path;
use std::sync::Arc;

use super::super::files::{Access, Files, LogFile};
use super::super::frame::{u32_at, u64_at};
use super::block::{self, BLOCK_FRAME_BYTES, Kind, Pointer, damaged};
use super::cache::Cache;
use super::filter::{Shape, word};
use super::posting::{Key, Malformed, PlaceReader, Placed, Posting, PostingReader, key};
use super::span::Span;
use crate::error::StoreError;
use crate::types::{LedgerIdentity, Position, Shard};

/// The version of the index's format. The index is derived: another version's is made anew.
pub(super) const INDEX_FORMAT: u16 = 1;
/// Bytes of a run's header.
pub(super) const RUN_HEADER_BYTES: usize = 64;
/// Bytes of a run's end, which says where the footer is.
pub(super) const RUN_END_BYTES: usize = 32;
/// Bytes of a fence's entry: a first key, and where its block is.
pub(super) const FENCE_BYTES: usize = 38;

pub(super) const RUN_MAGIC: [u8; 8] = *b"\xF5CLIDX\xF6\n";
pub(super) const END_MAGIC: [u8; 8] = *b"\xF5CLEND\xF6\n";

/// The name of a run.
pub(super) fn name(number: u64) -> String {
    format!("{number:020}.run")
}

/// What is found by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Sought {
    /// A key or a tombstone.
    Key,
    /// A stream.
    Stream,
    /// A partition, by the first half of its digest.
    Partition,
}

impl Sought {
    pub(super) const ALL: [Self; 3] = [Self::Key, Self::Stream, Self::Partition];

    pub(super) fn number(self) -> usize {
        match self {
            Self::Key => 0,
            Self::Stream => 1,
            Self::Partition => 2,
        }
    }
}

/// One part of a table's filter: the digests that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// There are no such digests.
    Empty,
    /// There are too many for a filter: anything may be there.
    Unfiltered,
    /// A filter, its low plane at this offset and its high plane behind it.
    Filter { shape: Shape, low: u64 },
}

impl Part {
    /// Where the planes stand, if there are any.
    pub(super) fn planes(self) -> Option<[Pointer; 2]> {
        let Self::Filter { shape, low } = self else { return None };
        let bytes = u32::try_from(shape.plane_bytes() + BLOCK_FRAME_BYTES).ok()?;
        let low = Pointer { offset: low, bytes };
        Some([low, Pointer { offset: low.end(), bytes }])
    }
}

/// A table's part of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its blocks stand from here ...
    pub(super) start: u64,
    /// ... to here.
    pub(super) end: u64,
    /// How many postings or places.
    pub(super) items: u64,
    /// How many digests, each counted once.
    pub(super) digests: u64,
    /// How many levels of fences stand above the blocks of items.
    pub(super) height: u8,
    /// The block that everything is reached from; of no bytes if there is nothing.
    pub(super) root: Pointer,
    /// How many first bits of a digest choose its part of the filter.
    pub(super) bits: u8,
    pub(super) parts: Vec<Part>,
}

impl Table {
    fn encode(&self, buffer: &mut Vec<u8>) {
        for number in [self.start, self.end, self.items, self.digests, self.root.offset] {
            buffer.extend_from_slice(&number.to_le_bytes());
        }
        buffer.extend_from_slice(&self.root.bytes.to_le_bytes());
        let parts = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        buffer.extend_from_slice(&parts.to_le_bytes());
        buffer.extend_from_slice(&[self.height, self.bits]);
        for part in &self.parts {
            let (low, seed, third) = match part {
                Part::Empty => (0, 0, 0),
                Part::Unfiltered => (u64::MAX, 0, 0),
                Part::Filter { shape, low } => (*low, shape.seed, shape.third),
            };
            buffer.extend_from_slice(&low.to_le_bytes());
            buffer.extend_from_slice(&seed.to_le_bytes());
            buffer.extend_from_slice(&third.to_le_bytes());
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_at_checked(50)?;
        let count = usize::try_from(u32_at(fixed, 44)).ok()?;
        let (parts, rest) = rest.split_at_checked(count.checked_mul(16)?)?;
        *bytes = rest;
        let part = |bytes: &[u8]| match (u64_at(bytes, 0), u32_at(bytes, 12)) {
            (0, 0) => Part::Empty,
            (u64::MAX, 0) => Part::Unfiltered,
            (low, third) => Part::Filter { shape: Shape { seed: u32_at(bytes, 8), third }, low },
        };
        let table = Self {
            start: u64_at(fixed, 0),
            end: u64_at(fixed, 8),
            items: u64_at(fixed, 16),
            digests: u64_at(fixed, 24),
            root: Pointer { offset: u64_at(fixed, 32), bytes: u32_at(fixed, 40) },
            height: fixed[48],
            bits: fixed[49],
            parts: parts.chunks_exact(16).map(part).collect(),
        };
        let is_whole = table.parts.is_empty() || (table.bits <= 16 && table.parts.len() == 1 << table.bits);
        is_whole.then_some(table)
    }

    /// The part of the filter that a digest belongs to; `None` if the table has no filter.
    pub(super) fn part_of(bits: u8, digest: &[u8; 16]) -> usize {
        if bits == 0 { 0 } else { usize::try_from(word(digest) >> (64 - u32::from(bits))).unwrap_or(0) }
    }
}

/// What the last block of a run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footer {
    /// How often what is in it was merged.
    pub(super) level: u32,
    pub(super) span: Span,
    /// Keys, streams, partitions, places.
    pub(super) tables: [Table; 4],
}

impl Footer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut buffer = self.level.to_le_bytes().to_vec();
        self.span.encode(&mut buffer);
        self.tables.iter().for_each(|table| table.encode(&mut buffer));
        buffer
    }

    fn decode(mut bytes: &[u8], identity: &LedgerIdentity) -> Option<Self> {
        let (level, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        let level = u32::from_le_bytes(*level);
        let span = Span::decode(&mut bytes, identity)?;
        let mut table = || Table::decode(&mut bytes);
        let tables = [table()?, table()?, table()?, table()?];
        let footer = Self { level, span, tables };
        (bytes.is_empty() && footer.tables[3].items == footer.span.commits).then_some(footer)
    }
}

/// An open run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) file: Arc<dyn LogFile>,
    pub(super) bytes: u64,
    /// The footer's checksum, which the manifest carries.
    pub(super) footer_crc: u32,
    pub(super) footer: Footer,
}

pub(super) fn header(number: u64, identity: &LedgerIdentity) -> [u8; RUN_HEADER_BYTES] {
    let mut header = [0; RUN_HEADER_BYTES];
    header[..8].copy_from_slice(&RUN_MAGIC);
    header[8..10].copy_from_slice(&INDEX_FORMAT.to_le_bytes());
    header[10..12].copy_from_slice(&identity.shards.get().to_le_bytes());
    header[12..14].copy_from_slice(&identity.format.to_le_bytes());
    header[16..24].copy_from_slice(&number.to_le_bytes());
    header[24..40].copy_from_slice(&identity.ledger.0);
    let crc = crc32fast::hash(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    header
}

pub(super) fn end(number: u64, footer: Pointer, footer_crc: u32) -> [u8; RUN_END_BYTES] {
    let mut end = [0; RUN_END_BYTES];
    end[..8].copy_from_slice(&footer.offset.to_le_bytes());
    end[8..12].copy_from_slice(&footer.bytes.to_le_bytes());
    end[12..16].copy_from_slice(&footer_crc.to_le_bytes());
    end[16..24].copy_from_slice(&END_MAGIC);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&number.to_le_bytes());
    crc.update(&end[..28]);
    end[28..].copy_from_slice(&crc.finalize().to_le_bytes());
    end
}

impl Run {
    /// Opens a run and checks its header, its end and its footer.
    pub(super) fn open(
        files: &dyn Files,
        folder: &Path,
        number: u64,
        identity: &LedgerIdentity,
    ) -> Result<Self, StoreError> {
        let file = match files.open(&folder.join(name(number)), Access::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged(number, "the file is missing"));
            }
            file => file.map_err(|error| StoreError::io(format!("opening index run {number}"), error))?,
        };
        let bytes =
            file.bytes().map_err(|error| StoreError::io(format!("reading index run {number}"), error))?;
        let mut head = [0; RUN_HEADER_BYTES];
        block::fill(&*file, number, &mut head, 0)?;
        if head != header(number, identity) {
            return Err(damaged(number, "the header is damaged, or another ledger's, or another version's"));
        }
        let Some(end_at) = bytes.checked_sub(RUN_END_BYTES as u64) else {
            return Err(damaged(number, "the file is shorter than it was written"));
        };
        let mut last = [0; RUN_END_BYTES];
        block::fill(&*file, number, &mut last, end_at)?;
        let at = Pointer { offset: u64_at(&last, 0), bytes: u32_at(&last, 8) };
        let footer_crc = u32_at(&last, 12);
        if last != end(number, at, footer_crc) || at.end() != end_at {
            return Err(damaged(number, "the end is damaged"));
        }
        let payload = block::read(&*file, number, at, Kind::Footer)?;
        if crc32fast::hash(&payload) != footer_crc {
            return Err(damaged(number, "the footer is another one"));
        }
        let footer =
            Footer::decode(&payload, identity).ok_or_else(|| damaged(number, "the footer is unreadable"))?;
        let inside = |table: &Table| {
            let root_is_in = table.root.bytes == 0 || table.root.end() <= table.end;
            table.start <= table.end && table.end <= at.offset && root_is_in
        };
        if !footer.tables.iter().all(inside) {
            return Err(damaged(number, "the footer points out of the file"));
        }
        Ok(Self { number, file, bytes, footer_crc, footer })
    }

    pub(super) fn span(&self) -> &Span {
        &self.footer.span
    }

    pub(super) fn malformed(&self) -> StoreError {
        damaged(self.number, "a block's checksum is right and its content is not")
    }

    /// A block of this kind, from the cache or from disk.
    fn block(&self, cache: &Cache, at: Pointer, kind: Kind) -> Result<Arc<[u8]>, StoreError> {
        cache.get_or_read(self.number, at.offset, || block::read(&*self.file, self.number, at, kind))
    }

    /// The block of items in which the first item not below `sought` stands, or would stand.
    fn seek(&self, cache: &Cache, table: &Table, sought: &Key) -> Result<Option<Pointer>, StoreError> {
        if table.root.bytes == 0 {
            return Ok(None);
        }
        let mut at = table.root;
        for _ in 0..table.height {
            let fence = self.block(cache, at, Kind::Fence)?;
            let entries = fence.chunks_exact(FENCE_BYTES);
            if fence.is_empty() || !entries.remainder().is_empty() {
                return Err(self.malformed());
            }
            let count = fence.len() / FENCE_BYTES;
            let entry = |number: usize| &fence[number * FENCE_BYTES..(number + 1) * FENCE_BYTES];
            let (mut low, mut high) = (0, count);
            // The first entry above what is sought; the one before it is where it stands.
            while low < high {
                let middle = usize::midpoint(low, high);
                if entry(middle)[..26] > sought[..] { high = middle } else { low = middle + 1 }
            }
            let chosen = entry(low.saturating_sub(1));
            at = Pointer { offset: u64_at(chosen, 26), bytes: u32_at(chosen, 34) };
            if at.offset < table.start || at.end() > table.end {
                return Err(self.malformed());
            }
        }
        Ok(Some(at))
    }

    /// The block of items behind this one, if there is one.
    fn after(&self, table: &Table, at: Pointer, kind: Kind) -> Result<Option<Pointer>, StoreError> {
        let mut offset = at.end();
        let mut head = [0; block::BLOCK_HEADER_BYTES];
        while offset < table.end {
            block::fill(&*self.file, self.number, &mut head, offset)?;
            let (found, bytes) = block::header(self.number, &head)?;
            let at = Pointer { offset, bytes };
            if found == kind {
                return Ok(Some(at));
            }
            offset = at.end();
        }
        Ok(None)
    }

    /// Adds the positions of a digest after a position, ascending, until there are `limit` of them.
    #[expect(clippy::too_many_arguments, reason = "as `Runs::find`, with the cache")]
    pub(super) fn find(
        &self,
        cache: &Cache,
        table: Sought,
        shard: Shard,
        digest: &[u8; 16],
        after: Position,
        limit: usize,
        found: &mut Vec<Position>,
    ) -> Result<(), StoreError> {
        let table = &self.footer.tables[table.number()];
        let first = key(digest, shard, Position(after.0.saturating_add(1)));
        let mut at = self.seek(cache, table, &first)?;
        while let Some(pointer) = at {
            let payload = self.block(cache, pointer, Kind::Postings)?;
            let mut reader = PostingReader::new(payload).map_err(|Malformed| self.malformed())?;
            while let Some(posting) = reader.next().map_err(|Malformed| self.malformed())? {
                if posting.key() < first {
                    continue;
                }
                if posting.digest != *digest || posting.shard != shard || found.len() >= limit {
                    return Ok(());
                }
                found.push(posting.position);
            }
            at = self.after(table, pointer, Kind::Postings)?;
        }
        Ok(())
    }

    /// Adds the places of up to `limit` commits of a shard from a position on, as far as the run has them.
    pub(super) fn places(
        &self,
        cache: &Cache,
        shard: Shard,
        from: Position,
        limit: usize,
        found: &mut Vec<Placed>,
    ) -> Result<(), StoreError> {
        let table = &self.footer.tables[3];
        let mut at = self.seek(cache, table, &key(&[0; 16], shard, from))?;
        let mut wanted = from;
        let mut left = limit;
        while let Some(pointer) = at {
            let payload = self.block(cache, pointer, Kind::Places)?;
            let mut reader = PlaceReader::new(payload).map_err(|Malformed| self.malformed())?;
            let segments = &self.footer.span.segments;
            while left > 0
                && let Some(placed) = reader.next(segments).map_err(|Malformed| self.malformed())?
            {
                if placed.shard != shard {
                    return Ok(());
                }
                if placed.position < wanted {
                    continue;
                }
                if placed.position > wanted {
                    return Err(self.malformed());
                }
                found.push(placed);
                wanted = wanted.next();
                left -= 1;
            }
            if left == 0 {
                return Ok(());
            }
            at = self.after(table, pointer, Kind::Places)?;
        }
        Ok(())
    }
}

/// How much of a run is read at once when all of it is read.
const STREAM_BYTES: usize = 256 << 10;

/// Reads all items of a table in order, without the cache.
pub(super) struct Stream<'a> {
    run: &'a Run,
    kind: Kind,
    /// Where the next bytes are, and where the table ends.
    offset: u64,
    end: u64,
    buffer: Vec<u8>,
    /// Where the next block begins in the buffer.
    at: usize,
    items: Items,
}

enum Items {
    None,
    Postings(PostingReader),
    Places(PlaceReader),
}

impl<'a> Stream<'a> {
    pub(super) fn postings(run: &'a Run, table: Sought) -> Self {
        Self::new(run, &run.footer.tables[table.number()], Kind::Postings)
    }

    pub(super) fn places(run: &'a Run) -> Self {
        Self::new(run, &run.footer.tables[3], Kind::Places)
    }

    fn new(run: &'a Run, table: &Table, kind: Kind) -> Self {
        let (offset, end) = (table.start, table.end);
        Self { run, kind, offset, end, buffer: Vec::new(), at: 0, items: Items::None }
    }

    pub(super) fn next_posting(&mut self) -> Result<Option<Posting>, StoreError> {
        loop {
            if let Items::Postings(reader) = &mut self.items
                && let Some(posting) = reader.next().map_err(|Malformed| self.run.malformed())?
            {
                return Ok(Some(posting));
            }
            let Some(payload) = self.next_block()? else { return Ok(None) };
            self.items =
                Items::Postings(PostingReader::new(payload).map_err(|Malformed| self.run.malformed())?);
        }
    }

    pub(super) fn next_place(&mut self) -> Result<Option<Placed>, StoreError> {
        loop {
            if let Items::Places(reader) = &mut self.items {
                let segments = &self.run.footer.span.segments;
                if let Some(placed) = reader.next(segments).map_err(|Malformed| self.run.malformed())? {
                    return Ok(Some(placed));
                }
            }
            let Some(payload) = self.next_block()? else { return Ok(None) };
            self.items = Items::Places(PlaceReader::new(payload).map_err(|Malformed| self.run.malformed())?);
        }
    }

    /// The payload of the next block of items.
    fn next_block(&mut self) -> Result<Option<Arc<[u8]>>, StoreError> {
        loop {
            let number = self.run.number;
            if !self.have(block::BLOCK_HEADER_BYTES)? {
                return Ok(None);
            }
            let (kind, bytes) = block::header(number, &self.buffer[self.at..])?;
            let bytes = bytes as usize;
            if !self.have(bytes)? {
                return Err(damaged(number, "a table ends within a block"));
            }
            let offset = self.offset - (self.buffer.len() - self.at) as u64;
            let block = &self.buffer[self.at..self.at + bytes];
            self.at += bytes;
            if kind == self.kind {
                return Ok(Some(Arc::from(block::payload(number, offset, kind, block)?)));
            }
        }
    }

    /// Sees to it that so many bytes stand ready; `false` if the table ends before.
    fn have(&mut self, bytes: usize) -> Result<bool, StoreError> {
        let ready = self.buffer.len() - self.at;
        if ready >= bytes {
            return Ok(true);
        }
        let left = usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        if ready + left < bytes {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let more = left.min(STREAM_BYTES.max(bytes - ready));
        self.buffer.resize(ready + more, 0);
        block::fill(&*self.run.file, self.run.number, &mut self.buffer[ready..], self.offset)?;
        self.offset += more as u64;
        Ok(true)
    }
}
