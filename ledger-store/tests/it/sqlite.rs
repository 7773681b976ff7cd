//! What only a file can do to a store: be locked, be read by others, be cut off, be something else.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ledger_core::OperationKind;
use ledger_store::sqlite::{SqliteOptions, SqliteStore};
use ledger_store::testing::{CommitBuilder, Model, ShardChain, block_on, partition_in};
use ledger_store::{
    CommitHash, EventStore, FORMAT, Head, LedgerId, LedgerIdentity, Position, Shard, ShardAppend, ShardCount,
    StoreError, genesis,
};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::sqlite_conformance::copy_files;

fn identity(shards: u16) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([4; 16]), shards: ShardCount::new(shards).unwrap(), format: FORMAT }
}

fn sealed(store: &SqliteStore, shard: Shard, note: &str, count: usize) -> ShardAppend {
    let head = block_on(store.heads()).unwrap()[shard.index()];
    let partition = partition_in(store.identity().shards, shard, 0);
    let commit = |i| {
        let id = format!("{note} {i}");
        CommitBuilder::new(partition.clone()).key("studio", OperationKind::Bet, &id).note(id).bytes(900)
    };
    let commits: Vec<_> = (0..count).map(commit).collect();
    ShardChain::new(*store.identity(), shard).at(head).seal(&commits)
}

fn land(store: &SqliteStore, append: &ShardAppend) {
    block_on(store.append(std::slice::from_ref(append))).unwrap()[0].as_ref().unwrap();
}

fn opened(path: &Path) -> SqliteStore {
    loop {
        // A handle that was just dropped may still hold the lock.
        match SqliteStore::open(path, SqliteOptions::default()) {
            Err(StoreError::InUse { .. }) => std::thread::yield_now(),
            store => return store.unwrap(),
        }
    }
}

#[test]
fn one_writes_and_others_read() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let store = SqliteStore::create(&path, identity(4), SqliteOptions::default()).unwrap();
    assert!(store.is_exclusive());
    let second = SqliteStore::open(&path, SqliteOptions::default());
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    let reader = SqliteStore::open_read_only(&path, SqliteOptions::default()).unwrap();
    assert!(!reader.is_exclusive() && reader.is_stopped());
    for number in 0..20 {
        let append = sealed(&store, Shard(number % 4), &format!("{number}"), 2);
        land(&store, &append);
        // A reader sees it as soon as it is acknowledged.
        let seen = block_on(reader.heads()).unwrap();
        assert_eq!(seen, block_on(store.heads()).unwrap());
        let read = block_on(reader.read(append.shard, append.commits[0].position, 10)).unwrap();
        assert_eq!(read.len(), 2);
        let refused = block_on(reader.append(&[append]));
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    }
    block_on(reader.close()).unwrap();
    block_on(store.close()).unwrap();
    assert_eq!(block_on(reader.heads()).unwrap()[0].position, Position(10), "reading goes on");
    drop(store);
    assert_eq!(block_on(opened(&path).heads()).unwrap()[3].position, Position(10));
}

#[test]
fn a_reader_opens_while_another_writes() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let store = SqliteStore::create(&path, identity(2), SqliteOptions::default()).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(std::sync::atomic::Ordering::Acquire) {
                number += 1;
                land(&store, &sealed(&store, Shard(number % 2), &format!("{number}"), 1));
            }
        });
        for _ in 0..60 {
            let reader = SqliteStore::open_read_only(&path, SqliteOptions::default()).unwrap();
            let heads = block_on(reader.heads()).unwrap();
            for (shard, head) in identity(2).shards.all().zip(heads).filter(|(_, head)| head.position.0 > 0) {
                let read = block_on(reader.read(shard, head.position, 1)).unwrap();
                assert_eq!(read[0].hash, head.hash);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Release);
    });
}

