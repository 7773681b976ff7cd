//! The store of casino-ledger: a sharded, append-only, hash-chained log with a compare-and-swap head.
//!
//! ```
//! use std::sync::Arc;
//! use ledger_core::stored::CommitIndex;
//! use ledger_store::{
//!     EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, Position, SealedCommit, ShardAppend, ShardCount,
//!     commit_hash,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! let store = MemoryStore::new(identity);
//!
//! let body = br#"{"partition":"player/p1","recorded_at":"2026-11-20T16:00:00.000000Z","keys":[],"events":[]}"#;
//! let index = CommitIndex::of_body(body)?;
//! let shard = identity.shards.shard_of(&index.partition);
//! let expected = store.heads().await?[shard.index()];
//! let hash = commit_hash(&identity, shard, Position(1), &expected.hash, body);
//! let commit =
//!     SealedCommit { position: Position(1), previous: expected.hash, hash, body: Arc::from(&body[..]), index };
//! let append = ShardAppend { shard, expected, commits: vec![commit] };
//!
//! let head = store.append(std::slice::from_ref(&append)).await?[0].clone()?;
//! assert_eq!((head.position, head.hash), (Position(1), hash));
//! assert_eq!(store.read(shard, Position(1), 10).await?[0].body[..], body[..]);
//! # Ok(())
//! # }
//! ```
//!
//! # A tour
//!
//! - **The contract.** [`EventStore`] in clauses C01 to C25, for people who implement it. An append lands
//!   on a shard only if its [`Head`], position and hash, is still the expected one. That one comparison is
//!   the optimistic lock, the fence against a stale writer, and the order without gaps that readers need.
//! - **The words.** A [`LedgerIdentity`] has a [`LedgerId`], a [`ShardCount`] and a format. A
//!   [`SealedCommit`] is a body with its [`Position`] and [`CommitHash`] in the chain of a [`Shard`]; a
//!   [`ShardAppend`] takes several to one shard; a [`StoredCommit`] comes back. A [`Lookup`] asks the
//!   index, a [`Snapshot`] is a state kept to load quickly.
//! - **The chain.** [`genesis`] and [`commit_hash`], the same on every backend; [`verify_commit`] checks
//!   one commit; [`verify_index`] compares what a store finds with what it has.
//! - **Failures.** [`StoreError`] says what the caller may conclude. Only [`StoreError::Unknown`] leaves
//!   open whether something landed, and sending the same bytes again settles it.
//! - **Backends.** [`MemoryStore`] is the contract at its plainest and misbehaves on order. With the
//!   feature `log`, `log::LogStore` is the embedded log, whose format is `docs/log-format.md`; its index is
//!   on disk and derived (`docs/index-format.md`). With `sqlite`,
//!   `sqlite::SqliteStore` is a file for those who want SQL; with `postgres`, `postgres::PostgresStore` is the
//!   store that several processes share. `docs/stores.md` compares them.
//! - **The kit.** With the feature `testing`, one line tests a backend of your own against every clause:
//!   `ledger_store::conformance_tests!(YourBuilder)`.
//!
//! # What it is not
//!
//! Not a general event store: it knows just enough of a body to find it again, and one ledger's rules are
//! built in. It does not decide, does not fold and does not retry. Nothing in it can change or remove a
//! commit.
//!
//! # Features
//!
//! **`log`**: the embedded append-only log. It compresses old segments with zstd, which takes a C compiler to build.
//!
//! **`sqlite`**: a ledger in a SQLite file (bundled).
//!
//! **`postgres`**: a ledger in PostgreSQL 15 and newer, or in a database that speaks its protocol.
//! **`postgres-tls`** adds encrypted connections.
//!
//! **`testing`**: the conformance kit, and the disk that forgets (with `log`).

mod audit;
mod chain;
mod contract;
mod error;
#[cfg(feature = "log")]
pub mod log;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;
mod types;
mod validate;

pub use audit::verify_index;
pub use chain::{FORMAT, commit_hash, genesis};
pub use contract::{
    APPEND_BYTES_MAX, APPEND_COMMITS_MAX, BODY_BYTES_MAX, EventStore, Lookup, READ_BYTES_MAX,
    READ_COMMITS_MAX, SNAPSHOT_BYTES_MAX, Snapshot,
};
pub use error::StoreError;
pub use memory::{HistoryLoss, LostAnswer, MemoryStore};
pub use types::{
    CommitHash, Head, HexError, LedgerId, LedgerIdentity, Position, SealedCommit, Shard, ShardAppend,
    ShardCount, ShardCountError, StoredCommit,
};
pub use validate::{Recompute, validate_append, validate_snapshot, verify_commit};
