//! Questions and answers: several in one statement, and so of one snapshot and in one round trip.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo};
use sqlx::{Arguments as _, Encode, Postgres, Row as _, Type};

use super::failure::Failure;
use super::link::Statement;
use crate::error::ViewError;
use crate::sql::bulk::Wanted;
use crate::sql::{Kind, Query, Row, Table, Value, Writes};

/// Nothing, of whatever type the place has.
struct Nothing;

impl Type<Postgres> for Nothing {
    fn type_info() -> PgTypeInfo {
        // "unknown": the server takes the type from where it stands.
        PgTypeInfo::with_oid(Oid(705))
    }
}

impl Encode<'_, Postgres> for Nothing {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

fn unbindable(error: impl fmt::Display) -> ViewError {
    ViewError::home(format!("a value cannot be sent: {error}"))
}

fn bind(values: &mut PgArguments, value: &Value) -> Result<(), ViewError> {
    let done = match value {
        Value::Null => values.add(Nothing),
        Value::Integer(number) => values.add(*number),
        Value::Text(text) => values.add(text.as_str()),
    };
    done.map_err(unbindable)
}

/// Gives the placeholders `$1`, `$2` ... of a text higher numbers.
fn raised(sql: &str, by: usize) -> String {
    let mut text = String::with_capacity(sql.len() + 8);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, later) = after.split_at(digits);
        text.push_str(before);
        text.push('$');
        match number.parse::<usize>() {
            Ok(number) => text.push_str(&(number + by).to_string()),
            Err(_) => text.push_str(number),
        }
        rest = later;
    }
    text + rest
}

/// One statement for several questions. Its one row has a column of JSON for each.
pub(super) fn question(queries: &[Query]) -> Result<Statement, ViewError> {
    question_of(queries.iter().map(|query| (query.sql, query.values.as_slice())))
}

/// As [`question`], of texts that are made at run time.
pub(super) fn question_of<'a>(
    queries: impl Iterator<Item = (&'a str, &'a [Value])>,
) -> Result<Statement, ViewError> {
    let mut values = PgArguments::default();
    let mut columns = Vec::new();
    let mut bound = 0;
    for (sql, given) in queries {
        let sql = raised(sql, bound);
        // Rows of a sorted subquery are aggregated in its order.
        columns.push(format!("(SELECT json_agg(answer)::text FROM ({sql}) AS answer)"));
        given.iter().try_for_each(|value| bind(&mut values, value))?;
        bound += given.len();
    }
    Ok(Statement { sql: format!("SELECT {}", columns.join(", ")), values })
}

/// A row as an object of JSON: its columns in order.
struct Columns(Vec<Value>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Columns;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut values = Vec::new();
                while let Some((IgnoredAny, Cell(value))) = map.next_entry()? {
                    values.push(value);
                }
                Ok(Columns(values))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Plain {
    Null,
    Integer(i64),
    Text(String),
}

struct Cell(Value);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Option::<Plain>::deserialize(deserializer)? {
            None | Some(Plain::Null) => Value::Null,
            Some(Plain::Integer(number)) => Value::Integer(number),
            Some(Plain::Text(text)) => Value::Text(text),
        }))
    }
}

/// The answers to [`question`], in its order.
pub(super) fn answers(rows: &[PgRow]) -> Result<Vec<Vec<Row>>, Failure> {
    let row = rows.first().ok_or_else(|| Failure::Damaged("no answer".to_owned()))?;
    let mut answers = Vec::with_capacity(row.len());
    for column in 0..row.len() {
        let text: Option<&str> = row.try_get(column)?;
        let rows: Vec<Columns> = match text {
            None => Vec::new(),
            Some(text) => serde_json::from_str(text)
                .map_err(|error| Failure::Damaged(format!("an answer cannot be read: {error}")))?,
        };
        answers.push(rows.into_iter().map(|row| Row(row.0)).collect());
    }
    Ok(answers)
}

/// The values of one column, an array for all rows.
fn bind_column<'a>(
    values: &mut PgArguments,
    kind: Kind,
    column: impl Iterator<Item = Option<&'a Value>>,
) -> Result<(), ViewError> {
    let other = |value: Option<&Value>| ViewError::home(format!("{value:?} does not fit its column"));
    let done = match kind {
        Kind::Text | Kind::OptionalText => {
            let texts = column.map(|value| match value {
                Some(Value::Text(text)) => Ok(Some(text.as_str())),
                Some(Value::Null) => Ok(None),
                value => Err(other(value)),
            });
            values.add(texts.collect::<Result<Vec<_>, _>>()?)
        }
        Kind::Integer | Kind::OptionalInteger => {
            let numbers = column.map(|value| match value {
                Some(Value::Integer(number)) => Ok(Some(*number)),
                Some(Value::Null) => Ok(None),
                value => Err(other(value)),
            });
            values.add(numbers.collect::<Result<Vec<_>, _>>()?)
        }
    };
    done.map_err(unbindable)
}

