//! Views of a host's own, with the least to write: rows found by one key.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use async_trait::async_trait;
use ledger_core::stored::EventRecord;
use ledger_store::Shard;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::AtCheckpoint;
use crate::commit::{Commit, EventPlace};
use crate::error::ViewError;
use crate::memory::{MemoryModel, MemoryReader};
use crate::page::{Page, limited, one_more};
use crate::range::{KeyRange, SCAN_ROWS_MAX};
use crate::sql::{Column, Lookup, Migration, Query, Row, SqlModel, SqlReader, Step, Table, Value, Writes};
use crate::standing::Standing;

/// The most bytes of a key, as JSON.
pub const KEY_BYTES_MAX: usize = 1_000;

/// A view whose rows are found by one key: a fold over events, and how to add up the rows of two shards.
///
/// It runs in every home: [`MemoryHome`](crate::MemoryHome), [`SqliteHome`](crate::sqlite::SqliteHome),
/// [`PostgresHome`](crate::postgres::PostgresHome). Keys and
/// rows are whatever serde writes; a row belongs to the shard of the commit that made it, so shards never meet in a
/// row, and a read joins them.
///
/// ```
/// # use ledger_core::stored::{Event, EventRecord};
/// # use ledger_core::{CurrencyCode, GameId};
/// # use ledger_projections::{Commit, Model, Rows, Total, ViewError};
/// use serde::{Deserialize, Serialize};
///
/// /// How much was staked on each game, per currency.
/// struct Turnover;
///
/// #[derive(Debug, Clone, Default, Serialize, Deserialize)]
/// struct Staked {
///     bets: u64,
///     stakes: Total,
/// }
///
/// impl Model for Turnover {
///     const NAME: &'static str = "turnover";
///     const VERSION: u32 = 1;
///     type Key = (GameId, CurrencyCode);
///     type Row = Staked;
///
///     fn fold(rows: &mut Rows<'_, Self>, _: &Commit, record: &EventRecord) -> Result<(), ViewError> {
///         let Event::BetPlaced(bet) = &record.event else { return Ok(()) };
///         rows.update(&(bet.game.clone(), bet.currency), |row| {
///             row.bets = row.bets.checked_add(1)?;
///             row.stakes = row.stakes.plus(bet.stake)?;
///             Some(())
///         })
///     }
///
///     fn join(row: &mut Staked, other: Staked) -> Option<()> {
///         row.bets = row.bets.checked_add(other.bets)?;
///         row.stakes = row.stakes.plus(other.stakes)?;
///         Some(())
///     }
/// }
/// ```
pub trait Model: Sized + Send + Sync + 'static {
    /// The view's name: small letters, digits and `_`. It names files and tables.
    const NAME: &'static str;
    /// The version of the fold. It changes whenever the same events would give other rows; then the view is rebuilt.
    const VERSION: u32;
    /// Older versions whose rows this build can still read, so that readers need not wait for a rebuild.
    const READABLE: &'static [u32] = &[];
    /// What a row is found by. Rows are listed in the bytewise order of their keys as JSON.
    type Key: Serialize + DeserializeOwned + Send + Sync;
    /// A row.
    type Row: Serialize + DeserializeOwned + Clone + Default + Send + Sync;

    /// What an event changes. It sees and changes rows of the event's shard only. No clock, no randomness, nothing
    /// from outside: it may be run more than once.
    ///
    /// # Errors
    ///
    /// [`Commit::poison_event`] for an event that the view cannot take.
    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError>;

    /// Adds the row of another shard to one with the same key. `None` if the sum is too large. Order must not
    /// matter.
    fn join(row: &mut Self::Row, other: Self::Row) -> Option<()>;
}

type Place = (String, Shard);

/// What a batch changes: the rows after it, `None` if it takes one away.
type Changed<M> = BTreeMap<Place, Option<<M as Model>::Row>>;

/// The rows before a batch.
trait Before<M: Model> {
    fn row(&self, place: &Place) -> Result<Option<M::Row>, ViewError>;
}

