//! What a host can choose about a PostgreSQL store.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;
use crate::types::{Head, Shard};

/// How many connections a store may open, at most.
const CONNECTIONS_MAX: usize = 256;
/// The longest name of a schema.
const SCHEMA_BYTES_MAX: usize = 63;

/// How an append of several shards is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AppendMode {
    /// All shards in one statement: one round trip and one durable write, for a database on one machine.
    #[default]
    AllShards,
    /// A statement a shard, side by side on several connections: for databases that keep shards on several
    /// machines, where a statement over many would be a distributed transaction.
    PerShard,
}

/// The isolation of every statement. The store is right under each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Isolation {
    /// What the server has as its default.
    Server,
    /// `READ COMMITTED`: on PostgreSQL an append that meets another waits for it, and is never sent again.
    #[default]
    ReadCommitted,
    /// `REPEATABLE READ`: an append that meets another fails with 40001 and is sent again.
    RepeatableRead,
    /// `SERIALIZABLE`.
    Serializable,
}

/// How to reach a ledger in PostgreSQL, and its limits.
///
/// ```
/// use std::time::Duration;
/// use ledger_store::postgres::PostgresOptions;
/// let mut options = PostgresOptions::new("postgres://ledger:secret@db.example/casino?sslmode=verify-full")?;
/// options.schema = "wallet".to_owned();
/// options.statement_timeout = Duration::from_secs(2);
/// # Ok::<(), ledger_store::StoreError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// Where the server is, and who connects.
    pub connect: PgConnectOptions,
    /// The schema the tables stand in; it is made if it is missing. One schema holds one ledger. Small letters,
    /// digits and underscores. Default `casino_ledger`.
    pub schema: String,
    /// The most connections this store opens. Default 8.
    pub connections_max: usize,
    /// How long connecting, and waiting for a free connection, may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How often connecting is tried, before the store says that it is unavailable. Default 3.
    pub connect_tries_max: u32,
    /// How long one statement may take. The server breaks it off; if it does not, the connection is given up
    /// a second later. Default 4 s.
    pub statement_timeout: Duration,
    /// How long an append may take with everything it is sent again for. Default 5 s.
    pub append_timeout: Duration,
    /// How often a statement is sent again that the server broke off for a conflict (40001, 40P01).
    /// Default 20.
    pub conflict_retries_max: u32,
    /// After how long a connection is replaced. Default 30 min.
    pub connection_lifetime: Duration,
    /// How appends of several shards are sent. Default: in one statement.
    pub append_mode: AppendMode,
    /// The isolation of every statement. Default `READ COMMITTED`.
    pub isolation: Isolation,
    /// Further settings of each connection, as `SET name = value` takes them: where another database does not
    /// know one of the store's own, see `docs/operations.md`. Default: none.
    pub session: Vec<(String, String)>,
    /// Leaves out the store's own settings of a connection besides `search_path`: for databases that do not
    /// know them. The server's defaults must then be as durable. Default `false`.
    pub bare_session: bool,
    /// How often the heads are looked at for commits of other processes, while someone watches.
    /// Default 100 ms.
    pub watch_every: Duration,
    /// Whether missing tables are made, and new migrations run, when the store is opened. Default `true`.
    pub migrate: bool,
    /// Hash and read every body again before it is appended. It finds a faulty caller, at twice the hashing;
    /// by default it is done where debug assertions are on. Reading always checks.
    pub verify_appends: bool,
    /// Heads the caller has seen: checkpoints of projections, signed heads. A database that is behind or
    /// differs is refused with [`StoreError::HistoryLost`].
    pub witnesses: Vec<(Shard, Head)>,
}

impl std::fmt::Debug for PostgresOptions {
    /// Without what is needed to connect: it holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("connections_max", &self.connections_max)
            .field("append_mode", &self.append_mode)
            .field("isolation", &self.isolation)
            .finish_non_exhaustive()
    }
}

