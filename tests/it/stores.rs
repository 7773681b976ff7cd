//! One engine, every store: the same bytes, the same hashes, and the same answers where several share one.

use std::sync::Arc;

use casino_ledger::core::Finality;
use casino_ledger::store::{EventStore, Head, LedgerIdentity, Position, Shard, ShardCount, StoredCommit};
use casino_ledger::{Ledger, Settings};

use crate::histories::{case, compare, like_the_naive, longest, one_by_one, opened};
use crate::places::{Place, fresh_schema};
use crate::puppet::Puppet;
use crate::support::{
    bet, cash, code, deposit, funded, identity, memory, on, player, rollback, settings, soon, text, verified,
    win,
};

async fn everything(store: &dyn EventStore) -> (Vec<Head>, Vec<StoredCommit>) {
    let mut all = Vec::new();
    for shard in store.identity().shards.all() {
        let mut from = Position(1);
        loop {
            let page = store.read(shard, from, 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            from = last.position.next();
            all.extend(page);
        }
    }
    (store.heads().await.unwrap(), all)
}

#[tokio::test]
async fn one_run_gives_equal_bodies_and_hashes_on_every_store() {
    for (seed, shards) in
        [(70, ShardCount::ONE), (71, ShardCount::DEFAULT), (72, ShardCount::new(4).unwrap())]
    {
        let case = case(seed, 4, 40);
        let dir = tempfile::tempdir().unwrap();
        let id = identity(shards);
        let stores: Vec<(&str, Arc<dyn EventStore>)> = vec![
            ("memory", memory(shards)),
            ("log", Place::Log(dir.path().join("log")).open(id).await),
            ("sqlite", Place::Sqlite(dir.path().join("ledger.db")).open(id).await),
            ("postgres", fresh_schema().open(id).await),
        ];
        let mut first = None;
        for (name, store) in stores {
            // On a store that others may write to, commits name their engine: here all are one engine's alone.
            let alone = Puppet::exclusive(Arc::clone(&store));
            let ledger = opened(alone as _, like_the_naive(&case, |_| {})).await;
            one_by_one(&ledger, &case, 0, longest(&case)).await;
            compare(store.as_ref(), &case).await;
            let found = everything(store.as_ref()).await;
            let (heads, commits) = first.get_or_insert_with(|| found.clone());
            assert_eq!(found.0, *heads, "{name}: heads");
            assert_eq!(found.1.len(), commits.len(), "{name}");
            for (commit, due) in found.1.iter().zip(commits.iter()) {
                assert_eq!(commit, due, "{name}");
            }
            soon(ledger.close()).await.unwrap();
        }
    }
}

/// Two engines on one ledger in PostgreSQL, each with a store of its own.
async fn two_on_postgres(shards: ShardCount) -> (Ledger, Ledger, Arc<dyn EventStore>) {
    let place = fresh_schema();
    let id: LedgerIdentity = identity(shards);
    let (a, b) = (place.open(id).await, place.open(id).await);
    assert!(!a.is_exclusive());
    (on(a, settings()).await, on(Arc::clone(&b), settings()).await, b)
}

async fn the_bet_on_a_its_win_on_a_stale_b(a: &Ledger, b: &Ledger, store: &dyn EventStore) {
    let p = funded(a, "p", "100.00").await;
    // B caches the player before the bet, and knows nothing of it.
    assert_eq!(cash(b, &p).await, "100.00");
    assert_eq!(text(&soon(a.execute(&p, bet("t1", "r1", "60.00"))).await), "applied");
    // The win goes to B: it must be paid on the round that A opened, not be refused as of an unknown round.
    let won = soon(b.execute(&p, win("w1", "r1", "90.00", Finality::Round))).await.unwrap();
    assert!(!won.replayed);
    assert_eq!(cash(a, &p).await, "130.00");
    // A has the round cached as open, and the money without the win.
    assert_eq!(code(&soon(a.execute(&p, bet("t2", "r1", "1.00"))).await), "round_closed");
    assert_eq!(text(&soon(a.execute(&p, bet("t3", "r3", "125.00"))).await), "applied");
    // B thinks there is more than there is.
    assert_eq!(code(&soon(b.execute(&p, bet("t4", "r4", "50.00"))).await), "insufficient_funds");
    // Copies of each, to the one that did not decide it.
    assert_eq!(text(&soon(b.execute(&p, bet("t1", "r1", "60.00"))).await), "replayed:applied");
    let copy = soon(a.execute(&p, win("w1", "r1", "90.00", Finality::Round))).await;
    assert_eq!(text(&copy), "replayed:applied");
    assert_eq!(copy.unwrap().hash, won.hash);
    // A rollback that B has never seen the bet of, and one of a bet that only A knows.
    assert_eq!(text(&soon(b.execute(&p, rollback("x3", "t3"))).await), "applied");
    assert_eq!(text(&soon(b.execute(&p, rollback("x5", "t5"))).await), "tombstoned");
    assert_eq!(code(&soon(a.execute(&p, bet("t5", "r5", "1.00"))).await), "txn_cancelled");
    for ledger in [a, b] {
        assert_eq!(cash(ledger, &p).await, "130.00");
    }
    verified(store).await;
}

#[tokio::test]
async fn a_bet_on_a_and_its_win_on_a_stale_b_on_memory() {
    let store = memory(ShardCount::ONE);
    let (a, b) =
        (on(Arc::clone(&store) as _, settings()).await, on(Arc::clone(&store) as _, settings()).await);
    the_bet_on_a_its_win_on_a_stale_b(&a, &b, store.as_ref()).await;
}

#[tokio::test]
async fn a_bet_on_a_and_its_win_on_a_stale_b_on_postgres() {
    for shards in [ShardCount::ONE, ShardCount::DEFAULT] {
        let (a, b, store) = two_on_postgres(shards).await;
        the_bet_on_a_its_win_on_a_stale_b(&a, &b, store.as_ref()).await;
    }
}

#[tokio::test]
async fn ledgers_open_on_sqlite_and_postgres_by_one_call_and_go_on_where_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let Place::Postgres(url, schema) = fresh_schema() else { unreachable!() };
    let new = || Settings::new().unwrap();
    let options = || crate::places::postgres_options(&url, &schema);
    let on_sqlite = Ledger::open_sqlite(&file, new()).await.unwrap();
    assert!(Ledger::open_sqlite(&file, new()).await.is_err(), "one process writes a file");
    let on_postgres = Ledger::open_postgres(options(), new()).await.unwrap();
    for ledger in [&on_sqlite, &on_postgres] {
        let p = funded(ledger, "p", "10.00").await;
        assert_eq!(text(&soon(ledger.execute(&p, bet("t1", "r1", "1.00"))).await), "applied");
        soon(ledger.close()).await.unwrap();
    }
    drop((on_sqlite, on_postgres));
    let on_sqlite = loop {
        // The last thread may still hold the lock for a moment.
        match Ledger::open_sqlite(&file, new()).await {
            Ok(ledger) => break ledger,
            Err(error) => assert!(error.to_string().contains("open for writing elsewhere"), "{error}"),
        }
    };
    let on_postgres = Ledger::open_postgres(options(), new()).await.unwrap();
    for ledger in [on_sqlite, on_postgres] {
        let p = player("p");
        assert_eq!(text(&soon(ledger.execute(&p, bet("t1", "r1", "1.00"))).await), "replayed:applied");
        assert_eq!(text(&soon(ledger.execute(&p, deposit("d2", "1.00"))).await), "applied");
        assert_eq!(cash(&ledger, &p).await, "10.00");
        verified(ledger.store().as_ref()).await;
    }
}