/// The rows of one shard, while a [`Model`] folds an event.
pub struct Rows<'a, M: Model> {
    before: &'a dyn Before<M>,
    changed: &'a mut Changed<M>,
    commit: &'a Commit,
    record: &'a EventRecord,
    /// Which of the commit's events it is.
    index: u16,
}

impl<M: Model> fmt::Debug for Rows<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("view", &M::NAME)
            .field("shard", &self.commit.shard)
            .finish_non_exhaustive()
    }
}

pub(crate) fn written(what: &impl Serialize) -> Result<String, ViewError> {
    serde_json::to_string(what).map_err(|error| ViewError::home(format!("writing JSON: {error}")))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ViewError> {
    serde_json::from_str(text).map_err(|error| ViewError::Damaged(format!("{text:?}: {error}")))
}

fn key_text(key: &impl Serialize) -> Result<String, ViewError> {
    let text = written(key)?;
    if text.len() <= KEY_BYTES_MAX {
        Ok(text)
    } else {
        Err(ViewError::home(format!("a key of {} bytes: at most {KEY_BYTES_MAX} are allowed", text.len())))
    }
}

impl<M: Model> Rows<'_, M> {
    fn place(&self, key: &M::Key) -> Result<Place, ViewError> {
        let text = key_text(key).map_err(|error| self.commit.poison_event(self.record, error))?;
        Ok((text, self.commit.shard))
    }

    fn at(&self, place: &Place) -> Result<Option<M::Row>, ViewError> {
        match self.changed.get(place) {
            Some(changed) => Ok(changed.clone()),
            None => self.before.row(place),
        }
    }

    /// Where the event stands that is folded: no other event of the shard has this place.
    pub fn event_place(&self) -> EventPlace {
        EventPlace { position: self.commit.position, index: self.index }
    }

    /// The row with a key, as it is now; of this shard.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the home cannot be asked.
    pub fn get(&self, key: &M::Key) -> Result<Option<M::Row>, ViewError> {
        self.at(&self.place(key)?)
    }

    /// Puts a row, new or not.
    ///
    /// # Errors
    ///
    /// [`ViewError::Poison`] for a key over [`KEY_BYTES_MAX`].
    pub fn put(&mut self, key: &M::Key, row: M::Row) -> Result<(), ViewError> {
        let place = self.place(key)?;
        self.changed.insert(place, Some(row));
        Ok(())
    }

    /// Takes a row away.
    ///
    /// # Errors
    ///
    /// [`ViewError::Poison`] for a key over [`KEY_BYTES_MAX`].
    pub fn remove(&mut self, key: &M::Key) -> Result<(), ViewError> {
        let place = self.place(key)?;
        self.changed.insert(place, None);
        Ok(())
    }

    /// Changes a row, or the default if there is none.
    ///
    /// # Errors
    ///
    /// [`ViewError::Poison`] if `change` answers `None`, which says that a sum is too large; [`ViewError`] if the
    /// home cannot be asked.
    pub fn update(
        &mut self,
        key: &M::Key,
        change: impl FnOnce(&mut M::Row) -> Option<()>,
    ) -> Result<(), ViewError> {
        let place = self.place(key)?;
        let mut row = self.at(&place)?.unwrap_or_default();
        if change(&mut row).is_none() {
            return Err(self
                .commit
                .poison_event(self.record, format!("the row {} would be too large", place.0)));
        }
        self.changed.insert(place, Some(row));
        Ok(())
    }
}

fn fold<M: Model>(before: &dyn Before<M>, commits: &[&Commit]) -> Result<Changed<M>, ViewError> {
    let mut changed = Changed::<M>::new();
    for commit in commits {
        for (index, record) in (0..).zip(&commit.body.events) {
            let mut rows = Rows { before, changed: &mut changed, commit, record, index };
            M::fold(&mut rows, commit, record)?;
        }
    }
    Ok(changed)
}

/// Joins the rows of one key.
fn joined<M: Model>(rows: impl IntoIterator<Item = M::Row>) -> Result<Option<M::Row>, ViewError> {
    let mut rows = rows.into_iter();
    let Some(mut sum) = rows.next() else { return Ok(None) };
    for row in rows {
        let large = || ViewError::Damaged(format!("a row of {} is too large to join", M::NAME));
        M::join(&mut sum, row).ok_or_else(large)?;
    }
    Ok(Some(sum))
}

