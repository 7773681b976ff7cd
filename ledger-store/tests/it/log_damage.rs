//! Torn tails at every byte, and damage at every page: nothing goes missing in silence.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_store::EventStore;
use ledger_store::log::{Check, LogOptions, LogStore};
use ledger_store::{Head, Position, Shard, Snapshot, StoreError, StoredCommit};
use tempfile::{TempDir, tempdir};

use crate::log_support::{as_stored, batch, everything, identity, land, now, options, segments};

const SEGMENT_BYTES: u32 = 8_192;

/// A log of some frames; the commits, and how many of them stand before the last frame.
struct Fixture {
    _folder: TempDir,
    dir: PathBuf,
    commits: Vec<StoredCommit>,
    before_last: Vec<StoredCommit>,
}

fn fixture(frames: usize, closed: bool) -> Fixture {
    let folder = tempdir().unwrap();
    let dir = folder.path().join("ledger");
    let store = LogStore::create(&dir, identity(2), options(SEGMENT_BYTES)).unwrap();
    let mut sent = Vec::new();
    for number in 0..frames {
        let appends = batch(&store, &[0, 1], 1 + number % 2, 100);
        land(&store, &appends);
        sent.push(appends);
    }
    if closed {
        now(store.close()).unwrap();
    }
    let commits = as_stored(sent.iter().flatten());
    let before_last = as_stored(sent[..frames - 1].iter().flatten());
    Fixture { _folder: folder, dir, commits, before_last }
}

/// Where the last frame of a segment's bytes begins and ends.
fn last_frame(bytes: &[u8]) -> (usize, usize) {
    let magic = b"\xF5CLFRM\xF6\n";
    let start = (0..bytes.len()).rev().find(|at| bytes[*at..].starts_with(magic)).unwrap();
    (start, bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1)
}

/// Writes in place: the same file, as damage does.
fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

