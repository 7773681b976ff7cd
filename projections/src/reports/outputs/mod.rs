//! The files a report can be.

mod csv;
mod json_lines;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "xlsx")]
mod xlsx;

use super::cell::Cell;
use super::error::ReportError;
use super::header::{ReportHeader, ShownColumn};

pub use csv::CsvReport;
pub use json_lines::JsonLinesReport;
#[cfg(feature = "parquet")]
pub use parquet::{PARQUET_SCALE, ParquetReport};
#[cfg(feature = "xlsx")]
pub use xlsx::{XLSX_SHEET_ROWS_MAX, XlsxReport};

/// What stands in a report without rows (GLI-19 2.9.1).
pub const NO_ACTIVITY: &str = "No activity";

/// Makes a report, row by row: a header, rows, an end. The same calls make the same bytes.
pub trait ReportWriter: Send {
    /// The header, and the columns of all rows. Called once, first.
    ///
    /// # Errors
    ///
    /// [`ReportError`] if it cannot be written.
    fn begin(&mut self, header: &ReportHeader, columns: &[ShownColumn]) -> Result<(), ReportError>;

    /// A row, with a value for each column.
    ///
    /// # Errors
    ///
    /// [`ReportError::Beyond`] if the file cannot hold a value, [`ReportError`] if it cannot be written.
    fn row(&mut self, cells: &[Cell]) -> Result<(), ReportError>;

    /// The end, with the number of rows. Called once, last; without it there is no report.
    ///
    /// # Errors
    ///
    /// [`ReportError`] if it cannot be written.
    fn end(&mut self, rows: u64) -> Result<(), ReportError>;
}
