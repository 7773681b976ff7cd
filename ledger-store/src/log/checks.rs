//! Checks of a whole log and of its index, and making the index anew: what an operator asks for.

use std::path::Path;
use std::sync::Arc;

use super::archive::{self, ARCHIVED, ArchiveManifest};
use super::files::{Files, SyncPoint};
use super::frame::{Kind, NoHeader, decode_header, frame_bytes};
use super::index::{Checker, IndexCheck};
use super::recover::{damaged, load, stopped, unreadable};
use super::scan::{Cursor, End, Frame, scan};
use super::sealed;
use super::segment::SEGMENT_HEADER_BYTES;
use super::view::{Admission, check_frame, nothing};
use super::{LogOptions, LogStore, OpenReport, Role};
use crate::error::StoreError;
use crate::types::Head;

/// How the segments of a log are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentStatus {
    /// How many there are.
    pub segments: usize,
    /// How many of them are compressed.
    pub sealed: usize,
    /// How many were moved to the archive.
    pub archived: usize,
    /// Why a segment could not be compressed last, if so. It stays as it is.
    pub error: Option<String>,
}

fn make_archive(files: &dyn Files, archive: &Path) -> std::io::Result<()> {
    match files.create_dir(archive) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        // Who made it may not have come to make its name durable.
        _ => {}
    }
    let parent = archive.parent().filter(|parent| !parent.as_os_str().is_empty());
    files.sync_dir(parent.unwrap_or(Path::new(".")), SyncPoint::ArchiveDir)
}

/// What becomes of the index on disk when a log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OldIndex {
    Use,
    Discard,
}

/// How far a walk over a log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many segments were walked, and how many there are.
    pub segments: (usize, usize),
    /// How many commits were looked at.
    pub commits: u64,
}

/// What a check of the whole log found to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogCheck {
    /// How many frames were checked.
    pub frames: u64,
    /// How many commits.
    pub commits: u64,
    /// The heads, as recomputed.
    pub heads: Vec<Head>,
}

impl LogStore {
    /// Reads every frame and recomputes the hash of every commit that was durable when it began, as opening with
    /// [`Check::Everything`](super::Check::Everything) does, while the log goes on. `progress` is called after each segment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] naming the place, [`StoreError::Unavailable`].
    pub fn verify_log(&self, progress: &mut dyn FnMut(Progress)) -> Result<LogCheck, StoreError> {
        self.walk(progress, &mut |_| Ok(()))
    }

    /// Looks for every commit of the log in the index, by everything it should be found by, and sees to it that
    /// the index knows nothing else. Checks the whole log on the way, as [`Self::verify_log`] does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] naming the first commit that is not found; the index is then made anew when
    /// the log is opened again. [`StoreError::Unavailable`].
    pub fn verify_index(&self, progress: &mut dyn FnMut(Progress)) -> Result<IndexCheck, StoreError> {
        let mut checker = Checker::new(&self.shared)?;
        self.walk(progress, &mut |commit| self.found(checker.commit(commit)).map(drop))?;
        self.found(checker.finish())
    }

    /// Makes the index of a log anew: discards it, reads and checks everything, and closes the log again.
    /// `progress` is called after each segment.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn rebuild_index(
        dir: &Path,
        options: LogOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<OpenReport, StoreError> {
        let store = Self::open_with(dir, options, OldIndex::Discard, progress)?;
        store.close_now()?;
        Ok(store.report())
    }

    /// How the segments are: how many there are, sealed and archived ones among them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::Corrupted`] if a list cannot be read.
    pub fn segment_status(&self) -> Result<SegmentStatus, StoreError> {
        let (files, folder) = (self.shared.reading.files(), self.shared.reading.folder());
        let listing = |error| StoreError::io("listing the segments", error);
        let names = files.list(&folder.log).map_err(listing)?;
        let error = match &self.role {
            Role::Writer(_, keeper) => keeper.sealing_error(),
            Role::Follower(_) => None,
        };
        Ok(SegmentStatus {
            segments: self.shared.view()?.segments.len(),
            sealed: names.iter().filter(|name| sealed::first_of(name).is_some()).count(),
            archived: folder.archived().map_or(0, |manifest| manifest.segments.len()),
            error,
        })
    }

    /// What is in the archive.
    pub fn archive_manifest(&self) -> Option<ArchiveManifest> {
        self.shared.reading.folder().archived()
    }

