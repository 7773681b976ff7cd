//! Where statements are kept: away from the log, so that whoever changes the one does not change the other.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ledger_store::CommitHash;

use super::statement::{STATEMENT_BYTES_MAX, Statement, StatementTextError};
use crate::safe_file::{self, Readers, SafeFileError};

/// Why an archive failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Another statement of this number is kept already: two notaries work on one archive.
    #[error("statement {sequence} is kept already, and it is another")]
    Taken {
        /// The number.
        sequence: u64,
    },
    /// What is kept is no statement.
    #[error("{what}: {source}")]
    Damaged {
        /// Which.
        what: String,
        /// Why not.
        #[source]
        source: StatementTextError,
    },
    /// A statement has another number than its name.
    #[error("{what} holds statement {found}")]
    Misnamed {
        /// Which.
        what: String,
        /// The number it holds.
        found: u64,
    },
    /// The archive cannot be read or written.
    #[error("{doing}: {source}")]
    Io {
        /// What was done.
        doing: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] SafeFileError),
}

impl ArchiveError {
    /// A failure of input or output.
    pub fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }
}

/// Takes the hashes that go with a statement.
pub trait HashSink: Write + Send {
    /// Makes them durable, under their name.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A home of statements: a folder, a bucket with object lock, a printer.
///
/// It may block: statements are taken once a period, on threads of the ledger or of a host that knows.
#[async_trait]
pub trait StatementArchive: Send + Sync + std::fmt::Debug + 'static {
    /// The statement with the highest number.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if it cannot be read.
    async fn last(&self) -> Result<Option<Statement>, ArchiveError>;

    /// One statement.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if it cannot be read.
    async fn statement(&self, sequence: u64) -> Result<Option<Statement>, ArchiveError>;

    /// Keeps a statement, durably when it returns. Never in place of another; the same one again is no error.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Taken`] if another has its number, or what went wrong.
    async fn put(&self, statement: &Statement) -> Result<(), ArchiveError>;

    /// What [`Self::keep_progress`] kept, if it is still there.
    async fn progress(&self) -> Option<Vec<u8>> {
        None
    }

    /// Keeps what makes the next statement quick. It may be lost, and is not believed: what it says is compared with
    /// the last statement.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if it was not kept.
    async fn keep_progress(&self, _bytes: &[u8]) -> Result<(), ArchiveError> {
        Ok(())
    }

    /// Where the hashes of the commits since the last statement go, if they are kept: then a verifier can name the
    /// first wrong commit, and not only the period it lies in.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if they cannot be written.
    fn hash_sink(&self, _sequence: u64) -> Result<Option<Box<dyn HashSink>>, ArchiveError> {
        Ok(None)
    }

    /// Up to `count` hashes of the list that goes with a statement, after the first `skip`; `None` if no list is
    /// kept.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if they cannot be read.
    async fn hashes(
        &self,
        _sequence: u64,
        _skip: u64,
        _count: usize,
    ) -> Result<Option<Vec<CommitHash>>, ArchiveError> {
        Ok(None)
    }
}

/// The first bytes of a file of hashes.
const HASHES_TAG: &[u8; 23] = b"casino-ledger hashes 1\n";

/// A folder of statements, one file each.
#[derive(Debug)]
pub struct FolderArchive {
    folder: PathBuf,
    keeps_hashes: bool,
}

impl FolderArchive {
    /// Opens a folder, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if the folder cannot be made.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ArchiveError> {
        let folder = folder.as_ref().to_owned();
        fs::create_dir_all(&folder)
            .map_err(|error| ArchiveError::io(format!("making {}", folder.display()), error))?;
        Ok(Self { folder, keeps_hashes: false })
    }

    /// Keeps the hash of every commit too: 32 bytes each.
    pub fn with_hashes(mut self) -> Self {
        self.keeps_hashes = true;
        self
    }

    fn statement_path(&self, sequence: u64) -> PathBuf {
        self.folder.join(format!("statement-{sequence:020}.txt"))
    }

    fn hashes_path(&self, sequence: u64) -> PathBuf {
        self.folder.join(format!("hashes-{sequence:020}.bin"))
    }

    fn progress_path(&self) -> PathBuf {
        self.folder.join("progress.json")
    }

    fn read(&self, sequence: u64) -> Result<Option<Statement>, ArchiveError> {
        let path = self.statement_path(sequence);
        let doing = |error| ArchiveError::io(format!("reading {}", path.display()), error);
        let mut text = String::new();
        match File::open(&path) {
            Ok(file) => file.take(STATEMENT_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(doing)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(doing(error)),
        };
        let what = || path.display().to_string();
        let statement: Statement =
            text.parse().map_err(|source| ArchiveError::Damaged { what: what(), source })?;
        let found = statement.header().sequence();
        if found == sequence {
            Ok(Some(statement))
        } else {
            Err(ArchiveError::Misnamed { what: what(), found })
        }
    }

    /// The highest number that a file's name says.
    fn highest(&self) -> Result<Option<u64>, ArchiveError> {
        let doing = |error| ArchiveError::io(format!("listing {}", self.folder.display()), error);
        let mut highest = None;
        for entry in fs::read_dir(&self.folder).map_err(doing)? {
            let name = entry.map_err(doing)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("statement-")?.strip_suffix(".txt"));
            highest = highest.max(number.and_then(|number| number.parse().ok()));
        }
        Ok(highest)
    }
}

