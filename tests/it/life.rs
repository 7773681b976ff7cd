//! Closing, dropping and opening again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{ShardCount, StoreError};
use casino_ledger::{ExecuteError, Ledger, OpenError};

use crate::puppet::Puppet;
use crate::support::{
    bet, cash, deposit, funded, in_play, memory, on, player, send, send_all, settings, soon, text, tuned,
    verified, waits,
};

#[tokio::test]
async fn what_was_taken_in_is_answered_however_often_the_ledger_is_closed() {
    let puppet = Puppet::exclusive(memory(ShardCount::DEFAULT));
    let ledger = on(Arc::clone(&puppet) as _, settings()).await;
    let mut players = Vec::new();
    for i in 0..6 {
        players.push(funded(&ledger, &format!("p{i}"), "100.00").await);
    }
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let first = send_all(&ledger, players.iter().map(|p| in_play(p, bet("t1", "r1", "1.00"))).collect());
    soon(puppet.strings.append_calls.above(calls)).await;
    let second = send_all(&ledger, players.iter().map(|p| in_play(p, bet("t2", "r2", "1.00"))).collect());
    // A cold player, whose command is parked when the ledger closes.
    let loads = puppet.strings.load_calls.now();
    let cold = send(&ledger, &player("cold"), bet("t1", "r1", "1.00"));
    soon(puppet.strings.load_calls.above(loads)).await;
    let close = || {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.close().await })
    };
    let mut closing = [close(), close(), close()];
    for one in &mut closing {
        assert!(waits(one).await, "closed while a write was under way");
    }
    assert_eq!(puppet.strings.close_calls.now(), 0, "the store must not be closed under the writer");
    let late = soon(ledger.execute(&players[0], bet("t3", "r3", "1.00"))).await;
    assert!(matches!(late, Err(ExecuteError::Closed)), "{late:?}");
    puppet.strings.appends.open();
    for answer in soon(first).await.unwrap().into_iter().chain(soon(second).await.unwrap()) {
        assert_eq!(text(&answer), "applied");
    }
    assert_eq!(text(&soon(cold).await.unwrap()), "refused:player_unknown");
    for one in closing {
        soon(one).await.unwrap().unwrap();
    }
    soon(ledger.close()).await.unwrap();
    assert!(matches!(soon(ledger.player(&players[0])).await, Err(ExecuteError::Closed)));
    let key = bet("t1", "r1", "1.00").key(&players[0], &settings().policy).unwrap();
    assert!(matches!(soon(ledger.outcome(&players[0], &key)).await, Err(ExecuteError::Closed)));
    let all = ledger.execute_all(vec![in_play(&players[0], bet("t4", "r4", "1.00"))]).await;
    assert!(matches!(all[..], [Err(ExecuteError::Closed)]));
}

/// The threads of a dropped ledger end by themselves, and only then let go of the folder.
async fn open_when_free(folder: &Path) -> Ledger {
    loop {
        match Ledger::open(folder, settings()).await {
            Ok(ledger) => return ledger,
            Err(OpenError::Store(StoreError::InUse { .. })) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_closed_log_is_sealed_and_a_dropped_one_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let ledger = Ledger::open(&folder, settings()).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    ledger.close().await.unwrap();
    drop(ledger);
    let store = LogStore::open_read_only(&folder, &LogOptions::default()).unwrap();
    assert!(store.report().closed);

    for i in 0..3 {
        let ledger = soon(open_when_free(&folder)).await;
        let requests = (0..50).map(|n| in_play(&p, deposit(&format!("d{i}-{n}"), "1.00"))).collect();
        let answers = ledger.execute_all(requests).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    let ledger = soon(open_when_free(&folder)).await;
    assert_eq!(cash(&ledger, &p).await, "250.00");
    verified(ledger.store().as_ref()).await;
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_folder_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let ledger = Ledger::open(&folder, settings()).await.unwrap();
    let second = Ledger::open(&folder, settings()).await;
    assert!(second.is_err(), "two writers on one folder");
    let heads = ledger.heads().await.unwrap();
    assert_eq!(heads.len(), 64);
    ledger.close().await.unwrap();
    // The shards of an existing ledger count, not those of the settings.
    let ledger = Ledger::open(&folder, tuned(|s| s.shards = ShardCount::ONE)).await.unwrap();
    assert_eq!(ledger.heads().await.unwrap(), heads);
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn an_execute_that_is_given_up_still_counts() {
    let puppet = Puppet::exclusive(memory(ShardCount::ONE));
    let ledger = on(Arc::clone(&puppet) as _, settings()).await;
    let p = funded(&ledger, "p", "100.00").await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let task = send(&ledger, &p, bet("t1", "r1", "1.00"));
    soon(puppet.strings.append_calls.above(calls)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    puppet.strings.appends.open();
    assert_eq!(text(&soon(ledger.execute(&p, bet("t1", "r1", "1.00"))).await), "replayed:applied");
    assert_eq!(cash(&ledger, &p).await, "99.00");
}

#[tokio::test]
async fn closing_does_not_wait_for_a_write_that_hangs() {
    let puppet = Puppet::exclusive(memory(ShardCount::ONE));
    let limit = Duration::from_millis(80);
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.write_timeout = limit)).await;
    let p = funded(&ledger, "p", "100.00").await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let held = send(&ledger, &p, bet("t1", "r1", "1.00"));
    soon(puppet.strings.append_calls.above(calls)).await;
    let closed = soon(ledger.close()).await;
    assert!(matches!(closed, Err(StoreError::Unavailable { .. })), "{closed:?}");
    assert!(matches!(soon(held).await.unwrap(), Err(ExecuteError::Indeterminate { .. })));
    assert_eq!(puppet.strings.close_calls.now(), 0);
    puppet.strings.appends.open();
    while soon(ledger.close()).await.is_err() {}
    assert_eq!(verified(puppet.as_ref()).await.commits, 4, "what hung has landed");
}
