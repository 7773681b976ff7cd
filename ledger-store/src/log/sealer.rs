//! Seals full segments, one after the other, while nobody waits for it.

use std::collections::BTreeSet;

use super::files::SyncPoint;
use super::recover::unreadable;
use super::{Sealing, Shared, sealed, segment};
use crate::error::StoreError;

/// Finds segments to seal, and seals them.
#[derive(Debug)]
pub(super) struct Sealer {
    sealing: Sealing,
    /// Segments that could not be sealed, and are left alone.
    failed: BTreeSet<u64>,
}

impl Sealer {
    pub(super) fn new(sealing: Sealing) -> Self {
        Self { sealing, failed: BTreeSet::new() }
    }

    /// The oldest segment that is to be sealed.
    fn next(&self, shared: &Shared) -> Result<Option<u64>, StoreError> {
        let Sealing::Behind(newest) = self.sealing else { return Ok(None) };
        let reading = &shared.reading;
        let end = {
            let view = shared.view()?;
            // The last segment is being written.
            let full = view.segments.len().saturating_sub(1).saturating_sub(newest);
            view.segments.get(full).copied()
        };
        let Some(end) = end else { return Ok(None) };
        let names = reading.files().list(&reading.folder().log);
        let names = names.map_err(|error| StoreError::io("listing the segments", error))?;
        let plain = names.iter().filter_map(|name| segment::first_of(name));
        Ok(plain.filter(|first| *first < end && !self.failed.contains(first)).min())
    }

    /// Seals one segment, if one is to be. `between` is called again and again, and its failure ends it.
    pub(super) fn seal_one(
        &mut self,
        shared: &Shared,
        between: &mut dyn FnMut() -> Result<(), StoreError>,
    ) -> Result<SealOutcome, StoreError> {
        let Some(first) = self.next(shared)? else { return Ok(SealOutcome::Nothing) };
        let mut interrupted = None;
        let sealed = seal(shared, first, &mut || {
            between().map_err(|error| {
                let text = error.to_string();
                interrupted = Some(error);
                std::io::Error::other(text)
            })
        });
        match (sealed, interrupted) {
            (Ok(()), _) => Ok(SealOutcome::Done),
            (Err(_), Some(error)) => Err(error),
            (Err(error), None) => {
                self.failed.insert(first);
                Ok(SealOutcome::Failed(unreadable(first, 0, error)))
            }
        }
    }
}

/// What became of sealing one segment.
#[derive(Debug)]
pub(super) enum SealOutcome {
    /// There was none to seal.
    Nothing,
    Done,
    /// It stays as it is, and is not tried again until the log is opened anew.
    Failed(StoreError),
}

fn seal(
    shared: &Shared,
    first: u64,
    between: &mut dyn FnMut() -> std::io::Result<()>,
) -> std::io::Result<()> {
    let (files, folder) = (shared.reading.files(), shared.reading.folder());
    let plain = folder.log.join(segment::name(first));
    let temporary = folder.log.join(format!("sealing-{first}.tmp"));
    let segment = folder.open_segment(files, first)?;
    let made = sealed::seal(files, &*segment, first, shared.identity.ledger, &temporary, between);
    if made.is_err() {
        // On a full disk the part that was made takes space; if it stays, the next opening removes it.
        let _ = files.remove(&temporary);
    }
    let seal = made?.seal;
    files.rename(&temporary, &folder.log.join(sealed::name(first)))?;
    files.sync_dir(&folder.log, SyncPoint::SealedDir)?;
    files.remove(&plain)?;
    shared.reading.forget(first);
    tracing::debug!(segment = first, content = seal.content_bytes, blocks = seal.blocks, "sealed a segment");
    Ok(())
}