/// Reads a [`Model`]'s view, wherever it is kept.
#[async_trait]
pub trait ReadModel<M: Model>: Standing {
    /// The row with a key, over all shards; `None` if there was none by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn get(&self, key: &M::Key) -> Result<AtCheckpoint<Option<M::Row>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) rows, after a key, in the bytewise order of keys as JSON.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn list(
        &self,
        after: Option<&M::Key>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError>;

    /// Up to `limit` (at most [`SCAN_ROWS_MAX`]) rows of a stretch of keys, in its order, in one transaction.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn range(
        &self,
        range: &KeyRange,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError>;
}

/// A page of a model's rows.
type PageOf<M> = Page<(<M as Model>::Key, <M as Model>::Row), <M as Model>::Key>;

/// A page from rows in order of keys, those of one key side by side.
fn page<M: Model>(
    rows: impl IntoIterator<Item = Result<(String, M::Row), ViewError>>,
    limit: usize,
) -> Result<PageOf<M>, ViewError> {
    let mut keys: Vec<(String, Vec<M::Row>)> = Vec::new();
    for row in rows {
        let (key, row) = row?;
        match keys.last_mut() {
            Some((last, rows)) if *last == key => rows.push(row),
            _ => keys.push((key, vec![row])),
        }
    }
    let mut rows = Vec::with_capacity(keys.len());
    let mut texts = Vec::with_capacity(keys.len());
    for (text, of_key) in keys {
        rows.extend(joined::<M>(of_key)?.map(|row| Ok((read::<M::Key>(&text)?, row))));
        texts.push(text);
    }
    let rows = rows.into_iter().collect::<Result<Vec<_>, ViewError>>()?;
    let last = limit.checked_sub(1).and_then(|last| texts.get(last));
    let next = last.map(|text| read::<M::Key>(text)).transpose()?;
    let page = Page::of(rows, limit, |_| ());
    let next = page.next.and(next);
    Ok(Page { rows: page.rows, next })
}

/// What a [`Model`] holds in memory.
#[derive(Debug)]
pub struct ModelState<M: Model> {
    rows: BTreeMap<Place, M::Row>,
}

/// What a batch changes in a [`Model`]'s view in memory.
pub struct ModelChanges<M: Model>(Changed<M>);

impl<M: Model> fmt::Debug for ModelChanges<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModelChanges").field(&self.0.len()).finish()
    }
}

impl<M: Model> Default for ModelState<M> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<M: Model> Before<M> for ModelState<M> {
    fn row(&self, place: &Place) -> Result<Option<M::Row>, ViewError> {
        Ok(self.rows.get(place).cloned())
    }
}

impl<M: Model> MemoryModel for M {
    const NAME: &'static str = M::NAME;
    const VERSION: u32 = M::VERSION;
    const BY_SHARD: bool = true;
    type State = ModelState<M>;
    type Changes = ModelChanges<M>;

    fn fold(state: &ModelState<M>, commits: &[&Commit]) -> Result<ModelChanges<M>, ViewError> {
        fold::<M>(state, commits).map(ModelChanges)
    }

    fn merge(state: &mut ModelState<M>, changes: ModelChanges<M>) {
        for (place, row) in changes.0 {
            match row {
                Some(row) => state.rows.insert(place, row),
                None => state.rows.remove(&place),
            };
        }
    }
}

#[async_trait]
impl<M: Model> ReadModel<M> for MemoryReader<M> {
    async fn get(&self, key: &M::Key) -> Result<AtCheckpoint<Option<M::Row>>, ViewError> {
        let text = key_text(key)?;
        let range = (text.clone(), Shard(0))..=(text, Shard(u16::MAX));
        let AtCheckpoint { checkpoint, value } = self.read(|states| {
            let rows = states.iter().flat_map(|state| state.rows.range(range.clone()));
            joined::<M>(rows.map(|(_, row)| row.clone()))
        })?;
        Ok(AtCheckpoint { checkpoint, value: value? })
    }

