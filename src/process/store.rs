//! Where a runner keeps how far it is: a saving of time. What is lost is folded from the log again.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger_projections::Checkpoint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::id::{ManagerName, ProcessId};
use crate::hex;
use crate::ledger::aside;
use crate::safe_file::{Readers, replace};

/// The most bytes of one line in the file of a manager: what one saving changes.
pub const SAVED_BYTES_MAX: usize = 1 << 30;

/// A manager's file is written anew once it is this many bytes longer than what stands in it.
const SLACK_BYTES: u64 = 4 << 20;

/// What is kept of a manager.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// How often it was saved.
    pub revision: u64,
    /// The version of the fold that made it.
    pub version: u32,
    /// What is folded into it.
    pub checkpoint: Checkpoint,
    /// Its processes, as JSON.
    pub processes: BTreeMap<ProcessId, String>,
}

/// What a saving changes.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedChanges {
    /// The revision it is made from, 0 for none.
    pub expected: u64,
    /// The version of the fold.
    pub version: u32,
    /// What is folded into it.
    pub checkpoint: Checkpoint,
    /// Whether `processes` are all there are; otherwise those that are not named stay.
    pub whole: bool,
    /// The processes, as JSON; `None` of one that is over.
    pub processes: BTreeMap<ProcessId, Option<String>>,
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedAs {
    /// The revision.
    pub revision: u64,
    /// Whether the store would rather get all processes the next time.
    pub wants_whole: bool,
}

/// Why a store of processes does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessStoreError {
    /// Another runner of the same name saved meanwhile: one of the two has to go.
    #[error(
        "another runner of {manager} saved revision {found}, this one has {expected}: stop one of the two"
    )]
    InUse {
        /// The manager.
        manager: ManagerName,
        /// The revision that this runner has.
        expected: u64,
        /// The revision that is there.
        found: u64,
    },
    /// What is kept cannot be read. It may be removed: then the log is folded again.
    #[error(
        "what is kept in {place} cannot be read: {reason}; it may be removed, then the log is folded again"
    )]
    Damaged {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The place does not serve.
    #[error("{place}: {source}")]
    Io {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ProcessStoreError {
    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { place: path.display().to_string(), source }
    }
}

/// Keeps the processes of managers by name. The clauses:
///
/// - **K01** What is saved is durable when `save` answers, all of it or none.
/// - **K02** A saving made from another revision than the one that is there is [`ProcessStoreError::InUse`].
/// - **K03** What is loaded is what was saved last.
#[async_trait]
pub trait ProcessStore: Debug + Send + Sync + 'static {
    /// What is kept of a manager, if anything.
    ///
    /// # Errors
    ///
    /// [`ProcessStoreError`] if it cannot be read.
    async fn load(&self, manager: &ManagerName) -> Result<Option<Saved>, ProcessStoreError>;

    /// Keeps what has changed.
    ///
    /// # Errors
    ///
    /// [`ProcessStoreError`] if it cannot be written, or was saved by another meanwhile.
    async fn save(&self, manager: &ManagerName, changes: &SavedChanges)
    -> Result<SavedAs, ProcessStoreError>;
}

fn check_revision(manager: &ManagerName, expected: u64, found: u64) -> Result<(), ProcessStoreError> {
    if expected == found {
        return Ok(());
    }
    Err(ProcessStoreError::InUse { manager: manager.clone(), expected, found })
}

/// Puts a saving on what is kept.
fn applied(before: Option<Saved>, changes: &SavedChanges, revision: u64) -> Saved {
    let mut processes = match before {
        Some(before) if !changes.whole => before.processes,
        _ => BTreeMap::new(),
    };
    for (process, text) in &changes.processes {
        match text {
            Some(text) => processes.insert(process.clone(), text.clone()),
            None => processes.remove(process),
        };
    }
    Saved { revision, version: changes.version, checkpoint: changes.checkpoint.clone(), processes }
}

/// Keeps processes for as long as the program runs: for tests, and for managers that are folded anew at every start.
#[derive(Debug, Clone, Default)]
pub struct MemoryProcesses {
    kept: Arc<Mutex<HashMap<ManagerName, Saved>>>,
}

