//! The tables, and how a connection is made ready.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::files::not_a_ledger;
use super::{SqliteOptions, of_sqlite, unavailable};
use crate::chain::{FORMAT, genesis};
use crate::error::StoreError;
use crate::types::{LedgerId, LedgerIdentity, ShardCount};

/// The marker of our files in SQLite's header (`PRAGMA application_id`): "clst".
const APPLICATION_ID: i64 = 0x636c_7374;
/// How many prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 32;
/// A row's place is its shard and its position in one number, so that a shard's rows lie side by side.
pub(super) const POSITION_BITS: u32 = 48;

/// A step. Once released it is never edited: its checksum stands in every file.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration { name: "log", sql: include_str!("01_log.sql") }];

impl Migration {
    fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql);
        digest.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
    }
}

fn prepare(connection: &Connection, options: &SqliteOptions) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A body is read as it was written, whatever a trigger of someone else's says.
    connection.pragma_update(None, "trusted_schema", false)
}

/// A connection that reads.
pub(super) fn connect_read_only(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection, options)?;
        Ok(connection)
    };
    let connection = open().map_err(|error| of_sqlite(&error))?;
    check_file(&connection, path)?;
    Ok(connection)
}

/// The connection that writes, with every table in place.
pub(super) fn connect(
    path: &Path,
    create: Option<LedgerIdentity>,
    options: &SqliteOptions,
) -> Result<(Connection, LedgerIdentity), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| of_sqlite(&error))?;
    prepare(&connection, options).map_err(|error| of_sqlite(&error))?;
    check_file(&connection, path)?;
    durable(&connection, path)?;
    let empty = tables(&connection).map_err(|error| of_sqlite(&error))? == 0;
    let Some(identity) = create.filter(|_| empty) else {
        if empty {
            return Err(not_a_ledger(path, "it holds no ledger"));
        }
        migrate(&mut connection, path)?;
        let identity = identity(&connection, path)?;
        return Ok((connection, identity));
    };
    if identity.format != FORMAT {
        return Err(not_a_ledger(path, "the identity's format is not the one this build writes"));
    }
    make(&mut connection, &identity).map_err(|error| of_sqlite(&error))?;
    Ok((connection, identity))
}

/// WAL, and a sync for every commit: the file would lose acknowledged commits otherwise.
fn durable(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let set = || {
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Where the system has it (macOS), a sync that reaches the disk and not only its cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        Ok((mode, synchronous))
    };
    let (mode, synchronous) = set().map_err(|error| of_sqlite(&error))?;
    if mode.eq_ignore_ascii_case("wal") && synchronous == 2 {
        return Ok(());
    }
    Err(unavailable(format!("{} does not take WAL mode with full syncs", path.display())))
}

fn tables(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// A file is new, or one of ours.
fn check_file(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let look = || -> Result<(i64, i64), rusqlite::Error> {
        let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        Ok((application, tables(connection)?))
    };
    match look() {
        Ok((APPLICATION_ID, _) | (0, 0)) => Ok(()),
        Ok(_) => Err(not_a_ledger(path, "it is the file of something else")),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(not_a_ledger(path, "it is no SQLite file"))
        }
        Err(error) => Err(of_sqlite(&error)),
    }
}

/// Everything a new ledger has, in one transaction: a file is a ledger or is empty.
fn make(connection: &mut Connection, identity: &LedgerIdentity) -> Result<(), rusqlite::Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.execute_batch(
        "CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT",
    )?;
    for (number, migration) in (1..).zip(MIGRATIONS) {
        apply(&tx, number, migration)?;
    }
    tx.execute(
        "INSERT INTO ledger (one, ledger, shards, format) VALUES (1, ?1, ?2, ?3)",
        params![identity.ledger.to_string(), identity.shards.get(), identity.format],
    )?;
    for shard in identity.shards.all() {
        let head = genesis(identity, shard);
        tx.execute(
            "INSERT INTO head (shard, position, hash) VALUES (?1, 0, ?2)",
            params![shard.0, head.hash.0],
        )?;
    }
    tx.commit()
}

fn apply(tx: &rusqlite::Transaction<'_>, number: i64, migration: &Migration) -> Result<(), rusqlite::Error> {
    tx.execute_batch(migration.sql)?;
    let note = "INSERT INTO migration (number, name, checksum) VALUES (?1, ?2, ?3)";
    tx.execute(note, params![number, migration.name, migration.checksum()]).map(drop)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let applied = || {
        let mut statement = connection.prepare("SELECT number, checksum FROM migration ORDER BY number")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        rows.collect::<Result<Vec<_>, rusqlite::Error>>()
    };
    let applied = applied().map_err(|error| of_sqlite(&error))?;
    if applied.len() > MIGRATIONS.len() {
        let bounded = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let (found, supported) = (bounded(applied.len()), bounded(MIGRATIONS.len()));
        return Err(StoreError::NewerFormat { what: path.display().to_string(), found, supported });
    }
    for (due, ((number, checksum), migration)) in (1_i64..).zip(applied.iter().zip(MIGRATIONS)) {
        if *number != due || *checksum != migration.checksum() {
            return Err(not_a_ledger(path, format!("migration {} is not the one that ran", migration.name)));
        }
    }
    let mut run = || {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, migration) in (1..).zip(MIGRATIONS).skip(applied.len()) {
            apply(&tx, number, migration)?;
        }
        tx.commit()
    };
    if applied.len() == MIGRATIONS.len() { Ok(()) } else { run().map_err(|error| of_sqlite(&error)) }
}

/// What ledger the file holds.
pub(super) fn identity(connection: &Connection, path: &Path) -> Result<LedgerIdentity, StoreError> {
    let read = || {
        let select = "SELECT ledger, shards, format FROM ledger WHERE one = 1";
        connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
    };
    let none = || not_a_ledger(path, "it holds no ledger");
    if tables(connection).map_err(|error| of_sqlite(&error))? == 0 {
        return Err(none());
    }
    let (ledger, shards, format): (String, u16, u16) =
        read().map_err(|error| of_sqlite(&error))?.ok_or_else(none)?;
    if format > FORMAT {
        let what = path.display().to_string();
        return Err(StoreError::NewerFormat { what, found: format, supported: FORMAT });
    }
    let ledger: LedgerId = ledger.parse().map_err(|error| StoreError::Corrupted(format!("{error}")))?;
    let shards = ShardCount::new(shards).map_err(|error| StoreError::Corrupted(error.to_string()))?;
    Ok(LedgerIdentity { ledger, shards, format })
}