    async fn list(
        &self,
        after: Option<&M::Key>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
        let limit = limited(limit);
        let after = after.map(key_text).transpose()?.map(|text| (text, Shard(u16::MAX)));
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let AtCheckpoint { checkpoint, value } = self.read(|states| {
            let mut rows: Vec<_> = Vec::new();
            for state in states {
                let mut keys = 0;
                let mut last: Option<&str> = None;
                for (place, row) in state.rows.range::<Place, _>((from, Bound::Unbounded)) {
                    if last != Some(place.0.as_str()) {
                        last = Some(&place.0);
                        keys += 1;
                    }
                    if keys > limit + 1 {
                        break;
                    }
                    rows.push((place, row));
                }
            }
            rows.sort_by_key(|(place, _)| *place);
            page::<M>(rows.into_iter().map(|(place, row)| Ok((place.0.clone(), row.clone()))), limit)
        })?;
        Ok(AtCheckpoint { checkpoint, value: value? })
    }

    async fn range(
        &self,
        range: &KeyRange,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
        let limit = limit.clamp(1, SCAN_ROWS_MAX);
        let AtCheckpoint { checkpoint, value } = self.read(|states| {
            let mut rows: Vec<_> = Vec::new();
            for state in states {
                rows.extend(state.stretch(range, limit + 1));
            }
            rows.sort_by_key(|(place, _)| *place);
            if range.is_backwards() {
                rows.reverse();
            }
            page::<M>(rows.into_iter().map(|(place, row)| Ok((place.0.clone(), row.clone()))), limit)
        })?;
        Ok(AtCheckpoint { checkpoint, value: value? })
    }
}

impl<M: Model> ModelState<M> {
    /// The rows of the first keys of a stretch.
    fn stretch<'a>(&'a self, range: &KeyRange, keys_max: usize) -> Vec<(&'a Place, &'a M::Row)> {
        if range.is_empty() {
            return Vec::new();
        }
        let at = |text: &str| (text.to_owned(), Shard(0));
        let all = self.rows.range((Bound::Included(at(range.from())), Bound::Excluded(at(range.until()))));
        let (mut keys, mut last) = (0, None);
        let within = |(place, _): &(&'a Place, &'a M::Row)| {
            if last != Some(&place.0) {
                last = Some(&place.0);
                keys += 1;
            }
            keys <= keys_max
        };
        if range.is_backwards() {
            all.rev().take_while(within).collect()
        } else {
            all.take_while(within).collect()
        }
    }
}

/// The rows of a [`Model`] in SQL: key and row as JSON.
static ROWS: Table = Table {
    name: "model_rows",
    columns: &[Column::text("row_key"), Column::integer("shard"), Column::text("contents")],
    key: 2,
    indexes: &[],
};

struct Stored<'a>(&'a dyn Lookup);

fn place_values(place: &Place) -> Vec<Value> {
    vec![place.0.as_str().into(), place.1.0.into()]
}

impl<M: Model> Before<M> for Stored<'_> {
    fn row(&self, place: &Place) -> Result<Option<M::Row>, ViewError> {
        let row = self.0.row(&ROWS, &place_values(place))?;
        row.map(|row| read(row.text(2)?)).transpose()
    }
}

impl<M: Model> SqlModel for M {
    const NAME: &'static str = M::NAME;
    const VERSION: u32 = M::VERSION;
    const READABLE: &'static [u32] = M::READABLE;
    const MIGRATIONS: &'static [Migration] = &[Migration { name: "rows", steps: &[Step::Table(&ROWS)] }];

    fn fold(rows: &dyn Lookup, commits: &[&Commit], writes: &mut Writes) -> Result<(), ViewError> {
        for (place, row) in fold::<M>(&Stored(rows), commits)? {
            let mut values = place_values(&place);
            match row {
                Some(row) => {
                    values.push(written(&row)?.into());
                    writes.put(&ROWS, values);
                }
                None => writes.remove(&ROWS, values),
            }
        }
        Ok(())
    }
}

fn read_row<M: Model>(row: &Row) -> Result<(String, M::Row), ViewError> {
    Ok((row.text(0)?.to_owned(), read(row.text(1)?)?))
}

