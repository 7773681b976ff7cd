//! Segments: their names and headers, and how a new one is made.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::files::{Access, Files, LogFile, SyncPoint};
use super::frame::{LOG_FORMAT, SEGMENT_END_BYTES, frame_bytes, u32_at, u64_at};
use crate::types::LedgerId;

/// Bytes of a segment's header; the first frame begins here.
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
/// The least length of a segment.
pub(super) const SEGMENT_BYTES_MIN: u32 = 1_024;
/// The greatest length of a segment that a setting may ask for.
pub(super) const SEGMENT_BYTES_MAX: u32 = 1 << 30;

const MAGIC: [u8; 8] = *b"\xF5CLSEG\xF6\n";
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// The name of the segment whose first frame has this sequence number.
pub(super) fn name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// The sequence number of a segment's first frame, read from its name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// How long a segment must be to begin with a frame of this payload.
pub(super) fn bytes_needed(payload: usize) -> usize {
    SEGMENT_HEADER_BYTES + frame_bytes(SEGMENT_HEADER_BYTES, payload) + SEGMENT_END_BYTES
}

fn header(ledger: LedgerId, bytes: u32) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&LOG_FORMAT.to_le_bytes());
    header[16..24].copy_from_slice(&u64::from(bytes).to_le_bytes());
    header[24..40].copy_from_slice(&ledger.0);
    let crc = crc32fast::hash(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// What is wrong with a segment's header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Damaged(String),
    Newer(u16),
}

/// Checks the header of a segment whose file is `bytes` long.
pub(super) fn check_header(
    header: &[u8; SEGMENT_HEADER_BYTES],
    ledger: LedgerId,
    bytes: u64,
) -> Result<(), BadHeader> {
    let damaged = |what: &str| Err(BadHeader::Damaged(what.to_owned()));
    if !header.starts_with(&MAGIC) || crc32fast::hash(&header[..60]) != u32_at(header, 60) {
        return damaged("the segment header is damaged");
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version > LOG_FORMAT {
        return Err(BadHeader::Newer(version));
    }
    if version != LOG_FORMAT || header[10..16].iter().chain(&header[40..60]).any(|byte| *byte != 0) {
        return damaged("the segment header breaks a rule of the format");
    }
    if header[24..40] != ledger.0 {
        return damaged("the segment belongs to another ledger");
    }
    let length = u64_at(header, 16);
    if length != bytes {
        return Err(BadHeader::Damaged(format!("the segment has {bytes} bytes and was made with {length}")));
    }
    Ok(())
}

/// Makes a whole segment under a temporary name: header, zeros, synced. Stops early when asked to.
pub(super) fn make(
    files: &dyn Files,
    path: &Path,
    ledger: LedgerId,
    bytes: u32,
    stop: &AtomicBool,
) -> io::Result<Arc<dyn LogFile>> {
    let file = files.open(path, Access::CreateNew)?;
    let made = fill(file, ledger, bytes, stop);
    if made.is_err() {
        // On a full disk the part that was made takes space; if it stays, the next opening removes it.
        let _ = files.remove(path);
    }
    made
}

fn fill(
    file: Arc<dyn LogFile>,
    ledger: LedgerId,
    bytes: u32,
    stop: &AtomicBool,
) -> io::Result<Arc<dyn LogFile>> {
    file.write_all_at(&header(ledger, bytes), 0)?;
    let mut at = SEGMENT_HEADER_BYTES as u64;
    while at < u64::from(bytes) {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the log was closed"));
        }
        let count = usize::try_from(u64::from(bytes) - at).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all_at(&ZEROS[..count], at)?;
        at += count as u64;
        // Piece by piece, so that a commit never waits in the disk's queue behind a whole segment of zeros.
        file.sync(SyncPoint::SegmentFill)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert_eq!(name(42), "00000000000000000042.seg");
        assert_eq!(first_of(&name(42)), Some(42));
        for bad in ["42.seg", "00000000000000000042", "0000000000000000004x.seg", "99999999999999999999.seg"]
        {
            assert_eq!(first_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_header_binds_ledger_and_length() {
        let ledger = LedgerId([3; 16]);
        let good = header(ledger, 4096);
        assert_eq!(check_header(&good, ledger, 4096), Ok(()));
        assert!(check_header(&good, LedgerId([4; 16]), 4096).is_err());
        assert!(check_header(&good, ledger, 4095).is_err());
        for bit in 0..good.len() * 8 {
            let mut flipped = good;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(check_header(&flipped, ledger, 4096).is_err(), "bit {bit}");
        }
    }
}
