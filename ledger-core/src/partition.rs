//! Partitions (one player, or one purpose of the house), their streams, and what the index finds them by.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::adjustment::{AdjustmentKind, AdjustmentRef};
use crate::house::HouseAggregateRef;
use crate::ids::{HostNamespace, HouseId, IdError, PlayerId, RoundId, SourceId, TransactionId};
use crate::purchase::{PurchaseKind, PurchaseRef};
use crate::stored::{AwardRef, SessionRef};
use crate::text::{unescape, write_escaped};
use crate::transfer::TransferRef;

/// What one commit decides about: a player, or one purpose of the house. The consistency boundary.
///
/// The text form is `player/<id>` or `house/<id>`; a house id can never read as a player id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// One player's wallet, rounds, deposits, bonuses and withdrawals.
    Player(PlayerId),
    /// One purpose of the house, such as the register of currencies.
    House(HouseId),
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Player(id) => write!(f, "player/{id}"),
            Self::House(id) => write!(f, "house/{id}"),
        }
    }
}

/// Why a text does not name a partition or a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text does not have the shape of a name of this kind.
    #[error("{text:?} is not the name of a {what}")]
    Shape {
        /// What was expected.
        what: &'static str,
        /// The text, shortened.
        text: String,
    },
    /// A part is not an identifier.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl NameError {
    pub(crate) fn shape(what: &'static str, text: &str) -> Self {
        Self::Shape { what, text: text.chars().take(160).collect() }
    }
}

impl FromStr for Partition {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some(("player", id)) => Ok(Self::Player(PlayerId::new(id)?)),
            Some(("house", id)) => Ok(Self::House(HouseId::new(id)?)),
            _ => Err(NameError::shape("partition", text)),
        }
    }
}

crate::text::serde_as_text!(Partition);

/// A SHA-256 of a partition's name: its top bits choose the shard, its first half finds it in the index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionDigest([u8; 32]);

impl fmt::Debug for PartitionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionDigest({:02x?})", self.0)
    }
}

impl PartitionDigest {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The top `bits` bits (0 to 16) as a number: the logical shard of 2^bits shards.
    pub fn top_bits(&self, bits: u32) -> u16 {
        let [high, low, ..] = self.0;
        let top = u16::from_be_bytes([high, low]);
        16_u32.checked_sub(bits).and_then(|shift| top.checked_shr(shift)).unwrap_or(0)
    }
}

impl Partition {
    /// The digest that routes this partition and finds it: SHA-256 over a domain tag and the name.
    pub fn digest(&self) -> PartitionDigest {
        let mut hash = Sha256::new();
        hash.update(b"casino-ledger/partition/1\0");
        match self {
            Self::Player(id) => {
                hash.update(b"player/");
                hash.update(id.as_str());
            }
            Self::House(id) => {
                hash.update(b"house/");
                hash.update(id.as_str());
            }
        }
        PartitionDigest(hash.finalize().into())
    }
}

/// A stream of a partition: the events of one aggregate, numbered 1, 2, 3 ...
///
/// The text form names the partition too, its parts escaped: `wallet/P`, `round/P/source/R`,
/// `intent/P/source/I`, `deposit/P/source/D`, `correction/P/source/C`, `tax/P/source/T`, `exchange/P/source/X`,
/// `withdrawal/P/source/W`, `session/P/source/S`, `tip/P/source/T`, `tournament/P/source/E`, `transfer/P/source/T`, `bonus/P/source/A`,
/// `player/P`, `host/P/N`, `house/H`, `statement/H`, `suspense/H/R`, `journal/H/source/J`, `document/H/kind/name`,
/// `content/H/hash`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stream {
    /// The player's opening, refusals and tombstones.
    Player(PlayerId),
    /// The player's complete statement: every movement of his money.
    Wallet(PlayerId),
    /// One round of one player.
    Round(PlayerId, SourceId, RoundId),
    /// One deposit of one player as the cashier started it.
    Intent(PlayerId, SourceId, TransactionId),
    /// One deposit of one player as a payment provider captured it.
    Deposit(PlayerId, SourceId, TransactionId),
    /// One withdrawal of one player, or a part of one that was split.
    Withdrawal(PlayerId, SourceId, TransactionId),
    /// What the host keeps of one player under one namespace of its own.
    Host(PlayerId, HostNamespace),
    /// One partition of the house: its refusals, and what has no stream of its own.
    House(HouseId),
    /// The statement of a partition of the house: every movement of money it posts.
    Statement(HouseId),
    /// Something of the house with a life of its own.
    HouseAggregate(HouseId, HouseAggregateRef),
    /// One correction, withheld tax or the like of one player.
    Adjustment(PlayerId, AdjustmentRef),
    /// One session of one player.
    Session(PlayerId, SessionRef),
    /// One tip, or one entry to a tournament, of one player.
    Purchase(PlayerId, PurchaseRef),
    /// Money of one player that plays elsewhere.
    Transfer(PlayerId, TransferRef),
    /// One bonus award of one player.
    Bonus(PlayerId, AwardRef),
}

