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

mod archive;
mod checks;
mod files;
mod folder;
mod follow;
mod frame;
mod index;
mod prepare;
mod reading;
mod recover;
mod scan;
mod sealed;
mod sealer;
mod segment;
#[cfg(feature = "testing")]
pub mod simulation;
mod snapshots;
mod view;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use tokio::sync::watch;

pub use self::archive::{ArchiveManifest, ArchivedSegment, Sha256Text};
pub use self::checks::{LogCheck, Progress, SegmentStatus};
pub use self::files::{Access, Files, FolderLock, LogFile, RealFiles, SyncPoint};
pub use self::index::{IndexCheck, IndexStatus};
pub use self::recover::{Check, TornTail};

use self::checks::OldIndex;
use self::folder::Folder;
use self::follow::Follower;
use self::frame::{HEADER_BYTES, RECORD_BYTES};
use self::index::{Budget, INDEX_BYTES_MIN, Keeper, Question, Sought, Worker, gap, half};
use self::reading::{Reading, Wanted};
use self::sealer::Sealer;
use self::snapshots::Snapshots;
use self::view::{Admission, Place, View, nothing};
use self::writer::{Landed, Writer};
use crate::contract::{EventStore, Lookup, READ_BYTES_MAX, READ_COMMITS_MAX, Snapshot};
use crate::error::StoreError;
use crate::types::{Head, LedgerIdentity, Position, Shard, ShardAppend, StoredCommit};
use crate::validate::{Recompute, validate_append, validate_snapshot};

/// How what is not an append's own work is done: making the next segment ready while the current one fills, and
/// writing the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepare {
    /// On threads of their own.
    Background,
    /// By the caller of `append`, for tests that need one order of events.
    Inline,
}

/// Whether full segments are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    /// They stay as they were written.
    Never,
    /// All but the newest so many, off the writer's path.
    Behind(usize),
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
    /// How the next segment is made ready, and the index written.
    pub prepare: Prepare,
    /// How much memory the index may take, in bytes; 128 MiB by default, at least 2 KiB. About 8 bytes a bet round
    /// of history keep every look-up of something absent away from the disk; with less, more of them read.
    pub index_bytes: usize,
    /// Which commits are checked when the log is opened; by default those that the index does not cover.
    pub check: Check,
    /// Which full segments are compressed; by default all but the newest four.
    pub sealing: Sealing,
    /// Where sealed segments are moved to by [`LogStore::archive_segments`], and read from.
    pub archive: Option<PathBuf>,
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
            index_bytes: 128 << 20,
            check: Check::Tail,
            sealing: Sealing::Behind(4),
            archive: None,
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
        if !(min..=max).contains(&self.segment_bytes) {
            let bytes = self.segment_bytes;
            return Err(StoreError::Invalid(format!("segments of {bytes} bytes: take {min} to {max}")));
        }
        if self.index_bytes < INDEX_BYTES_MIN {
            let bytes = self.index_bytes;
            return Err(StoreError::Invalid(format!(
                "{bytes} bytes for the index: take {INDEX_BYTES_MIN} or more"
            )));
        }
        Ok(())
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
    /// How many commits the index on disk covered; the others were read and checked.
    pub indexed: u64,
    /// Why the index on disk was not used, if it was not: everything was read, and it was made anew.
    pub index_made_anew: Option<String>,
}

#[derive(Debug)]
enum Role {
    Writer(Box<Mutex<Writer>>, Keeper),
    Follower(Box<Mutex<Follower>>),
}

/// What readers, the writer and the one who keeps the index share.
#[derive(Debug)]
struct Shared {
    identity: LedgerIdentity,
    view: RwLock<View>,
    reading: Reading,
}

