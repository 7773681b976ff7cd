//! A ledger in PostgreSQL 15 and newer, or in a database that speaks its protocol and dialect.
//!
//! ```no_run
//! # async fn example() -> Result<(), ledger_store::StoreError> {
//! use ledger_store::postgres::{PostgresOptions, PostgresStore};
//! use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, ShardCount};
//!
//! let options = PostgresOptions::new("postgres://ledger:secret@db.example/casino")?;
//! let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! let store = PostgresStore::open_or_create(options, identity).await?;
//! assert_eq!(store.heads().await?.len(), 64);
//! # Ok(())
//! # }
//! ```
//!
//! Any number of processes may write to one ledger at the same time, without a lock between them: an append is
//! one statement that compares and swaps the row of the shard's head, and inserts only where that worked. A
//! commit of a shard can begin only when the one before it is visible, so no reader can meet commit 8 before
//! commit 7: there is no sequence, no clock, no transaction id and no gap.
//!
//! - **Unknown outcomes** are settled inside: when a connection is lost between statement and answer, the same
//!   bytes are sent again until [`PostgresOptions::append_timeout`]; only then the answer is
//!   [`StoreError::Unknown`].
//! - **Lost history**: a database whose head lies behind, or differs from, what this store has seen answers
//!   [`StoreError::HistoryLost`]. Never point a store at a replica.
//! - **Blocking**: nothing here blocks the caller's thread. Connections live on a thread of the store's own, so
//!   its futures may be awaited on any runtime, or none.
//!
//! `docs/operations.md` says what to set on which database, and what was not tried there.

mod append;
mod columns;
mod failure;
mod leases;
mod link;
mod migrate;
mod options;
mod read;
mod seen;
mod sql;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::runtime::Runtime;
use tokio::sync::{RwLock, RwLockReadGuard, watch};
use uuid::Uuid;

use crate::chain::{FORMAT, genesis};
use crate::contract::{EventStore, Lookup, Snapshot};
use crate::error::StoreError;
use crate::types::{
    CommitHash, Head, LedgerId, LedgerIdentity, Position, Shard, ShardAppend, ShardCount, StoredCommit,
};
use crate::validate::{Recompute, validate_append, validate_snapshot};
use append::closed;
use failure::{Failure, unavailable};
use link::Links;
use options::unusable;
use seen::Seen;

pub use leases::{LeaseOptions, Leases, Member, MemberId, Route};
pub use options::{AppendMode, Isolation, PostgresOptions};
pub use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// A ledger in a PostgreSQL database. See [the module](self).
#[derive(Debug)]
pub struct PostgresStore {
    inner: Arc<Inner>,
    /// Taken when the store is dropped.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Inner {
    identity: LedgerIdentity,
    options: PostgresOptions,
    links: Links,
    seen: Seen,
    watch: watch::Sender<u64>,
    /// Whether it is closed. Appends hold it while they run.
    gate: RwLock<bool>,
}

fn head_of(row: &PgRow) -> Result<Head, Failure> {
    Ok(Head { position: position_of(row)?, hash: hash_of(row, "hash")? })
}

fn position_of(row: &PgRow) -> Result<Position, Failure> {
    let position: i64 = row.try_get("position")?;
    u64::try_from(position).map(Position).map_err(|_| Failure::Damaged(format!("position {position}")))
}

fn hash_of(row: &PgRow, column: &str) -> Result<CommitHash, Failure> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(CommitHash).map_err(|_| Failure::Damaged(format!("a {column} is not 32 bytes")))
}

impl Inner {
    /// Takes note of a head, and wakes those who watch if it is news.
    fn note(&self, shard: Shard, head: Head) {
        if self.seen.note(shard, head) {
            self.watch.send_modify(|count| *count += 1);
        }
    }

    /// Lets an append through unless the store is closed; closing waits for those that are under way.
    async fn open_gate(&self) -> Result<RwLockReadGuard<'_, bool>, StoreError> {
        let limit = self.options.append_timeout;
        let gate = tokio::time::timeout(limit, self.gate.read()).await.map_err(|_| closed())?;
        if *gate { Err(closed()) } else { Ok(gate) }
    }

    async fn close(self: Arc<Self>) -> Result<(), StoreError> {
        let limit = self.options.append_timeout + self.options.statement_timeout;
        let gate = tokio::time::timeout(limit, self.gate.write()).await;
        let mut gate = gate.map_err(|_| unavailable("an append has not ended"))?;
        *gate = true;
        drop(gate);
        self.links.close().await;
        Ok(())
    }
}

/// Looks for commits of other processes while someone watches.
async fn look(inner: std::sync::Weak<Inner>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.watch.receiver_count() > 0 {
            // A database that cannot be asked has nothing to tell; whoever waits asks it himself.
            drop(inner.heads().await);
        }
    }
}

