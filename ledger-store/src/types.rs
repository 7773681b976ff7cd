//! Shards, positions, heads and hashes: the words of the contract.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ledger_core::PartitionDigest;
use ledger_core::stored::CommitIndex;
use serde::{Deserialize, Serialize};

/// The number of logical shards of a ledger: a power of two, fixed at creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ShardCount(u32);

/// A number of shards that is not a power of two from 1 to 1,024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a number of shards: take a power of two from 1 to {max}", max = ShardCount::MAX)]
pub struct ShardCountError(pub u16);

impl ShardCount {
    /// The most shards a ledger may have.
    pub const MAX: u16 = 1_024;
    /// The default number of shards, on every backend.
    pub const DEFAULT: Self = Self(6);
    /// A single shard.
    pub const ONE: Self = Self(0);

    /// Takes a number of shards.
    ///
    /// # Errors
    ///
    /// [`ShardCountError`] unless `count` is a power of two from 1 to [`Self::MAX`].
    pub fn new(count: u16) -> Result<Self, ShardCountError> {
        if count.is_power_of_two() && count <= Self::MAX {
            Ok(Self(count.trailing_zeros()))
        } else {
            Err(ShardCountError(count))
        }
    }

    /// How many shards there are.
    pub fn get(self) -> u16 {
        1 << self.0
    }

    /// The shard a partition belongs to: the top bits of its digest.
    pub fn shard_of(self, partition: &PartitionDigest) -> Shard {
        Shard(partition.top_bits(self.0))
    }

    /// All shards, in order.
    pub fn all(self) -> impl DoubleEndedIterator<Item = Shard> + ExactSizeIterator {
        (0..self.get()).map(Shard)
    }
}

impl TryFrom<u16> for ShardCount {
    type Error = ShardCountError;
    fn try_from(count: u16) -> Result<Self, ShardCountError> {
        Self::new(count)
    }
}

impl From<ShardCount> for u16 {
    fn from(count: ShardCount) -> Self {
        count.get()
    }
}

/// A logical shard, 0 to N - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shard(pub u16);

impl Shard {
    /// The shard's number as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A place in a shard's sequence of commits: 1, 2, 3 ... without gaps. 0 stands before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    /// The next position.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! hex_bytes {
    ($name:ident, $bytes:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
        impl FromStr for $name {
            type Err = HexError;
            fn from_str(text: &str) -> Result<Self, HexError> {
                let mut bytes = [0; $bytes];
                if text.len() != 2 * $bytes || !text.is_ascii() {
                    return Err(HexError { bytes: $bytes });
                }
                for (i, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16)
                        .map_err(|_| HexError { bytes: $bytes })?;
                }
                Ok(Self(bytes))
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A text that is not the expected number of bytes in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {bytes} bytes in hexadecimal")]
pub struct HexError {
    bytes: usize,
}

/// The identity of a ledger: 16 random bytes, fixed at creation and bound into every hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LedgerId(pub [u8; 16]);
hex_bytes!(LedgerId, 16);

/// The hash of a commit (SHA-256), which binds its ledger, shard, position, predecessor and body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitHash(pub [u8; 32]);
hex_bytes!(CommitHash, 32);

/// What a ledger is, for ever: its id, its number of shards and the format of its commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LedgerIdentity {
    /// The ledger's id.
    pub ledger: LedgerId,
    /// How many shards it has.
    pub shards: ShardCount,
    /// The version of the commit format.
    pub format: u16,
}

/// The end of a shard: the position and hash of its last commit, or 0 and the genesis hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The position of the last commit, 0 if there is none.
    pub position: Position,
    /// The hash of the last commit, or of the genesis.
    pub hash: CommitHash,
}

/// A commit as it lands: sealed into its shard's chain.
#[derive(Debug, Clone)]
pub struct SealedCommit {
    /// Its place in the shard.
    pub position: Position,
    /// The hash of its predecessor.
    pub previous: CommitHash,
    /// Its own hash.
    pub hash: CommitHash,
    /// The body, in the encoding of `docs/storage-format.md`.
    pub body: Arc<[u8]>,
    /// What the index finds it by; must equal `CommitIndex::of_body(&body)`.
    pub index: CommitIndex,
}

/// A commit as it is read back, its hash checked against its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCommit {
    /// Its shard.
    pub shard: Shard,
    /// Its place in the shard.
    pub position: Position,
    /// The hash of its predecessor.
    pub previous: CommitHash,
    /// Its own hash.
    pub hash: CommitHash,
    /// The body.
    pub body: Arc<[u8]>,
}

/// Commits for one shard, to land together and only on the expected head.
#[derive(Debug, Clone)]
pub struct ShardAppend {
    /// The shard.
    pub shard: Shard,
    /// The head these commits were sealed on.
    pub expected: Head,
    /// At least one commit, dense from `expected.position + 1`.
    pub commits: Vec<SealedCommit>,
}
