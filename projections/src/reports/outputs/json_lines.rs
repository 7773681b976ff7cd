//! JSON Lines.

use std::io::Write;

use serde::Serializer as _;
use serde::ser::SerializeMap as _;

use super::{NO_ACTIVITY, ReportWriter};
use crate::reports::cell::Cell;
use crate::reports::error::ReportError;
use crate::reports::header::{ReportHeader, ShownColumn};

/// A report as JSON Lines: an object with the header, one for each row with fields by their names, one with the end.
///
/// Amounts and ratios are texts, because JSON numbers are floating point to many; what is empty is null.
#[derive(Debug)]
pub struct JsonLinesReport<W: Write> {
    out: W,
    fields: Vec<&'static str>,
}

fn failed(error: serde_json::Error) -> ReportError {
    ReportError::Write(error.into())
}

impl<W: Write> JsonLinesReport<W> {
    /// To be written to this.
    pub fn new(out: W) -> Self {
        Self { out, fields: Vec::new() }
    }

    fn end_line(&mut self) -> Result<(), ReportError> {
        Ok(self.out.write_all(b"\n")?)
    }
}

impl<W: Write + Send> ReportWriter for JsonLinesReport<W> {
    fn begin(&mut self, header: &ReportHeader, columns: &[ShownColumn]) -> Result<(), ReportError> {
        self.fields = columns.iter().map(|column| column.field).collect();
        let column = |column: &ShownColumn| serde_json::json!({"field": column.field, "title": column.title});
        let columns: Vec<_> = columns.iter().map(column).collect();
        let lines: Vec<[String; 2]> = header.lines().into_iter().map(|(name, value)| [name, value]).collect();
        let line = serde_json::json!({"header": lines, "columns": columns});
        serde_json::to_writer(&mut self.out, &line).map_err(failed)?;
        self.end_line()
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), ReportError> {
        let mut json = serde_json::Serializer::new(&mut self.out);
        let mut map = json.serialize_map(Some(cells.len())).map_err(failed)?;
        for (field, cell) in self.fields.iter().zip(cells) {
            match cell {
                Cell::Empty => map.serialize_entry(field, &()),
                Cell::Integer(number) => map.serialize_entry(field, number),
                Cell::Flag(flag) => map.serialize_entry(field, flag),
                other => map.serialize_entry(field, &other.to_string()),
            }
            .map_err(failed)?;
        }
        map.end().map_err(failed)?;
        self.end_line()
    }

    fn end(&mut self, rows: u64) -> Result<(), ReportError> {
        let mut line = serde_json::json!({"rows": rows});
        if rows == 0 {
            line = serde_json::json!({"rows": rows, "note": NO_ACTIVITY});
        }
        serde_json::to_writer(&mut self.out, &line).map_err(failed)?;
        self.end_line()?;
        Ok(self.out.flush()?)
    }
}
