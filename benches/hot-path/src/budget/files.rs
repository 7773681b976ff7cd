//! The operating system's files, with a look at what the append does with them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use casino_ledger::store::log::{Access, Files, FolderLock, LogFile, RealFiles, SyncPoint};

use crate::meter::{self, Place};

static BYTES: AtomicU64 = AtomicU64::new(0);

/// Bytes that appends have written so far.
pub(crate) fn bytes_written() -> u64 {
    BYTES.load(Ordering::SeqCst)
}

#[derive(Debug, Default)]
pub(crate) struct Watched(RealFiles);

impl Files for Watched {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn LogFile>> {
        Ok(Arc::new(File(self.0.open(path, access)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_dir(&self, path: &Path, point: SyncPoint) -> io::Result<()> {
        self.0.sync_dir(path, point)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<FolderLock>> {
        self.0.lock(path)
    }
}

#[derive(Debug)]
struct File(Arc<dyn LogFile>);

/// Within an append only: what fills segments ahead is not on the way of a command.
fn within<T>(place: Place, act: impl FnOnce() -> T) -> T {
    if !meter::is_appending() {
        return act();
    }
    meter::enter(place);
    let result = act();
    meter::leave(place);
    result
}

impl LogFile for File {
    fn bytes(&self) -> io::Result<u64> {
        self.0.bytes()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if meter::is_appending() {
            BYTES.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        within(Place::Write, || self.0.write_all_at(bytes, offset))
    }

    fn sync(&self, point: SyncPoint) -> io::Result<()> {
        within(Place::Sync, || self.0.sync(point))
    }
}
