//! What a failed statement lets its caller conclude.

use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::error::StoreError;

/// Why a statement has no answer.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// It was never sent: no connection could be had.
    NotSent(String),
    /// The server broke it off because of another transaction. Nothing of it landed; it may be sent again.
    Conflict(String),
    /// The server refused it. Nothing of it landed.
    Refused {
        /// The SQLSTATE.
        code: String,
        reason: String,
    },
    /// The connection was lost, or no answer came in time: whether it took effect is unknown.
    Lost(String),
    /// The answer cannot be read, or says what cannot be.
    Damaged(String),
}

impl Failure {
    pub(super) fn late(limit: Duration) -> Self {
        Self::Lost(format!("no answer in {} ms", limit.as_millis()))
    }

    /// What a read answers.
    pub(super) fn of_read(self) -> StoreError {
        match self {
            Self::Damaged(what) => StoreError::Corrupted(what),
            Self::NotSent(reason) | Self::Conflict(reason) | Self::Lost(reason) => unavailable(reason),
            Self::Refused { code, reason } => unavailable(format!("{reason} ({code})")),
        }
    }

    /// What an append answers; with an earlier sending of unknown outcome nothing can be excluded.
    pub(super) fn of_append(self, earlier: Option<String>) -> StoreError {
        if let Some(reason) = earlier {
            return StoreError::Unknown { reason };
        }
        match self {
            Self::Lost(reason) => StoreError::Unknown { reason },
            // Rows that stand beyond the head.
            Self::Refused { code, reason } if code == UNIQUE_VIOLATION => {
                StoreError::Corrupted(format!("rows beyond the head: {reason}"))
            }
            other => other.of_read(),
        }
    }
}

/// SQLSTATE: a row with this key is there.
pub(super) const UNIQUE_VIOLATION: &str = "23505";

pub(super) fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable { reason: reason.into(), source: None }
}

/// Whether a server's error leaves open what became of the statement. Otherwise its transaction was rolled
/// back.
fn leaves_open(severity: PgSeverity, code: &str) -> bool {
    // A connection that ends may do so after the commit, before its answer.
    let ends = matches!(severity, PgSeverity::Fatal | PgSeverity::Panic);
    // 40003: the server itself does not know. 08: connections. XX: it contradicts itself.
    ends || code == "40003" || code.starts_with("08") || code.starts_with("XX") || code.starts_with("57P")
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
                if leaves_open(severity, &code) {
                    Self::Lost(format!("{reason} ({code})"))
                } else if code == "40001" || code == "40P01" {
                    Self::Conflict(format!("{reason} ({code})"))
                } else {
                    Self::Refused { code, reason }
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
    fn what_may_have_landed_is_never_called_unavailable() {
        for (severity, code) in [
            (PgSeverity::Fatal, "57P01"),
            (PgSeverity::Panic, "XX000"),
            (PgSeverity::Error, "40003"),
            (PgSeverity::Error, "08006"),
            (PgSeverity::Error, "57P02"),
            (PgSeverity::Error, "XX001"),
        ] {
            assert!(leaves_open(severity, code), "{code}");
        }
        for code in ["40001", "40P01", "53100", "57014", "23505", "42P01", "25006"] {
            assert!(!leaves_open(PgSeverity::Error, code), "{code}");
        }
        let lost = Failure::late(Duration::from_secs(1)).of_append(None);
        assert!(matches!(lost, StoreError::Unknown { .. }));
        for failure in [
            Failure::NotSent("no server".to_owned()),
            Failure::Conflict("again".to_owned()),
            Failure::Refused { code: "53100".to_owned(), reason: "disk full".to_owned() },
        ] {
            let alone = failure.clone().of_append(None);
            assert!(matches!(alone, StoreError::Unavailable { .. }), "{alone:?}");
            let after = failure.of_append(Some("lost".to_owned()));
            assert!(matches!(after, StoreError::Unknown { .. }), "{after:?}");
        }
    }
}