    /// Moves sealed segments to the archive named by [`LogOptions::archive`], the oldest first, and leaves the
    /// newest `keep` of them; answers how many it moved. Everything goes on to be found and read as long as
    /// the archive is there. Of a segment that is not there, reading says which it is.
    ///
    /// Each is copied, synced and compared, and named in the lists, before it is removed from `log/`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] if no archive is named, [`StoreError::Unavailable`] also for readers,
    /// [`StoreError::Corrupted`] if a segment is damaged, which then stays where it is.
    pub fn archive_segments(&self, keep: usize) -> Result<usize, StoreError> {
        // Nobody else moves segments meanwhile, and no segment is begun.
        let _writer = self.writer()?;
        let (files, folder) = (self.shared.reading.files(), self.shared.reading.folder());
        let Some(archive) = folder.archive.as_deref() else {
            return Err(StoreError::Invalid("no archive is named: set `LogOptions::archive`".to_owned()));
        };
        let failed = |error| StoreError::io(format!("archiving to {}", archive.display()), error);
        make_archive(files, archive).map_err(failed)?;
        let mut manifest = ArchiveManifest::read(files, &folder.root.join(ARCHIVED), &self.shared.identity)?;
        let names = files.list(&folder.log).map_err(failed)?;
        let mut sealed: Vec<u64> = names.iter().filter_map(|name| sealed::first_of(name)).collect();
        sealed.sort_unstable();
        sealed.truncate(sealed.len().saturating_sub(keep));
        let mut moved = 0;
        for first in sealed {
            let next = manifest.segments.last().map_or(1, |last| last.last_frame + 1);
            if first != next {
                break;
            }
            let entry =
                archive::copy(files, folder, archive, first).map_err(|error| unreadable(first, 0, error))?;
            manifest.segments.push(entry);
            archive::write_lists(files, folder, archive, &manifest).map_err(failed)?;
            folder.set_archived(manifest.clone());
            files.remove(&folder.log.join(sealed::name(first))).map_err(failed)?;
            self.shared.reading.forget(first);
            moved += 1;
        }
        Ok(moved)
    }

    fn walk(
        &self,
        progress: &mut dyn FnMut(Progress),
        visit: &mut dyn FnMut(&Admission<'_>) -> Result<(), StoreError>,
    ) -> Result<LogCheck, StoreError> {
        let shared = Arc::clone(&self.shared);
        let identity = shared.identity;
        let (segments, last, expected) = {
            let view = shared.view()?;
            (view.segments.clone(), view.last_frame(), view.heads().to_vec())
        };
        let Some((last, place)) = last else {
            return Ok(LogCheck { frames: 0, commits: 0, heads: expected });
        };
        let segments = &segments[..segments.partition_point(|first| *first <= place.segment)];
        let genesis = nothing(&identity);
        let mut heads = genesis.heads;
        let mut cursor = Cursor { sequence: 1, previous: genesis.end.crc, offset: SEGMENT_HEADER_BYTES };
        let mut commits = 0;
        for (number, first) in segments.iter().copied().enumerate() {
            if first != cursor.sequence {
                let what =
                    format!("frame {} is missing: the segment begins with frame {first}", cursor.sequence);
                return Err(damaged(first, 0, &what));
            }
            let mut bytes = load(shared.reading.files(), shared.reading.folder(), &identity, first)?;
            if first == place.segment {
                // What is being written behind it just now is not part of this.
                let at = place.offset as usize;
                if let Ok(header) =
                    bytes.get(at..).map_or(Err(NoHeader::Not("")), |rest| decode_header(rest, at))
                {
                    bytes.truncate(at + frame_bytes(at, header.payload_bytes as usize));
                }
            }
            cursor.offset = SEGMENT_HEADER_BYTES;
            let see = &mut |frame: &Frame<'_>| {
                if frame.header.kind != Kind::Batch {
                    return Ok(());
                }
                check_frame(&identity, &mut heads, first, frame, &mut |commit| {
                    commits += 1;
                    visit(commit)
                })
            };
            let end = scan(&bytes, &mut cursor, see).map_err(|stop| stopped(stop, first))?;
            if end != End::Full && number + 1 < segments.len() {
                let what = "the segment stops without a segment end, and another follows";
                return Err(damaged(first, cursor.offset, what));
            }
            progress(Progress { segments: (number + 1, segments.len()), commits });
        }
        if cursor.sequence <= last.sequence || heads != expected {
            let what = "the log on disk is not the one that was opened";
            return Err(damaged(segments.last().copied().unwrap_or_default(), cursor.offset, what));
        }
        Ok(LogCheck { frames: last.sequence, commits, heads })
    }
}
