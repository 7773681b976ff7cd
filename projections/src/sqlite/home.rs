//! A folder with a view's generations: one live, at most one being built, older ones until they are dropped.
//!
//! `NAME.3.sqlite` is generation 3 of the view `NAME`, and `NAME.live` says which one readers see. That file is
//! replaced by a rename, so there is no moment without a live view, whatever is killed when. The one being built is
//! the next number; what is below the live one is old.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use ledger_store::LedgerIdentity;

use super::{Sqlite, SqliteReader, frame, open};
use crate::checkpoints::check_name;
use crate::error::ViewError;
use crate::home::{Building, Home, Live};
use crate::sql::SqlModel;

/// What SQLite adds to the name of a file that is open, or was when its process ended.
const SIDE_FILES: [&str; 3] = ["", "-wal", "-shm"];
/// How often a reader looks again for the live file when the one it saw is gone: each time another rebuilt view must
/// have been swapped in meanwhile.
pub(super) const LOOKS_MAX: usize = 100;

/// The folder of a view.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: PathBuf,
    name: &'static str,
}

fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> ViewError {
    let doing = doing.into();
    |error| ViewError::Home { doing, source: Some(Box::new(error)) }
}

impl Place {
    fn file(&self, generation: u64) -> PathBuf {
        self.folder.join(format!("{}.{generation}.sqlite", self.name))
    }

    fn pointer(&self) -> PathBuf {
        self.folder.join(format!("{}.live", self.name))
    }

    /// The number of the live generation. The first is live before anything says so.
    fn live(&self) -> Result<u64, ViewError> {
        let pointer = self.pointer();
        let text = match fs::read_to_string(&pointer) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(1),
            text => text.map_err(io(format!("reading {}", pointer.display())))?,
        };
        let number = text.strip_suffix('\n').and_then(|text| text.parse().ok()).filter(|number| *number > 0);
        number.ok_or_else(|| ViewError::Damaged(format!("{} holds {text:?}", pointer.display())))
    }

    /// The live file, for readers. Between the look at the pointer and the look at the file a rebuilt view may have
    /// been swapped in and the file dropped; then the pointer says another number.
    pub(super) fn live_file(&self) -> Result<PathBuf, ViewError> {
        let mut number = self.live()?;
        for _ in 0..LOOKS_MAX {
            let path = self.file(number);
            if path.exists() {
                return Ok(path);
            }
            match self.live()? {
                now if now == number => break,
                now => number = now,
            }
        }
        let (home, reason) =
            (self.file(number).display().to_string(), "no runner has made it yet".to_owned());
        Err(ViewError::NotReady { home, reason })
    }

    /// Makes a generation the live one, durably, at one instant.
    fn point_to(&self, generation: u64) -> Result<(), ViewError> {
        let (pointer, next) = (self.pointer(), self.folder.join(format!("{}.live.next", self.name)));
        let doing = || format!("writing {}", pointer.display());
        let written = File::create(&next).and_then(|mut file| {
            file.write_all(format!("{generation}\n").as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&next, &pointer)).map_err(io(doing()))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(io(doing()))
    }

    /// The generations whose files are there.
    fn generations(&self) -> Result<Vec<u64>, ViewError> {
        let reading = || io(format!("reading {}", self.folder.display()));
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(reading())? {
            let name = entry.map_err(reading())?.file_name();
            let number = name.to_str().and_then(|name| {
                let rest = name.strip_prefix(self.name)?.strip_prefix('.')?;
                rest.split_once(".sqlite")?.0.parse::<u64>().ok()
            });
            found.extend(number);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn remove(&self, generation: u64) -> Result<(), ViewError> {
        let file = self.file(generation);
        for end in SIDE_FILES {
            let path = PathBuf::from(format!("{}{end}", file.display()));
            match fs::remove_file(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                removed => removed.map_err(io(format!("removing {}", path.display())))?,
            }
        }
        Ok(())
    }
}

/// The home of a view in SQLite: a folder, in which several views may live.
///
/// One runner uses it at a time, over all processes (a lock file says so); any number of readers may.
///
/// ```
/// # use ledger_store::{FORMAT, LedgerId, LedgerIdentity, ShardCount};
/// # use ledger_projections::ViewError;
/// use ledger_projections::balances::Balances;
/// use ledger_projections::sqlite::SqliteHome;
///
/// # let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
/// # let folder = tempfile::tempdir().unwrap();
/// let home = SqliteHome::<Balances>::new(folder.path().join("views"), &identity)?;
/// let reader = home.reader();
/// # Ok::<(), ViewError>(())
/// ```
pub struct SqliteHome<M: SqlModel> {
    place: Place,
    identity: LedgerIdentity,
    held: Mutex<Held>,
    model: PhantomData<fn() -> M>,
}

/// What of a home is open in this process: its lock, and its generations.
#[derive(Debug, Default)]
struct Held {
    lock: Weak<File>,
    generations: HashMap<u64, Weak<Guard>>,
}

/// Held by a view for as long as it is open.
#[derive(Debug)]
pub(super) struct Guard {
    _lock: Arc<File>,
}

impl<M: SqlModel> fmt::Debug for SqliteHome<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteHome").field("place", &self.place).finish_non_exhaustive()
    }
}

