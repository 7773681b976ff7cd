//! Power cuts, killed processes and failing disks at every call, on a simulated disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use ledger_store::log::simulation::{Fault, Keep, SimulatedDisk};
use ledger_store::log::{LogOptions, LogStore, Prepare, Sealing, SyncPoint};
use ledger_store::{CommitHash, EventStore, Position, Shard, ShardAppend, StoreError};

use crate::log_support::{everything, identity, now, options, tagged_batch};

const DIR: &str = "/ledger";

/// So little memory for the index that it writes runs and merges them all the time.
const TINY: usize = 2 << 10;
/// So much that it stays in memory.
const ROOMY: usize = 64 << 20;

/// How the process under test keeps its log.
#[derive(Debug, Clone, Copy)]
struct Way {
    prepare: Prepare,
    index_bytes: usize,
    /// Full segments are compressed, and moved to the archive when the log is closed.
    seals: bool,
}

impl Way {
    fn is_plain(self) -> bool {
        self.index_bytes == ROOMY && !self.seals
    }
}

const PLAIN: Way = Way { prepare: Prepare::Inline, index_bytes: ROOMY, seals: false };
const INDEXING: Way = Way { index_bytes: TINY, ..PLAIN };
const SEALING: Way = Way { seals: true, ..PLAIN };

const ARCHIVE: &str = "/archive";

fn simulated(disk: &SimulatedDisk, way: Way) -> LogOptions {
    let Way { prepare, index_bytes, seals } = way;
    let sealing = if seals { Sealing::Behind(1) } else { Sealing::Never };
    let archive = seals.then(|| ARCHIVE.into());
    LogOptions { files: Arc::new(disk.clone()), prepare, index_bytes, sealing, archive, ..options(1_024) }
}

/// What may and what must be in the log.
struct Oracle {
    way: Way,
    /// Every batch that was ever sent.
    sent: Vec<Vec<(Shard, Position, CommitHash)>>,
    /// What was answered or shown, and can never go again.
    durable: BTreeMap<(Shard, Position), CommitHash>,
    /// The durable bytes of each segment when the last process began.
    segments: BTreeMap<String, Vec<u8>>,
    /// The log was closed, and nobody opened it since.
    closed: bool,
    torn_seen: usize,
    /// The most runs that an index had.
    runs_seen: usize,
    archived_seen: usize,
}

/// How one process ended.
enum End {
    Died,
    Finished,
}

macro_rules! ensure {
    ($holds:expr, $($text:tt)*) => { if !$holds { return Err(format!($($text)*)); } };
}

impl Oracle {
    fn new(way: Way) -> Self {
        Self {
            way,
            sent: Vec::new(),
            durable: BTreeMap::new(),
            segments: BTreeMap::new(),
            closed: false,
            torn_seen: 0,
            runs_seen: 0,
            archived_seen: 0,
        }
    }

    fn send(&mut self, appends: &[ShardAppend]) {
        let commits = appends
            .iter()
            .flat_map(|part| part.commits.iter().map(|commit| (part.shard, commit.position, commit.hash)));
        self.sent.push(commits.collect());
    }

    fn answered(&mut self, appends: &[ShardAppend]) {
        for part in appends {
            for commit in &part.commits {
                self.durable.insert((part.shard, commit.position), commit.hash);
            }
        }
    }

