//! Blocks, the pieces a run is made of: each with its kind, its length and a checksum that binds it to its
//! place. Pure but for the reading.

use super::super::files::LogFile;
use super::super::frame::u32_at;
use crate::error::StoreError;

/// A block is ended when its payload reaches this many bytes.
pub(super) const BLOCK_PAYLOAD_BYTES: usize = 4_084;
/// Bytes of a block before its payload.
pub(super) const BLOCK_HEADER_BYTES: usize = 8;
/// Bytes of a block around its payload.
pub(super) const BLOCK_FRAME_BYTES: usize = FRAME_BYTES as usize;
const FRAME_BYTES: u32 = 12;
/// The longest payload: the plane of a large filter, or the footer of a long log.
pub(super) const BLOCK_PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digests and the positions of their commits.
    Postings,
    /// Positions and where their records stand.
    Places,
    /// First keys of other blocks, and where these stand.
    Fence,
    /// One plane of a filter.
    Plane,
    /// What the run covers and where everything in it is.
    Footer,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Postings => 1,
            Self::Places => 2,
            Self::Fence => 3,
            Self::Plane => 4,
            Self::Footer => 5,
        }
    }

    pub(super) fn of(code: u8) -> Option<Self> {
        [Self::Postings, Self::Places, Self::Fence, Self::Plane, Self::Footer]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// Where a block stands in its run, header and checksum included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Pointer {
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

impl Pointer {
    /// Where the block ends.
    pub(super) fn end(self) -> u64 {
        self.offset.saturating_add(u64::from(self.bytes))
    }
}

/// Says what is wrong with a run of the index.
pub(super) fn damaged(run: u64, what: &str) -> StoreError {
    StoreError::Corrupted(format!(
        "index run {run}: {what}; the index is derived: open the log again and it is made anew"
    ))
}

fn checksum(run: u64, offset: u64, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&run.to_le_bytes());
    crc.update(&offset.to_le_bytes());
    crc.update(bytes);
    crc.finalize()
}

/// Appends a block to a buffer that will be written at `base` of its run.
pub(super) fn push(buffer: &mut Vec<u8>, base: u64, run: u64, kind: Kind, payload: &[u8]) -> Pointer {
    let at = buffer.len();
    let offset = base + at as u64;
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&[kind.code(), 0, 0, 0]);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(payload);
    let crc = checksum(run, offset, &buffer[at..]);
    buffer.extend_from_slice(&crc.to_le_bytes());
    Pointer { offset, bytes: length.saturating_add(FRAME_BYTES) }
}

/// The kind and length of the block that begins with these bytes.
pub(super) fn header(run: u64, bytes: &[u8]) -> Result<(Kind, u32), StoreError> {
    let Some(head) = bytes.get(..BLOCK_HEADER_BYTES) else {
        return Err(damaged(run, "the file ends within a block"));
    };
    let payload = u32_at(head, 4);
    match Kind::of(head[0]) {
        Some(kind) if head[1..4] == [0; 3] && payload as usize <= BLOCK_PAYLOAD_BYTES_MAX => {
            Ok((kind, payload + FRAME_BYTES))
        }
        _ => Err(damaged(run, "no block begins where one should")),
    }
}

/// The payload of a whole block, if it is one of this kind and what was written here.
pub(super) fn payload(run: u64, offset: u64, kind: Kind, block: &[u8]) -> Result<&[u8], StoreError> {
    let (found, bytes) = header(run, block)?;
    let end = block.len().saturating_sub(4);
    if found != kind || bytes as usize != block.len() {
        return Err(damaged(
            run,
            &format!("the block at offset {offset} is not the one that was written there"),
        ));
    }
    if checksum(run, offset, &block[..end]) != u32_at(block, end) {
        return Err(damaged(run, &format!("the block at offset {offset} does not match its checksum")));
    }
    Ok(&block[BLOCK_HEADER_BYTES..end])
}

/// Fills a buffer from a run; a run that is too short is damaged.
pub(super) fn fill(file: &dyn LogFile, run: u64, buffer: &mut [u8], offset: u64) -> Result<(), StoreError> {
    match file.read_exact_at(buffer, offset) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(damaged(run, "the file is shorter than it was written"))
        }
        read => read.map_err(|error| StoreError::io(format!("reading index run {run}"), error)),
    }
}

/// Reads a block and checks it; what comes back is its payload.
pub(super) fn read(
    file: &dyn LogFile,
    run: u64,
    pointer: Pointer,
    kind: Kind,
) -> Result<Vec<u8>, StoreError> {
    let bytes = pointer.bytes as usize;
    if !(BLOCK_FRAME_BYTES..=BLOCK_PAYLOAD_BYTES_MAX + BLOCK_FRAME_BYTES).contains(&bytes) {
        return Err(damaged(run, "a block has an impossible length"));
    }
    let mut block = vec![0; bytes];
    fill(file, run, &mut block, pointer.offset)?;
    payload(run, pointer.offset, kind, &block)?;
    block.truncate(bytes - 4);
    block.drain(..BLOCK_HEADER_BYTES);
    Ok(block)
}

/// Writes a number, seven bits a byte, the lowest first.
pub(super) fn put_varint(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        buffer.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    buffer.push((number & 0x7F) as u8);
}

/// Takes a number off the front; `None` if there is none, or one over 64 bits.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(first & 0x7F);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_hostile_ones_are_refused() {
        let mut buffer = Vec::new();
        let numbers = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        for number in numbers {
            put_varint(&mut buffer, number);
        }
        let mut rest = &buffer[..];
        assert!(numbers.iter().all(|number| varint(&mut rest) == Some(*number)));
        assert!(rest.is_empty() && varint(&mut rest).is_none());
        for hostile in
            [&[0x80; 11][..], &[0xFF; 9], &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]]
        {
            assert_eq!(varint(&mut &*hostile), None);
        }
    }

    #[test]
    fn a_block_counts_only_where_it_was_written_and_no_bit_of_it_may_flip() {
        let mut buffer = vec![9; 3];
        let pointer = push(&mut buffer, 100, 7, Kind::Fence, b"payload");
        assert_eq!(pointer, Pointer { offset: 103, bytes: 19 });
        let block = &buffer[3..];
        assert_eq!(payload(7, 103, Kind::Fence, block).unwrap(), b"payload");
        assert!(payload(8, 103, Kind::Fence, block).is_err(), "another run");
        assert!(payload(7, 104, Kind::Fence, block).is_err(), "another place");
        assert!(payload(7, 103, Kind::Places, block).is_err(), "another kind");
        for bit in 0..block.len() * 8 {
            let mut flipped = block.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(payload(7, 103, Kind::Fence, &flipped).is_err(), "bit {bit}");
        }
        for bytes in 0..block.len() {
            assert!(payload(7, 103, Kind::Fence, &block[..bytes]).is_err(), "{bytes} bytes");
        }
    }
}
