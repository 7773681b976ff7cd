//! Files that appear whole or not at all, synced; those with secrets are their owner's alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The longest file of secrets that is read, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Why a file cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SafeFileError {
    /// The operating system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        #[source]
        source: io::Error,
    },
    /// Others than the owner may read or write it.
    #[error("{} may be read or written by others than its owner: take that from them (chmod 600)", path.display())]
    Shared {
        /// The file.
        path: PathBuf,
    },
    /// It is longer than such a file can be.
    #[error("{} is too long to be a file of secrets", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

impl SafeFileError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// Whether the file is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner.
    Owner,
    /// Whoever the machine's settings let.
    Anyone,
}

impl Readers {
    /// Options that let nobody else read and write.
    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        if self == Self::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        options
    }
}

/// Makes a folder that only its owner may enter; its parent must exist.
pub(crate) fn create_folder(path: &Path) -> Result<(), SafeFileError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(SafeFileError::io(path, error)),
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), SafeFileError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| SafeFileError::io(path, error))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The name under which a file is written before it gets its own.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Writes a file under another name, synced.
fn write_beside(path: &Path, bytes: &[u8], readers: Readers) -> Result<PathBuf, SafeFileError> {
    let beside = beside(path);
    let write = || {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = readers.options().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| SafeFileError::io(&beside, error))?;
    Ok(beside)
}

/// Makes a file that must not exist yet; it appears whole.
pub(crate) fn create(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), SafeFileError> {
    let beside = write_beside(path, bytes, readers)?;
    // A hard link, unlike a renaming, never replaces what is there.
    let linked = fs::hard_link(&beside, path);
    let removed = fs::remove_file(&beside);
    linked.and(removed).map_err(|error| SafeFileError::io(path, error))?;
    sync_folder(parent(path))
}

/// Writes a file, in place of the one that is there.
pub(crate) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), SafeFileError> {
    let beside = write_beside(path, bytes, readers)?;
    fs::rename(&beside, path).map_err(|error| SafeFileError::io(path, error))?;
    sync_folder(parent(path))
}

/// Removes a file; answers whether it was there. Its name is gone for good when this returns.
pub(crate) fn remove(path: &Path) -> Result<bool, SafeFileError> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(parent(path)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(SafeFileError::io(path, error)),
    }
}

/// Reads a file that only its owner may read.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SafeFileError> {
    let io = |error| SafeFileError::io(path, error);
    let mut file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0 {
        return Err(SafeFileError::Shared { path: path.to_owned() });
    }
    if meta.len() > BYTES_MAX {
        return Err(SafeFileError::TooLong { path: path.to_owned() });
    }
    // In one piece from the start, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(meta.len()).unwrap_or_default()]);
    file.read_exact(&mut bytes).map_err(io)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_appear_whole_and_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        create(&path, b"one", Readers::Owner).unwrap();
        assert!(matches!(create(&path, b"two", Readers::Owner), Err(SafeFileError::Io { .. })));
        assert_eq!(read(&path).unwrap().as_slice(), b"one");
        replace(&path, b"three", Readers::Owner).unwrap();
        assert_eq!(read(&path).unwrap().as_slice(), b"three");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"], "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(read(&path), Err(SafeFileError::Shared { .. })));
        }
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
        assert!(read(&path).unwrap_err().is_missing());
    }

    #[test]
    fn what_a_crash_left_beside_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(folder.path().join("secret.tmp"), b"half").unwrap();
        create(&path, b"one", Readers::Owner).unwrap();
        assert_eq!(read(&path).unwrap().as_slice(), b"one");
    }
}