fn bind_rows(
    values: &mut PgArguments,
    table: &Table,
    columns: usize,
    rows: &[&[Value]],
) -> Result<(), ViewError> {
    for (index, column) in table.columns.iter().take(columns).enumerate() {
        bind_column(values, column.kind, rows.iter().map(|row| row.get(index)))?;
    }
    Ok(())
}

/// The rows of several tables in one statement.
pub(super) fn fetch(wanted: &[Wanted]) -> Result<Statement, ViewError> {
    let mut values = PgArguments::default();
    let mut parts = Vec::with_capacity(wanted.len());
    let mut first = 1;
    for (number, Wanted { table, keys }) in wanted.iter().enumerate() {
        parts.push(table.select_all(number, first));
        let keys: Vec<&[Value]> = keys.iter().map(Vec::as_slice).collect();
        bind_rows(&mut values, table, table.key, &keys)?;
        first += table.key;
    }
    Ok(Statement { sql: parts.join(" UNION ALL "), values })
}

/// What [`fetch`] found.
pub(super) fn fetched(wanted: &[Wanted], rows: &[PgRow]) -> Result<Vec<(&'static Table, Row)>, Failure> {
    let damaged = |what: String| Failure::Damaged(what);
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let (number, texts): (i64, Vec<Option<String>>) = (row.try_get(0)?, row.try_get(1)?);
        let table = usize::try_from(number).ok().and_then(|number| wanted.get(number));
        let table = table.ok_or_else(|| damaged(format!("nobody asked for table {number}")))?.table;
        let mut values = Vec::with_capacity(texts.len());
        for (column, text) in table.columns.iter().zip(texts) {
            values.push(match (column.kind, text) {
                (_, None) => Value::Null,
                (Kind::Text | Kind::OptionalText, Some(text)) => Value::Text(text),
                (Kind::Integer | Kind::OptionalInteger, Some(text)) => {
                    let number = text.parse().map_err(|_| damaged(format!("{text:?} is no number")))?;
                    Value::Integer(number)
                }
            });
        }
        found.push((table, Row(values)));
    }
    Ok(found)
}

/// One statement that writes all that a batch changes, if the view stands after so many batches; then it has a row.
pub(super) fn write(batches: i64, writes: &Writes) -> Result<Statement, ViewError> {
    const FENCED: &str = "EXISTS (SELECT 1 FROM fence)";
    let mut values = PgArguments::default();
    values.add(batches).map_err(unbindable)?;
    let mut sql =
        "WITH fence AS (UPDATE view_frame SET batches = batches + 1 WHERE batches = $1 RETURNING 1)"
            .to_owned();
    let (mut first, mut number) = (2, 0);
    for (table, rows) in writes.tables() {
        let puts: Vec<&[Value]> = rows.values().flatten().map(Vec::as_slice).collect();
        let gone: Vec<&[Value]> =
            rows.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| key.as_slice()).collect();
        if !puts.is_empty() {
            number += 1;
            let _ = write!(sql, ", write{number} AS ({})", table.upsert_all(first, FENCED));
            bind_rows(&mut values, table, table.columns.len(), &puts)?;
            first += table.columns.len();
        }
        if !gone.is_empty() {
            number += 1;
            let _ = write!(sql, ", write{number} AS ({})", table.delete_all(first, FENCED));
            bind_rows(&mut values, table, table.key, &gone)?;
            first += table.key;
        }
    }
    sql += " SELECT 1 FROM fence";
    Ok(Statement { sql, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(raised("a = $1 AND b > $2 LIMIT $13", 2), "a = $3 AND b > $4 LIMIT $15");
        assert_eq!(raised("no placeholder, a $ alone", 2), "no placeholder, a $ alone");
        let query = |sql, value: i64| Query::new(sql, [value.into()]);
        let asked =
            question(&[query("SELECT $1", 1), query("SELECT a FROM b WHERE c = $1", 2)]).expect("values");
        assert!(asked.sql.contains("(SELECT $1)") && asked.sql.contains("c = $2"), "{}", asked.sql);
    }

    #[test]
    fn a_row_of_json_has_its_columns_in_order() {
        let text = r#"[{"b":"text \"x\"","a":-9223372036854775808,"b":null}]"#;
        let rows: Vec<Columns> = serde_json::from_str(text).expect("rows");
        assert_eq!(rows[0].0, ["text \"x\"".into(), i64::MIN.into(), Value::Null]);
        assert!(serde_json::from_str::<Vec<Columns>>(r#"[{"a":1.5}]"#).is_err(), "no floats");
    }
}
