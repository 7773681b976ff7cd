//! Balances at past moments against a naive fold, and their proofs.

use std::sync::Arc;

use casino_ledger::core::stored::{CommitBody, Event, PurseBalance};
use casino_ledger::core::testing::commands;
use casino_ledger::core::{Partition, PlayerId, Timestamp};
use casino_ledger::proof::{FolderArchive, MemoryArchive, Notary, ProveError, Signer as _, Statement};
use casino_ledger::store::{EventStore, Position, Shard, ShardCount};
use casino_ledger::{Moment, PastError, Request, balances_at, prove_balances};
use proptest::strategy::{Strategy as _, ValueTree as _};

use crate::proofs::{on_hands, signer};
use crate::support::{Hands, bet, deposit, eur, funded, memory, player};

/// A second reading: the last balance that any of the player's first commits says of each purse, in plain JSON.
fn naive(bodies: &[Vec<u8>], whose: &PlayerId, until: usize) -> Vec<(String, serde_json::Value)> {
    let mut purses: Vec<(String, serde_json::Value)> = Vec::new();
    for body in &bodies[..until] {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        if body["partition"] != format!("player/{whose}") {
            continue;
        }
        for event in body["events"].as_array().unwrap() {
            let opened = match event["type"].as_str().unwrap() {
                "player.opened" => event["data"]["currencies"].as_array().unwrap().clone(),
                "purse.opened" => vec![event["data"]["currency"].clone()],
                _ => vec![],
            };
            purses.extend(
                opened.iter().map(|c| (c["code"].as_str().unwrap().to_owned(), serde_json::Value::Null)),
            );
            for after in event["data"]["after"].as_array().into_iter().flatten() {
                if event["type"] == "entry.posted" {
                    let code = after["currency"].as_str().unwrap();
                    purses.iter_mut().find(|(known, _)| known == code).unwrap().1 = after.clone();
                }
            }
        }
    }
    purses
}

fn assert_same(found: &[PurseBalance], naive: &[(String, serde_json::Value)], what: &str) {
    assert_eq!(found.len(), naive.len(), "{what}");
    for (purse, (code, value)) in found.iter().zip(naive) {
        assert_eq!(purse.currency.as_str(), code, "{what}");
        if value.is_null() {
            assert!(purse.cash.is_zero() && purse.held.is_zero() && purse.receivable.is_none(), "{what}");
        } else {
            assert_eq!(serde_json::to_value(purse).unwrap(), *value, "{what}");
        }
    }
}

async fn bodies(store: &Arc<dyn EventStore>, shard: Shard) -> Vec<Vec<u8>> {
    let all = store.read(shard, Position(1), 8_192).await.unwrap();
    all.iter().map(|commit| commit.body.to_vec()).collect()
}

async fn stated(store: &Arc<dyn EventStore>, clock: &Arc<Hands>) -> Statement {
    let archive = Arc::new(MemoryArchive::new());
    Notary::new(Arc::clone(store), signer(1), archive, Arc::clone(clock) as _).take().await.unwrap()
}