impl MemoryProcesses {
    /// An empty one. Clones share it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything, as a disk that is gone.
    pub fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[async_trait]
impl ProcessStore for MemoryProcesses {
    async fn load(&self, manager: &ManagerName) -> Result<Option<Saved>, ProcessStoreError> {
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(manager).cloned())
    }

    async fn save(
        &self,
        manager: &ManagerName,
        changes: &SavedChanges,
    ) -> Result<SavedAs, ProcessStoreError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.remove(manager);
        let found = before.as_ref().map_or(0, |saved| saved.revision);
        if let Err(error) = check_revision(manager, changes.expected, found) {
            kept.extend(before.map(|saved| (manager.clone(), saved)));
            return Err(error);
        }
        let revision = found.saturating_add(1);
        kept.insert(manager.clone(), applied(before, changes, revision));
        Ok(SavedAs { revision, wants_whole: false })
    }
}

/// Keeps processes in a folder, without a database: a file of each manager, to which each saving adds one line, and
/// which is written anew now and then. One program has a folder at a time.
///
/// A line is the beginning of the SHA-256 of what follows, a blank, and JSON. A last line that a crash left unfinished
/// is cut; the log has what it said.
#[derive(Debug, Clone)]
pub struct FileProcesses {
    folder: PathBuf,
    files: Arc<Mutex<HashMap<ManagerName, Tail>>>,
    /// Locked while this is open.
    _lock: Arc<File>,
}

/// How a manager's file stands.
#[derive(Debug, Clone, Copy, Default)]
struct Tail {
    revision: u64,
    /// The length of the file, and of its first line, which has all there was.
    bytes: u64,
    whole_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    revision: u64,
    version: u32,
    checkpoint: Checkpoint,
    whole: bool,
    processes: BTreeMap<ProcessId, Option<String>>,
}

fn checked(json: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(json.as_bytes()).into();
    hex::text(&hash[..8])
}