impl<M: SqlModel> SqliteHome<M> {
    /// The home of this view in a folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the folder cannot be made, or the view's name cannot stand in that of a file.
    pub fn new(folder: impl AsRef<Path>, identity: &LedgerIdentity) -> Result<Self, ViewError> {
        check_name(M::NAME)?;
        let folder = folder.as_ref().to_owned();
        fs::create_dir_all(&folder).map_err(io(format!("making {}", folder.display())))?;
        let place = Place { folder, name: M::NAME };
        Ok(Self { place, identity: *identity, held: Mutex::default(), model: PhantomData })
    }

    /// A reader of whatever is the live view.
    pub fn reader(&self) -> SqliteReader<M> {
        SqliteReader::of_home(self.place.clone(), &self.identity)
    }

    fn in_use(path: &Path) -> ViewError {
        ViewError::InUse { home: path.display().to_string() }
    }

    /// The lock of this home: that of its open views, or a new one.
    fn lock(&self, held: &mut Held) -> Result<Arc<File>, ViewError> {
        if let Some(lock) = held.lock.upgrade() {
            return Ok(lock);
        }
        let path = self.place.folder.join(format!("{}.lock", self.place.name));
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(io(format!("opening {}", path.display())))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Self::in_use(&path)),
            Err(TryLockError::Error(error)) => {
                return Err(io(format!("locking {}", path.display()))(error));
            }
        }
        let lock = Arc::new(file);
        held.lock = Arc::downgrade(&lock);
        Ok(lock)
    }

    /// Takes a generation for one view, as long as that holds the guard.
    fn take(&self, generation: u64) -> Result<Arc<Guard>, ViewError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = self.lock(&mut held)?;
        held.generations.retain(|_, guard| guard.strong_count() > 0);
        if held.generations.contains_key(&generation) {
            return Err(Self::in_use(&self.place.file(generation)));
        }
        let guard = Arc::new(Guard { _lock: lock });
        held.generations.insert(generation, Arc::downgrade(&guard));
        Ok(guard)
    }

    fn open(&self, generation: u64, guard: Arc<Guard>) -> Result<Sqlite<M>, ViewError> {
        Sqlite::open_guarded(&self.place.file(generation), &self.identity, Some(guard))
    }

    /// The version that made a generation; `None` if there is nothing in it yet.
    fn version(&self, generation: u64) -> Result<Option<u32>, ViewError> {
        let path = self.place.file(generation);
        if !path.exists() {
            return Ok(None);
        }
        let connection = open(&path)?;
        frame::check_file(&connection, &path)?;
        let found = match frame::read(&connection, &path) {
            Err(ViewError::NotReady { .. }) => return Ok(None),
            found => found?,
        };
        let version = u32::try_from(found.version);
        let version = version.map_err(|_| ViewError::Damaged(format!("version {}", found.version)))?;
        found.check::<M>(&path, &self.identity, &[version])?;
        Ok(Some(version))
    }
}

#[async_trait]
impl<M: SqlModel> Home for SqliteHome<M> {
    type View = Sqlite<M>;

    fn name(&self) -> &str {
        M::NAME
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    async fn live(&self) -> Result<Live<Sqlite<M>>, ViewError> {
        let live = self.place.live()?;
        let guard = self.take(live)?;
        match self.version(live)? {
            Some(version) if version != M::VERSION => Ok(Live::Other { version }),
            _ => self.open(live, guard).map(Live::Ready),
        }
    }

    async fn building(&self, how: Building) -> Result<Option<Sqlite<M>>, ViewError> {
        let next = self.place.live()? + 1;
        let guard = self.take(next)?;
        if how == Building::Resume {
            match self.version(next)? {
                Some(version) if version == M::VERSION => {}
                None => return Ok(None),
                Some(_) => {
                    self.place.remove(next)?;
                    return Ok(None);
                }
            }
        } else {
            self.place.remove(next)?;
        }
        self.open(next, guard).map(Some)
    }

    async fn swap(&self, built: &mut Sqlite<M>) -> Result<(), ViewError> {
        let next = self.place.live()? + 1;
        if built.path != self.place.file(next) {
            return Err(ViewError::home(format!("{} was not built here", built.path.display())));
        }
        built.settle()?;
        self.place.point_to(next)
    }

    async fn discard(&self) -> Result<(), ViewError> {
        let next = self.place.live()? + 1;
        let _guard = self.take(next)?;
        self.place.remove(next)
    }

    async fn tidy(&self) -> Result<(), ViewError> {
        let live = self.place.live()?;
        let old = self.place.generations()?.into_iter().filter(|generation| *generation < live);
        for generation in old {
            self.place.remove(generation)?;
        }
        Ok(())
    }
}
