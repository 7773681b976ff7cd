//! Sealed segments: full segments, compressed block by block, that read as the segments they were made from.
//!
//! Hashes are over bodies, so nothing of the chain changes. The layout is `docs/log-format.md`.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};

use super::files::{Access, Files, LogFile, SyncPoint};
use super::frame::{self, HEADER_BYTES, Kind, u32_at, u64_at};
use super::segment::SEGMENT_HEADER_BYTES;
use crate::types::LedgerId;

/// Bytes of a segment that are compressed together. A read decompresses a block or two, so it is small.
const BLOCK_BYTES: usize = 16 << 10;
/// How hard zstd tries: three quarters of what it can reach, at four times the speed.
const LEVEL: i32 = 3;
/// Bytes of a sealed segment's header.
const HEAD_BYTES: usize = 64;
/// Bytes of a sealed segment's end.
const END_BYTES: usize = 128;
/// Bytes per block in the list before the end: length and checksum.
const LISTED_BYTES: usize = 8;
/// The version of the format.
const SEALED_FORMAT: u16 = 1;
/// Bytes that are written before they are synced.
const SYNC_BYTES: usize = 4 << 20;

const HEAD_MAGIC: [u8; 8] = *b"\xF5CLZSG\xF6\n";
const END_MAGIC: [u8; 8] = *b"\xF5CLZEN\xF6\n";

/// The name of a sealed segment whose first frame has this sequence number.
pub(super) fn name(first: u64) -> String {
    format!("{first:020}.sealed")
}

/// The sequence number of a sealed segment's first frame, read from its name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".sealed")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// What the end of a sealed segment says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) ledger: LedgerId,
    /// The length of the segment it was made from.
    pub(super) segment_bytes: u64,
    /// How much of that is content: the segment's header and its frames. Zeros follow.
    pub(super) content_bytes: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    /// The header CRC of the last frame.
    pub(super) last_crc: u32,
    pub(super) blocks: u32,
    /// The CRC of the list of blocks.
    pub(super) list_crc: u32,
    /// The SHA-256 of the content.
    pub(super) content_sha256: [u8; 32],
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

fn head(ledger: LedgerId, first: u64, segment_bytes: u64) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&HEAD_MAGIC);
    head[8..10].copy_from_slice(&SEALED_FORMAT.to_le_bytes());
    head[16..24].copy_from_slice(&segment_bytes.to_le_bytes());
    head[24..40].copy_from_slice(&ledger.0);
    head[40..48].copy_from_slice(&first.to_le_bytes());
    let crc = crc32fast::hash(&head[..60]);
    head[60..].copy_from_slice(&crc.to_le_bytes());
    head
}

impl Seal {
    fn encode(&self) -> [u8; END_BYTES] {
        let mut end = [0; END_BYTES];
        end[..8].copy_from_slice(&END_MAGIC);
        end[8..24].copy_from_slice(&self.ledger.0);
        end[24..32].copy_from_slice(&self.segment_bytes.to_le_bytes());
        end[32..40].copy_from_slice(&self.content_bytes.to_le_bytes());
        end[40..48].copy_from_slice(&self.first.to_le_bytes());
        end[48..56].copy_from_slice(&self.last.to_le_bytes());
        end[56..60].copy_from_slice(&self.last_crc.to_le_bytes());
        end[60..64].copy_from_slice(&self.blocks.to_le_bytes());
        end[64..68].copy_from_slice(&self.list_crc.to_le_bytes());
        end[68..100].copy_from_slice(&self.content_sha256);
        let crc = crc32fast::hash(&end[..124]);
        end[124..].copy_from_slice(&crc.to_le_bytes());
        end
    }

    fn decode(end: &[u8; END_BYTES]) -> Option<Self> {
        if !end.starts_with(&END_MAGIC) || crc32fast::hash(&end[..124]) != u32_at(end, 124) {
            return None;
        }
        let (mut ledger, mut content_sha256) = ([0; 16], [0; 32]);
        ledger.copy_from_slice(&end[8..24]);
        content_sha256.copy_from_slice(&end[68..100]);
        let seal = Self {
            ledger: LedgerId(ledger),
            segment_bytes: u64_at(end, 24),
            content_bytes: u64_at(end, 32),
            first: u64_at(end, 40),
            last: u64_at(end, 48),
            last_crc: u32_at(end, 56),
            blocks: u32_at(end, 60),
            list_crc: u32_at(end, 64),
            content_sha256,
        };
        let blocks = seal.content_bytes.div_ceil(BLOCK_BYTES as u64);
        let is_sound = u64::from(seal.blocks) == blocks && seal.content_bytes <= seal.segment_bytes;
        (is_sound && end[100..124] == [0; 24]).then_some(seal)
    }
}

