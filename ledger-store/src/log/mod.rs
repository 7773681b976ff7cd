//! The embedded store: an append-only log of our own, with one durable write per append.
//!
//! The format is `docs/log-format.md`. One process writes, any number read ([`LogStore::open_read_only`]).
//! Every method may block the calling thread: the futures never yield.
//!
//! ```
//! use ledger_store::log::{LogOptions, LogStore};
//! use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, Position, ShardCount};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path().join("ledger");
//! # let options = LogOptions { segment_bytes: 64 << 10, ..LogOptions::default() };
//! let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! let store = LogStore::create(&dir, identity, options.clone())?;
//! drop(store);
//!
//! let store = LogStore::open(&dir, options)?;
//! assert_eq!(store.identity(), &identity);
//! assert_eq!(store.report().commits, 0);
//! # Ok(())
//! # }
//! ```

mod files;
mod folder;
mod follow;
mod frame;
mod index;
mod prepare;
mod reading;
mod recover;
mod scan;
mod segment;
#[cfg(feature = "testing")]
pub mod simulation;
mod snapshots;
mod view;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use tokio::sync::watch;

pub use self::files::{Access, Files, FolderLock, LogFile, RealFiles, SyncPoint};
pub use self::recover::TornTail;

use self::folder::Folder;
use self::follow::Follower;
use self::frame::{HEADER_BYTES, RECORD_BYTES};
use self::reading::{Reading, Wanted};
use self::snapshots::Snapshots;
use self::view::{Admission, Place, View};
use self::writer::{Landed, Writer};
use crate::contract::{EventStore, Lookup, READ_BYTES_MAX, READ_COMMITS_MAX, Snapshot};
use crate::error::StoreError;
use crate::types::{Head, LedgerIdentity, Position, Shard, ShardAppend, StoredCommit};
use crate::validate::{Recompute, validate_append, validate_snapshot};

/// How the next segment is made ready while the current one fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepare {
    /// On a thread of its own.
    Background,
    /// By the caller of `append`, for tests that need one order of events.
    Inline,
}

/// The settings of a [`LogStore`].
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The length of a segment in bytes, 1 KiB to 1 GiB; 64 MiB by default. A frame that is larger gets a
    /// segment of its own size.
    pub segment_bytes: u32,
    /// Hash and read every body again before it is appended. It finds a faulty caller, at twice the hashing;
    /// by default it is done where debug assertions are on. Reading always checks.
    pub verify_appends: bool,
    /// How the next segment is made ready.
    pub prepare: Prepare,
    /// Heads the caller has seen: checkpoints of projections, signed heads. A log that is behind or differs
    /// is refused with [`StoreError::HistoryLost`] before anything in it is changed.
    pub witnesses: Vec<(Shard, Head)>,
    /// The file layer; the operating system's by default.
    pub files: Arc<dyn Files>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            verify_appends: cfg!(debug_assertions),
            prepare: Prepare::Background,
            witnesses: Vec::new(),
            files: Arc::new(RealFiles),
        }
    }
}

impl LogOptions {
    fn recompute(&self) -> Recompute {
        if self.verify_appends { Recompute::HashesAndIndex } else { Recompute::Nothing }
    }

    fn check(&self) -> Result<(), StoreError> {
        let (min, max) = (segment::SEGMENT_BYTES_MIN, segment::SEGMENT_BYTES_MAX);
        if (min..=max).contains(&self.segment_bytes) {
            return Ok(());
        }
        let bytes = self.segment_bytes;
        Err(StoreError::Invalid(format!("segments of {bytes} bytes: take {min} to {max}")))
    }
}

/// What opening a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenReport {
    /// How many frames there are.
    pub frames: u64,
    /// How many commits there are, over all shards.
    pub commits: u64,
    /// How many segments there are.
    pub segments: usize,
    /// The log ends with a seal: it was closed.
    pub closed: bool,
    /// The last frame was not written whole, as a crash leaves it. It was never answered.
    pub torn: Option<TornTail>,
}

#[derive(Debug)]
enum Role {
    Writer(Box<Mutex<Writer>>),
    Follower(Box<Mutex<Follower>>),
}

/// The embedded append-only log.
#[derive(Debug)]
pub struct LogStore {
    identity: LedgerIdentity,
    recompute: Recompute,
    role: Role,
    view: RwLock<View>,
    reading: Reading,
    snapshots: Mutex<Snapshots>,
    report: Mutex<OpenReport>,
    watch: watch::Sender<u64>,
}

