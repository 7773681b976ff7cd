//! The file layer: every file operation of the log goes through it, so that tests can lose, refuse and
//! forget what a disk may lose, refuse and forget.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Why a file or folder is synced: one name per place in the code.
///
/// Each is necessary: a test takes them away one by one and finds what is then lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncPoint {
    /// The folder that holds the ledger's folder, so that a new ledger stays findable.
    LedgerFolder,
    /// The ledger's folder before `ledger.json` appears in it, so that a ledger is never seen half made.
    CreatedRoot,
    /// The content of `ledger.json` before it gets its name.
    IdentityFile,
    /// The content of `state.json` before it gets its name.
    StateFile,
    /// The ledger's folder after `state.json` (and, at creation, `ledger.json`) got its name.
    StateDir,
    /// `log/` with the first segment, before the ledger is made.
    FirstSegmentDir,
    /// A prepared segment before it gets its name.
    SegmentFill,
    /// `log/` after a segment got its name, before its first frame.
    SegmentDir,
    /// A segment end, before the next segment gets its name.
    SegmentEnd,
    /// A batch, before it is answered.
    Frame,
    /// The seal, before the state file says that the log is closed.
    Seal,
    /// The copy of a torn tail, before the tail is zeroed.
    AsideFile,
    /// `aside/`, before the tail is zeroed.
    AsideDir,
    /// The last frame, written afresh, before the first answer.
    Tail,
    /// `log/` at opening, before the first answer.
    LogDir,
    /// A run of the index, before anything names it.
    IndexRun,
    /// `index/` after a run got its name, before the manifest names it.
    IndexRunDir,
    /// The content of the index's manifest before it gets its name.
    IndexManifest,
    /// `index/` after the manifest got its name, before what it no longer names is removed.
    IndexDir,
    /// A sealed segment before it gets its name.
    Sealed,
    /// `log/` after a sealed segment got its name, before the segment it was made from is removed.
    SealedDir,
    /// A segment in the archive before it gets its name.
    ArchiveFile,
    /// The archive's folder after a segment or its list got a name, before the ledger's list names it.
    ArchiveDir,
    /// The list of the archive before it gets its name.
    ArchiveList,
    /// The ledger's folder after the list got its name, before the segments it names are removed from `log/`.
    ArchivedRoot,
}

impl SyncPoint {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::LedgerFolder,
        Self::CreatedRoot,
        Self::IdentityFile,
        Self::StateFile,
        Self::StateDir,
        Self::FirstSegmentDir,
        Self::SegmentFill,
        Self::SegmentDir,
        Self::SegmentEnd,
        Self::Frame,
        Self::Seal,
        Self::AsideFile,
        Self::AsideDir,
        Self::Tail,
        Self::LogDir,
        Self::IndexRun,
        Self::IndexRunDir,
        Self::IndexManifest,
        Self::IndexDir,
        Self::Sealed,
        Self::SealedDir,
        Self::ArchiveFile,
        Self::ArchiveDir,
        Self::ArchiveList,
        Self::ArchivedRoot,
    ];
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read an existing file.
    Read,
    /// To read and write an existing file.
    Write,
    /// To make a file that must not exist yet.
    CreateNew,
}

/// What keeps a folder locked until it is dropped.
pub type FolderLock = Box<dyn Debug + Send + Sync>;

/// The operations on folders and names.
pub trait Files: Debug + Send + Sync + 'static {
    /// Makes a folder whose parent exists.
    ///
    /// # Errors
    ///
    /// As the operating system says, `AlreadyExists` among them.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, in no order.
    ///
    /// # Errors
    ///
    /// As the operating system says, `NotFound` among them.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// As the operating system says, `NotFound` and `AlreadyExists` among them.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn LogFile>>;

    /// Gives a file another name in the same folder, replacing what has that name.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    ///
    /// As the operating system says; then nothing is known about the names.
    fn sync_dir(&self, path: &Path, point: SyncPoint) -> io::Result<()>;

    /// Takes the exclusive lock on a file, making it if need be; `None` if another has it.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn lock(&self, path: &Path) -> io::Result<Option<FolderLock>>;
}

/// The operations on one open file.
pub trait LogFile: Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills the buffer from an offset.
    ///
    /// # Errors
    ///
    /// As the operating system says, `UnexpectedEof` among them.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes at an offset.
    ///
    /// # Errors
    ///
    /// As the operating system says; then any part may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the content durable, and the length as far as reading it needs.
    ///
    /// # Errors
    ///
    /// As the operating system says; then nothing is known about what was written since the last sync.
    fn sync(&self, point: SyncPoint) -> io::Result<()>;
}

/// The files of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFiles;

impl Files for RealFiles {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn LogFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match access {
            Access::Read => &mut options,
            Access::Write => options.write(true),
            Access::CreateNew => options.write(true).create_new(true),
        };
        Ok(Arc::new(RealFile(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path, _: SyncPoint) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<FolderLock>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

#[derive(Debug)]
struct RealFile(File);

impl LogFile for RealFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self, _: SyncPoint) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The most bytes [`read_small`] takes.
const SMALL_BYTES_MAX: u64 = 64 << 10;

/// Reads a whole small file; `None` if there is none.
pub(super) fn read_small(files: &dyn Files, path: &Path) -> io::Result<Option<Vec<u8>>> {
    read_small_file(files, path, SMALL_BYTES_MAX)
}

/// Reads a whole file of at most so many bytes; `None` if there is none.
pub(super) fn read_small_file(files: &dyn Files, path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match files.open(path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = file.bytes()?;
    if bytes > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{bytes} bytes are too many")));
    }
    let mut content = vec![0; usize::try_from(bytes).unwrap_or_default()];
    file.read_exact_at(&mut content, 0)?;
    Ok(Some(content))
}

/// Writes a file under a temporary name, syncs it and gives it its name. The folder is left to the caller.
pub(super) fn replace(
    files: &dyn Files,
    folder: &Path,
    name: &str,
    content: &[u8],
    point: SyncPoint,
) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.tmp"));
    match files.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = files.open(&temporary, Access::CreateNew)?;
    file.write_all_at(content, 0)?;
    file.sync(point)?;
    files.rename(&temporary, &folder.join(name))
}
