//! The home of views in PostgreSQL 15 and newer: in the database of the log, or in another one.
//!
//! ```no_run
//! # async fn example() -> Result<(), ledger_projections::ViewError> {
//! # use ledger_store::{FORMAT, LedgerId, LedgerIdentity, ShardCount};
//! use ledger_projections::balances::{Balances, ReadBalances};
//! use ledger_projections::postgres::{PostgresHome, PostgresViews, ViewOptions};
//!
//! let views = PostgresViews::new(ViewOptions::new("postgres://views:secret@db.example/reports")?)?;
//! # let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! let home = PostgresHome::<Balances>::new(&views, &identity)?;
//! let reader = home.reader();
//! println!("{:?}", reader.list(None, 10).await?);
//! # Ok(())
//! # }
//! ```
//!
//! - **A generation is a schema**, `SCHEMA$VIEW$NUMBER`; a row of the home's own schema says which one is live. The swap
//!   changes that row.
//! - **A batch is two to four round trips**: what the fold needs is fetched in bulk, then one statement writes all rows, the
//!   heads and the count of batches. The count is the fence: a statement that meets another count writes nothing.
//! - **A read is one statement**, so of one snapshot and one round trip, with the checkpoint it is true at.
//! - **One runner at a time**: a session holds an advisory lock for the home, and each open generation one of its own. What a
//!   dropped view still had under way is over before the next one gets that lock.
//! - **A server that is away** is waited for, for [`ViewOptions::outage_max`]; then the view stops with
//!   [`ViewError::Home`] and [`Runner::resume`](crate::Runner::resume) goes on.
//! - **Blocking**: nothing here blocks the caller's thread. Connections live on a thread of [`PostgresViews`], so its
//!   futures may be awaited on any runtime, or none.

mod answers;
mod failure;
mod frame;
mod home;
mod link;
mod options;
mod reader;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use ledger_store::LedgerIdentity;
use sqlx::postgres::PgRow;

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::skip::Skip;
use crate::sql::bulk::{self, Fetch, Wanted};
use crate::sql::{Dialect, Query, Row, SqlModel, Step, Table, Writes};
use crate::view::View;
use failure::Failure;
use home::{Place, Taken};
use link::{Database, Session, Statement};

pub use home::PostgresHome;
pub use options::ViewOptions;
pub use reader::PostgresReader;
pub use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// A database that views live in. Clones are the same one: its connections and its thread are shared by all
/// homes and readers made from it.
#[derive(Debug, Clone)]
pub struct PostgresViews {
    database: Arc<Database>,
}

impl PostgresViews {
    /// A database that views live in. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] for options that cannot work.
    pub fn new(options: ViewOptions) -> Result<Self, ViewError> {
        Ok(Self { database: Arc::new(Database::new(options)?) })
    }
}

/// What the names of the home's own tables begin with.
const RESERVED: &str = "view_";

/// Every table of a view must be one that a migration makes, and none the home's.
fn check_tables<M: SqlModel>() -> Result<(), ViewError> {
    let steps = M::MIGRATIONS.iter().flat_map(|migration| migration.steps);
    let mut tables = steps.filter_map(|step| if let Step::Table(table) = step { Some(*table) } else { None });
    match tables.find(|table| table.name.starts_with(RESERVED)) {
        Some(Table { name, .. }) => {
            Err(ViewError::home(format!("the table {name} of {} is named as the home's own", M::NAME)))
        }
        None => Ok(()),
    }
}

/// The checksums of a view's migrations in PostgreSQL, as its homes keep them.
pub fn checksums<M: SqlModel>() -> Vec<String> {
    M::MIGRATIONS.iter().map(|migration| migration.checksum(Dialect::Postgres)).collect()
}

/// A connection of a view or a home, made again when it is lost.
#[derive(Debug)]
struct Desk {
    database: Arc<Database>,
    session: Option<Session>,
}

impl Desk {
    fn new(database: &Arc<Database>) -> Self {
        Self { database: Arc::clone(database), session: None }
    }

