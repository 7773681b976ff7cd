//! What a host can choose about views in PostgreSQL.

use std::fmt::Write as _;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::error::ViewError;

/// How many connections readers may open, at most.
const READERS_MAX: usize = 256;
/// The longest name in PostgreSQL.
pub(super) const NAME_BYTES_MAX: usize = 63;

/// How to reach the database that views live in, and its limits. It may be that of the log or another one.
///
/// ```
/// use ledger_projections::postgres::ViewOptions;
/// let mut options = ViewOptions::new("postgres://views:secret@db.example/reports?sslmode=verify-full")?;
/// options.schema = "wallet_views".to_owned();
/// # Ok::<(), ledger_projections::ViewError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ViewOptions {
    /// Where the server is, and who connects. The views of runners make schemas; readers only need to read them.
    pub connect: PgConnectOptions,
    /// The schema that says which generation of each view is the live one. A generation is a schema of its own,
    /// `SCHEMA$VIEW$NUMBER`. Small letters, digits and underscores. Default `casino_views`.
    pub schema: String,
    /// The most connections that readers have open together. A view that is followed has two more of its own.
    /// Default 8.
    pub readers_max: usize,
    /// How long connecting, and waiting for a free connection, may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long one statement of a batch may take. Default 30 s.
    pub statement_timeout: Duration,
    /// How long one read may take. Default 5 s.
    pub read_timeout: Duration,
    /// How long a lock is waited for, above all that of a runner before this one which has not ended yet; then it
    /// is [`ViewError::InUse`]. Default 5 s.
    pub lock_timeout: Duration,
    /// How often a batch or a read is tried again that the server broke off for a conflict (40001, 40P01).
    /// Default 20.
    pub conflict_retries_max: u32,
    /// How long a batch is tried again, from where the view then stands, while the server is away. Then the view
    /// stops, and can be resumed. Default 10 s.
    pub outage_max: Duration,
    /// Whether a batch waits until it is on the disk. Default true. Without it batches are faster, and a crash of the
    /// server may take the last ones away, whole: the view then stops, and goes on from what is left when it is resumed;
    /// the ledger has everything.
    pub synchronous_commit: bool,
    /// Further settings of every connection, by name and value. Default none.
    pub session: Vec<(String, String)>,
}

impl std::fmt::Debug for ViewOptions {
    // What connects holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewOptions")
            .field("schema", &self.schema)
            .field("readers_max", &self.readers_max)
            .finish_non_exhaustive()
    }
}

impl ViewOptions {
    /// The defaults, for a URL such as `postgres://user:password@host:5432/database?sslmode=verify-full`.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if it is not such a URL. The text holds nothing of it: it may be a secret.
    pub fn new(url: &str) -> Result<Self, ViewError> {
        let connect = url.parse().map_err(|_| ViewError::home("the URL is not one of PostgreSQL"))?;
        Ok(Self::with(connect))
    }

    /// The defaults, for a connection described in full, such as one with a client certificate.
    pub fn with(connect: PgConnectOptions) -> Self {
        Self {
            connect,
            schema: "casino_views".to_owned(),
            readers_max: 8,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            conflict_retries_max: 20,
            outage_max: Duration::from_secs(10),
            synchronous_commit: true,
            session: Vec::new(),
        }
    }

    pub(super) fn check(&self) -> Result<(), ViewError> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_well = !self.schema.starts_with(|first: char| first.is_ascii_digit());
        if self.schema.is_empty() || !begins_well || !self.schema.bytes().all(is_word) {
            return Err(ViewError::home("the schema: take small letters, digits and underscores"));
        }
        if self.schema.len() > NAME_BYTES_MAX {
            return Err(ViewError::home(format!("the schema: take at most {NAME_BYTES_MAX} letters")));
        }
        if !(1..=READERS_MAX).contains(&self.readers_max) {
            return Err(ViewError::home(format!("readers_max: take 1 to {READERS_MAX}")));
        }
        let limits = [
            self.connect_timeout,
            self.statement_timeout,
            self.read_timeout,
            self.lock_timeout,
            self.outage_max,
        ];
        if limits.iter().any(Duration::is_zero) {
            return Err(ViewError::home("the time-outs must be above zero"));
        }
        Ok(())
    }

    /// What makes a fresh connection ready, as one text.
    pub(super) fn session_text(&self, path: &str, statement_timeout: Duration, reads: bool) -> String {
        let millis = |limit: Duration| limit.as_millis().max(1);
        let (statement, lock) = (millis(statement_timeout), millis(self.lock_timeout));
        let durable = if self.synchronous_commit { "on" } else { "off" };
        let mut text = format!(
            "SET search_path TO \"{path}\"; SET statement_timeout TO {statement}; SET lock_timeout TO {lock}; \
             SET idle_in_transaction_session_timeout TO {statement}; SET synchronous_commit TO {durable}; \
             SET tcp_keepalives_idle TO 10; SET tcp_keepalives_interval TO 5; SET tcp_keepalives_count TO 3; \
             SET default_transaction_isolation TO 'read committed'; \
             SET default_transaction_read_only TO {}",
            if reads { "on" } else { "off" }
        );
        for (name, value) in &self.session {
            let _ = write!(text, "; SET {name} TO '{}'", value.replace('\'', "''"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ViewOptions {
        ViewOptions::new("postgres://views:secret@127.0.0.1/casino").expect("a URL")
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        for schema in ["", "1a", "A", "a-b", "a\"b", "a$b", &"x".repeat(64)] {
            ViewOptions { schema: schema.to_owned(), ..options() }.check().expect_err(schema);
        }
        options().check().expect("the defaults");
        let zero = Duration::ZERO;
        for wrong in [
            ViewOptions { readers_max: 0, ..options() },
            ViewOptions { connect_timeout: zero, ..options() },
            ViewOptions { statement_timeout: zero, ..options() },
            ViewOptions { read_timeout: zero, ..options() },
            ViewOptions { lock_timeout: zero, ..options() },
            ViewOptions { outage_max: zero, ..options() },
        ] {
            wrong.check().expect_err("a limit is missing");
        }
    }

    #[test]
    fn neither_errors_nor_debug_output_tell_a_secret() {
        let error = ViewOptions::new("postgres://views:secret@[db").expect_err("no URL");
        assert!(!format!("{error:?} {error}").contains("secret"));
        assert!(!format!("{:?}", options()).contains("secret"));
    }
}