impl LogStore {
    /// Makes a new ledger in a folder, which is made if its parent exists and must hold nothing else.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`] if the folder holds something, [`StoreError::InUse`],
    /// [`StoreError::Invalid`] for settings out of bounds, [`StoreError::Unavailable`].
    pub fn create(dir: &Path, identity: LedgerIdentity, options: LogOptions) -> Result<Self, StoreError> {
        options.check()?;
        Folder::new(dir).lay_out(&*options.files, &identity, options.segment_bytes)?;
        Self::open(dir, options)
    }

    /// Opens a ledger for writing. Checks every frame and commit, cuts a torn tail (its bytes are set
    /// aside), and makes durable whatever it shows.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`], [`StoreError::NewerFormat`], [`StoreError::InUse`],
    /// [`StoreError::Corrupted`], [`StoreError::HistoryLost`], [`StoreError::Unavailable`].
    pub fn open(dir: &Path, options: LogOptions) -> Result<Self, StoreError> {
        options.check()?;
        let folder = Folder::new(dir);
        let files = Arc::clone(&options.files);
        folder.expect_identity(&*files)?;
        let lock = folder.lock(&*files)?;
        let identity = folder.expect_identity(&*files)?;
        let state = folder.state(&*files)?;
        let mut recovered = recover::recover(&*files, &folder, &identity, state)?;
        let reading = Reading::new(Arc::clone(&files), folder.log.clone(), identity);
        let snapshots = open_snapshots(&files, &folder, Access::Write)?;
        let seen = seen(&snapshots, &identity, &options.witnesses);
        recover::check_witnesses(&recovered.view, &reading, seen.iter())?;
        let mut report = recovered.report();
        recovered
            .settle(&*files, &folder, &mut report)
            .map_err(|error| StoreError::io(format!("settling the tail of {}", dir.display()), error))?;
        let recompute = options.recompute();
        let writer = Writer::new(options, folder, &recovered, lock)?;
        tracing::info!(
            ledger = %identity.ledger, folder = %dir.display(), commits = report.commits,
            frames = report.frames, segments = report.segments, closed = report.closed, "opened the log"
        );
        Ok(Self {
            identity,
            recompute,
            role: Role::Writer(Box::new(Mutex::new(writer))),
            watch: watch::Sender::new(recovered.view.commits()),
            view: RwLock::new(recovered.view),
            reading,
            snapshots: Mutex::new(snapshots),
            report: Mutex::new(report),
        })
    }

    /// Opens a ledger, or makes it if the folder is empty or missing.
    ///
    /// # Errors
    ///
    /// As [`Self::open`] and [`Self::create`]; [`StoreError::NotALedger`] if the folder holds another ledger.
    pub fn open_or_create(
        dir: &Path,
        identity: LedgerIdentity,
        options: LogOptions,
    ) -> Result<Self, StoreError> {
        match Folder::new(dir).identity(&*options.files)? {
            None => Self::create(dir, identity, options),
            Some(found) if found == identity => Self::open(dir, options),
            Some(found) => {
                let reason = format!(
                    "it holds ledger {} of {} shards, not {} of {}",
                    found.ledger,
                    found.shards.get(),
                    identity.ledger,
                    identity.shards.get()
                );
                Err(StoreError::NotALedger { what: dir.display().to_string(), reason })
            }
        }
    }

    /// The identity of the ledger in a folder; `None` if the folder is missing or empty.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`] if the folder holds something else, [`StoreError::NewerFormat`],
    /// [`StoreError::Unavailable`].
    pub fn identity_in(dir: &Path, options: &LogOptions) -> Result<Option<LedgerIdentity>, StoreError> {
        Folder::new(dir).identity(&*options.files)
    }

    /// Opens a ledger to read it, also while another process writes. Takes no lock and changes nothing.
    ///
    /// It shows what is provably durable: frames behind which another stands. [`Self::refresh`] looks again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`], [`StoreError::NewerFormat`], [`StoreError::Corrupted`],
    /// [`StoreError::HistoryLost`], [`StoreError::Unavailable`].
    pub fn open_read_only(dir: &Path, options: &LogOptions) -> Result<Self, StoreError> {
        let folder = Folder::new(dir);
        let files = Arc::clone(&options.files);
        let identity = folder.expect_identity(&*files)?;
        let reading = Reading::new(Arc::clone(&files), folder.log.clone(), identity);
        let snapshots = open_snapshots(&files, &folder, Access::Read)?;
        let (mut view, mut report) = (View::new(identity), OpenReport::default());
        let mut follower = Follower::new(files, folder, identity, &mut view)?;
        follower.refresh(&mut view, &mut report)?;
        follower.check_tail(&mut report)?;
        recover::check_witnesses(&view, &reading, options.witnesses.iter())?;
        Ok(Self {
            identity,
            recompute: options.recompute(),
            role: Role::Follower(Box::new(Mutex::new(follower))),
            watch: watch::Sender::new(view.commits()),
            view: RwLock::new(view),
            reading,
            snapshots: Mutex::new(snapshots),
            report: Mutex::new(report),
        })
    }

