//! Appending, reading, finding and reopening.

use std::fs;

use ledger_core::stored::CommitIndex;
use ledger_store::log::{LogStore, Prepare};
use ledger_store::{EventStore, Head, Lookup, Position, Shard, ShardAppend, Snapshot, StoreError};
use tempfile::tempdir;

use crate::log_support::{
    as_stored, batch, body, everything, identity, land, now, options, player, seal, segments,
};

#[test]
fn what_was_appended_is_read_found_and_still_there_after_a_reopen() {
    let folder = tempdir().unwrap();
    let dir = folder.path().join("ledger");
    let store = LogStore::create(&dir, identity(4), options(4096)).unwrap();
    let mut appended = Vec::new();
    for round in 0..20_u16 {
        let appends = batch(&store, &[round % 4, (round + 1) % 4], 2, 200);
        land(&store, &appends);
        appended.extend(appends);
    }
    assert!(segments(&dir).len() > 3, "the workload changes segments");
    let expected = as_stored(&appended);
    let check = |store: &LogStore| {
        assert_eq!(everything(store).unwrap(), expected);
        for commit in &expected {
            let index = CommitIndex::of_body(&commit.body).unwrap();
            let lookups =
                [Lookup::Key(commit.shard, index.keys[0]), Lookup::Stream(commit.shard, index.streams[0])];
            assert_eq!(now(store.lookup(&lookups)).unwrap(), [[commit.position], [commit.position]]);
            let other = Shard((commit.shard.0 + 1) % 4);
            let lookups = [Lookup::Key(other, index.keys[0]), Lookup::Stream(other, index.streams[0])];
            assert_eq!(now(store.lookup(&lookups)).unwrap(), [[], []], "another shard has none of it");
            let after = Position(commit.position.0 - 1);
            let of_partition = now(store.read_partition(&index.partition, after, 1)).unwrap();
            assert_eq!(of_partition, std::slice::from_ref(commit));
        }
        assert!(now(store.last_recorded_at()).unwrap().is_some());
    };
    check(&store);
    now(store.close()).unwrap();
    now(store.close()).unwrap();
    check(&store);
    let refused = now(store.append(&batch(&store, &[0], 1, 10)));
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    drop(store);

    let store = LogStore::open(&dir, options(4096)).unwrap();
    check(&store);
    assert!(store.report().closed);
    assert_eq!(store.report().torn, None);
    drop(store);
    let store = LogStore::open(&dir, options(4096)).unwrap();
    check(&store);
    land(&store, &batch(&store, &[3], 1, 10));
}

#[test]
fn a_frame_larger_than_a_segment_gets_one_of_its_own() {
    let folder = tempdir().unwrap();
    for prepare in [Prepare::Inline, Prepare::Background] {
        let dir = folder.path().join(format!("{prepare:?}"));
        let options = ledger_store::log::LogOptions { prepare, ..options(4096) };
        let store = LogStore::create(&dir, identity(1), options.clone()).unwrap();
        let mut appended = Vec::new();
        for pad in [10, 50_000, 10, 3_000, 900_000, 10] {
            let appends = batch(&store, &[0], 3, pad);
            land(&store, &appends);
            appended.extend(appends);
        }
        drop(store);
        let store = LogStore::open(&dir, options).unwrap();
        assert_eq!(everything(&store).unwrap(), as_stored(&appended));
        assert!(!store.report().closed);
    }
}

#[test]
fn a_lost_race_says_where_the_head_is_and_a_resend_is_answered_once() {
    let folder = tempdir().unwrap();
    let store = LogStore::create(folder.path(), identity(2), options(4096)).unwrap();
    let ours = batch(&store, &[0, 1], 2, 10);
    let rival = seal(
        store.identity(),
        Shard(0),
        ours[0].expected,
        [body(&player(store.identity().shards, Shard(0)), "rival", 5)],
    );
    land(&store, &ours);
    land(&store, &ours);
    assert_eq!(everything(&store).unwrap(), as_stored(&ours));
    let head = now(store.heads()).unwrap()[0];
    let third = batch(&store, &[1], 1, 10);
    let answers = now(store.append(&[rival, third[0].clone()])).unwrap();
    assert!(
        matches!(&answers[0], Err(StoreError::HeadMoved { shard: Shard(0), actual, .. }) if *actual == head)
    );
    assert_eq!(answers[1].as_ref().unwrap().position, Position(3));
    // The same beginning and something else after it is another append.
    let mut longer = ours[0].clone();
    let last = longer.commits.last().unwrap();
    let on = Head { position: last.position, hash: last.hash };
    let shards = store.identity().shards;
    let more = seal(store.identity(), Shard(0), on, [body(&player(shards, Shard(0)), "more", 5)]);
    longer.commits.extend(more.commits);
    assert!(matches!(now(store.append(&[longer])).unwrap()[0], Err(StoreError::HeadMoved { .. })));
}

