//! What goes over the wire: a length, a kind, and fields, all numbers big-endian. Every length is bounded.

use std::io;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use casino_ledger::replica::{Epoch, Hello, LinkError, ShardCommits, Shipment};
use casino_ledger::store::{
    APPEND_BYTES_MAX, APPEND_COMMITS_MAX, BODY_BYTES_MAX, CommitHash, Head, LedgerId, LedgerIdentity,
    Position, Shard, ShardCount, StoredCommit,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest message: an append's worth of bodies, and what stands around each.
const MESSAGE_BYTES_MAX: usize = APPEND_BYTES_MAX + APPEND_COMMITS_MAX * 128 + (1 << 20);
/// The longest text of an error.
const TEXT_BYTES_MAX: usize = 4 << 10;

/// What a primary says.
#[derive(Debug, PartialEq, Eq)]
pub enum Call {
    Greet(Hello),
    Ship(Shipment),
}

/// What a standby answers.
pub type Answer = Result<Vec<Head>, LinkError>;

/// Writes a message.
///
/// # Errors
///
/// What the connection says.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_be_bytes()).await?;
    to.write_all(message).await?;
    to.flush().await
}

/// Reads a message; `None` when the other side has ended.
///
/// # Errors
///
/// What the connection says, and a message that is too long.
pub async fn receive(from: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read.context("reading the length of a message")?,
    };
    let length = usize::try_from(u32::from_be_bytes(length))?;
    ensure!(
        length <= MESSAGE_BYTES_MAX,
        "a message of {length} bytes: at most {MESSAGE_BYTES_MAX} are taken"
    );
    let mut message = vec![0; length];
    from.read_exact(&mut message).await.context("reading a message")?;
    Ok(Some(message))
}

fn head(out: &mut Vec<u8>, head: &Head) {
    out.extend(head.position.0.to_be_bytes());
    out.extend(head.hash.0);
}

fn text(out: &mut Vec<u8>, kind: u8, text: &str) {
    let end = (0..=text.len().min(TEXT_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    out.push(kind);
    out.extend(&text.as_bytes()[..end]);
}

impl Call {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Greet(Hello { identity, epoch }) => {
                out.push(b'H');
                out.extend(identity.ledger.0);
                out.extend(identity.shards.get().to_be_bytes());
                out.extend(identity.format.to_be_bytes());
                out.extend(epoch.0.to_be_bytes());
            }
            Self::Ship(shipment) => {
                out.push(b'S');
                out.extend(shipment.epoch.0.to_be_bytes());
                out.extend(u16::try_from(shipment.parts.len()).unwrap_or(u16::MAX).to_be_bytes());
                for part in &shipment.parts {
                    out.extend(part.shard.0.to_be_bytes());
                    head(&mut out, &part.follows);
                    out.extend(u32::try_from(part.commits.len()).unwrap_or(u32::MAX).to_be_bytes());
                    for commit in &part.commits {
                        out.extend(commit.hash.0);
                        out.extend(u32::try_from(commit.body.len()).unwrap_or(u32::MAX).to_be_bytes());
                        out.extend(&commit.body[..]);
                    }
                }
            }
        }
        out
    }

    /// From bytes. Positions and predecessors follow from where a part begins; whoever takes the commits checks every hash.
    ///
    /// # Errors
    ///
    /// Bytes that are no call.
    pub fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut fields = Fields(bytes);
        let call = match fields.byte()? {
            b'H' => {
                let ledger = LedgerId(fields.array()?);
                let shards = ShardCount::new(fields.u16()?)?;
                let identity = LedgerIdentity { ledger, shards, format: fields.u16()? };
                Self::Greet(Hello { identity, epoch: Epoch(fields.u64()?) })
            }
            b'S' => {
                let epoch = Epoch(fields.u64()?);
                let count = fields.u16()?;
                ensure!(count <= ShardCount::MAX, "{count} parts");
                let mut room = APPEND_COMMITS_MAX;
                let parts = (0..count).map(|_| fields.part(&mut room)).collect::<anyhow::Result<_>>()?;
                Self::Ship(Shipment { epoch, parts })
            }
            kind => bail!("no call is of kind {kind}"),
        };
        fields.end()?;
        Ok(call)
    }
}

/// An answer as bytes.
pub fn encode_answer(answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    match answer {
        Ok(heads) => {
            out.push(b'O');
            for one in heads {
                head(&mut out, one);
            }
        }
        Err(LinkError::Fenced { by }) => {
            out.push(b'F');
            out.extend(by.0.to_be_bytes());
        }
        Err(LinkError::Refused { reason }) => text(&mut out, b'R', reason),
        Err(other) => text(&mut out, b'A', &other.to_string()),
    }
    out
}

