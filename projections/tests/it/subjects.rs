//! The built-in views as subjects of the kit, in both homes.

use async_trait::async_trait;
use ledger_core::stored::{Event, RoundStatus};
use ledger_core::{Partition, PlayerId, Stream};
use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::rounds::{PAGE_MAX, ReadRounds, Rounds};
use ledger_projections::testing::Subject;
use ledger_projections::trial_balance::{Detail, ReadTrialBalance, TrialBalance};
use ledger_projections::{Commit, Memory, MemoryModel, MemoryReader, ViewError};
use ledger_store::LedgerIdentity;

use crate::history::{has_entry, id};

/// How a commit becomes one that the view cannot take.
pub(crate) trait Poison {
    fn poison(commit: &Commit) -> Option<Commit>;
}

impl Poison for Balances {
    fn poison(commit: &Commit) -> Option<Commit> {
        let of_player = matches!(commit.body.partition, Partition::Player(_));
        let mut poison = commit.clone();
        poison.body.partition = Partition::Player(id(PlayerId::new, "nobody"));
        (of_player && has_entry(commit)).then_some(poison)
    }
}

impl Poison for TrialBalance {
    fn poison(_: &Commit) -> Option<Commit> {
        None
    }
}

impl Poison for Rounds {
    fn poison(commit: &Commit) -> Option<Commit> {
        let mut poison = commit.clone();
        let of_round = |stream: &Stream| matches!(stream, Stream::Round(..));
        let record = poison.body.events.iter_mut().find(|record| of_round(&record.stream))?;
        if matches!(record.event, Event::RoundReopened(_)) {
            return None;
        }
        record.version += 1;
        Some(poison)
    }
}

pub(crate) struct InMemory<M: MemoryModel> {
    pub(crate) identity: LedgerIdentity,
    pub(crate) dump: fn(&MemoryReader<M>) -> String,
}

#[async_trait]
impl<M: MemoryModel + Poison> Subject for InMemory<M> {
    type View = Memory<M>;

    async fn fresh(&mut self) -> Result<Memory<M>, ViewError> {
        Ok(Memory::new(&self.identity))
    }

    async fn reopen(&mut self, view: Memory<M>) -> Result<Memory<M>, ViewError> {
        Ok(view)
    }

    async fn dump(&mut self, view: &mut Memory<M>) -> Result<String, ViewError> {
        Ok((self.dump)(&view.reader()))
    }

    fn poison(&self, commit: &Commit) -> Option<Commit> {
        M::poison(commit)
    }
}

/// What every player has, in order.
pub(crate) fn dump_balances(reader: &dyn ReadBalances) -> String {
    let player = |n: usize| reader.player(&id(PlayerId::new, format!("p/{n}"))).unwrap().value;
    format!("{:?}", (0..12).map(player).collect::<Vec<_>>())
}

pub(crate) fn dump_trial_balance(reader: &dyn ReadTrialBalance) -> String {
    format!("{:?}", reader.rows(Detail::SubAccount).unwrap().value)
}

pub(crate) fn dump_rounds(reader: &dyn ReadRounds) -> String {
    let statuses = [RoundStatus::Open, RoundStatus::Closed, RoundStatus::Void, RoundStatus::Cancelled];
    let listed = statuses.map(|status| reader.list(status, None, PAGE_MAX).unwrap().value);
    format!("{listed:?}\n{:?}", reader.games().unwrap().value)
}

#[cfg(feature = "sqlite")]
pub(crate) use in_sqlite::InSqlite;

#[cfg(feature = "sqlite")]
mod in_sqlite {
    use std::fmt::Write as _;
    use std::path::PathBuf;

    use ledger_projections::sqlite::rusqlite::types::Value;
    use ledger_projections::sqlite::{Reading, Sqlite, SqliteModel};

    use super::{Commit, LedgerIdentity, Poison, Subject, ViewError, async_trait};

    pub(crate) struct InSqlite<M> {
        identity: LedgerIdentity,
        folder: tempfile::TempDir,
        path: PathBuf,
        files: usize,
        model: std::marker::PhantomData<fn() -> M>,
    }

    impl<M> InSqlite<M> {
        pub(crate) fn new(identity: LedgerIdentity) -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { identity, folder, path: PathBuf::new(), files: 0, model: std::marker::PhantomData }
        }
    }

    /// Every row of every table of the view.
    pub(crate) fn dump(reading: &Reading<'_>) -> Result<String, ViewError> {
        let mut text = String::new();
        let tables = "SELECT name FROM sqlite_schema
                      WHERE type = 'table' AND name NOT IN ('view', 'checkpoint', 'migrations') ORDER BY name";
        let mut statement = reading.tx().prepare(tables)?;
        let tables: Result<Vec<String>, _> = statement.query_map([], |row| row.get(0))?.collect();
        for table in tables? {
            let mut statement = reading
                .tx()
                .prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5"))
                .or_else(|_| reading.tx().prepare(&format!("SELECT * FROM {table} ORDER BY 1")))?;
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let values: Result<Vec<Value>, _> = (0..columns).map(|column| row.get(column)).collect();
                let values = values?;
                assert!(!values.iter().any(|value| matches!(value, Value::Real(_))), "no column is a float");
                writeln!(text, "{table} {values:?}").map_err(|_| ViewError::home("no text"))?;
            }
        }
        Ok(text)
    }

    #[async_trait]
    impl<M: SqliteModel + Poison> Subject for InSqlite<M> {
        type View = Sqlite<M>;

        async fn fresh(&mut self) -> Result<Sqlite<M>, ViewError> {
            self.files += 1;
            self.path = self.folder.path().join(format!("{}.sqlite", self.files));
            Sqlite::open(&self.path, &self.identity)
        }

        async fn reopen(&mut self, view: Sqlite<M>) -> Result<Sqlite<M>, ViewError> {
            drop(view);
            Sqlite::open(&self.path, &self.identity)
        }

        async fn dump(&mut self, view: &mut Sqlite<M>) -> Result<String, ViewError> {
            view.reader()?.read(dump)
        }

        fn poison(&self, commit: &Commit) -> Option<Commit> {
            M::poison(commit)
        }
    }
}
#[cfg(feature = "sqlite")]
pub(crate) use in_sqlite::dump;
