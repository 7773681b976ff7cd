//! The embedded log as a ledger's home.

use std::path::Path;

use ledger_store::log::{LogOptions, LogStore};
use ledger_store::{FORMAT, LedgerId, LedgerIdentity, ShardCount, StoreError};

/// Opens the ledger in a folder; makes a new one with a random id if there is none.
pub(crate) fn open_or_create(folder: &Path, shards: ShardCount) -> Result<LogStore, StoreError> {
    let options = LogOptions { verify_appends: false, ..LogOptions::default() };
    match LogStore::identity_in(folder, &options)? {
        Some(_) => LogStore::open(folder, options),
        None => {
            let ledger = LedgerId(*uuid::Uuid::new_v4().as_bytes());
            LogStore::create(folder, LedgerIdentity { ledger, shards, format: FORMAT }, options)
        }
    }
}
