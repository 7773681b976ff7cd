//! Copies of a ledger: backups taken while it is written, histories that differ, and what is brought back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use casino_ledger::core::{Partition, PlayerId};
use casino_ledger::proof::Witnesses;
use casino_ledger::replica::{Copied, Relation, ReplicaError, bring_back, compare, copy, lost_commits};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{
    EventStore, FORMAT, Head, LedgerId, LedgerIdentity, MemoryStore, Position, Shard, ShardCount, genesis,
    verify_index,
};
use casino_ledger::{Ledger, OpenError};

use crate::places::{Place, fresh_schema};
use crate::support::{bet, cash, deposit, funded, identity, memory, on, player, settings, tuned, verified};

fn silent() -> impl FnMut(&Copied) + Send {
    |_| {}
}

/// A ledger of some players who played.
async fn played(store: Arc<dyn EventStore>, players: usize) -> Ledger {
    let ledger = on(store, settings()).await;
    for number in 0..players {
        let p = funded(&ledger, &format!("p{number}"), "100.00").await;
        for n in 0..4 {
            ledger.execute(&p, bet(&format!("b{n}"), &format!("r{n}"), "1.00")).await.unwrap();
        }
    }
    ledger
}

fn small() -> LogOptions {
    LogOptions { segment_bytes: 64 << 10, ..LogOptions::default() }
}

