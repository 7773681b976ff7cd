//! A view's generations: a schema each, and a row that says which one is live.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use ledger_store::LedgerIdentity;
use sha2::{Digest as _, Sha256};

use super::failure::Failure;
use super::link::Database;
use super::options::NAME_BYTES_MAX;
use super::{Desk, Postgres, PostgresReader, PostgresViews, Trouble, check_tables, frame};
use crate::checkpoints::check_name;
use crate::error::ViewError;
use crate::home::{Building, Home, Live};
use crate::sql::{Query, Row, SqlModel};

/// How often what two sessions make at once is tried again.
const RACES_MAX: usize = 10;

/// Where a view lives.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) schema: String,
    pub(super) name: &'static str,
}

impl Place {
    pub(super) fn new(schema: &str, name: &'static str) -> Result<Self, ViewError> {
        check_name(name)?;
        let place = Self { schema: schema.to_owned(), name };
        // Generations beyond ten digits are not met.
        let longest = place.path(9_999_999_999).len();
        if longest > NAME_BYTES_MAX {
            return Err(ViewError::home(format!(
                "{schema} and {name} together make a name of {longest} letters; {NAME_BYTES_MAX} are allowed"
            )));
        }
        Ok(place)
    }

    /// What the schemas of this view begin with. Names have no `$`.
    fn prefix(&self) -> String {
        format!("{}${}$", self.schema, self.name)
    }

    /// The schema of a generation.
    pub(super) fn path(&self, generation: u64) -> String {
        format!("{}{generation}", self.prefix())
    }

    pub(super) fn in_use(&self, generation: u64) -> ViewError {
        ViewError::InUse { home: format!("schema {}", self.path(generation)) }
    }

    /// The number of the advisory lock that goes with a name.
    pub(super) fn lock_of(name: &str) -> i64 {
        let digest = Sha256::digest(format!("casino-ledger view {name}"));
        digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
    }
}

/// Which generation is live, as a question.
pub(super) const READ_LIVE: &str = "SELECT l.generation FROM view_live AS l WHERE l.name = $1";

/// The session that holds the lock of a home, for as long as a view of it is open.
#[derive(Debug)]
pub(super) struct Guard {
    place: Place,
    desk: tokio::sync::Mutex<Desk>,
}

impl Guard {
    /// Holds the lock of the home, taking it again if its connection was lost. Answers with the connection, which looks
    /// at the home's own schema.
    pub(super) async fn hold(&self) -> Result<tokio::sync::MutexGuard<'_, Desk>, Trouble> {
        let mut desk = self.desk.lock().await;
        if desk.session.is_some() && desk.run("SELECT 1".to_owned()).await.is_ok() {
            return Ok(desk);
        }
        desk.session = None;
        let name = self.place.prefix();
        match desk.connect(&self.place.schema, Place::lock_of(&name)).await {
            Err(failure) if failure.is_of_a_lock() => {
                let home = format!("schema {}, view {}", self.place.schema, self.place.name);
                Err(ViewError::InUse { home }.into())
            }
            done => {
                done?;
                Ok(desk)
            }
        }
    }
}

/// A generation that a view has open.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) guard: Arc<Guard>,
}

/// What of a home is open in this process.
#[derive(Debug, Default)]
struct Held {
    guard: Weak<Guard>,
    generations: HashMap<u64, Weak<Taken>>,
}

/// The home of a view in PostgreSQL.
///
/// One runner uses it at a time, over all processes (a session's advisory lock says so); any number of readers may.
pub struct PostgresHome<M: SqlModel> {
    database: Arc<Database>,
    place: Place,
    identity: LedgerIdentity,
    held: Mutex<Held>,
    model: PhantomData<fn() -> M>,
}

impl<M: SqlModel> fmt::Debug for PostgresHome<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresHome").field("place", &self.place).finish_non_exhaustive()
    }
}

impl<M: SqlModel> PostgresHome<M> {
    /// The home of this view in a database.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the view's name cannot stand in that of a schema.
    pub fn new(views: &PostgresViews, identity: &LedgerIdentity) -> Result<Self, ViewError> {
        check_tables::<M>()?;
        let place = Place::new(&views.database.options.schema, M::NAME)?;
        let database = Arc::clone(&views.database);
        Ok(Self { database, place, identity: *identity, held: Mutex::default(), model: PhantomData })
    }

    /// A reader of whatever is the live view.
    pub fn reader(&self) -> PostgresReader<M> {
        PostgresReader::of(Arc::clone(&self.database), self.place.clone(), &self.identity)
    }

