//! Statements of a dialect.

use std::fmt::Write as _;

use super::{Kind, Step, Table};

/// A dialect of SQL: what differs between the databases that views live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
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
        let (columns, values) = (list(self.names()), placeholders(self.columns.len()));
        format!("INSERT INTO {} ({columns}) VALUES ({values}) {}", self.name, self.on_conflict())
    }

    fn on_conflict(&self) -> String {
        let key = list(self.key_names());
        let sets: Vec<_> =
            self.names().skip(self.key).map(|name| format!("{name} = excluded.{name}")).collect();
        let change =
            if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        format!("ON CONFLICT ({key}) DO {change}")
    }
}

/// Statements of PostgreSQL over any number of rows: an array a column, with placeholders from `first` on.
#[cfg(feature = "postgres")]
impl Table {
    /// `unnest($3::text[], $4::bigint[])` over the first columns.
    fn unnest(&self, columns: usize, first: usize) -> String {
        let arrays = self.columns.iter().take(columns).zip(first..).map(|(column, number)| {
            let element = match column.kind {
                Kind::Text | Kind::OptionalText => "text",
                Kind::Integer | Kind::OptionalInteger => "bigint",
            };
            format!("${number}::{element}[]")
        });
        format!("unnest({})", arrays.collect::<Vec<_>>().join(", "))
    }

    /// `a.player = b.player AND ...` over the primary key.
    fn same_key(&self, left: &str, right: &str) -> String {
        let terms = self.key_names().map(|name| format!("{left}.{name} = {right}.{name}"));
        terms.collect::<Vec<_>>().join(" AND ")
    }

    /// Puts rows, new or not, if the condition holds.
    pub(crate) fn upsert_all(&self, first: usize, condition: &str) -> String {
        let (columns, given) = (list(self.names()), self.unnest(self.columns.len(), first));
        format!(
            "INSERT INTO {} ({columns}) SELECT given.* FROM {given} AS given ({columns}) WHERE {condition} {}",
            self.name,
            self.on_conflict()
        )
    }

    /// Takes the rows with these keys away, if the condition holds.
    pub(crate) fn delete_all(&self, first: usize, condition: &str) -> String {
        let (table, key, given) = (self.name, list(self.key_names()), self.unnest(self.key, first));
        let same = self.same_key(table, "given");
        format!("DELETE FROM {table} USING {given} AS given ({key}) WHERE {same} AND {condition}")
    }

    /// The rows with these keys, each as its number of the table and an array of texts.
    pub(crate) fn select_all(&self, number: usize, first: usize) -> String {
        let (key, given) = (list(self.key_names()), self.unnest(self.key, first));
        let texts = self.names().map(|name| format!("known.{name}::text")).collect::<Vec<_>>().join(", ");
        let same = self.same_key("known", "given");
        format!(
            "SELECT {number}::bigint, ARRAY[{texts}] FROM {given} AS given ({key}) JOIN {} AS known ON {same}",
            self.name
        )
    }
}

impl Dialect {
    fn kind(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Sqlite, Kind::Text) => "TEXT NOT NULL",
            (Self::Sqlite, Kind::Integer) => "INTEGER NOT NULL",
            (Self::Sqlite, Kind::OptionalText) => "TEXT",
            (Self::Sqlite, Kind::OptionalInteger) => "INTEGER",
            // Order is bytewise, whatever the database's own is.
            (Self::Postgres, Kind::Text) => "TEXT COLLATE \"C\" NOT NULL",
            (Self::Postgres, Kind::Integer) => "BIGINT NOT NULL",
            (Self::Postgres, Kind::OptionalText) => "TEXT COLLATE \"C\"",
            (Self::Postgres, Kind::OptionalInteger) => "BIGINT",
        }
    }

    fn table_end(self) -> &'static str {
        match self {
            Self::Sqlite => " STRICT, WITHOUT ROWID",
            Self::Postgres => "",
        }
    }

    pub(super) fn step(self, step: &Step) -> String {
        match (self, step) {
            (_, Step::Table(table)) => self.create(table),
            (Self::Sqlite, Step::Sql { sqlite, .. }) => format!("{sqlite}\n"),
            (Self::Postgres, Step::Sql { postgres, .. }) => format!("{postgres}\n"),
        }
    }

    /// Makes a table and its indexes.
    pub(crate) fn create(self, table: &Table) -> String {
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
        assert_eq!(
            Dialect::Postgres.step(&Step::Table(&PAIRS)),
            "CREATE TABLE pairs (\n    a TEXT COLLATE \"C\" NOT NULL,\n    b BIGINT NOT NULL,\n    \
             c TEXT COLLATE \"C\",\n    d BIGINT,\n    \
             PRIMARY KEY (a, b)\n);\nCREATE INDEX pairs_by_c ON pairs (c, a);\n"
        );
        let step = Step::Sql { sqlite: "one;", postgres: "two;" };
        assert_eq!(
            (Dialect::Sqlite.step(&step), Dialect::Postgres.step(&step)),
            ("one;\n".into(), "two;\n".into())
        );
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn statements_over_many_rows_are_as_written_by_hand() {
        assert_eq!(
            PAIRS.upsert_all(2, "x"),
            "INSERT INTO pairs (a, b, c, d) SELECT given.* \
             FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[]) AS given (a, b, c, d) WHERE x \
             ON CONFLICT (a, b) DO UPDATE SET c = excluded.c, d = excluded.d"
        );
        assert_eq!(
            PAIRS.delete_all(7, "x"),
            "DELETE FROM pairs USING unnest($7::text[], $8::bigint[]) AS given (a, b) \
             WHERE pairs.a = given.a AND pairs.b = given.b AND x"
        );
        assert_eq!(
            KEYS.select_all(3, 1),
            "SELECT 3::bigint, ARRAY[known.a::text] FROM unnest($1::text[]) AS given (a) \
             JOIN keys AS known ON known.a = given.a"
        );
    }
}
