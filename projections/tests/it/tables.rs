//! The tables of the built-in views are what the golden file says: who changes one sees it, and decides on a new
//! version of the view or on a migration.

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::sql::{Dialect, SqlModel};
use ledger_projections::trial_balance::TrialBalance;
use std::fmt::Write as _;

use crate::model::Turnover;

fn tables<M: SqlModel>(dialect: Dialect) -> String {
    let mut text = format!("-- {}, version {}\n", M::NAME, M::VERSION);
    for (number, migration) in (1..).zip(M::MIGRATIONS) {
        let checksum = migration.checksum(dialect);
        writeln!(text, "-- migration {number}: {}, {checksum}", migration.name).unwrap();
        text += &migration.sql(dialect);
    }
    text
}

fn check(dialect: Dialect, path: &str) {
    let found = [
        tables::<Balances>(dialect),
        tables::<TrialBalance>(dialect),
        tables::<Rounds>(dialect),
        tables::<Turnover>(dialect),
    ]
    .join("\n");
    if std::env::var_os("LEDGER_BLESS_TABLES").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        found, expected,
        "a table changed: give the view a new version (it is rebuilt) or add a migration, then run this test with \
         LEDGER_BLESS_TABLES=1 and look at what changed in the file"
    );
}

#[test]
fn the_tables_are_those_of_the_golden_file() {
    check(Dialect::Sqlite, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tables.sql"));
}

#[test]
fn the_tables_of_postgresql_are_those_of_the_golden_file() {
    check(Dialect::Postgres, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tables.postgres.sql"));
}