    /// What a store shows must be right, and is from now on a promise.
    fn look(&mut self, store: &LogStore, disk: &SimulatedDisk) -> Result<End, String> {
        let commits = match everything(store) {
            Ok(commits) => commits,
            // The process died in its other thread.
            Err(_) if disk.is_dead() => return Ok(End::Died),
            Err(error) => return Err(format!("reading: {error}")),
        };
        let shown: BTreeMap<_, _> =
            commits.iter().map(|commit| ((commit.shard, commit.position), commit.hash)).collect();
        for (at, hash) in &self.durable {
            ensure!(shown.get(at) == Some(hash), "{at:?} was durable and is gone");
        }
        for (shard, head) in store.identity().shards.all().zip(now(store.heads()).unwrap()) {
            let count = shown.keys().filter(|(other, _)| *other == shard).count() as u64;
            ensure!(head.position.0 == count, "shard {shard} has {count} commits, its head is {head:?}");
        }
        let mut known = BTreeSet::new();
        for sent in &self.sent {
            let there = |(shard, position, hash): &&(Shard, Position, CommitHash)| {
                shown.get(&(*shard, *position)) == Some(hash)
            };
            let count = sent.iter().filter(there).count();
            ensure!(count == 0 || count == sent.len(), "{count} of {} commits of a batch", sent.len());
            known.extend(sent.iter().filter(there).map(|(shard, position, _)| (*shard, *position)));
        }
        ensure!(known.len() == shown.len(), "a commit that was never sent");
        self.durable = shown;
        Ok(End::Finished)
    }

    /// The index finds every commit and nothing else.
    fn look_at_index(&mut self, store: &LogStore, disk: &SimulatedDisk) -> Result<End, String> {
        let checked = store.verify_index(&mut |_| ());
        match checked {
            Ok(found) => {
                let (found, shown) = (found.commits, self.durable.len() as u64);
                ensure!(found == shown, "the index has {found} commits of {shown}");
            }
            Err(_) if disk.is_dead() => return Ok(End::Died),
            Err(error) => return Err(format!("checking the index: {error}")),
        }
        let status = store.index_status().unwrap();
        ensure!(status.doubt.is_none(), "the index is in doubt: {:?}", status.doubt);
        self.runs_seen = self.runs_seen.max(status.runs);
        Ok(End::Finished)
    }

