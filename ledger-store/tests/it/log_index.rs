//! The index on disk: its answers against a model, damage, failing disks, readers beside a writer, and that it
//! can be made anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::stored::CommitIndex;
use ledger_core::{KeyDigest, OperationKind, PartitionDigest, SourceId, TransactionId};
use ledger_store::log::simulation::{Fault, SimulatedDisk};
use ledger_store::log::{Access, Check, Files as _, LogOptions, LogStore, Prepare};
use ledger_store::{EventStore, Head, Lookup, Position, Shard, ShardAppend, StoreError, StoredCommit};
use tempfile::{TempDir, tempdir};

use crate::log_support::{
    body, everything, identity, land, now, options, player, seal, segments, tagged_batch,
};

const TINY: usize = 4 << 10;

fn tiny() -> LogOptions {
    LogOptions { index_bytes: TINY, ..options(16 << 10) }
}

/// A batch of some players' commits, some of which share a round.
fn commits(store: &LogStore, seed: u64) -> Vec<ShardAppend> {
    let heads = now(store.heads()).unwrap();
    let identity = *store.identity();
    let count = 1 + usize::try_from(seed % 3).unwrap();
    identity
        .shards
        .all()
        .filter(|shard| !(seed + u64::from(shard.0)).is_multiple_of(3))
        .map(|shard| {
            let name = player(identity.shards, shard);
            let bodies = (0..count).map(|number| {
                let id = format!("{seed}-{number}");
                if seed.is_multiple_of(4) {
                    in_round(&name, &id, &format!("r{}", seed / 16))
                } else {
                    body(&name, &id, 40)
                }
            });
            seal(&identity, shard, heads[shard.index()], bodies)
        })
        .collect()
}

/// A commit with a tombstone, in a round that others share.
fn in_round(player: &str, id: &str, round: &str) -> Arc<[u8]> {
    format!(
        r#"{{"partition":"player/{player}","recorded_at":"2026-01-01T00:00:00.000000Z","keys":[{{"source":"s","kind":"bet","id":"{id}"}}],"tombstones":[{{"source":"s","id":"{id}"}}],"events":[{{"stream":"wallet/{player}"}},{{"stream":"round/{player}/s/{round}"}}]}}"#
    )
    .into_bytes()
    .into()
}

/// A shard, whether it is a key or a stream, and the digest.
type Name = (Shard, u8, [u8; 16]);

/// Everything that can be asked, and the only right answers.
#[derive(Default)]
struct Model {
    commits: Vec<StoredCommit>,
    lookups: BTreeMap<Name, (Lookup, Vec<Position>)>,
    partitions: BTreeMap<[u8; 32], (PartitionDigest, Vec<Position>)>,
}

impl Model {
    fn of(commits: &[StoredCommit]) -> Self {
        let mut model = Self { commits: commits.to_vec(), ..Self::default() };
        for commit in commits {
            let (shard, index) = (commit.shard, CommitIndex::of_body(&commit.body).unwrap());
            let keys = index.keys.iter().map(|key| (0, *key.as_bytes(), Lookup::Key(shard, *key)));
            let streams = index.streams.iter().map(|s| (1, *s.as_bytes(), Lookup::Stream(shard, *s)));
            for (kind, digest, lookup) in keys.chain(streams) {
                let entry = model.lookups.entry((shard, kind, digest)).or_insert((lookup, Vec::new()));
                entry.1.push(commit.position);
            }
            let partition = model.partitions.entry(*index.partition.as_bytes());
            partition.or_insert((index.partition, Vec::new())).1.push(commit.position);
        }
        model
    }

    /// What is absent: a key of every partition that nobody used.
    fn absent(&self, count: u64) -> Vec<Lookup> {
        let shards = self.commits.iter().map(|commit| commit.shard);
        let partitions = self.partitions.values().map(|(partition, _)| *partition).zip(shards.cycle());
        partitions
            .flat_map(|(partition, shard)| {
                (0..count).map(move |number| {
                    let (source, id) =
                        (SourceId::new("s").unwrap(), TransactionId::new(format!("no-{number}")).unwrap());
                    Lookup::Key(shard, KeyDigest::new(&partition, &source, OperationKind::Bet.as_str(), &id))
                })
            })
            .collect()
    }

