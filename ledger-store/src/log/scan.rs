//! Walks the frames of one segment's bytes and says how it ends. Pure: no file is touched.

use super::frame::{self, HEADER_BYTES, Header, Kind, NoHeader};
use super::index::{FramePlace, Mark};
use crate::error::StoreError;

/// Where the next frame is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Its sequence number.
    pub(super) sequence: u64,
    /// The header CRC of the frame before it.
    pub(super) previous: u32,
    /// Its offset in the segment.
    pub(super) offset: usize,
}

/// A valid frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) header: Header,
    pub(super) offset: usize,
    pub(super) bytes: usize,
    pub(super) payload: &'a [u8],
}

impl Frame<'_> {
    /// The frame as what follows names it.
    pub(super) fn mark(&self) -> Mark {
        Mark { sequence: self.header.sequence, crc: self.header.crc }
    }

    /// Where it stands, if it stands in this segment.
    pub(super) fn place(&self, segment: u64) -> FramePlace {
        let offset = u32::try_from(self.offset).unwrap_or(u32::MAX);
        FramePlace { segment, offset, previous: self.header.previous }
    }
}

/// How the walk over a segment ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing but zeros follows.
    Zeros,
    /// A segment end, and nothing but zeros after it.
    Full,
    /// One frame that was not written whole: from the cursor to (not including) this offset.
    Torn { to: usize, why: &'static str },
}

/// Why the walk could not end well.
#[derive(Debug)]
pub(super) enum Stop {
    /// No crash leaves this.
    Damaged { offset: usize, what: String },
    /// A later version wrote here.
    Newer(u16),
    /// The visitor refused a frame.
    Refused(StoreError),
}

/// Walks the frames of a whole segment from the cursor on, which moves behind each frame that was visited.
pub(super) fn scan(
    bytes: &[u8],
    cursor: &mut Cursor,
    visit: &mut dyn FnMut(&Frame<'_>) -> Result<(), StoreError>,
) -> Result<End, Stop> {
    loop {
        let at = cursor.offset;
        let rest = bytes.get(at..).unwrap_or_default();
        let frame = match read(rest, cursor) {
            Ok(frame) => frame,
            Err(Bad::Newer(version)) => return Err(Stop::Newer(version)),
            Err(Bad::Impossible(what)) => return Err(Stop::Damaged { offset: at, what }),
            Err(Bad::Frame { why, declared }) => return ending(bytes, cursor, why, declared),
        };
        visit(&frame).map_err(Stop::Refused)?;
        cursor.sequence += 1;
        cursor.previous = frame.header.crc;
        cursor.offset += frame.bytes;
        if frame.header.kind == Kind::SegmentEnd {
            return match last_nonzero(&bytes[cursor.offset..]) {
                None => Ok(End::Full),
                Some(more) => Err(Stop::Damaged {
                    offset: cursor.offset + more,
                    what: "something stands behind the segment end".to_owned(),
                }),
            };
        }
    }
}

enum Bad {
    /// Not a whole frame; if its header is right, the bytes it should have.
    Frame {
        why: &'static str,
        declared: Option<usize>,
    },
    /// Whole, but nothing that was ever written here next.
    Impossible(String),
    Newer(u16),
}

fn read<'a>(rest: &'a [u8], cursor: &Cursor) -> Result<Frame<'a>, Bad> {
    let header = match frame::decode_header(rest, cursor.offset) {
        Ok(header) => header,
        Err(NoHeader::Not(why)) => return Err(Bad::Frame { why, declared: None }),
        Err(NoHeader::Newer(version)) => return Err(Bad::Newer(version)),
    };
    if header.sequence != cursor.sequence {
        let (found, expected) = (header.sequence, cursor.sequence);
        return Err(Bad::Impossible(format!("frame {found} stands where frame {expected} belongs")));
    }
    if header.previous != cursor.previous {
        let sequence = header.sequence;
        return Err(Bad::Impossible(format!("frame {sequence} does not follow the frame before it")));
    }
    let bytes = frame::frame_bytes(cursor.offset, header.payload_bytes as usize);
    match frame::payload(&header, rest, cursor.offset) {
        Ok(payload) => Ok(Frame { header, offset: cursor.offset, bytes, payload }),
        Err(why) => Err(Bad::Frame { why, declared: Some(bytes) }),
    }
}

