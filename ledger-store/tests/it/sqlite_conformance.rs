//! SQLite keeps the contract, with one shard and with many; and what a power cut leaves of its files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger_store::sqlite::{SqliteOptions, SqliteStore};
use ledger_store::testing::{Hook, Stall, StallPoint, StoreBuilder};
use ledger_store::{EventStore, LedgerIdentity, ShardCount, StoreError, StoredCommit};
use rusqlite::Connection;
use tempfile::TempDir;

/// What happens to the next commit.
#[derive(Default)]
struct Fate {
    hold: Mutex<Option<StallPoint>>,
    fail: AtomicBool,
    /// Nothing that this handle does has an effect any more.
    dead: AtomicBool,
}

impl Fate {
    fn may_commit(&self) -> bool {
        let held = self.hold.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(point) = held {
            point.hold();
        }
        !self.fail.swap(false, Ordering::AcqRel) && !self.dead.load(Ordering::Acquire)
    }
}

struct Sqlite(u16);

struct Place {
    folder: TempDir,
    fate: Arc<Fate>,
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("ledger.db")
}

impl Place {
    fn options(&self) -> SqliteOptions {
        let fate = Arc::clone(&self.fate);
        let mut options = SqliteOptions::default();
        options.verify_appends = true;
        options.before_commit = Some(Arc::new(move || fate.may_commit()));
        options
    }
}

/// Copies a ledger's files as they are: what a process that dies now leaves behind. The shared memory is no
/// part of it.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    for ending in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        if name(from).exists() {
            std::fs::copy(name(from), name(to)).expect("a copy");
        }
    }
}

/// A lock may still be held by threads of a handle that was just dropped.
fn opened(open: impl Fn() -> Result<SqliteStore, StoreError>) -> Result<Arc<dyn EventStore>, StoreError> {
    loop {
        match open() {
            Err(StoreError::InUse { .. }) => std::thread::yield_now(),
            opened => return Ok(Arc::new(opened?)),
        }
    }
}

#[async_trait]
impl StoreBuilder for Sqlite {
    type Guard = Place;

    fn shards(&self) -> ShardCount {
        ShardCount::new(self.0).expect("a power of two")
    }

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, Place), StoreError> {
        let place = Place { folder: TempDir::new().expect("a folder"), fate: Arc::default() };
        let store = SqliteStore::create(file(&place.folder), identity, place.options())?;
        Ok((Arc::new(store), place))
    }

    async fn reopen(&self, place: &mut Place) -> Result<Arc<dyn EventStore>, StoreError> {
        opened(|| SqliteStore::open(file(&place.folder), place.options()))
    }

    async fn power_cut(&self, place: &mut Place) -> Hook {
        // Until the commit is under way nothing of it is in the files.
        place.fate.dead.store(true, Ordering::Release);
        let folder = TempDir::new().expect("a folder");
        copy_files(&file(&place.folder), &file(&folder));
        *place = Place { folder, fate: Arc::default() };
        Hook::Done
    }

    async fn stall_next_write(&self, place: &mut Place) -> Option<Stall> {
        let (stall, point) = Stall::blocking();
        *place.fate.hold.lock().unwrap_or_else(PoisonError::into_inner) = Some(point);
        Some(stall)
    }

    async fn fail_next_write(&self, place: &mut Place) -> Hook {
        place.fate.fail.store(true, Ordering::Release);
        Hook::Done
    }

    async fn damage(&self, place: &mut Place, commit: &StoredCommit) -> Hook {
        let connection = Connection::open(file(&place.folder)).expect("the file");
        let mut body = commit.body.to_vec();
        let middle = body.len() / 2;
        body[middle] ^= 1;
        let changed = connection
            .execute(
                "UPDATE commits SET body = ?1 WHERE shard = ?2 AND position = ?3",
                (body, commit.shard.0, commit.position.0.cast_signed()),
            )
            .expect("to be damaged");
        assert_eq!(changed, 1);
        Hook::Done
    }
}

mod one_shard {
    ledger_store::conformance_tests!(super::Sqlite(1));
}

mod many_shards {
    ledger_store::conformance_tests!(super::Sqlite(64));
}
