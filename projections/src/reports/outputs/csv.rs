//! Comma-separated values.

use std::io::{self, Write};

use super::{NO_ACTIVITY, ReportWriter};
use crate::reports::cell::Cell;
use crate::reports::error::ReportError;
use crate::reports::header::{ReportHeader, ShownColumn};

/// A report as comma-separated values (RFC 4180, lines end with CR LF): the header as lines of name and value, an empty line, the
/// titles of the columns, the rows, and `Rows` with their number.
///
/// Amounts are decimal texts, exact. A text that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`, a tab or a return at its
/// beginning) has an apostrophe before it.
pub struct CsvReport<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> std::fmt::Debug for CsvReport<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvReport").finish_non_exhaustive()
    }
}

/// A text that no spreadsheet runs.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn failed(error: csv::Error) -> ReportError {
    ReportError::Write(match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

impl<W: Write> CsvReport<W> {
    /// To be written to this.
    pub fn new(out: W) -> Self {
        let mut builder = csv::WriterBuilder::new();
        let out = builder.flexible(true).terminator(csv::Terminator::CRLF).from_writer(out);
        Self { out }
    }

    /// What it was written to.
    ///
    /// # Errors
    ///
    /// [`ReportError::Write`] if what is left cannot be written.
    pub fn into_inner(self) -> Result<W, ReportError> {
        self.out.into_inner().map_err(|error| ReportError::Write(io::Error::other(error.to_string())))
    }

    fn line<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> Result<(), ReportError> {
        self.out.write_record(fields).map_err(failed)
    }
}

impl<W: Write + Send> ReportWriter for CsvReport<W> {
    fn begin(&mut self, header: &ReportHeader, columns: &[ShownColumn]) -> Result<(), ReportError> {
        for (name, value) in header.lines() {
            self.line([harmless(&name), harmless(&value)])?;
        }
        self.line([""])?;
        self.line(columns.iter().map(|column| harmless(&column.title)))
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), ReportError> {
        let text = |cell: &Cell| match cell {
            Cell::Text(text) => harmless(text),
            other => other.to_string(),
        };
        self.line(cells.iter().map(text))
    }

    fn end(&mut self, rows: u64) -> Result<(), ReportError> {
        if rows == 0 {
            self.line([NO_ACTIVITY])?;
        }
        self.line(["Rows".to_owned(), rows.to_string()])?;
        self.out.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts() {
        for text in ["=1+1", "+1", "-1", "@a", "\ta"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        assert_eq!(harmless("a=1"), "a=1");
        let mut csv = CsvReport::new(Vec::new());
        csv.row(&[Cell::text("=A1"), Cell::Amount("-1.50".parse().unwrap()), Cell::text("a,\"b")]).unwrap();
        csv.end(1).unwrap();
        let text = String::from_utf8(csv.into_inner().unwrap()).unwrap();
        assert_eq!(text, "'=A1,-1.50,\"a,\"\"b\"\r\nRows,1\r\n");
    }
}
