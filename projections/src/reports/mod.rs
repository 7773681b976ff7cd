//! Reports: what a view answers, as a file for a person, an authority or another program.
//!
//! A [`ReportDefinition`] is data: which source, which columns, filters, period, time zone and order. [`catalogue`] has those
//! that come with the library. [`run_report`] runs one on the calling task, [`ReportJob`] on a thread of its own, with
//! progress, and cancelled at any row. A [`ReportWriter`] makes the file: [`CsvReport`], [`JsonLinesReport`], and with
//! features XLSX and Parquet; [`write_report`] has it appear whole or not at all.
//!
//! ```
//! # use std::{collections::BTreeMap, sync::Arc};
//! # use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
//! # let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use ledger_projections::Memory;
//! use ledger_projections::reports::{
//!     CsvReport, ReportArguments, ReportControl, ReportViews, catalogue, run_report,
//! };
//! use ledger_projections::trial_balance::TrialBalance;
//!
//! let view = Memory::<TrialBalance>::new(&identity);
//! let views = ReportViews { trial_balance: Some(Arc::new(view.reader())), ..ReportViews::default() };
//! let definition = catalogue().into_iter().find(|report| report.id == "trial_balance").expect("it is shipped");
//! let arguments = ReportArguments::new("Casino Ltd", "2026-03-01T06:00:00Z".parse()?);
//! let mut csv = CsvReport::new(Vec::new());
//! run_report(&definition, &arguments, &views, &mut csv, &ReportControl::default()).await?;
//! let text = String::from_utf8(csv.into_inner()?)?;
//! assert!(text.contains("No activity"), "nothing was booked");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # One moment
//!
//! A report is of one checkpoint, which its header names. What is read in one go is of one by itself. Of what is read page
//! by page every page must be of the checkpoint the report began with; if the view moved on in between, the run ends with
//! [`ReportError::Moved`] and no file. [`ReportViews::hold`] has the view's runner stand still for as long as it is read. What never changes
//! once it is written (entries of the statement, records of the audit trail, limits that were met) needs no hold: whatever is behind the checkpoint is left
//! out.

mod catalogue;
mod cell;
pub mod closing;
mod definition;
mod error;
mod file;
mod header;
mod job;
mod outputs;
mod run;
mod sources;

pub use catalogue::{Answer, catalogue, rows_answered};
pub use cell::{Cell, Field, FieldKind};
pub use definition::{
    COLUMNS_MAX, Comparison, FILTERS_MAX, PARAMETERS_MAX, ReportColumn, ReportDefinition, ReportFilter,
    ReportParameter, ReportPeriod, ReportSort, ReportSource, SORT_ROWS_MAX, TEXT_BYTES_MAX,
};
pub use error::{DefinitionError, ReportError};
pub use file::{ReportFormat, write_report};
pub use header::{ReportHeader, ShownColumn};
pub use job::{ReportJob, ReportProgress};
pub use outputs::{CsvReport, JsonLinesReport, NO_ACTIVITY, ReportWriter};
#[cfg(feature = "parquet")]
pub use outputs::{PARQUET_SCALE, ParquetReport};
#[cfg(feature = "xlsx")]
pub use outputs::{XLSX_SHEET_ROWS_MAX, XlsxReport};
pub use run::{ReportArguments, ReportControl, ReportSummary, run_report};
pub use sources::{Hold, ReportViews};
