//! Parquet files.

use std::io::Write;
use std::mem;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{NO_ACTIVITY, ReportWriter};
use crate::reports::cell::{Cell, FieldKind};
use crate::reports::error::ReportError;
use crate::reports::header::{ReportHeader, ShownColumn};
use crate::total::Total;

/// The digits after the point of every amount in a Parquet file: a column has one scale, and its amounts have several.
pub const PARQUET_SCALE: u8 = 18;
/// The digits after the point of ratios.
const RATIO_SCALE: u32 = 9;
/// How many rows are kept in memory until they are written, column by column.
const GROUP_ROWS: usize = 10_000;

/// A report as a Parquet file: a column per column, named after its field, with the header as key-value metadata.
///
/// Amounts are `DECIMAL(38, 18)`, ratios `DECIMAL(38, 6)`, instants `TIMESTAMP` in microseconds of UTC, days `DATE`. Nothing is
/// rounded: an amount that does not fit is [`ReportError::Beyond`]. The title of a column is the metadata `title.` and its field.
pub struct ParquetReport<W: Write + Send> {
    out: Option<W>,
    writer: Option<SerializedFileWriter<W>>,
    columns: Vec<ShownColumn>,
    rows: Vec<Vec<Cell>>,
}

impl<W: Write + Send> std::fmt::Debug for ParquetReport<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetReport").field("waiting", &self.rows.len()).finish_non_exhaustive()
    }
}

fn failed(error: ParquetError) -> ReportError {
    ReportError::Write(std::io::Error::other(error))
}

fn column_type(column: &ShownColumn) -> String {
    let name = column.field;
    match column.kind {
        FieldKind::Text => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
        FieldKind::Integer => format!("OPTIONAL INT64 {name} (INTEGER(64,false));"),
        FieldKind::Amount => {
            format!("OPTIONAL FIXED_LEN_BYTE_ARRAY(16) {name} (DECIMAL(38,{PARQUET_SCALE}));")
        }
        FieldKind::Ratio => format!("OPTIONAL FIXED_LEN_BYTE_ARRAY(16) {name} (DECIMAL(38,{RATIO_SCALE}));"),
        FieldKind::Instant => format!("OPTIONAL INT64 {name} (TIMESTAMP(MICROS,true));"),
        FieldKind::Day => format!("OPTIONAL INT32 {name} (DATE);"),
        FieldKind::Flag => format!("OPTIONAL BOOLEAN {name};"),
    }
}

/// Units of a decimal of 38 digits.
fn decimal(units: i128) -> Option<FixedLenByteArray> {
    let most = 10_u128.checked_pow(38)?;
    (units.unsigned_abs() < most).then(|| ByteArray::from(units.to_be_bytes().to_vec()).into())
}

fn ratio_units(ratio: rust_decimal::Decimal) -> Option<i128> {
    let digits = RATIO_SCALE.checked_sub(ratio.scale())?;
    ratio.mantissa().checked_mul(10_i128.checked_pow(digits)?)
}

/// Days since 1970.
fn date(day: ledger_core::Day) -> Option<i32> {
    let since = jiff::civil::date(1970, 1, 1).until(crate::period::date(day)?).ok()?;
    Some(since.get_days())
}

/// The values of a column that are there, by `read`, and for every row whether there is one.
fn values<'a, T>(
    rows: &'a [Vec<Cell>],
    at: usize,
    column: &ShownColumn,
    read: impl Fn(&'a Cell) -> Option<T>,
) -> Result<(Vec<T>, Vec<i16>), ReportError> {
    let (mut values, mut levels) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in rows {
        let cell = row.get(at).unwrap_or(&Cell::Empty);
        if *cell == Cell::Empty {
            levels.push(0);
            continue;
        }
        let beyond = || ReportError::Beyond { column: column.title.clone(), value: cell.to_string() };
        values.push(read(cell).ok_or_else(beyond)?);
        levels.push(1);
    }
    Ok((values, levels))
}

impl<W: Write + Send> ParquetReport<W> {
    /// To be written to this.
    pub fn new(out: W) -> Self {
        Self { out: Some(out), writer: None, columns: Vec::new(), rows: Vec::new() }
    }

