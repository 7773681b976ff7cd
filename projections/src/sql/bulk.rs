//! Folding over a home that is a network away: rows are fetched in bulk, not one by one.
//!
//! The fold is run on what is there. What it looked up and did not find is collected; then all of it is fetched at
//! once and the fold runs again, until it misses nothing. Most folds need one or two round trips a batch: which rows a
//! batch touches can mostly be read from the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Lookup, Row, SqlModel, Table, Value, Writes};
use crate::commit::Commit;
use crate::error::ViewError;

/// How often a fold may come back for more rows. Each run can only ask for rows that the ones before led it to.
pub const RUNS_MAX: usize = 32;

/// Keys to fetch of one table, in order.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The table.
    pub table: &'static Table,
    /// The primary keys.
    pub keys: Vec<Vec<Value>>,
}

/// What fetches rows in bulk, within the transaction of the batch.
#[async_trait]
pub trait Fetch: Send {
    /// The rows that are there, of all tables asked for, in any order. Each begins with its key.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the home cannot be asked.
    async fn fetch(&mut self, wanted: &[Wanted]) -> Result<Vec<(&'static Table, Row)>, ViewError>;
}

type Key = (&'static str, Vec<Value>);

/// Keys that were asked for, by the name of their table.
type Missed = BTreeMap<&'static str, (&'static Table, BTreeSet<Vec<Value>>)>;

#[derive(Default)]
struct Known {
    rows: BTreeMap<Key, Option<Row>>,
    missed: Mutex<Missed>,
}

struct Rows<'a>(&'a Known);

impl Lookup for Rows<'_> {
    fn row(&self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, ViewError> {
        if let Some(known) = self.0.rows.get(&(table.name, key.to_vec())) {
            return Ok(known.clone());
        }
        let mut missed = self.0.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.entry(table.name).or_insert_with(|| (table, BTreeSet::new())).1.insert(key.to_vec());
        Ok(None)
    }
}

impl Known {
    /// What was looked up and not known since the last call, by table.
    fn take_missed(&mut self) -> Vec<Wanted> {
        let missed = std::mem::take(self.missed.get_mut().unwrap_or_else(PoisonError::into_inner));
        let wanted = |(table, keys): (_, BTreeSet<_>)| Wanted { table, keys: keys.into_iter().collect() };
        missed.into_values().map(wanted).collect()
    }

    async fn fetch(&mut self, home: &mut dyn Fetch, wanted: &[Wanted]) -> Result<(), ViewError> {
        for Wanted { table, keys } in wanted {
            self.rows.extend(keys.iter().map(|key| ((table.name, key.clone()), None)));
        }
        for (table, row) in home.fetch(wanted).await? {
            let key = row.0.get(..table.key).unwrap_or_default().to_vec();
            self.rows.insert((table.name, key), Some(row));
        }
        Ok(())
    }
}

/// Folds a batch, with its rows fetched in bulk.
///
/// # Errors
///
/// What the fold or the fetch answers; [`ViewError::Home`] if the fold does not stop asking.
pub async fn fold<M: SqlModel>(home: &mut dyn Fetch, commits: &[&Commit]) -> Result<Writes, ViewError> {
    let mut known = Known::default();
    for _ in 0..RUNS_MAX {
        // Each commit by itself first: a fold that refuses a commit because a row is not there yet would ask for
        // nothing behind it.
        for commit in commits {
            let _ = M::fold(&Rows(&known), &[commit], &mut Writes::default());
        }
        let mut wanted = known.take_missed();
        if wanted.is_empty() {
            let mut writes = Writes::default();
            let folded = M::fold(&Rows(&known), commits, &mut writes);
            wanted = known.take_missed();
            if wanted.is_empty() {
                // With every row it asked for, its answer is the answer, also a refusal.
                return folded.map(|()| writes);
            }
        }
        known.fetch(home, &wanted).await?;
    }
    Err(ViewError::home(format!("the fold of {} asked for rows {RUNS_MAX} times", M::NAME)))
}
