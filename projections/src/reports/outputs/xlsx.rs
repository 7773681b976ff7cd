//! Workbooks.

use std::io::{Seek, Write};

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{NO_ACTIVITY, ReportWriter};
use crate::reports::cell::Cell;
use crate::reports::error::ReportError;
use crate::reports::header::{ReportHeader, ShownColumn};

/// The most rows of one sheet: a report with more goes on in the next.
pub const XLSX_SHEET_ROWS_MAX: u32 = 1_000_000;
/// The most digits of a number that a spreadsheet keeps.
const EXACT_DIGITS: usize = 15;
/// The most characters of a cell.
const CHARACTERS_MAX: usize = 32_767;

/// A report as a workbook (Office Open XML): the header and the columns on top of a sheet, then the rows.
///
/// Numbers of at most 15 digits are numbers, which a spreadsheet keeps exactly; longer ones are texts, so that none is ever rounded.
/// Rows go to temporary files of the operating system as they come and are compressed at the end, so memory does not grow with them.
pub struct XlsxReport<W: Write + Seek + Send> {
    out: Option<W>,
    book: Workbook,
    columns: Vec<ShownColumn>,
    /// The row of the sheet that is written next, and the number of the sheet.
    row: u32,
    sheet: usize,
}

impl<W: Write + Seek + Send> std::fmt::Debug for XlsxReport<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XlsxReport")
            .field("sheet", &self.sheet)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

fn failed(error: XlsxError) -> ReportError {
    ReportError::Write(std::io::Error::other(error))
}

/// A number that a spreadsheet keeps to the last digit; `None` for one with more digits.
fn exact(text: &str) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    // Zeros before the first other digit are none of its digits, but cost nothing to count.
    if digits <= EXACT_DIGITS { text.parse().ok() } else { None }
}

/// How a number with so many digits after the point is shown.
fn shown(text: &str) -> Format {
    let digits = text.split_once('.').map_or(0, |(_, part)| part.len());
    let format = if digits == 0 { "0".to_owned() } else { format!("0.{}", "0".repeat(digits)) };
    Format::new().set_num_format(format)
}

impl<W: Write + Seek + Send> XlsxReport<W> {
    /// To be written to this.
    pub fn new(out: W) -> Self {
        Self { out: Some(out), book: Workbook::new(), columns: Vec::new(), row: 0, sheet: 0 }
    }

    fn sheet(&mut self) -> Result<&mut Worksheet, ReportError> {
        self.book.worksheet_from_index(self.sheet).map_err(failed)
    }

    fn add_sheet(&mut self, name: &str) -> Result<(), ReportError> {
        let sheet = self.book.add_worksheet_with_constant_memory().map_err(failed)?;
        sheet.set_name(name).map_err(failed)?;
        self.row = 0;
        Ok(())
    }

    fn line(&mut self, texts: &[&str]) -> Result<(), ReportError> {
        let row = self.row;
        let sheet = self.sheet()?;
        for (column, text) in (0_u16..).zip(texts) {
            sheet.write_string(row, column, *text).map_err(failed)?;
        }
        self.row = row.saturating_add(1);
        Ok(())
    }

    fn titles(&mut self) -> Result<(), ReportError> {
        let titles: Vec<String> = self.columns.iter().map(|column| column.title.clone()).collect();
        self.line(&titles.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl<W: Write + Seek + Send> ReportWriter for XlsxReport<W> {
    fn begin(&mut self, header: &ReportHeader, columns: &[ShownColumn]) -> Result<(), ReportError> {
        // The only instant in the file is the caller's.
        let seconds = header.at.as_micros().div_euclid(1_000_000);
        let made = ExcelDateTime::from_timestamp(seconds).map_err(failed)?;
        let properties = DocProperties::new()
            .set_title(header.title.as_str())
            .set_company(header.operator.as_str())
            .set_creation_datetime(&made);
        self.book.set_properties(&properties);
        self.columns = columns.to_vec();
        self.add_sheet("Report")?;
        for (name, value) in header.lines() {
            if value.chars().count() > CHARACTERS_MAX {
                return Err(ReportError::Beyond { column: name, value: value.chars().take(64).collect() });
            }
            self.line(&[&name, &value])?;
        }
        self.line(&[])?;
        self.titles()
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), ReportError> {
        if self.row >= XLSX_SHEET_ROWS_MAX {
            self.sheet = self.sheet.saturating_add(1);
            self.add_sheet(&format!("Report {}", self.sheet.saturating_add(1)))?;
            self.titles()?;
        }
        let row = self.row;
        let columns = std::mem::take(&mut self.columns);
        let sheet = self.sheet()?;
        for (at, cell) in (0_u16..).zip(cells) {
            let text = cell.to_string();
            let number = match cell {
                Cell::Empty => continue,
                Cell::Integer(_) | Cell::Amount(_) | Cell::Ratio(_) => exact(&text),
                _ => None,
            };
            match number {
                Some(number) => {
                    sheet.write_number_with_format(row, at, number, &shown(&text)).map_err(failed)?
                }
                None if text.chars().count() > CHARACTERS_MAX => {
                    let column =
                        columns.get(usize::from(at)).map_or(String::new(), |column| column.title.clone());
                    return Err(ReportError::Beyond { column, value: text.chars().take(64).collect() });
                }
                None => sheet.write_string(row, at, text).map_err(failed)?,
            };
        }
        self.columns = columns;
        self.row = row.saturating_add(1);
        Ok(())
    }

    fn end(&mut self, rows: u64) -> Result<(), ReportError> {
        if rows == 0 {
            self.line(&[NO_ACTIVITY])?;
        }
        self.line(&["Rows", &rows.to_string()])?;
        let again = || ReportError::Write(std::io::Error::other("a workbook ends once"));
        let mut out = self.out.take().ok_or_else(again)?;
        self.book.save_to_writer(&mut out).map_err(failed)?;
        Ok(out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_exact_or_a_text() {
        for text in ["0", "-1.50", "123456789012345", "1234567890.12345", "-0.000001"] {
            let number = exact(text).unwrap();
            let digits = text.split_once('.').map_or(0, |(_, part)| part.len());
            assert_eq!(format!("{number:.digits$}"), text);
        }
        for text in ["1234567890123456", "0.000000000000000001", "99999999999999.99"] {
            assert_eq!(exact(text), None, "{text}");
        }
    }
}
