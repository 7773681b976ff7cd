//! Power cuts under the engine: a log on a disk that forgets, cut at every kind of call.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use casino_ledger::core::{Finality, PlayerCommand, PlayerId};
use casino_ledger::store::log::simulation::{Fault, Keep, SimulatedDisk};
use casino_ledger::store::log::{LogOptions, LogStore, Prepare};
use casino_ledger::store::{CommitHash, Position, ShardCount};
use casino_ledger::{Ledger, Request, Settings};

use crate::support::{
    bet, deposit, identity, in_play, on, open, player, rollback, soon, text, tuned, verified, win,
};

fn open_log(disk: &SimulatedDisk) -> Option<Arc<LogStore>> {
    let options = LogOptions {
        segment_bytes: 16 << 10,
        prepare: Prepare::Inline,
        files: Arc::new(disk.clone()),
        ..LogOptions::default()
    };
    let shards = ShardCount::new(4).unwrap();
    match LogStore::open_or_create(Path::new("/ledger"), identity(shards), options) {
        Ok(store) => Some(Arc::new(store)),
        Err(_) if disk.is_dead() => None,
        Err(error) => panic!("{error}"),
    }
}

fn tight() -> Settings {
    tuned(|s| {
        s.snapshot_every = 3;
        s.cache_bytes = 2_000;
        s.batch_commands_max = 8;
    })
}

/// What is sent, in order, in groups that go together.
fn workload() -> Vec<Vec<Request>> {
    let players: Vec<PlayerId> = (0..4).map(|i| player(&format!("p{i}"))).collect();
    let each = |command: &dyn Fn(usize) -> PlayerCommand| {
        players.iter().enumerate().map(|(i, p)| in_play(p, command(i))).collect::<Vec<_>>()
    };
    let mut groups = vec![each(&|_| open()), each(&|_| deposit("d1", "100.00"))];
    for n in 0..6 {
        let (t, r, w, x) = (format!("t{n}"), format!("r{n}"), format!("w{n}"), format!("x{n}"));
        groups.push(each(&|_| bet(&t, &r, "10.00")));
        groups.push(each(&|i| match i % 2 {
            0 => win(&w, &r, "12.00", Finality::Round),
            _ => rollback(&x, &t),
        }));
    }
    groups
}

type Acknowledged = HashMap<(usize, usize), (Position, CommitHash)>;

/// Sends everything until something fails, and notes what was acknowledged.
async fn run(ledger: &Ledger, acknowledged: &mut Acknowledged) -> bool {
    for (g, group) in workload().into_iter().enumerate() {
        for (i, answer) in soon(ledger.execute_all(group)).await.into_iter().enumerate() {
            let Ok(receipt) = answer else { return false };
            let place = (receipt.position, receipt.hash);
            let before = acknowledged.insert((g, i), place);
            assert!(before.is_none_or(|before| before == place), "{g}/{i} was recorded elsewhere");
        }
    }
    true
}

/// Runs the workload with a power cut at a call, and then to its end on what the cut left.
async fn cut_at(call: u64, keep: Keep) -> bool {
    let disk = SimulatedDisk::new();
    disk.arm(call, Fault::Death);
    let mut acknowledged = Acknowledged::new();
    if let Some(store) = open_log(&disk)
        && let Ok(ledger) = Ledger::with_store(store, tight()).await
    {
        run(&ledger, &mut acknowledged).await;
        drop(soon(ledger.close()).await);
    }
    let was_cut = disk.is_dead();
    let disk = disk.after_power_cut(keep);
    let store = open_log(&disk).expect("no fault is armed");
    verified(store.as_ref()).await;
    let ledger = on(Arc::clone(&store) as _, tight()).await;
    // First what was acknowledged, then all of it.
    for (g, group) in workload().into_iter().enumerate() {
        for (i, request) in group.into_iter().enumerate() {
            let Some(place) = acknowledged.get(&(g, i)) else { continue };
            let receipt = soon(ledger.request(request)).await.unwrap();
            assert!(receipt.replayed, "call {call}: {g}/{i} was acknowledged and is gone");
            assert_eq!((receipt.position, receipt.hash), *place, "call {call}: {g}/{i}");
        }
    }
    assert!(run(&ledger, &mut acknowledged).await, "call {call}");
    for i in 0..4 {
        let cash =
            soon(ledger.player(&player(&format!("p{i}")))).await.unwrap().balances()[0].cash.to_string();
        assert_eq!(cash, if i % 2 == 0 { "112.00" } else { "100.00" }, "call {call}");
    }
    assert_eq!(verified(store.as_ref()).await.commits, 1 + 4 * 14, "call {call}: nothing stands twice");
    soon(ledger.close()).await.unwrap();
    was_cut
}

#[tokio::test]
async fn whatever_was_acknowledged_survives_a_power_cut() {
    let mut cuts = 0;
    for call in 1..=150 {
        for keep in [Keep::Nothing, Keep::Some(call), Keep::All] {
            cuts += usize::from(cut_at(call, keep).await);
        }
    }
    assert!(cuts > 200, "only {cuts} cuts");
}

#[tokio::test]
async fn a_disk_that_fails_once_stops_the_ledger_and_loses_nothing() {
    let mut failed = 0;
    for call in 1..=100 {
        let disk = SimulatedDisk::new();
        disk.arm(call, Fault::Error(std::io::ErrorKind::StorageFull));
        let options = || LogOptions {
            files: Arc::new(disk.clone()),
            segment_bytes: 16 << 10,
            prepare: Prepare::Inline,
            ..LogOptions::default()
        };
        let shards = ShardCount::new(4).unwrap();
        let mut acknowledged = Acknowledged::new();
        if let Ok(store) = LogStore::open_or_create(Path::new("/ledger"), identity(shards), options()) {
            let ledger = on(Arc::new(store), tight()).await;
            if !run(&ledger, &mut acknowledged).await {
                failed += 1;
                let after = soon(ledger.request(in_play(&player("p0"), deposit("after", "1.00")))).await;
                assert!(
                    after.is_err(),
                    "call {call}: a failed disk is not written to again: {}",
                    text(&after)
                );
            }
            drop(soon(ledger.close()).await);
        }
        let store =
            Arc::new(LogStore::open_or_create(Path::new("/ledger"), identity(shards), options()).unwrap());
        let ledger = on(Arc::clone(&store) as _, tight()).await;
        assert!(run(&ledger, &mut acknowledged).await, "call {call}");
        assert_eq!(verified(store.as_ref()).await.commits, 1 + 4 * 14, "call {call}");
        soon(ledger.close()).await.unwrap();
    }
    assert!(failed > 20, "only {failed} failures");
}