    /// Asks everything. An error counts as an answer where `may_fail`; a wrong answer never does.
    fn ask(&self, store: &LogStore, may_fail: bool) -> usize {
        let mut failed = 0;
        let mut fails = |error: StoreError| {
            assert!(may_fail && matches!(error, StoreError::Corrupted(_)), "{error}");
            failed += 1;
        };
        for (lookup, positions) in self.lookups.values() {
            match now(store.lookup(&[*lookup])) {
                Ok(found) => assert_eq!(&found[0], positions, "{lookup:?}"),
                Err(error) => fails(error),
            }
        }
        match now(store.lookup(&self.absent(20))) {
            Ok(found) => assert!(found.iter().all(Vec::is_empty), "found what is absent"),
            Err(error) => fails(error),
        }
        for (partition, positions) in self.partitions.values() {
            let mut after = Position::ZERO;
            for expected in positions.chunks(7) {
                match now(store.read_partition(partition, after, 7)) {
                    Ok(page) => {
                        let found: Vec<_> = page.iter().map(|commit| commit.position).collect();
                        assert_eq!(found, expected);
                        assert!(page.iter().all(|commit| self.commits.contains(commit)));
                    }
                    Err(error) => fails(error),
                }
                after = *expected.last().unwrap();
            }
        }
        match everything(store) {
            Ok(all) => assert_eq!(all, self.commits),
            Err(error) => fails(error),
        }
        failed
    }
}

fn write(store: &LogStore, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        land(store, &commits(store, seed));
    }
}

fn verify_index(store: &LogStore) -> Result<u64, StoreError> {
    Ok(store.verify_index(&mut |_| ())?.commits)
}

#[test]
fn every_answer_is_the_models_whatever_is_in_runs_and_in_memory() {
    for (prepare, index_bytes) in
        [(Prepare::Inline, TINY), (Prepare::Background, TINY), (Prepare::Background, 256 << 10)]
    {
        let folder = tempdir().unwrap();
        let dir = folder.path().join("ledger");
        let options = LogOptions { prepare, index_bytes, ..tiny() };
        let mut store = LogStore::create(&dir, identity(4), options.clone()).unwrap();
        let mut most_runs = 0;
        for life in 0..6 {
            write(&store, life * 25..life * 25 + 25);
            most_runs = most_runs.max(store.index_status().unwrap().runs);
            let model = Model::of(&everything(&store).unwrap());
            model.ask(&store, false);
            assert_eq!(verify_index(&store).unwrap(), model.commits.len() as u64);
            if life % 2 == 0 {
                now(store.close()).unwrap();
                model.ask(&store, false);
            }
            drop(store);
            store = LogStore::open(&dir, options.clone()).unwrap();
            let report = store.report();
            assert_eq!(report.index_made_anew, None, "{prepare:?} {index_bytes}");
            assert!(report.indexed > 0 || index_bytes > TINY);
            if life % 2 == 0 {
                assert_eq!(report.indexed, report.commits, "a log that was closed is indexed to its end");
            }
            model.ask(&store, false);
        }
        assert!(index_bytes > TINY || most_runs > 3, "{most_runs} runs");
    }
}

#[test]
fn a_partition_of_many_commits_is_read_page_by_page() {
    let folder = tempdir().unwrap();
    let options = LogOptions { verify_appends: false, index_bytes: 64 << 10, ..options(4 << 20) };
    let store = LogStore::create(folder.path(), identity(2), options.clone()).unwrap();
    let name = player(store.identity().shards, Shard(1));
    let count = 40_000;
    for first in (0..count).step_by(2_000) {
        let head = now(store.heads()).unwrap()[1];
        let bodies = (first..first + 2_000).map(|number| in_round(&name, &format!("{number}"), "the same"));
        land(&store, &[seal(store.identity(), Shard(1), head, bodies)]);
    }
    let first = now(store.read(Shard(1), Position(1), 1)).unwrap().remove(0);
    let index = CommitIndex::of_body(&first.body).unwrap();
    for store in [store, LogStore::open_read_only(folder.path(), &options).unwrap()] {
        store.refresh().unwrap();
        let shown = now(store.heads()).unwrap()[1].position.0;
        assert!(shown >= count - 2_000);
        let found = now(store.lookup(&[Lookup::Stream(Shard(1), index.streams[0])])).unwrap().remove(0);
        assert!(found.iter().map(|position| position.0).eq(1..=shown));
        let (mut after, mut read) = (Position::ZERO, 0);
        loop {
            let page = now(store.read_partition(&index.partition, after, 3_333)).unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() == 3_333 || last.position.0 == shown);
            assert!(page.iter().map(|commit| commit.position.0).eq(after.0 + 1..=last.position.0));
            (after, read) = (last.position, read + page.len() as u64);
        }
        assert_eq!(read, shown);
    }
}

