//! Subjects for the homes that come with this crate.

use std::fmt;
use std::marker::PhantomData;

use async_trait::async_trait;
use ledger_store::LedgerIdentity;

use super::Subject;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::memory::{Memory, MemoryModel, MemoryReader};

/// How a commit becomes one that the view cannot take.
type Poison = fn(&Commit) -> Option<Commit>;

/// A view in memory under test. What it holds is shown by a function over its reader.
pub struct InMemory<M, F, T> {
    identity: LedgerIdentity,
    dump: F,
    poison: Poison,
    types: PhantomData<fn() -> (M, T)>,
}

impl<M, F, T> fmt::Debug for InMemory<M, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl<M, F, T> InMemory<M, F, T>
where
    M: MemoryModel,
    F: FnMut(MemoryReader<M>) -> T + Send,
    T: Future<Output = Result<String, ViewError>> + Send,
{
    /// A view of a ledger, and how to show all that it holds.
    pub fn new(identity: &LedgerIdentity, dump: F) -> Self {
        Self { identity: *identity, dump, poison: |_| None, types: PhantomData }
    }

    /// With a way to make a commit into one that the view cannot take.
    pub fn with_poison(self, poison: Poison) -> Self {
        Self { poison, ..self }
    }
}

#[async_trait]
impl<M, F, T> Subject for InMemory<M, F, T>
where
    M: MemoryModel,
    F: FnMut(MemoryReader<M>) -> T + Send,
    T: Future<Output = Result<String, ViewError>> + Send,
{
    type View = Memory<M>;

    async fn fresh(&mut self) -> Result<Memory<M>, ViewError> {
        Ok(Memory::new(&self.identity))
    }

    async fn reopen(&mut self, view: Memory<M>) -> Result<Memory<M>, ViewError> {
        Ok(view)
    }

    async fn reopen_as(
        &mut self,
        _: Memory<M>,
        _: &LedgerIdentity,
    ) -> Option<Result<Memory<M>, ViewError>> {
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
