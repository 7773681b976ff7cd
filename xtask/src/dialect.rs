//! The dialect check: SQL for PostgreSQL must also run on databases that speak its protocol and know less.
//!
//! Every `.sql` file in a folder `postgres` is parsed. It must be one statement of the kinds, types and
//! functions below, and go to its shard. What is not on a list is refused: databases differ in what they lack,
//! not in what they all have. SQL hidden in Rust beside such files is refused too, because nobody would read it.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use sqlparser::ast::{
    ColumnOption, CreateTable, DataType, Expr, FunctionArguments, LockType, ObjectName, Query, Statement,
    TableConstraint, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use crate::tidy;

/// Functions that every database has, and none that tells a clock, a transaction, a sequence or a lock.
const FUNCTIONS: &[&str] = &[
    "coalesce",
    "count",
    "current_setting",
    "greatest",
    "least",
    "max",
    "min",
    "octet_length",
    "sum",
    "unnest",
];
/// Types that every database has.
const TYPES: &[&str] = &["BIGINT", "BOOLEAN", "BYTEA", "INTEGER", "NUMERIC", "TEXT", "UUID"];
/// Columns that only PostgreSQL has.
const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "oid", "tableoid", "xmax", "xmin"];
/// Small tables about the ledger as a whole, which belong to no shard.
const META_TABLES: &[&str] = &["ledger", "lease", "member", "migration"];
/// Statements that are about all shards.
const ALL_SHARDS: &[&str] = &["create_heads.sql", "heads.sql", "newest.sql", "shard_leases.sql"];
/// How SQL begins.
const VERBS: &[&str] =
    &["ALTER ", "CREATE ", "DELETE FROM ", "DROP ", "INSERT INTO ", "LOCK ", "SELECT ", "UPDATE ", "WITH "];
/// What names a schema or sets up a connection cannot stand in a file.
const VERBS_ALLOWED: &[&str] = &["CREATE SCHEMA IF NOT EXISTS "];

/// Checks every file that git knows or would take.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    eprintln!("$ dialect");
    let mut faults = Vec::new();
    let mut checked = 0;
    for path in tidy::files(root)? {
        // Views live in PostgreSQL alone: they lock by advisory locks, and answer in JSON.
        let is_ours = path.split('/').any(|part| part == "postgres")
            && path.contains("/src/")
            && !path.starts_with("projections/");
        let Ok(text) = fs::read_to_string(root.join(&path)) else { continue };
        let found = if !is_ours || path.starts_with("testkit/") {
            continue;
        } else if tidy::has_extension(&path, "sql") {
            checked += 1;
            faults_of_sql(&path, &text)
        } else if tidy::has_extension(&path, "rs") {
            hidden_sql(&text)
        } else {
            continue;
        };
        faults.extend(found.into_iter().map(|fault| format!("{path}: {fault}")));
    }
    if checked == 0 {
        faults.push("no SQL was found: the check looks in the wrong place".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("not in the dialect:\n  {}", faults.join("\n  "))) }
}

