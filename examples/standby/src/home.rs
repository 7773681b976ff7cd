//! A folder with a copy of a ledger: the log in `ledger`, its fence in `fence.json`. The fence stays with the copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use casino_ledger::replica::{FileFence, Standby};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{EventStore, FORMAT, LedgerId, LedgerIdentity, ShardCount, StoreError};

/// How long opening waits for a process that is just ending.
const TRIES: u32 = 200;

#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// The home in a folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(Self(folder.to_owned()))
    }

    pub fn log(&self) -> PathBuf {
        self.0.join("ledger")
    }

    pub fn fence(&self) -> Arc<FileFence> {
        Arc::new(FileFence::new(self.0.join("fence.json")))
    }

    /// The log that is here, for this process alone.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn open(&self) -> anyhow::Result<Arc<dyn EventStore>> {
        let mut tries = 0;
        loop {
            match LogStore::open(&self.log(), LogOptions::default()) {
                Err(StoreError::InUse { .. }) if tries < TRIES => {
                    tries += 1;
                    // A killed process holds its lock until the kernel has cleaned up.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                opened => return Ok(Arc::new(opened?)),
            }
        }
    }

    /// The log that is here, or a new one: of this ledger, or of one that is made up.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn open_or_create(&self, like: Option<LedgerIdentity>) -> anyhow::Result<Arc<dyn EventStore>> {
        if LogStore::identity_in(&self.log(), &LogOptions::default())?.is_some() {
            return self.open().await;
        }
        let identity = match like {
            Some(identity) => identity,
            None => {
                let ledger = LedgerId(*uuid::Uuid::new_v4().as_bytes());
                LedgerIdentity { ledger, shards: ShardCount::DEFAULT, format: FORMAT }
            }
        };
        Ok(Arc::new(LogStore::create(&self.log(), identity, LogOptions::default())?))
    }

    /// The standby that lives here.
    ///
    /// # Errors
    ///
    /// What the store or the fence says.
    pub async fn standby(&self, like: Option<LedgerIdentity>) -> anyhow::Result<Standby> {
        Ok(Standby::open(self.open_or_create(like).await?, self.fence())?)
    }

    /// Whether there is a log.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn has_log(&self) -> anyhow::Result<bool> {
        Ok(LogStore::identity_in(&self.log(), &LogOptions::default())?.is_some())
    }
}
