//! Stores as a ledger's home: opened if they are there, made if not.

use ledger_store::{FORMAT, LedgerId, LedgerIdentity, ShardCount, StoreError};

/// A new ledger with a random id.
fn fresh(shards: ShardCount) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId(*uuid::Uuid::new_v4().as_bytes()), shards, format: FORMAT }
}

/// Opens the ledger in a folder; makes a new one with a random id if there is none. A log that does not pass through what was
/// seen of it is left as it is, and none is made where one was seen.
#[cfg(feature = "log")]
pub(crate) fn log(
    folder: &std::path::Path,
    shards: ShardCount,
    witnesses: Vec<(ledger_store::Shard, ledger_store::Head)>,
) -> Result<ledger_store::log::LogStore, StoreError> {
    use ledger_store::log::{LogOptions, LogStore};
    let seen = witnesses.first().copied();
    let options = LogOptions { verify_appends: false, witnesses, ..LogOptions::default() };
    match (LogStore::identity_in(folder, &options)?, seen) {
        (Some(_), _) => LogStore::open(folder, options),
        (None, Some((shard, seen))) => {
            let actual = format!("{} without a ledger", folder.display());
            Err(StoreError::HistoryLost { shard, seen, actual })
        }
        (None, None) => LogStore::create(folder, fresh(shards), options),
    }
}

/// Opens the ledger in a file; makes a new one with a random id if there is none, unless one was seen there.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite(
    file: &std::path::Path,
    shards: ShardCount,
    witnesses: &[(ledger_store::Shard, ledger_store::Head)],
) -> Result<ledger_store::sqlite::SqliteStore, StoreError> {
    use ledger_store::sqlite::{SqliteOptions, SqliteStore};
    let mut options = SqliteOptions::default();
    options.verify_appends = false;
    match witnesses.first() {
        Some(&(shard, seen)) if !file.exists() => {
            let actual = format!("{} is not there", file.display());
            Err(StoreError::HistoryLost { shard, seen, actual })
        }
        Some(_) => SqliteStore::open(file, options),
        None => SqliteStore::open_or_create(file, fresh(shards), options),
    }
}

/// Opens the ledger in a database; makes a new one with a random id if there is none, unless one was seen there.
#[cfg(feature = "postgres")]
pub(crate) async fn postgres(
    options: ledger_store::postgres::PostgresOptions,
    shards: ShardCount,
    witnesses: &[(ledger_store::Shard, ledger_store::Head)],
) -> Result<ledger_store::postgres::PostgresStore, StoreError> {
    use ledger_store::postgres::PostgresStore;
    match witnesses.first() {
        Some(_) => PostgresStore::open(options).await,
        None => PostgresStore::open_or_create(options, fresh(shards)).await,
    }
}