fn aside(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(dir.join("aside")).unwrap();
    entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_set_aside_and_reported() {
    let mut fixture = fixture(2, false);
    fixture.before_last = fixture.commits.clone();
    let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
    land(&store, &batch(&store, &[0], 1, 5));
    drop(store);
    fs::write(fixture.dir.join("state.json"), state_at(&fixture)).unwrap();
    let path = segments(&fixture.dir).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let (start, end) = last_frame(&whole);
    let mut tails = Vec::new();
    for at in start..end {
        let mut zeros = whole.clone();
        zeros[at..end].fill(0);
        tails.push((zeros, at == start, true));
        let mut garbage = whole.clone();
        garbage[at..end]
            .iter_mut()
            .zip((0_u8..=255).cycle())
            .for_each(|(byte, salt)| *byte ^= 0x5A ^ (salt & 0x80) | 1);
        tails.push((garbage, false, at % 16 == 0));
        // The later part reached the disk, the earlier one did not.
        let mut holed = whole.clone();
        holed[start..=at].fill(0);
        tails.push((holed, at == end - 1, at % 16 == 0));
    }
    for (bytes, nothing_left, goes_on) in tails {
        put(&path, &bytes);
        let torn_bytes = {
            let last = bytes[start..].iter().rposition(|byte| *byte != 0);
            last.map(|last| bytes[start..=start + last].to_vec())
        };
        let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
        assert_eq!(everything(&store).unwrap(), fixture.before_last);
        let copies = aside(&fixture.dir);
        match (store.report().torn, torn_bytes) {
            (None, None) => assert!(nothing_left && copies.is_empty()),
            (Some(torn), Some(bytes)) => {
                assert_eq!((torn.offset, torn.bytes), (start as u64, bytes.len() as u64));
                assert_eq!(copies, [(torn.aside.unwrap(), bytes)]);
            }
            (report, bytes) => panic!("reported {report:?}, torn was {bytes:?}"),
        }
        if goes_on {
            let appends = batch(&store, &[0], 1, 30);
            land(&store, &appends);
            drop(store);
            let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
            assert_eq!(store.report().torn, None);
            let mut expected = fixture.before_last.clone();
            expected.extend(as_stored(&appends));
            expected.sort_by_key(|commit| (commit.shard, commit.position));
            assert_eq!(everything(&store).unwrap(), expected);
            drop(store);
        } else {
            drop(store);
        }
        for (copy, _) in copies {
            fs::remove_file(copy).unwrap();
        }
        fs::write(fixture.dir.join("state.json"), state_at(&fixture)).unwrap();
    }
}

/// A state file as the first opening wrote it, so that each case begins alike.
fn state_at(fixture: &Fixture) -> Vec<u8> {
    let identity = fs::read_to_string(fixture.dir.join("ledger.json")).unwrap();
    let crc = crc32fast::hash(&[7; 16]);
    assert!(identity.contains("\"log_format\":1"));
    format!(r#"{{"state":"open","sequence":0,"crc":{crc}}}"#).into_bytes()
}

#[test]
fn what_a_log_showed_when_it_was_last_opened_is_never_cut_as_torn() {
    let fixture = fixture(3, false);
    let path = segments(&fixture.dir).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let (start, end) = last_frame(&whole);
    drop(LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap());
    for from in [start, start + 60, end - 1] {
        let mut bytes = whole.clone();
        bytes[from..end].fill(0);
        put(&path, &bytes);
        let opened = LogStore::open(&fixture.dir, options(SEGMENT_BYTES));
        assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{opened:?}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "and nothing is changed");
    }
    put(&path, &whole);
    assert_eq!(
        everything(&LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap()).unwrap(),
        fixture.commits
    );
}

#[test]
fn more_than_one_bad_frame_is_damage_not_a_torn_tail() {
    let fixture = fixture(3, false);
    let path = segments(&fixture.dir).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let (start, end) = last_frame(&whole);
    for (at, value) in [(start - 3, 0x55), (100, 0x55), (70, 0), (20, 1)] {
        let mut bytes = whole.clone();
        bytes[at] ^= value;
        let touched = bytes != whole;
        put(&path, &bytes);
        let opened = LogStore::open(&fixture.dir, options(SEGMENT_BYTES));
        assert_eq!(touched, matches!(opened, Err(StoreError::Corrupted(_))), "{at}: {opened:?}");
    }
    // The last frame's payload is bad, and something follows it.
    let mut bytes = whole.clone();
    bytes[start + 60] ^= 1;
    bytes[end + 5] = 9;
    put(&path, &bytes);
    fs::write(fixture.dir.join("state.json"), state_at(&fixture)).unwrap();
    let opened = LogStore::open(&fixture.dir, options(SEGMENT_BYTES));
    assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{opened:?}");
    assert_eq!(aside(&fixture.dir), [], "damage changes nothing");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// Every way a page is spoilt.
fn spoil(bytes: &mut [u8], page: std::ops::Range<usize>, way: usize) {
    match way {
        0 => bytes[page].fill(0),
        1 => bytes[page.start] ^= 0x10,
        2 => bytes[page.start + page.len() / 2] ^= 1,
        _ => bytes[page.end - 1] ^= 0x80,
    }
}

fn copy_ledger(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_ledger(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_spoilt_page_anywhere_is_never_passed_over() {
    for closed in [false, true] {
        let fixture = fixture(24, closed);
        let paths = segments(&fixture.dir);
        assert!(paths.len() >= 3, "{} segments", paths.len());
        let (mut damaged, mut torn) = (0, 0);
        for path in &paths {
            let whole = fs::read(path).unwrap();
            let last = path == paths.last().unwrap();
            let (start, _) = last_frame(&whole);
            for page_bytes in [512, 4_096] {
                for page in (0..whole.len()).step_by(page_bytes).map(|at| at..at + page_bytes) {
                    for way in 0..4 {
                        let mut bytes = whole.clone();
                        spoil(&mut bytes, page.clone(), way);
                        if bytes == whole {
                            continue;
                        }
                        let folder = tempdir().unwrap();
                        let dir = folder.path().join("copy");
                        copy_ledger(&fixture.dir, &dir);
                        put(&dir.join("log").join(path.file_name().unwrap()), &bytes);
                        let case = format!("closed {closed}, {path:?}, {page:?}, way {way}");
                        let everything_is_checked =
                            LogOptions { check: Check::Everything, ..options(SEGMENT_BYTES) };
                        match LogStore::open(&dir, everything_is_checked) {
                            Err(StoreError::Corrupted(_)) => damaged += 1,
                            Err(error) => panic!("{case}: {error}"),
                            Ok(store) => {
                                torn += 1;
                                assert!(!closed, "{case}: a closed log must not open");
                                let hit_the_end = last && page.end > start;
                                assert!(hit_the_end, "{case}: it did not hit the last frame");
                                assert!(store.report().torn.is_some(), "{case}: not reported");
                                assert_eq!(aside(&dir).len(), 1, "{case}: not set aside");
                                let left = everything(&store).unwrap();
                                let known = |commit| fixture.commits.contains(commit);
                                assert!(left.iter().all(known), "{case}: other commits");
                                assert!(page_bytes == 4_096 || left.len() + 8 >= fixture.commits.len());
                            }
                        }
                    }
                }
            }
        }
        assert!(damaged > 100 && (closed || torn > 3), "{damaged} damaged, {torn} torn");
    }
}

#[test]
fn a_missing_segment_or_state_is_damage() {
    let fixture = fixture(24, true);
    let mut victims = segments(&fixture.dir);
    victims.push(fixture.dir.join("state.json"));
    for victim in victims {
        let bytes = fs::read(&victim).unwrap();
        fs::remove_file(&victim).unwrap();
        let opened = LogStore::open(&fixture.dir, options(SEGMENT_BYTES));
        assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{victim:?}: {opened:?}");
        put(&victim, &bytes[..bytes.len() - 1]);
        let opened = LogStore::open(&fixture.dir, options(SEGMENT_BYTES));
        assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{victim:?} cut: {opened:?}");
        put(&victim, &bytes);
    }
    let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
    assert_eq!(everything(&store).unwrap(), fixture.commits);
}

#[test]
fn damage_under_an_open_log_is_told_when_it_is_read() {
    let fixture = fixture(3, false);
    let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
    let path = segments(&fixture.dir).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let (start, _) = last_frame(&bytes);
    bytes[start + 48 + 46 + 20] ^= 1;
    put(&path, &bytes);
    assert!(matches!(everything(&store), Err(StoreError::Corrupted(_))));
    let first = now(store.read(Shard(0), Position(1), 1)).unwrap();
    assert_eq!(first[..], fixture.commits[..1], "what is whole is still read");
}

#[test]
fn a_log_that_is_behind_what_was_seen_is_refused_and_left_as_it_is() {
    let fixture = fixture(3, false);
    let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
    let heads = now(store.heads()).unwrap();
    let last = fixture.commits.iter().rfind(|commit| commit.shard == Shard(1)).unwrap();
    let partition = ledger_core::stored::CommitIndex::of_body(&last.body).unwrap().partition;
    drop(store);
    fs::write(fixture.dir.join("state.json"), state_at(&fixture)).unwrap();
    let path = segments(&fixture.dir).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let (start, _) = last_frame(&whole);
    let mut torn = whole.clone();
    torn[start + 70] ^= 1;

    let witnessed = |shard: u16, head: Head| {
        let mut options = options(SEGMENT_BYTES);
        options.witnesses = vec![(Shard(shard), head)];
        LogStore::open(&fixture.dir, options)
    };
    put(&path, &torn);
    for shard in [0, 1] {
        let opened = witnessed(shard, heads[usize::from(shard)]);
        assert!(matches!(opened, Err(StoreError::HistoryLost { .. })), "{opened:?}");
        assert_eq!(fs::read(&path).unwrap(), torn, "refused before anything is cut");
    }
    put(&path, &whole);
    let mut other = heads[0];
    other.hash.0[5] ^= 1;
    assert!(matches!(witnessed(0, other), Err(StoreError::HistoryLost { .. })));
    other = Head { position: Position(0), ..heads[0] };
    assert!(matches!(witnessed(0, other), Err(StoreError::HistoryLost { .. })), "another genesis");
    assert!(matches!(witnessed(9, other), Err(StoreError::HistoryLost { .. })), "no such shard");
    let store = witnessed(0, heads[0]).unwrap();

    // A snapshot of the last commit is a witness too; one that the log never held is not.
    let snapshot = Snapshot { partition, position: last.position, hash: last.hash, fold: 1, bytes: vec![1] };
    now(store.write_snapshot(Snapshot { position: Position(900), ..snapshot.clone() })).unwrap();
    drop(store);
    fs::write(fixture.dir.join("state.json"), state_at(&fixture)).unwrap();
    let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
    drop(store);
    fs::remove_file(fixture.dir.join("snapshots.bin")).unwrap();
    let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
    now(store.write_snapshot(snapshot)).unwrap();
    drop(store);
    fs::write(fixture.dir.join("state.json"), state_at(&fixture)).unwrap();
    put(&path, &torn);
    let opened = LogStore::open(&fixture.dir, options(SEGMENT_BYTES));
    assert!(matches!(opened, Err(StoreError::HistoryLost { .. })), "{opened:?}");
    put(&path, &whole);
    let store = LogStore::open(&fixture.dir, options(SEGMENT_BYTES)).unwrap();
    assert_eq!(everything(&store).unwrap(), fixture.commits);
}
