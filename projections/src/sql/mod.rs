//! Views in SQL, written once: tables as data, a fold that looks rows up and says what to write, and reads as
//! queries. A home ([`crate::sqlite`]) turns these into statements of its dialect.
//!
//! - [`Table`]s are described, and [`Migration`]s make them. A home numbers the migrations of a view, keeps their
//!   checksums, and refuses what was edited.
//! - [`SqlModel::fold`] is a pure function over a [`Lookup`]. A home that is asked row by row (SQLite, in the
//!   same process) answers as it goes. One that is a network away fetches in bulk: [`bulk::fold`] runs the fold,
//!   collects what it missed, fetches that at once, and runs it again.
//! - [`Writes`] has each row at most once, in order of keys: one statement a table writes them all, and two homes
//!   that write the same rows lock them in the same order.
//! - A read is a fixed list of [`Query`]s, answered in one transaction together with where the view stands
//!   ([`SqlReader`]). Placeholders are `$1`, `$2` ..., each new one the next number: SQLite and PostgreSQL agree on
//!   that.
//!
//! Columns are texts and integers; money is exact decimal text, because SQL would add it up in floating point or
//! round it. All sums are made in Rust.

pub mod bulk;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod frame;
mod text;
mod value;

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger_store::{LedgerIdentity, Shard};
use sha2::{Digest, Sha256};

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::standing::Standing;

pub use text::Dialect;
pub(crate) use value::parse;
pub use value::{Row, Value};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared bytewise.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// Text, or nothing.
    OptionalText,
    /// A whole number, or nothing.
    OptionalInteger,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    /// A column of text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text }
    }

    /// A column of whole numbers.
    pub const fn integer(name: &'static str) -> Self {
        Self { name, kind: Kind::Integer }
    }

    /// A column of text that may be absent.
    pub const fn optional_text(name: &'static str) -> Self {
        Self { name, kind: Kind::OptionalText }
    }

    /// A column of whole numbers that may be absent.
    pub const fn optional_integer(name: &'static str) -> Self {
        Self { name, kind: Kind::OptionalInteger }
    }
}

/// A second order in which a table is read.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// Its name, once per view.
    pub name: &'static str,
    /// The columns, in order.
    pub columns: &'static [&'static str],
}

/// A table of a view. Names are plain lower-case words; those that begin with `view_` are the home's.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name, once per view.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// How many of the columns, from the first on, are the primary key.
    pub key: usize,
    /// Further orders it is read in.
    pub indexes: &'static [Index],
}

/// A part of a migration.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Makes a table and its indexes.
    Table(&'static Table),
    /// Whatever else, as text of each dialect.
    Sql {
        /// For SQLite.
        sqlite: &'static str,
        /// For PostgreSQL.
        postgres: &'static str,
    },
}

/// A step of a view's tables. Once released it is never edited: its checksum stands in every home.
///
/// Most changes of a view need none: a fold that gives other rows gets a new version, and the view is rebuilt
/// beside the old one. Migrations are for what can be added to a view that stands, such as an index.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// What it is for.
    pub name: &'static str,
    /// What it does.
    pub steps: &'static [Step],
}

impl Migration {
    /// The statements of a dialect.
    pub fn sql(&self, dialect: Dialect) -> String {
        self.steps.iter().map(|step| dialect.step(step)).collect()
    }

    /// The SHA-256 of the statements, as a home keeps it.
    pub fn checksum(&self, dialect: Dialect) -> String {
        let hash = Sha256::digest(self.sql(dialect));
        hash.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// What the fold reads of the rows as they were before the batch.
pub trait Lookup {
    /// The row with this primary key, with all its columns.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the home cannot be asked.
    fn row(&self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, ViewError>;
}

/// The rows of one table after a batch, by key; `None` takes the row away.
pub type TableWrites = BTreeMap<Vec<Value>, Option<Vec<Value>>>;

/// What a batch changes: each row at most once, in order of keys.
#[derive(Debug, Default)]
pub struct Writes {
    tables: Vec<(&'static Table, TableWrites)>,
}

impl Writes {
    /// The row as it is after the batch, new or not. Columns in order, the key first.
    pub fn put(&mut self, table: &'static Table, row: Vec<Value>) {
        let key = row.get(..table.key).unwrap_or_default().to_vec();
        self.of(table).insert(key, Some(row));
    }

    /// The row with this key is not there after the batch.
    pub fn remove(&mut self, table: &'static Table, key: Vec<Value>) {
        self.of(table).insert(key, None);
    }

    fn of(&mut self, table: &'static Table) -> &mut TableWrites {
        let known = self.tables.iter().position(|(known, _)| known.name == table.name);
        let index = known.unwrap_or_else(|| {
            self.tables.push((table, TableWrites::new()));
            self.tables.len() - 1
        });
        // The index was found or made above.
        &mut self.tables[index].1
    }

    /// The tables that change, with their rows.
    pub fn tables(&self) -> impl Iterator<Item = (&'static Table, &TableWrites)> {
        self.tables.iter().map(|(table, rows)| (*table, rows))
    }
}

/// A view that is kept in SQL, wherever.
pub trait SqlModel: Send + Sync + 'static {
    /// The view's name.
    const NAME: &'static str;
    /// The version of the fold.
    const VERSION: u32;
    /// Older versions whose tables this build can still read, so that readers need not wait for a rebuild.
    const READABLE: &'static [u32] = &[];
    /// The view's tables, step by step; their numbers are 1, 2, 3 ...
    const MIGRATIONS: &'static [Migration];

    /// What the commits change, given the rows before them.
    ///
    /// It may be run more than once on the same batch, with more rows each time; only the last run counts. So it
    /// must do nothing but fold.
    ///
    /// # Errors
    ///
    /// [`ViewError::Poison`] for a commit that the view cannot take; what `rows` answers.
    fn fold(rows: &dyn Lookup, commits: &[&Commit], writes: &mut Writes) -> Result<(), ViewError>;
}

/// A question to a view's tables.
#[derive(Debug, Clone)]
pub struct Query {
    /// The statement, with placeholders `$1`, `$2` ... in the order of their first use.
    pub sql: &'static str,
    /// What stands for them.
    pub values: Vec<Value>,
}

impl Query {
    /// A question.
    pub fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, values: values.into() }
    }
}

/// Reads a view that is kept in SQL. The `Read...` trait of a view is written once, for whatever implements this.
#[async_trait]
pub trait SqlReader<M: SqlModel>: Standing {
    /// What the ledger is.
    fn identity(&self) -> &LedgerIdentity;

    /// Answers questions about one shard in one transaction, with the head they are true at.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn ask_shard<const N: usize>(
        &self,
        shard: Shard,
        queries: [Query; N],
    ) -> Result<AtHead<[Vec<Row>; N]>, ViewError>;

    /// Answers questions about the whole ledger in one transaction, with the checkpoint they are true at.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn ask<const N: usize>(
        &self,
        queries: [Query; N],
    ) -> Result<AtCheckpoint<[Vec<Row>; N]>, ViewError>;
}