/// A closed log with a few runs, and what is in it.
fn fixture() -> (TempDir, PathBuf, Model) {
    let folder = tempdir().unwrap();
    let dir = folder.path().join("ledger");
    let store = LogStore::create(&dir, identity(2), tiny()).unwrap();
    write(&store, 0..30);
    now(store.close()).unwrap();
    let model = Model::of(&everything(&store).unwrap());
    (folder, dir, model)
}

fn index_files(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(dir.join("index")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The whole of a folder, to be put back.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    index_files(dir).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn put_back(dir: &Path, contents: &[(PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(dir.join("index")).unwrap();
    fs::create_dir(dir.join("index")).unwrap();
    for (path, bytes) in contents {
        fs::write(path, bytes).unwrap();
    }
}

/// Puts these segments in the place of those that are there.
fn restore(dir: &Path, old: &[(PathBuf, Vec<u8>)]) {
    for path in segments(dir) {
        fs::remove_file(path).unwrap();
    }
    for (path, bytes) in old {
        fs::write(path, bytes).unwrap();
    }
}

/// How opening and asking went: the index was made anew, an answer failed, or everything was right.
fn open_and_ask(dir: &Path, model: &Model) -> (bool, bool) {
    let store = LogStore::open(dir, tiny()).unwrap();
    let made_anew = store.report().index_made_anew.is_some();
    let failed = model.ask(&store, true) > 0;
    assert!(!(made_anew && failed), "an index that was just made anew is damaged");
    drop(store);
    if failed {
        let store = LogStore::open(dir, tiny()).unwrap();
        assert!(store.report().index_made_anew.is_some(), "what was found damaged is made anew");
        model.ask(&store, false);
    }
    (made_anew, failed)
}

#[test]
fn damage_of_any_byte_of_the_index_is_found_and_never_gives_a_wrong_answer() {
    let (disk, dir) = (SimulatedDisk::new(), Path::new("/ledger"));
    let on = |disk: &SimulatedDisk| LogOptions { files: Arc::new(disk.clone()), ..tiny() };
    let store = LogStore::create(dir, identity(2), on(&disk)).unwrap();
    write(&store, 0..22);
    now(store.close()).unwrap();
    let model = Model::of(&everything(&store).unwrap());
    drop(store);
    let (mut made_anew, mut failed, mut unseen) = (0, 0, 0);
    let names = disk.list(&dir.join("index")).unwrap();
    assert!(names.len() >= 3, "a manifest and two runs");
    for path in names.iter().map(|name| dir.join("index").join(name)) {
        let bytes = disk.durable(&path).unwrap();
        for (at, byte) in (0_u64..).zip(&bytes) {
            let spoilt = disk.after_kill();
            let file = spoilt.open(&path, Access::Write).unwrap();
            file.write_all_at(&[byte ^ (1 << (at % 8))], at).unwrap();
            let store = LogStore::open(dir, on(&spoilt)).unwrap();
            if store.report().index_made_anew.is_some() {
                // That what is made anew is right, is looked at often enough elsewhere.
                made_anew += 1;
                continue;
            }
            if model.ask(&store, true) == 0 {
                unseen += 1;
                continue;
            }
            failed += 1;
            drop(store);
            let store = LogStore::open(dir, on(&spoilt)).unwrap();
            assert!(store.report().index_made_anew.is_some(), "what was found damaged is made anew");
            assert_eq!(model.ask(&store, false), 0);
        }
    }
    assert!(made_anew > 100 && failed > 100, "{made_anew} made anew, {failed} found when asked");
    // Nothing that is asked touches every byte of the fences, but most.
    assert!(unseen * 20 < made_anew + failed, "{unseen} met by no question, {made_anew} + {failed} found");
}

#[test]
fn cut_swapped_and_missing_files_of_the_index_are_found() {
    let (_folder, dir, model) = fixture();
    let whole = contents(&dir);
    for (path, bytes) in &whole {
        for keep in [0, 1, 63, 64, 100, bytes.len() / 2, bytes.len() - 1] {
            put_back(&dir, &whole);
            fs::write(path, &bytes[..keep]).unwrap();
            assert_eq!(open_and_ask(&dir, &model), (true, false), "{path:?} cut to {keep}");
        }
        put_back(&dir, &whole);
        fs::write(path, [&bytes[..], b"x"].concat()).unwrap();
        assert_eq!(open_and_ask(&dir, &model), (true, false), "{path:?} longer");
        for (_, other) in whole.iter().filter(|(other, _)| other != path) {
            put_back(&dir, &whole);
            fs::write(path, other).unwrap();
            assert_eq!(open_and_ask(&dir, &model), (true, false), "{path:?} is another file");
        }
        put_back(&dir, &whole);
        fs::remove_file(path).unwrap();
        assert_eq!(open_and_ask(&dir, &model), (true, false), "{path:?} is missing");
    }
    put_back(&dir, &whole);
    fs::write(dir.join("index/00000000000000009999.run"), b"of a crash").unwrap();
    assert_eq!(open_and_ask(&dir, &model), (false, false), "what nothing names is removed");
    assert!(!dir.join("index/00000000000000009999.run").exists());
    fs::remove_dir_all(dir.join("index")).unwrap();
    assert_eq!(open_and_ask(&dir, &model), (true, false), "the folder may always be deleted");
}

#[test]
fn an_index_can_be_made_anew_with_progress() {
    let (_folder, dir, model) = fixture();
    let before = contents(&dir);
    let mut seen = Vec::new();
    let report = LogStore::rebuild_index(&dir, tiny(), &mut |progress| seen.push(progress)).unwrap();
    assert!(report.index_made_anew.is_some());
    let last = seen.last().unwrap();
    assert_eq!(
        (last.segments, last.commits),
        ((segments(&dir).len(), seen.len()), model.commits.len() as u64)
    );
    assert_ne!(contents(&dir), before);
    let store = LogStore::open(&dir, tiny()).unwrap();
    assert_eq!((store.report().indexed, store.report().index_made_anew), (report.commits, None));
    model.ask(&store, false);
    let in_use = LogStore::rebuild_index(&dir, tiny(), &mut |_| ());
    assert!(matches!(in_use, Err(StoreError::InUse { .. })), "{in_use:?}");
}

#[test]
fn another_ledgers_index_is_not_used() {
    let (_folder, dir, model) = fixture();
    let folder = tempdir().unwrap();
    let other = folder.path().join("other");
    let identity = ledger_store::LedgerIdentity { ledger: ledger_store::LedgerId([8; 16]), ..identity(2) };
    let store = LogStore::create(&other, identity, tiny()).unwrap();
    write(&store, 0..30);
    now(store.close()).unwrap();
    fs::remove_dir_all(dir.join("index")).unwrap();
    fs::rename(other.join("index"), dir.join("index")).unwrap();
    assert_eq!(open_and_ask(&dir, &model), (true, false));
}

#[test]
fn a_log_that_is_behind_its_index_has_lost_history() {
    let (_folder, dir, model) = fixture();
    let (log, state) = (dir.join("log"), fs::read(dir.join("state.json")).unwrap());
    let old: Vec<_> =
        segments(&dir).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let store = LogStore::open(&dir, tiny()).unwrap();
    write(&store, 30..60);
    now(store.close()).unwrap();
    drop(store);
    // A backup of the log is restored, and the index is left.
    restore(&dir, &old);
    fs::write(dir.join("state.json"), &state).unwrap();
    for check in [Check::Tail, Check::Everything] {
        let opened = LogStore::open(&dir, LogOptions { check, ..tiny() });
        let is_refused = matches!(opened, Err(StoreError::HistoryLost { .. } | StoreError::Corrupted(_)));
        assert!(is_refused, "{opened:?}");
    }
    // Another history grows on it, as long as the one that was lost.
    fs::remove_dir_all(dir.join("index")).unwrap();
    let index = |dir: &Path| contents(dir);
    let store = LogStore::open(&dir, tiny()).unwrap();
    model.ask(&store, false);
    write(&store, 30..60);
    now(store.close()).unwrap();
    drop(store);
    let first = index(&dir);
    restore(&dir, &old);
    fs::write(dir.join("state.json"), &state).unwrap();
    fs::remove_dir_all(dir.join("index")).unwrap();
    let store = LogStore::open(&dir, tiny()).unwrap();
    for seed in 30..60 {
        let appends = tagged_batch(&store, &[0, 1], 1 + usize::try_from(seed % 3).unwrap(), 40, 1);
        land(&store, &appends);
    }
    now(store.close()).unwrap();
    drop(store);
    put_back(&dir, &first);
    let opened = LogStore::open(&dir, tiny());
    assert!(matches!(opened, Err(StoreError::HistoryLost { .. } | StoreError::Corrupted(_))), "{opened:?}");
    assert!(log.exists());
}

/// A disk that refuses the index alone.
#[test]
fn a_disk_that_refuses_the_index_stops_appends_only_when_memory_is_full() {
    for prepare in [Prepare::Inline, Prepare::Background] {
        let disk = SimulatedDisk::new();
        let dir = Path::new("/ledger");
        let index_bytes = 8 * TINY;
        let options = LogOptions { files: Arc::new(disk.clone()), prepare, index_bytes, ..tiny() };
        let store = LogStore::create(dir, identity(2), options.clone()).unwrap();
        write(&store, 0..4);
        disk.refuse_in(Some(dir.join("index")));
        let mut landed = 0;
        let refused = loop {
            let appends = commits(&store, 100 + landed);
            match now(store.append(&appends)) {
                Ok(answers) => assert!(answers.iter().all(Result::is_ok)),
                Err(error) => break error,
            }
            landed += 1;
            assert!(landed < 200, "memory grows without bound: {:?}", store.index_status());
        };
        assert!(landed > 4, "{landed} appends landed while the index could not be written");
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
        let status = store.index_status().unwrap();
        assert!(status.error.is_some() && status.memory_bytes < 4 * TINY, "{status:?}");
        let model = Model::of(&everything(&store).unwrap());
        model.ask(&store, false);
        // It is tried again, and goes on.
        disk.refuse_in(None);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while let Err(error) = now(store.append(&commits(&store, 100 + landed))) {
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
            assert!(std::time::Instant::now() < until, "{error}");
            std::thread::yield_now();
        }
        assert_eq!(verify_index(&store).unwrap(), everything(&store).unwrap().len() as u64);
        drop(store);
        let store = LogStore::open(dir, options).unwrap();
        assert_eq!(store.report().index_made_anew, None);
        assert_eq!(verify_index(&store).unwrap(), store.report().commits);
    }
}

/// Opening with a disk that refuses the index must not take more memory than it may either.
#[test]
fn a_log_that_cannot_write_its_index_opens_only_if_it_fits_into_memory() {
    let disk = SimulatedDisk::new();
    let dir = Path::new("/ledger");
    let options = LogOptions { files: Arc::new(disk.clone()), ..tiny() };
    let store = LogStore::create(dir, identity(2), options.clone()).unwrap();
    write(&store, 0..40);
    now(store.close()).unwrap();
    drop(store);
    disk.remove_all_in(&dir.join("index"));
    disk.refuse_in(Some(dir.join("index")));
    let opened = LogStore::open(dir, options.clone());
    assert!(matches!(opened, Err(StoreError::Unavailable { .. })), "{opened:?}");
    let roomy = LogOptions { index_bytes: 16 << 20, ..options.clone() };
    let store = LogStore::open(dir, roomy).unwrap();
    assert_eq!(verify_index(&store).unwrap(), store.report().commits);
    drop(store);
    disk.refuse_in(None);
    let store = LogStore::open(dir, options).unwrap();
    assert_eq!(verify_index(&store).unwrap(), store.report().commits);
}

#[test]
fn readers_go_on_while_runs_are_merged_and_removed_under_them() {
    let folder = tempdir().unwrap();
    let dir = folder.path().join("ledger");
    let options = LogOptions { prepare: Prepare::Background, ..tiny() };
    let store = LogStore::create(&dir, identity(2), options.clone()).unwrap();
    write(&store, 0..10);
    let old = LogStore::open_read_only(&dir, &options).unwrap();
    for round in 1..12_u64 {
        write(&store, round * 10..round * 10 + 10);
        let fresh = LogStore::open_read_only(&dir, &options).unwrap();
        old.refresh().unwrap();
        for reader in [&old, &fresh] {
            let shown = everything(reader).unwrap();
            Model::of(&shown).ask(reader, false);
            assert!(reader.index_status().unwrap().memory_bytes <= TINY, "{:?}", reader.index_status());
        }
    }
    let moved = old.index_status().unwrap();
    assert!(moved.runs > 0 && moved.run_commits > 0, "the old reader took newer runs: {moved:?}");
    now(store.close()).unwrap();
    old.refresh().unwrap();
    assert_eq!(everything(&old).unwrap(), everything(&store).unwrap());
    assert_eq!(verify_index(&old).unwrap(), everything(&store).unwrap().len() as u64);
}

#[test]
fn a_reader_without_an_index_is_bounded_too() {
    let (_folder, dir, model) = fixture();
    fs::remove_dir_all(dir.join("index")).unwrap();
    let opened = LogStore::open_read_only(&dir, &tiny());
    assert!(matches!(opened, Err(StoreError::Unavailable { .. })), "{opened:?}");
    let roomy = LogOptions { index_bytes: 1 << 20, ..tiny() };
    model.ask(&LogStore::open_read_only(&dir, &roomy).unwrap(), false);
}

#[test]
fn old_damage_is_found_by_reading_and_by_verification() {
    let (_folder, dir, model) = fixture();
    let path = segments(&dir).remove(0);
    let whole = fs::read(&path).unwrap();
    let body_at = whole.windows(9).position(|bytes| bytes == b"partition").unwrap() + 40;
    let mut spoilt = whole.clone();
    spoilt[body_at] ^= 1;
    fs::write(&path, &spoilt).unwrap();
    let store = LogStore::open(&dir, tiny()).unwrap();
    assert!(model.ask(&store, true) > 0, "a read met it");
    assert!(matches!(store.verify_log(&mut |_| ()), Err(StoreError::Corrupted(_))));
    assert!(store.index_status().unwrap().doubt.is_none(), "the index is not to blame");
    drop(store);
    let opened = LogStore::open(&dir, LogOptions { check: Check::Everything, ..tiny() });
    assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{opened:?}");
    fs::write(&path, &whole).unwrap();
    let store = LogStore::open(&dir, LogOptions { check: Check::Everything, ..tiny() }).unwrap();
    let checked = store.verify_log(&mut |_| ()).unwrap();
    assert_eq!((checked.commits, &checked.heads), (model.commits.len() as u64, &now(store.heads()).unwrap()));
    let head: &Head = &checked.heads[0];
    assert_eq!(head.hash, now(store.read(Shard(0), head.position, 1)).unwrap()[0].hash);
}

#[test]
fn a_late_error_of_any_call_leaves_answers_right() {
    let dir = Path::new("/ledger");
    let calls = {
        let disk = SimulatedDisk::new();
        let options = LogOptions { files: Arc::new(disk.clone()), ..tiny() };
        write(&LogStore::create(dir, identity(2), options).unwrap(), 0..14);
        disk.calls()
    };
    for call in 1..=calls {
        for fault in [Fault::LateError(ErrorKind::Other), Fault::Error(ErrorKind::StorageFull)] {
            let disk = SimulatedDisk::new();
            let options = LogOptions { files: Arc::new(disk.clone()), ..tiny() };
            disk.arm(call, fault);
            if let Ok(store) = LogStore::create(dir, identity(2), options.clone()) {
                for seed in 0..14 {
                    let _landed = now(store.append(&commits(&store, seed)));
                }
                Model::of(&everything(&store).unwrap()).ask(&store, false);
            }
            let Ok(store) = LogStore::open_or_create(dir, identity(2), options) else {
                panic!("call {call}, {fault:?}: it does not open any more")
            };
            Model::of(&everything(&store).unwrap()).ask(&store, false);
            assert_eq!(verify_index(&store).unwrap(), store.report().commits, "call {call}, {fault:?}");
        }
    }
}