/// A file of hashes that gets its name when it is complete.
struct HashFile {
    file: BufWriter<File>,
    beside: PathBuf,
    path: PathBuf,
}

impl Write for HashFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl HashSink for HashFile {
    fn finish(self: Box<Self>) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        safe_file::sync_folder(self.path.parent().unwrap_or(Path::new("."))).map_err(io::Error::other)
    }
}

#[async_trait]
impl StatementArchive for FolderArchive {
    async fn last(&self) -> Result<Option<Statement>, ArchiveError> {
        match self.highest()? {
            Some(sequence) => self.read(sequence),
            None => Ok(None),
        }
    }

    async fn statement(&self, sequence: u64) -> Result<Option<Statement>, ArchiveError> {
        self.read(sequence)
    }

    async fn put(&self, statement: &Statement) -> Result<(), ArchiveError> {
        let sequence = statement.header().sequence();
        let put = safe_file::create(
            &self.statement_path(sequence),
            statement.to_string().as_bytes(),
            Readers::Anyone,
        );
        match put {
            Err(error) => match self.read(sequence)? {
                Some(kept) if kept == *statement => Ok(()),
                Some(_) => Err(ArchiveError::Taken { sequence }),
                None => Err(error.into()),
            },
            Ok(()) => Ok(()),
        }
    }

    async fn progress(&self) -> Option<Vec<u8>> {
        fs::read(self.progress_path()).ok()
    }

    async fn keep_progress(&self, bytes: &[u8]) -> Result<(), ArchiveError> {
        Ok(safe_file::replace(&self.progress_path(), bytes, Readers::Anyone)?)
    }

    fn hash_sink(&self, sequence: u64) -> Result<Option<Box<dyn HashSink>>, ArchiveError> {
        if !self.keeps_hashes {
            return Ok(None);
        }
        let path = self.hashes_path(sequence);
        let beside = path.with_extension("bin.tmp");
        let begin = || {
            let mut file = BufWriter::with_capacity(64 << 10, File::create(&beside)?);
            file.write_all(HASHES_TAG)?;
            Ok(file)
        };
        let file =
            begin().map_err(|error| ArchiveError::io(format!("writing {}", beside.display()), error))?;
        Ok(Some(Box::new(HashFile { file, beside, path })))
    }

    async fn hashes(
        &self,
        sequence: u64,
        skip: u64,
        count: usize,
    ) -> Result<Option<Vec<CommitHash>>, ArchiveError> {
        let path = self.hashes_path(sequence);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened,
        }
        .map_err(|error| ArchiveError::io(format!("reading {}", path.display()), error))?;
        let read = || {
            let offset = skip.saturating_mul(32).saturating_add(HASHES_TAG.len() as u64);
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(32 * count as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes: Vec<u8> =
            { read }().map_err(|error| ArchiveError::io(format!("reading {}", path.display()), error))?;
        let (hashes, _) = bytes.as_chunks::<32>();
        Ok(Some(hashes.iter().map(|hash| CommitHash(*hash)).collect()))
    }
}

/// An archive in memory, for tests and for hosts that send each statement elsewhere.
#[derive(Debug, Default)]
pub struct MemoryArchive {
    statements: Mutex<BTreeMap<u64, Statement>>,
}

impl MemoryArchive {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl StatementArchive for MemoryArchive {
    async fn last(&self) -> Result<Option<Statement>, ArchiveError> {
        let kept = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.last_key_value().map(|(_, statement)| statement.clone()))
    }

    async fn statement(&self, sequence: u64) -> Result<Option<Statement>, ArchiveError> {
        Ok(self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(&sequence).cloned())
    }

    async fn put(&self, statement: &Statement) -> Result<(), ArchiveError> {
        let sequence = statement.header().sequence();
        let mut kept = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(&sequence) {
            Some(other) if other != statement => Err(ArchiveError::Taken { sequence }),
            _ => {
                kept.insert(sequence, statement.clone());
                Ok(())
            }
        }
    }
}