/// What a file holds that another database would not take.
fn faults_of_sql(path: &str, text: &str) -> Vec<String> {
    let statements = match Parser::parse_sql(&PostgreSqlDialect {}, text) {
        Ok(statements) => statements,
        Err(error) => return vec![format!("cannot be parsed: {error}")],
    };
    let [statement] = statements.as_slice() else {
        return vec![format!("holds {} statements, not one", statements.len())];
    };
    let mut check = Check::default();
    if let ControlFlow::Break(never) = statement.visit(&mut check) {
        match never {}
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if check.touches_shards && !check.names_shard && !ALL_SHARDS.contains(&name) {
        check.fault("does not compare `shard`: it would be asked of every machine");
    }
    check.faults
}

#[derive(Default)]
struct Check {
    faults: Vec<String>,
    /// Whether a table is read or written that has a shard.
    touches_shards: bool,
    /// Whether something is compared with a shard, or a row is inserted with one.
    names_shard: bool,
    /// The tables that are defined here, which need not name a shard again.
    defines: bool,
    /// Names of common table expressions: no tables.
    local: Vec<String>,
}

fn last_name(name: &ObjectName) -> String {
    name.0.last().map(|part| part.to_string().to_lowercase()).unwrap_or_default()
}

impl Check {
    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    fn kind(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(_) | Statement::Update { .. } | Statement::Delete(_) => {}
            Statement::Insert(insert) => {
                self.names_shard |= insert.columns.iter().any(|column| is_shard(&column.to_string()));
            }
            Statement::CreateTable(table) => self.table(table),
            Statement::CreateIndex(index) => {
                self.defines = true;
                let first = index.columns.first().map(ToString::to_string).unwrap_or_default();
                if !is_shard(&first) {
                    self.fault(format!("an index begins with {first}, not with `shard`"));
                }
                if index.concurrently {
                    self.fault("CONCURRENTLY is PostgreSQL's alone");
                }
            }
            other => {
                let words: Vec<_> = other.to_string().split_whitespace().take(2).map(str::to_owned).collect();
                self.fault(format!("{} is not among the statements allowed", words.join(" ")));
            }
        }
    }

    fn table(&mut self, table: &CreateTable) {
        self.defines = true;
        let name = last_name(&table.name);
        if table.temporary || table.query.is_some() || table.inherits.is_some() {
            self.fault("only plain tables are allowed");
        }
        let mut primary = None;
        for column in &table.columns {
            self.data_type(&column.data_type);
            for option in &column.options {
                match &option.option {
                    ColumnOption::NotNull | ColumnOption::Null | ColumnOption::Check(_) => {}
                    ColumnOption::PrimaryKey(_) => primary = Some(column.name.value.clone()),
                    other => self.fault(format!("{}: {other} is not allowed", column.name)),
                }
            }
        }
        for constraint in &table.constraints {
            match constraint {
                TableConstraint::PrimaryKey(key) => {
                    primary = key.columns.first().map(ToString::to_string);
                }
                other => self.fault(format!("{other} is not allowed")),
            }
        }
        match primary {
            None => self.fault(format!("{name} has no primary key")),
            Some(first) if !is_shard(&first) && !META_TABLES.contains(&name.as_str()) => {
                self.fault(format!("the primary key of {name} begins with {first}, not with `shard`"));
            }
            Some(_) => {}
        }
    }

    fn data_type(&mut self, data_type: &DataType) {
        let text = data_type.to_string().to_uppercase();
        let name = text.trim_end_matches("[]");
        if !TYPES.contains(&name) {
            self.fault(format!("the type {text} is not allowed"));
        }
    }

    fn column(&mut self, name: &str) {
        if SYSTEM_COLUMNS.contains(&name.to_lowercase().as_str()) {
            self.fault(format!("the system column {name} is PostgreSQL's alone"));
        }
    }
}

/// A column of a shard, whatever its table is called here.
fn is_shard(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("shard"))
}

fn names_shard(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(name) => is_shard(&name.value),
        Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|part| is_shard(&part.value)),
        _ => false,
    }
}