    /// Connects, looking at a schema, and takes a lock there for as long as the connection lasts.
    async fn connect(&mut self, path: &str, lock: i64) -> Result<(), Failure> {
        let (options, path) = (self.database.options.clone(), path.to_owned());
        let connecting = async move {
            let mut session = Database::connect(&options, &path, false).await?;
            session.run(&format!("SELECT pg_advisory_lock({lock})")).await?;
            Ok::<_, Failure>(session)
        };
        self.session = Some(self.database.aside(connecting).await??);
        Ok(())
    }

    /// Does something with the connection, which is gone if that has no answer.
    async fn with<T: Send + 'static, F>(
        &mut self,
        work: impl FnOnce(Session) -> F + Send,
    ) -> Result<T, Failure>
    where
        F: Future<Output = (Session, Result<T, Failure>)> + Send + 'static,
    {
        let closed = || Failure::NotSent("there is no connection".to_owned());
        let session = self.session.take().ok_or_else(closed)?;
        let (session, answer) = self.database.aside(work(session)).await?;
        if !answer.as_ref().is_err_and(Failure::is_outage) {
            self.session = Some(session);
        }
        answer
    }

    async fn rows(&mut self, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        self.with(|mut session| async move {
            let answer = session.rows(statement).await;
            (session, answer)
        })
        .await
    }

    async fn run(&mut self, statements: String) -> Result<(), Failure> {
        self.with(|mut session| async move {
            let answer = session.run(&statements).await;
            (session, answer)
        })
        .await
    }

    async fn ask(&mut self, queries: &[Query]) -> Result<Vec<Vec<Row>>, Trouble> {
        let rows = self.rows(answers::question(queries)?).await?;
        Ok(answers::answers(&rows)?)
    }
}

/// Why something did not come about: the server, or what it holds.
#[derive(Debug)]
enum Trouble {
    Failure(Failure),
    View(ViewError),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<ViewError> for Trouble {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

impl From<Trouble> for ViewError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failure(failure) => failure.into(),
            Trouble::View(error) => error,
        }
    }
}

/// Where a view stands, as its database said last.
#[derive(Debug, Clone)]
struct Known {
    batches: i64,
    checkpoint: Checkpoint,
}

/// What a transaction is about.
#[derive(Clone, Copy)]
enum Change<'a> {
    Commits(&'a [Arc<Commit>]),
    Skip(&'a Skip),
    /// Nothing: it is only asked where the view stands.
    Nothing,
}

/// A generation of a view in PostgreSQL, as a runner follows the log with it.
///
/// A batch is one statement, with the checkpoint. [`PostgresHome`] opens it.
pub struct Postgres<M: SqlModel> {
    desk: Desk,
    place: Place,
    generation: u64,
    identity: LedgerIdentity,
    known: Option<Known>,
    /// What was answered last: the database must not be behind it.
    told: Option<Checkpoint>,
    taken: Arc<Taken>,
    model: PhantomData<fn() -> M>,
}

impl<M: SqlModel> fmt::Debug for Postgres<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.place.path(self.generation);
        f.debug_struct("Postgres").field("view", &M::NAME).field("schema", &path).finish_non_exhaustive()
    }
}

/// Fetches rows for a fold, and keeps the failure apart from what the fold says.
struct Fetching<'a> {
    desk: &'a mut Desk,
    failed: Option<Failure>,
}

#[async_trait]
impl Fetch for Fetching<'_> {
    async fn fetch(&mut self, wanted: &[Wanted]) -> Result<Vec<(&'static Table, Row)>, ViewError> {
        let found = match self.desk.rows(answers::fetch(wanted)?).await {
            Ok(rows) => answers::fetched(wanted, &rows),
            Err(failure) => Err(failure),
        };
        found.map_err(|failure| {
            self.failed = Some(failure.clone());
            failure.into()
        })
    }
}