#[test]
fn the_shell_reads_it_while_it_is_open() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let store = SqliteStore::create(&path, identity(2), SqliteOptions::default()).unwrap();
    land(&store, &sealed(&store, Shard(1), "for people", 3));
    let select = "SELECT shard, position, json_extract(body, '$.note') FROM journal ORDER BY shard, position";
    let reader = Connection::open(&path).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let rows: Vec<(u16, u64, String)> =
        reader.prepare(select).unwrap().query_map([], row).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows[2], (1, 3, "for people 2".to_owned()));
    // The shell itself, where it is installed; the library above is what it is made of.
    if let Ok(output) = Command::new("sqlite3").arg("-readonly").arg(&path).arg(select).output() {
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3, "{output:?}");
    }
}

#[test]
fn a_lock_that_someone_else_holds_is_waited_for_within_a_limit() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut options = SqliteOptions::default();
    options.busy_timeout = Duration::from_millis(100);
    let store = SqliteStore::create(&path, identity(1), options).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let append = sealed(&store, Shard(0), "waits", 1);
    let refused = block_on(store.append(std::slice::from_ref(&append)));
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert!(!store.is_stopped(), "nothing was written, so nothing is in doubt");
    other.execute_batch("COMMIT").unwrap();
    land(&store, &append);
}

#[test]
fn what_is_no_ledger_is_refused_and_left_as_it_is() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("other");
    let refused = |what: &str| {
        for answer in [
            SqliteStore::open(&path, SqliteOptions::default()),
            SqliteStore::open_read_only(&path, SqliteOptions::default()),
            SqliteStore::create(&path, identity(1), SqliteOptions::default()),
        ] {
            assert!(matches!(answer, Err(StoreError::NotALedger { .. })), "{what}: {answer:?}");
        }
    };
    let missing = SqliteStore::open(&path, SqliteOptions::default());
    assert!(matches!(missing, Err(StoreError::NotALedger { .. })), "{missing:?}");
    assert!(!path.exists());
    std::fs::write(
        &path,
        b"this is no database, but long enough to be taken for one by its length".repeat(20),
    )
    .unwrap();
    refused("text");
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)")
        .unwrap();
    refused("another's database");
    let count: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM mine", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_file_of_another_build_or_history_is_refused() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let store = SqliteStore::create(&path, identity(2), SqliteOptions::default()).unwrap();
    let append = sealed(&store, Shard(0), "seen", 3);
    land(&store, &append);
    block_on(store.close()).unwrap();
    drop(store);
    drop(opened(&path));
    let with = |witness: Head| {
        let mut options = SqliteOptions::default();
        options.witnesses = vec![(Shard(0), witness)];
        SqliteStore::open_read_only(&path, options)
    };
    let last = append.commits.last().unwrap();
    with(Head { position: last.position, hash: last.hash }).unwrap();
    with(genesis(&identity(2), Shard(0))).unwrap();
    for position in [0, 3, 4] {
        let lost = with(Head { position: Position(position), hash: CommitHash([1; 32]) });
        assert!(matches!(lost, Err(StoreError::HistoryLost { .. })), "{position}: {lost:?}");
    }
    let spoil = |statement: &str| {
        let copy = tempdir().unwrap();
        let file = copy.path().join("ledger.db");
        copy_files(&path, &file);
        Connection::open(&file).unwrap().execute_batch(statement).unwrap();
        SqliteStore::open(&file, SqliteOptions::default()).map(drop)
    };
    let edited = spoil("UPDATE migration SET checksum = 'x'");
    assert!(matches!(edited, Err(StoreError::NotALedger { .. })), "{edited:?}");
    let newer = spoil("INSERT INTO migration VALUES (2, 'later', 'x')");
    assert!(matches!(newer, Err(StoreError::NewerFormat { .. })), "{newer:?}");
    let newer = spoil("UPDATE ledger SET format = 9");
    assert!(matches!(newer, Err(StoreError::NewerFormat { found: 9, .. })), "{newer:?}");
    for damage in [
        "DELETE FROM commits WHERE position = 3",
        "UPDATE head SET position = 2",
        "UPDATE head SET hash = zeroblob(32) WHERE shard = 1",
        "DELETE FROM head WHERE shard = 1",
    ] {
        let damaged = spoil(damage);
        assert!(matches!(damaged, Err(StoreError::Corrupted(_))), "{damage}: {damaged:?}");
    }
    spoil("DELETE FROM snapshot").unwrap();
}