/// What stands at the cursor is no frame: the end of the log, a torn last frame, or damage.
fn ending(bytes: &[u8], cursor: &Cursor, why: &'static str, declared: Option<usize>) -> Result<End, Stop> {
    let at = cursor.offset;
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(last) = last_nonzero(rest) else { return Ok(End::Zeros) };
    if let Some(later) = later_header(bytes, at + 1, cursor.sequence) {
        let what = format!("{why}, but a later frame stands at offset {later}");
        return Err(Stop::Damaged { offset: at, what });
    }
    if declared.is_some_and(|declared| last >= declared) {
        let what = format!("{why}, and more than zeros follow where it ends");
        return Err(Stop::Damaged { offset: at, what });
    }
    Ok(End::Torn { to: at + last + 1, why })
}

/// The first offset from `from` on where the header of a frame not older than `sequence` stands.
///
/// The header alone is proof enough: frame n + 1 is written only after frame n is durable.
fn later_header(bytes: &[u8], from: usize, sequence: u64) -> Option<usize> {
    let mut at = from;
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == 0xF5) {
        at += found;
        if frame::has_magic(&bytes[at..])
            && bytes.len() - at >= HEADER_BYTES
            && match frame::decode_header(&bytes[at..], at) {
                Ok(header) => header.sequence >= sequence,
                Err(NoHeader::Newer(_)) => true,
                Err(NoHeader::Not(_)) => false,
            }
        {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn last_nonzero(bytes: &[u8]) -> Option<usize> {
    bytes.iter().rposition(|byte| *byte != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::frame::{begin, finish};

    const START: Cursor = Cursor { sequence: 7, previous: 99, offset: 64 };

    /// A segment with seals of these sequence numbers, which stand in for frames of any kind.
    fn segment(sequences: &[u64], previous: impl Fn(usize, u32) -> u32) -> Vec<u8> {
        let mut bytes = vec![1; START.offset];
        let (mut frame, mut crc) = (Vec::new(), START.previous);
        for (number, sequence) in sequences.iter().enumerate() {
            begin(&mut frame);
            crc = finish(&mut frame, Kind::Seal, 0, *sequence, previous(number, crc), bytes.len());
            bytes.extend_from_slice(&frame);
        }
        bytes.resize(bytes.len() + 1_000, 0);
        bytes
    }

    fn walk(bytes: &[u8]) -> (Cursor, Result<End, Stop>) {
        let mut cursor = START;
        let end = scan(bytes, &mut cursor, &mut |_| Ok(()));
        (cursor, end)
    }

    #[test]
    fn frames_count_only_in_their_order_and_behind_their_predecessor() {
        let (cursor, end) = walk(&segment(&[7, 8, 9], |_, crc| crc));
        assert!(matches!(end, Ok(End::Zeros)) && cursor.sequence == 10);
        for stale in [[7, 9, 10], [7, 7, 8], [7, 8, 8], [8, 9, 10], [6, 7, 8]] {
            let (_, end) = walk(&segment(&stale, |_, crc| crc));
            assert!(matches!(end, Err(Stop::Damaged { .. })), "{stale:?}: {end:?}");
        }
        for unlinked in 0..3 {
            let (cursor, end) = walk(&segment(&[7, 8, 9], |at, crc| crc ^ u32::from(at == unlinked)));
            assert!(matches!(end, Err(Stop::Damaged { .. })), "{unlinked}: {end:?}");
            assert_eq!(cursor.sequence, 7 + unlinked as u64);
        }
    }

    #[test]
    fn only_a_last_frame_is_torn() {
        let whole = segment(&[7, 8], |_, crc| crc);
        let last = whole.len() - 1_000;
        for at in 64..last {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            let (cursor, end) = walk(&bytes);
            match end {
                Err(Stop::Damaged { offset: 64, .. }) => assert!(at < 64 + 49),
                Ok(End::Torn { to, .. }) => assert!(cursor.sequence == 8 && to == last && at >= 64 + 49),
                other => panic!("{at}: {other:?}"),
            }
        }
        assert!(matches!(walk(&[0; 500]).1, Ok(End::Zeros)));
        assert!(matches!(walk(&[]).1, Ok(End::Zeros)));
    }
}
