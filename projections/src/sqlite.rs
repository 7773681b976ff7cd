//! The home of a view in a SQLite file.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use ledger_store::{CommitHash, Head, LedgerId, LedgerIdentity, Position, Shard, ShardCount};
pub use rusqlite;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::view::View;

/// The marker of our files in SQLite's header (`PRAGMA application_id`): "clvw".
const APPLICATION_ID: i64 = 0x636c_7677;
/// How long a statement waits for a lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 64;

/// A step of a view's tables. Once released it is never edited: its checksum stands in every file.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// What it is for.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.sql);
        hash.finalize().iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// A view that is kept in a SQLite file by [`Sqlite`].
pub trait SqliteModel: Send + Sync + 'static {
    /// The view's name.
    const NAME: &'static str;
    /// The version of the fold.
    const VERSION: u32;
    /// The view's tables, step by step; their numbers are 1, 2, 3 ...
    const MIGRATIONS: &'static [Migration];

    /// Writes what the commits change. The transaction is committed together with the checkpoint, or dropped
    /// if this fails.
    ///
    /// # Errors
    ///
    /// [`ViewError::Poison`] for a commit that the view cannot take, [`ViewError::Home`] if SQLite fails.
    fn apply(tx: &Transaction<'_>, commits: &[&Commit]) -> Result<(), ViewError>;
}

/// The tables every view's file has besides its own.
const FRAME: &str = "
CREATE TABLE view (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    ledger TEXT NOT NULL,
    shards INTEGER NOT NULL,
    format INTEGER NOT NULL,
    batches INTEGER NOT NULL
) STRICT;
CREATE TABLE checkpoint (
    shard INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT;
";

/// A view in a SQLite file of its own.
///
/// The file is in WAL mode: readers see the last committed batch and never hold up the projection.
/// `synchronous` is `NORMAL`: a power cut may take the last batches away, whole, and the view then goes on from
/// the checkpoint that is left; the ledger has everything. All sums are made in Rust on integers; the columns
/// hold them as exact decimal text, and SQL must not add them up (SQLite would do it in floating point).
pub struct Sqlite<M: SqliteModel> {
    connection: Connection,
    path: PathBuf,
    identity: LedgerIdentity,
    /// How many batches this file has taken: the fence against a second projector of the same file.
    batches: i64,
    model: PhantomData<M>,
}

impl<M: SqliteModel> fmt::Debug for Sqlite<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("view", &M::NAME).field("path", &self.path).finish_non_exhaustive()
    }
}

fn integer(number: u64) -> Result<i64, ViewError> {
    i64::try_from(number).map_err(|_| ViewError::home(format!("{number} is beyond SQLite's integers")))
}

/// A number that SQLite holds, as one that is never below zero.
pub(crate) fn natural(number: i64) -> Result<u64, ViewError> {
    u64::try_from(number).map_err(|_| ViewError::Damaged(format!("{number} is below zero")))
}

/// A text that SQLite holds, as what it was written from.
pub(crate) fn parse<T: std::str::FromStr<Err: fmt::Display>>(text: &str) -> Result<T, ViewError> {
    text.parse().map_err(|error: T::Err| ViewError::Damaged(format!("{error}")))
}

fn prepare(connection: &Connection) -> Result<(), ViewError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