/// What is in the write-ahead log when the power goes: everything that was synced, and of the write under way
/// anything. Whatever that is, it opens, and nothing acknowledged is gone.
#[test]
fn a_torn_write_ahead_log_loses_nothing_that_was_acknowledged() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let store = SqliteStore::create(&path, identity(2), SqliteOptions::default()).unwrap();
    let wal = dir.path().join("ledger.db-wal");
    let bytes = || std::fs::metadata(&wal).map_or(0, |metadata| metadata.len());
    let (mut ends, mut appends) = (vec![bytes()], Vec::new());
    for number in 0..25_usize {
        let append =
            sealed(&store, Shard(u16::try_from(number % 2).unwrap()), &format!("{number}"), 1 + number % 4);
        land(&store, &append);
        appends.push(append);
        ends.push(bytes());
    }
    let whole = std::fs::read(&wal).unwrap();
    assert_eq!(ends.last(), Some(&(whole.len() as u64)), "no checkpoint came between");
    let mut dice = 1_u64;
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below.max(1)
    };
    for (done, pair) in ends.windows(2).enumerate() {
        let (synced, next) = (usize::try_from(pair[0]).unwrap(), usize::try_from(pair[1]).unwrap());
        for way in 0..4 {
            let mut torn = whole[..next].to_vec();
            let cut = synced + usize::try_from(roll((next - synced) as u64 + 1)).unwrap();
            match way {
                0 => torn.truncate(cut),
                1 => torn[cut..].fill(0),
                2 => torn[cut..].iter_mut().for_each(|byte| *byte = u8::try_from(roll(256)).unwrap()),
                // Some pages of it reached the disk, others not.
                _ => {
                    for page in torn[synced..].chunks_mut(512) {
                        if roll(2) == 0 {
                            page.fill(0);
                        }
                    }
                }
            }
            let image = tempdir().unwrap();
            let file = image.path().join("ledger.db");
            std::fs::copy(&path, &file).unwrap();
            std::fs::write(image.path().join("ledger.db-wal"), &torn).unwrap();
            let reopened = opened(&file);
            let mut model = Model::new(identity(2));
            appends[..done].iter().for_each(|append| model.landed(append));
            let checked = block_on(async {
                match model.check(&reopened).await {
                    Ok(()) => Ok(()),
                    // The one under way may be there, whole.
                    Err(_) => {
                        model.landed(&appends[done]);
                        model.check(&reopened).await
                    }
                }
            });
            checked.unwrap_or_else(|violation| panic!("after {done}, way {way}: {violation}"));
            land(&reopened, &sealed(&reopened, Shard(0), "goes on", 1));
        }
    }
}

/// When the power goes while the log is copied into the file, some pages are new and others old.
#[test]
fn a_torn_checkpoint_loses_nothing() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let store = SqliteStore::create(&path, identity(2), SqliteOptions::default()).unwrap();
    let mut model = Model::new(identity(2));
    for number in 0..30_usize {
        let append = sealed(&store, Shard(u16::try_from(number % 2).unwrap()), &format!("{number}"), 3);
        land(&store, &append);
        model.landed(&append);
    }
    let (old, wal) =
        (std::fs::read(&path).unwrap(), std::fs::read(dir.path().join("ledger.db-wal")).unwrap());
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
    let new = std::fs::read(&path).unwrap();
    assert!(new.len() > old.len());
    for seed in 0..30_usize {
        let mut torn = new.clone();
        for (page, bytes) in torn.chunks_mut(4_096).enumerate() {
            let old = old.get(page * 4_096..(page + 1) * 4_096);
            if (page * 7 + seed * 13) % (2 + seed % 5) == 0 {
                match old {
                    Some(old) => bytes.copy_from_slice(old),
                    None => bytes.fill(0),
                }
            }
        }
        let image = tempdir().unwrap();
        let file = image.path().join("ledger.db");
        std::fs::write(&file, &torn).unwrap();
        std::fs::write(image.path().join("ledger.db-wal"), &wal).unwrap();
        let reopened = opened(&file);
        block_on(model.check(&reopened)).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
    }
}
