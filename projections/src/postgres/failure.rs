//! What a failed statement lets the home conclude.

use std::fmt;
use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::error::ViewError;

/// Why a statement has no answer.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// No connection could be had.
    NotSent(String),
    /// The server broke it off because of another transaction; it may be sent again.
    Conflict(String),
    /// The server refused it.
    Refused {
        /// The SQLSTATE.
        code: String,
        reason: String,
    },
    /// The connection was lost, or no answer came in time: whether it took effect is unknown.
    Lost(String),
    /// The answer cannot be read.
    Damaged(String),
}

/// SQLSTATE: a lock was not to be had within the time that is given to it.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE: a table, or a schema, is not there.
const ABSENT: [&str; 2] = ["42P01", "3F000"];
/// SQLSTATE: two sessions made the same at once.
const RACES: [&str; 4] = ["23505", "42P06", "42P07", "42710"];

impl Failure {
    pub(super) fn late(limit: Duration) -> Self {
        Self::Lost(format!("no answer in {} ms", limit.as_millis()))
    }

    fn has(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Refused { code, .. } if codes.contains(&code.as_str()))
    }

    pub(super) fn is_of_a_lock(&self) -> bool {
        self.has(&[LOCK_NOT_AVAILABLE])
    }

    pub(super) fn is_of_absence(&self) -> bool {
        self.has(&ABSENT)
    }

    pub(super) fn is_of_a_race(&self) -> bool {
        self.has(&RACES)
    }

    /// Whether the server, or the way to it, is away. It may be back in a moment.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::Lost(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, reason } => write!(f, "{reason} ({code})"),
            Self::NotSent(reason) | Self::Conflict(reason) | Self::Lost(reason) | Self::Damaged(reason) => {
                f.write_str(reason)
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for ViewError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Damaged(what) => Self::Damaged(what),
            failure => {
                Self::Home { doing: "a statement of PostgreSQL".to_owned(), source: Some(Box::new(failure)) }
            }
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                let (severity, code) = match error.try_downcast_ref::<PgDatabaseError>() {
                    Some(error) => (error.severity(), error.code().to_owned()),
                    None => (PgSeverity::Fatal, String::new()),
                };
                // The message only: the detail may hold values of a row.
                let reason = error.message().to_owned();
                let ends = matches!(severity, PgSeverity::Fatal | PgSeverity::Panic);
                // Other than of a log, whatever is sent again here is fenced by the count of batches: an unknown outcome is tried
                // again. What the server calls damaged stops the view.
                match code.as_str() {
                    "40001" | "40P01" => Self::Conflict(format!("{reason} ({code})")),
                    _ if ends || code == "40003" || code.starts_with("08") || code.starts_with("57P") => {
                        Self::Lost(format!("{reason} ({code})"))
                    }
                    _ => Self::Refused { code, reason },
                }
            }
            sqlx::Error::RowNotFound
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::TypeNotFound { .. } => Self::Damaged(error.to_string()),
            other => Self::Lost(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let refused = |code: &str| Failure::Refused { code: code.to_owned(), reason: String::new() };
        assert!(refused("55P03").is_of_a_lock() && !refused("53100").is_of_a_lock());
        assert!(refused("42P01").is_of_absence() && refused("3F000").is_of_absence());
        assert!(refused("23505").is_of_a_race());
        assert!(!refused("53100").is_outage() && Failure::late(Duration::from_secs(1)).is_outage());
        assert!(matches!(ViewError::from(refused("53100")), ViewError::Home { .. }));
        assert!(matches!(ViewError::from(Failure::Damaged("a row".to_owned())), ViewError::Damaged(_)));
    }
}
