//! The store of casino-ledger: a sharded, append-only, hash-chained log with a compare-and-swap head.

mod chain;
mod contract;
mod error;
#[cfg(feature = "log")]
pub mod log;
mod memory;
#[cfg(feature = "testing")]
pub mod testing;
mod types;
mod validate;

pub use chain::{FORMAT, commit_hash, genesis};
pub use contract::{
    APPEND_BYTES_MAX, APPEND_COMMITS_MAX, BODY_BYTES_MAX, EventStore, Lookup, READ_BYTES_MAX,
    READ_COMMITS_MAX, SNAPSHOT_BYTES_MAX, Snapshot,
};
pub use error::StoreError;
pub use memory::{LostAnswer, MemoryStore};
pub use types::{
    CommitHash, Head, HexError, LedgerId, LedgerIdentity, Position, SealedCommit, Shard, ShardAppend,
    ShardCount, ShardCountError, StoredCommit,
};
pub use validate::{Recompute, validate_append, validate_snapshot, verify_commit};
