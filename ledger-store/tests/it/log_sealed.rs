//! Sealed segments read as the segments they were made from, also from the archive; what is missing is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger_core::stored::CommitIndex;
use ledger_store::log::simulation::{Fault, SimulatedDisk};
use ledger_store::log::{Access, Check, Files as _, LogOptions, LogStore, Prepare, Sealing};
use ledger_store::{EventStore, Lookup, Position, StoreError, StoredCommit};
use tempfile::{TempDir, tempdir};

use crate::log_support::{as_stored, batch, everything, identity, land, now, options, segments};

fn sealing(archive: Option<&Path>) -> LogOptions {
    LogOptions { sealing: Sealing::Behind(1), archive: archive.map(Path::to_owned), ..options(8_192) }
}

/// Appends batches of several sizes; the commits.
fn write(store: &LogStore, batches: usize) -> Vec<StoredCommit> {
    let mut sent = Vec::new();
    for number in 0..batches {
        let appends = batch(
            store,
            &[0, 1],
            1 + number % 3,
            [10, 300, 20_000][usize::from(number % 7 == 6) + number % 2],
        );
        land(store, &appends);
        sent.extend(appends);
    }
    as_stored(&sent)
}

struct Fixture {
    _folder: TempDir,
    dir: PathBuf,
    archive: PathBuf,
    commits: Vec<StoredCommit>,
}

fn fixture() -> Fixture {
    let folder = tempdir().unwrap();
    let (dir, archive) = (folder.path().join("ledger"), folder.path().join("archive"));
    let store = LogStore::create(&dir, identity(2), sealing(None)).unwrap();
    let commits = write(&store, 40);
    now(store.close()).unwrap();
    Fixture { _folder: folder, dir, archive, commits }
}

fn sealed(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sealed"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_sealed_segment_reads_as_the_segment_it_was_made_from() {
    let Fixture { dir, commits, _folder, .. } = fixture();
    let store = LogStore::open(&dir, sealing(None)).unwrap();
    let status = store.segment_status().unwrap();
    assert_eq!((status.sealed, status.archived, status.error), (status.segments - 2, 0, None));
    assert!(status.sealed > 5 && segments(&dir).len() == 2, "{} sealed", status.sealed);
    let bytes: u64 = sealed(&dir.join("log")).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(bytes < status.sealed as u64 * 8_192 / 2, "{bytes} bytes");
    assert_eq!(everything(&store).unwrap(), commits);
    assert_eq!(store.verify_log(&mut |_| ()).unwrap().commits, commits.len() as u64);
    assert_eq!(store.verify_index(&mut |_| ()).unwrap().commits, commits.len() as u64);
    let reader = LogStore::open_read_only(&dir, &sealing(None)).unwrap();
    assert_eq!(everything(&reader).unwrap(), commits);
    drop(store);
    // All of it can be walked: by a full check, and to make the index anew.
    let checked = LogOptions { check: Check::Everything, ..sealing(None) };
    assert_eq!(everything(&LogStore::open(&dir, checked).unwrap()).unwrap(), commits);
    fs::remove_dir_all(dir.join("index")).unwrap();
    let reader = LogStore::open_read_only(&dir, &sealing(None)).unwrap();
    assert_eq!(everything(&reader).unwrap(), commits);
    let store = LogStore::open(&dir, sealing(None)).unwrap();
    assert!(store.report().index_made_anew.is_some());
    assert_eq!(everything(&store).unwrap(), commits);
    assert_eq!(store.verify_index(&mut |_| ()).unwrap().commits, commits.len() as u64);
}

#[test]
fn segments_are_sealed_on_a_thread_of_their_own() {
    let folder = tempdir().unwrap();
    let options = LogOptions { prepare: Prepare::Background, ..sealing(None) };
    let store = LogStore::create(folder.path(), identity(2), options.clone()).unwrap();
    let reader = LogStore::open_read_only(folder.path(), &options).unwrap();
    let commits = write(&store, 40);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let status = store.segment_status().unwrap();
        if status.sealed + 2 == status.segments {
            break;
        }
        assert!(std::time::Instant::now() < until, "{status:?}");
        std::thread::yield_now();
    }
    assert_eq!(everything(&store).unwrap(), commits);
    reader.refresh().unwrap();
    let shown = everything(&reader).unwrap();
    assert!(shown.len() + 6 >= commits.len() && shown.iter().all(|commit| commits.contains(commit)));
}

