//! Stores as a ledger's home: opened if they are there, made if not.

use ledger_store::{FORMAT, LedgerId, LedgerIdentity, ShardCount, StoreError};

/// A new ledger with a random id.
fn fresh(shards: ShardCount) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId(*uuid::Uuid::new_v4().as_bytes()), shards, format: FORMAT }
}

/// Opens the ledger in a folder; makes a new one with a random id if there is none.
#[cfg(feature = "log")]
pub(crate) fn log(
    folder: &std::path::Path,
    shards: ShardCount,
) -> Result<ledger_store::log::LogStore, StoreError> {
    use ledger_store::log::{LogOptions, LogStore};
    let options = LogOptions { verify_appends: false, ..LogOptions::default() };
    match LogStore::identity_in(folder, &options)? {
        Some(_) => LogStore::open(folder, options),
        None => LogStore::create(folder, fresh(shards), options),
    }
}

/// Opens the ledger in a file; makes a new one with a random id if there is none.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite(
    file: &std::path::Path,
    shards: ShardCount,
) -> Result<ledger_store::sqlite::SqliteStore, StoreError> {
    use ledger_store::sqlite::{SqliteOptions, SqliteStore};
    let mut options = SqliteOptions::default();
    options.verify_appends = false;
    SqliteStore::open_or_create(file, fresh(shards), options)
}

/// Opens the ledger in a database; makes a new one with a random id if there is none.
#[cfg(feature = "postgres")]
pub(crate) async fn postgres(
    options: ledger_store::postgres::PostgresOptions,
    shards: ShardCount,
) -> Result<ledger_store::postgres::PostgresStore, StoreError> {
    ledger_store::postgres::PostgresStore::open_or_create(options, fresh(shards)).await
}
