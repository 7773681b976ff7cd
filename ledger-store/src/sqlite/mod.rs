//! A ledger in one SQLite file, for those who want SQL on a small ledger's log.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ledger_store::sqlite::{SqliteOptions, SqliteStore};
//! use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, ShardCount};
//!
//! let folder = tempfile::tempdir()?;
//! let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! let store = SqliteStore::create(folder.path().join("ledger.db"), identity, SqliteOptions::default())?;
//! assert_eq!(store.heads().await?.len(), 64);
//! # Ok(())
//! # }
//! ```
//!
//! The file is in WAL mode with `synchronous = FULL`: a commit is on the disk before any reader sees it. One
//! process writes, by a lock on `FILE.lock`; others read it, with [`SqliteStore::open_read_only`] or with the
//! `sqlite3` shell:
//!
//! ```sh
//! sqlite3 -readonly ledger.db "SELECT shard, position, body FROM journal ORDER BY shard, position LIMIT 10"
//! ```
//!
//! Nothing here blocks the caller's thread: the connections live on threads of the store's own.

mod append;
mod files;
mod read;
mod schema;
mod threads;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::contract::{EventStore, Lookup, Snapshot};
use crate::error::StoreError;
use crate::types::{Head, LedgerIdentity, Position, Shard, ShardAppend, StoredCommit};
use crate::validate::{Recompute, validate_append, validate_snapshot};
use files::FileLock;
use threads::Threads;

/// How many threads read, at most.
const READERS_MAX: usize = 64;

/// What is asked just before a commit becomes durable; answers whether it may.
#[cfg(feature = "testing")]
pub type BeforeCommit = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a host can choose about a SQLite store.
#[derive(Clone)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How long a statement waits for a lock that another process holds. Default 5 s.
    pub busy_timeout: Duration,
    /// How many threads read. Default 2.
    pub readers: usize,
    /// Hash and read every body again before it is appended. It finds a faulty caller, at twice the hashing;
    /// by default it is done where debug assertions are on. Reading always checks.
    pub verify_appends: bool,
    /// Heads the caller has seen: checkpoints of projections, signed heads. A file that is behind or differs is
    /// refused with [`StoreError::HistoryLost`].
    pub witnesses: Vec<(Shard, Head)>,
    /// For tests: asked just before a commit becomes durable, on the thread that writes. If it answers `false`,
    /// the write fails as on a broken disk.
    #[cfg(feature = "testing")]
    pub before_commit: Option<BeforeCommit>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: 2,
            verify_appends: cfg!(debug_assertions),
            witnesses: Vec::new(),
            #[cfg(feature = "testing")]
            before_commit: None,
        }
    }
}

impl std::fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("busy_timeout", &self.busy_timeout)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

impl SqliteOptions {
    #[cfg(feature = "testing")]
    fn may_commit(&self) -> bool {
        self.before_commit.as_ref().is_none_or(|asked| asked())
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "with the feature `testing` a test is asked")]
    fn may_commit(&self) -> bool {
        true
    }
}

/// Whether the file takes appends.
#[derive(Debug)]
struct Life(AtomicU8);

impl Life {
    const OPEN: u8 = 0;
    const CLOSED: u8 = 1;
    const FAILED: u8 = 2;

    fn check(&self) -> Result<(), StoreError> {
        match self.0.load(Ordering::Acquire) {
            Self::OPEN => Ok(()),
            Self::CLOSED => Err(unavailable("the store is closed")),
            _ => Err(unavailable("a write failed: open the file again")),
        }
    }

    /// Ends it, unless it has ended.
    fn end(&self, how: u8) {
        // It may have ended otherwise already.
        let _ = self.0.compare_exchange(Self::OPEN, how, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// What the threads of one store share.
#[derive(Debug)]
struct Shared {
    identity: LedgerIdentity,
    options: SqliteOptions,
    path: PathBuf,
    life: Life,
    watch: watch::Sender<u64>,
}

/// A ledger in a SQLite file. See [the module](self).
#[derive(Debug)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Threads,
    is_writer: bool,
}

fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable { reason: reason.into(), source: None }
}

/// What an error of a read, or of anything that lands nothing, lets the caller conclude.
fn of_sqlite(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Corrupted(error.to_string()),
        _ => unavailable(error.to_string()),
    }
}

