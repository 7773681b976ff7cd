//! Checkpoints of publishers and hooks in a SQLite file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::open;
use crate::checkpoint::Checkpoint;
use crate::checkpoints::{CheckpointStore, check_name, check_successor, decode, encode};
use crate::error::ViewError;

/// Checkpoints in a table `casino_ledger_checkpoints` of a SQLite file, which may be the host's own.
///
/// A host that keeps what it does with the events in the same file writes both in one transaction of its own, by
/// [`SqliteCheckpoints::save_in`]; then it does everything exactly once.
#[derive(Debug)]
pub struct SqliteCheckpoints {
    path: PathBuf,
    connection: Mutex<Connection>,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS casino_ledger_checkpoints (
    name TEXT NOT NULL PRIMARY KEY,
    checkpoint TEXT NOT NULL
) STRICT, WITHOUT ROWID";

fn read(connection: &Connection, name: &str) -> Result<Option<Checkpoint>, ViewError> {
    check_name(name)?;
    let mut statement =
        connection.prepare_cached("SELECT checkpoint FROM casino_ledger_checkpoints WHERE name = $1")?;
    let text: Option<String> = statement.query_row([name], |row| row.get(0)).optional()?;
    text.map(|text| decode(name, &text)).transpose()
}

impl SqliteCheckpoints {
    /// Checkpoints in a file, which is made if it is not there, and so is the table.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if SQLite fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ViewError> {
        let path = path.as_ref().to_owned();
        let connection = open(&path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // What is saved is durable when it is answered.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(TABLE)?;
        Ok(Self { path, connection: Mutex::new(connection) })
    }

    /// Keeps a checkpoint in a transaction of the host's own, on a file that has the table.
    ///
    /// # Errors
    ///
    /// As [`CheckpointStore::save`].
    pub fn save_in(tx: &Transaction<'_>, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        check_successor(name, read(tx, name)?.as_ref(), checkpoint)?;
        let mut statement = tx.prepare_cached(
            "INSERT INTO casino_ledger_checkpoints (name, checkpoint) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET checkpoint = excluded.checkpoint",
        )?;
        statement.execute([name, &encode(checkpoint)?])?;
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[async_trait]
impl CheckpointStore for SqliteCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, ViewError> {
        read(&self.connection.lock().unwrap_or_else(PoisonError::into_inner), name)
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Self::save_in(&tx, name, checkpoint)?;
        tx.commit()?;
        Ok(())
    }
}