impl Stream {
    /// The partition this stream belongs to.
    pub fn partition(&self) -> Partition {
        match self {
            Self::Player(player)
            | Self::Wallet(player)
            | Self::Round(player, ..)
            | Self::Intent(player, ..)
            | Self::Deposit(player, ..)
            | Self::Withdrawal(player, ..)
            | Self::Host(player, ..)
            | Self::Adjustment(player, _)
            | Self::Session(player, _)
            | Self::Purchase(player, _)
            | Self::Transfer(player, _)
            | Self::Bonus(player, _) => Partition::Player(player.clone()),
            Self::House(house) | Self::Statement(house) | Self::HouseAggregate(house, _) => {
                Partition::House(house.clone())
            }
        }
    }

    /// Whether the stream is found by its own digest. The others (`player`, `wallet`, `host`, `house`, `statement`)
    /// are read through their partition, most of whose commits they stand in.
    pub fn is_indexed(&self) -> bool {
        !matches!(
            self,
            Self::Player(_) | Self::Wallet(_) | Self::Host(..) | Self::House(_) | Self::Statement(_)
        )
    }

    /// [`Self::is_indexed`] of a stream that is known by its text form only.
    pub(crate) fn text_is_indexed(text: &str) -> bool {
        let (kind, _) = text.split_once('/').unwrap_or((text, ""));
        matches!(kind, "round" | "intent" | "deposit" | "withdrawal" | "session" | "transfer" | "bonus")
            || HouseAggregateRef::KINDS.contains(&kind)
            || AdjustmentKind::ALL.iter().any(|known| known.as_str() == kind)
            || PurchaseKind::ALL.iter().any(|known| known.as_str() == kind)
    }

    /// What the index finds this stream by.
    pub fn digest(&self) -> StreamDigest {
        let mut hash = HashedText(StreamDigest::begin());
        // Hashing takes every text: only a name that cannot be shown could fail, and there is none.
        let _shown = fmt::Write::write_fmt(&mut hash, format_args!("{self}"));
        StreamDigest(half(hash.0.finalize().into()))
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, parts): (&str, [Option<&str>; 3]) = match self {
            Self::Player(p) => ("player", [Some(p.as_str()), None, None]),
            Self::Wallet(p) => ("wallet", [Some(p.as_str()), None, None]),
            Self::Round(p, s, r) => ("round", [Some(p.as_str()), Some(s.as_str()), Some(r.as_str())]),
            Self::Intent(p, s, i) => ("intent", [Some(p.as_str()), Some(s.as_str()), Some(i.as_str())]),
            Self::Deposit(p, s, d) => ("deposit", [Some(p.as_str()), Some(s.as_str()), Some(d.as_str())]),
            Self::Withdrawal(p, s, w) => {
                ("withdrawal", [Some(p.as_str()), Some(s.as_str()), Some(w.as_str())])
            }
            Self::Host(p, n) => ("host", [Some(p.as_str()), Some(n.as_str()), None]),
            Self::House(h) => ("house", [Some(h.as_str()), None, None]),
            Self::Statement(h) => ("statement", [Some(h.as_str()), None, None]),
            Self::HouseAggregate(h, item) => return item.write(h, f),
            Self::Adjustment(p, AdjustmentRef { kind, source, id }) => {
                (kind.as_str(), [Some(p.as_str()), Some(source.as_str()), Some(id.as_str())])
            }
            Self::Session(p, SessionRef { source, id }) => {
                ("session", [Some(p.as_str()), Some(source.as_str()), Some(id.as_str())])
            }
            Self::Purchase(p, PurchaseRef { kind, source, id }) => {
                (kind.as_str(), [Some(p.as_str()), Some(source.as_str()), Some(id.as_str())])
            }
            Self::Transfer(p, TransferRef { source, id }) => {
                ("transfer", [Some(p.as_str()), Some(source.as_str()), Some(id.as_str())])
            }
            Self::Bonus(p, AwardRef { source, id }) => {
                ("bonus", [Some(p.as_str()), Some(source.as_str()), Some(id.as_str())])
            }
        };
        f.write_str(kind)?;
        for part in parts.into_iter().flatten() {
            f.write_str("/")?;
            write_escaped(f, part)?;
        }
        Ok(())
    }
}