    /// What opening (or, read-only, the last refresh) found.
    pub fn report(&self) -> OpenReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for what has become durable since; answers how many commits there are now. A writer always
    /// shows everything.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`], [`StoreError::Unavailable`].
    pub fn refresh(&self) -> Result<u64, StoreError> {
        if let Role::Follower(follower) = &self.role {
            let mut follower = follower.lock().map_err(|_| panicked())?;
            let mut view = self.view_mut()?;
            let mut report = self.report();
            follower.refresh(&mut view, &mut report)?;
            *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
            self.watch.send_if_modified(|seen| std::mem::replace(seen, view.commits()) != view.commits());
        }
        Ok(self.view()?.commits())
    }

    fn view(&self) -> Result<RwLockReadGuard<'_, View>, StoreError> {
        self.view.read().map_err(|_| panicked())
    }

    fn view_mut(&self) -> Result<RwLockWriteGuard<'_, View>, StoreError> {
        self.view.write().map_err(|_| panicked())
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        match &self.role {
            Role::Writer(writer) => writer.lock().map_err(|_| panicked()),
            Role::Follower(_) => Err(unavailable("the log was opened read-only")),
        }
    }

    fn append_now(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let mut writer = self.writer()?;
        writer.check_open()?;
        validate_append(&self.identity, appends, self.recompute)?;
        let mut answers = Vec::with_capacity(appends.len());
        let mut landing = Vec::with_capacity(appends.len());
        for part in appends {
            let (answer, lands) = self.judge(part)?;
            answers.push(answer);
            if lands {
                landing.push(part);
            }
        }
        if !landing.is_empty() {
            let landed = writer.append(&landing)?;
            self.publish(&landing, landed)?;
        }
        Ok(answers)
    }

    /// The answer to one part, and whether it has to be written.
    fn judge(&self, part: &ShardAppend) -> Result<(Result<Head, StoreError>, bool), StoreError> {
        let view = self.view()?;
        let actual = view.heads()[part.shard.index()];
        let sealed = part
            .commits
            .last()
            .map_or(part.expected, |commit| Head { position: commit.position, hash: commit.hash });
        if actual == part.expected {
            return Ok((Ok(sealed), true));
        }
        // Sent again after an unknown outcome (C08): it landed if exactly these commits are there.
        let stored: Option<Vec<_>> =
            part.commits.iter().map(|commit| Wanted::find(&view, part.shard, commit.position)).collect();
        drop(view);
        let mut landed = stored.is_some();
        for (wanted, commit) in stored.iter().flatten().zip(&part.commits) {
            if self.reading.hash(part.shard, wanted)? != commit.hash {
                landed = false;
                break;
            }
        }
        if landed {
            return Ok((Ok(sealed), false));
        }
        Ok((Err(StoreError::HeadMoved { shard: part.shard, expected: part.expected, actual }), false))
    }

    /// Shows a durable batch to the readers.
    fn publish(&self, parts: &[&ShardAppend], landed: Landed) -> Result<(), StoreError> {
        let unknown =
            |_| StoreError::Unknown { reason: "durable, but a reader panicked: open it again".to_owned() };
        let mut view = self.view_mut().map_err(unknown)?;
        view.segments.extend(landed.begun);
        let mut offset = landed.offset + HEADER_BYTES;
        for part in parts {
            for commit in &part.commits {
                let place = Place {
                    segment: landed.segment,
                    offset: fits(offset)?,
                    body_bytes: fits(commit.body.len())?,
                };
                view.admit(&Admission {
                    shard: part.shard,
                    position: commit.position,
                    hash: commit.hash,
                    place,
                    index: &commit.index,
                });
                offset += RECORD_BYTES + commit.body.len();
            }
        }
        self.watch.send_replace(view.commits());
        Ok(())
    }

    fn read_now(&self, shard: Shard, from: Position, limit: usize) -> Result<Vec<StoredCommit>, StoreError> {
        let wanted = {
            let view = self.view()?;
            let mut wanted = Vec::new();
            let mut bytes = 0;
            let mut position = from.max(Position(1));
            while wanted.len() < limit.min(READ_COMMITS_MAX)
                && bytes < READ_BYTES_MAX
                && let Some(next) = Wanted::find(&view, shard, position)
            {
                bytes += next.body_bytes();
                wanted.push(next);
                position = position.next();
            }
            wanted
        };
        self.reading.commits(shard, &wanted)
    }

    fn read_partition_now(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let shard = self.identity.shards.shard_of(partition);
        let wanted: Option<Vec<_>> = {
            let view = self.view()?;
            let positions = view.index().partition(partition, after, limit.min(READ_COMMITS_MAX));
            positions.iter().map(|position| Wanted::find(&view, shard, Position(*position))).collect()
        };
        let wanted = wanted.ok_or_else(|| {
            StoreError::Corrupted(format!("shard {shard}: the index names a commit beyond the head"))
        })?;
        self.reading.commits(shard, &wanted)
    }

    fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log holds exactly the commit that a snapshot names.
    fn holds(&self, snapshot: &Snapshot) -> Result<bool, StoreError> {
        let shard = self.identity.shards.shard_of(&snapshot.partition);
        let wanted = Wanted::find(&*self.view()?, shard, snapshot.position);
        match wanted {
            Some(wanted) => Ok(self.reading.hash(shard, &wanted)? == snapshot.hash),
            None => Ok(false),
        }
    }
}

