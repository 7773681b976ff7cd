//! A disk that forgets: the file layer for tests of power cuts, killed processes, failing writes and
//! forgotten syncs.
//!
//! Every file has what is cached and what is durable, sector by sector; every folder has its names and the
//! changes of them that are not durable yet. A power cut keeps any subset of both, chosen by a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{Access, Files, FolderLock, LogFile, SyncPoint};

/// What a disk writes at once.
pub const SECTOR_BYTES: usize = 512;

/// What happens at a chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends there; every later call fails. What was cached stays or goes as
    /// [`SimulatedDisk::after_power_cut`] or [`SimulatedDisk::after_kill`] decide.
    Death,
    /// The call fails with this error, once. A failed write has written half; a failed sync leaves its
    /// sectors cached, clean and not durable, as Linux does.
    Error(io::ErrorKind),
    /// The call is done, and yet answers this error, once.
    LateError(io::ErrorKind),
}

/// Which changes that are not durable survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    All,
    /// None of them.
    Nothing,
    /// Some, chosen by a seed.
    Some(u64),
}

/// A disk in memory with one folder, `/`. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<Disk>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(usize),
    Folder,
}

#[derive(Debug, Clone)]
enum Change {
    Put(String, Entry),
    Rename(String, String, Entry),
    Remove(String),
}

#[derive(Debug, Clone, Default)]
struct Names {
    now: BTreeMap<String, Entry>,
    durable: BTreeMap<String, Entry>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that the next sync makes durable.
    dirty: BTreeSet<usize>,
    /// Sectors whose sync failed: only writing them again makes them dirty.
    lost: BTreeSet<usize>,
}

#[derive(Debug, Default)]
struct Disk {
    nodes: Vec<Node>,
    folders: BTreeMap<PathBuf, Names>,
    locked: BTreeSet<PathBuf>,
    calls: u64,
    fault: Option<(u64, Fault)>,
    dead: bool,
    forgotten: Option<SyncPoint>,
    hold: Option<Hold>,
    /// A folder in which every change is refused.
    refused: Option<PathBuf>,
}

/// What to do before the next sync of one place in the code.
struct Hold(SyncPoint, Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hold").field(&self.0).finish()
    }
}

/// How a changing call goes.
enum Fate {
    Done,
    /// Some of it is done, then the process ends.
    Last,
    Failed(io::ErrorKind),
    DoneYetFailed(io::ErrorKind),
}

impl Fate {
    /// The answer to a call that was carried out as far as its fate has it.
    fn answer(&self) -> io::Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Last => Err(dead()),
            Self::Failed(kind) | Self::DoneYetFailed(kind) => Err(error(*kind)),
        }
    }
}

fn error(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "simulated")
}

fn dead() -> io::Error {
    io::Error::other("the simulated process has ended")
}

struct Dice(Keep);

impl Dice {
    fn keeps(&mut self) -> bool {
        match &mut self.0 {
            Keep::All => true,
            Keep::Nothing => false,
            Keep::Some(state) => {
                // SplitMix64.
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                (z ^ (z >> 31)) & 1 == 0
            }
        }
    }
}

fn apply(names: &mut BTreeMap<String, Entry>, change: &Change) {
    match change {
        Change::Put(name, entry) => {
            names.insert(name.clone(), *entry);
        }
        Change::Rename(from, to, entry) => {
            names.remove(from);
            names.insert(to.clone(), *entry);
        }
        Change::Remove(name) => {
            names.remove(name);
        }
    }
}

fn sector(bytes: &[u8], number: usize) -> &[u8] {
    let start = (number * SECTOR_BYTES).min(bytes.len());
    &bytes[start..(start + SECTOR_BYTES).min(bytes.len())]
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    let end = at + with.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(with);
}

impl Node {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        overwrite(&mut self.cached, at, bytes);
        for number in at / SECTOR_BYTES..=(at + bytes.len() - 1) / SECTOR_BYTES {
            self.dirty.insert(number);
            self.lost.remove(&number);
        }
    }

    fn settle(&mut self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            overwrite(&mut self.durable, number * SECTOR_BYTES, sector(&self.cached, number));
        }
    }

    fn sync(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        self.settle(dirty);
    }

    fn cut(&mut self, dice: &mut Dice) {
        let open: Vec<_> = self.dirty.iter().chain(&self.lost).copied().collect();
        let kept: Vec<_> = open.into_iter().filter(|_| dice.keeps()).collect();
        self.settle(kept);
        self.cached.clone_from(&self.durable);
        self.dirty.clear();
        self.lost.clear();
    }
}

impl Disk {
    fn step(&mut self) -> io::Result<Fate> {
        self.alive()?;
        self.calls += 1;
        match self.fault {
            Some((call, Fault::Death)) if call == self.calls => {
                self.dead = true;
                Ok(Fate::Last)
            }
            Some((call, Fault::Error(kind))) if call == self.calls => Ok(Fate::Failed(kind)),
            Some((call, Fault::LateError(kind))) if call == self.calls => Ok(Fate::DoneYetFailed(kind)),
            _ => Ok(Fate::Done),
        }
    }