/// Answers [`ReadModel::get`] for a reader of a home in SQL.
///
/// # Errors
///
/// [`ViewError`] if the view cannot be read.
pub async fn get_in_sql<M: Model>(
    reader: &impl SqlReader<M>,
    key: &M::Key,
) -> Result<AtCheckpoint<Option<M::Row>>, ViewError> {
    let sql = "SELECT row_key, contents FROM model_rows WHERE row_key = $1 ORDER BY shard";
    let found = reader.ask([Query::new(sql, [key_text(key)?.into()])]).await?;
    let [rows] = &found.value;
    let rows: Result<Vec<_>, ViewError> = rows.iter().map(|row| Ok(read_row::<M>(row)?.1)).collect();
    let value = joined::<M>(rows?)?;
    Ok(found.map(|_| value))
}

/// Answers [`ReadModel::list`] for a reader of a home in SQL.
///
/// # Errors
///
/// [`ViewError`] if the view cannot be read.
pub async fn list_in_sql<M: Model>(
    reader: &impl SqlReader<M>,
    after: Option<&M::Key>,
    limit: usize,
) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
    let limit = limited(limit);
    // No JSON is empty, so that every key is behind the empty text.
    let after = after.map(key_text).transpose()?.unwrap_or_default();
    let sql = "SELECT row_key, contents FROM model_rows WHERE row_key IN
               (SELECT DISTINCT row_key FROM model_rows WHERE row_key > $1 ORDER BY row_key LIMIT $2)
               ORDER BY row_key, shard";
    let found = reader.ask([Query::new(sql, [after.into(), one_more(limit).into()])]).await?;
    let [rows] = &found.value;
    let page = page::<M>(rows.iter().map(read_row::<M>), limit)?;
    Ok(found.map(|_| page))
}

/// Answers [`ReadModel::range`] for a reader of a home in SQL.
///
/// # Errors
///
/// [`ViewError`] if the view cannot be read.
pub async fn range_in_sql<M: Model>(
    reader: &impl SqlReader<M>,
    range: &KeyRange,
    limit: usize,
) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
    let limit = limit.clamp(1, SCAN_ROWS_MAX);
    let sql = if range.is_backwards() {
        "SELECT row_key, contents FROM model_rows WHERE row_key IN
         (SELECT DISTINCT row_key FROM model_rows WHERE row_key >= $1 AND row_key < $2
          ORDER BY row_key DESC LIMIT $3)
         ORDER BY row_key DESC, shard"
    } else {
        "SELECT row_key, contents FROM model_rows WHERE row_key IN
         (SELECT DISTINCT row_key FROM model_rows WHERE row_key >= $1 AND row_key < $2
          ORDER BY row_key LIMIT $3)
         ORDER BY row_key, shard"
    };
    let values = [range.from().into(), range.until().into(), one_more(limit).into()];
    let found = reader.ask([Query::new(sql, values)]).await?;
    let [rows] = &found.value;
    let page = page::<M>(rows.iter().map(read_row::<M>), limit)?;
    Ok(found.map(|_| page))
}

/// A reader of a home in SQL reads every model. (For whatever implements [`SqlReader`] at once it cannot be said: a
/// host might implement that for a [`MemoryReader`] of its own model.)
#[cfg(any(feature = "sqlite", feature = "postgres"))]
macro_rules! reads_models {
    ($reader:ty) => {
        #[async_trait]
        impl<M: Model> ReadModel<M> for $reader {
            async fn get(&self, key: &M::Key) -> Result<AtCheckpoint<Option<M::Row>>, ViewError> {
                get_in_sql(self, key).await
            }

            async fn list(
                &self,
                after: Option<&M::Key>,
                limit: usize,
            ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
                list_in_sql(self, after, limit).await
            }

            async fn range(
                &self,
                range: &KeyRange,
                limit: usize,
            ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
                range_in_sql(self, range, limit).await
            }
        }
    };
}

#[cfg(feature = "sqlite")]
reads_models!(crate::sqlite::SqliteReader<M>);

#[cfg(feature = "postgres")]
reads_models!(crate::postgres::PostgresReader<M>);