#[test]
fn damage_of_any_byte_of_a_sealed_segment_is_found() {
    let (disk, dir) = (SimulatedDisk::new(), Path::new("/ledger"));
    let on = |disk: &SimulatedDisk| LogOptions { files: Arc::new(disk.clone()), ..sealing(None) };
    let store = LogStore::create(dir, identity(2), on(&disk)).unwrap();
    let commits = write(&store, 20);
    now(store.close()).unwrap();
    drop(store);
    let log = dir.join("log");
    let names = disk.list(&log).unwrap();
    let sealed: Vec<_> =
        names.iter().filter(|name| Path::new(name).extension().is_some_and(|e| e == "sealed")).collect();
    assert!(sealed.len() > 1, "{names:?}");
    for path in sealed.into_iter().map(|name| log.join(name)) {
        let bytes = disk.durable(&path).unwrap();
        for (at, byte) in (0_u64..).zip(&bytes) {
            let spoilt = disk.after_kill();
            let file = spoilt.open(&path, Access::Write).unwrap();
            file.write_all_at(&[byte ^ (1 << (at % 8))], at).unwrap();
            match LogStore::open(dir, on(&spoilt)) {
                Err(error) => assert!(matches!(error, StoreError::Corrupted(_)), "byte {at}: {error}"),
                Ok(store) => {
                    let read = everything(&store);
                    let is_right = matches!(&read, Ok(all) if *all == commits);
                    let is_found = matches!(read, Err(StoreError::Corrupted(_)));
                    assert!(is_right || is_found, "byte {at}");
                    let verified = store.verify_log(&mut |_| ());
                    assert!(matches!(verified, Err(StoreError::Corrupted(_))), "byte {at}: {verified:?}");
                }
            }
        }
    }
}

