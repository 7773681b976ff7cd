//! The embedded log as a ledger's home.

use std::path::Path;

use ledger_store::log::{LogOptions, LogStore};
use ledger_store::{FORMAT, Head, LedgerId, LedgerIdentity, Shard, ShardCount, StoreError};

/// Opens the ledger in a folder; makes a new one with a random id if there is none. A log that does not pass through what was
/// seen of it is left as it is, and none is made where one was seen.
pub(crate) fn open_or_create(
    folder: &Path,
    shards: ShardCount,
    witnesses: Vec<(Shard, Head)>,
) -> Result<LogStore, StoreError> {
    let seen = witnesses.first().copied();
    let options = LogOptions { verify_appends: false, witnesses, ..LogOptions::default() };
    match (LogStore::identity_in(folder, &options)?, seen) {
        (Some(_), _) => LogStore::open(folder, options),
        (None, Some((shard, seen))) => {
            let actual = format!("{} without a ledger", folder.display());
            Err(StoreError::HistoryLost { shard, seen, actual })
        }
        (None, None) => {
            let ledger = LedgerId(*uuid::Uuid::new_v4().as_bytes());
            LogStore::create(folder, LedgerIdentity { ledger, shards, format: FORMAT }, options)
        }
    }
}