fn read_head(connection: &Connection, shard: Shard) -> Result<Option<Head>, ViewError> {
    let mut statement =
        connection.prepare_cached("SELECT position, hash FROM checkpoint WHERE shard = ?1")?;
    let row = statement.query_row([shard.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    row.map(|(position, hash): (i64, String)| {
        Ok(Head { position: Position(natural(position)?), hash: parse::<CommitHash>(&hash)? })
    })
    .transpose()
}

fn read_checkpoint(connection: &Connection, identity: &LedgerIdentity) -> Result<Checkpoint, ViewError> {
    let start = Checkpoint::start(identity);
    let heads = identity.shards.all().zip(start.heads());
    let heads: Result<Vec<Head>, ViewError> =
        heads.map(|(shard, genesis)| Ok(read_head(connection, shard)?.unwrap_or(*genesis))).collect();
    Checkpoint::from_heads(identity, heads?)
}

impl<M: SqliteModel> Sqlite<M> {
    /// Opens the view's file, or makes it.
    ///
    /// # Errors
    ///
    /// [`ViewError::OtherLedger`] for the view of another ledger, [`ViewError::OtherView`] if the file holds
    /// something else, another version of the view, or tables that this build did not make;
    /// [`ViewError::Home`] if SQLite fails.
    pub fn open(path: impl AsRef<Path>, identity: &LedgerIdentity) -> Result<Self, ViewError> {
        let path = path.as_ref().to_owned();
        let mut connection = Connection::open(&path)?;
        prepare(&connection)?;
        check_file(&connection, &path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let batches = open_frame::<M>(&tx, &path, identity)?;
        migrate::<M>(&tx, &path)?;
        tx.commit()?;
        Ok(Self { connection, path, identity: *identity, batches, model: PhantomData })
    }

    /// A reader of this view, on a connection of its own.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn reader(&self) -> Result<SqliteReader<M>, ViewError> {
        SqliteReader::open(&self.path, &self.identity)
    }

    fn apply_batch(&mut self, commits: &[Commit]) -> Result<Checkpoint, ViewError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = read_checkpoint(&tx, &self.identity)?;
        let advance = before.advance(commits)?;
        if advance.fresh.is_empty() {
            return Ok(before);
        }
        let counted = tx
            .prepare_cached("UPDATE view SET batches = batches + 1 WHERE batches = ?1")?
            .execute([self.batches])?;
        if counted != 1 {
            return Err(other::<M>(&self.path, "another projector writes this view"));
        }
        M::apply(&tx, &advance.fresh)?;
        write_checkpoint(&tx, &before, &advance.after)?;
        tx.commit()?;
        self.batches += 1;
        Ok(advance.after)
    }
}

fn write_checkpoint(tx: &Transaction<'_>, before: &Checkpoint, after: &Checkpoint) -> Result<(), ViewError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO checkpoint (shard, position, hash) VALUES (?1, ?2, ?3)
         ON CONFLICT (shard) DO UPDATE SET position = excluded.position, hash = excluded.hash",
    )?;
    let shards = after.identity().shards.all();
    for (shard, (old, new)) in shards.zip(before.heads().iter().zip(after.heads())) {
        if old != new {
            statement.execute(params![shard.0, integer(new.position.0)?, new.hash.to_string()])?;
        }
    }
    Ok(())
}

fn other<M: SqliteModel>(path: &Path, reason: impl Into<String>) -> ViewError {
    ViewError::OtherView { home: format!("{} ({})", path.display(), M::NAME), reason: reason.into() }
}

/// A file is new, or one of ours.
fn check_file(connection: &Connection, path: &Path) -> Result<(), ViewError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == APPLICATION_ID || (application == 0 && tables == 0) {
        return Ok(());
    }
    let home = path.display().to_string();
    Err(ViewError::OtherView { home, reason: "not the file of a view of casino-ledger".to_owned() })
}

fn open_frame<M: SqliteModel>(
    tx: &Transaction<'_>,
    path: &Path,
    identity: &LedgerIdentity,
) -> Result<i64, ViewError> {
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.execute_batch(FRAME)?;
        tx.execute(
            "INSERT INTO view (one, name, version, ledger, shards, format, batches) VALUES (1, ?1, ?2, ?3, ?4, ?5, 0)",
            params![M::NAME, M::VERSION, identity.ledger.to_string(), identity.shards.get(), identity.format],
        )?;
        return Ok(0);
    }
    let (name, version, batches): (String, i64, i64) =
        tx.query_row("SELECT name, version, batches FROM view", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })?;
    if name != M::NAME {
        return Err(other::<M>(path, format!("it holds the view {name}")));
    }
    if version != i64::from(M::VERSION) {
        let reason = format!("it was folded by version {version}, this build has {}: rebuild it", M::VERSION);
        return Err(other::<M>(path, reason));
    }
    let found = read_identity(tx)?;
    if found == *identity { Ok(batches) } else { Err(ViewError::other_ledger(&found, identity)) }
}

