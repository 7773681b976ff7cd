//! Writes a run in one pass over sorted items, with bounded memory.

use std::path::Path;
use std::sync::Arc;

use super::super::files::{Access, Files, LogFile, SyncPoint};
use super::block::{self, BLOCK_PAYLOAD_BYTES, Kind, Pointer};
use super::filter::{FILTER_DIGESTS_MAX, Filter, word};
use super::posting::{Filled, Key, PlaceBlocks, Placed, Posting, PostingBlocks};
use super::run::{FENCE_BYTES, Footer, Part, RUN_HEADER_BYTES, Run, Sought, Table, end, header, name};
use super::span::Span;
use crate::error::StoreError;
use crate::types::LedgerIdentity;

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 256 << 10;
/// Bytes that are written before they are synced, so that a commit never waits in the disk's queue behind a
/// whole run.
const SYNC_BYTES: u64 = 4 << 20;
/// A filter's part holds at most about this many digests.
const PART_DIGESTS: u64 = 32 << 10;

/// What is called between blocks: to rest, to serve what is more urgent, to stop.
pub(super) type Between<'a> = &'a mut dyn FnMut() -> Result<(), StoreError>;

/// The bytes of a run on their way to its file.
struct Output<'a> {
    file: Arc<dyn LogFile>,
    run: u64,
    buffer: Vec<u8>,
    /// The file's bytes before the buffer.
    written: u64,
    unsynced: u64,
    between: Between<'a>,
}

impl Output<'_> {
    fn offset(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn push(&mut self, kind: Kind, payload: &[u8]) -> Result<Pointer, StoreError> {
        let pointer = block::push(&mut self.buffer, self.written, self.run, kind, payload);
        if self.buffer.len() >= WRITE_BYTES {
            self.write()?;
            (self.between)()?;
        }
        Ok(pointer)
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let failed = |error| StoreError::io(format!("writing index run {}", self.run), error);
        self.file.write_all_at(&self.buffer, self.written).map_err(failed)?;
        self.written += self.buffer.len() as u64;
        self.unsynced += self.buffer.len() as u64;
        self.buffer.clear();
        if self.unsynced >= SYNC_BYTES { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let synced = self.file.sync(SyncPoint::IndexRun);
        synced.map_err(|error| StoreError::io(format!("syncing index run {}", self.run), error))?;
        self.unsynced = 0;
        Ok(())
    }
}

/// The fences above the blocks of a table, written as they fill.
#[derive(Default)]
struct Fences(Vec<Vec<u8>>);

impl Fences {
    /// Adds a block to a level.
    fn add(
        &mut self,
        level: usize,
        first: &[u8],
        at: Pointer,
        output: &mut Output<'_>,
    ) -> Result<(), StoreError> {
        if self.0.len() == level {
            self.0.push(Vec::new());
        }
        if self.0[level].len() + FENCE_BYTES > BLOCK_PAYLOAD_BYTES {
            self.write_level(level, output)?;
        }
        let entries = &mut self.0[level];
        entries.extend_from_slice(first);
        entries.extend_from_slice(&at.offset.to_le_bytes());
        entries.extend_from_slice(&at.bytes.to_le_bytes());
        Ok(())
    }

    fn write_level(&mut self, level: usize, output: &mut Output<'_>) -> Result<Pointer, StoreError> {
        let entries = std::mem::take(&mut self.0[level]);
        let at = output.push(Kind::Fence, &entries)?;
        self.add(level + 1, &entries[..26], at, output)?;
        Ok(at)
    }

    /// Writes what is left; answers the block everything is reached from, and how many levels of fences there are.
    fn finish(mut self, output: &mut Output<'_>) -> Result<(Pointer, u8), StoreError> {
        let mut level = 0;
        loop {
            let Some(entries) = self.0.get(level) else { return Ok((Pointer::default(), 0)) };
            let is_top = self.0.len() == level + 1;
            if is_top && entries.len() == FENCE_BYTES {
                // One block alone needs no fence above it.
                let at = Pointer {
                    offset: super::super::frame::u64_at(entries, 26),
                    bytes: super::super::frame::u32_at(entries, 34),
                };
                return Ok((at, u8::try_from(level).unwrap_or(u8::MAX)));
            }
            self.write_level(level, output)?;
            level += 1;
        }
    }
}

/// The parts of a table's filter, written as the digests go by.
struct Parts {
    bits: u8,
    done: Vec<Part>,
    words: Vec<u64>,
    /// There were too many for one part.
    overflow: bool,
}

impl Parts {
    fn new(digests_at_most: u64) -> Self {
        let parts = digests_at_most.div_ceil(PART_DIGESTS).max(1).next_power_of_two().min(1 << 16);
        let bits = u8::try_from(parts.trailing_zeros()).unwrap_or(0);
        Self { bits, done: Vec::new(), words: Vec::new(), overflow: false }
    }

    fn add(&mut self, digest: &[u8; 16], output: &mut Output<'_>) -> Result<(), StoreError> {
        let part = Table::part_of(self.bits, digest);
        while self.done.len() < part {
            self.end_part(output)?;
        }
        if self.words.len() <= FILTER_DIGESTS_MAX {
            self.words.push(word(digest));
        } else {
            self.overflow = true;
        }
        Ok(())
    }

    fn end_part(&mut self, output: &mut Output<'_>) -> Result<(), StoreError> {
        let words = std::mem::take(&mut self.words);
        let filter = if std::mem::take(&mut self.overflow) { None } else { Filter::build(&words) };
        let part = match filter {
            _ if words.is_empty() => Part::Empty,
            None => Part::Unfiltered,
            Some(filter) => {
                let low = output.push(Kind::Plane, &filter.low)?;
                output.push(Kind::Plane, &filter.high)?;
                Part::Filter { shape: filter.shape, low: low.offset }
            }
        };
        self.done.push(part);
        self.words = words;
        self.words.clear();
        Ok(())
    }

    fn finish(mut self, output: &mut Output<'_>) -> Result<(u8, Vec<Part>), StoreError> {
        while self.done.len() < 1 << self.bits {
            self.end_part(output)?;
        }
        Ok((self.bits, self.done))
    }
}

/// Items in order.
pub(super) trait Source {
    /// The next posting of a table.
    fn next_posting(&mut self, table: Sought) -> Result<Option<Posting>, StoreError>;
    /// The next place, with its segment's number in the span's list.
    fn next_place(&mut self) -> Result<Option<(Placed, u64)>, StoreError>;
    /// At most how many different digests a table will have.
    fn digests_at_most(&self, table: Sought) -> u64;
}

fn postings(output: &mut Output<'_>, source: &mut dyn Source, table: Sought) -> Result<Table, StoreError> {
    let start = output.offset();
    let (mut blocks, mut fences) = (PostingBlocks::default(), Fences::default());
    let mut parts = Parts::new(source.digests_at_most(table));
    let (mut items, mut digests, mut last) = (0, 0, None::<Posting>);
    let mut add = |(first, payload): Filled, output: &mut Output<'_>| -> Result<(), StoreError> {
        let at = output.push(Kind::Postings, &payload)?;
        fences.add(0, &first, at, output)
    };
    while let Some(posting) = source.next_posting(table)? {
        if last.is_some_and(|last| last >= posting) {
            return Err(block::damaged(output.run, "what it is made of is out of order"));
        }
        if last.is_none_or(|last| last.digest != posting.digest) {
            parts.add(&posting.digest, output)?;
            digests += 1;
        }
        if let Some(full) = blocks.push(posting) {
            add(full, output)?;
        }
        (items, last) = (items + 1, Some(posting));
    }
    for full in blocks.finish() {
        add(full, output)?;
    }
    let (root, height) = fences.finish(output)?;
    let (bits, parts) = parts.finish(output)?;
    Ok(Table { start, end: output.offset(), items, digests, height, root, bits, parts })
}

