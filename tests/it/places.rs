//! Homes of ledgers: what the tests of the engine run on every store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::postgres::{PostgresOptions, PostgresStore};
use casino_ledger::store::sqlite::{SqliteOptions, SqliteStore};
use casino_ledger::store::{EventStore, LedgerIdentity, StoreError};
use ledger_testkit::postgres::shared_url;

/// Where a ledger lives. As a text it is handed to another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Log(PathBuf),
    Sqlite(PathBuf),
    /// A URL and a schema.
    Postgres(String, String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(folder) => write!(f, "log {}", folder.display()),
            Self::Sqlite(file) => write!(f, "sqlite {}", file.display()),
            Self::Postgres(url, schema) => write!(f, "postgres {url} {schema}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split(' ').collect();
        match parts[..] {
            ["log", folder] => Ok(Self::Log(folder.into())),
            ["sqlite", file] => Ok(Self::Sqlite(file.into())),
            ["postgres", url, schema] => Ok(Self::Postgres(url.to_owned(), schema.to_owned())),
            _ => Err(format!("{text} is no place")),
        }
    }
}

/// A schema that no other test has, on the server that the tests share.
pub(crate) fn fresh_schema() -> Place {
    let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
    Place::Postgres(shared_url(), schema)
}

/// Options for a database that other tests keep busy.
pub(crate) fn postgres_options(url: &str, schema: &str) -> PostgresOptions {
    let mut options = PostgresOptions::new(url).unwrap();
    schema.clone_into(&mut options.schema);
    options.conflict_retries_max = 200;
    options.verify_appends = true;
    options
}

impl Place {
    /// Opens the ledger, or makes it. The lock of a handle that was just dropped may still be held for a moment.
    pub(crate) async fn open(&self, identity: LedgerIdentity) -> Arc<dyn EventStore> {
        loop {
            match self.try_open(identity).await {
                Ok(store) => return store,
                Err(StoreError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(error) => panic!("{self}: {error}"),
            }
        }
    }

    async fn try_open(&self, identity: LedgerIdentity) -> Result<Arc<dyn EventStore>, StoreError> {
        match self {
            Self::Log(folder) => {
                let options = LogOptions { segment_bytes: 1 << 20, ..LogOptions::default() };
                Ok(Arc::new(LogStore::open_or_create(folder, identity, options)?))
            }
            Self::Sqlite(file) => {
                Ok(Arc::new(SqliteStore::open_or_create(file, identity, SqliteOptions::default())?))
            }
            Self::Postgres(url, schema) => {
                let options = postgres_options(url, schema);
                Ok(Arc::new(PostgresStore::open_or_create(options, identity).await?))
            }
        }
    }
}
