//! Reads a view's generations, while it is being projected or rebuilt, from any process.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use ledger_store::{LedgerIdentity, Shard};

use super::answers;
use super::failure::Failure;
use super::home::{Place, READ_LIVE, live_of};
use super::link::Database;
use super::{PostgresViews, Trouble, check_tables, frame};
use crate::checkpoint::{AtCheckpoint, AtHead, Checkpoint};
use crate::error::ViewError;
use crate::sql::{Query, Row, SqlModel, SqlReader, Value};
use crate::standing::Standing;

/// How often a reader looks again for the live generation when it was swapped while it read.
const LOOKS_MAX: usize = 100;
/// How often a read is sent again whose connection was lost: those that lie idle may all be dead.
const LOST_MAX: u32 = 2;

/// Reads a view in PostgreSQL, from any thread, while it is being projected, also from another process.
///
/// A read is one statement: rows, checkpoint and which generation is live are of one snapshot, in one round trip. Once a
/// rebuilt view was swapped in, the next read is of that one.
pub struct PostgresReader<M: SqlModel> {
    inner: Arc<Inner>,
    identity: LedgerIdentity,
    model: PhantomData<fn() -> M>,
}

/// A question whose text may be made at run time.
pub(super) struct Asked {
    sql: Cow<'static, str>,
    values: Vec<Value>,
}

impl From<Query> for Asked {
    fn from(Query { sql, values }: Query) -> Self {
        Self { sql: Cow::Borrowed(sql), values }
    }
}

struct Inner {
    database: Arc<Database>,
    place: Place,
    /// The generation that was live when it was last looked; 0 before that.
    seen: AtomicU64,
}

impl<M: SqlModel> fmt::Debug for PostgresReader<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresReader").field("view", &M::NAME).finish_non_exhaustive()
    }
}

impl<M: SqlModel> PostgresReader<M> {
    /// A reader for whoever runs no projection.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the view's name cannot stand in that of a schema.
    pub fn new(views: &PostgresViews, identity: &LedgerIdentity) -> Result<Self, ViewError> {
        check_tables::<M>()?;
        let place = Place::new(&views.database.options.schema, M::NAME)?;
        Ok(Self::of(Arc::clone(&views.database), place, identity))
    }

    pub(super) fn of(database: Arc<Database>, place: Place, identity: &LedgerIdentity) -> Self {
        let inner = Arc::new(Inner { database, place, seen: AtomicU64::new(0) });
        Self { inner, identity: *identity, model: PhantomData }
    }

    /// The live generation's answers: those to the first two questions say what it is and which one is live.
    async fn read(&self, queries: Vec<Asked>) -> Result<Vec<Vec<Row>>, ViewError> {
        let inner = Arc::clone(&self.inner);
        let reading = async move { inner.read(queries).await };
        let (frame, answers) = match self.inner.database.aside(reading).await {
            Ok(read) => read?,
            Err(failure) => return Err(failure.into()),
        };
        frame.check::<M>(&self.inner.place.path(self.inner.seen.load(Ordering::Relaxed)), &self.identity)?;
        if frame.version != M::VERSION && !M::READABLE.contains(&frame.version) {
            let home = format!("schema {}, view {}", self.inner.place.schema, self.inner.place.name);
            let reason = format!("version {} is being built, version {} is there", M::VERSION, frame.version);
            return Err(ViewError::NotReady { home, reason });
        }
        Ok(answers)
    }

    /// Every row of every table of the view, in order of tables and keys.
    #[cfg(feature = "testing")]
    pub(crate) async fn dump_tables(&self) -> Result<String, ViewError> {
        use crate::sql::Step;
        let steps = M::MIGRATIONS.iter().flat_map(|migration| migration.steps);
        let mut tables: Vec<_> = steps
            .filter_map(|step| if let Step::Table(table) = step { Some(*table) } else { None })
            .collect();
        tables.sort_by_key(|table| table.name);
        let asked = tables.iter().map(|table| {
            let keys: Vec<_> = table.columns.iter().take(table.key).map(|column| column.name).collect();
            let sql = Cow::Owned(format!("SELECT * FROM {} ORDER BY {}", table.name, keys.join(", ")));
            Asked { sql, values: Vec::new() }
        });
        let answers = self.read(asked.collect()).await?;
        let line = |name: &str, row: &Row| format!("{name} {:?}\n", row.0);
        let of = |(table, rows): (&&crate::sql::Table, &Vec<Row>)| -> String {
            rows.iter().map(|row| line(table.name, row)).collect()
        };
        Ok(tables.iter().zip(&answers).map(of).collect())
    }

