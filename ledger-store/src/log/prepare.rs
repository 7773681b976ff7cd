//! The next segment, made ready ahead of need.
//!
//! Writing into a file that already holds synced zeros lets `fdatasync` skip the file system's journal.
//! The filler works on a file of its own under a temporary name and never touches the one being written.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::Prepare;
use super::files::{Files, LogFile};
use super::segment;
use crate::types::LedgerId;

/// A segment that waits for its name.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn LogFile>,
    pub(super) bytes: u32,
}

#[derive(Debug)]
enum Next {
    None,
    Running(JoinHandle<io::Result<Ready>>),
    Ready(Ready),
}

/// Makes segments, usually one ahead.
#[derive(Debug)]
pub(super) struct Preparer {
    files: Arc<dyn Files>,
    folder: PathBuf,
    ledger: LedgerId,
    bytes: u32,
    mode: Prepare,
    count: u64,
    next: Next,
    stop: Arc<AtomicBool>,
}

impl Preparer {
    pub(super) fn new(
        files: Arc<dyn Files>,
        folder: PathBuf,
        ledger: LedgerId,
        bytes: u32,
        mode: Prepare,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        Self { files, folder, ledger, bytes, mode, count: 0, next: Next::None, stop }
    }

    /// Sees to it that the next segment is ready or under way. A failure shows when it is needed.
    pub(super) fn start(&mut self) {
        if !matches!(self.next, Next::None) {
            return;
        }
        match self.mode {
            Prepare::Background => {
                let (files, stop) = (Arc::clone(&self.files), Arc::clone(&self.stop));
                let (ledger, bytes, path) = (self.ledger, self.bytes, self.fresh_path());
                let work = move || {
                    let file = segment::make(&*files, &path, ledger, bytes, &stop)?;
                    Ok(Ready { path, file, bytes })
                };
                match thread::Builder::new().name("ledger-log-prepare".to_owned()).spawn(work) {
                    Ok(handle) => self.next = Next::Running(handle),
                    Err(error) => tracing::warn!(%error, "no thread to prepare the next segment"),
                }
            }
            Prepare::Inline => match self.make(self.bytes) {
                Ok(ready) => self.next = Next::Ready(ready),
                Err(error) => tracing::warn!(%error, "the next segment could not be prepared"),
            },
        }
    }

    /// A segment of at least `needed` bytes: the prepared one if it is long enough, else one made now.
    pub(super) fn take(&mut self, needed: usize) -> io::Result<Ready> {
        let usual = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        if needed > usual {
            let bytes = u32::try_from(needed).map_err(|_| io::Error::other("a frame over 4 GiB"))?;
            return self.make(bytes);
        }
        match std::mem::replace(&mut self.next, Next::None) {
            Next::Ready(ready) => return Ok(ready),
            Next::Running(handle) => match handle.join() {
                Ok(Ok(ready)) => return Ok(ready),
                Ok(Err(error)) => tracing::warn!(%error, "the next segment could not be prepared"),
                Err(_) => tracing::error!("the thread that prepares segments panicked"),
            },
            Next::None => {}
        }
        self.make(self.bytes)
    }

    fn make(&mut self, bytes: u32) -> io::Result<Ready> {
        let path = self.fresh_path();
        let file = segment::make(&*self.files, &path, self.ledger, bytes, &self.stop)?;
        Ok(Ready { path, file, bytes })
    }

    fn fresh_path(&mut self) -> PathBuf {
        self.count += 1;
        self.folder.join(format!("next-{}.tmp", self.count))
    }

    /// Ends the filler and removes what it made; what is left behind is removed at the next opening.
    pub(super) fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let path = match std::mem::replace(&mut self.next, Next::None) {
            Next::Running(handle) => handle.join().ok().and_then(Result::ok).map(|ready| ready.path),
            Next::Ready(ready) => Some(ready.path),
            Next::None => None,
        };
        if let Some(path) = path
            && let Err(error) = self.files.remove(&path)
        {
            tracing::debug!(%error, path = %path.display(), "a prepared segment stays behind");
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.end();
    }
}