    fn group(&mut self) -> Result<(), ReportError> {
        let rows = mem::take(&mut self.rows);
        let begun = || ReportError::Write(std::io::Error::other("a report begins before its rows"));
        let writer = self.writer.as_mut().ok_or_else(begun)?;
        let mut group = writer.next_row_group().map_err(failed)?;
        for (at, column) in self.columns.iter().enumerate() {
            let none = || ReportError::Write(std::io::Error::other("a column is missing"));
            let mut writer = group.next_column().map_err(failed)?.ok_or_else(none)?;
            macro_rules! write {
                ($typed:ident, $read:expr) => {{
                    let (values, levels) = values(&rows, at, column, $read)?;
                    $typed.write_batch(&values, Some(&levels), None).map_err(failed)?;
                }};
            }
            match (writer.untyped(), column.kind) {
                (ColumnWriter::ByteArrayColumnWriter(typed), _) => {
                    write!(typed, |cell| Some(ByteArray::from(cell.to_string().into_bytes())));
                }
                (ColumnWriter::FixedLenByteArrayColumnWriter(typed), _) => write!(typed, |cell| match cell {
                    Cell::Amount(amount) => decimal(amount.rescale_up(PARQUET_SCALE).map(Total::units)?),
                    Cell::Ratio(ratio) => decimal(ratio_units(*ratio)?),
                    _ => None,
                }),
                (ColumnWriter::Int64ColumnWriter(typed), _) => write!(typed, |cell| match cell {
                    Cell::Integer(number) => i64::try_from(*number).ok(),
                    Cell::Instant(at) => Some(at.as_micros()),
                    _ => None,
                }),
                (ColumnWriter::Int32ColumnWriter(typed), _) => write!(typed, |cell| match cell {
                    Cell::Day(day) => date(*day),
                    _ => None,
                }),
                (ColumnWriter::BoolColumnWriter(typed), _) => write!(typed, |cell| match cell {
                    Cell::Flag(flag) => Some(*flag),
                    _ => None,
                }),
                (_, kind) => {
                    let other = format!("a column of {kind:?} has another type");
                    return Err(ReportError::Write(std::io::Error::other(other)));
                }
            }
            writer.close().map_err(failed)?;
        }
        group.close().map(|_| ()).map_err(failed)
    }
}

impl<W: Write + Send> ReportWriter for ParquetReport<W> {
    fn begin(&mut self, header: &ReportHeader, columns: &[ShownColumn]) -> Result<(), ReportError> {
        let again = || ReportError::Write(std::io::Error::other("a report begins once"));
        let out = self.out.take().ok_or_else(again)?;
        let types: Vec<String> = columns.iter().map(column_type).collect();
        let schema =
            parse_message_type(&format!("message report {{ {} }}", types.join(" "))).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_created_by("casino-ledger".to_owned());
        let mut writer =
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())).map_err(failed)?;
        for (name, value) in header.lines() {
            writer.append_key_value_metadata(KeyValue::new(name, Some(value)));
        }
        for column in columns {
            writer.append_key_value_metadata(KeyValue::new(
                format!("title.{}", column.field),
                Some(column.title.clone()),
            ));
        }
        self.columns = columns.to_vec();
        self.writer = Some(writer);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), ReportError> {
        self.rows.push(cells.to_vec());
        if self.rows.len() >= GROUP_ROWS { self.group() } else { Ok(()) }
    }

    fn end(&mut self, rows: u64) -> Result<(), ReportError> {
        if !self.rows.is_empty() {
            self.group()?;
        }
        let begun = || ReportError::Write(std::io::Error::other("a report ends once, after its begin"));
        let mut writer = self.writer.take().ok_or_else(begun)?;
        writer.append_key_value_metadata(KeyValue::new("Rows".to_owned(), Some(rows.to_string())));
        if rows == 0 {
            writer.append_key_value_metadata(KeyValue::new("Note".to_owned(), Some(NO_ACTIVITY.to_owned())));
        }
        let mut out = writer.into_inner().map_err(failed)?;
        Ok(out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        let days = |text: &str| date(text.parse().unwrap());
        assert_eq!(
            (days("1970-01-01"), days("1969-12-31"), days("2026-03-01")),
            (Some(0), Some(-1), Some(20_513))
        );
    }

    #[test]
    fn decimals_have_38_digits_and_no_more() {
        let most = 10_i128.pow(38) - 1;
        assert!(decimal(most).is_some() && decimal(-most).is_some());
        assert!(decimal(most + 1).is_none() && decimal(i128::MIN).is_none());
        assert_eq!(ratio_units("-0.05".parse().unwrap()), Some(-50_000_000));
    }
}
