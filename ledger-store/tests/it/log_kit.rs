//! The log keeps the contract, on the real disk and on one that forgets, with one shard and with many.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger_store::log::simulation::{Fault, Keep, SimulatedDisk};
use ledger_store::log::{
    Access, Files, FolderLock, LogFile, LogOptions, LogStore, Prepare, RealFiles, SyncPoint,
};
use ledger_store::testing::{Hook, Stall, StallPoint, StoreBuilder};
use ledger_store::{EventStore, LedgerIdentity, ShardCount, StoreError, StoredCommit};
use tempfile::TempDir;

/// Makes logs on a disk of this kind, with so many shards.
struct Log(Disk, u16);

#[derive(Clone, Copy)]
enum Disk {
    Real,
    Simulated,
}

struct Place {
    folder: Option<TempDir>,
    simulated: Option<SimulatedDisk>,
    gate: Gate,
    power_cuts: u64,
}

impl Place {
    fn path(&self) -> PathBuf {
        self.folder.as_ref().map_or(PathBuf::from("/ledger"), |folder| folder.path().join("ledger"))
    }

    fn options(&self) -> LogOptions {
        let disk: Arc<dyn Files> = match &self.simulated {
            Some(disk) => Arc::new(disk.clone()),
            None => Arc::new(RealFiles),
        };
        let files = Arc::new(GatedFiles { disk, gate: Arc::clone(&self.gate) });
        // Small segments on the simulated disk, so that every clause meets their ends.
        let segment_bytes = if self.simulated.is_some() { 64 << 10 } else { 4 << 20 };
        LogOptions {
            segment_bytes,
            verify_appends: true,
            prepare: Prepare::Inline,
            files,
            ..LogOptions::default()
        }
    }
}

#[async_trait]
impl StoreBuilder for Log {
    type Guard = Place;

    fn shards(&self) -> ShardCount {
        ShardCount::new(self.1).expect("a power of two")
    }

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, Place), StoreError> {
        let gate = Gate::default();
        let (folder, simulated) = match self.0 {
            Disk::Real => (Some(tempfile::tempdir().expect("a folder")), None),
            Disk::Simulated => (None, Some(SimulatedDisk::new())),
        };
        let place = Place { folder, simulated, gate, power_cuts: 0 };
        let store = LogStore::create(&place.path(), identity, place.options())?;
        Ok((Arc::new(store), place))
    }

    async fn reopen(&self, place: &mut Place) -> Result<Arc<dyn EventStore>, StoreError> {
        Ok(Arc::new(LogStore::open(&place.path(), place.options())?))
    }

    async fn power_cut(&self, place: &mut Place) -> Hook {
        let Some(disk) = &place.simulated else { return Hook::Absent };
        place.power_cuts += 1;
        // The next handle finds what the cut left; to this one every call fails.
        let left = disk.after_power_cut(match place.power_cuts % 3 {
            0 => Keep::All,
            1 => Keep::Nothing,
            _ => Keep::Some(place.power_cuts),
        });
        disk.arm(disk.calls() + 1, Fault::Death);
        place.simulated = Some(left);
        Hook::Done
    }

    async fn stall_next_write(&self, place: &mut Place) -> Option<Stall> {
        let (stall, point) = Stall::blocking();
        *place.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(point);
        Some(stall)
    }

    async fn fail_next_write(&self, place: &mut Place) -> Hook {
        let Some(disk) = &place.simulated else { return Hook::Absent };
        disk.arm(disk.calls() + 1, Fault::Error(io::ErrorKind::StorageFull));
        Hook::Done
    }

    async fn damage(&self, place: &mut Place, commit: &StoredCommit) -> Hook {
        let (files, log) = (place.options().files, place.path().join("log"));
        for name in files.list(&log).expect("the segments") {
            let file = files.open(&log.join(name), Access::Write).expect("a segment");
            let mut bytes = vec![0; usize::try_from(file.bytes().expect("a length")).expect("a length")];
            file.read_exact_at(&mut bytes, 0).expect("a segment");
            let body = bytes.windows(commit.body.len()).position(|window| *window == *commit.body);
            if let Some(at) = body {
                let at = at + commit.body.len() / 2;
                file.write_all_at(&[bytes[at] ^ 1], at as u64).expect("a byte");
                return Hook::Done;
            }
        }
        panic!("no segment holds the body of position {}", commit.position);
    }
}

type Gate = Arc<Mutex<Option<StallPoint>>>;

/// Files whose next sync of a batch can be held.
#[derive(Debug)]
struct GatedFiles {
    disk: Arc<dyn Files>,
    gate: Gate,
}

#[derive(Debug)]
struct GatedFile {
    file: Arc<dyn LogFile>,
    gate: Gate,
}

impl Files for GatedFiles {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn LogFile>> {
        let file = self.disk.open(path, access)?;
        Ok(Arc::new(GatedFile { file, gate: Arc::clone(&self.gate) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, path: &Path, point: SyncPoint) -> io::Result<()> {
        self.disk.sync_dir(path, point)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<FolderLock>> {
        self.disk.lock(path)
    }
}

impl LogFile for GatedFile {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self, point: SyncPoint) -> io::Result<()> {
        if point == SyncPoint::Frame {
            let held = self.gate.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(held) = held {
                held.hold();
            }
        }
        self.file.sync(point)
    }
}

mod one_shard {
    use super::{Disk, Log};
    ledger_store::conformance_tests!(Log(Disk::Real, 1));
}

mod many_shards {
    use super::{Disk, Log};
    ledger_store::conformance_tests!(Log(Disk::Real, 64));
}

mod simulated_disk {
    use super::{Disk, Log};
    ledger_store::conformance_tests!(Log(Disk::Simulated, 16));
}