    /// Bytes that were durable may leave the log only by way of `aside/`.
    fn check_bytes(&mut self, disk: &SimulatedDisk) -> Result<(), String> {
        let log = Path::new(DIR).join("log");
        let aside = Path::new(DIR).join("aside");
        let copies: Vec<_> =
            disk.durable_names(&aside).iter().filter_map(|name| disk.durable(&aside.join(name))).collect();
        for (name, before) in &self.segments {
            let Some(after) = disk.durable(&log.join(name)) else {
                // It was sealed, and what it became reads as it did: that is looked at elsewhere.
                let sealed = name.replace(".seg", ".sealed");
                let places = [log.join(&sealed), Path::new(ARCHIVE).join(&sealed)];
                if places.iter().any(|place| disk.durable(place).is_some()) {
                    continue;
                }
                // A creation that was cut short begins anew.
                if before.iter().skip(64).all(|byte| *byte == 0) {
                    continue;
                }
                return Err(format!("{name} was durable and is gone"));
            };
            let lost = before.iter().zip(&after).position(|(old, new)| *old != 0 && old != new);
            if let Some(lost) = lost {
                let end = before.iter().rposition(|byte| *byte != 0).unwrap_or_default() + 1;
                let saved = copies.iter().any(|copy| copy.ends_with(&before[lost..end]));
                ensure!(saved, "{name}: bytes {lost}..{end} are in no side file");
            }
        }
        let segments = disk
            .durable_names(&log)
            .into_iter()
            .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "seg"));
        self.segments =
            segments.filter_map(|name| Some((name.clone(), disk.durable(&log.join(&name))?))).collect();
        Ok(())
    }

    fn open(&mut self, disk: &SimulatedDisk) -> Result<Option<LogStore>, String> {
        // Nothing that was cut off may cost an index that was there.
        let had_index = disk.durable(&Path::new(DIR).join("index/manifest.json")).is_some();
        let store = match LogStore::open_or_create(Path::new(DIR), identity(2), simulated(disk, self.way)) {
            Ok(store) => store,
            Err(_) if disk.is_dead() => {
                self.closed = false;
                return Ok(None);
            }
            Err(error) => return Err(format!("opening: {error}")),
        };
        let made_anew = store.report().index_made_anew;
        ensure!(!had_index || made_anew.is_none(), "the index had to be made anew: {made_anew:?}");
        self.torn_seen += usize::from(store.report().torn.is_some());
        ensure!(!self.closed || store.report().closed, "a closed log was opened and is not closed");
        self.closed = false;
        for look in [Self::look, Self::look_at_index] {
            if let End::Died = look(self, &store, disk)? {
                return Ok(None);
            }
        }
        Ok(Some(store))
    }

    fn append(&mut self, store: &LogStore, disk: &SimulatedDisk, number: usize) -> Result<End, String> {
        let shards: &[u16] = [&[0][..], &[1], &[0, 1]][number % 3];
        let appends = tagged_batch(store, shards, 1 + number % 2, [0, 150, 700][number % 3], self.sent.len());
        self.send(&appends);
        match now(store.append(&appends)) {
            Ok(answers) => {
                ensure!(answers.iter().all(Result::is_ok), "the only writer lost a race");
                self.answered(&appends);
                self.look(store, disk)
            }
            Err(_) if disk.is_dead() => Ok(End::Died),
            Err(error) => Err(format!("appending: {error}")),
        }
    }

    /// One process: opens, appends over several segments, closes, opens, appends, opens, appends.
    fn live(&mut self, disk: &SimulatedDisk) -> Result<End, String> {
        self.check_bytes(disk)?;
        for (appends, close) in [(5, true), (3, false), (2, false)] {
            let Some(store) = self.open(disk)? else { return Ok(End::Died) };
            for number in 0..appends {
                if let End::Died = self.append(&store, disk, number)? {
                    return Ok(End::Died);
                }
            }
            if let End::Died = self.look_at_index(&store, disk)? {
                return Ok(End::Died);
            }
            if close && self.way.seals {
                let status = store.segment_status().map_err(|error| format!("segments: {error}"));
                match store.archive_segments(1) {
                    Ok(moved) => self.archived_seen += moved,
                    Err(_) if disk.is_dead() => return Ok(End::Died),
                    Err(error) => return Err(format!("archiving: {error}")),
                }
                ensure!(status?.error.is_none(), "a segment could not be sealed");
                if let End::Died = self.look(&store, disk)? {
                    return Ok(End::Died);
                }
            }
            if close {
                match now(store.close()) {
                    Ok(()) => self.closed = true,
                    Err(_) if disk.is_dead() => return Ok(End::Died),
                    Err(error) => return Err(format!("closing: {error}")),
                }
            }
        }
        Ok(End::Finished)
    }
}

/// How a process ends: at which call, and what is left for the next.
#[derive(Debug, Clone, Copy)]
struct Cut {
    call: u64,
    /// `None`: only the process ends.
    keep: Option<Keep>,
}

/// Lives through some cuts and then once in peace; the violation, if there is one.
fn run(cuts: &[Cut], forgotten: Option<SyncPoint>, way: Way) -> Result<Oracle, String> {
    let mut oracle = Oracle::new(way);
    let mut disk = SimulatedDisk::new();
    if let Some(point) = forgotten {
        disk.forget(point);
    }
    for cut in cuts {
        disk.arm(cut.call, Fault::Death);
        let _died = oracle.live(&disk)?;
        disk = match cut.keep {
            Some(keep) => disk.after_power_cut(keep),
            None => disk.after_kill(),
        };
    }
    oracle.live(&disk)?;
    oracle.check_bytes(&disk)?;
    // Whatever was answered is durable at once, not only after the next call.
    disk = disk.after_power_cut(Keep::Nothing);
    oracle.live(&disk)?;
    Ok(oracle)
}

/// The calls of a life in peace.
fn calls(way: Way) -> u64 {
    let disk = SimulatedDisk::new();
    assert!(matches!(Oracle::new(way).live(&disk), Ok(End::Finished)));
    disk.calls()
}

fn keeps(seed: u64, seeds: u64) -> impl Iterator<Item = Option<Keep>> {
    let some = (0..seeds).map(move |number| Some(Keep::Some(seed * 1_000 + number)));
    [None, Some(Keep::All), Some(Keep::Nothing)].into_iter().chain(some)
}

