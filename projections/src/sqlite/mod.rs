//! The home of a view in SQLite files.

mod checkpoints;
mod frame;
mod home;
mod reader;

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_store::{Head, LedgerIdentity, Shard};
pub use rusqlite;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Statement, ToSql, Transaction, TransactionBehavior};

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::skip::Skip;
use crate::sql::{Dialect, Lookup, Row, SqlModel, Step, Table, Value, Writes};
use crate::view::View;

pub use checkpoints::SqliteCheckpoints;
pub use home::SqliteHome;
pub use reader::{Reading, SqliteReader};

/// How long a statement waits for a lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 128;
/// How much of a file a writing connection keeps in memory, in KiB.
const CACHE_KIB: i64 = 64 << 10;
/// After how many pages of 4 KiB the write-ahead log is copied into the file.
const CHECKPOINT_PAGES: i64 = 8_192;

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// A view in a SQLite file of its own.
///
/// The file is in WAL mode: readers see the last committed batch and never hold up the projection.
/// `synchronous` is `NORMAL`: a power cut may take the last batches away, whole, and the view then goes on from
/// the checkpoint that is left; the ledger has everything. A batch is one transaction, with the checkpoint.
///
/// [`SqliteHome`] keeps such files in generations, so that a view can be rebuilt beside the live one.
pub struct Sqlite<M: SqlModel> {
    connection: Connection,
    path: PathBuf,
    identity: LedgerIdentity,
    /// How many batches this file has taken: the fence against a second projector of the same file.
    batches: i64,
    texts: Texts,
    /// Held for as long as the view is open, if it is that of a home.
    _guard: Option<Arc<home::Guard>>,
    model: PhantomData<M>,
}

impl<M: SqlModel> fmt::Debug for Sqlite<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("view", &M::NAME).field("path", &self.path).finish_non_exhaustive()
    }
}

/// The statements of a view's tables, by the table's name.
struct Texts(HashMap<&'static str, TableTexts>);

struct TableTexts {
    select: String,
    upsert: String,
    delete: String,
}

/// What the names of the home's own tables begin with.
const RESERVED: &str = "view_";

impl Texts {
    fn of<M: SqlModel>() -> Result<Self, ViewError> {
        let steps = M::MIGRATIONS.iter().flat_map(|migration| migration.steps);
        let tables = steps.filter_map(|step| if let Step::Table(table) = step { Some(*table) } else { None });
        let texts = |table: &'static Table| {
            let (select, upsert, delete) = (table.select(), table.upsert(), table.delete());
            (table.name, TableTexts { select, upsert, delete })
        };
        let texts: HashMap<_, _> = tables.map(texts).collect();
        match texts.keys().find(|name| name.starts_with(RESERVED)) {
            Some(name) => {
                Err(ViewError::home(format!("the table {name} of {} is named as the home's own", M::NAME)))
            }
            None => Ok(Self(texts)),
        }
    }

    fn table(&self, table: &Table) -> Result<&TableTexts, ViewError> {
        let unknown = || ViewError::home(format!("no migration makes the table {}", table.name));
        self.0.get(table.name).ok_or_else(unknown)
    }
}

fn open(path: &Path) -> Result<Connection, ViewError> {
    let connection = Connection::open(path)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), ViewError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

/// Binds values to the placeholders `$1`, `$2` ...: SQLite numbers names in the order of their first use.
fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), ViewError> {
    if statement.parameter_count() != values.len() {
        let (found, given) = (statement.parameter_count(), values.len());
        return Err(ViewError::home(format!(
            "a statement with {found} placeholders was given {given} values"
        )));
    }
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

fn read_rows(statement: &mut CachedStatement<'_>, values: &[Value]) -> Result<Vec<Row>, ViewError> {
    bind(statement, values)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Text(text) => {
                    let text = std::str::from_utf8(text);
                    Value::Text(text.map_err(|error| ViewError::Damaged(error.to_string()))?.to_owned())
                }
                other => {
                    return Err(ViewError::Damaged(format!("{} in a column", other.data_type())));
                }
            });
        }
        found.push(Row(values));
    }
    Ok(found)
}

struct Rows<'a> {
    tx: &'a Transaction<'a>,
    texts: &'a Texts,
}

impl Lookup for Rows<'_> {
    fn row(&self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, ViewError> {
        let mut statement = self.tx.prepare_cached(&self.texts.table(table)?.select)?;
        Ok(read_rows(&mut statement, key)?.pop())
    }
}