    fn alive(&self) -> io::Result<()> {
        if self.dead { Err(dead()) } else { Ok(()) }
    }

    fn names(&mut self, path: &Path) -> io::Result<&mut Names> {
        self.folders.get_mut(path).ok_or_else(|| error(io::ErrorKind::NotFound))
    }

    fn find(&self, path: &Path) -> Option<Entry> {
        let (folder, name) = split(path).ok()?;
        self.folders.get(folder)?.now.get(&name).copied()
    }

    fn durable_entry(&self, path: &Path) -> Option<Entry> {
        let (folder, name) = split(path).ok()?;
        if folder != Path::new("/") && self.durable_entry(folder) != Some(Entry::Folder) {
            return None;
        }
        self.folders.get(folder)?.durable.get(&name).copied()
    }

    /// Changes a folder's names, as this call's fate has it.
    fn change(&mut self, folder: &Path, change: Change) -> io::Result<()> {
        self.names(folder)?;
        if self.refused.as_deref() == Some(folder) {
            self.alive()?;
            return Err(error(io::ErrorKind::StorageFull));
        }
        let fate = self.step()?;
        if let Fate::Failed(kind) = fate {
            return Err(error(kind));
        }
        let names = self.names(folder)?;
        apply(&mut names.now, &change);
        names.pending.push(change);
        fate.answer()
    }

    fn keep_reachable(&mut self) {
        let mut reachable = BTreeSet::from([PathBuf::from("/")]);
        for (path, names) in &self.folders {
            if reachable.contains(path) {
                let folders = names.now.iter().filter(|(_, entry)| **entry == Entry::Folder);
                reachable.extend(folders.map(|(name, _)| path.join(name)));
            }
        }
        self.folders.retain(|path, _| reachable.contains(path));
        for path in reachable {
            self.folders.entry(path).or_default();
        }
    }
}

fn split(path: &Path) -> io::Result<(&Path, String)> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name.to_string_lossy().into_owned())),
        _ => Err(error(io::ErrorKind::InvalidInput)),
    }
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        let folders = BTreeMap::from([(PathBuf::from("/"), Names::default())]);
        Self(Arc::new(Mutex::new(Disk { folders, ..Disk::default() })))
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans a fault at a call that changes something, counted from 1 since the disk began or restarted.
    pub fn arm(&self, call: u64, fault: Fault) {
        self.disk().fault = Some((call, fault));
    }

    /// Lets all syncs of one place in the code succeed without doing anything, also after restarts.
    pub fn forget(&self, point: SyncPoint) {
        self.disk().forgotten = Some(point);
    }

    /// Refuses every new name, rename and removal in one folder, as if it alone were on a full disk, until told
    /// otherwise.
    pub fn refuse_in(&self, folder: Option<PathBuf>) {
        self.disk().refused = folder;
    }

    /// Removes all files of a folder, as somebody else may do.
    pub fn remove_all_in(&self, folder: &Path) {
        if let Some(names) = self.disk().folders.get_mut(folder) {
            *names = Names::default();
        }
    }

    /// Ends the process: every later call fails.
    pub fn end(&self) {
        self.disk().dead = true;
    }

    /// Does something, such as waiting, before the next sync of one place in the code.
    pub fn before_next_sync(&self, point: SyncPoint, wait: impl FnOnce() + Send + 'static) {
        self.disk().hold = Some(Hold(point, Box::new(wait)));
    }

    /// How many changing calls there were.
    pub fn calls(&self) -> u64 {
        self.disk().calls
    }

    /// Whether the process has ended.
    pub fn is_dead(&self) -> bool {
        self.disk().dead
    }

    /// The disk as a power cut now leaves it.
    #[must_use]
    pub fn after_power_cut(&self, keep: Keep) -> Self {
        let mut next = self.after_kill_inner();
        let mut dice = Dice(keep);
        for node in &mut next.nodes {
            node.cut(&mut dice);
        }
        for names in next.folders.values_mut() {
            for change in std::mem::take(&mut names.pending) {
                if dice.keeps() {
                    apply(&mut names.durable, &change);
                }
            }
            names.now.clone_from(&names.durable);
        }
        next.keep_reachable();
        Self(Arc::new(Mutex::new(next)))
    }

    /// The disk as the next process finds it when only the process ended: what was cached is still cached.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        Self(Arc::new(Mutex::new(self.after_kill_inner())))
    }

    fn after_kill_inner(&self) -> Disk {
        let disk = self.disk();
        Disk {
            nodes: disk.nodes.clone(),
            folders: disk.folders.clone(),
            forgotten: disk.forgotten,
            ..Disk::default()
        }
    }

    /// The durable content of a file, if its name and those of its folders are durable.
    pub fn durable(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.disk();
        match disk.durable_entry(path)? {
            Entry::File(node) => Some(disk.nodes[node].durable.clone()),
            Entry::Folder => None,
        }
    }

    /// The durable names in a folder.
    pub fn durable_names(&self, path: &Path) -> Vec<String> {
        self.disk().folders.get(path).map(|names| names.durable.keys().cloned().collect()).unwrap_or_default()
    }
}