#[test]
fn a_damaged_segment_is_not_sealed_but_told() {
    let folder = tempdir().unwrap();
    let never = LogOptions { sealing: Sealing::Never, ..sealing(None) };
    let store = LogStore::create(folder.path(), identity(2), never).unwrap();
    write(&store, 20);
    now(store.close()).unwrap();
    drop(store);
    let path = segments(folder.path()).remove(1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[300] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let store = LogStore::open(folder.path(), sealing(None)).unwrap();
    let count = store.segment_status().unwrap().segments;
    while store.segment_status().unwrap().segments == count {
        land(&store, &batch(&store, &[0], 2, 300));
    }
    let status = store.segment_status().unwrap();
    assert!(status.error.is_some_and(|error| error.contains(path.file_stem().unwrap().to_str().unwrap())));
    assert_eq!(status.sealed, count - 2, "the others were");
    assert_eq!(fs::read(&path).unwrap(), bytes, "and it stays as it is");
}

#[test]
fn what_was_archived_is_found_and_read_and_what_is_missing_is_named() {
    let Fixture { dir, archive, commits, _folder } = fixture();
    let none = LogStore::open(&dir, sealing(None)).unwrap();
    assert!(matches!(none.archive_segments(0), Err(StoreError::Invalid(_))));
    drop(none);
    let store = LogStore::open(&dir, sealing(Some(&archive))).unwrap();
    let before = store.segment_status().unwrap();
    assert_eq!(store.archive_segments(2).unwrap(), before.sealed - 2);
    assert_eq!(everything(&store).unwrap(), commits);
    let status = store.segment_status().unwrap();
    assert_eq!((status.sealed, status.archived, status.segments), (2, before.sealed - 2, before.segments));
    assert_eq!(store.archive_segments(1).unwrap(), 1, "it goes on where it ended");
    assert_eq!(store.verify_index(&mut |_| ()).unwrap().commits, commits.len() as u64);
    // The manifest says what is there, in the archive as in the ledger's folder.
    let manifest = store.archive_manifest().unwrap();
    assert_eq!(fs::read(archive.join("manifest.json")).unwrap(), manifest.to_bytes().unwrap());
    assert_eq!(fs::read(dir.join("archived.json")).unwrap(), manifest.to_bytes().unwrap());
    let files = sealed(&archive);
    assert_eq!(files.len(), manifest.segments.len());
    for (path, entry) in files.iter().zip(&manifest.segments) {
        assert_eq!(path.file_stem().unwrap().to_str(), Some(&*format!("{:020}", entry.first_frame)));
        assert_eq!(fs::metadata(path).unwrap().len(), entry.file_bytes);
    }
    now(store.close()).unwrap();
    drop(store);

    // The archive is elsewhere: what is in it is named, everything else goes on.
    let away = archive.with_extension("away");
    fs::rename(&archive, &away).unwrap();
    let first_left = manifest.segments.last().unwrap().last_frame + 1;
    for named in [None, Some(&*archive)] {
        let store = LogStore::open(&dir, sealing(named)).unwrap();
        let shown: u64 = now(store.heads()).unwrap().iter().map(|head| head.position.0).sum();
        assert!(shown >= commits.len() as u64);
        let mut archived = 0;
        for commit in &commits {
            let index = CommitIndex::of_body(&commit.body).unwrap();
            let key = now(store.lookup(&[Lookup::Key(commit.shard, index.keys[0])])).unwrap();
            assert_eq!(key, [[commit.position]], "keys are found without the archive");
            match now(store.read(commit.shard, commit.position, 1)) {
                Ok(read) => assert_eq!(read[0], *commit),
                Err(StoreError::Unavailable { reason, .. }) => {
                    let name = reason.split_whitespace().find(|word| word.ends_with(".sealed")).unwrap();
                    let first: u64 = name.trim_end_matches(".sealed").parse().unwrap();
                    assert!(first < first_left && reason.contains("archive"), "{reason}");
                    archived += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(archived > 20, "{archived}");
        assert!(matches!(store.verify_log(&mut |_| ()), Err(StoreError::Unavailable { .. })));
        assert!(store.index_status().unwrap().doubt.is_none());
        land(&store, &batch(&store, &[0], 1, 10));
        let reader = LogStore::open_read_only(&dir, &sealing(named)).unwrap();
        assert!(matches!(
            now(reader.read(commits[0].shard, Position(1), 1)),
            Err(StoreError::Unavailable { .. })
        ));
        let everything_is_wanted = LogOptions { check: Check::Everything, ..sealing(named) };
        drop(store);
        let opened = LogStore::open(&dir, everything_is_wanted);
        assert!(matches!(opened, Err(StoreError::Unavailable { .. })), "{opened:?}");
    }
    // It comes back under another name.
    let store = LogStore::open(&dir, sealing(Some(&away))).unwrap();
    assert_eq!(everything(&store).unwrap()[..5], commits[..5]);
    assert!(store.verify_log(&mut |_| ()).is_ok());
    drop(store);
    // Another segment in the place of one is not taken for it.
    fs::copy(&sealed(&away)[1], &sealed(&away)[0]).unwrap();
    let opened = LogStore::open(&dir, sealing(Some(&away)));
    assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{opened:?}");
    // A list that was changed is not believed.
    let list = fs::read_to_string(dir.join("archived.json")).unwrap();
    for changed in [
        list.replace("\"last_frame\":", "\"last_frame\": "),
        list.replacen("first_frame\":1,", "first_frame\":2,", 1),
        "{}".to_owned(),
    ] {
        assert_ne!(changed, list);
        fs::write(dir.join("archived.json"), changed).unwrap();
        let opened = LogStore::open(&dir, sealing(Some(&away)));
        assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{opened:?}");
    }
}

#[test]
fn an_append_ends_on_whatever_call_the_disk_dies() {
    let dir = Path::new("/ledger");
    let on = |disk: &SimulatedDisk| LogOptions { files: Arc::new(disk.clone()), ..sealing(None) };
    let disk = SimulatedDisk::new();
    let store = LogStore::create(dir, identity(2), on(&disk)).unwrap();
    let before = disk.calls();
    write(&store, 12);
    let calls = disk.calls() - before;
    assert!(calls > 40, "{calls} calls");
    for call in 1..=calls {
        let (done, ended) = std::sync::mpsc::channel();
        let disk = SimulatedDisk::new();
        let options = on(&disk);
        // A thread that hangs is left behind: the test must not hang with it.
        std::thread::spawn(move || {
            let store = LogStore::create(dir, identity(2), options).unwrap();
            disk.arm(disk.calls() + call, Fault::Death);
            while !disk.is_dead() {
                drop(now(store.append(&batch(&store, &[0, 1], 2, 10_000))));
            }
            drop(now(store.append(&batch(&store, &[0], 1, 10))));
            done.send(()).unwrap();
        });
        ended.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("call {call} hangs"));
    }
}