/// An answer from bytes.
///
/// # Errors
///
/// Bytes that are no answer.
pub fn decode_answer(bytes: &[u8]) -> anyhow::Result<Answer> {
    let mut fields = Fields(bytes);
    let reason = |fields: &Fields<'_>| {
        let end = fields.0.len().min(TEXT_BYTES_MAX);
        String::from_utf8_lossy(&fields.0[..end]).into_owned()
    };
    Ok(match fields.byte()? {
        b'O' => {
            let mut heads = Vec::new();
            while !fields.0.is_empty() {
                ensure!(heads.len() < usize::from(ShardCount::MAX), "too many heads");
                heads.push(fields.head()?);
            }
            Ok(heads)
        }
        b'F' => Err(LinkError::Fenced { by: Epoch(fields.u64()?) }),
        b'R' => Err(LinkError::refused(reason(&fields))),
        b'A' => Err(LinkError::away(reason(&fields))),
        kind => bail!("no answer is of kind {kind}"),
    })
}

/// What of a message is still to be read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take(&mut self, bytes: usize) -> anyhow::Result<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes).context("the message ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn byte(&mut self) -> anyhow::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> anyhow::Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> anyhow::Result<usize> {
        Ok(usize::try_from(u32::from_be_bytes(self.array()?))?)
    }

    fn u64(&mut self) -> anyhow::Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn head(&mut self) -> anyhow::Result<Head> {
        Ok(Head { position: Position(self.u64()?), hash: CommitHash(self.array()?) })
    }

    fn part(&mut self, room: &mut usize) -> anyhow::Result<ShardCommits> {
        let shard = Shard(self.u16()?);
        let follows = self.head()?;
        let count = self.u32()?;
        *room = room.checked_sub(count).context("too many commits")?;
        let (mut at, mut commits) = (follows, Vec::new());
        for _ in 0..count {
            let hash = CommitHash(self.array()?);
            let bytes = self.u32()?;
            ensure!(bytes <= BODY_BYTES_MAX, "a body of {bytes} bytes");
            let position = Position(at.position.0.checked_add(1).context("no position follows")?);
            let body = Arc::from(self.take(bytes)?);
            commits.push(StoredCommit { shard, position, previous: at.hash, hash, body });
            at = Head { position, hash };
        }
        Ok(ShardCommits { shard, follows, commits })
    }

    fn end(&self) -> anyhow::Result<()> {
        ensure!(self.0.is_empty(), "{} bytes stand behind the message", self.0.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipment() -> Call {
        let hash = |n: u8| CommitHash([n; 32]);
        let follows = Head { position: Position(4), hash: hash(1) };
        let commit = |position, previous, own, body: &[u8]| StoredCommit {
            shard: Shard(3),
            position: Position(position),
            previous: hash(previous),
            hash: hash(own),
            body: Arc::from(body),
        };
        let commits = vec![commit(5, 1, 2, b"{}"), commit(6, 2, 3, b"")];
        let part = ShardCommits { shard: Shard(3), follows, commits };
        Call::Ship(Shipment { epoch: Epoch(7), parts: vec![part] })
    }

    fn greeting() -> Call {
        let identity = LedgerIdentity { ledger: LedgerId([5; 16]), shards: ShardCount::DEFAULT, format: 1 };
        Call::Greet(Hello { identity, epoch: Epoch(7) })
    }

    #[test]
    fn what_is_written_is_read() {
        for call in [shipment(), greeting()] {
            assert_eq!(Call::decode(&call.encode()).unwrap(), call);
        }
        let heads = vec![Head { position: Position(9), hash: CommitHash([4; 32]) }; 3];
        let answers =
            [Ok(heads), Ok(vec![]), Err(LinkError::Fenced { by: Epoch(3) }), Err(LinkError::refused("no"))];
        for answer in answers {
            assert_eq!(decode_answer(&encode_answer(&answer)).unwrap(), answer);
        }
    }

    #[test]
    fn a_part_of_a_message_is_an_error() {
        for call in [shipment(), greeting()] {
            let bytes = call.encode();
            for end in 0..bytes.len() {
                assert!(Call::decode(&bytes[..end]).is_err(), "the first {end} bytes");
            }
            assert!(Call::decode(&[bytes, vec![0]].concat()).is_err(), "a byte too many");
        }
    }

    #[test]
    fn a_changed_byte_never_panics() {
        let bytes = shipment().encode();
        for at in 0..bytes.len() {
            for value in [0, 1, 127, 255] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = Call::decode(&changed);
                let _ = decode_answer(&changed);
            }
        }
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_is_not_read() {
        let mut bytes: &[u8] = &[0xFF; 64];
        assert!(receive(&mut bytes).await.is_err());
        let mut none: &[u8] = &[];
        assert_eq!(receive(&mut none).await.unwrap(), None);
    }
}