impl Files for SimulatedDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.alive()?;
        let (folder, name) = split(path)?;
        if disk.find(path).is_some() {
            return Err(error(io::ErrorKind::AlreadyExists));
        }
        let done = disk.change(folder, Change::Put(name, Entry::Folder));
        if disk.find(path).is_some() {
            disk.folders.insert(path.to_owned(), Names::default());
        }
        done
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut disk = self.disk();
        disk.alive()?;
        Ok(disk.names(path)?.now.keys().cloned().collect())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn LogFile>> {
        let mut disk = self.disk();
        disk.alive()?;
        let node = match (disk.find(path), access) {
            (Some(_), Access::CreateNew) => return Err(error(io::ErrorKind::AlreadyExists)),
            (Some(Entry::File(node)), _) => node,
            (None, Access::CreateNew) => {
                let (folder, name) = split(path)?;
                let node = disk.nodes.len();
                disk.nodes.push(Node::default());
                disk.change(folder, Change::Put(name, Entry::File(node)))?;
                node
            }
            _ => return Err(error(io::ErrorKind::NotFound)),
        };
        Ok(Arc::new(SimulatedFile { disk: self.clone(), node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.alive()?;
        let entry = disk.find(from).ok_or_else(|| error(io::ErrorKind::NotFound))?;
        let ((folder, from), (_, to)) = (split(from)?, split(to)?);
        disk.change(folder, Change::Rename(from, to, entry))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.alive()?;
        disk.find(path).ok_or_else(|| error(io::ErrorKind::NotFound))?;
        let (folder, name) = split(path)?;
        disk.change(folder, Change::Remove(name))
    }

    fn sync_dir(&self, path: &Path, point: SyncPoint) -> io::Result<()> {
        let mut disk = self.disk();
        let fate = disk.step()?;
        let forgotten = disk.forgotten == Some(point);
        if matches!(fate, Fate::Done | Fate::DoneYetFailed(_)) && !forgotten {
            let names = disk.names(path)?;
            names.durable.clone_from(&names.now);
            names.pending.clear();
        }
        fate.answer()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<FolderLock>> {
        let mut disk = self.disk();
        disk.alive()?;
        if disk.find(path).is_none() {
            let (folder, name) = split(path)?;
            let node = disk.nodes.len();
            disk.nodes.push(Node::default());
            disk.change(folder, Change::Put(name, Entry::File(node)))?;
        }
        let free = disk.locked.insert(path.to_owned());
        let lock = || Box::new(SimulatedLock { disk: self.clone(), path: path.to_owned() }) as FolderLock;
        Ok(free.then(lock))
    }
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.disk().locked.remove(&self.path);
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    node: usize,
}

impl LogFile for SimulatedFile {
    fn bytes(&self) -> io::Result<u64> {
        let disk = self.disk.disk();
        disk.alive()?;
        Ok(disk.nodes[self.node].cached.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let disk = self.disk.disk();
        disk.alive()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let cached = &disk.nodes[self.node].cached;
        let bytes = cached.get(start..start + buffer.len());
        buffer.copy_from_slice(bytes.ok_or_else(|| error(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        let fate = disk.step()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        // A process that dies, or a disk that fills up, in the middle of a write leaves its beginning.
        let part = match fate {
            Fate::Last if disk.calls.is_multiple_of(3) => bytes.len() / 2,
            Fate::Failed(_) => bytes.len() / 2,
            Fate::Done | Fate::Last | Fate::DoneYetFailed(_) => bytes.len(),
        };
        disk.nodes[self.node].write(start, &bytes[..part]);
        fate.answer()
    }

    fn sync(&self, point: SyncPoint) -> io::Result<()> {
        let hold = self.disk.disk().hold.take_if(|hold| hold.0 == point);
        if let Some(Hold(_, wait)) = hold {
            wait();
        }
        let mut disk = self.disk.disk();
        let fate = disk.step()?;
        let forgotten = disk.forgotten == Some(point);
        let node = &mut disk.nodes[self.node];
        match fate {
            Fate::Failed(_) => {
                let dirty = std::mem::take(&mut node.dirty);
                node.lost.extend(dirty);
            }
            Fate::Done | Fate::DoneYetFailed(_) if !forgotten => node.sync(),
            Fate::Done | Fate::DoneYetFailed(_) | Fate::Last => {}
        }
        fate.answer()
    }
}