fn write(tx: &Transaction<'_>, texts: &Texts, writes: &Writes) -> Result<(), ViewError> {
    for (table, rows) in writes.tables() {
        let texts = texts.table(table)?;
        let mut upsert = tx.prepare_cached(&texts.upsert)?;
        let mut delete = tx.prepare_cached(&texts.delete)?;
        for (key, row) in rows {
            let (statement, values) = match row {
                Some(row) => (&mut upsert, row),
                None => (&mut delete, key),
            };
            bind(statement, values)?;
            statement.raw_execute()?;
        }
    }
    Ok(())
}

impl<M: SqlModel> Sqlite<M> {
    /// Opens the view's file, or makes it.
    ///
    /// # Errors
    ///
    /// [`ViewError::OtherLedger`] for the view of another ledger, [`ViewError::OtherView`] if the file holds
    /// something else, another version of the view, or tables that this build did not make;
    /// [`ViewError::Home`] if SQLite fails.
    pub fn open(path: impl AsRef<Path>, identity: &LedgerIdentity) -> Result<Self, ViewError> {
        Self::open_guarded(path.as_ref(), identity, None)
    }

    fn open_guarded(
        path: &Path,
        identity: &LedgerIdentity,
        guard: Option<Arc<home::Guard>>,
    ) -> Result<Self, ViewError> {
        let texts = Texts::of::<M>()?;
        let mut connection = open(path)?;
        frame::check_file(&connection, path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        frame::make::<M>(&tx, path, identity)?;
        let frame = frame::read(&tx, path)?;
        frame.check::<M>(path, identity, &[M::VERSION])?;
        frame::migrate(&tx, path, "frame", frame::MIGRATIONS)?;
        frame::migrate(&tx, path, "view", M::MIGRATIONS)?;
        tx.commit()?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            identity: *identity,
            batches: frame.batches,
            texts,
            _guard: guard,
            model: PhantomData,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A reader of this view's file.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn reader(&self) -> Result<SqliteReader<M>, ViewError> {
        SqliteReader::open(&self.path, &self.identity)
    }

    /// Copies the write-ahead log into the file and syncs it.
    fn settle(&mut self) -> Result<(), ViewError> {
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 { Ok(()) } else { Err(ViewError::home("a reader held the write-ahead log up")) }
    }

    /// One transaction: `change` says where the view stands after it, and what else to write.
    fn in_transaction(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &Texts, &Checkpoint) -> Result<Checkpoint, ViewError>,
    ) -> Result<Checkpoint, ViewError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = frame::read_checkpoint(&tx, &self.identity)?;
        let after = change(&tx, &self.texts, &before)?;
        if after == before {
            return Ok(before);
        }
        let counted = tx
            .prepare_cached("UPDATE view_frame SET batches = batches + 1 WHERE batches = $1")?
            .execute([self.batches])?;
        if counted != 1 {
            return Err(frame::other(M::NAME, &self.path, "another projector writes this view"));
        }
        frame::write_heads(&tx, &before, &after)?;
        tx.commit()?;
        self.batches += 1;
        Ok(after)
    }
}

#[async_trait]
impl<M: SqlModel> View for Sqlite<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        let tx = self.connection.transaction()?;
        frame::read_checkpoint(&tx, &self.identity)
    }

    async fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        self.in_transaction(|tx, texts, before| {
            let advance = before.advance(commits)?;
            if !advance.fresh.is_empty() {
                let mut writes = Writes::default();
                M::fold(&Rows { tx, texts }, &advance.fresh, &mut writes)?;
                write(tx, texts, &writes)?;
            }
            Ok(advance.after)
        })
    }

    async fn skip(&mut self, skip: &Skip) -> Result<Checkpoint, ViewError> {
        self.in_transaction(|tx, _, before| {
            let after = before.skip(skip)?;
            frame::write_skip(tx, skip)?;
            Ok(after)
        })
    }
}

/// Where the view stands in one shard.
fn read_head(connection: &Connection, identity: &LedgerIdentity, shard: Shard) -> Result<Head, ViewError> {
    let head = frame::read_head(connection, shard)?;
    Ok(head.unwrap_or_else(|| ledger_store::genesis(identity, shard)))
}

/// The checksums of a view's migrations in SQLite, as its files keep them.
pub fn checksums<M: SqlModel>() -> Vec<String> {
    M::MIGRATIONS.iter().map(|migration| migration.checksum(Dialect::Sqlite)).collect()
}

fn integer(number: u64) -> Result<i64, ViewError> {
    i64::try_from(number).map_err(|_| ViewError::home(format!("{number} is beyond SQLite's integers")))
}

fn execute(tx: &Transaction<'_>, sql: &str, values: &[&dyn ToSql]) -> Result<(), ViewError> {
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