/// A sealed segment, opened. It reads as the segment it was made from, and cannot be written.
pub(super) struct Sealed {
    file: Arc<dyn LogFile>,
    pub(super) seal: Seal,
    /// Where each block begins in the file, and where the last one ends; and their checksums.
    offsets: Vec<u32>,
    crcs: Vec<u32>,
    /// The block that was read last.
    last: Mutex<Option<(usize, Arc<[u8]>)>>,
    decompressor: Mutex<Option<Decompressor<'static>>>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("seal", &self.seal).finish_non_exhaustive()
    }
}

impl Sealed {
    /// Opens a sealed segment and checks everything but its blocks, which are checked when they are read.
    pub(super) fn open(files: &dyn Files, path: &Path) -> io::Result<Self> {
        let file = files.open(path, Access::Read)?;
        let bytes = file.bytes()?;
        let Some(end_at) = bytes.checked_sub(END_BYTES as u64) else {
            return Err(invalid("a sealed segment is cut short"));
        };
        let mut end = [0; END_BYTES];
        file.read_exact_at(&mut end, end_at)?;
        let seal = Seal::decode(&end).ok_or_else(|| invalid("the end of a sealed segment is damaged"))?;
        let mut first = [0; HEAD_BYTES];
        file.read_exact_at(&mut first, 0)?;
        if first != head(seal.ledger, seal.first, seal.segment_bytes) {
            return Err(invalid("the header of a sealed segment is damaged"));
        }
        let list_bytes = seal.blocks as usize * LISTED_BYTES;
        let Some(list_at) = end_at.checked_sub(list_bytes as u64) else {
            return Err(invalid("a sealed segment is cut short"));
        };
        let mut list = vec![0; list_bytes];
        file.read_exact_at(&mut list, list_at)?;
        if crc32fast::hash(&list) != seal.list_crc {
            return Err(invalid("the list of blocks of a sealed segment is damaged"));
        }
        let mut offsets = Vec::with_capacity(seal.blocks as usize + 1);
        let mut offset = HEAD_BYTES as u64;
        offsets.push(u32::try_from(offset).unwrap_or(u32::MAX));
        for listed in list.chunks_exact(LISTED_BYTES) {
            offset += u64::from(u32_at(listed, 0));
            offsets.push(u32::try_from(offset).map_err(|_| invalid("a sealed segment of 4 GiB"))?);
        }
        if offset != list_at {
            return Err(invalid("the blocks of a sealed segment do not add up"));
        }
        let crcs = list.chunks_exact(LISTED_BYTES).map(|listed| u32_at(listed, 4)).collect();
        let (last, decompressor) = (Mutex::new(None), Mutex::new(None));
        Ok(Self { file, seal, offsets, crcs, last, decompressor })
    }

    fn block(&self, number: usize) -> io::Result<Arc<[u8]>> {
        let kept = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, block)) = kept.filter(|(kept, _)| *kept == number) {
            return Ok(block);
        }
        let (start, end) = (self.offsets[number], self.offsets[number + 1]);
        let mut compressed = vec![0; (end - start) as usize];
        self.file.read_exact_at(&mut compressed, u64::from(start))?;
        if crc32fast::hash(&compressed) != self.crcs[number] {
            return Err(invalid(format!("block {number} of a sealed segment is damaged")));
        }
        let left = self.seal.content_bytes - (number * BLOCK_BYTES) as u64;
        let bytes = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        let idle = self.decompressor.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut decompressor = idle.map_or_else(Decompressor::new, Ok)?;
        let block =
            decompressor.decompress(&compressed, bytes).map_err(|error| invalid(error.to_string()))?;
        *self.decompressor.lock().unwrap_or_else(PoisonError::into_inner) = Some(decompressor);
        if block.len() != bytes {
            return Err(invalid(format!("block {number} of a sealed segment has another length")));
        }
        let block: Arc<[u8]> = block.into();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, Arc::clone(&block)));
        Ok(block)
    }

    /// Reads everything and compares it with the hash in the seal.
    pub(super) fn verify(&self, between: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        let mut hash = Sha256::new();
        for number in 0..self.crcs.len() {
            hash.update(self.block(number)?);
            between()?;
        }
        if <[u8; 32]>::from(hash.finalize()) == self.seal.content_sha256 {
            Ok(())
        } else {
            Err(invalid("the content of a sealed segment does not match its hash"))
        }
    }
}

impl LogFile for Sealed {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.seal.segment_bytes)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.seal.segment_bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let content = usize::try_from(self.seal.content_bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (mut wanted, zeros) = buffer.split_at_mut(content.min(buffer.len()));
        zeros.fill(0);
        let mut at = usize::try_from(offset).map_err(io::Error::other)?;
        while !wanted.is_empty() {
            let block = self.block(at / BLOCK_BYTES)?;
            let from = at % BLOCK_BYTES;
            let count = wanted.len().min(block.len() - from);
            let (now, later) = wanted.split_at_mut(count);
            now.copy_from_slice(&block[from..from + count]);
            (wanted, at) = (later, at + count);
        }
        Ok(())
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a sealed segment cannot be written"))
    }

    fn sync(&self, _: SyncPoint) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses content as it comes.
