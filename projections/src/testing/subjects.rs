//! Subjects for the homes that come with this crate.

use std::fmt;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use ledger_store::LedgerIdentity;

use super::Subject;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::memory::{Memory, MemoryModel, MemoryReader};
use crate::model::{Model, ReadModel as _};
use crate::page::PAGE_MAX;

/// How a commit becomes one that the view cannot take.
type Poison = fn(&Commit) -> Option<Commit>;

/// Shows all that a view in memory holds.
type Dump<M> = Box<dyn FnMut(MemoryReader<M>) -> BoxFuture<'static, Result<String, ViewError>> + Send>;

/// A view in memory under test. What it holds is shown by a function over its reader.
pub struct InMemory<M: MemoryModel> {
    identity: LedgerIdentity,
    dump: Dump<M>,
    poison: Poison,
}

impl<M: MemoryModel> fmt::Debug for InMemory<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").field("view", &M::NAME).finish_non_exhaustive()
    }
}

impl<M: MemoryModel> InMemory<M> {
    /// A view of a ledger, and how to show all that it holds:
    /// `|reader| Box::pin(async move { Ok(format!("{:?}", reader.rows().await?)) })`.
    pub fn new(
        identity: &LedgerIdentity,
        dump: impl FnMut(MemoryReader<M>) -> BoxFuture<'static, Result<String, ViewError>> + Send + 'static,
    ) -> Self {
        Self { identity: *identity, dump: Box::new(dump), poison: |_| None }
    }

    /// With a way to make a commit into one that the view cannot take.
    pub fn with_poison(self, poison: Poison) -> Self {
        Self { poison, ..self }
    }
}

impl<M: Model> InMemory<M> {
    /// A [`Model`]'s view of a ledger; its rows show themselves.
    pub fn of_model(identity: &LedgerIdentity) -> Self {
        let dump = async |reader: MemoryReader<M>| {
            let (mut text, mut cursor) = (String::new(), None);
            loop {
                let page = reader.list(cursor.as_ref(), PAGE_MAX).await?.value;
                for row in &page.rows {
                    let row =
                        serde_json::to_string(row).map_err(|error| ViewError::home(error.to_string()))?;
                    text.push_str(&row);
                    text.push('\n');
                }
                cursor = page.next;
                if cursor.is_none() {
                    return Ok(text);
                }
            }
        };
        Self::new(identity, move |reader| Box::pin(async move { dump(reader).await }))
    }
}

#[async_trait]
impl<M: MemoryModel> Subject for InMemory<M> {
    type View = Memory<M>;

    async fn fresh(&mut self) -> Result<Memory<M>, ViewError> {
        Ok(Memory::new(&self.identity))
    }

    async fn reopen(&mut self, view: Memory<M>) -> Result<Memory<M>, ViewError> {
        Ok(view)
    }

    async fn reopen_as(&mut self, _: Memory<M>, _: &LedgerIdentity) -> Option<Result<Memory<M>, ViewError>> {
        None
    }

    async fn dump(&mut self, view: &mut Memory<M>) -> Result<String, ViewError> {
        (self.dump)(view.reader()).await
    }

    fn poison(&self, commit: &Commit) -> Option<Commit> {
        (self.poison)(commit)
    }
}

#[cfg(feature = "sqlite")]
pub use in_sqlite::{InSqlite, dump_tables};

#[cfg(feature = "sqlite")]
mod in_sqlite {
    use std::fmt::{self, Write as _};
    use std::marker::PhantomData;
    use std::path::{Path, PathBuf};

    use async_trait::async_trait;
    use ledger_store::LedgerIdentity;
    use rusqlite::types::Value;

    use super::Poison;
    use crate::commit::Commit;
    use crate::error::ViewError;
    use crate::sql::SqlModel;
    use crate::sqlite::{Reading, Sqlite};
    use crate::testing::Subject;

    /// A view in SQLite under test, in files of a folder of the test's. What it holds is every row of its tables.
    pub struct InSqlite<M> {
        identity: LedgerIdentity,
        folder: PathBuf,
        files: usize,
        poison: Poison,
        model: PhantomData<fn() -> M>,
    }