fn fits(number: usize) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Corrupted(format!("offset {number} is beyond 4 GiB")))
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), source: None }
}

fn panicked() -> StoreError {
    unavailable("a thread panicked while it held the log: open it again")
}

fn open_snapshots(files: &Arc<dyn Files>, folder: &Folder, access: Access) -> Result<Snapshots, StoreError> {
    Snapshots::open(Arc::clone(files), &folder.snapshots, access)
        .map_err(|error| StoreError::io(format!("reading {}", folder.snapshots.display()), error))
}

/// Everything that was seen of this log: by the caller, and by the snapshots.
fn seen(snapshots: &Snapshots, identity: &LedgerIdentity, witnesses: &[(Shard, Head)]) -> Vec<(Shard, Head)> {
    let shard_of = |digest: &[u8; 32]| {
        let bits = u32::from(identity.shards.get()).trailing_zeros();
        let top = u16::from_be_bytes([digest[0], digest[1]]);
        Shard(top.checked_shr(16 - bits).unwrap_or(0))
    };
    let kept = snapshots.witnesses().map(|(digest, head)| (shard_of(&digest), head));
    witnesses.iter().copied().chain(kept).collect()
}

#[async_trait]
impl EventStore for LogStore {
    /// The folder is locked while it is open for writing.
    fn is_exclusive(&self) -> bool {
        matches!(self.role, Role::Writer(_))
    }

    fn is_stopped(&self) -> bool {
        let Role::Writer(writer) = &self.role else { return true };
        match writer.try_lock() {
            Ok(writer) => writer.check_open().is_err(),
            // Whoever holds it is appending.
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Poisoned(_)) => true,
        }
    }

    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        Ok(self.view()?.heads().to_vec())
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.view()?.recorded_at())
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        self.append_now(appends)
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.read_now(shard, from, limit)
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.read_partition_now(partition, after, limit)
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        let view = self.view()?;
        let find = |lookup: &Lookup| match lookup {
            Lookup::Key(shard, key) => view.index().key(*shard, key),
            Lookup::Stream(shard, stream) => view.index().stream(*shard, stream),
        };
        Ok(lookups.iter().map(find).collect())
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        validate_snapshot(&snapshot)?;
        self.writer()?.check_open()?;
        let witness = self.holds(&snapshot)?;
        let doing = |error: io::Error| StoreError::io("writing a snapshot", error);
        self.snapshots().write(&snapshot, witness).map_err(doing)
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        let doing = |error: io::Error| StoreError::io("reading a snapshot", error);
        self.snapshots().read(partition).map_err(doing)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.watch.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        if let Role::Follower(_) = self.role {
            return Ok(());
        }
        let begun = self.writer()?.close()?;
        self.view_mut()?.segments.extend(begun);
        Ok(())
    }
}
