//! A home that is a network away: rows are fetched in bulk, and the views do not know.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::sql::bulk::{self, Fetch, Wanted};
use ledger_projections::sql::{Lookup, Migration, Row, SqlModel, Step, Table, Value, Writes};
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Commit, ViewError};

use crate::history::World;
use crate::property::block_on;

type Rows = BTreeMap<(&'static str, Vec<Value>), Vec<Value>>;

/// Tables in memory that are asked as a database elsewhere is: many keys at once.
#[derive(Default)]
struct Elsewhere {
    rows: Rows,
    trips: usize,
}

#[async_trait]
impl Fetch for Elsewhere {
    async fn fetch(&mut self, wanted: &[Wanted]) -> Result<Vec<(&'static Table, Row)>, ViewError> {
        self.trips += 1;
        let mut found = Vec::new();
        for Wanted { table, keys } in wanted {
            assert!(keys.is_sorted_by(|left, right| left < right), "each key once, in order");
            for key in keys {
                found.extend(self.rows.get(&(table.name, key.clone())).map(|row| (*table, Row(row.clone()))));
            }
        }
        Ok(found)
    }
}

impl Elsewhere {
    fn write(&mut self, writes: &Writes) {
        for (table, rows) in writes.tables() {
            for (key, row) in rows {
                let place = (table.name, key.clone());
                match row {
                    Some(row) => {
                        assert_eq!((row.len(), &row[..table.key]), (table.columns.len(), &key[..]));
                        self.rows.insert(place, row.clone());
                    }
                    None => drop(self.rows.remove(&place)),
                }
            }
        }
    }
}

/// Tables that answer row by row.
struct Here<'a>(&'a Rows);

impl Lookup for Here<'_> {
    fn row(&self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, ViewError> {
        Ok(self.0.get(&(table.name, key.to_vec())).cloned().map(Row))
    }
}

fn equal_in_bulk<M: SqlModel>(commits: &[Arc<Commit>], batch: usize) {
    let (mut elsewhere, mut here) = (Elsewhere::default(), Elsewhere::default());
    let mut batches = 0;
    for commits in commits.chunks(batch) {
        let commits: Vec<&Commit> = commits.iter().map(AsRef::as_ref).collect();
        let writes = block_on(bulk::fold::<M>(&mut elsewhere, &commits)).unwrap();
        elsewhere.write(&writes);
        let mut writes = Writes::default();
        M::fold(&Here(&here.rows), &commits, &mut writes).unwrap();
        here.write(&writes);
        assert_eq!(elsewhere.rows, here.rows);
        batches += 1;
    }
    assert!(!here.rows.is_empty());
    assert!(elsewhere.trips <= batches * 3, "{} trips for {batches} batches of {}", elsewhere.trips, M::NAME);
}

#[test]
fn every_view_folds_in_bulk_as_row_by_row() {
    for (seed, batch) in [(95, 1), (96, 20), (97, 400)] {
        let commits = World::new(4, 6, seed).commits(400);
        equal_in_bulk::<Balances>(&commits, batch);
        equal_in_bulk::<TrialBalance>(&commits, batch);
        equal_in_bulk::<Rounds>(&commits, batch);
        equal_in_bulk::<crate::model::Turnover>(&commits, batch);
    }
}

/// A refusal counts only when it was made in the knowledge of every row it asked for.
#[test]
fn a_refusal_is_made_in_full_knowledge() {
    let mut world = World::new(1, 3, 98);
    let commits = world.commits(60);
    let refs: Vec<&Commit> = commits.iter().map(AsRef::as_ref).collect();
    let mut home = Elsewhere::default();
    let writes = block_on(bulk::fold::<Balances>(&mut home, &refs[..40])).unwrap();
    home.write(&writes);
    // The players are known to the home and not to the first run.
    block_on(bulk::fold::<Balances>(&mut home, &refs[40..])).unwrap();
    let mut empty = Elsewhere::default();
    let refused = block_on(bulk::fold::<Balances>(&mut empty, &refs[40..]));
    assert!(matches!(refused, Err(ViewError::Poison { .. })), "{refused:?}");
}

/// A model that always asks for one more.
struct Endless;

static NUMBERS: Table = Table {
    name: "numbers",
    columns: &[ledger_projections::sql::Column::integer("n")],
    key: 1,
    indexes: &[],
};

impl SqlModel for Endless {
    const NAME: &'static str = "endless";
    const VERSION: u32 = 1;
    const MIGRATIONS: &'static [Migration] =
        &[Migration { name: "numbers", steps: &[Step::Table(&NUMBERS)] }];
    fn fold(rows: &dyn Lookup, _: &[&Commit], _: &mut Writes) -> Result<(), ViewError> {
        for n in 0_i64.. {
            if rows.row(&NUMBERS, &[n.into()])?.is_none() {
                rows.row(&NUMBERS, &[(n + 1).into()])?;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whatever is asked for is there.
struct Everything;

#[async_trait]
impl Fetch for Everything {
    async fn fetch(&mut self, wanted: &[Wanted]) -> Result<Vec<(&'static Table, Row)>, ViewError> {
        let rows = |wanted: &Wanted| {
            let table = wanted.table;
            wanted.keys.iter().map(move |key| (table, Row(key.clone()))).collect::<Vec<_>>()
        };
        Ok(wanted.iter().flat_map(rows).collect())
    }
}

#[test]
fn a_fold_that_does_not_stop_asking_is_stopped() {
    let error = block_on(bulk::fold::<Endless>(&mut Everything, &[])).unwrap_err();
    assert!(error.to_string().contains("32 times"), "{error}");
}