impl Visitor for Check {
    type Break = std::convert::Infallible;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Self::Break> {
        self.kind(statement);
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.local.push(cte.alias.name.value.to_lowercase());
        }
        for lock in &query.locks {
            if !matches!(lock.lock_type, LockType::Update) || lock.nonblock.is_some() {
                self.fault(format!("{lock} is not allowed, only FOR UPDATE"));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Self::Break> {
        let name = last_name(relation);
        let text = relation.to_string().to_lowercase();
        if text.starts_with("pg_") || text.contains("information_schema") {
            self.fault(format!("{text} is a catalogue of PostgreSQL's"));
        }
        let is_meta = META_TABLES.contains(&name.as_str()) || self.local.contains(&name);
        self.touches_shards |= !is_meta && !self.defines;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                if !FUNCTIONS.contains(&name.as_str()) {
                    self.fault(format!("the function {name} is not among those allowed"));
                }
                if !matches!(function.args, FunctionArguments::List(_)) {
                    self.fault(format!("{name} has no list of arguments"));
                }
            }
            Expr::Cast { data_type, .. } => self.data_type(data_type),
            Expr::Identifier(name) => self.column(&name.value),
            Expr::CompoundIdentifier(parts) => {
                if let Some(part) = parts.last() {
                    self.column(&part.value);
                }
            }
            Expr::BinaryOp { left, right, .. } => self.names_shard |= names_shard(left) || names_shard(right),
            Expr::AnyOp { left, .. } => self.names_shard |= names_shard(left),
            Expr::Between { expr, .. } => self.names_shard |= names_shard(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Literals of Rust that begin as SQL does.
fn hidden_sql(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("//") || line.contains("#[cfg(test)]") {
            continue;
        }
        for literal in line.split('"').skip(1).step_by(2) {
            let begins = |verb: &&&str| literal.starts_with(**verb);
            if VERBS.iter().any(|verb| begins(&verb)) && !VERBS_ALLOWED.iter().any(|verb| begins(&verb)) {
                faults.push(format!("line {number}: SQL in Rust; give it a file of its own"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(sql: &str) -> String {
        faults_of_sql("a/src/postgres/sql/x.sql", sql).join("; ")
    }

    #[test]
    fn what_is_forbidden_is_found() {
        for (sql, due) in [
            ("SELECT pg_advisory_xact_lock(1)", "pg_advisory_xact_lock"),
            ("SELECT nextval('s')", "nextval"),
            ("SELECT txid_current()", "txid_current"),
            ("SELECT pg_current_snapshot()", "pg_current_snapshot"),
            ("SELECT now()", "now"),
            ("SELECT clock_timestamp()", "clock_timestamp"),
            ("SELECT random()", "random"),
            ("SELECT gen_random_uuid()", "gen_random_uuid"),
            ("SELECT h.xmin FROM head AS h WHERE h.shard = $1", "xmin"),
            ("SELECT ctid FROM head WHERE shard = $1", "ctid"),
            ("SELECT l.pid FROM pg_locks AS l", "pg_locks"),
            ("SELECT $1::xid8", "XID8"),
            ("SELECT $1::regclass", "REGCLASS"),
            ("SELECT h.position FROM head AS h WHERE h.shard = $1 FOR UPDATE SKIP LOCKED", "SKIP LOCKED"),
            ("SELECT h.position FROM head AS h WHERE h.shard = $1 FOR SHARE", "FOR SHARE"),
            ("SELECT h.position FROM head AS h WHERE h.position = $1", "does not compare `shard`"),
            ("UPDATE head SET position = $1 WHERE position = $2", "does not compare `shard`"),
            ("DELETE FROM snapshot WHERE position = $1", "does not compare `shard`"),
            ("SAVEPOINT s", "SAVEPOINT"),
            ("LISTEN c", "LISTEN"),
            ("NOTIFY c", "NOTIFY"),
            ("TRUNCATE head", "TRUNCATE"),
            ("LOCK TABLE head", ""),
            ("CREATE SEQUENCE s", "CREATE SEQUENCE"),
            ("CREATE TRIGGER t AFTER INSERT ON head FOR EACH ROW EXECUTE FUNCTION f()", "CREATE TRIGGER"),
            ("CREATE TEMPORARY TABLE t (shard integer PRIMARY KEY)", "plain tables"),
            ("CREATE TABLE t (shard integer)", "no primary key"),
            ("CREATE TABLE t (position bigint PRIMARY KEY)", "begins with position"),
            ("CREATE TABLE t (shard serial PRIMARY KEY)", "SERIAL"),
            ("CREATE TABLE t (shard integer PRIMARY KEY, at timestamptz)", "TIMESTAMPTZ"),
            ("CREATE TABLE t (shard integer PRIMARY KEY, b bigint REFERENCES head (shard))", "REFERENCES"),
            ("CREATE TABLE t (shard integer PRIMARY KEY, b bigint GENERATED ALWAYS AS IDENTITY)", "IDENTITY"),
            (
                "CREATE TABLE t (shard integer, FOREIGN KEY (shard) REFERENCES head (shard), PRIMARY KEY (shard))",
                "FOREIGN KEY",
            ),
            ("CREATE INDEX i ON commits (position)", "not with `shard`"),
            ("SELECT 1; SELECT 2", "2 statements"),
            ("SELEKT 1", "cannot be parsed"),
            (
                "WITH m AS (UPDATE head SET position = 1 WHERE shard = $1 RETURNING xmax) SELECT * FROM m",
                "xmax",
            ),
        ] {
            let found = faults(sql);
            assert!(!found.is_empty() && found.contains(due), "{sql}: {found:?}");
        }
    }

    #[test]
    fn what_every_database_has_passes() {
        for sql in [
            "SELECT h.position FROM head AS h WHERE h.shard = $1 FOR UPDATE",
            "SELECT max(h.position) FROM head AS h WHERE h.shard = ANY ($1::integer[])",
            "INSERT INTO head (shard, position) SELECT u.s, u.p FROM unnest($1::integer[], $2::bigint[]) AS u (s, p) ON CONFLICT (shard) DO NOTHING",
            "CREATE TABLE t (shard integer NOT NULL, body bytea NOT NULL, PRIMARY KEY (shard, body))",
            "CREATE TABLE lease (name text PRIMARY KEY)",
            "SELECT l.name FROM lease AS l",
        ] {
            assert_eq!(faults(sql), "", "{sql}");
        }
    }

    #[test]
    fn sql_in_rust_is_found() {
        assert_eq!(hidden_sql("let a = \"SELECT 1\";").len(), 1);
        assert_eq!(hidden_sql("x\nlet a = format!(\"UPDATE {t} SET\");").len(), 1);
        for sound in
            ["// \"SELECT 1\"", "\"select me\"", "\"CREATE SCHEMA IF NOT EXISTS x\"", "\"SET a TO 1\""]
        {
            assert!(hidden_sql(sound).is_empty(), "{sound}");
        }
    }

    #[test]
    fn every_statement_of_the_repository_is_in_the_dialect() {
        run(&crate::step::root()).expect("all of them are");
    }
}