#[test]
fn an_append_that_breaks_a_rule_lands_nothing() {
    let folder = tempdir().unwrap();
    let store = LogStore::create(folder.path(), identity(2), options(4096)).unwrap();
    let good = batch(&store, &[0, 1], 2, 10);
    let spoilt: Vec<Vec<_>> = [
        |a: &mut Vec<ShardAppend>| a.clear(),
        |a: &mut Vec<ShardAppend>| a[1].commits.clear(),
        |a: &mut Vec<ShardAppend>| a[1] = a[0].clone(),
        |a: &mut Vec<ShardAppend>| a[1].shard = Shard(0),
        |a: &mut Vec<ShardAppend>| a[1].shard = Shard(2),
        |a: &mut Vec<ShardAppend>| a[1].commits[0].position = Position(2),
        |a: &mut Vec<ShardAppend>| a[1].commits[1].position = Position(u64::MAX),
        |a: &mut Vec<ShardAppend>| a[1].commits[1].hash.0[0] ^= 1,
        |a: &mut Vec<ShardAppend>| a[1].commits[1].previous.0[0] ^= 1,
        |a: &mut Vec<ShardAppend>| a[1].commits[1].body = a[0].commits[0].body.clone(),
        |a: &mut Vec<ShardAppend>| a[1].commits[1].index.keys.clear(),
        |a: &mut Vec<ShardAppend>| a[1].commits[1].body = vec![b' '; (1 << 20) + 1].into(),
    ]
    .into_iter()
    .map(|spoil| {
        let mut appends = good.clone();
        spoil(&mut appends);
        appends
    })
    .collect();
    for (number, appends) in spoilt.iter().enumerate() {
        let answer = now(store.append(appends));
        assert!(matches!(answer, Err(StoreError::Invalid(_))), "{number}: {answer:?}");
        assert_eq!(everything(&store).unwrap(), []);
    }
    land(&store, &good);
}

#[test]
fn snapshots_read_back_compact_and_are_not_missed() {
    let folder = tempdir().unwrap();
    let store = LogStore::create(folder.path(), identity(1), options(4096)).unwrap();
    land(&store, &batch(&store, &[0], 40, 10));
    let commits = everything(&store).unwrap();
    let partition = CommitIndex::of_body(&commits[0].body).unwrap().partition;
    assert_eq!(now(store.snapshot(&partition)).unwrap(), None);
    let snapshot = |position: usize, fill: u8| Snapshot {
        partition,
        position: commits[position - 1].position,
        hash: commits[position - 1].hash,
        fold: 3,
        bytes: vec![fill; 200_000],
    };
    for position in 1..=40 {
        now(store.write_snapshot(snapshot(position, u8::try_from(position).unwrap()))).unwrap();
    }
    now(store.write_snapshot(snapshot(7, 7))).unwrap();
    assert_eq!(now(store.snapshot(&partition)).unwrap(), Some(snapshot(40, 40)), "the newest counts");
    let path = folder.path().join("snapshots.bin");
    assert!(fs::metadata(&path).unwrap().len() < 3 << 20, "eight million bytes of garbage were dropped");
    drop(store);

    let store = LogStore::open(folder.path(), options(4096)).unwrap();
    assert_eq!(now(store.snapshot(&partition)).unwrap(), Some(snapshot(40, 40)));
    drop(store);
    // A torn or damaged file costs snapshots, never commits.
    let bytes = fs::read(&path).unwrap();
    for cut in [0, 1, 50, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..cut]).unwrap();
        let store = LogStore::open(folder.path(), options(4096)).unwrap();
        assert_eq!(everything(&store).unwrap(), commits);
        now(store.write_snapshot(snapshot(40, 41))).unwrap();
        assert_eq!(now(store.snapshot(&partition)).unwrap(), Some(snapshot(40, 41)));
    }
    fs::remove_file(&path).unwrap();
    let store = LogStore::open(folder.path(), options(4096)).unwrap();
    assert_eq!(now(store.snapshot(&partition)).unwrap(), None);
}