impl PostgresStore {
    /// Opens a ledger that exists.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`] if there is none, or the options are not usable; [`StoreError::NewerFormat`];
    /// [`StoreError::HistoryLost`] if a witness is not there; [`StoreError::Unavailable`] if the database
    /// cannot be reached, is read-only, or would lose commits in a power cut.
    pub async fn open(options: PostgresOptions) -> Result<Self, StoreError> {
        Self::start(options, None).await
    }

    /// Makes a new ledger.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`] if another one is there; and as [`Self::open`].
    pub async fn create(options: PostgresOptions, identity: LedgerIdentity) -> Result<Self, StoreError> {
        let store = Self::start(options, Some(identity)).await?;
        if *store.identity() == identity {
            return Ok(store);
        }
        Err(unusable(&store.inner.options.what(), "it holds another ledger"))
    }

    /// Opens the ledger in the schema; makes one with this identity if there is none. Of several that do so at
    /// once one makes it, and all open it.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub async fn open_or_create(
        options: PostgresOptions,
        identity: LedgerIdentity,
    ) -> Result<Self, StoreError> {
        Self::start(options, Some(identity)).await
    }

    async fn start(options: PostgresOptions, create: Option<LedgerIdentity>) -> Result<Self, StoreError> {
        options.check()?;
        if let Some(identity) = create
            && identity.format != FORMAT
        {
            return Err(unusable("the identity", "its format is not the one this build writes"));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ledger-postgres")
            .enable_all()
            .build()
            .map_err(|error| StoreError::io("starting the store's thread", error))?;
        let every = options.watch_every;
        let opening = runtime.spawn(open(options, create)).await;
        let inner = match opening.unwrap_or_else(|error| Err(unavailable(error.to_string()))) {
            Ok(inner) => Arc::new(inner),
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        runtime.spawn(look(Arc::downgrade(&inner), every));
        Ok(Self { inner, runtime: Some(runtime) })
    }

    /// Takes part in sharing the shards among the processes of this ledger: from now on this one holds its part of them, and knows who
    /// holds the others. For speed only; see [`Leases`].
    ///
    /// `address` is where other processes reach this one, in whatever form the host routes by.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for options that contradict each other; [`StoreError::Unavailable`].
    pub async fn lease(&self, address: &str, options: LeaseOptions) -> Result<Leases, StoreError> {
        options.check()?;
        let address = address.to_owned();
        self.ask(|inner| Leases::start(inner, address, options)).await
    }

    /// Runs something on the store's own thread. It runs on if the caller goes; what it came to is not known if it
    /// panics.
    async fn aside<T, F>(
        &self,
        lost: fn(String) -> StoreError,
        work: impl FnOnce(Arc<Inner>) -> F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let Some(runtime) = &self.runtime else { return Err(closed()) };
        let done = runtime.spawn(work(Arc::clone(&self.inner))).await;
        done.unwrap_or_else(|error| Err(lost(error.to_string())))
    }

    /// Asks something that changes nothing, or nothing that matters.
    async fn ask<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.aside(unavailable, work).await
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The last handle may be dropped on a worker of a runtime, which must not block.
            runtime.shutdown_background();
        }
    }
}

async fn open(options: PostgresOptions, create: Option<LedgerIdentity>) -> Result<Inner, StoreError> {
    let links = Links::new(options.clone());
    check_server(&links).await?;
    let no_ledger = || unusable(&options.what(), "it holds no ledger");
    if !migrate::ensure(&links, &options, create.is_some()).await? {
        return Err(no_ledger());
    }
    if let Some(identity) = create {
        make(&links, &identity).await?;
    }
    let identity = read_identity(&links, &options).await?.ok_or_else(no_ledger)?;
    if create == Some(identity) || (create.is_some() && options.migrate) {
        // Whoever made the ledger may have died before its heads were there.
        make_heads(&links, &identity).await?;
    }
    let seen = Seen::new(identity.shards.all().map(|shard| genesis(&identity, shard)).collect());
    let inner =
        Inner { identity, options, links, seen, watch: watch::Sender::new(0), gate: RwLock::new(false) };
    let inner = Arc::new(inner);
    Arc::clone(&inner).heads().await?;
    inner.check_witnesses().await?;
    Arc::into_inner(inner).ok_or_else(closed)
}