/// Goes through cuts at every call, then through pairs of cuts, the second mostly while recovering.
fn explore(forgotten: Option<SyncPoint>, seeds: u64, way: Way) -> Result<Explored, (Vec<Cut>, String)> {
    let mut all = Explored::default();
    let mut go = |cuts: Vec<Cut>| match run(&cuts, forgotten, way) {
        Ok(oracle) => {
            all.lives += 1;
            all.torn += oracle.torn_seen;
            all.runs = all.runs.max(oracle.runs_seen);
            all.archived += oracle.archived_seen;
            Ok(())
        }
        Err(violation) => Err((cuts, violation)),
    };
    let calls = calls(way);
    for call in 1..=calls {
        for keep in keeps(call, seeds) {
            go(vec![Cut { call, keep }])?;
        }
    }
    // Recovering is the same whatever was cut off; where more calls lead there, fewer of them are followed up.
    let step = if way.is_plain() { 1 } else { 5 };
    for call in (1..=calls).step_by(step) {
        for (number, keep) in (0..).zip(keeps(call, seeds / 3)) {
            for second in [1 + (call * 7 + number * 3) % 12, 13 + (call * 5 + number) % 16] {
                for keep_second in [Some(Keep::Nothing), Some(Keep::Some(call * 31 + second)), None] {
                    go(vec![Cut { call, keep }, Cut { call: second, keep: keep_second }])?;
                }
            }
        }
    }
    Ok(all)
}

/// What an exploration has met.
#[derive(Debug, Default)]
struct Explored {
    lives: u64,
    torn: usize,
    runs: usize,
    archived: usize,
}

#[test]
fn no_cut_loses_what_was_answered_or_leaves_half_a_batch() {
    match explore(None, 6, PLAIN) {
        Ok(Explored { lives, torn, .. }) => {
            assert!(lives > 2_000, "{lives} lives");
            assert!(torn > 100, "only {torn} torn tails were met");
        }
        Err((cuts, violation)) => panic!("{violation}\nafter {cuts:?}"),
    }
}

/// Cuts while runs are written and merged, the manifest is replaced, and old runs are removed: no answer of
/// the index is wrong, and it never has to be made anew.
#[test]
fn no_cut_hurts_while_the_index_is_written_and_merged() {
    match explore(None, 2, INDEXING) {
        Ok(Explored { lives, runs, .. }) => {
            assert!(lives > 1_000, "{lives} lives");
            assert!(runs > 3, "only {runs} runs at once: too few to merge");
        }
        Err((cuts, violation)) => panic!("{violation}\nafter {cuts:?}"),
    }
}

/// Cuts while segments are compressed, replaced, copied to the archive and removed.
#[test]
fn no_cut_hurts_while_segments_are_sealed_and_archived() {
    match explore(None, 1, SEALING) {
        Ok(Explored { lives, archived, .. }) => {
            assert!(lives > 500, "{lives} lives");
            assert!(archived as u64 > lives, "only {archived} segments were archived");
        }
        Err((cuts, violation)) => panic!("{violation}\nafter {cuts:?}"),
    }
}

/// Which call the filler's come between is up to the scheduler; the promises are the same.
#[test]
fn no_cut_hurts_while_the_next_segment_is_prepared_in_the_background() {
    for (call, index_bytes) in (1..=calls(PLAIN)).flat_map(|call| [(call, ROOMY), (call * 2, TINY)]) {
        for keep in keeps(call, 1) {
            let cuts = [Cut { call, keep }, Cut { call: 1 + call % 30, keep }];
            if let Err(violation) =
                run(&cuts, None, Way { prepare: Prepare::Background, index_bytes, ..SEALING })
            {
                panic!("{violation}\nafter {cuts:?}");
            }
        }
    }
}

const OF_INDEX: [SyncPoint; 4] =
    [SyncPoint::IndexRun, SyncPoint::IndexRunDir, SyncPoint::IndexManifest, SyncPoint::IndexDir];
