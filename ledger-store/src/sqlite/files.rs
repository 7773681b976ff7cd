//! The file, and the lock beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// The lock of the one who writes. It goes with the process that holds it.
#[derive(Debug)]
pub(super) struct FileLock(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

impl FileLock {
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let name = beside(path, ".lock");
        let doing = |error| StoreError::io(format!("locking {}", name.display()), error);
        let file = OpenOptions::new().create(true).append(true).open(&name).map_err(doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { what: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(doing(error)),
        }
    }
}

pub(super) fn not_a_ledger(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::NotALedger { what: path.display().to_string(), reason: reason.into() }
}

pub(super) fn must_exist(path: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(not_a_ledger(path, "it is no file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(not_a_ledger(path, "there is no such file")),
        Err(error) => Err(StoreError::io(format!("looking at {}", path.display()), error)),
    }
}

/// Makes the file, which must not be there.
pub(super) fn create_new(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(not_a_ledger(path, "the file is there already"))
        }
        Err(error) => Err(StoreError::io(format!("making {}", path.display()), error)),
    }
}

/// Makes the names in the file's folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| StoreError::io(format!("syncing {}", folder.display()), error))
}