/// A server that could lose what it acknowledged, or takes no writes, is refused.
async fn check_server(links: &Links) -> Result<(), StoreError> {
    let rows = match links.ask(|| sqlx::query(sql::SERVER_SETTINGS)).await {
        // Another database that has no such settings.
        Err(Failure::Refused { code, .. }) if code.starts_with("42") => return Ok(()),
        rows => rows.map_err(Failure::of_read)?,
    };
    let Some(row) = rows.first() else { return Ok(()) };
    let read = |name: &str| row.try_get::<Option<String>, _>(name).map_err(|e| Failure::from(e).of_read());
    if read("fsync")?.as_deref() == Some("off") {
        return Err(unavailable("the server runs with fsync = off: a power cut could lose commits"));
    }
    if read("synchronous_commit")?.as_deref() == Some("off") {
        return Err(unavailable("synchronous_commit is off: a power cut could lose commits"));
    }
    if read("read_only")?.as_deref() == Some("on") {
        return Err(unavailable("the server takes no writes: a standby, or read-only"));
    }
    if read("full_page_writes")?.as_deref() == Some("off") {
        tracing::warn!(
            "the server runs with full_page_writes = off: only a file system that never tears a page may"
        );
    }
    Ok(())
}

async fn make(links: &Links, identity: &LedgerIdentity) -> Result<(), StoreError> {
    let query = || {
        sqlx::query(sql::CREATE_IDENTITY)
            .bind(Uuid::from_bytes(identity.ledger.0))
            .bind(i32::from(identity.shards.get()))
            .bind(i32::from(identity.format))
    };
    links.ask(query).await.map(drop).map_err(Failure::of_read)
}

/// The genesis of each shard. Nothing happens to heads that are there.
async fn make_heads(links: &Links, identity: &LedgerIdentity) -> Result<(), StoreError> {
    let shards: Vec<i32> = identity.shards.all().map(|shard| i32::from(shard.0)).collect();
    let hashes: Vec<Vec<u8>> =
        identity.shards.all().map(|shard| genesis(identity, shard).hash.0.to_vec()).collect();
    let query = || sqlx::query(sql::CREATE_HEADS).bind(&shards).bind(&hashes);
    links.ask(query).await.map(drop).map_err(Failure::of_read)
}

async fn read_identity(
    links: &Links,
    options: &PostgresOptions,
) -> Result<Option<LedgerIdentity>, StoreError> {
    let rows = links.ask(|| sqlx::query(sql::IDENTITY)).await.map_err(Failure::of_read)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let read = |row: &PgRow| {
        Ok::<_, sqlx::Error>((row.try_get("ledger")?, row.try_get("shards")?, row.try_get("format")?))
    };
    let (ledger, shards, format): (Uuid, i32, i32) = read(row).map_err(|e| Failure::from(e).of_read())?;
    let damaged = |what: &str| StoreError::Corrupted(format!("the ledger's {what}"));
    let format = u16::try_from(format).map_err(|_| damaged("format"))?;
    if format > FORMAT {
        return Err(StoreError::NewerFormat { what: options.what(), found: format, supported: FORMAT });
    }
    let shards = u16::try_from(shards).ok().and_then(|count| ShardCount::new(count).ok());
    let shards = shards.ok_or_else(|| damaged("number of shards"))?;
    Ok(Some(LedgerIdentity { ledger: LedgerId(*ledger.as_bytes()), shards, format }))
}

impl Inner {
    /// Every head the caller has seen must stand in the log.
    async fn check_witnesses(self: &Arc<Self>) -> Result<(), StoreError> {
        for (shard, seen) in &self.options.witnesses {
            let (shard, seen) = (*shard, *seen);
            let lost = |actual: String| StoreError::HistoryLost { shard, seen, actual };
            if seen.position == Position::ZERO {
                if seen.hash != genesis(&self.identity, shard).hash {
                    return Err(lost("another genesis".to_owned()));
                }
                continue;
            }
            match Arc::clone(self).read(shard, seen.position, 1).await?.first() {
                Some(commit) if commit.hash == seen.hash => {}
                Some(commit) => return Err(lost(format!("hash {} there", commit.hash))),
                None => return Err(lost("nothing there".to_owned())),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl EventStore for PostgresStore {
    fn identity(&self) -> &LedgerIdentity {
        &self.inner.identity
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.ask(Inner::heads).await
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ask(Inner::newest).await
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let recompute =
            if self.inner.options.verify_appends { Recompute::HashesAndIndex } else { Recompute::Nothing };
        validate_append(&self.inner.identity, appends, recompute)?;
        let appends = appends.to_vec();
        self.aside(|reason| StoreError::Unknown { reason }, |inner| inner.append(appends)).await
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.ask(|inner| inner.read(shard, from, limit)).await
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let partition = *partition;
        self.ask(move |inner| inner.read_partition(partition, after, limit)).await
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        let lookups = lookups.to_vec();
        self.ask(|inner| inner.lookup(lookups)).await
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        validate_snapshot(&snapshot)?;
        self.ask(|inner| inner.write_snapshot(snapshot)).await
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        let partition = *partition;
        self.ask(move |inner| inner.snapshot(partition)).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.inner.watch.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.ask(Inner::close).await
    }
}