    /// The guard of this home: that of its open views, or a new one.
    fn guard(&self) -> Arc<Guard> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guard) = held.guard.upgrade() {
            return guard;
        }
        let desk = tokio::sync::Mutex::new(Desk::new(&self.database));
        let guard = Arc::new(Guard { place: self.place.clone(), desk });
        held.guard = Arc::downgrade(&guard);
        guard
    }

    /// Takes a generation for one view of this process.
    fn take(&self, guard: &Arc<Guard>, generation: u64) -> Result<Arc<Taken>, ViewError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.generations.retain(|_, taken| taken.strong_count() > 0);
        if held.generations.contains_key(&generation) {
            return Err(self.place.in_use(generation));
        }
        let taken = Arc::new(Taken { guard: Arc::clone(guard) });
        held.generations.insert(generation, Arc::downgrade(&taken));
        Ok(taken)
    }

    /// The number of the live generation. The home's schema is made if it is not there.
    async fn live_number(&self, guard: &Guard) -> Result<u64, Trouble> {
        let mut desk = guard.hold().await?;
        let question = [Query::new(READ_LIVE, [self.place.name.into()])];
        for _ in 0..RACES_MAX {
            match desk.ask(&question).await {
                Err(Trouble::Failure(failure)) if failure.is_of_absence() => {}
                answers => return live_of(answers?.first().map_or(&[], Vec::as_slice)),
            }
            match desk.run(frame::make_home(&self.place)).await {
                // Another view's home has just made it.
                Err(failure) if failure.is_of_a_race() => {}
                done => done?,
            }
        }
        Err(ViewError::home(format!("the schema {} cannot be made", self.place.schema)).into())
    }

    /// A view of a generation that was taken, not yet looked into.
    fn view(&self, generation: u64, taken: Arc<Taken>) -> Postgres<M> {
        Postgres {
            desk: Desk::new(&self.database),
            place: self.place.clone(),
            generation,
            identity: self.identity,
            known: None,
            told: None,
            taken,
            model: PhantomData,
        }
    }

    /// The version that made a generation; `None` if there is nothing.
    async fn version(&self, view: &mut Postgres<M>) -> Result<Option<u32>, Trouble> {
        let home = view.schema();
        view.connected().await?;
        let asked = view.desk.ask(&frame::ask_frame()).await;
        let answers = match asked {
            Err(Trouble::Failure(failure)) if failure.is_of_absence() => return Ok(None),
            answers => answers?,
        };
        let [own, applied] = &answers[..] else {
            return Err(Failure::Damaged("an answer is missing".to_owned()).into());
        };
        let own = frame::Frame::read(own)?;
        own.check::<M>(&home, &self.identity)?;
        if own.version == M::VERSION {
            let framed = frame::applied(&home, "frame", applied, crate::sql::frame::MIGRATIONS)?;
            let viewed = frame::applied(&home, "view", applied, M::MIGRATIONS)?;
            let missing = frame::migrate("frame", framed, crate::sql::frame::MIGRATIONS)
                + &frame::migrate("view", viewed, M::MIGRATIONS);
            if !missing.is_empty() {
                view.desk.run(missing).await?;
            }
        }
        Ok(Some(own.version))
    }

    async fn make(&self, view: &mut Postgres<M>) -> Result<(), Trouble> {
        let made = view.desk.run(frame::make::<M>(&self.place, view.generation, &self.identity)).await;
        match made {
            // A schema that has no frame, or not ours.
            Err(failure) if failure.is_of_a_race() => {
                let reason = "the schema is there, and is not that of a view of casino-ledger".to_owned();
                Err(ViewError::OtherView { home: view.schema(), reason }.into())
            }
            done => Ok(done?),
        }
    }

    async fn drop_generation(&self, view: &mut Postgres<M>) -> Result<(), Trouble> {
        view.connected().await?;
        let path = view.schema();
        Ok(view.desk.run(format!("DROP SCHEMA IF EXISTS \"{path}\" CASCADE")).await?)
    }

    async fn open_live(&self) -> Result<Live<Postgres<M>>, Trouble> {
        let guard = self.guard();
        let live = self.live_number(&guard).await?;
        let mut view = self.view(live, self.take(&guard, live)?);
        match self.version(&mut view).await? {
            Some(version) if version != M::VERSION => return Ok(Live::Other { version }),
            Some(_) => {}
            None if live == 1 => self.make(&mut view).await?,
            None => {
                let what = format!("{} is the live generation, and is not there", view.schema());
                return Err(ViewError::Damaged(what).into());
            }
        }
        Ok(Live::Ready(view))
    }

    async fn open_building(&self, how: Building) -> Result<Option<Postgres<M>>, Trouble> {
        let guard = self.guard();
        let next = self.live_number(&guard).await? + 1;
        let mut view = self.view(next, self.take(&guard, next)?);
        if how == Building::Resume {
            return match self.version(&mut view).await? {
                Some(version) if version == M::VERSION => Ok(Some(view)),
                Some(_) => {
                    self.drop_generation(&mut view).await?;
                    Ok(None)
                }
                None => Ok(None),
            };
        }
        self.drop_generation(&mut view).await?;
        self.make(&mut view).await?;
        Ok(Some(view))
    }

    async fn point_to(&self, guard: &Guard, generation: u64) -> Result<(), Trouble> {
        let name = self.place.name;
        let text = format!(
            "SET LOCAL synchronous_commit TO on; \
             INSERT INTO view_live (name, generation) VALUES ('{name}', {generation}) \
             ON CONFLICT (name) DO UPDATE SET generation = excluded.generation"
        );
        let told = guard.hold().await?.run(text).await;
        match told {
            // Whether it took effect is read, over a new connection.
            Err(failure) if failure.is_outage() => {
                if self.live_number(guard).await? == generation {
                    Ok(())
                } else {
                    Err(failure.into())
                }
            }
            told => Ok(told?),
        }
    }

    async fn swap_in(&self, built: &Postgres<M>) -> Result<(), Trouble> {
        let guard = self.guard();
        let next = self.live_number(&guard).await? + 1;
        if built.generation != next || built.place.schema != self.place.schema {
            return Err(ViewError::home(format!("{} was not built here", built.schema())).into());
        }
        self.point_to(&guard, next).await
    }

    async fn tidy_up(&self) -> Result<(), Trouble> {
        let guard = self.guard();
        let live = self.live_number(&guard).await?;
        let mut desk = guard.hold().await?;
        let prefix = self.place.prefix();
        let schemas =
            "SELECT s.nspname::text AS name FROM pg_namespace AS s WHERE starts_with(s.nspname::text, $1)";
        let answers = desk.ask(&[Query::new(schemas, [prefix.as_str().into()])]).await?;
        for row in answers.iter().flatten() {
            let schema = row.text(0)?;
            let number = schema.strip_prefix(&prefix).and_then(|number| number.parse::<u64>().ok());
            if number.is_some_and(|number| number < live) {
                desk.run(format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE")).await?;
            }
        }
        Ok(())
    }

    async fn drop_building(&self) -> Result<(), Trouble> {
        let guard = self.guard();
        let next = self.live_number(&guard).await? + 1;
        let mut view = self.view(next, self.take(&guard, next)?);
        self.drop_generation(&mut view).await
    }
}

