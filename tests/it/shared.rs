//! Two engines on one store: neither holds a lock, the head of each shard decides.

use std::collections::HashMap;
use std::sync::Arc;

use casino_ledger::core::{Finality, OperationKind, PlayerId};
use casino_ledger::store::{EventStore, MemoryStore, ShardCount, StoreError};
use casino_ledger::{ExecuteError, Ledger, Outcome, RecordedOutcome};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::puppet::Puppet;
use crate::support::{
    Hands, bet, cash, code, deposit, funded, in_play, memory, on, player, rollback, send, send_all, settings,
    soon, text, tuned, verified, win,
};

async fn two(shards: ShardCount) -> (Ledger, Ledger, Arc<MemoryStore>) {
    let store = memory(shards);
    assert!(!store.is_exclusive());
    (on(Arc::clone(&store) as _, settings()).await, on(Arc::clone(&store) as _, settings()).await, store)
}

#[tokio::test]
async fn what_one_engine_did_the_other_knows() {
    let (a, b, store) = two(ShardCount::ONE).await;
    let p = funded(&a, "p", "100.00").await;
    assert_eq!(cash(&b, &p).await, "100.00");
    let placed = a.execute(&p, bet("t1", "r1", "60.00")).await.unwrap();
    // B has the player cached as he was.
    assert_eq!(code(&soon(b.execute(&p, bet("t2", "r2", "60.00"))).await), "insufficient_funds");
    let again = soon(b.execute(&p, bet("t1", "r1", "60.00"))).await.unwrap();
    assert!(again.replayed && again.hash == placed.hash);
    assert_eq!(cash(&b, &p).await, "40.00");
    soon(b.execute(&p, win("w1", "r1", "10.00", Finality::Round))).await.unwrap();
    assert_eq!(cash(&a, &p).await, "50.00", "a reading is confirmed, too");
    assert_eq!(code(&soon(a.execute(&p, bet("t3", "r1", "1.00"))).await), "round_closed");
    assert_eq!(code(&soon(a.execute(&p, rollback("x", "t1"))).await), "already_settled");
    let key = win("w1", "r1", "10.00", Finality::Round).key(&p, &settings().policy).unwrap();
    assert_eq!(key.kind, OperationKind::Win);
    assert!(matches!(soon(a.outcome(&p, &key)).await.unwrap(), RecordedOutcome::Accepted(_)));
    verified(store.as_ref()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_is_applied_once_wherever_it_is_sent() {
    for (shards, seed) in [(ShardCount::ONE, 1), (ShardCount::DEFAULT, 2), (ShardCount::new(2).unwrap(), 3)] {
        let (a, b, store) = two(shards).await;
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut players = Vec::new();
        for i in 0..5 {
            players.push(funded(if i % 2 == 0 { &a } else { &b }, &format!("p{i}"), "50.00").await);
        }
        let mut sent = Vec::new();
        for i in 0..300_usize {
            let p = &players[i % 5];
            // Bets of 1.00, more than there is money for; each is sent once or to both.
            let command = bet(&format!("t{i}"), &format!("r{i}"), "1.00");
            let roll = dice.next_u32() % 4;
            for ledger in
                [(roll != 0, &a), (roll != 1, &b)].iter().filter(|(sends, _)| *sends).map(|(_, l)| *l)
            {
                sent.push((i, send(ledger, p, command.clone())));
            }
        }
        let mut first: HashMap<usize, Vec<String>> = HashMap::new();
        for (i, answer) in sent {
            first.entry(i).or_default().push(text(&soon(answer).await.unwrap()));
        }
        let mut applied = [0; 5];
        for (i, answers) in first {
            let fresh: Vec<_> = answers.iter().filter(|text| !text.starts_with("replayed")).collect();
            assert_eq!(fresh.len(), 1, "{answers:?}");
            assert!(answers.iter().all(|text| text.ends_with(fresh[0].as_str())), "{answers:?}");
            applied[i % 5] += usize::from(fresh[0] == "applied");
        }
        assert_eq!(applied, [50; 5]);
        for p in &players {
            assert_eq!((cash(&a, p).await, cash(&b, p).await), ("0.00".to_owned(), "0.00".to_owned()));
        }
        let verification = verified(store.as_ref()).await;
        assert_eq!(verification.entries, 5 + 250);
        soon(a.close()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_wait_for_their_originals_while_another_writer_is_faster() {
    let (a, b, store) = two(ShardCount::ONE).await;
    let p: Vec<PlayerId> = {
        let mut all = Vec::new();
        for i in 0..3 {
            all.push(funded(&a, &format!("p{i}"), "1000.00").await);
        }
        all
    };
    for round in 0..30 {
        let copies = |ledger: &Ledger| {
            let requests = p.iter().flat_map(|p| {
                let command = bet(&format!("t{round}"), &format!("r{round}"), "1.00");
                [in_play(p, command.clone()), in_play(p, command.clone()), in_play(p, command)]
            });
            send_all(ledger, requests.collect())
        };
        let (from_a, from_b) = (copies(&a), copies(&b));
        let answers = soon(from_a).await.unwrap().into_iter().chain(soon(from_b).await.unwrap());
        let fresh = answers.map(Result::unwrap).filter(|receipt| !receipt.replayed).count();
        assert_eq!(fresh, 3, "one for each player");
    }
    for p in &p {
        assert_eq!(cash(&b, p).await, "970.00");
    }
    verified(store.as_ref()).await;
}

/// With one frozen clock two engines would write the same bytes for the same command, and each would take the
/// other's commit for its own: only their names tell them apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_to_two_engines_in_one_microsecond_is_applied_by_one() {
    let store = memory(ShardCount::ONE);
    let frozen = || tuned(|settings| settings.clock = Hands::new());
    let (a, b) = (on(Arc::clone(&store) as _, frozen()).await, on(Arc::clone(&store) as _, frozen()).await);
    let p = funded(&a, "p", "1000.00").await;
    for round in 0..100 {
        let command = bet(&format!("t{round}"), &format!("r{round}"), "1.00");
        let (from_a, from_b) = (send(&a, &p, command.clone()), send(&b, &p, command));
        let answers = [soon(from_a).await.unwrap().unwrap(), soon(from_b).await.unwrap().unwrap()];
        assert_eq!(answers.iter().filter(|receipt| receipt.replayed).count(), 1, "round {round}");
    }
    assert_eq!(cash(&b, &p).await, "900.00");
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn a_load_of_before_another_writer_appended_is_not_decided_on() {
    let store = memory(ShardCount::ONE);
    let b = on(Arc::clone(&store) as _, settings()).await;
    let (p, q) = (funded(&b, "p", "100.00").await, funded(&b, "q", "100.00").await);
    let puppet = Puppet::new(Arc::clone(&store) as _);
    let a = on(Arc::clone(&puppet) as _, settings()).await;
    assert_eq!(cash(&a, &q).await, "100.00");
    puppet.strings.loads.hold();
    let loads = puppet.strings.load_calls.now();
    let late = send(&a, &p, bet("t2", "r2", "100.00"));
    soon(puppet.strings.load_calls.above(loads)).await;
    // The first page has everything; that the second is empty ends the load.
    puppet.strings.loads.release_one();
    soon(puppet.strings.load_calls.above(loads + 1)).await;
    // A has read that p has 100.00, but not heard of it. B spends it.
    soon(b.execute(&p, bet("t1", "r1", "100.00"))).await.unwrap();
    let reads = puppet.strings.read_calls.now();
    let other = send(&a, &q, bet("t1", "r1", "1.00"));
    // A's append met a moved head, and it looks at what it had seen.
    soon(puppet.strings.read_calls.above(reads)).await;
    puppet.strings.loads.open();
    assert_eq!(text(&soon(late).await.unwrap()), "rejected:insufficient_funds");
    assert_eq!(text(&soon(other).await.unwrap()), "applied");
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn a_store_that_lost_history_stops_the_shard() {
    for behind in [true, false] {
        let store = memory(ShardCount::ONE);
        let puppet = Puppet::new(Arc::clone(&store) as _);
        let ledger = on(Arc::clone(&puppet) as _, settings()).await;
        let p = funded(&ledger, "p", "100.00").await;
        ledger.execute(&p, bet("t1", "r1", "1.00")).await.unwrap();
        // A backup is restored, or another copy has gone its own way.
        let other = memory(ShardCount::ONE);
        if !behind {
            let foreign = on(Arc::clone(&other) as _, settings()).await;
            let p = funded(&foreign, "p", "777.00").await;
            for i in 0..5 {
                foreign.execute(&p, bet(&format!("t{i}"), "r1", "1.00")).await.unwrap();
            }
        }
        puppet.become_other(other);
        let mut answers = Vec::new();
        let requests = (0..3).map(|i| in_play(&p, bet(&format!("n{i}"), "r2", "1.00"))).collect();
        answers.extend(soon(ledger.execute_all(requests)).await);
        answers.push(soon(ledger.execute(&p, bet("t1", "r1", "1.00"))).await);
        for answer in answers {
            assert!(
                matches!(&answer, Err(ExecuteError::Store(StoreError::HistoryLost { .. }))),
                "behind {behind}: {answer:?}"
            );
        }
        assert!(matches!(soon(ledger.player(&p)).await, Err(ExecuteError::Store(_))));
        soon(ledger.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_replay_is_not_answered_from_a_store_that_lost_history() {
    let store = memory(ShardCount::ONE);
    let puppet = Puppet::new(Arc::clone(&store) as _);
    let ledger = on(Arc::clone(&puppet) as _, settings()).await;
    let p = funded(&ledger, "p", "100.00").await;
    puppet.become_other(memory(ShardCount::ONE));
    let reading = soon(ledger.player(&p)).await;
    assert!(matches!(&reading, Err(ExecuteError::Store(StoreError::HistoryLost { .. }))), "{reading:?}");
}

#[tokio::test]
async fn engines_whose_clocks_differ_agree_on_the_order_of_time() {
    let store = memory(ShardCount::ONE);
    let (early, late) = (Hands::new(), Hands::new());
    late.jump(5);
    let a = on(Arc::clone(&store) as _, tuned(|s| s.clock = early.clone())).await;
    let b = on(Arc::clone(&store) as _, tuned(|s| s.clock = late.clone())).await;
    let (p, q) = (funded(&a, "p", "100.00").await, funded(&a, "q", "100.00").await);
    for i in 0..10 {
        // B's commits lie five seconds ahead of A's clock; that is within the bound.
        let id = format!("t{i}");
        assert_eq!(text(&soon(b.execute(&p, bet(&id, "r", "1.00"))).await), "applied");
        assert_eq!(text(&soon(a.execute(&p, deposit(&id, "1.00"))).await), "applied");
        assert_eq!(text(&soon(b.execute(&p, deposit(&format!("b{i}"), "1.00"))).await), "applied");
        assert_eq!(text(&soon(a.execute(&q, bet(&id, "r", "1.00"))).await), "applied");
        assert_eq!(
            text(&soon(a.execute(&player(&format!("new{i}")), crate::support::open())).await),
            "applied"
        );
        early.pass(1);
        late.pass(1);
    }
    verified(store.as_ref()).await;
    // Beyond the bound nothing is recorded, and the error says why.
    late.jump(30);
    b.accept_clock();
    late.jump(45);
    b.accept_clock();
    assert_eq!(text(&soon(b.execute(&p, bet("far", "r", "1.00"))).await), "applied");
    let answer = soon(a.execute(&p, bet("behind", "r", "1.00"))).await;
    assert!(matches!(answer, Err(ExecuteError::ClockSuspect(_))), "{answer:?}");
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn both_register_a_currency_and_it_is_recorded_once() {
    for _ in 0..20 {
        let (a, b, store) = two(ShardCount::DEFAULT).await;
        let (one, two) =
            (send(&a, &player("p"), crate::support::open()), send(&b, &player("q"), crate::support::open()));
        for answer in [soon(one).await.unwrap(), soon(two).await.unwrap()] {
            assert_eq!(answer.unwrap().outcome, Outcome::Applied);
        }
        verified(store.as_ref()).await;
    }
}