impl Shared {
    fn view(&self) -> Result<RwLockReadGuard<'_, View>, StoreError> {
        self.view.read().map_err(|_| panicked())
    }

    fn view_mut(&self) -> Result<RwLockWriteGuard<'_, View>, StoreError> {
        self.view.write().map_err(|_| panicked())
    }

    /// Where up to `limit` commits of a shard stand, from a position on, without a gap; less only at the head.
    fn places(&self, shard: Shard, from: Position, limit: usize) -> Result<Vec<Place>, StoreError> {
        let (runs, in_memory, in_runs) = {
            let view = self.view()?;
            let position =
                |heads: &[Head]| heads.get(shard.index()).map_or(Position::ZERO, |head| head.position);
            let head = position(view.heads());
            let last = from.0.saturating_add(limit as u64).saturating_sub(1).min(head.0);
            let layers = view.layers();
            let run_end = layers.runs.newest().map_or(Position::ZERO, |span| position(&span.heads));
            let first = from.0.max(run_end.0 + 1);
            let in_memory: Option<Vec<_>> =
                (first..=last).map(|position| layers.place_in_memory(shard, Position(position))).collect();
            let in_runs = (run_end.0.min(last) + 1).saturating_sub(from.0);
            (Arc::clone(&layers.runs), in_memory.ok_or_else(gap)?, usize::try_from(in_runs).unwrap_or(limit))
        };
        if in_runs == 0 {
            return Ok(in_memory);
        }
        let mut placed = Vec::with_capacity(in_runs);
        runs.places(shard, from, in_runs, &mut placed)?;
        let expected = (from.0..).take(in_runs).eq(placed.iter().map(|placed| placed.position.0));
        if !expected {
            return Err(gap());
        }
        Ok(placed.into_iter().map(|placed| placed.place).chain(in_memory).collect())
    }

    /// Where a commit stands; `None` past the head, and for position 0.
    fn place(&self, shard: Shard, position: Position) -> Result<Option<Place>, StoreError> {
        if position == Position::ZERO {
            return Ok(None);
        }
        Ok(self.places(shard, position, 1)?.pop())
    }

    /// What to read for these commits of a shard, which exist.
    fn wanted(&self, shard: Shard, positions: &[Position]) -> Result<Vec<Wanted>, StoreError> {
        let mut all: Vec<Wanted> = Vec::with_capacity(positions.len());
        for position in positions {
            let (position, first) = (*position, Position(position.0.saturating_sub(1).max(1)));
            let mut places = self.places(shard, first, if first == position { 1 } else { 2 })?.into_iter();
            let before = if first == position { None } else { places.next() };
            let Some(place) = places.next() else {
                let what = format!("shard {shard}: the index names position {position}, beyond the head");
                return Err(StoreError::Corrupted(what));
            };
            all.push(Wanted { position, place, before });
        }
        Ok(all)
    }

    /// The positions that answer each question, ascending, those after a position and at most so many.
    fn find(
        &self,
        questions: &[Question],
        after: Position,
        limit: usize,
    ) -> Result<Vec<Vec<Position>>, StoreError> {
        // Pieces and runs are looked at as one lock shows them, so that nothing falls between the two.
        let (runs, in_memory) = {
            let view = self.view()?;
            let layers = view.layers();
            let find = |(table, shard, digest): &Question| {
                let mut found = Vec::new();
                layers.find_in_memory(*table, *shard, digest, after, limit, &mut found);
                found
            };
            (Arc::clone(&layers.runs), questions.iter().map(find).collect::<Vec<_>>())
        };
        let mut answers = in_memory;
        for ((table, shard, digest), newer) in questions.iter().zip(&mut answers) {
            let mut older = Vec::new();
            runs.find(*table, *shard, digest, after, limit, &mut older)?;
            if let Some(last) = older.last().copied() {
                // A reader's pieces may overlap with the runs of the writer.
                newer.retain(|position| *position > last);
                older.append(newer);
                older.truncate(limit);
                *newer = older;
            }
        }
        Ok(answers)
    }
}

/// The embedded append-only log.
pub struct LogStore {
    shared: Arc<Shared>,
    recompute: Recompute,
    role: Role,
    budget: Budget,
    snapshots: Mutex<Snapshots>,
    report: Mutex<OpenReport>,
    watch: watch::Sender<u64>,
}

impl std::fmt::Debug for LogStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shared, role, report, .. } = self;
        let role = if matches!(role, Role::Writer(..)) { "writer" } else { "reader" };
        let mut debug = f.debug_struct("LogStore");
        debug.field("identity", &shared.identity).field("role", &role).field("report", report);
        debug.finish_non_exhaustive()
    }
}