struct Press<'a> {
    file: &'a dyn LogFile,
    compressor: Compressor<'static>,
    /// Content that does not fill a block yet.
    open: Vec<u8>,
    out: Vec<u8>,
    written: u64,
    unsynced: usize,
    list: Vec<u8>,
    hash: Sha256,
    content_bytes: u64,
}

impl Press<'_> {
    fn add(&mut self, mut content: &[u8]) -> io::Result<()> {
        self.hash.update(content);
        self.content_bytes += content.len() as u64;
        while !content.is_empty() {
            let (now, later) = content.split_at(content.len().min(BLOCK_BYTES - self.open.len()));
            self.open.extend_from_slice(now);
            content = later;
            if self.open.len() == BLOCK_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        let compressed = self.compressor.compress(&self.open)?;
        self.open.clear();
        let length = u32::try_from(compressed.len()).map_err(io::Error::other)?;
        self.list.extend_from_slice(&length.to_le_bytes());
        self.list.extend_from_slice(&crc32fast::hash(&compressed).to_le_bytes());
        self.out.extend_from_slice(&compressed);
        if self.out.len() >= 256 << 10 { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.out, self.written)?;
        self.written += self.out.len() as u64;
        self.unsynced += self.out.len();
        self.out.clear();
        if self.unsynced >= SYNC_BYTES {
            self.unsynced = 0;
            self.file.sync(SyncPoint::Sealed)?;
        }
        Ok(())
    }
}

/// Compresses a full segment into a new file, frame by frame, checking each; what comes back reads as the segment
/// does and was compared with it. The file is synced, its name is not. `between` is called again and again.
pub(super) fn seal(
    files: &dyn Files,
    segment: &dyn LogFile,
    first: u64,
    ledger: LedgerId,
    path: &Path,
    between: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<Sealed> {
    match files.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = files.open(path, Access::CreateNew)?;
    let segment_bytes = segment.bytes()?;
    let mut press = Press {
        file: &*file,
        compressor: Compressor::new(LEVEL)?,
        open: Vec::with_capacity(BLOCK_BYTES),
        out: head(ledger, first, segment_bytes).to_vec(),
        written: 0,
        unsynced: 0,
        list: Vec::new(),
        hash: Sha256::new(),
        content_bytes: 0,
    };
    let mut buffer = vec![0; SEGMENT_HEADER_BYTES];
    segment.read_exact_at(&mut buffer, 0)?;
    press.add(&buffer)?;
    let (mut sequence, mut previous, mut offset) = (first, None, SEGMENT_HEADER_BYTES);
    loop {
        let header = read_frame(segment, offset, &mut buffer)?;
        let follows = header.sequence == sequence && previous.is_none_or(|crc| crc == header.previous);
        if !follows {
            return Err(invalid(format!("frame {sequence} does not stand at offset {offset}")));
        }
        press.add(&buffer)?;
        offset += buffer.len();
        previous = Some(header.crc);
        if header.kind == Kind::SegmentEnd {
            break;
        }
        sequence += 1;
        between()?;
    }
    if !press.open.is_empty() {
        press.end_block()?;
    }
    let seal = Seal {
        ledger,
        segment_bytes,
        content_bytes: press.content_bytes,
        first,
        last: sequence,
        last_crc: previous.unwrap_or_default(),
        blocks: u32::try_from(press.list.len() / LISTED_BYTES).map_err(io::Error::other)?,
        list_crc: crc32fast::hash(&press.list),
        content_sha256: press.hash.clone().finalize().into(),
    };
    let list = std::mem::take(&mut press.list);
    press.out.extend_from_slice(&list);
    press.out.extend_from_slice(&seal.encode());
    press.write()?;
    file.sync(SyncPoint::Sealed)?;
    let sealed = Sealed::open(files, path)?;
    sealed.verify(between)?;
    Ok(sealed)
}

/// Reads the whole frame at an offset into the buffer and checks it.
fn read_frame(segment: &dyn LogFile, offset: usize, buffer: &mut Vec<u8>) -> io::Result<frame::Header> {
    let bad = |what: &str| invalid(format!("offset {offset}: {what}"));
    buffer.resize(HEADER_BYTES, 0);
    segment.read_exact_at(buffer, offset as u64)?;
    let header = frame::decode_header(buffer, offset).map_err(|_| bad("no frame stands here"))?;
    buffer.resize(frame::frame_bytes(offset, header.payload_bytes as usize), 0);
    segment.read_exact_at(&mut buffer[HEADER_BYTES..], (offset + HEADER_BYTES) as u64)?;
    frame::payload(&header, buffer, offset).map_err(bad)?;
    Ok(header)
}