const OF_SEALING: [SyncPoint; 6] = [
    SyncPoint::Sealed,
    SyncPoint::SealedDir,
    SyncPoint::ArchiveFile,
    SyncPoint::ArchiveDir,
    SyncPoint::ArchiveList,
    SyncPoint::ArchivedRoot,
];

fn each_is_missed(points: impl IntoIterator<Item = SyncPoint>, way: Way) {
    for point in points {
        let Err((cuts, violation)) = explore(Some(point), 6, way) else {
            panic!("nothing is lost without {point:?}: either the test is blind or the sync can go");
        };
        println!("without {point:?}: {violation}, after {cuts:?}");
    }
}

#[test]
fn no_sync_is_superfluous() {
    let others = |point: &SyncPoint| !OF_INDEX.contains(point) && !OF_SEALING.contains(point);
    each_is_missed(SyncPoint::ALL.into_iter().filter(others), PLAIN);
}

#[test]
fn no_sync_of_the_index_is_superfluous() {
    each_is_missed(OF_INDEX, INDEXING);
}

#[test]
fn no_sync_of_sealing_and_the_archive_is_superfluous() {
    each_is_missed(OF_SEALING, SEALING);
}

/// A write or sync that fails ends writing, whatever comes after, and a reopened store is right.
#[test]
fn a_failed_call_is_final_until_the_log_is_reopened() {
    let mut unknown = 0;
    for way in [PLAIN, INDEXING, SEALING] {
        for call in 1..=calls(way) {
            let kinds = [ErrorKind::StorageFull, ErrorKind::Other];
            let keeps = [None, Some(Keep::Nothing), Some(Keep::Some(call))];
            let all = kinds.into_iter().flat_map(|kind| keeps.map(|keep| (kind, keep)));
            // Of the longer lives one ending a call, each in its turn.
            let turn = usize::try_from(call % 6).unwrap();
            let chosen = all.enumerate().filter(|(number, _)| way.is_plain() || *number == turn);
            for (_, (kind, keep)) in chosen {
                unknown += fail_once(call, kind, keep, way).unwrap_or_else(|violation| {
                    panic!("{violation}, after {kind:?} at call {call}, then {keep:?}, {way:?}")
                });
            }
        }
    }
    assert!(unknown > 50, "only {unknown} unknown outcomes were met");
}

fn fail_once(call: u64, kind: ErrorKind, keep: Option<Keep>, way: Way) -> Result<usize, String> {
    let disk = SimulatedDisk::new();
    let mut oracle = Oracle::new(way);
    disk.arm(call, Fault::Error(kind));
    let mut unknown = 0;
    let opened = LogStore::open_or_create(Path::new(DIR), identity(2), simulated(&disk, way));
    if let Ok(store) = &opened {
        for number in 0..9 {
            let appends = tagged_batch(store, &[0, 1], 1, 150, oracle.sent.len());
            oracle.send(&appends);
            match now(store.append(&appends)) {
                Ok(_) => oracle.answered(&appends),
                Err(StoreError::Unknown { .. }) => unknown += 1,
                Err(StoreError::Unavailable { .. }) => {
                    oracle.sent.pop();
                }
                Err(error) => return Err(format!("append {number}: {error}")),
            }
            oracle.look(store, &disk)?;
            oracle.look_at_index(store, &disk)?;
            if disk.calls() >= call && unknown > 0 {
                let again = now(store.append(&appends));
                ensure!(matches!(again, Err(StoreError::Unavailable { .. })), "poisoned, yet {again:?}");
                ensure!(now(store.close()).is_err(), "poisoned, yet closed");
            }
        }
    }
    drop(opened);
    // Reopened, perhaps without a power cut in between: then what is only cached must become durable.
    let disk = keep.map_or_else(|| disk.after_kill(), |keep| disk.after_power_cut(keep));
    oracle.live(&disk)?;
    oracle.live(&disk.after_power_cut(Keep::Nothing))?;
    Ok(unknown)
}