impl FileProcesses {
    /// Processes in a folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`ProcessStoreError::Io`] if it cannot be made, or is open elsewhere.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ProcessStoreError> {
        let folder = folder.as_ref().to_owned();
        fs::create_dir_all(&folder).map_err(|error| ProcessStoreError::io(&folder, error))?;
        let path = folder.join("lock");
        let lock = || {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            file.try_lock().map_err(std::io::Error::from)?;
            Ok(file)
        };
        let lock = lock().map_err(|error| ProcessStoreError::io(&path, error))?;
        Ok(Self { folder, files: Arc::default(), _lock: Arc::new(lock) })
    }

    fn path(&self, manager: &ManagerName) -> PathBuf {
        self.folder.join(format!("{manager}.processes"))
    }

    /// Reads a manager's file, and cuts what a crash left of a last line.
    fn read(&self, manager: &ManagerName) -> Result<Option<Saved>, ProcessStoreError> {
        let path = self.path(manager);
        let io = |error| ProcessStoreError::io(&path, error);
        let damaged =
            |reason: String| ProcessStoreError::Damaged { place: path.display().to_string(), reason };
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(io)?,
        };
        let length = file.metadata().map_err(io)?.len();
        let mut reader = BufReader::new(&file);
        let (mut saved, mut tail): (Option<Saved>, _) = (None, Tail::default());
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = reader.read_until(b'\n', &mut text).map_err(io)?;
            if read == 0 {
                break;
            }
            let end = tail.bytes.saturating_add(read.try_into().unwrap_or(u64::MAX));
            let line = std::str::from_utf8(&text).ok().and_then(|text| {
                let (sum, json) = text.strip_suffix('\n')?.split_once(' ')?;
                (checked(json) == sum).then(|| serde_json::from_str::<Line>(json))
            });
            let line = match line {
                Some(line) => line.map_err(|error| damaged(error.to_string()))?,
                // Nothing follows: it was being written when the program died.
                None if end == length => break,
                None => {
                    return Err(damaged(format!("the line at byte {} is not what was written", tail.bytes)));
                }
            };
            let Line { revision, version, checkpoint, whole, processes } = line;
            if !whole && saved.as_ref().is_none_or(|saved| saved.revision.saturating_add(1) != revision) {
                return Err(damaged(format!("revision {revision} does not follow the one before it")));
            }
            let changes = SavedChanges { expected: 0, version, checkpoint, whole, processes };
            saved = Some(applied(saved, &changes, revision));
            tail.revision = revision;
            tail.bytes = end;
            if whole {
                tail.whole_bytes = end;
            }
        }
        if tail.bytes < length {
            tracing::warn!(manager = %manager, bytes = length - tail.bytes, "cut what a crash left of a saving");
            file.set_len(tail.bytes).and_then(|()| file.sync_all()).map_err(io)?;
        }
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(manager.clone(), tail);
        Ok(saved)
    }

    fn write(&self, manager: &ManagerName, changes: SavedChanges) -> Result<SavedAs, ProcessStoreError> {
        let path = self.path(manager);
        let known = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(manager).copied();
        if known.is_none() {
            self.read(manager)?;
        }
        // Held while writing: two runners of one name take turns, and the second one sees that it is late.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let tail = files.entry(manager.clone()).or_default();
        check_revision(manager, changes.expected, tail.revision)?;
        let SavedChanges { version, checkpoint, whole, processes, .. } = changes;
        let revision = tail.revision.saturating_add(1);
        let whole = whole || tail.revision == 0;
        let line = Line { revision, version, checkpoint, whole, processes };
        let io = |error| ProcessStoreError::io(&path, error);
        let json = serde_json::to_string(&line).map_err(|error| io(error.into()))?;
        if json.len() > SAVED_BYTES_MAX {
            return Err(io(std::io::Error::other("there is more to save than a line may hold")));
        }
        let text = format!("{} {json}\n", checked(&json));
        let bytes: u64 = text.len().try_into().unwrap_or(u64::MAX);
        if whole {
            replace(&path, text.as_bytes(), Readers::Anyone)
                .map_err(|error| io(std::io::Error::other(error)))?;
            *tail = Tail { revision, bytes, whole_bytes: bytes };
        } else {
            let append = || {
                let mut file = OpenOptions::new().write(true).open(&path)?;
                // Behind what is known to be whole, whatever a failed write left there.
                file.seek(std::io::SeekFrom::Start(tail.bytes))?;
                file.write_all(text.as_bytes())?;
                file.set_len(tail.bytes.saturating_add(bytes))?;
                file.sync_data()
            };
            append().map_err(io)?;
            tail.revision = revision;
            tail.bytes = tail.bytes.saturating_add(bytes);
        }
        let wants_whole = tail.bytes > tail.whole_bytes.saturating_mul(2).saturating_add(SLACK_BYTES);
        Ok(SavedAs { revision, wants_whole })
    }
}

#[async_trait]
impl ProcessStore for FileProcesses {
    async fn load(&self, manager: &ManagerName) -> Result<Option<Saved>, ProcessStoreError> {
        let (this, manager) = (self.clone(), manager.clone());
        let path = self.folder.clone();
        let loaded = aside("processes", move || this.read(&manager)).await;
        loaded.map_err(|error| ProcessStoreError::io(&path, error))?
    }

    async fn save(
        &self,
        manager: &ManagerName,
        changes: &SavedChanges,
    ) -> Result<SavedAs, ProcessStoreError> {
        let (this, manager, changes) = (self.clone(), manager.clone(), changes.clone());
        let path = self.folder.clone();
        let saved = aside("processes", move || this.write(&manager, changes)).await;
        saved.map_err(|error| ProcessStoreError::io(&path, error))?
    }
}

#[cfg(test)]
mod tests {
    use ledger_store::{FORMAT, LedgerId, LedgerIdentity, ShardCount};

    use super::*;

    fn changes(expected: u64, whole: bool, processes: &[(&str, Option<&str>)]) -> SavedChanges {
        let identity = LedgerIdentity { ledger: LedgerId([1; 16]), shards: ShardCount::ONE, format: FORMAT };
        let process =
            |(id, text): &(&str, Option<&str>)| (ProcessId::new(id).unwrap(), text.map(str::to_owned));
        SavedChanges {
            expected,
            version: 1,
            checkpoint: Checkpoint::start(&identity),
            whole,
            processes: processes.iter().map(process).collect(),
        }
    }