impl SqliteStore {
    /// Makes a ledger in a new file.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`] if the file exists, [`StoreError::InUse`], [`StoreError::Unavailable`].
    pub fn create(
        path: impl AsRef<Path>,
        identity: LedgerIdentity,
        options: SqliteOptions,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = FileLock::take(path)?;
        files::create_new(path)?;
        Self::write(path, lock, Some(identity), options)
    }

    /// Opens the ledger in a file, for writing.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`], [`StoreError::NewerFormat`], [`StoreError::InUse`] if another process or handle
    /// writes it, [`StoreError::HistoryLost`] if a witness is not there, [`StoreError::Corrupted`],
    /// [`StoreError::Unavailable`].
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        files::must_exist(path)?;
        let lock = FileLock::take(path)?;
        Self::write(path, lock, None, options)
    }

    /// Opens the ledger in a file, or makes it with this identity.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_or_create(
        path: impl AsRef<Path>,
        identity: LedgerIdentity,
        options: SqliteOptions,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = FileLock::take(path)?;
        // A file without tables is one whose making was interrupted.
        if !path.exists() {
            files::create_new(path)?;
        }
        Self::write(path, lock, Some(identity), options)
    }

    /// Opens the ledger in a file for reading, while another process may write it. Appends answer
    /// [`StoreError::Unavailable`].
    ///
    /// # Errors
    ///
    /// As [`Self::open`], but for [`StoreError::InUse`].
    pub fn open_read_only(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        files::must_exist(path)?;
        let connection = schema::connect_read_only(path, &options)?;
        let identity = schema::identity(&connection, path)?;
        Self::start(path, identity, options, None, connection)
    }

    fn write(
        path: &Path,
        lock: FileLock,
        create: Option<LedgerIdentity>,
        options: SqliteOptions,
    ) -> Result<Self, StoreError> {
        let (connection, identity) = schema::connect(path, create, &options)?;
        files::sync_folder(path)?;
        let reader = schema::connect_read_only(path, &options)?;
        Self::start(path, identity, options, Some((connection, lock)), reader)
    }

    fn start(
        path: &Path,
        identity: LedgerIdentity,
        options: SqliteOptions,
        writer: Option<(Connection, FileLock)>,
        reader: Connection,
    ) -> Result<Self, StoreError> {
        if !(1..=READERS_MAX).contains(&options.readers) || options.busy_timeout.is_zero() {
            let reason = "take 1 to 64 readers and a time-out above zero".to_owned();
            return Err(StoreError::NotALedger { what: "the options".to_owned(), reason });
        }
        let is_writer = writer.is_some();
        let life = Life(AtomicU8::new(if is_writer { Life::OPEN } else { Life::CLOSED }));
        let path = path.to_owned();
        let shared = Shared { identity, options, path, life, watch: watch::Sender::new(0) };
        read::check(&reader, &shared)?;
        let shared = Arc::new(shared);
        let threads = Threads::start(&shared, writer, reader)?;
        Ok(Self { shared, threads, is_writer })
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    fn identity(&self) -> &LedgerIdentity {
        &self.shared.identity
    }

    /// The lock is held while it is open for writing.
    fn is_exclusive(&self) -> bool {
        self.is_writer
    }

    fn is_stopped(&self) -> bool {
        self.shared.life.check().is_err()
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.threads.read(read::heads).await
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.threads.read(|connection, _| read::newest(connection)).await
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let recompute =
            if self.shared.options.verify_appends { Recompute::HashesAndIndex } else { Recompute::Nothing };
        validate_append(&self.shared.identity, appends, recompute)?;
        self.shared.life.check()?;
        let appends = appends.to_vec();
        self.threads.write(move |connection, shared| append::append(connection, shared, &appends)).await
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.threads.read(move |connection, shared| read::shard(connection, shared, shard, from, limit)).await
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let partition = *partition;
        let read = move |connection: &Connection, shared: &Shared| {
            read::partition(connection, shared, &partition, after, limit)
        };
        self.threads.read(read).await
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        let lookups = lookups.to_vec();
        self.threads.read(move |connection, _| read::lookup(connection, &lookups)).await
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        validate_snapshot(&snapshot)?;
        self.shared.life.check()?;
        self.threads.write(move |connection, shared| append::snapshot(connection, shared, &snapshot)).await
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        let partition = *partition;
        self.threads.read(move |connection, _| read::snapshot(connection, &partition)).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.shared.watch.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        if !self.is_writer {
            return Ok(());
        }
        self.threads.write(append::close).await
    }
}
