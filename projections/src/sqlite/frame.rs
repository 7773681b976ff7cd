//! What every view's file has besides its own tables: what it is, where it stands, what was left out, and which
//! migrations made it.

use std::path::Path;

use ledger_core::{ActorId, Reason};
use ledger_store::{CommitHash, Head, LedgerId, LedgerIdentity, Position, Shard, ShardCount};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{execute, integer};
use crate::checkpoint::Checkpoint;
use crate::error::ViewError;
use crate::skip::Skip;
pub(super) use crate::sql::frame::MIGRATIONS;
use crate::sql::frame::{FRAME, SKIPS};
use crate::sql::{Dialect, Migration, SqlModel};
use crate::text::{natural, parse, parse_id};

/// The marker of our files in SQLite's header (`PRAGMA application_id`): "clvw".
const APPLICATION_ID: i64 = 0x636c_7677;

/// Which migrations were applied: those of the frame and those of the view, each numbered from 1. This table is
/// made before any migration.
const MIGRATIONS_TABLE: &str = "
CREATE TABLE view_migrations (
    part TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (part, number)
) STRICT, WITHOUT ROWID;
";

pub(super) fn other(view: &str, path: &Path, reason: impl Into<String>) -> ViewError {
    ViewError::OtherView { home: format!("{} ({view})", path.display()), reason: reason.into() }
}

fn tables(connection: &Connection) -> Result<i64, ViewError> {
    Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?)
}

/// A file is new, or one of ours.
pub(super) fn check_file(connection: &Connection, path: &Path) -> Result<(), ViewError> {
    // In this order: marker and tables come in one transaction, and it may be committed in between.
    let tables = tables(connection)?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application == APPLICATION_ID || (application == 0 && tables == 0) {
        return Ok(());
    }
    let home = path.display().to_string();
    Err(ViewError::OtherView { home, reason: "not the file of a view of casino-ledger".to_owned() })
}

/// Makes the frame of a new file.
pub(super) fn make<M: SqlModel>(
    tx: &Transaction<'_>,
    path: &Path,
    identity: &LedgerIdentity,
) -> Result<(), ViewError> {
    if tables(tx)? > 0 {
        return Ok(());
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.execute_batch(MIGRATIONS_TABLE)?;
    migrate(tx, path, "frame", MIGRATIONS)?;
    let (ledger, shards) = (identity.ledger.to_string(), identity.shards.get());
    tx.execute(&FRAME.upsert(), params![M::NAME, M::VERSION, ledger, shards, identity.format, 0])?;
    Ok(())
}

/// What a file says it is.
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) version: i64,
    pub(super) identity: LedgerIdentity,
    pub(super) batches: i64,
}

pub(super) fn read(connection: &Connection, path: &Path) -> Result<Frame, ViewError> {
    type Columns = (String, i64, String, u16, u16, i64);
    if tables(connection)? == 0 {
        let (home, reason) = (path.display().to_string(), "the file is empty".to_owned());
        return Err(ViewError::NotReady { home, reason });
    }
    let sql = "SELECT name, version, ledger, shards, format, batches FROM view_frame";
    let (name, version, ledger, shards, format, batches): Columns = connection.query_row(sql, [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    })?;
    let shards = ShardCount::new(shards).map_err(|error| ViewError::Damaged(error.to_string()))?;
    let identity = LedgerIdentity { ledger: parse::<LedgerId>(&ledger)?, shards, format };
    Ok(Frame { name, version, identity, batches })
}

impl Frame {
    /// Whether it is this view of this ledger, in one of these versions.
    pub(super) fn check<M: SqlModel>(
        &self,
        path: &Path,
        identity: &LedgerIdentity,
        versions: &[u32],
    ) -> Result<(), ViewError> {
        if self.name != M::NAME {
            return Err(other(M::NAME, path, format!("it holds the view {}", self.name)));
        }
        if self.identity != *identity {
            return Err(ViewError::other_ledger(&self.identity, identity));
        }
        if !versions.iter().any(|version| i64::from(*version) == self.version) {
            let (folded, own) = (self.version, M::VERSION);
            let reason = format!("it was folded by version {folded}, this build has {own}: rebuild it");
            return Err(other(M::NAME, path, reason));
        }
        Ok(())
    }
}

