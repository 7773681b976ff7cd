//! The one who changes the index on disk: writes runs, merges them, replaces the manifest.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::files::{Files, SyncPoint};
use super::build::{self, Between};
use super::manifest::{MANIFEST, Manifest, RUNS_MAX};
use super::memory::{Piece, PieceItems};
use super::merge::{Merge, span_of};
use super::run::{Run, name};
use super::runs::{Layer, Runs};
use super::span::Span;
use super::{Budget, gap};
use crate::error::StoreError;
use crate::types::{LedgerIdentity, Position};

/// So many runs that were merged equally often are merged into one.
const FAN_IN: usize = 4;
/// From so many runs on merging takes no rest: it has fallen behind, and each run costs every look-up a little.
const RUNS_DEBT: usize = 13;

/// Opens the runs that the manifest names; `None` if there is no manifest. Anything that does not fit is
/// `Corrupted`. The filters are not in memory yet.
pub(in super::super) fn read_runs(
    files: &dyn Files,
    folder: &Path,
    identity: &LedgerIdentity,
    genesis: &Span,
    cache_bytes: usize,
) -> Result<Option<(Runs, u64)>, StoreError> {
    let Some(manifest) = Manifest::read(files, folder, identity)? else { return Ok(None) };
    let mut layers = Vec::with_capacity(manifest.runs.len());
    for entry in &manifest.runs {
        let run = Run::open(files, folder, entry.number, identity)?;
        if (run.bytes, run.footer_crc) != (entry.bytes, entry.footer) || run.number >= manifest.next {
            return Err(super::block::damaged(run.number, "it is not the one that the manifest names"));
        }
        layers.push(Layer::new(Arc::new(run)));
    }
    let runs = Runs::none(cache_bytes).with(layers);
    if runs.is_without_gap(genesis) { Ok(Some((runs, manifest.next))) } else { Err(gap()) }
}

/// Writes the index of one log. There is one of it, and it belongs to the writer of the log.
#[derive(Debug)]
pub(in super::super) struct Worker {
    files: Arc<dyn Files>,
    folder: PathBuf,
    identity: LedgerIdentity,
    genesis: Span,
    budget: Budget,
    next: u64,
    runs: Runs,
    /// The run that is being written.
    unfinished: Option<u64>,
}

/// Runs that are to become one.
pub(super) struct MergeJob {
    files: Arc<dyn Files>,
    folder: PathBuf,
    identity: LedgerIdentity,
    number: u64,
    level: u32,
    runs: Vec<Arc<Run>>,
}

impl MergeJob {
    /// Writes the one run. Nothing refers to it yet.
    pub(super) fn write(&self, between: Between<'_>) -> Result<Run, StoreError> {
        let runs: Vec<&Run> = self.runs.iter().map(|run| &**run).collect();
        let span = span_of(&runs).ok_or_else(gap)?;
        let mut source = Merge::new(&runs, &span);
        let Self { files, folder, identity, number, level, .. } = self;
        build::write(&**files, folder, *number, identity, *level, &span, &mut source, between)
    }
}

