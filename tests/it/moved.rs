//! A batch meets a head that moved while the next one is decided: what was not touched stays, what was is
//! decided again, and nobody is forgotten.

use std::sync::Arc;

use casino_ledger::Ledger;
use casino_ledger::core::{Partition, PlayerId};
use casino_ledger::store::{MemoryStore, Shard, ShardCount};

use crate::puppet::Puppet;
use crate::support::{
    bet, cash, funded, in_play, memory, on, player, send, send_all, settings, soon, text, verified, waits,
};

struct Stage {
    store: Arc<MemoryStore>,
    puppet: Arc<Puppet>,
    /// The engine whose writes are held.
    a: Ledger,
    /// The other one.
    b: Ledger,
    /// Six players of each shard.
    players: Vec<Vec<PlayerId>>,
}

/// Two engines, and players who have 100.00 each.
async fn stage(shards: ShardCount) -> Stage {
    let store = memory(shards);
    let puppet = Puppet::new(Arc::clone(&store) as _);
    let a = on(Arc::clone(&puppet) as _, settings()).await;
    let b = on(Arc::clone(&store) as _, settings()).await;
    let mut players = Vec::new();
    for shard in shards.all() {
        let mine = (0..).map(|i| format!("p{i}")).filter(|id| shard_of(shards, id) == shard).take(6);
        let mut six = Vec::new();
        for id in mine.collect::<Vec<_>>() {
            six.push(funded(&a, &id, "100.00").await);
        }
        players.push(six);
    }
    Stage { store, puppet, a, b, players }
}

fn shard_of(shards: ShardCount, id: &str) -> Shard {
    shards.shard_of(&Partition::Player(player(id)).digest())
}

async fn all_looked_at(stage: &Stage, cold: &str) {
    let loads = stage.puppet.strings.load_calls.now();
    let (ledger, cold) = (stage.a.clone(), player(cold));
    tokio::spawn(async move { ledger.player(&cold).await });
    soon(stage.puppet.strings.load_calls.above(loads)).await;
}

#[tokio::test]
async fn copies_that_wait_for_a_batch_that_moved_are_decided_on_a_quiet_ledger() {
    let stage = stage(ShardCount::ONE).await;
    let Stage { puppet, a, b, players, store } = &stage;
    let p = &players[0];
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let first = send_all(a, p.iter().map(|p| in_play(p, bet("t1", "r1", "10.00"))).collect());
    soon(puppet.strings.append_calls.above(calls)).await;
    let again = || in_play(&p[0], bet("t2", "r2", "10.00"));
    let copies = send_all(a, vec![again(), again(), again()]);
    all_looked_at(&stage, "cold").await;
    assert_eq!(text(&soon(b.execute(&p[5], bet("other", "r9", "1.00"))).await), "applied");
    puppet.strings.appends.open();
    for answer in soon(first).await.unwrap() {
        assert_eq!(text(&answer), "applied");
    }
    let texts: Vec<_> = soon(copies).await.unwrap().iter().map(text).collect();
    assert_eq!(texts, ["applied", "replayed:applied", "replayed:applied"], "in the order they were sent");
    assert_eq!(cash(a, &p[0]).await, "80.00");
    assert_eq!(cash(b, &p[5]).await, "89.00");
    verified(store.as_ref()).await;
    soon(a.close()).await.unwrap();
}

#[tokio::test]
async fn what_other_shards_had_decided_is_neither_lost_nor_decided_twice() {
    let stage = stage(ShardCount::new(2).unwrap()).await;
    let Stage { puppet, a, b, players, store } = &stage;
    let (moved, kept) = (&players[0], &players[1]);
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let all = || moved.iter().chain(kept);
    let first = send_all(a, all().map(|p| in_play(p, bet("t1", "r1", "10.00"))).collect());
    soon(puppet.strings.append_calls.above(calls)).await;
    let second = send_all(a, all().map(|p| in_play(p, bet("t2", "r2", "10.00"))).collect());
    all_looked_at(&stage, "cold").await;
    assert_eq!(text(&soon(b.execute(&moved[5], bet("other", "r9", "1.00"))).await), "applied");
    let loads = puppet.strings.load_calls.now();
    puppet.strings.appends.release_one();
    // The first batch met the moved head; what is left of the second is held in its place.
    soon(puppet.strings.append_calls.above(calls + 1)).await;
    // Each player of the moved shard is loaded with two reads.
    soon(puppet.strings.load_calls.above(loads + 2 * moved.len() - 1)).await;
    let mut copy = send(a, &kept[0], bet("t2", "r2", "10.00"));
    let mut reading = tokio::spawn({
        let (a, p) = (a.clone(), kept[1].clone());
        async move { a.player(&p).await }
    });
    all_looked_at(&stage, "colder").await;
    assert!(waits(&mut copy).await && waits(&mut reading).await, "nothing of it is durable");
    puppet.strings.appends.open();
    for answer in soon(first).await.unwrap().into_iter().chain(soon(second).await.unwrap()) {
        assert_eq!(text(&answer), "applied");
    }
    assert_eq!(text(&soon(copy).await.unwrap()), "replayed:applied");
    assert_eq!(soon(reading).await.unwrap().unwrap().balances()[0].cash.to_string(), "80.00");
    for p in moved[..5].iter().chain(kept) {
        assert_eq!((cash(a, p).await, cash(b, p).await), ("80.00".to_owned(), "80.00".to_owned()));
    }
    verified(store.as_ref()).await;
    soon(a.close()).await.unwrap();
}