impl Drop for LogStore {
    /// Nothing is written to the folder any more once its lock is let go of.
    fn drop(&mut self) {
        if let Role::Writer(_, keeper) = &self.role {
            keeper.stop(false);
        }
    }
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
        Folder::new(dir, None).lay_out(&*options.files, &identity, options.segment_bytes)?;
        Self::open(dir, options)
    }

    /// Opens a ledger for writing. Checks what `LogOptions::check` says, cuts a torn tail (its bytes are set
    /// aside), and makes durable whatever it shows. An index that is missing or cannot be trusted is made
    /// anew, for which everything is read and checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotALedger`], [`StoreError::NewerFormat`], [`StoreError::InUse`],
    /// [`StoreError::Corrupted`], [`StoreError::HistoryLost`], [`StoreError::Unavailable`].
    pub fn open(dir: &Path, options: LogOptions) -> Result<Self, StoreError> {
        Self::open_with(dir, options, OldIndex::Use, &mut |_| ())
    }

    fn open_with(
        dir: &Path,
        options: LogOptions,
        old_index: OldIndex,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        options.check()?;
        let folder = Folder::new(dir, options.archive.as_deref());
        let files = Arc::clone(&options.files);
        folder.expect_identity(&*files)?;
        let lock = folder.lock(&*files)?;
        let identity = folder.expect_identity(&*files)?;
        let state = folder.state(&*files)?;
        folder.read_archived(&*files, &identity)?;
        let budget = Budget::of(options.index_bytes);
        let (mut worker, mut doubt) = open_index(&files, &folder, &identity, budget)?;
        if old_index == OldIndex::Discard {
            worker.discard()?;
            doubt = Some("it was asked for".to_owned());
        }
        let mut recovered =
            recover::recover(&*files, &folder, &identity, state, &mut worker, options.check, progress)?;
        let snapshots = open_snapshots(&files, &folder, Access::Write)?;
        let seen = seen(&snapshots, &identity, &options.witnesses);
        let mut report = recovered.report();
        report.index_made_anew = doubt;
        let covered: Vec<_> = identity.shards.all().zip(recovered.covered.iter().copied()).collect();
        let shared = Arc::new(Shared {
            identity,
            view: RwLock::new(recovered.take_view()),
            reading: Reading::new(Arc::clone(&files), folder.clone(), identity),
        });
        recover::check_witnesses(&shared, covered.iter().chain(&seen))
            .inspect_err(|error| forget_index(error, &mut worker))?;
        recovered
            .settle(&*files, &folder, &mut report)
            .map_err(|error| StoreError::io(format!("settling the tail of {}", dir.display()), error))?;
        let (recompute, prepare) = (options.recompute(), options.prepare);
        let sealer = Sealer::new(options.sealing);
        let writer = Writer::new(options, folder, &identity, &recovered, lock)?;
        tracing::info!(
            ledger = %identity.ledger, folder = %dir.display(), commits = report.commits, indexed = report.indexed,
            frames = report.frames, segments = report.segments, closed = report.closed, "opened the log"
        );
        if let Some(why) = &report.index_made_anew
            && report.commits > 0
        {
            tracing::warn!(why, commits = report.commits, "the index was made anew");
        }
        let keeper = Keeper::start(worker, sealer, Arc::clone(&shared), prepare)?;
        let watch = watch::Sender::new(report.commits);
        Ok(Self {
            shared,
            recompute,
            role: Role::Writer(Box::new(Mutex::new(writer)), keeper),
            budget,
            watch,
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
        match Folder::new(dir, None).identity(&*options.files)? {
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
        Folder::new(dir, None).identity(&*options.files)
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
        options.check()?;
        let folder = Folder::new(dir, options.archive.as_deref());
        let files = Arc::clone(&options.files);
        let identity = folder.expect_identity(&*files)?;
        folder.read_archived(&*files, &identity)?;
        let reading = Reading::new(Arc::clone(&files), folder.clone(), identity);
        let snapshots = open_snapshots(&files, &folder, Access::Read)?;
        let budget = Budget::of(options.index_bytes);
        let (mut follower, mut view) = Follower::new(files, folder, identity, budget)?;
        let mut report = OpenReport { indexed: view.commits(), ..OpenReport::default() };
        follower.refresh(&mut view, &mut report)?;
        follower.check_tail(&mut report)?;
        let shared = Arc::new(Shared { identity, view: RwLock::new(view), reading });
        recover::check_witnesses(&shared, options.witnesses.iter())?;
        Ok(Self {
            shared,
            recompute: options.recompute(),
            role: Role::Follower(Box::new(Mutex::new(follower))),
            budget,
            watch: watch::Sender::new(report.commits),
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
            let mut view = self.shared.view_mut()?;
            let mut report = self.report();
            follower.refresh(&mut view, &mut report)?;
            *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
            self.watch.send_if_modified(|seen| std::mem::replace(seen, view.commits()) != view.commits());
        }
        Ok(self.shared.view()?.commits())
    }

    /// How the index is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a thread panicked.
    pub fn index_status(&self) -> Result<IndexStatus, StoreError> {
        match &self.role {
            Role::Writer(_, keeper) => keeper.status(),
            Role::Follower(_) => Ok(self.shared.view()?.layers().status()),
        }
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        match &self.role {
            Role::Writer(writer, _) => writer.lock().map_err(|_| panicked()),
            Role::Follower(_) => Err(unavailable("the log was opened read-only")),
        }
    }

    fn append_now(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let mut writer = self.writer()?;
        writer.check_open()?;
        validate_append(&self.shared.identity, appends, self.recompute)?;
        let mut answers = Vec::with_capacity(appends.len());
        let mut landing = Vec::with_capacity(appends.len());
        for part in appends {
            let (answer, lands) = self.judge(part)?;
            answers.push(answer);
            if lands {
                landing.push(part);
            }
        }
        if let Role::Writer(_, keeper) = &self.role
            && !landing.is_empty()
        {
            keeper.make_room()?;
            let landed = writer.append(&landing)?;
            if self.publish(&landing, landed)? {
                keeper.call();
            }
        }
        Ok(answers)
    }

    /// The answer to one part, and whether it has to be written.
    fn judge(&self, part: &ShardAppend) -> Result<(Result<Head, StoreError>, bool), StoreError> {
        let actual = self.shared.view()?.heads()[part.shard.index()];
        let sealed = part
            .commits
            .last()
            .map_or(part.expected, |commit| Head { position: commit.position, hash: commit.hash });
        if actual == part.expected {
            return Ok((Ok(sealed), true));
        }
        if self.landed_before(part)? {
            return Ok((Ok(sealed), false));
        }
        Ok((Err(StoreError::HeadMoved { shard: part.shard, expected: part.expected, actual }), false))
    }

    /// Whether exactly these commits are there: they were sent again after an unknown outcome (C08).
    fn landed_before(&self, part: &ShardAppend) -> Result<bool, StoreError> {
        let Some(first) = part.commits.first() else { return Ok(false) };
        let places = self.shared.places(part.shard, first.position, part.commits.len())?;
        if places.len() != part.commits.len() {
            return Ok(false);
        }
        for (place, commit) in places.into_iter().zip(&part.commits) {
            if self.shared.reading.hash(part.shard, commit.position, place)? != commit.hash {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Shows a durable batch to the readers; whether there is something to write of the index.
    fn publish(&self, parts: &[&ShardAppend], landed: Landed) -> Result<bool, StoreError> {
        let unknown =
            |_| StoreError::Unknown { reason: "durable, but a reader panicked: open it again".to_owned() };
        let mut view = self.shared.view_mut().map_err(unknown)?;
        if landed.begun {
            view.segments.push(landed.place.segment);
        }
        let mut offset = landed.place.offset as usize + HEADER_BYTES;
        for part in parts {
            for commit in &part.commits {
                let place = Place {
                    segment: landed.place.segment,
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
        view.end_frame(landed.frame, landed.place);
        let is_full = view.layers_mut().freeze_if(self.budget.piece);
        self.watch.send_replace(view.commits());
        Ok(is_full || landed.begun)
    }

    fn close_now(&self) -> Result<(), StoreError> {
        let Role::Writer(_, keeper) = &self.role else { return Ok(()) };
        let mut writer = self.writer()?;
        // While the lock is still held: nobody else writes the index.
        keeper.stop(writer.check_open().is_ok());
        let begun = writer.close()?;
        self.shared.view_mut()?.segments.extend(begun);
        Ok(())
    }

    fn read_now(&self, shard: Shard, from: Position, limit: usize) -> Result<Vec<StoredCommit>, StoreError> {
        let from = from.max(Position(1));
        let limit = limit.min(READ_COMMITS_MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        // The commit before is only looked at for its hash.
        let first = Position(from.0 - u64::from(from.0 > 1));
        let count = limit + usize::from(first < from);
        let places = self.found(self.shared.places(shard, first, count))?;
        let mut before = None;
        let mut wanted = Vec::with_capacity(places.len());
        let mut bytes = 0;
        for (place, position) in places.into_iter().zip((first.0..).map(Position)) {
            if position >= from {
                wanted.push(Wanted { position, place, before });
                bytes += place.body_bytes as usize;
                if bytes >= READ_BYTES_MAX {
                    break;
                }
            }
            before = Some(place);
        }
        self.shared.reading.commits(shard, &wanted)
    }

    fn read_partition_now(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let shard = self.shared.identity.shards.shard_of(partition);
        let question = (Sought::Partition, shard, *half(partition.as_bytes()));
        let positions = self.found(self.shared.find(&[question], after, limit.min(READ_COMMITS_MAX)))?.pop();
        let wanted = self.found(self.shared.wanted(shard, &positions.unwrap_or_default()))?;
        self.shared.reading.commits(shard, &wanted)
    }

    /// What the index answered; if it is damaged, it will be made anew.
    fn found<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if let (Err(StoreError::Corrupted(what)), Role::Writer(_, keeper)) = (&answer, &self.role) {
            keeper.doubt(what);
        }
        answer
    }

    fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log holds exactly the commit that a snapshot names.
    fn holds(&self, snapshot: &Snapshot) -> Result<bool, StoreError> {
        let shard = self.shared.identity.shards.shard_of(&snapshot.partition);
        match self.found(self.shared.place(shard, snapshot.position))? {
            Some(place) => Ok(self.shared.reading.hash(shard, snapshot.position, place)? == snapshot.hash),
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

/// Takes over the index on disk. What it covers must at least say where the last commits of the shards stand.
fn open_index(
    files: &Arc<dyn Files>,
    folder: &Folder,
    identity: &LedgerIdentity,
    budget: Budget,
) -> Result<(Worker, Option<String>), StoreError> {
    let genesis = nothing(identity);
    let (mut worker, mut doubt) =
        Worker::open(Arc::clone(files), folder.index.clone(), *identity, genesis, budget)?;
    match worker.probe() {
        Err(StoreError::Corrupted(what)) => {
            worker.discard()?;
            doubt = Some(what);
        }
        probed => probed?,
    }
    Ok((worker, doubt))
}

/// Sees to it that an index found damaged while the log is opened is not used again.
fn forget_index(error: &StoreError, worker: &mut Worker) {
    if let StoreError::Corrupted(_) = error
        && let Err(error) = worker.discard()
    {
        tracing::error!(%error, "a damaged index could not be discarded");
    }
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
        matches!(self.role, Role::Writer(..))
    }

    fn is_stopped(&self) -> bool {
        let Role::Writer(writer, _) = &self.role else { return true };
        match writer.try_lock() {
            Ok(writer) => writer.check_open().is_err(),
            // Whoever holds it is appending.
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Poisoned(_)) => true,
        }
    }

    fn identity(&self) -> &LedgerIdentity {
        &self.shared.identity
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        Ok(self.shared.view()?.heads().to_vec())
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.shared.view()?.recorded_at())
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
        let question = |lookup: &Lookup| match lookup {
            Lookup::Key(shard, key) => (Sought::Key, *shard, *key.as_bytes()),
            Lookup::Stream(shard, stream) => (Sought::Stream, *shard, *stream.as_bytes()),
        };
        let questions: Vec<_> = lookups.iter().map(question).collect();
        self.found(self.shared.find(&questions, Position::ZERO, usize::MAX))
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
        self.close_now()
    }
}
