//! Statements of a dialect.

use std::fmt::Write as _;

use super::{Kind, Step, Table};

/// A dialect of SQL: what differs between the databases that views live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite.
    Sqlite,
}

/// Names joined by commas.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn placeholders(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

impl Table {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name)
    }

    fn key_names(&self) -> impl Iterator<Item = &'static str> {
        self.names().take(self.key)
    }

    /// `a = $1 AND b = $2 ...` over the primary key.
    fn by_key(&self) -> String {
        let terms = self.key_names().zip(1..).map(|(name, number)| format!("{name} = ${number}"));
        terms.collect::<Vec<_>>().join(" AND ")
    }

    /// The row with a key: what both dialects agree on.
    pub fn select(&self) -> String {
        format!("SELECT {} FROM {} WHERE {}", list(self.names()), self.name, self.by_key())
    }

    /// Takes the row with a key away.
    pub fn delete(&self) -> String {
        format!("DELETE FROM {} WHERE {}", self.name, self.by_key())
    }

    /// Puts a row, new or not.
    pub fn upsert(&self) -> String {
        let (columns, key) = (list(self.names()), list(self.key_names()));
        let sets: Vec<_> =
            self.names().skip(self.key).map(|name| format!("{name} = excluded.{name}")).collect();
        let change =
            if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        let values = placeholders(self.columns.len());
        format!("INSERT INTO {} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO {change}", self.name)
    }
}

impl Dialect {
    fn kind(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Sqlite, Kind::Text) => "TEXT NOT NULL",
            (Self::Sqlite, Kind::Integer) => "INTEGER NOT NULL",
            (Self::Sqlite, Kind::OptionalText) => "TEXT",
            (Self::Sqlite, Kind::OptionalInteger) => "INTEGER",
        }
    }

    fn table_end(self) -> &'static str {
        match self {
            Self::Sqlite => " STRICT, WITHOUT ROWID",
        }
    }

    pub(super) fn step(self, step: &Step) -> String {
        match (self, step) {
            (_, Step::Table(table)) => self.create(table),
            (Self::Sqlite, Step::Sql { sqlite, .. }) => format!("{sqlite}\n"),
        }
    }

    /// Makes a table and its indexes.
    fn create(self, table: &Table) -> String {
        let mut text = format!("CREATE TABLE {} (\n", table.name);
        for column in table.columns {
            let _ = writeln!(text, "    {} {},", column.name, self.kind(column.kind));
        }
        let _ = writeln!(text, "    PRIMARY KEY ({})\n){};", list(table.key_names()), self.table_end());
        for index in table.indexes {
            let columns = list(index.columns.iter().copied());
            let _ = writeln!(text, "CREATE INDEX {} ON {} ({columns});", index.name, table.name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Index};
    use super::*;

    static PAIRS: Table = Table {
        name: "pairs",
        columns: &[
            Column::text("a"),
            Column::integer("b"),
            Column::optional_text("c"),
            Column::optional_integer("d"),
        ],
        key: 2,
        indexes: &[Index { name: "pairs_by_c", columns: &["c", "a"] }],
    };
    static KEYS: Table = Table { name: "keys", columns: &[Column::text("a")], key: 1, indexes: &[] };

    #[test]
    fn statements_are_as_written_by_hand() {
        assert_eq!(PAIRS.select(), "SELECT a, b, c, d FROM pairs WHERE a = $1 AND b = $2");
        assert_eq!(PAIRS.delete(), "DELETE FROM pairs WHERE a = $1 AND b = $2");
        assert_eq!(
            PAIRS.upsert(),
            "INSERT INTO pairs (a, b, c, d) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (a, b) DO UPDATE SET c = excluded.c, d = excluded.d"
        );
        assert_eq!(KEYS.upsert(), "INSERT INTO keys (a) VALUES ($1) ON CONFLICT (a) DO NOTHING");
        assert_eq!(
            Dialect::Sqlite.step(&Step::Table(&PAIRS)),
            "CREATE TABLE pairs (\n    a TEXT NOT NULL,\n    b INTEGER NOT NULL,\n    c TEXT,\n    d INTEGER,\n    \
             PRIMARY KEY (a, b)\n) STRICT, WITHOUT ROWID;\nCREATE INDEX pairs_by_c ON pairs (c, a);\n"
        );
    }
}
