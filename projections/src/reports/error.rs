//! What can be wrong with a report.

use std::io;
use std::path::PathBuf;

use ledger_store::{Head, Shard};

use super::definition::{ReportPeriod, SORT_ROWS_MAX, TEXT_BYTES_MAX};
use crate::error::ViewError;
use crate::period::PeriodError;
use crate::runner::ControlError;

/// What is wrong with a definition, or with what a report was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// A name is none, or stands twice.
    #[error("{0:?} is no name, or stands twice: take small letters, digits and _, at most 64")]
    Name(String),
    /// A text is too long, or has a control character in it.
    #[error("{0:?} is too long, or has a control character: at most {TEXT_BYTES_MAX} bytes")]
    Text(String),
    /// There is more of something than may be.
    #[error("too many {what}: at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many may be.
        most: usize,
    },
    /// The source has no such field.
    #[error("the source {source_name} has no field {name:?}")]
    Field {
        /// What was asked for.
        name: String,
        /// The source.
        source_name: &'static str,
    },
    /// Digits are for amounts, and at most 18.
    #[error("digits of the column {0}: only amounts have them, at most 18")]
    Digits(String),
    /// A filter has too many or too few values, or one that its field has not.
    #[error(
        "the filter of {0} cannot compare so: look at the number of its values, and what the field holds"
    )]
    Comparison(String),
    /// A value is not of its field's kind.
    #[error("{value:?} is no value of {field}")]
    Value {
        /// The field.
        field: String,
        /// The value.
        value: String,
    },
    /// A parameter is missing, or not one of the report.
    #[error("the parameter {0} is missing, or not one of the report")]
    Parameter(String),
    /// It must have a period.
    #[error("it must have a period")]
    NeedsPeriod,
    /// It can have no period.
    #[error("it tells how things stand, and takes no period")]
    TakesNoPeriod,
    /// The days are not of the kind that the report takes.
    #[error("from {from} to {to} is not a period of the kind {kind:?}")]
    OtherPeriod {
        /// What it takes.
        kind: ReportPeriod,
        /// The first day.
        from: String,
        /// The last day.
        to: String,
    },
    /// There is no such period or time zone.
    #[error(transparent)]
    Period(PeriodError),
}

/// Why a report was not made. No file appears then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The definition is wrong, or what it was told.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The host gave no reader of the view.
    #[error("the report reads the view {0}, and has no reader of it")]
    NoView(&'static str),
    /// The view cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The view moved on while it was read page by page.
    #[error("the view moved on in shard {shard} while it was read, from position {} to {}: hold it still", begun.position, now.position)]
    Moved {
        /// The shard.
        shard: Shard,
        /// Where it stood when the report began.
        begun: Head,
        /// Where it stands.
        now: Head,
    },
    /// The view's runner could not be told to stand still, or to go on.
    #[error("the view's runner: {0}")]
    Hold(#[from] ControlError),
    /// It is sorted and has too many rows for that.
    #[error("it is sorted and has more than {SORT_ROWS_MAX} rows: take a filter or a shorter period")]
    TooManyRows,
    /// A number is beyond what the file can hold.
    #[error("{value} in the column {column} is beyond what such a file holds")]
    Beyond {
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
    /// The file cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// What the report is written to failed.
    #[error("writing the report: {0}")]
    Write(#[from] io::Error),
    /// This build makes no files of this format.
    #[error("this build makes no {0} files: turn on its feature")]
    NoFormat(&'static str),
    /// It was cancelled.
    #[error("it was cancelled")]
    Cancelled,
    /// Its thread panicked, which is a bug.
    #[error("the report's thread panicked")]
    Panicked,
}
