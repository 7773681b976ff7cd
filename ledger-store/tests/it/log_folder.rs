//! Foreign folders, newer versions, two writers, and readers beside a writer.

use std::fs;

use ledger_store::log::LogStore;
use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, ShardCount, StoreError};
use tempfile::tempdir;

use crate::log_support::{as_stored, batch, everything, identity, land, now, options};

#[test]
fn a_folder_that_holds_something_else_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let dir = folder.path();
    let is_none = |opened: Result<LogStore, StoreError>| {
        assert!(matches!(opened, Err(StoreError::NotALedger { .. })), "{opened:?}");
    };
    is_none(LogStore::open(dir, options(4096)));
    is_none(LogStore::open(&dir.join("missing"), options(4096)));
    is_none(LogStore::open_read_only(dir, &options(4096)));
    assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "looking leaves nothing behind");

    fs::write(dir.join("photo.jpg"), "x").unwrap();
    is_none(LogStore::create(dir, identity(1), options(4096)));
    is_none(LogStore::open_or_create(dir, identity(1), options(4096)));
    assert_eq!(fs::read_dir(dir).unwrap().count(), 1);
    fs::remove_file(dir.join("photo.jpg")).unwrap();

    let long = vec![b' '; 100_000];
    for garbage in [&b""[..], b"{}", b"\xFF\xFE", b"[]", &long] {
        fs::write(dir.join("ledger.json"), garbage).unwrap();
        is_none(LogStore::open(dir, options(4096)));
        is_none(LogStore::open_or_create(dir, identity(1), options(4096)));
    }
    fs::remove_file(dir.join("ledger.json")).unwrap();

    let store = LogStore::create(dir, identity(1), options(4096)).unwrap();
    land(&store, &batch(&store, &[0], 1, 10));
    drop(store);
    is_none(LogStore::create(dir, identity(1), options(4096)));
    let other = LedgerIdentity { ledger: LedgerId([8; 16]), ..identity(1) };
    is_none(LogStore::open_or_create(dir, other, options(4096)));
    let other = LedgerIdentity { shards: ShardCount::DEFAULT, ..identity(1) };
    is_none(LogStore::open_or_create(dir, other, options(4096)));
    let json = fs::read(dir.join("ledger.json")).unwrap();
    fs::remove_file(dir.join("ledger.json")).unwrap();
    is_none(LogStore::open_or_create(dir, identity(1), options(4096)));
    fs::write(dir.join("ledger.json"), json).unwrap();
    assert_eq!(LogStore::open_or_create(dir, identity(1), options(4096)).unwrap().report().commits, 1);
}

#[test]
fn what_a_newer_version_wrote_is_named_as_such() {
    let folder = tempdir().unwrap();
    drop(LogStore::create(folder.path(), identity(1), options(4096)).unwrap());
    let path = folder.path().join("ledger.json");
    let json = fs::read_to_string(&path).unwrap();
    for newer in [
        json.replace("\"log_format\":1", "\"log_format\":2,\"unheard\":\"of\""),
        json.replace("\"format\":1}", "\"format\":9}").replace("\"shards\":1", "\"shards\":\"many\""),
    ] {
        assert_ne!(newer, json);
        fs::write(&path, newer).unwrap();
        for opened in [
            LogStore::open(folder.path(), options(4096)),
            LogStore::open_read_only(folder.path(), &options(4096)),
        ] {
            assert!(matches!(opened, Err(StoreError::NewerFormat { .. })), "{opened:?}");
        }
    }
    let future = LedgerIdentity { format: FORMAT + 1, ..identity(1) };
    let made = LogStore::create(&folder.path().join("x"), future, options(4096));
    assert!(matches!(made, Err(StoreError::Invalid(_))), "{made:?}");
}

#[test]
fn one_writer_at_a_time() {
    let folder = tempdir().unwrap();
    let store = LogStore::create(folder.path(), identity(1), options(4096)).unwrap();
    let second = LogStore::open(folder.path(), options(4096));
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    now(store.close()).unwrap();
    let second = LogStore::open(folder.path(), options(4096)).unwrap();
    land(&second, &batch(&second, &[0], 1, 10));
    assert!(matches!(now(store.append(&batch(&store, &[0], 1, 10))), Err(StoreError::Unavailable { .. })));
    drop(store);
    let third = LogStore::open(folder.path(), options(4096));
    assert!(
        matches!(third, Err(StoreError::InUse { .. })),
        "the closed handle gave its lock away: {third:?}"
    );
}

#[test]
fn settings_out_of_bounds_are_refused() {
    let folder = tempdir().unwrap();
    for segment_bytes in [0, 1_023, u32::MAX] {
        let made = LogStore::create(&folder.path().join("ledger"), identity(1), options(segment_bytes));
        assert!(matches!(made, Err(StoreError::Invalid(_))), "{made:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_beside_a_writer_sees_what_is_proven_durable() {
    let folder = tempdir().unwrap();
    let store = LogStore::create(folder.path(), identity(2), options(2048)).unwrap();
    let reader = LogStore::open_read_only(folder.path(), &options(2048)).unwrap();
    assert_eq!(everything(&reader).unwrap(), []);
    let changes = reader.watch();
    let mut sent = Vec::new();
    for number in 0..30_usize {
        let proven = as_stored(&sent);
        let appends = batch(&store, &[0, 1], 1 + number % 2, 200);
        land(&store, &appends);
        sent.extend(appends);
        let count = reader.refresh().unwrap();
        // The newest frame is proven only by the next; a segment end may prove it too.
        let shown = everything(&reader).unwrap();
        assert_eq!(shown.len() as u64, count);
        assert!(shown == proven, "{} shown, {} proven", shown.len(), proven.len());
        let fresh = LogStore::open_read_only(folder.path(), &options(2048)).unwrap();
        assert_eq!(everything(&fresh).unwrap(), shown);
    }
    assert!(changes.has_changed().unwrap());
    let refused = now(reader.append(&batch(&reader, &[0], 1, 10)));
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    now(reader.close()).unwrap();
    now(store.close()).unwrap();
    reader.refresh().unwrap();
    assert_eq!(everything(&reader).unwrap(), as_stored(&sent), "the seal proves the last frame");
    assert!(reader.report().closed);
}

#[test]
fn a_reader_is_told_of_damage_and_changes_nothing() {
    let folder = tempdir().unwrap();
    let store = LogStore::create(folder.path(), identity(1), options(4096)).unwrap();
    for _ in 0..4 {
        land(&store, &batch(&store, &[0], 1, 100));
    }
    drop(store);
    let path = crate::log_support::segments(folder.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let mut spoilt = whole.clone();
    spoilt[200] ^= 1;
    fs::write(&path, &spoilt).unwrap();
    let opened = LogStore::open_read_only(folder.path(), &options(4096));
    assert!(matches!(opened, Err(StoreError::Corrupted(_))), "{opened:?}");
    assert_eq!(fs::read(&path).unwrap(), spoilt);

    let end = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut torn = whole.clone();
    torn[end] = 0;
    fs::write(&path, &torn).unwrap();
    let reader = LogStore::open_read_only(folder.path(), &options(4096)).unwrap();
    assert_eq!(everything(&reader).unwrap().len(), 2, "the third is whole, but nothing proves it durable");
    assert_eq!(reader.report().torn.map(|torn| torn.aside), Some(None));
    assert_eq!(fs::read(&path).unwrap(), torn);
}