    impl<M> fmt::Debug for InSqlite<M> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("InSqlite").field("folder", &self.folder).finish_non_exhaustive()
        }
    }

    impl<M: SqlModel> InSqlite<M> {
        /// A view of a ledger, in files of this folder.
        pub fn new(identity: &LedgerIdentity, folder: impl AsRef<Path>) -> Self {
            let folder = folder.as_ref().to_owned();
            Self { identity: *identity, folder, files: 0, poison: |_| None, model: PhantomData }
        }

        /// With a way to make a commit into one that the view cannot take.
        pub fn with_poison(self, poison: Poison) -> Self {
            Self { poison, ..self }
        }
    }

    /// Every row of every table of a view, but for those of its home.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails, [`ViewError::Damaged`] if a column holds a float.
    pub fn dump_tables(reading: &Reading<'_>) -> Result<String, ViewError> {
        let mut text = String::new();
        let tables = "SELECT name FROM sqlite_schema
                      WHERE type = 'table' AND name NOT LIKE 'view\\_%' ESCAPE '\\' ORDER BY name";
        let mut statement = reading.tx().prepare(tables)?;
        let tables: Result<Vec<String>, _> = statement.query_map([], |row| row.get(0))?.collect();
        for table in tables? {
            // Without a row id, rows come in the order of the primary key.
            let mut statement = reading.tx().prepare(&format!("SELECT * FROM {table}"))?;
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let values: Result<Vec<Value>, _> = (0..columns).map(|column| row.get(column)).collect();
                let values = values?;
                if values.iter().any(|value| matches!(value, Value::Real(_))) {
                    return Err(ViewError::Damaged(format!("a column of {table} holds a float")));
                }
                writeln!(text, "{table} {values:?}").map_err(|_| ViewError::home("no text"))?;
            }
        }
        Ok(text)
    }

    #[async_trait]
    impl<M: SqlModel> Subject for InSqlite<M> {
        type View = Sqlite<M>;

        async fn fresh(&mut self) -> Result<Sqlite<M>, ViewError> {
            self.files += 1;
            Sqlite::open(self.folder.join(format!("{}-{}.sqlite", M::NAME, self.files)), &self.identity)
        }

        async fn reopen(&mut self, view: Sqlite<M>) -> Result<Sqlite<M>, ViewError> {
            let path = view.path().to_owned();
            drop(view);
            Sqlite::open(path, &self.identity)
        }

        async fn reopen_as(
            &mut self,
            view: Sqlite<M>,
            identity: &LedgerIdentity,
        ) -> Option<Result<Sqlite<M>, ViewError>> {
            let path = view.path().to_owned();
            drop(view);
            Some(Sqlite::open(path, identity))
        }

        async fn dump(&mut self, view: &mut Sqlite<M>) -> Result<String, ViewError> {
            view.reader()?.read(dump_tables)
        }

        fn poison(&self, commit: &Commit) -> Option<Commit> {
            (self.poison)(commit)
        }
    }
}

#[cfg(feature = "postgres")]
pub use in_postgres::InPostgres;

#[cfg(feature = "postgres")]
mod in_postgres {
    use std::fmt;
    use std::marker::PhantomData;

    use async_trait::async_trait;
    use ledger_store::LedgerIdentity;

    use super::Poison;
    use crate::commit::Commit;
    use crate::error::ViewError;
    use crate::home::{Home as _, Live};
    use crate::postgres::{Postgres, PostgresHome, PostgresViews, ViewOptions};
    use crate::sql::SqlModel;
    use crate::testing::Subject;

    /// A view in PostgreSQL under test, in schemas whose names begin with that of the options. What it holds is every
    /// row of its tables.
    pub struct InPostgres<M> {
        identity: LedgerIdentity,
        options: ViewOptions,
        homes: usize,
        poison: Poison,
        model: PhantomData<fn() -> M>,
    }

    impl<M> fmt::Debug for InPostgres<M> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("InPostgres").field("options", &self.options).finish_non_exhaustive()
        }
    }

    impl<M: SqlModel> InPostgres<M> {
        /// A view of a ledger, in this database.
        pub fn new(identity: &LedgerIdentity, options: ViewOptions) -> Self {
            Self { identity: *identity, options, homes: 0, poison: |_| None, model: PhantomData }
        }

        /// With a way to make a commit into one that the view cannot take.
        pub fn with_poison(self, poison: Poison) -> Self {
            Self { poison, ..self }
        }
    }

    async fn live<M: SqlModel>(
        views: &PostgresViews,
        identity: &LedgerIdentity,
    ) -> Result<Postgres<M>, ViewError> {
        match PostgresHome::<M>::new(views, identity)?.live().await? {
            Live::Ready(view) => Ok(view),
            Live::Other { version } => Err(ViewError::home(format!("it is of version {version}"))),
        }
    }

    #[async_trait]
    impl<M: SqlModel> Subject for InPostgres<M> {
        type View = Postgres<M>;

        async fn fresh(&mut self) -> Result<Postgres<M>, ViewError> {
            self.homes += 1;
            let mut options = self.options.clone();
            options.schema = format!("{}_{}", options.schema, self.homes);
            live(&PostgresViews::new(options)?, &self.identity).await
        }

        async fn reopen(&mut self, view: Postgres<M>) -> Result<Postgres<M>, ViewError> {
            let views = view.views();
            drop(view);
            live(&views, &self.identity).await
        }

        async fn reopen_as(
            &mut self,
            view: Postgres<M>,
            identity: &LedgerIdentity,
        ) -> Option<Result<Postgres<M>, ViewError>> {
            let views = view.views();
            drop(view);
            Some(live(&views, identity).await)
        }

        async fn dump(&mut self, view: &mut Postgres<M>) -> Result<String, ViewError> {
            PostgresHome::<M>::new(&view.views(), &self.identity)?.reader().dump_tables().await
        }

        fn poison(&self, commit: &Commit) -> Option<Commit> {
            (self.poison)(commit)
        }
    }
}