    async fn read_all<const N: usize>(
        &self,
        standing: [Query; 2],
        queries: [Query; N],
    ) -> Result<(Checkpoint, [Vec<Row>; N]), ViewError> {
        let asked = standing.into_iter().chain(queries).map(Asked::from).collect();
        let mut found = self.read(asked).await?.into_iter();
        let missing = || ViewError::Damaged("an answer is missing".to_owned());
        let (heads, skips) = (found.next().ok_or_else(missing)?, found.next().ok_or_else(missing)?);
        let mut value = [const { Vec::new() }; N];
        for place in &mut value {
            *place = found.next().ok_or_else(missing)?;
        }
        Ok((frame::checkpoint(&self.identity, &heads, &skips)?, value))
    }
}

impl Inner {
    /// One statement, sent again where that may help.
    async fn ask(&self, path: &str, queries: &[(&str, &[Value])]) -> Result<Vec<Vec<Row>>, Trouble> {
        let (mut lost, mut conflicts) = (0, 0);
        loop {
            let statement = answers::question_of(queries.iter().copied())?;
            let asked = async { self.database.link(path).await?.ask(statement).await };
            match asked.await {
                Err(Failure::Lost(reason)) if lost < LOST_MAX => {
                    tracing::debug!(%reason, "a read is sent again");
                    lost += 1;
                }
                Err(Failure::Conflict(reason)) if conflicts < self.database.options.conflict_retries_max => {
                    tracing::debug!(%reason, "a read is sent again");
                    conflicts += 1;
                }
                rows => return Ok(answers::answers(&rows?)?),
            }
        }
    }

    /// Which generation is live, as the home says; the first if it is not there yet.
    async fn look(&self) -> Result<u64, Trouble> {
        match self.ask(&self.place.schema, &[(READ_LIVE, &[self.place.name.into()])]).await {
            Err(Trouble::Failure(failure)) if failure.is_of_absence() => Ok(1),
            answers => live_of(answers?.first().map_or(&[], Vec::as_slice)),
        }
    }

    async fn read(&self, queries: Vec<Asked>) -> Result<(frame::Frame, Vec<Vec<Row>>), ViewError> {
        // The home's schema is named: the connection looks at that of the generation.
        let live =
            format!("SELECT l.generation FROM \"{}\".view_live AS l WHERE l.name = $1", self.place.schema);
        let name = [self.place.name.into()];
        let mut asked: Vec<(&str, &[Value])> = vec![(&live, &name), (frame::READ_FRAME, &[])];
        asked.extend(queries.iter().map(|query| (&*query.sql, query.values.as_slice())));
        let mut generation = self.seen.load(Ordering::Relaxed);
        if generation == 0 {
            generation = self.look().await?;
        }
        for _ in 0..LOOKS_MAX {
            let path = self.place.path(generation);
            let now = match self.ask_generation(&path, &asked).await {
                Ok((now, frame, answers)) if now == generation => {
                    self.seen.store(generation, Ordering::Relaxed);
                    return Ok((frame, answers));
                }
                Ok((now, ..)) => now,
                // It was dropped meanwhile, or is not there yet.
                Err(Trouble::Failure(failure @ Failure::Refused { .. })) => {
                    let now = self.look().await?;
                    if now == generation && failure.is_of_absence() {
                        let home = format!("schema {path}");
                        return Err(ViewError::NotReady {
                            home,
                            reason: "no runner has made it yet".to_owned(),
                        });
                    }
                    if now == generation {
                        return Err(failure.into());
                    }
                    now
                }
                Err(trouble) => return Err(trouble.into()),
            };
            generation = now;
        }
        Err(ViewError::home(format!(
            "the view {} was swapped {LOOKS_MAX} times during a read",
            self.place.name
        )))
    }
    /// The answers of one generation, with what it is, and which one is live in the same snapshot.
    async fn ask_generation(
        &self,
        path: &str,
        asked: &[(&str, &[Value])],
    ) -> Result<(u64, frame::Frame, Vec<Vec<Row>>), Trouble> {
        let mut answers = self.ask(path, asked).await?;
        let rest = answers.split_off(2.min(answers.len()));
        let [live, own] = &answers[..] else {
            return Err(Failure::Damaged("an answer is missing".to_owned()).into());
        };
        Ok((live_of(live)?, frame::Frame::read(own)?, rest))
    }
}

#[async_trait]
impl<M: SqlModel> Standing for PostgresReader<M> {
    async fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        Ok(self.read_all(frame::ask_checkpoint(), []).await?.0)
    }
}

#[async_trait]
impl<M: SqlModel> SqlReader<M> for PostgresReader<M> {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    async fn ask_shard<const N: usize>(
        &self,
        shard: Shard,
        queries: [Query; N],
    ) -> Result<AtHead<[Vec<Row>; N]>, ViewError> {
        let (checkpoint, value) = self.read_all(frame::ask_head(shard), queries).await?;
        Ok(checkpoint.answer(shard, value))
    }

    async fn ask<const N: usize>(
        &self,
        queries: [Query; N],
    ) -> Result<AtCheckpoint<[Vec<Row>; N]>, ViewError> {
        let (checkpoint, value) = self.read_all(frame::ask_checkpoint(), queries).await?;
        Ok(AtCheckpoint { checkpoint, value })
    }
}