impl Worker {
    /// Takes over an index as it was left, its filters in memory. What cannot be trusted is discarded; the
    /// second part says why.
    pub(in super::super) fn open(
        files: Arc<dyn Files>,
        folder: PathBuf,
        identity: LedgerIdentity,
        genesis: Span,
        budget: Budget,
    ) -> Result<(Self, Option<String>), StoreError> {
        match files.create_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(StoreError::io(format!("making {}", folder.display()), error));
            }
            _ => {}
        }
        let read =
            read_runs(&*files, &folder, &identity, &genesis, budget.cache).and_then(|read| match read {
                Some((runs, next)) => Ok(Some((runs.reside(budget.filters)?, next))),
                None => Ok(None),
            });
        let none = || (Runs::none(budget.cache), 1);
        let ((runs, next), doubt) = match read {
            Ok(Some(read)) => (read, None),
            Ok(None) => (none(), Some("there was none".to_owned())),
            Err(StoreError::Corrupted(what)) => (none(), Some(what)),
            Err(error) => return Err(error),
        };
        let worker = Self { files, folder, identity, genesis, budget, next, runs, unfinished: None };
        worker.remove_strays()?;
        Ok((worker, doubt))
    }

    /// Removes every file that is not part of the index as it stands.
    fn remove_strays(&self) -> Result<(), StoreError> {
        let failed = |error| StoreError::io(format!("tidying {}", self.folder.display()), error);
        let numbers = self.runs.layers.iter().map(|layer| layer.run.number);
        let kept: Vec<_> = numbers.chain(self.unfinished).map(name).collect();
        for stray in self.files.list(&self.folder).map_err(failed)? {
            let is_manifest = stray == MANIFEST && !self.runs.layers.is_empty();
            if !is_manifest && !kept.contains(&stray) {
                self.files.remove(&self.folder.join(stray)).map_err(failed)?;
            }
        }
        Ok(())
    }

    pub(in super::super) fn runs(&self) -> &Runs {
        &self.runs
    }

    pub(in super::super) fn budget(&self) -> Budget {
        self.budget
    }

    /// Looks whether the runs know where the last commits they cover stand.
    pub(in super::super) fn probe(&self) -> Result<(), StoreError> {
        let Some(newest) = self.runs.newest() else { return Ok(()) };
        let mut found = Vec::new();
        for (shard, head) in self.identity.shards.all().zip(&newest.heads) {
            if head.position > Position::ZERO {
                self.runs.places(shard, head.position, 1, &mut found)?;
            }
        }
        Ok(())
    }

    /// Discards all runs: the index begins anew.
    pub(in super::super) fn discard(&mut self) -> Result<(), StoreError> {
        self.doubt()?;
        self.runs = Runs::none(self.budget.cache);
        self.remove_strays()
    }

    /// Sees to it that the next opening makes the index anew.
    pub(in super::super) fn doubt(&self) -> Result<(), StoreError> {
        match self.files.remove(&self.folder.join(MANIFEST)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| StoreError::io("removing the index's manifest", error)),
        }
    }

    /// Writes a piece as a run. The runs with it are [`Self::runs`] then.
    pub(in super::super) fn flush(&mut self, piece: &Piece, between: Between<'_>) -> Result<(), StoreError> {
        let newest = self.runs.newest().unwrap_or(&self.genesis);
        if !newest.leads_to(piece.span()) {
            return Err(gap());
        }
        self.next += 1;
        let number = self.next - 1;
        let mut source = PieceItems::new(piece);
        let files = Arc::clone(&self.files);
        let written = build::write(
            &*files,
            &self.folder,
            number,
            &self.identity,
            0,
            piece.span(),
            &mut source,
            between,
        );
        if written.is_err() {
            let _ = self.files.remove(&self.folder.join(name(number)));
        }
        let mut layers = self.runs.layers.clone();
        layers.push(Layer::new(Arc::new(written?)));
        self.swap(layers)
    }

    /// What to merge, if anything.
    pub(super) fn merge_due(&mut self) -> Option<MergeJob> {
        let levels: Vec<u32> = self.runs.layers.iter().map(|layer| layer.run.footer.level).collect();
        let level = levels
            .chunk_by(|a, b| a == b)
            .filter(|group| group.len() >= FAN_IN)
            .map(|group| group[0])
            .min()?;
        let of_level = |layer: &&Layer| layer.run.footer.level == level;
        let runs = self.runs.layers.iter().filter(of_level).map(|layer| Arc::clone(&layer.run)).collect();
        self.next += 1;
        self.unfinished = Some(self.next - 1);
        Some(MergeJob {
            files: Arc::clone(&self.files),
            folder: self.folder.clone(),
            identity: self.identity,
            number: self.next - 1,
            level: level + 1,
            runs,
        })
    }

    /// Whether there are so many runs that merging should take no rest.
    pub(super) fn is_in_debt(&self) -> bool {
        self.runs.layers.len() >= RUNS_DEBT
    }

    /// Puts the one run in the place of those it was made of; their files go with [`Self::tidy`]. What was
    /// written of one that failed goes at once.
    pub(super) fn finish_merge(
        &mut self,
        job: &MergeJob,
        written: Result<Run, StoreError>,
    ) -> Result<(), StoreError> {
        self.unfinished = None;
        if written.is_err() {
            let _ = self.files.remove(&self.folder.join(name(job.number)));
        }
        let merged = written?;
        let is_merged = |layer: &Layer| job.runs.iter().any(|run| run.number == layer.run.number);
        let at = self.runs.layers.iter().position(is_merged).ok_or_else(gap)?;
        let mut layers = self.runs.layers.clone();
        layers.retain(|layer| !is_merged(layer));
        layers.insert(at, Layer::new(Arc::new(merged)));
        self.swap(layers)
    }

    /// Makes other runs the index: their names durable, then the manifest.
    fn swap(&mut self, layers: Vec<Layer>) -> Result<(), StoreError> {
        if layers.len() > RUNS_MAX {
            return Err(StoreError::Invalid(format!("an index of {} runs", layers.len())));
        }
        let runs = self.runs.with(layers);
        if !runs.is_without_gap(&self.genesis) {
            return Err(gap());
        }
        let synced = self.files.sync_dir(&self.folder, SyncPoint::IndexRunDir);
        synced.map_err(|error| StoreError::io("syncing the index's folder", error))?;
        let manifest = Manifest::new(&self.identity, self.next, runs.layers.iter().map(|layer| &*layer.run));
        manifest.write(&*self.files, &self.folder)?;
        // The filters of what is replaced are in memory until everybody has let go of them.
        let (resident, _) = self.runs.filter_bytes();
        let (kept, _) = runs.filter_bytes();
        self.runs = runs.reside(self.budget.filters.saturating_sub(resident - kept))?;
        Ok(())
    }

    /// Fills the memory that the runs which were replaced have left, and removes their files.
    pub(super) fn tidy(&mut self) -> Result<(), StoreError> {
        let (resident, all) = self.runs.filter_bytes();
        if resident < all {
            self.runs = self.runs.reside(self.budget.filters)?;
        }
        self.runs.cache.retain(|number| self.runs.layers.iter().any(|layer| layer.run.number == number));
        self.remove_strays()
    }

    /// Merges whatever is to be merged, without a rest.
    pub(in super::super) fn merge_all(&mut self) -> Result<(), StoreError> {
        while let Some(job) = self.merge_due() {
            let written = job.write(&mut || Ok(()));
            self.finish_merge(&job, written)?;
            self.tidy()?;
        }
        Ok(())
    }
}