/// The commits of a whole store, byte for byte.
async fn content(store: &dyn EventStore) -> BTreeMap<(Shard, Position), Vec<u8>> {
    let mut all = BTreeMap::new();
    for shard in store.identity().shards.all() {
        let mut from = Position(1);
        loop {
            let page = store.read(shard, from, 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            from = last.position.next();
            all.extend(page.iter().map(|commit| ((shard, commit.position), commit.body.to_vec())));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_taken_while_the_ledger_is_written() {
    let home = tempfile::tempdir().unwrap();
    let (dir, backup) = (home.path().join("ledger"), home.path().join("backup"));
    let what = identity(ShardCount::new(4).unwrap());
    let store: Arc<dyn EventStore> = Arc::new(LogStore::create(&dir, what, small()).unwrap());
    let ledger = played(store, 8).await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = {
        let (ledger, done) = (ledger.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut number = 0;
            while !done.load(Ordering::SeqCst) {
                let p = player(&format!("p{}", number % 8));
                ledger.execute(&p, deposit(&format!("more{number}"), "0.01")).await.unwrap();
                number += 1;
            }
            number
        })
    };
    // Another process would do just this: read the log beside its writer.
    let copy_target = LogStore::create(&backup, what, small()).unwrap();
    let (mut sum, mut goals) = (0, Vec::new());
    for _ in 0..5 {
        let source = LogStore::open_read_only(&dir, &small()).unwrap();
        let mut seen = Vec::new();
        let copied =
            copy(&source, &copy_target, &mut |so_far: &Copied| seen.push(so_far.commits)).await.unwrap();
        assert_eq!(copy_target.heads().await.unwrap(), copied.goal, "the copy stands where the source stood");
        assert_eq!((copied.commits, seen.last().copied().unwrap_or_default()), (copied.due, copied.due));
        sum += copied.commits;
        goals.push(copied.goal);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    done.store(true, Ordering::SeqCst);
    assert!(writing.await.unwrap() > 10, "it was written meanwhile");
    assert!(goals.windows(2).any(|two| two[0] != two[1]), "the copies were of different instants");
    let heads = copy_target.heads().await.unwrap();
    assert_eq!(sum, heads.iter().map(|head| head.position.0).sum::<u64>(), "nothing was copied twice");

    // The last time nobody writes: nothing is missing.
    ledger.close().await.unwrap();
    drop(ledger);
    let source = LogStore::open(&dir, small()).unwrap();
    copy(&source, &copy_target, &mut silent()).await.unwrap();
    assert_eq!(compare(&source, &copy_target).await.unwrap(), vec![Relation::Same; 4]);
    assert_eq!(content(&source).await, content(&copy_target).await);
    verify_index(&copy_target).await.unwrap();
    let before = verified(&source).await;
    assert_eq!(verified(&copy_target).await.trial_balance, before.trial_balance);
    drop((source, copy_target));

    // Restored: opened where it is, everything is there, and keys are known.
    let restored =
        Ledger::with_store(Arc::new(LogStore::open(&backup, small()).unwrap()), settings()).await.unwrap();
    for number in 0..8 {
        let p = player(&format!("p{number}"));
        let again = restored.execute(&p, deposit("d1", "100.00")).await.unwrap();
        assert!(again.replayed);
        assert!(restored.execute(&p, bet("b0", "r0", "1.00")).await.unwrap().replayed);
    }
}

#[tokio::test]
async fn any_store_is_copied_into_any_other() {
    let home = tempfile::tempdir().unwrap();
    let what = identity(ShardCount::new(4).unwrap());
    let first: Arc<dyn EventStore> = Arc::new(MemoryStore::new(what));
    let ledger = played(Arc::clone(&first), 12).await;
    ledger.close().await.unwrap();
    let original = content(&*first).await;
    let places =
        [Place::Log(home.path().join("log")), Place::Sqlite(home.path().join("ledger.db")), fresh_schema()];
    let mut source = first;
    for place in places {
        let target = place.open(what).await;
        let copied = copy(&*source, &*target, &mut silent()).await.unwrap();
        assert_eq!(copied.commits, original.len() as u64, "{place}");
        assert_eq!(content(&*target).await, original, "{place}");
        verify_index(&*target).await.unwrap();
        source = target;
    }
    let back = MemoryStore::new(what);
    copy(&*source, &back, &mut silent()).await.unwrap();
    assert_eq!(content(&back).await, original);
}

#[tokio::test]
async fn a_copy_that_was_interrupted_goes_on() {
    let (source, target) = (memory(ShardCount::ONE), memory(ShardCount::ONE));
    let ledger = played(Arc::clone(&source) as Arc<dyn EventStore>, 3).await;
    target.fail_next_write().unwrap();
    let failed = copy(&*source, &*target, &mut silent()).await;
    assert!(matches!(failed, Err(ReplicaError::Target(_))), "{failed:?}");
    let target = target.reopen().unwrap();
    let copied = copy(&*source, &target, &mut silent()).await.unwrap();
    assert_eq!(copied.goal, target.heads().await.unwrap());
    // A part of it is there already.
    ledger.execute(&player("p0"), deposit("d2", "1.00")).await.unwrap();
    assert_eq!(copy(&*source, &target, &mut silent()).await.unwrap().commits, 1);
    assert_eq!(copy(&*source, &target, &mut silent()).await.unwrap().commits, 0);
    // An answer that is lost is settled by sending the same again.
    ledger.execute(&player("p0"), deposit("d3", "1.00")).await.unwrap();
    target.lose_next_answer(casino_ledger::store::LostAnswer::Landed).unwrap();
    assert_eq!(copy(&*source, &target, &mut silent()).await.unwrap().commits, 1);
    assert_eq!(content(&*source).await, content(&target).await);
}

#[tokio::test]
async fn what_does_not_belong_together_is_not_copied() {
    let source = memory(ShardCount::ONE);
    let ledger = played(Arc::clone(&source) as Arc<dyn EventStore>, 2).await;
    let other = MemoryStore::new(LedgerIdentity { ledger: LedgerId([8; 16]), ..identity(ShardCount::ONE) });
    let refused = copy(&*source, &other, &mut silent()).await;
    assert!(matches!(refused, Err(ReplicaError::OtherLedger { .. })), "{refused:?}");
    let shape = MemoryStore::new(LedgerIdentity { format: FORMAT, ..identity(ShardCount::new(2).unwrap()) });
    let refused = copy(&*source, &shape, &mut silent()).await;
    assert!(matches!(refused, Err(ReplicaError::OtherLedger { .. })), "{refused:?}");

    let copied = MemoryStore::new(identity(ShardCount::ONE));
    copy(&*source, &copied, &mut silent()).await.unwrap();
    let at = copied.heads().await.unwrap()[0];
    // The copy is ahead: the source is an older one.
    let copied: Arc<dyn EventStore> = Arc::new(copied);
    let on_copy = on(Arc::clone(&copied), settings()).await;
    on_copy.execute(&player("p0"), deposit("only here", "1.00")).await.unwrap();
    let ahead = copied.heads().await.unwrap()[0];
    match copy(&*source, &*copied, &mut silent()).await {
        Err(ReplicaError::SourceBehind { shard: Shard(0), source_head, copy }) => {
            assert_eq!((source_head, copy), (at, ahead));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(compare(&*source, &*copied).await.unwrap(), [Relation::Ahead { by: 1 }]);
    // Both went on: whichever is longer, the first difference is named, and nothing is written.
    let turns = [&ledger, &ledger, &ledger, &on_copy, &on_copy, &on_copy, &on_copy];
    for (turn, longer) in turns.into_iter().enumerate() {
        longer.execute(&player("p1"), deposit(&format!("turn {turn}"), "1.00")).await.unwrap();
        let (before, first) = (copied.heads().await.unwrap(), at.position.next());
        match copy(&*source, &*copied, &mut silent()).await {
            Err(ReplicaError::Forked { shard: Shard(0), first: told }) => assert_eq!(told, first),
            other => panic!("{other:?}"),
        }
        assert_eq!(compare(&*source, &*copied).await.unwrap(), [Relation::Forked { first }]);
        assert_eq!(copied.heads().await.unwrap(), before);
    }
}

/// Players by shard, one each.
fn one_a_shard(what: &LedgerIdentity) -> BTreeMap<Shard, PlayerId> {
    let players = (0..200).map(|number| player(&format!("p{number}")));
    players.map(|p| (what.shards.shard_of(&Partition::Player(p.clone()).digest()), p)).collect()
}

async fn open_log(dir: &Path, options: LogOptions) -> Arc<dyn EventStore> {
    loop {
        match LogStore::open(dir, options.clone()) {
            Ok(store) => return Arc::new(store),
            Err(casino_ledger::store::StoreError::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_a_restored_backup_lacks_is_brought_back_where_nothing_contradicts_it() {
    let home = tempfile::tempdir().unwrap();
    let (old_dir, new_dir) = (home.path().join("old"), home.path().join("new"));
    let what = identity(ShardCount::new(4).unwrap());
    let players = one_a_shard(&what);
    assert_eq!(players.len(), 4);
    let ledger = on(Arc::new(LogStore::create(&old_dir, what, small()).unwrap()), settings()).await;
    for p in players.values() {
        funded(&ledger, p.as_str(), "10.00").await;
    }
    let restored = LogStore::create(&new_dir, what, small()).unwrap();
    ledger.close().await.unwrap();
    drop(ledger);
    let backup = copy(&*open_log(&old_dir, small()).await, &restored, &mut silent()).await.unwrap();
    let at = |shard: usize| backup.goal[shard].position.next();
    drop(restored);

    // After the backup: acknowledged, and then the machine was gone.
    let ledger = on(open_log(&old_dir, small()).await, settings()).await;
    for p in players.values() {
        ledger.execute(p, deposit("after 1", "1.00")).await.unwrap();
        ledger.execute(p, deposit("after 2", "2.00")).await.unwrap();
    }
    let mut witnesses = Witnesses::new();
    let seen = ledger.player(&players[&Shard(3)]).await.unwrap();
    witnesses.add(Shard(3), Head { position: seen.position, hash: seen.hash });
    ledger.close().await.unwrap();
    drop(ledger);
    let with_witness = || tuned(|s| s.witnesses = witnesses.clone());

    // Who saw it notices.
    let noticed = Ledger::with_store(open_log(&new_dir, small()).await, with_witness()).await;
    assert!(
        matches!(
            &noticed,
            Err(OpenError::Store(casino_ledger::store::StoreError::HistoryLost { shard: Shard(3), .. }))
        ),
        "{noticed:?}"
    );

    // Somebody opened it without a witness, and two players went on; one of them sent again what was lost.
    let ledger = on(open_log(&new_dir, small()).await, settings()).await;
    let (first, second) = (&players[&Shard(0)], &players[&Shard(1)]);
    ledger.execute(first, deposit("after 2", "2.00")).await.unwrap();
    ledger.execute(second, deposit("new", "7.00")).await.unwrap();
    ledger.close().await.unwrap();
    drop(ledger);

    let (old, new) = (open_log(&old_dir, small()).await, open_log(&new_dir, small()).await);
    let brought = bring_back(&*old, &*new, &mut silent()).await.unwrap();
    assert_eq!(brought.shards, [(Shard(2), 2), (Shard(3), 2)]);
    assert_eq!(brought.copied.commits, 4);
    let of_conflicts: Vec<_> = brought.conflicts.iter().map(|c| (c.shard, c.first, c.lost)).collect();
    assert_eq!(of_conflicts, [(Shard(0), at(0), 2), (Shard(1), at(1), 2)]);
    let mut told = Vec::new();
    for conflict in &brought.conflicts {
        for lost in lost_commits(&*old, &*new, conflict, Position::ZERO, 100).await.unwrap() {
            told.push((lost.body.keys[0].id.as_str().to_owned(), lost.position.0, lost.sent_again));
        }
    }
    let due = [
        ("after 1", at(0).0, 0),
        ("after 2", at(0).0 + 1, 1),
        ("after 1", at(1).0, 0),
        ("after 2", at(1).0 + 1, 0),
    ];
    assert_eq!(told, due.map(|(id, position, again)| (id.to_owned(), position, again)));
    let again = bring_back(&*old, &*new, &mut silent()).await.unwrap();
    assert_eq!((again.copied.commits, again.conflicts.len()), (0, 2), "a second time changes nothing");
    verified(&*new).await;
    verify_index(&*new).await.unwrap();
    drop((old, new));

    let ledger = Ledger::with_store(open_log(&new_dir, small()).await, with_witness()).await.unwrap();
    for (shard, due) in [(0, "12.00"), (1, "17.00"), (2, "13.00"), (3, "13.00")] {
        assert_eq!(cash(&ledger, &players[&Shard(shard)]).await, due, "shard {shard}");
    }
    assert!(ledger.execute(&players[&Shard(2)], deposit("after 1", "1.00")).await.unwrap().replayed);
}

#[tokio::test]
async fn an_empty_shard_stands_at_its_genesis() {
    let (source, target) = (memory(ShardCount::ONE), memory(ShardCount::ONE));
    let copied = copy(&*source, &*target, &mut silent()).await.unwrap();
    assert_eq!((copied.commits, copied.goal), (0, vec![genesis(source.identity(), Shard(0))]));
    let ledger = on(Arc::clone(&source) as Arc<dyn EventStore>, settings()).await;
    funded(&ledger, "p", "1.00").await;
    assert_eq!(copy(&*source, &*target, &mut silent()).await.unwrap().commits, 3, "a currency, and his");
}