#[tokio::test]
async fn a_database_that_lost_history_stops_the_shard() {
    let place = fresh_schema();
    let Place::Postgres(url, schema) = &place else { unreachable!() };
    let store = place.open(identity(ShardCount::ONE)).await;
    let ledger = on(Arc::clone(&store), settings()).await;
    let p = funded(&ledger, "p", "100.00").await;
    assert_eq!(text(&soon(ledger.execute(&p, bet("t1", "r1", "1.00"))).await), "applied");
    // A backup from before the bet is restored under the open ledger.
    let statements = format!(
        "SET search_path TO {schema};
         DELETE FROM index_entry USING head WHERE index_entry.position = head.position;
         DELETE FROM commits USING head WHERE commits.position = head.position;
         UPDATE head SET position = c.position, hash = c.hash FROM commits c WHERE c.position = head.position - 1"
    );
    let mut admin = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.unwrap();
    sqlx::Executor::execute(&mut admin, statements.as_str()).await.unwrap();
    for command in [bet("t2", "r2", "1.00"), bet("t1", "r1", "1.00")] {
        let answer = soon(ledger.execute(&p, command)).await;
        let lost = matches!(
            &answer,
            Err(casino_ledger::ExecuteError::Store(casino_ledger::store::StoreError::HistoryLost { .. }))
        );
        assert!(lost, "{answer:?}");
    }
    assert_eq!(store.identity().shards.all().next(), Some(Shard(0)));
    soon(ledger.close()).await.unwrap();
}