/// Applies what is missing of a numbered list, after comparing what is there.
pub(super) fn migrate(
    tx: &Transaction<'_>,
    path: &Path,
    part: &str,
    migrations: &[Migration],
) -> Result<(), ViewError> {
    let sql = "SELECT number, checksum FROM view_migrations WHERE part = $1 ORDER BY number";
    let mut statement = tx.prepare(sql)?;
    let applied: Result<Vec<(usize, String)>, _> =
        statement.query_map([part], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
    let applied = applied?;
    for (expected, (number, checksum)) in (1..).zip(&applied) {
        let known = migrations.get(expected - 1).filter(|_| *number == expected);
        match known {
            Some(migration) if migration.checksum(Dialect::Sqlite) == *checksum => {}
            Some(migration) => {
                let reason =
                    format!("migration {number} ({}) is not the one that was applied", migration.name);
                return Err(other(part, path, reason));
            }
            None => return Err(other(part, path, format!("migration {number} is unknown to this build"))),
        }
    }
    for (number, migration) in (1..).zip(migrations).skip(applied.len()) {
        tx.execute_batch(&migration.sql(Dialect::Sqlite))?;
        tx.execute(
            "INSERT INTO view_migrations (part, number, name, checksum) VALUES ($1, $2, $3, $4)",
            params![part, number, migration.name, migration.checksum(Dialect::Sqlite)],
        )?;
    }
    Ok(())
}

fn head(position: i64, hash: &str) -> Result<Head, ViewError> {
    Ok(Head { position: Position(natural(position)?), hash: parse::<CommitHash>(hash)? })
}

pub(super) fn read_head(connection: &Connection, shard: Shard) -> Result<Option<Head>, ViewError> {
    let mut statement =
        connection.prepare_cached("SELECT position, hash FROM view_heads WHERE shard = $1")?;
    let row: Option<(i64, String)> =
        statement.query_row([shard.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    row.map(|(position, hash)| head(position, &hash)).transpose()
}

pub(super) fn read_skips(connection: &Connection, only: Option<Shard>) -> Result<Vec<Skip>, ViewError> {
    let mut statement = connection.prepare_cached(
        "SELECT shard, position, previous, hash, what, decided_by, why, decided_at FROM view_skips
         WHERE $1 IS NULL OR shard = $1",
    )?;
    let mut rows = statement.query([only.map(|shard| shard.0)])?;
    let mut skips = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        skips.push(Skip {
            shard: Shard(row.get(0)?),
            position: Position(natural(row.get(1)?)?),
            previous: parse(text(2)?)?,
            hash: parse(text(3)?)?,
            what: text(4)?.to_owned(),
            by: parse_id(ActorId::new(text(5)?))?,
            why: parse_id(Reason::new(text(6)?))?,
            at: parse(text(7)?)?,
        });
    }
    Ok(skips)
}

pub(super) fn read_checkpoint(
    connection: &Connection,
    identity: &LedgerIdentity,
) -> Result<Checkpoint, ViewError> {
    let mut heads = Checkpoint::start(identity).heads().to_vec();
    let mut statement = connection.prepare_cached("SELECT shard, position, hash FROM view_heads")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let shard = Shard(row.get(0)?);
        let hash = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let place = heads.get_mut(shard.index());
        *place.ok_or_else(|| ViewError::Damaged(format!("it has a shard {shard}")))? =
            head(row.get(1)?, hash)?;
    }
    Checkpoint::from_heads(identity, heads)?.with_skips(read_skips(connection, None)?)
}

pub(super) fn write_heads(
    tx: &Transaction<'_>,
    before: &Checkpoint,
    after: &Checkpoint,
) -> Result<(), ViewError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO view_heads (shard, position, hash) VALUES ($1, $2, $3)
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

pub(super) fn write_skip(tx: &Transaction<'_>, skip: &Skip) -> Result<(), ViewError> {
    let (position, previous, hash) =
        (integer(skip.position.0)?, skip.previous.to_string(), skip.hash.to_string());
    let (by, why, at) = (skip.by.as_str(), skip.why.as_str(), skip.at.to_string());
    execute(tx, &SKIPS.upsert(), params![skip.shard.0, position, previous, hash, skip.what, by, why, at])
}