fn places(output: &mut Output<'_>, source: &mut dyn Source) -> Result<Table, StoreError> {
    let start = output.offset();
    let (mut blocks, mut fences) = (PlaceBlocks::default(), Fences::default());
    let (mut items, mut last) = (0, None::<Key>);
    let mut add = |(first, payload): Filled, output: &mut Output<'_>| -> Result<(), StoreError> {
        let at = output.push(Kind::Places, &payload)?;
        fences.add(0, &first, at, output)
    };
    while let Some((placed, segment)) = source.next_place()? {
        if last.is_some_and(|last| last >= placed.key()) {
            return Err(block::damaged(output.run, "what it is made of is out of order"));
        }
        if let Some(full) = blocks.push(placed, segment) {
            add(full, output)?;
        }
        (items, last) = (items + 1, Some(placed.key()));
    }
    if let Some(full) = blocks.finish() {
        add(full, output)?;
    }
    let (root, height) = fences.finish(output)?;
    Ok(Table { start, end: output.offset(), items, digests: 0, height, root, bits: 0, parts: Vec::new() })
}

/// Writes a run and syncs it. Its name is not durable yet, and nothing refers to it.
#[expect(
    clippy::too_many_arguments,
    reason = "what a run is made of, each once; a struct for one call would only repeat it"
)]
pub(super) fn write(
    files: &dyn Files,
    folder: &Path,
    number: u64,
    identity: &LedgerIdentity,
    level: u32,
    span: &Span,
    source: &mut dyn Source,
    between: Between<'_>,
) -> Result<Run, StoreError> {
    let path = folder.join(name(number));
    let failed = |error| StoreError::io(format!("making index run {number}"), error);
    match files.remove(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = files.open(&path, Access::CreateNew).map_err(failed)?;
    let buffer = header(number, identity).to_vec();
    debug_assert_eq!(buffer.len(), RUN_HEADER_BYTES);
    let mut output =
        Output { file: Arc::clone(&file), run: number, buffer, written: 0, unsynced: 0, between };
    let keys = postings(&mut output, source, Sought::Key)?;
    let streams = postings(&mut output, source, Sought::Stream)?;
    let partitions = postings(&mut output, source, Sought::Partition)?;
    let places = places(&mut output, source)?;
    let footer = Footer { level, span: span.clone(), tables: [keys, streams, partitions, places] };
    let payload = footer.encode();
    let footer_crc = crc32fast::hash(&payload);
    let at = output.push(Kind::Footer, &payload)?;
    output.buffer.extend_from_slice(&end(number, at, footer_crc));
    output.write()?;
    output.sync()?;
    if footer.tables[3].items != span.commits {
        return Err(block::damaged(number, "it holds another number of commits than it covers"));
    }
    let bytes = output.written;
    Ok(Run { number, file, bytes, footer_crc, footer })
}
