//! The contract every backend fulfils, in numbered clauses. The kit has a test of the same number for each.

use async_trait::async_trait;
use ledger_core::{KeyDigest, PartitionDigest, StreamDigest, Timestamp};
use tokio::sync::watch;

use crate::error::StoreError;
use crate::types::{CommitHash, Head, LedgerIdentity, Position, Shard, ShardAppend, StoredCommit};

/// The largest body of one commit, in bytes.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The most commits of one append, over all its shards.
pub const APPEND_COMMITS_MAX: usize = 8_192;
/// The most bytes of all bodies of one append.
pub const APPEND_BYTES_MAX: usize = 32 << 20;
/// The most commits one read returns.
pub const READ_COMMITS_MAX: usize = 8_192;
/// A read stops after the commit that brings the bodies to this many bytes.
pub const READ_BYTES_MAX: usize = 16 << 20;
/// The largest snapshot, in bytes.
pub const SNAPSHOT_BYTES_MAX: usize = 16 << 20;

/// What to find in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lookup {
    /// The commit that consumed this key, or set this tombstone.
    Key(Shard, KeyDigest),
    /// The commits that have events of this stream.
    Stream(Shard, StreamDigest),
}

/// A state at a position, kept to make loading quick. Never the truth: a reader ignores one whose hash or
/// fold version is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose state.
    pub partition: PartitionDigest,
    /// The partition's last commit that the state contains.
    pub position: Position,
    /// The hash of that commit.
    pub hash: CommitHash,
    /// The version of the fold that made it.
    pub fold: u32,
    /// The state, in the fold's own encoding.
    pub bytes: Vec<u8>,
}

