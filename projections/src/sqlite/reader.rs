//! Reads a view's files, while it is being projected or rebuilt, also from another process.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ledger_store::{Head, LedgerIdentity, Shard};
use rusqlite::{Connection, OpenFlags, Transaction};

use super::home::{LOOKS_MAX, Place};
use super::{frame, prepare, read_head, read_rows};
use crate::checkpoint::{AtCheckpoint, AtHead, Checkpoint};
use crate::error::ViewError;
use crate::skip::Incomplete;
use crate::sql::{Query, Row, SqlModel, SqlReader};
use crate::standing::Standing;

/// The most connections a reader keeps while nobody reads.
const IDLE_MAX: usize = 8;

/// Where a reader reads.
enum Source {
    File(PathBuf),
    /// Whatever file is the live one of a home.
    Home(Place),
}

/// Connections to one file.
#[derive(Default)]
struct Idle {
    path: PathBuf,
    connections: Vec<Connection>,
}

/// Reads a SQLite view, from any thread, while it is being projected, also from another process.
///
/// Every read is one transaction: rows and checkpoint belong together. A read opens a connection if none is idle, so
/// reads do not wait for each other. It blocks the calling thread for as long as the query takes.
///
/// A reader of a [`SqliteHome`](super::SqliteHome) looks for the live generation before each read: once a rebuilt
/// view was swapped in, the next read is of that one.
pub struct SqliteReader<M: SqlModel> {
    source: Source,
    idle: Mutex<Idle>,
    identity: LedgerIdentity,
    model: PhantomData<fn() -> M>,
}

impl<M: SqlModel> fmt::Debug for SqliteReader<M> {
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

    /// Where the view stands, and what was left out.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        frame::read_checkpoint(&self.tx, &self.identity)
    }

    /// Where the view stands in one shard.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn head(&self, shard: Shard) -> Result<Head, ViewError> {
        read_head(&self.tx, &self.identity, shard)
    }

    /// What of a shard was left out.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn incomplete_in(&self, shard: Shard) -> Result<Option<Incomplete>, ViewError> {
        Ok(Incomplete::of(frame::read_skips(&self.tx, Some(shard))?.iter()))
    }

    /// The rows that answer a question.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails, [`ViewError::Damaged`] for a value no view writes.
    pub fn rows(&self, query: &Query) -> Result<Vec<Row>, ViewError> {
        read_rows(&mut self.tx.prepare_cached(query.sql)?, &query.values)
    }

    fn answer<const N: usize>(&self, queries: &[Query; N]) -> Result<[Vec<Row>; N], ViewError> {
        let mut answers = [const { Vec::new() }; N];
        for (answer, query) in answers.iter_mut().zip(queries) {
            *answer = self.rows(query)?;
        }
        Ok(answers)
    }
}

impl<M: SqlModel> SqliteReader<M> {
    fn new(source: Source, identity: &LedgerIdentity) -> Self {
        let idle = Mutex::new(Idle::default());
        Self { source, idle, identity: *identity, model: PhantomData }
    }

    pub(super) fn of_home(place: Place, identity: &LedgerIdentity) -> Self {
        Self::new(Source::Home(place), identity)
    }

    /// Opens the file of a view that exists, for reading.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`](super::Sqlite::open).
    pub fn open(path: impl AsRef<Path>, identity: &LedgerIdentity) -> Result<Self, ViewError> {
        let reader = Self::new(Source::File(path.as_ref().to_owned()), identity);
        let connection = reader.connect(path.as_ref())?;
        reader.put_back(path.as_ref(), connection);
        Ok(reader)
    }

    fn connect(&self, path: &Path) -> Result<Connection, ViewError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        frame::check_file(&connection, path)?;
        let tx = connection.transaction()?;
        let frame = frame::read(&tx, path)?;
        match &self.source {
            Source::Home(_) if !readable::<M>().any(|version| i64::from(version) == frame.version) => {
                let (folded, own) = (frame.version, M::VERSION);
                let reason = format!("version {own} is being built, version {folded} is there");
                return Err(ViewError::NotReady { home: path.display().to_string(), reason });
            }
            _ => frame.check::<M>(path, &self.identity, &readable::<M>().collect::<Vec<_>>())?,
        }
        drop(tx);
        Ok(connection)
    }

    fn take(&self, path: &Path) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.path == path { idle.connections.pop() } else { None }
    }

    fn put_back(&self, path: &Path, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.path != path {
            // Those of an older generation are closed.
            *idle = Idle { path: path.to_owned(), connections: Vec::new() };
        }
        if idle.connections.len() < IDLE_MAX {
            idle.connections.push(connection);
        }
    }

    fn live(&self) -> Result<PathBuf, ViewError> {
        match &self.source {
            Source::File(path) => Ok(path.clone()),
            Source::Home(place) => place.live_file(),
        }
    }

    /// A connection to the live file. The one that was seen may have been dropped in between; then there is another.
    fn connection(&self) -> Result<(PathBuf, Connection), ViewError> {
        let mut looks = 1;
        loop {
            let path = self.live()?;
            if let Some(connection) = self.take(&path) {
                return Ok((path, connection));
            }
            match self.connect(&path) {
                Ok(connection) => return Ok((path, connection)),
                Err(_) if looks < LOOKS_MAX && self.live()? != path => looks += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads in one transaction.
    ///
    /// # Errors
    ///
    /// What `read` answers; [`ViewError::NotReady`] if no view that this build reads is there yet;
    /// [`ViewError::Home`] if SQLite fails.
    pub fn read<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let (path, mut connection) = self.connection()?;
        let reading = Reading { tx: connection.transaction()?, identity: self.identity };
        let answer = read(&reading);
        drop(reading);
        self.put_back(&path, connection);
        answer
    }
}

/// The versions this build can read.
fn readable<M: SqlModel>() -> impl Iterator<Item = u32> {
    [M::VERSION].into_iter().chain(M::READABLE.iter().copied())
}

#[async_trait]
impl<M: SqlModel> Standing for SqliteReader<M> {
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method alone is not general enough")]
    async fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        self.read(|reading| reading.checkpoint())
    }
}

#[async_trait]
impl<M: SqlModel> SqlReader<M> for SqliteReader<M> {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    async fn ask_shard<const N: usize>(
        &self,
        shard: Shard,
        queries: [Query; N],
    ) -> Result<AtHead<[Vec<Row>; N]>, ViewError> {
        self.read(|reading| {
            let (head, incomplete) = (reading.head(shard)?, reading.incomplete_in(shard)?);
            Ok(AtHead { shard, head, incomplete, value: reading.answer(&queries)? })
        })
    }

    async fn ask<const N: usize>(
        &self,
        queries: [Query; N],
    ) -> Result<AtCheckpoint<[Vec<Row>; N]>, ViewError> {
        self.read(|reading| {
            Ok(AtCheckpoint { checkpoint: reading.checkpoint()?, value: reading.answer(&queries)? })
        })
    }
}