/// The number of the live generation, in the answer to [`READ_LIVE`].
pub(super) fn live_of(rows: &[Row]) -> Result<u64, Trouble> {
    let Some(row) = rows.first() else { return Ok(1) };
    let number: u64 = row.number(0)?;
    if number == 0 {
        Err(ViewError::Damaged("generation 0 is the live one".to_owned()).into())
    } else {
        Ok(number)
    }
}

#[async_trait]
impl<M: SqlModel> Home for PostgresHome<M> {
    type View = Postgres<M>;

    fn name(&self) -> &str {
        M::NAME
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    async fn live(&self) -> Result<Live<Postgres<M>>, ViewError> {
        Ok(self.open_live().await?)
    }

    async fn building(&self, how: Building) -> Result<Option<Postgres<M>>, ViewError> {
        Ok(self.open_building(how).await?)
    }

    async fn swap(&self, built: &mut Postgres<M>) -> Result<(), ViewError> {
        Ok(self.swap_in(built).await?)
    }

    async fn discard(&self) -> Result<(), ViewError> {
        Ok(self.drop_building().await?)
    }

    async fn tidy(&self) -> Result<(), ViewError> {
        Ok(self.tidy_up().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_homes_never_share_a_schema() {
        let of = |schema, name| Place::new(schema, name).expect("a place").path(1);
        assert_ne!(of("a", "b_c"), of("a_b", "c"));
        assert_ne!(Place::lock_of("a"), Place::lock_of("b"));
        Place::new(&"x".repeat(50), "balances").expect_err("too long together");
    }
}
