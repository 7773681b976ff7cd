//! Where the checkpoint of someone who is not a view is kept: a publisher, a hook.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::checkpoint::Checkpoint;
use crate::error::ViewError;

/// The most bytes of a name under which a checkpoint is kept.
pub const NAME_BYTES_MAX: usize = 100;

/// Keeps checkpoints by name, for what reads the log and is no view: it cannot write its checkpoint together with
/// what it did, so after a crash it meets the last events again, under the same ids.
///
/// A name belongs to one reader at a time. What is saved is durable when `save` answers, and a checkpoint never goes
/// back: of two readers under one name the slower one is refused.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// The checkpoint under a name, if there is one.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if what is kept is not a checkpoint; [`ViewError::Home`] if it cannot be read or the
    /// name is not usable.
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, ViewError>;

    /// Keeps a checkpoint under a name.
    ///
    /// # Errors
    ///
    /// [`ViewError::InUse`] if a later one is kept, [`ViewError::OtherLedger`] if it is that of another ledger;
    /// [`ViewError::Home`] if it cannot be written or the name is not usable.
    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError>;
}

/// A name that may stand in the name of a file is of small letters, digits, `-`, `_` and `.`, and does not begin with a point.
pub(crate) fn check_name(name: &str) -> Result<(), ViewError> {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed) && !name.starts_with('.') {
        Ok(())
    } else {
        let rule = "take small letters, digits, -, _ and .";
        let name: String = name.chars().take(NAME_BYTES_MAX).collect();
        Err(ViewError::home(format!("{name:?} is not usable as a name: {rule}")))
    }
}

/// Whether a checkpoint may take the place of the one that is kept.
pub(crate) fn check_successor(
    home: &str,
    kept: Option<&Checkpoint>,
    next: &Checkpoint,
) -> Result<(), ViewError> {
    match kept {
        Some(kept) if kept.identity() != next.identity() => {
            Err(ViewError::other_ledger(kept.identity(), next.identity()))
        }
        Some(kept) if !next.is_at_least(kept) => Err(ViewError::InUse { home: home.to_owned() }),
        _ => Ok(()),
    }
}

pub(crate) fn decode(home: &str, text: &str) -> Result<Checkpoint, ViewError> {
    serde_json::from_str(text).map_err(|error| ViewError::Damaged(format!("{home}: {error}")))
}

pub(crate) fn encode(checkpoint: &Checkpoint) -> Result<String, ViewError> {
    serde_json::to_string(checkpoint)
        .map_err(|error| ViewError::home(format!("writing a checkpoint: {error}")))
}

/// Checkpoints in a folder, one JSON file each, replaced as a whole.
#[derive(Debug, Clone)]
pub struct FileCheckpoints {
    folder: PathBuf,
}

fn io(path: &Path, error: std::io::Error) -> ViewError {
    ViewError::Home { doing: path.display().to_string(), source: Some(Box::new(error)) }
}

impl FileCheckpoints {
    /// Checkpoints in a folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if it cannot be made.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self, ViewError> {
        let folder = folder.as_ref().to_owned();
        fs::create_dir_all(&folder).map_err(|error| io(&folder, error))?;
        Ok(Self { folder })
    }

    fn file(&self, name: &str) -> Result<PathBuf, ViewError> {
        check_name(name)?;
        Ok(self.folder.join(format!("{name}.checkpoint.json")))
    }

    fn read(path: &Path) -> Result<Option<Checkpoint>, ViewError> {
        match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io(path, error)),
            Ok(text) => decode(&path.display().to_string(), &text).map(Some),
        }
    }
}

#[async_trait]
impl CheckpointStore for FileCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, ViewError> {
        Self::read(&self.file(name)?)
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        let path = self.file(name)?;
        check_successor(&path.display().to_string(), Self::read(&path)?.as_ref(), checkpoint)?;
        let next = path.with_extension("next");
        let write = || {
            let mut file = File::create(&next)?;
            file.write_all(encode(checkpoint).map_err(std::io::Error::other)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&next, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| io(&path, error))
    }
}