/// Random histories of three players who share shards or do not: every position, and every instant, against the
/// naive fold; every purse proven.
#[tokio::test]
async fn every_past_moment_is_what_a_naive_fold_says_and_is_proven() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (round, shards) in
        [ShardCount::ONE, ShardCount::new(2).unwrap(), ShardCount::ONE].into_iter().enumerate()
    {
        let store: Arc<dyn EventStore> = memory(shards);
        let clock = Hands::new();
        let ledger = on_hands(Arc::clone(&store), &clock).await;
        let players = ["p1", "p2", "p3"].map(player);
        let mut histories = Vec::new();
        for player in &players {
            ledger.execute(player, commands::open(&["EUR", "USD"])).await.unwrap();
            let commands = casino_ledger::core::testing::generators::histories(20..40).new_tree(&mut runner);
            histories.push(commands.unwrap().current().into_iter());
        }
        let mut more = true;
        while more {
            more = false;
            for (player, history) in players.iter().zip(&mut histories) {
                let Some(command) = history.next() else { continue };
                more = true;
                // Refusals are part of a history.
                let _answer = ledger.request(Request::new(player.clone(), command)).await;
                clock.pass(1);
            }
        }
        // His history may have closed him.
        let _answer = ledger.execute(&players[0], commands::add_purse("U1", "SEK")).await;
        let statement = stated(&store, &clock).await;
        for whose in &players {
            let shard = shards.shard_of(&Partition::Player(whose.clone()).digest());
            let bodies = bodies(&store, shard).await;
            for until in 0..=bodies.len() {
                let at = Position(until as u64);
                let what = format!("{whose} at {at} in round {round}");
                let found = balances_at(&store, whose, Moment::Position(at)).await.unwrap();
                assert_eq!((found.shard, found.as_of.position), (shard, at), "{what}");
                let purses: Vec<_> = found.purses.iter().map(|p| p.balance.clone()).collect();
                assert_same(&purses, &naive(&bodies, whose, until), &what);
                // The same moment as an instant: the last position of that microsecond.
                if until > 0 {
                    let decoded = CommitBody::decode(&bodies[until - 1]).unwrap();
                    let by_time =
                        balances_at(&store, whose, Moment::Instant(decoded.recorded_at)).await.unwrap();
                    let at_once = bodies[until..].iter().take_while(|body| {
                        CommitBody::decode(body).unwrap().recorded_at == decoded.recorded_at
                    });
                    let last = Position((until + at_once.count()) as u64);
                    assert_eq!(by_time.as_of.position, last, "{what}");
                    let same = balances_at(&store, whose, Moment::Position(last)).await.unwrap();
                    assert_eq!(by_time, same, "{what}");
                }
                if until % 7 == 0 || until == bodies.len() {
                    let proofs = prove_balances(&store, &found, &statement).await.unwrap();
                    let key = signer(1).public_key();
                    let proven: Vec<_> = proofs.iter().map(|p| p.verify(&[key]).unwrap()).collect();
                    for purse in &found.purses {
                        let commit =
                            proven.iter().find(|commit| commit.position == purse.told_at.position).unwrap();
                        assert_eq!(commit.hash, purse.told_at.hash, "{what}");
                        assert!(commit.balances().unwrap().contains(&purse.balance), "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn moments_before_and_after_everything() {
    let store: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let clock = Hands::new();
    let ledger = on_hands(Arc::clone(&store), &clock).await;
    clock.pass(10);
    let p = funded(&ledger, "p", "100.00").await;
    clock.pass(10);
    ledger.execute(&p, bet("b", "r", "30.00")).await.unwrap();
    let at = |moment: Moment| balances_at(&store, &p, moment);
    let before: Timestamp = "2025-12-31T00:00:00Z".parse().unwrap();
    let none = at(Moment::Instant(before)).await.unwrap();
    assert_eq!((none.as_of.position, none.last, none.purses.len()), (Position::ZERO, None, 0));
    assert_eq!(at(Moment::Position(Position::ZERO)).await.unwrap(), none);
    let now = at(Moment::Instant(Timestamp::MAX)).await.unwrap();
    assert_eq!(now.as_of, store.heads().await.unwrap()[0]);
    assert_eq!(now.purse(eur()).unwrap().balance.cash.to_string(), "70.00");
    assert_eq!(now.purse(eur()).unwrap().balance.held.to_string(), "30.00");
    let reading = ledger.player(&p).await.unwrap();
    assert_eq!((now.last.unwrap().hash, now.as_of.position), (reading.hash, reading.position));
    assert_eq!(ledger.balances_at(&p, Moment::Position(now.as_of.position)).await.unwrap(), now);
    let end = now.as_of.position;
    let refused = at(Moment::Position(end.next())).await;
    assert!(matches!(refused, Err(PastError::NotYet { end: e, .. }) if e == end), "{refused:?}");
    let nobody = balances_at(&store, &player("nobody"), Moment::Instant(Timestamp::MAX)).await.unwrap();
    assert_eq!((nobody.last, nobody.purses.len()), (None, 0));
    assert_eq!(nobody.as_of, now.as_of);
    let statement = stated(&store, &clock).await;
    assert_eq!(prove_balances(&store, &nobody, &statement).await.unwrap(), []);
    // A statement from before the moment cannot prove it.
    ledger.execute(&p, deposit("d2", "1.00")).await.unwrap();
    let later = at(Moment::Instant(Timestamp::MAX)).await.unwrap();
    assert!(matches!(prove_balances(&store, &later, &statement).await, Err(ProveError::NotStated { .. })));
}

/// From the ledger's own handle, with its notary and a folder.
#[tokio::test]
async fn the_handle_takes_statements_and_proves_balances() {
    let store: Arc<dyn EventStore> = memory(ShardCount::new(4).unwrap());
    let clock = Hands::new();
    let ledger = on_hands(Arc::clone(&store), &clock).await;
    let p = funded(&ledger, "p", "100.00").await;
    let folder = tempfile::tempdir().unwrap();
    let archive = Arc::new(FolderArchive::open(folder.path()).unwrap());
    let statement = ledger.notary(signer(1), archive).take().await.unwrap();
    assert_eq!(statement.header().taken_at().to_string(), "2026-01-01T00:00:00.000000Z");
    let now = ledger.balances_at(&p, Moment::Instant(Timestamp::MAX)).await.unwrap();
    let proofs = prove_balances(&ledger.store(), &now, &statement).await.unwrap();
    let proven = proofs[0].verify(&[signer(1).public_key()]).unwrap();
    let body = CommitBody::decode(proven.body.as_bytes()).unwrap();
    assert!(body.events.iter().any(|record| matches!(record.event, Event::EntryPosted(_))));
    assert_eq!(proven.balances().unwrap()[0].cash.to_string(), "100.00");
}