/// A sharded, append-only, hash-chained log with a compare-and-swap head per shard.
///
/// A shard is a dense sequence of commits 1, 2, 3 ..., each carrying the hash of its predecessor. The
/// clauses below are the contract; [`crate::testing`] has one test per clause, with the same number, for
/// any implementation.
///
/// Appending
///
/// - **C01** An append of one shard lands whole or not at all.
/// - **C02** It lands only if the shard's head, position *and* hash, is the expected one; otherwise the
///   answer for that shard is [`StoreError::HeadMoved`] with the actual head, and nothing of it lands.
/// - **C03** The answer comes per shard, in the order asked; one shard's refusal does not hinder another's.
/// - **C04** Positions are dense: commit n + 1 follows commit n, whatever was refused in between.
/// - **C05** An append that breaks a rule (none at all; empty; a gap; links that do not match; two parts for
///   one shard; a body, count or size over a limit; a partition of another shard) is
///   [`StoreError::Invalid`] for the whole call, and nothing lands. A store may leave out hashing each body
///   again, because its caller has just sealed it in the same process; reading always checks (C14).
/// - **C06** Of any number of concurrent appends on one head, exactly one lands.
/// - **C07** When `append` answers `Ok`, the commits are durable: a crash or power cut cannot lose them.
/// - **C08** After [`StoreError::Unknown`] the same append may be sent again: if it had landed the answer
///   is `Ok` with its head, if not it lands now or answers `HeadMoved`. Never twice.
///
/// Reading
///
/// - **C09** No read, head or lookup shows a commit that is not durable.
/// - **C10** `read` gives a shard's commits from a position in order, without a gap, at most the limit and at
///   least one if there is any, and the body byte for byte as appended.
/// - **C11** A polling reader that goes on from the last position it saw meets every commit exactly once.
/// - **C12** `lookup` finds every key, tombstone and indexed stream of every durable commit, and nothing
///   else; "absent" is answered only if everything up to the head is covered. It covers at least what any call of
///   this handle has answered before. A store does not refuse a key a second time (a tombstone may be set
///   twice): it names every commit that has it.
/// - **C13** `read_partition` gives exactly that partition's commits, in order, after a position.
/// - **C14** A body that does not match its hash is [`StoreError::Corrupted`], never returned.
///
/// Life
///
/// - **C15** Everything durable is there after a reopen: identity, heads, commits, index.
/// - **C16** A snapshot reads back as written, the newest per partition; losing one loses nothing else.
/// - **C17** `watch` is only a hint: it changes after an append became durable; its value counts.
/// - **C18** After `close`, appends answer [`StoreError::Unavailable`]; closing twice is harmless.
/// - **C19** Hostile ids (any UTF-8 without control characters, 1 to 128 bytes) and bodies up to
///   [`BODY_BYTES_MAX`] come back unchanged.
/// - **C20** Once a write has failed and left in doubt what the store's own files hold, every later append
///   answers [`StoreError::Unavailable`] until reopened, and [`EventStore::is_stopped`] says so. A store whose
///   server refused a write, whole, serves on.
///
/// Several processes, and time
///
/// - **C21** Keys are unique if their writers look before they append: of any number of writers that find a key
///   absent and append on the head they had seen before they looked, one lands.
/// - **C22** A handle that has seen a head never serves an older or another one: that shard answers
///   [`StoreError::HistoryLost`], which is never [`StoreError::HeadMoved`], and nothing lands on it.
/// - **C23** Every call ends. `identity`, `is_exclusive`, `is_stopped` and `watch` answer at once; `heads`,
///   `last_recorded_at`, `lookup` and reads do not wait for an append that is under way. A store whose server does
///   not answer gives up within a limit of its own: an append with [`StoreError::Unknown`], everything else with
///   [`StoreError::Unavailable`]; and it serves again when the server does.
/// - **C24** An append that becomes durable late is met in its place: no reader passes over it, whatever landed
///   beside it in the meantime.
/// - **C25** A caller may give up any call by dropping its future. An append that was given up lands whole or not
///   at all, now or later, and the store serves on.
///
/// An unknown outcome ends in one way: the same bytes are sent again until the answer is `Ok` or `HeadMoved`. In
/// between [`StoreError::Unavailable`] says only that this sending did nothing. Reading the head does not settle it:
/// a statement that is still under way can land after the look.
///
/// `append`, reads, `close` and snapshots may block the calling thread on a disk; `heads`, `last_recorded_at` and
/// `lookup` may not, so that a caller can limit its wait. The engine calls all of them from threads of its own.
#[async_trait]
pub trait EventStore: Send + Sync + std::fmt::Debug + 'static {
    /// What this ledger is.
    fn identity(&self) -> &LedgerIdentity;

    /// Whether nobody but this handle can append, as when it holds a lock on its folder. On a store that is
    /// not exclusive, an answer that appends nothing must be confirmed by a look at the heads.
    fn is_exclusive(&self) -> bool {
        false
    }

    /// Whether this handle will never append again: it was closed, or a write failed (C18, C20). Sending an append
    /// of unknown outcome again is then in vain.
    fn is_stopped(&self) -> bool {
        false
    }

    /// The durable heads of all shards, in order of shards.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store cannot be asked, [`StoreError::HistoryLost`] (C22).
    async fn heads(&self) -> Result<Vec<Head>, StoreError>;

    /// The newest `recorded_at` of any durable commit, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store cannot be asked.
    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Appends commits to shards, each only on its expected head. See C01 to C08.
    ///
    /// # Errors
    ///
    /// The outer error concerns the whole call: [`StoreError::Invalid`] and [`StoreError::Unavailable`]
    /// (nothing landed), [`StoreError::Corrupted`] (rows where none may be; nothing landed) or
    /// [`StoreError::Unknown`]. The inner one is [`StoreError::HeadMoved`] or [`StoreError::HistoryLost`].
    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError>;

    /// Up to `limit` commits of a shard, from a position on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] or [`StoreError::Unavailable`].
    async fn read(&self, shard: Shard, from: Position, limit: usize)
    -> Result<Vec<StoredCommit>, StoreError>;

    /// Up to `limit` commits of one partition, after a position.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] or [`StoreError::Unavailable`].
    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError>;

    /// For each question the positions that answer it, ascending; empty means absent. See C12.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] or [`StoreError::Unavailable`].
    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError>;

    /// Keeps a snapshot. Off the critical path; may be lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] over [`SNAPSHOT_BYTES_MAX`], [`StoreError::Unavailable`].
    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError>;

    /// The newest snapshot of a partition, if one is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError>;

    /// Changes after appends became durable. A hint, not a cursor.
    fn watch(&self) -> watch::Receiver<u64>;

    /// Ends writing cleanly and durably. Reads may go on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the end could not be written.
    async fn close(&self) -> Result<(), StoreError>;
}