fn read_identity(connection: &Connection) -> Result<LedgerIdentity, ViewError> {
    let (ledger, shards, format): (String, u16, u16) =
        connection.query_row("SELECT ledger, shards, format FROM view", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })?;
    let shards = ShardCount::new(shards).map_err(|error| ViewError::Damaged(error.to_string()))?;
    Ok(LedgerIdentity { ledger: parse::<LedgerId>(&ledger)?, shards, format })
}

fn migrate<M: SqliteModel>(tx: &Transaction<'_>, path: &Path) -> Result<(), ViewError> {
    let mut statement = tx.prepare("SELECT number, checksum FROM migrations ORDER BY number")?;
    let applied: Result<Vec<(usize, String)>, _> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
    let applied = applied?;
    for (expected, (number, checksum)) in (1..).zip(&applied) {
        let known = M::MIGRATIONS.get(expected - 1).filter(|_| *number == expected);
        match known {
            Some(migration) if migration.checksum() == *checksum => {}
            Some(migration) => {
                let reason =
                    format!("migration {number} ({}) is not the one that was applied", migration.name);
                return Err(other::<M>(path, reason));
            }
            None => return Err(other::<M>(path, format!("migration {number} is unknown to this build"))),
        }
    }
    for (number, migration) in (1..).zip(M::MIGRATIONS).skip(applied.len()) {
        tx.execute_batch(migration.sql)?;
        tx.execute(
            "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)",
            params![number, migration.name, migration.checksum()],
        )?;
    }
    Ok(())
}

#[async_trait]
impl<M: SqliteModel> View for Sqlite<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        let tx = self.connection.transaction()?;
        read_checkpoint(&tx, &self.identity)
    }

    async fn apply(&mut self, commits: &[Commit]) -> Result<Checkpoint, ViewError> {
        self.apply_batch(commits)
    }
}

/// Reads a [`Sqlite`] view, from any thread, while it is being projected, also from another process.
///
/// Every read is one transaction: rows and checkpoint belong together. Reads of one reader wait for each other;
/// open as many readers as there are threads that read.
pub struct SqliteReader<M: SqliteModel> {
    connection: Mutex<Connection>,
    identity: LedgerIdentity,
    model: PhantomData<M>,
}

impl<M: SqliteModel> fmt::Debug for SqliteReader<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReader").field("view", &M::NAME).finish_non_exhaustive()
    }
}

/// One consistent reading of a view's file.
#[derive(Debug)]
pub struct Reading<'a> {
    tx: Transaction<'a>,
    identity: LedgerIdentity,
}

impl Reading<'_> {
    /// The transaction to read in.
    pub fn tx(&self) -> &Transaction<'_> {
        &self.tx
    }

    /// What the ledger is.
    pub fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    /// Where the view stands.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        read_checkpoint(&self.tx, &self.identity)
    }

    /// Where the view stands in one shard.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn head(&self, shard: Shard) -> Result<Head, ViewError> {
        let head = read_head(&self.tx, shard)?;
        Ok(head.unwrap_or_else(|| ledger_store::genesis(&self.identity, shard)))
    }
}

impl<M: SqliteModel> SqliteReader<M> {
    /// Opens the file of a view that exists, for reading.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub fn open(path: impl AsRef<Path>, identity: &LedgerIdentity) -> Result<Self, ViewError> {
        let path = path.as_ref();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        check_file(&connection, path)?;
        let tx = connection.transaction()?;
        open_frame::<M>(&tx, path, identity)?;
        drop(tx);
        Ok(Self { connection: Mutex::new(connection), identity: *identity, model: PhantomData })
    }

    /// Reads in one transaction.
    ///
    /// # Errors
    ///
    /// What `read` answers, or [`ViewError::Home`] if SQLite fails.
    pub fn read<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let mut connection = self.connection.lock().map_err(|_| ViewError::home("a reader panicked"))?;
        let reading = Reading { tx: connection.transaction()?, identity: self.identity };
        read(&reading)
    }
}
