//! The log keeps the contract, with one shard and with many, on a simulated disk and on a real one.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ledger_store::log::simulation::{Fault, Keep, SimulatedDisk};
use ledger_store::log::{Access, Files, LogOptions, LogStore, SyncPoint};
use ledger_store::testing::{Hook, Stall, StoreBuilder};
use ledger_store::{EventStore, LedgerIdentity, LostAnswer, ShardCount, StoreError, StoredCommit};
use tempfile::TempDir;

use crate::log_support::options;

const DIR: &str = "/ledger";
/// Long enough that a small append is one write and one sync.
const SEGMENT_BYTES: u32 = 2 << 20;

fn shards(count: u16) -> ShardCount {
    ShardCount::new(count).expect("a power of two")
}

/// A log on a simulated disk, which can do everything the kit asks for: of so many shards, with so much memory
/// for its index.
struct Simulated(u16, usize);

/// The index stays in memory until the log is closed.
const ROOMY: usize = 64 << 20;
/// The index is written and merged all the time.
const TINY: usize = 4 << 10;

impl Simulated {
    fn options(&self, disk: &SimulatedDisk) -> LogOptions {
        LogOptions { files: Arc::new(disk.clone()), index_bytes: self.1, ..options(SEGMENT_BYTES) }
    }
}

fn opened(store: Result<LogStore, StoreError>) -> Result<Arc<dyn EventStore>, StoreError> {
    Ok(Arc::new(store?))
}

/// Flips a bit of a body, wherever in the log it stands.
fn damage(files: &dyn Files, dir: &Path, body: &[u8]) -> Hook {
    let log = dir.join("log");
    for name in files.list(&log).expect("the log's folder") {
        let file = files.open(&log.join(name), Access::Write).expect("a segment");
        let mut bytes = vec![0; usize::try_from(file.bytes().expect("its length")).expect("a length")];
        file.read_exact_at(&mut bytes, 0).expect("its content");
        if let Some(at) = bytes.windows(body.len()).position(|window| window == body) {
            let at = at + body.len() / 2;
            file.write_all_at(&[bytes[at] ^ 1], at as u64).expect("to be damaged");
            file.sync(SyncPoint::Tail).expect("to stay damaged");
            return Hook::Done;
        }
    }
    panic!("the body is not in the log");
}

#[async_trait]
impl StoreBuilder for Simulated {
    type Guard = SimulatedDisk;

    fn shards(&self) -> ShardCount {
        shards(self.0)
    }

    async fn create(
        &self,
        identity: LedgerIdentity,
    ) -> Result<(Arc<dyn EventStore>, SimulatedDisk), StoreError> {
        let disk = SimulatedDisk::new();
        Ok((opened(LogStore::create(Path::new(DIR), identity, self.options(&disk)))?, disk))
    }

    async fn reopen(&self, disk: &mut SimulatedDisk) -> Result<Arc<dyn EventStore>, StoreError> {
        opened(LogStore::open(Path::new(DIR), self.options(disk)))
    }

    async fn power_cut(&self, disk: &mut SimulatedDisk) -> Hook {
        disk.end();
        *disk = disk.after_power_cut(Keep::Some(disk.calls()));
        Hook::Done
    }

    async fn stall_next_write(&self, disk: &mut SimulatedDisk) -> Option<Stall> {
        let (stall, point) = Stall::blocking();
        disk.before_next_sync(SyncPoint::Frame, move || point.hold());
        Some(stall)
    }

    async fn fail_next_write(&self, disk: &mut SimulatedDisk) -> Hook {
        // The write itself or the sync after it.
        disk.arm(disk.calls() + 1 + disk.calls() % 2, Fault::Error(ErrorKind::Other));
        Hook::Done
    }

    async fn lose_next_answer(&self, disk: &mut SimulatedDisk, answer: LostAnswer) -> Hook {
        let (call, fault) = match answer {
            LostAnswer::Landed => (2, Fault::LateError(ErrorKind::Other)),
            LostAnswer::NeverArrived => (1, Fault::Error(ErrorKind::Other)),
        };
        disk.arm(disk.calls() + call, fault);
        Hook::Done
    }

    async fn damage(&self, disk: &mut SimulatedDisk, commit: &StoredCommit) -> Hook {
        damage(disk, Path::new(DIR), &commit.body)
    }
}

/// A log on the real disk, as hosts open it.
struct Real;

#[async_trait]
impl StoreBuilder for Real {
    type Guard = TempDir;

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, TempDir), StoreError> {
        let folder = TempDir::new().expect("a folder");
        let options =
            LogOptions { segment_bytes: SEGMENT_BYTES, verify_appends: true, ..LogOptions::default() };
        Ok((opened(LogStore::create(folder.path(), identity, options))?, folder))
    }

    async fn reopen(&self, folder: &mut TempDir) -> Result<Arc<dyn EventStore>, StoreError> {
        let options =
            LogOptions { segment_bytes: SEGMENT_BYTES, verify_appends: true, ..LogOptions::default() };
        opened(LogStore::open(folder.path(), options))
    }
}

mod one_shard {
    ledger_store::conformance_tests!(super::Simulated(1, super::ROOMY));
}

mod many_shards {
    ledger_store::conformance_tests!(super::Simulated(64, super::ROOMY));
}

mod one_shard_with_tiny_memory {
    ledger_store::conformance_tests!(super::Simulated(1, super::TINY));
}

mod many_shards_with_tiny_memory {
    ledger_store::conformance_tests!(super::Simulated(64, super::TINY));
}

mod real_files {
    ledger_store::conformance_tests!(super::Real);
}
