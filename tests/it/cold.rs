//! Cold players: long histories load right, with and without a snapshot, and a bad snapshot is not believed.

use std::sync::Arc;

use casino_ledger::core::{FOLD_VERSION, Partition, PlayerId, PlayerState};
use casino_ledger::store::{EventStore, MemoryStore, ShardCount, Snapshot};

use crate::puppet::Puppet;
use crate::support::{
    bet, deposit, funded, in_play, memory, on, player, rollback, send_all, settings, soon, text, tuned,
    verified,
};

const COMMITS: usize = 20_000;

/// A player with a long history, and what it came to.
async fn long(snapshots: bool) -> (Arc<MemoryStore>, PlayerId, PlayerState) {
    let store = memory(ShardCount::ONE);
    let every = if snapshots { 1_000 } else { u32::MAX };
    let ledger = on(Arc::clone(&store) as _, tuned(|s| s.snapshot_every = every)).await;
    let p = funded(&ledger, "p", "100.00").await;
    let mut sent = 2;
    while sent < COMMITS {
        let requests = (0..3_000.min(COMMITS - sent)).map(|i| match (sent + i) % 3 {
            0 => in_play(&p, deposit(&format!("d{}", sent + i), "0.01")),
            1 => in_play(&p, bet(&format!("t{}", sent + i), &format!("r{}", sent + i), "0.02")),
            _ => in_play(&p, rollback(&format!("x{}", sent + i), &format!("t{}", sent + i - 1))),
        });
        let answers = ledger.execute_all(requests.collect()).await;
        assert!(answers.iter().all(Result::is_ok));
        sent += answers.len();
    }
    let state = ledger.player(&p).await.unwrap().state;
    soon(ledger.close()).await.unwrap();
    let store = Arc::new(store.reopen().unwrap());
    (store, p, state)
}

async fn loads_as(store: &Arc<MemoryStore>, player: &PlayerId, expected: &PlayerState) {
    let ledger = on(Arc::clone(store) as _, tuned(|s| s.snapshot_every = u32::MAX)).await;
    assert_eq!(&soon(ledger.player(player)).await.unwrap().state, expected);
    assert_eq!(text(&soon(ledger.execute(player, deposit("d1", "100.00"))).await), "replayed:applied");
}

fn partition(player: &PlayerId) -> casino_ledger::core::PartitionDigest {
    Partition::Player(player.clone()).digest()
}

#[tokio::test]
async fn twenty_thousand_commits_load_with_and_without_a_snapshot() {
    let (store, p, state) = long(false).await;
    assert!(store.snapshot(&partition(&p)).await.unwrap().is_none(), "nothing was kept");
    loads_as(&store, &p, &state).await;
    let (store, p, with_snapshots) = long(true).await;
    assert_eq!(with_snapshots.wallet(), state.wallet());
    let kept = store.snapshot(&partition(&p)).await.unwrap().expect("a snapshot");
    assert!(kept.position.0 > 15_000, "{}", kept.position);
    let from_snapshot = PlayerState::from_snapshot(&kept.bytes).unwrap();
    assert!(from_snapshot.version() <= with_snapshots.version());
    loads_as(&store, &p, &with_snapshots).await;
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn a_snapshot_that_is_not_this_players_state_at_that_commit_is_not_believed() {
    let mut store = memory(ShardCount::ONE);
    let ledger = on(Arc::clone(&store) as _, tuned(|s| s.snapshot_every = 2)).await;
    let (p, q) = (funded(&ledger, "p", "100.00").await, funded(&ledger, "q", "77.00").await);
    for i in 0..20 {
        ledger.execute(&p, deposit(&format!("n{i}"), "1.00")).await.unwrap();
    }
    let state = ledger.player(&p).await.unwrap().state;
    soon(ledger.close()).await.unwrap();
    let good = store.snapshot(&partition(&p)).await.unwrap().expect("a snapshot");
    let other = store.snapshot(&partition(&q)).await.unwrap().expect("a snapshot");
    let rich = String::from_utf8(good.bytes.clone()).unwrap().replace("120.00", "999.00").into_bytes();
    assert_ne!(rich, good.bytes);
    let mut wrong_hash = good.hash;
    wrong_hash.0[0] ^= 1;
    let mut beyond = good.position;
    beyond.0 += 1_000;
    for bad in [
        Snapshot { fold: FOLD_VERSION + 1, bytes: rich.clone(), ..good.clone() },
        Snapshot { hash: wrong_hash, bytes: rich.clone(), ..good.clone() },
        Snapshot { bytes: b"{}".to_vec(), ..good.clone() },
        Snapshot { bytes: good.bytes[..good.bytes.len() / 2].to_vec(), ..good.clone() },
        Snapshot { bytes: other.bytes, ..good.clone() },
        Snapshot { position: beyond, bytes: rich, ..good.clone() },
    ] {
        // Each takes the place of the one before.
        store = Arc::new(store.reopen().unwrap());
        store.write_snapshot(bad.clone()).await.unwrap();
        let ledger = on(Arc::clone(&store) as _, settings()).await;
        assert_eq!(soon(ledger.player(&p)).await.unwrap().state, state, "{bad:?}");
    }
}

#[tokio::test]
async fn a_snapshot_is_never_ahead_of_what_is_durable() {
    let puppet = Puppet::exclusive(memory(ShardCount::ONE));
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.snapshot_every = 1)).await;
    let mut players = Vec::new();
    for i in 0..6 {
        players.push(funded(&ledger, &format!("p{i}"), "100.00").await);
    }
    let bets =
        |id: &str| send_all(&ledger, players.iter().map(|p| in_play(p, bet(id, id, "1.00"))).collect());
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let first = bets("t1");
    soon(puppet.strings.append_calls.above(calls)).await;
    let second = bets("t2");
    let cold = |id: &'static str| {
        let (ledger, loads) = (ledger.clone(), puppet.strings.load_calls.now());
        tokio::spawn(async move { ledger.player(&player(id)).await });
        puppet.strings.load_calls.above(loads)
    };
    soon(cold("c1")).await;
    // The first batch is durable, the second under way: the cached states are ahead of the log.
    puppet.strings.appends.release_one();
    soon(puppet.strings.append_calls.above(calls + 1)).await;
    assert!(soon(first).await.unwrap().iter().all(Result::is_ok));
    // Snapshots and loads have one thread, in order: those due by now are written.
    soon(cold("c2")).await;
    puppet.strings.appends.open();
    assert!(soon(second).await.unwrap().iter().all(Result::is_ok));
    soon(ledger.close()).await.unwrap();
    let snapshots = puppet.strings.snapshots.lock().unwrap().clone();
    assert!(snapshots.len() >= 12, "{snapshots:?}");
    assert!(snapshots.iter().all(|(position, durable)| position <= durable), "{snapshots:?}");
}
