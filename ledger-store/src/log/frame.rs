//! Frames as bytes: pure encoding and decoding. The layout is `docs/log-format.md`.

use crate::contract::{APPEND_BYTES_MAX, APPEND_COMMITS_MAX, BODY_BYTES_MAX};
use crate::types::{CommitHash, Position, SealedCommit, Shard};

/// The version of the log's format.
pub(super) const LOG_FORMAT: u16 = 1;
/// Bytes of a frame's header.
pub(super) const HEADER_BYTES: usize = 48;
/// Bytes of a commit record before its body.
pub(super) const RECORD_BYTES: usize = 46;
/// The most bytes a segment end takes.
pub(super) const SEGMENT_END_BYTES: usize = HEADER_BYTES + 2;
/// The most bytes of a payload.
pub(super) const PAYLOAD_BYTES_MAX: usize = APPEND_BYTES_MAX + APPEND_COMMITS_MAX * RECORD_BYTES;

const MAGIC: [u8; 8] = *b"\xF5CLFRM\xF6\n";
const FILL: u8 = 0xEE;
const SECTOR: usize = 512;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The commits of one append.
    Batch,
    /// The last frame of a segment.
    SegmentEnd,
    /// The log was closed here.
    Seal,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::SegmentEnd => 2,
            Self::Seal => 3,
        }
    }
}

/// A frame's header, its own checks passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) commits: u32,
    pub(super) sequence: u64,
    pub(super) previous: u32,
    pub(super) payload_crc: u32,
    pub(super) payload_bytes: u32,
    /// The header's own CRC, which the next frame carries.
    pub(super) crc: u32,
}

/// Why bytes are no frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHeader {
    /// They are not one, or a damaged one.
    Not(&'static str),
    /// A later version wrote it.
    Newer(u16),
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// The bytes a frame takes that begins at `offset`: header, payload and fill.
pub(super) fn frame_bytes(offset: usize, payload: usize) -> usize {
    let end = HEADER_BYTES + payload + 1;
    if (offset + end).is_multiple_of(SECTOR) { end + 1 } else { end }
}

/// Whether `bytes` begins like a frame.
pub(super) fn has_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads the header of a frame that begins at `offset` of its file.
pub(super) fn decode_header(bytes: &[u8], offset: usize) -> Result<Header, NoHeader> {
    if bytes.len() < HEADER_BYTES {
        return Err(NoHeader::Not("the file ends within a frame header"));
    }
    if !has_magic(bytes) {
        return Err(NoHeader::Not("no frame begins here"));
    }
    let crc = u32_at(bytes, 44);
    if crc32fast::hash(&bytes[..44]) != crc {
        return Err(NoHeader::Not("the frame header does not match its CRC"));
    }
    let version = u16_at(bytes, 8);
    if version > LOG_FORMAT {
        return Err(NoHeader::Newer(version));
    }
    let kind = match bytes[10] {
        1 => Kind::Batch,
        2 => Kind::SegmentEnd,
        3 => Kind::Seal,
        _ => return Err(NoHeader::Not("the frame is of an unknown kind")),
    };
    let header = Header {
        kind,
        commits: u32_at(bytes, 12),
        sequence: u64_at(bytes, 16),
        previous: u32_at(bytes, 24),
        payload_crc: u32_at(bytes, 28),
        payload_bytes: u32_at(bytes, 32),
        crc,
    };
    let limits = match kind {
        Kind::Batch => {
            (1..=APPEND_COMMITS_MAX).contains(&(header.commits as usize))
                && header.payload_bytes as usize <= PAYLOAD_BYTES_MAX
        }
        Kind::SegmentEnd | Kind::Seal => header.commits == 0 && header.payload_bytes == 0,
    };
    if version != LOG_FORMAT || bytes[11] != 0 || u32_at(bytes, 40) != 0 || !limits {
        return Err(NoHeader::Not("the frame header breaks a rule of the format"));
    }
    if u32_at(bytes, 36) as usize != offset {
        return Err(NoHeader::Not("the frame was written for another place"));
    }
    Ok(header)
}

/// The payload of a frame at the start of `bytes`, CRC and fill checked.
pub(super) fn payload<'a>(header: &Header, bytes: &'a [u8], offset: usize) -> Result<&'a [u8], &'static str> {
    let payload_end = HEADER_BYTES + header.payload_bytes as usize;
    let end = frame_bytes(offset, header.payload_bytes as usize);
    let Some(frame) = bytes.get(..end) else { return Err("the file ends within the frame") };
    let payload = &frame[HEADER_BYTES..payload_end];
    if crc32fast::hash(payload) != header.payload_crc {
        return Err("the frame's payload does not match its CRC");
    }
    if frame[payload_end..].iter().any(|byte| *byte != FILL) {
        return Err("the frame's last byte is missing");
    }
    Ok(payload)
}

/// Begins a frame in a buffer that is used again and again.
pub(super) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER_BYTES, 0);
}

