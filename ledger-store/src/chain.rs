//! The hash chain: genesis and commit hashes, the same on every backend.

use sha2::{Digest, Sha256};

use crate::types::{CommitHash, Head, LedgerIdentity, Position, Shard};

/// The version of the commit format this build writes.
pub const FORMAT: u16 = 1;

const GENESIS_TAG: &[u8; 24] = b"casino-ledger/genesis/1\0";
const COMMIT_TAG: &[u8; 23] = b"casino-ledger/commit/1\0";

/// The head of an empty shard: position 0 and a hash that binds the ledger's id, its number of shards,
/// its format and the shard.
///
/// `SHA-256(tag | ledger id, 16 | shards, u16 | format, u16 | shard, u16)`, integers big-endian.
pub fn genesis(identity: &LedgerIdentity, shard: Shard) -> Head {
    let mut hash = Sha256::new();
    hash.update(GENESIS_TAG);
    hash.update(identity.ledger.0);
    hash.update(identity.shards.get().to_be_bytes());
    hash.update(identity.format.to_be_bytes());
    hash.update(shard.0.to_be_bytes());
    Head { position: Position::ZERO, hash: CommitHash(hash.finalize().into()) }
}

/// The hash of a commit.
///
/// `SHA-256(tag | ledger id, 16 | shard, u16 | position, u64 | previous hash, 32 | body length, u64 | body)`,
/// integers big-endian.
pub fn commit_hash(
    identity: &LedgerIdentity,
    shard: Shard,
    position: Position,
    previous: &CommitHash,
    body: &[u8],
) -> CommitHash {
    let mut head = [0; 23 + 16 + 2 + 8 + 32 + 8];
    head[..23].copy_from_slice(COMMIT_TAG);
    head[23..39].copy_from_slice(&identity.ledger.0);
    head[39..41].copy_from_slice(&shard.0.to_be_bytes());
    head[41..49].copy_from_slice(&position.0.to_be_bytes());
    head[49..81].copy_from_slice(&previous.0);
    head[81..].copy_from_slice(&(body.len() as u64).to_be_bytes());
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update(body);
    CommitHash(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{LedgerId, ShardCount};

    fn identity() -> LedgerIdentity {
        LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT }
    }

    /// The layout is frozen: these texts were computed once by an independent script
    /// (`python3 -c "import hashlib; ..."`, see docs/storage-format.md) and must never change.
    #[test]
    fn the_layout_is_frozen() {
        let genesis = genesis(&identity(), Shard(5));
        assert_eq!(
            genesis.hash.to_string(),
            "69c566cc218da5200828fa54382d370fdad20e1cb7624d0486f54c77524340f3"
        );
        let hash = commit_hash(&identity(), Shard(5), Position(1), &genesis.hash, b"{}");
        assert_eq!(hash.to_string(), "981775e16698b1f90a2369f603bcfe4d65fc67c3762d10a714b9668e9b1d5c03");
    }

    #[test]
    fn every_part_is_bound() {
        let base = identity();
        let previous = genesis(&base, Shard(1)).hash;
        let hash = |i: &LedgerIdentity, s, p, prev: &CommitHash, body: &[u8]| {
            commit_hash(i, Shard(s), Position(p), prev, body)
        };
        let reference = hash(&base, 1, 1, &previous, b"x");
        let other_ledger = LedgerIdentity { ledger: LedgerId([8; 16]), ..base };
        assert_ne!(reference, hash(&other_ledger, 1, 1, &previous, b"x"));
        assert_ne!(reference, hash(&base, 2, 1, &previous, b"x"));
        assert_ne!(reference, hash(&base, 1, 2, &previous, b"x"));
        assert_ne!(reference, hash(&base, 1, 1, &reference, b"x"));
        assert_ne!(reference, hash(&base, 1, 1, &previous, b"y"));
        let shards = LedgerIdentity { shards: ShardCount::ONE, ..base };
        assert_ne!(genesis(&base, Shard(0)), genesis(&shards, Shard(0)));
        assert_ne!(genesis(&base, Shard(0)), genesis(&base, Shard(1)));
        assert_ne!(genesis(&base, Shard(0)), genesis(&LedgerIdentity { format: 2, ..base }, Shard(0)));
    }
}