impl PostgresOptions {
    /// The defaults, for a URL such as `postgres://user:password@host:5432/database?sslmode=verify-full`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`] if it is not such a URL. The text holds nothing of it: it may be a secret.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let connect = url.parse().map_err(|_| unusable("the URL", "it is not one of PostgreSQL"))?;
        Ok(Self::with(connect))
    }

    /// The defaults, for a connection described in full, such as one with a client certificate.
    pub fn with(connect: PgConnectOptions) -> Self {
        Self {
            connect,
            schema: "casino_ledger".to_owned(),
            connections_max: 8,
            connect_timeout: Duration::from_secs(5),
            connect_tries_max: 3,
            statement_timeout: Duration::from_secs(4),
            append_timeout: Duration::from_secs(5),
            conflict_retries_max: 20,
            connection_lifetime: Duration::from_mins(30),
            append_mode: AppendMode::default(),
            isolation: Isolation::default(),
            session: Vec::new(),
            bare_session: false,
            watch_every: Duration::from_millis(100),
            migrate: true,
            verify_appends: cfg!(debug_assertions),
            witnesses: Vec::new(),
        }
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_well = !self.schema.starts_with(|first: char| first.is_ascii_digit());
        if self.schema.is_empty()
            || self.schema.len() > SCHEMA_BYTES_MAX
            || !begins_well
            || !self.schema.bytes().all(is_word)
        {
            return Err(unusable("schema", "take small letters, digits and underscores, at most 63"));
        }
        if !(1..=CONNECTIONS_MAX).contains(&self.connections_max) {
            return Err(unusable("connections_max", "take 1 to 256"));
        }
        let limits = [self.connect_timeout, self.statement_timeout, self.append_timeout, self.watch_every];
        if limits.iter().any(Duration::is_zero) || self.connect_tries_max == 0 {
            return Err(unusable("time-outs", "they must be above zero"));
        }
        Ok(())
    }

    /// What the store calls itself in errors: no host, user or password.
    pub(super) fn what(&self) -> String {
        format!("schema {}", self.schema)
    }

    /// The statements that make a fresh connection ready.
    pub(super) fn session_statements(&self) -> Vec<String> {
        let mut all = vec![format!("SET search_path TO \"{}\"", self.schema)];
        if !self.bare_session {
            let millis = self.statement_timeout.as_millis().max(1);
            all.push("SET synchronous_commit TO on".to_owned());
            // A plan is kept by the connection. One that was made for an empty table would read all of it for
            // each command when it is large, until the server happens to analyse it: every statement has an
            // index to go by. Small tables have none worth the cost that then stands for them, which the
            // compiler of expressions would take for real.
            all.push("SET enable_seqscan TO off".to_owned());
            all.push("SET jit TO off".to_owned());
            all.push(format!("SET statement_timeout TO {millis}"));
            all.push(format!("SET lock_timeout TO {millis}"));
            all.push(format!("SET idle_in_transaction_session_timeout TO {millis}"));
        }
        let isolation = match self.isolation {
            Isolation::Server => None,
            Isolation::ReadCommitted => Some("READ COMMITTED"),
            Isolation::RepeatableRead => Some("REPEATABLE READ"),
            Isolation::Serializable => Some("SERIALIZABLE"),
        };
        all.extend(
            isolation
                .map(|level| format!("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}")),
        );
        let further = self.session.iter();
        all.extend(further.map(|(name, value)| format!("SET {name} TO '{}'", value.replace('\'', "''"))));
        all
    }
}

pub(super) fn unusable(what: &str, reason: &str) -> StoreError {
    StoreError::NotALedger { what: what.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> PostgresOptions {
        PostgresOptions::new("postgres://ledger:secret@127.0.0.1/casino").expect("a URL")
    }

    #[test]
    fn a_name_that_would_need_quoting_is_no_schema() {
        for schema in ["", "1a", "A", "a-b", "a\"b", "a b", "a;b", "ä", &"x".repeat(64)] {
            let refused = PostgresOptions { schema: schema.to_owned(), ..options() }.check();
            assert!(matches!(refused, Err(StoreError::NotALedger { .. })), "{schema}");
        }
        for schema in ["a", "casino_ledger", "_1", &"x".repeat(63)] {
            PostgresOptions { schema: schema.to_owned(), ..options() }.check().expect(schema);
        }
    }

    #[test]
    fn a_wait_without_limit_is_refused() {
        let zero = Duration::ZERO;
        for wrong in [
            PostgresOptions { connections_max: 0, ..options() },
            PostgresOptions { connect_timeout: zero, ..options() },
            PostgresOptions { statement_timeout: zero, ..options() },
            PostgresOptions { append_timeout: zero, ..options() },
            PostgresOptions { watch_every: zero, ..options() },
            PostgresOptions { connect_tries_max: 0, ..options() },
        ] {
            wrong.check().expect_err("a limit is missing");
        }
    }

    #[test]
    fn neither_errors_nor_debug_output_tell_a_secret() {
        let error = PostgresOptions::new("postgres://ledger:secret@[db").expect_err("no URL");
        assert!(!format!("{error:?} {error}").contains("secret"));
        let options = options();
        assert!(!format!("{options:?} {}", options.what()).contains("secret"));
    }

    #[test]
    fn every_connection_waits_for_durability() {
        assert!(options().session_statements().contains(&"SET synchronous_commit TO on".to_owned()));
    }
}