impl<M: SqlModel> Postgres<M> {
    /// The schema of this generation.
    pub fn schema(&self) -> String {
        self.place.path(self.generation)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn views(&self) -> PostgresViews {
        PostgresViews { database: Arc::clone(&self.desk.database) }
    }

    /// A connection with the locks, opened again if it was lost.
    async fn connected(&mut self) -> Result<(), Trouble> {
        if self.desk.session.is_some() {
            return Ok(());
        }
        self.known = None;
        drop(self.taken.guard.hold().await?);
        let path = self.place.path(self.generation);
        match self.desk.connect(&path, Place::lock_of(&path)).await {
            Err(failure) if failure.is_of_a_lock() => Err(self.place.in_use(self.generation).into()),
            done => Ok(done?),
        }
    }

    /// Where the view stands: as it was read last, unless a connection was lost since.
    async fn known(&mut self) -> Result<Known, Trouble> {
        self.connected().await?;
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let [heads, skips] = frame::ask_checkpoint();
        let asked = [Query::new(frame::READ_FRAME, []), heads, skips];
        let answers = self.desk.ask(&asked).await?;
        let [own, heads, skips] = &answers[..] else {
            return Err(Failure::Damaged("an answer is missing".to_owned()).into());
        };
        let own = frame::Frame::read(own)?;
        own.check::<M>(&self.place.path(self.generation), &self.identity)?;
        let checkpoint = frame::checkpoint(&self.identity, heads, skips)?;
        if self.told.as_ref().is_some_and(|told| !checkpoint.is_at_least(told)) {
            let lost =
                "the database lost the last batches (a crash without synchronous_commit, or a failover)";
            return Err(ViewError::home(lost).into());
        }
        Ok(self.known.insert(Known { batches: own.batches, checkpoint }).clone())
    }

    /// One transaction; `None` if another one came between.
    async fn try_change(&mut self, change: Change<'_>) -> Result<Option<Checkpoint>, Trouble> {
        let Known { batches, checkpoint: before } = self.known().await?;
        let (after, mut writes) = match change {
            Change::Nothing => return Ok(Some(before)),
            Change::Commits(commits) => {
                let advance = before.advance(commits)?;
                if advance.fresh.is_empty() {
                    return Ok(Some(advance.after));
                }
                let mut fetching = Fetching { desk: &mut self.desk, failed: None };
                let folded = bulk::fold::<M>(&mut fetching, &advance.fresh).await;
                if let Some(failure) = fetching.failed {
                    return Err(failure.into());
                }
                (advance.after, folded?)
            }
            Change::Skip(skip) => {
                let mut writes = Writes::default();
                frame::write_skip(&mut writes, skip)?;
                (before.skip(skip)?, writes)
            }
        };
        frame::write_heads(&mut writes, &before, &after)?;
        if self.desk.rows(answers::write(batches, &writes)?).await?.is_empty() {
            return Ok(None);
        }
        self.known = Some(Known { batches: batches + 1, checkpoint: after.clone() });
        Ok(Some(after))
    }

    /// A change, tried again as a whole where that may help: on what the view then holds.
    async fn change(&mut self, change: Change<'_>) -> Result<Checkpoint, ViewError> {
        let start = Instant::now();
        let mut tries = 0;
        loop {
            let failure = match self.try_change(change).await {
                Ok(Some(after)) => {
                    self.told = Some(after.clone());
                    return Ok(after);
                }
                Ok(None) => Failure::Conflict("another projector writes this view".to_owned()),
                Err(Trouble::View(error)) => return Err(error),
                Err(Trouble::Failure(failure)) => failure,
            };
            // What it holds now is read again.
            self.known = None;
            let options = &self.desk.database.options;
            let again = match &failure {
                Failure::Conflict(_) => tries < options.conflict_retries_max,
                failure if failure.is_outage() => start.elapsed() < options.outage_max,
                _ => false,
            };
            if !again {
                return Err(failure.into());
            }
            tracing::warn!(view = M::NAME, reason = %failure, tries, "a batch is tried again");
            tries += 1;
            let database = Arc::clone(&self.desk.database);
            database.pause(tries).await;
        }
    }
}

#[async_trait]
impl<M: SqlModel> View for Postgres<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        (self.known, self.told) = (None, None);
        self.change(Change::Nothing).await
    }

    async fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        self.change(Change::Commits(commits)).await
    }

    async fn skip(&mut self, skip: &Skip) -> Result<Checkpoint, ViewError> {
        self.change(Change::Skip(skip)).await
    }
}