    fn texts(saved: &Saved) -> Vec<(String, String)> {
        saved.processes.iter().map(|(id, text)| (id.to_string(), text.clone())).collect()
    }

    async fn keeps(store: &dyn ProcessStore) {
        let name = ManagerName::new("m").unwrap();
        assert_eq!(store.load(&name).await.unwrap(), None);
        let first =
            store.save(&name, &changes(0, true, &[("a", Some("1")), ("b", Some("2"))])).await.unwrap();
        assert_eq!(first.revision, 1);
        store.save(&name, &changes(1, false, &[("b", None), ("c", Some("3"))])).await.unwrap();
        let saved = store.load(&name).await.unwrap().unwrap();
        assert_eq!(saved.revision, 2);
        assert_eq!(texts(&saved), [("a".into(), "1".into()), ("c".into(), "3".into())]);
        for expected in [0, 1, 3] {
            let late = store.save(&name, &changes(expected, false, &[("a", None)])).await;
            assert!(matches!(late, Err(ProcessStoreError::InUse { found: 2, .. })), "{late:?}");
        }
        assert_eq!(store.load(&name).await.unwrap().unwrap(), saved, "a refused saving changes nothing");
        store.save(&name, &changes(2, true, &[("z", Some("9"))])).await.unwrap();
        assert_eq!(texts(&store.load(&name).await.unwrap().unwrap()), [("z".into(), "9".into())]);
        let other = ManagerName::new("other").unwrap();
        assert_eq!(store.load(&other).await.unwrap(), None);
    }

    #[tokio::test]
    async fn k01_to_k03_in_memory() {
        keeps(&MemoryProcesses::new()).await;
    }

    #[tokio::test]
    async fn k01_to_k03_in_files_also_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let name = ManagerName::new("m").unwrap();
        let store = FileProcesses::open(folder.path()).unwrap();
        keeps(&store).await;
        assert!(FileProcesses::open(folder.path()).is_err(), "one program has it at a time");
        let saved = store.load(&name).await.unwrap();
        drop(store);
        let store = FileProcesses::open(folder.path()).unwrap();
        assert_eq!(store.load(&name).await.unwrap(), saved);
        // A first saving of a program that has not loaded meets what is there.
        drop(store);
        let store = FileProcesses::open(folder.path()).unwrap();
        let late = store.save(&name, &changes(0, true, &[])).await;
        assert!(matches!(late, Err(ProcessStoreError::InUse { found: 3, .. })), "{late:?}");
    }

    #[tokio::test]
    async fn what_a_crash_left_of_a_saving_is_cut_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let name = ManagerName::new("m").unwrap();
        let store = FileProcesses::open(folder.path()).unwrap();
        store.save(&name, &changes(0, true, &[("a", Some("1"))])).await.unwrap();
        let path = folder.path().join("m.processes");
        let one = fs::read(&path).unwrap();
        store.save(&name, &changes(1, false, &[("a", Some("2"))])).await.unwrap();
        let two = fs::read(&path).unwrap();
        drop(store);
        for cut in one.len()..two.len() {
            fs::write(&path, &two[..cut]).unwrap();
            let store = FileProcesses::open(folder.path()).unwrap();
            assert_eq!(texts(&store.load(&name).await.unwrap().unwrap()), [("a".into(), "1".into())]);
            assert_eq!(fs::read(&path).unwrap(), one, "{cut}");
            assert_eq!(store.save(&name, &changes(1, false, &[("a", None)])).await.unwrap().revision, 2);
        }
        // But for the end of the line, without which all of it reads as one that a crash left.
        for flipped in 0..one.len() - 1 {
            let mut bytes = two.clone();
            bytes[flipped] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let store = FileProcesses::open(folder.path()).unwrap();
            let loaded = store.load(&name).await;
            assert!(matches!(loaded, Err(ProcessStoreError::Damaged { .. })), "{flipped}: {loaded:?}");
        }
    }
}