impl FromStr for Stream {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::shape("stream", text);
        let mut parts = text.split('/');
        let kind = parts.next().ok_or_else(error)?;
        let mut part = || parts.next().and_then(unescape).ok_or_else(error);
        let stream = match kind {
            "player" => Self::Player(PlayerId::new(part()?)?),
            "wallet" => Self::Wallet(PlayerId::new(part()?)?),
            "round" => Self::Round(PlayerId::new(part()?)?, SourceId::new(part()?)?, RoundId::new(part()?)?),
            "intent" => {
                Self::Intent(PlayerId::new(part()?)?, SourceId::new(part()?)?, TransactionId::new(part()?)?)
            }
            "deposit" => {
                Self::Deposit(PlayerId::new(part()?)?, SourceId::new(part()?)?, TransactionId::new(part()?)?)
            }
            "withdrawal" => Self::Withdrawal(
                PlayerId::new(part()?)?,
                SourceId::new(part()?)?,
                TransactionId::new(part()?)?,
            ),
            "host" => Self::Host(PlayerId::new(part()?)?, HostNamespace::new(part()?)?),
            "house" => Self::House(HouseId::new(part()?)?),
            "statement" => Self::Statement(HouseId::new(part()?)?),
            kind if HouseAggregateRef::KINDS.contains(&kind) => {
                let house = HouseId::new(part()?)?;
                Self::HouseAggregate(house, HouseAggregateRef::read(kind, &mut part)?)
            }
            kind => {
                let adjustment = AdjustmentKind::ALL.iter().find(|known| known.as_str() == kind);
                let purchase = PurchaseKind::ALL.iter().find(|known| known.as_str() == kind);
                let player = PlayerId::new(part()?)?;
                let (source, id) = (SourceId::new(part()?)?, TransactionId::new(part()?)?);
                match (adjustment, purchase, kind) {
                    (Some(kind), ..) => Self::Adjustment(player, AdjustmentRef { kind: *kind, source, id }),
                    (_, Some(kind), _) => Self::Purchase(player, PurchaseRef { kind: *kind, source, id }),
                    (.., "session") => Self::Session(player, SessionRef { source, id }),
                    (.., "transfer") => Self::Transfer(player, TransferRef { source, id }),
                    (.., "bonus") => Self::Bonus(player, AwardRef { source, id }),
                    _ => return Err(error()),
                }
            }
        };
        if parts.next().is_some() { Err(error()) } else { Ok(stream) }
    }
}

crate::text::serde_as_text!(Stream);

/// What the index finds a stream by: the first 128 bits of a SHA-256 over its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamDigest([u8; 16]);

/// A text that is hashed as it is written.
struct HashedText(Sha256);

impl fmt::Write for HashedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

impl StreamDigest {
    fn begin() -> Sha256 {
        let mut hash = Sha256::new();
        hash.update(b"casino-ledger/stream/1\0");
        hash
    }