/// Adds a commit; answers where its record begins, counted from the start of the frame.
pub(super) fn push(buffer: &mut Vec<u8>, shard: Shard, commit: &SealedCommit) -> usize {
    let at = buffer.len();
    let length = u32::try_from(commit.body.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&shard.0.to_le_bytes());
    buffer.extend_from_slice(&commit.position.0.to_le_bytes());
    buffer.extend_from_slice(&commit.hash.0);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&commit.body);
    at
}

/// Completes the frame for its place in the log; answers its header's CRC.
pub(super) fn finish(
    buffer: &mut Vec<u8>,
    kind: Kind,
    commits: usize,
    sequence: u64,
    previous: u32,
    offset: usize,
) -> u32 {
    let payload = buffer.len() - HEADER_BYTES;
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let payload_crc = crc32fast::hash(&buffer[HEADER_BYTES..]);
    buffer.resize(frame_bytes(offset, payload), FILL);
    buffer[..8].copy_from_slice(&MAGIC);
    buffer[8..10].copy_from_slice(&LOG_FORMAT.to_le_bytes());
    buffer[10] = kind.code();
    buffer[11] = 0;
    buffer[12..16].copy_from_slice(&small(commits));
    buffer[16..24].copy_from_slice(&sequence.to_le_bytes());
    buffer[24..28].copy_from_slice(&previous.to_le_bytes());
    buffer[28..32].copy_from_slice(&payload_crc.to_le_bytes());
    buffer[32..36].copy_from_slice(&small(payload));
    buffer[36..40].copy_from_slice(&small(offset));
    buffer[40..44].fill(0);
    let crc = crc32fast::hash(&buffer[..44]);
    buffer[44..48].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// A commit record without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) shard: Shard,
    pub(super) position: Position,
    pub(super) hash: CommitHash,
    pub(super) body_bytes: u32,
}

/// Reads the fixed part of a commit record.
pub(super) fn decode_record(bytes: &[u8; RECORD_BYTES]) -> Record {
    let mut hash = [0; 32];
    hash.copy_from_slice(&bytes[10..42]);
    Record {
        shard: Shard(u16_at(bytes, 0)),
        position: Position(u64_at(bytes, 2)),
        hash: CommitHash(hash),
        body_bytes: u32_at(bytes, 42),
    }
}

/// The records of a payload: where each begins in it, the record, the body.
pub(super) struct Records<'a> {
    payload: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { payload, at: 0 }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(usize, Record, &'a [u8]), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.payload[self.at..];
        if rest.is_empty() {
            return None;
        }
        let Some((head, rest)) = rest.split_first_chunk() else {
            self.at = self.payload.len();
            return Some(Err("the payload ends within a commit record"));
        };
        let record = decode_record(head);
        let bytes = record.body_bytes as usize;
        match rest.get(..bytes) {
            Some(body) if bytes <= BODY_BYTES_MAX => {
                let at = self.at;
                self.at += RECORD_BYTES + bytes;
                Some(Ok((at, record, body)))
            }
            _ => {
                self.at = self.payload.len();
                Some(Err("a body is longer than its frame or its limit"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_no_bit_of_it_may_flip() {
        let offset = 64;
        let mut buffer = Vec::new();
        begin(&mut buffer);
        buffer.extend_from_slice(b"payload");
        let crc = finish(&mut buffer, Kind::Batch, 3, 7, 0xDEAD_BEEF, offset);
        let header = decode_header(&buffer, offset).unwrap();
        assert_eq!(
            header,
            Header {
                kind: Kind::Batch,
                commits: 3,
                sequence: 7,
                previous: 0xDEAD_BEEF,
                payload_crc: crc32fast::hash(b"payload"),
                payload_bytes: 7,
                crc
            }
        );
        assert_eq!(payload(&header, &buffer, offset), Ok(&b"payload"[..]));
        for bit in 0..buffer.len() * 8 {
            let mut flipped = buffer.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = decode_header(&flipped, offset).map(|h| payload(&h, &flipped, offset).is_ok());
            assert_ne!(read, Ok(true), "bit {bit}");
        }
        for bytes in 0..buffer.len() {
            let read = decode_header(&buffer[..bytes], offset).map(|h| payload(&h, &buffer[..bytes], offset));
            assert!(!matches!(read, Ok(Ok(_))), "{bytes} bytes");
        }
        assert!(decode_header(&buffer, 65).is_err(), "a frame counts only where it was written");
        assert!(decode_header(&[0; 4096], 0).is_err());
    }

    #[test]
    fn no_frame_ends_where_a_sector_does() {
        for payload in 0..2_000 {
            for offset in [64, 65, 1_000] {
                let bytes = frame_bytes(offset, payload);
                assert!(!(offset + bytes).is_multiple_of(512), "{offset} {payload}");
                assert!((HEADER_BYTES + payload + 1..=HEADER_BYTES + payload + 2).contains(&bytes));
            }
        }
    }

    #[test]
    fn hostile_lengths_are_refused_before_they_are_believed() {
        let mut record = [0_u8; RECORD_BYTES];
        record[42..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Records::new(&record).next().unwrap().is_err());
        assert!(Records::new(&record[..20]).next().unwrap().is_err());
    }
}