    /// The digest of a stream's text form.
    pub fn of_text(text: &str) -> Self {
        let mut hash = Self::begin();
        hash.update(text);
        Self(half(hash.finalize().into()))
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What the index finds an idempotency key by: the first 128 bits of a SHA-256 over partition, source,
/// kind and id. A hit is always compared with the stored key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyDigest([u8; 16]);

impl KeyDigest {
    /// The digest of a key of a partition.
    pub fn new(partition: &PartitionDigest, source: &SourceId, kind: &str, id: &TransactionId) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"casino-ledger/key/1\0");
        hash.update(partition.as_bytes());
        // Sources and kinds hold no NUL (ids refuse control characters), so the parts cannot run together.
        hash.update(source.as_str());
        hash.update([0]);
        hash.update(kind);
        hash.update([0]);
        hash.update(id.as_str());
        Self(half(hash.finalize().into()))
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

fn half(digest: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    half
}

#[cfg(feature = "schema")]
macro_rules! name_schema {
    ($name:ident, $description:literal) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}
#[cfg(feature = "schema")]
name_schema!(Partition, "player/<id> or house/<id>");
#[cfg(feature = "schema")]
name_schema!(
    Stream,
    "player/P, wallet/P, round/P/source/R, intent/P/source/I, deposit/P/source/D, correction/P/source/C, tax/P/source/T, exchange/P/source/X, withdrawal/P/source/W, session/P/source/S, tip/P/source/T, tournament/P/source/E, transfer/P/source/T, bonus/P/source/A, host/P/N, house/H, statement/H, suspense/H/R, journal/H/source/J, document/H/kind/name or content/H/hash; parts escaped as in RFC 6901"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_never_read_alike() {
        let p = |t: &str| PlayerId::new(t).unwrap();
        let round = |player: &str, source: &str, round: &str| {
            Stream::Round(p(player), SourceId::new(source).unwrap(), RoundId::new(round).unwrap())
        };
        let streams = [
            round("a/b", "c", "d"),
            round("a", "b/c", "d"),
            round("a", "b", "c/d"),
            round("a~1b", "c", "d"),
            round("a~", "1b", "d"),
            Stream::Wallet(p("a/b")),
            "correction/a/b/c".parse().unwrap(),
            "tax/a/b/c".parse().unwrap(),
            "exchange/a/b/c".parse().unwrap(),
            "withdrawal/a/b/c".parse().unwrap(),
            "session/a/b/c".parse().unwrap(),
            "tip/a/b/c".parse().unwrap(),
            "tournament/a/b/c".parse().unwrap(),
            "transfer/a/b/c".parse().unwrap(),
            "bonus/a/b/c".parse().unwrap(),
            Stream::Player(p("a")),
            "house/psp~1a".parse().unwrap(),
            "statement/psp~1a".parse().unwrap(),
            "suspense/psp~1a/b".parse().unwrap(),
            "suspense/psp/a~1b".parse().unwrap(),
            "journal/journal/b/c".parse().unwrap(),
            "document/configuration/policy/default".parse().unwrap(),
            format!("content/configuration/{}", crate::key::ContentHash::of(b"x")).parse().unwrap(),
        ];
        let mut texts: Vec<_> = streams.iter().map(ToString::to_string).collect();
        for (stream, text) in streams.iter().zip(&texts) {
            assert_eq!(text.parse::<Stream>().as_ref(), Ok(stream));
        }
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), streams.len());
        for bad in [
            "",
            "wallet",
            "wallet/",
            "wallet/a/b",
            "round/a/b",
            "purse/a",
            "wallet/a~2",
            "round/a/b/c/d",
            "suspense/a",
            "content/a/b",
            "statement/a/b",
        ] {
            assert!(bad.parse::<Stream>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_shard_is_the_top_bits() {
        let digest = Partition::Player(PlayerId::new("p00001").unwrap()).digest();
        assert_eq!(digest.top_bits(0), 0);
        for bits in 1..=16 {
            assert_eq!(digest.top_bits(bits) >> 1, digest.top_bits(bits - 1), "a split refines its parent");
        }
        assert_eq!(digest.top_bits(16), u16::from_be_bytes([digest.as_bytes()[0], digest.as_bytes()[1]]));
    }

    #[test]
    fn players_and_house_never_share_a_digest() {
        let player = Partition::Player(PlayerId::new("currencies").unwrap());
        let house = Partition::House(HouseId::new("currencies").unwrap());
        assert_ne!(player.digest(), house.digest());
        assert_eq!("house/currencies".parse::<Partition>(), Ok(house));
        assert!("currencies".parse::<Partition>().is_err());
    }
}
