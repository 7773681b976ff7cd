//! Commands in parallel: the races of the rule book, on both kinds of runtime and on both stores.

use std::future::Future;
use std::sync::Arc;

use casino_ledger::core::Finality;
use casino_ledger::core::testing::commands;
use casino_ledger::store::{EventStore, LostAnswer, ShardCount};
use casino_ledger::{Ledger, Settings};

use crate::places::{Place, fresh_schema};
use crate::support::{
    bet, cash, funded, identity, memory, on, rollback, send, settings, soon, text, tuned, verified, win,
};

/// Runs a test on a runtime of several threads and on one of the current thread.
fn on_both_runtimes<F: Future<Output = ()>>(test: impl Fn() -> F) {
    let multi = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    multi.block_on(test());
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
}

/// A ledger in memory (of 1 or 64 shards) or on a log in a folder.
async fn ledgers() -> Vec<(Ledger, Option<tempfile::TempDir>)> {
    let dir = tempfile::tempdir().unwrap();
    let log = Ledger::open(dir.path().join("ledger"), settings()).await.unwrap();
    vec![
        (on(memory(ShardCount::ONE), settings()).await, None),
        (on(memory(ShardCount::DEFAULT), settings()).await, None),
        (log, Some(dir)),
    ]
}

#[test]
fn s24_of_two_identical_bets_in_parallel_one_is_applied() {
    on_both_runtimes(|| async {
        for (ledger, _dir) in ledgers().await {
            let p = funded(&ledger, "p", "100.00").await;
            for i in 0..40 {
                let place = || send(&ledger, &p, bet(&format!("t{i}"), &format!("r{i}"), "1.00"));
                let (one, two) = (place(), place());
                let mut texts = [text(&soon(one).await.unwrap()), text(&soon(two).await.unwrap())];
                texts.sort_unstable();
                assert_eq!(texts, ["applied", "replayed:applied"]);
            }
            assert_eq!(cash(&ledger, &p).await, "60.00");
            verified(ledger.store().as_ref()).await;
            soon(ledger.close()).await.unwrap();
        }
    });
}

#[test]
fn s25_of_a_hundred_bets_on_fifty_euros_fifty_are_applied() {
    on_both_runtimes(|| async {
        for (ledger, _dir) in ledgers().await {
            let p = funded(&ledger, "p", "50.00").await;
            let bets: Vec<_> = (0..100)
                .map(|i| send(&ledger, &p, bet(&format!("t{i}"), &format!("r{}", i % 7), "1.00")))
                .collect();
            let (mut applied, mut refused) = (0, 0);
            for answer in bets {
                match text(&soon(answer).await.unwrap()).as_str() {
                    "applied" => applied += 1,
                    "rejected:insufficient_funds" => refused += 1,
                    other => panic!("{other}"),
                }
            }
            assert_eq!((applied, refused), (50, 50));
            assert_eq!(cash(&ledger, &p).await, "0.00");
            verified(ledger.store().as_ref()).await;
            soon(ledger.close()).await.unwrap();
        }
    });
}

#[test]
fn w25_of_two_requests_in_parallel_on_one_balance_one_is_applied() {
    on_both_runtimes(|| async {
        for (ledger, _dir) in ledgers().await {
            for i in 0..20 {
                let p = funded(&ledger, &format!("p{i}"), "100.00").await;
                let ask = |id: &str| send(&ledger, &p, commands::request(id, "60"));
                let (one, two) = (ask("w1"), ask("w2"));
                let mut texts = [text(&soon(one).await.unwrap()), text(&soon(two).await.unwrap())];
                texts.sort_unstable();
                assert_eq!(texts, ["applied", "rejected:insufficient_funds"]);
                assert_eq!(cash(&ledger, &p).await, "40.00");
            }
            verified(ledger.store().as_ref()).await;
            soon(ledger.close()).await.unwrap();
        }
    });
}

#[tokio::test]
async fn s26_after_a_crash_between_append_and_answer_the_bet_is_there_once() {
    for lost in [LostAnswer::Landed, LostAnswer::NeverArrived] {
        let store = memory(ShardCount::ONE);
        let ledger = on(Arc::clone(&store) as _, settings()).await;
        let p = funded(&ledger, "p", "100.00").await;
        store.lose_next_answer(lost).unwrap();
        let (reached, release) = store.stall_next_write().unwrap();
        let caller = send(&ledger, &p, bet("t1", "r1", "10.00"));
        soon(reached).await.unwrap();
        // The process dies with the write under way; whoever asked never hears.
        caller.abort();
        store.power_cut().unwrap();
        drop(release);
        drop(soon(ledger.close()).await);
        let reopened: Arc<dyn EventStore> = Arc::new(store.reopen().unwrap());
        let ledger = on(Arc::clone(&reopened), settings()).await;
        let first = text(&soon(ledger.execute(&p, bet("t1", "r1", "10.00"))).await);
        assert!(first == "applied" || first == "replayed:applied", "{first}");
        assert_eq!(text(&soon(ledger.execute(&p, bet("t1", "r1", "10.00"))).await), "replayed:applied");
        assert_eq!(cash(&ledger, &p).await, "90.00");
        verified(reopened.as_ref()).await;
    }
}

#[tokio::test]
async fn s26_on_the_log_an_answered_or_unanswered_bet_is_replayed_after_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let ledger = Ledger::open(&folder, settings()).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    for i in 0..5 {
        let id = format!("t{i}");
        // Nobody waits for the answer; closing waits for the write.
        let caller = send(&ledger, &p, bet(&id, "r", "10.00"));
        tokio::task::yield_now().await;
        caller.abort();
    }
    soon(ledger.close()).await.unwrap();
    let ledger = Ledger::open(&folder, settings()).await.unwrap();
    for i in 0..5 {
        let id = format!("t{i}");
        soon(ledger.execute(&p, bet(&id, "r", "10.00"))).await.unwrap();
        assert_eq!(text(&soon(ledger.execute(&p, bet(&id, "r", "10.00"))).await), "replayed:applied");
    }
    assert_eq!(cash(&ledger, &p).await, "50.00");
    verified(ledger.store().as_ref()).await;
    soon(ledger.close()).await.unwrap();
}

fn small_batches() -> Settings {
    tuned(|s| {
        s.batch_commands_max = 3;
        s.cache_bytes = 1_000;
    })
}

#[test]
fn s54_a_rollback_and_its_bet_in_parallel_leave_nothing_in_either_order() {
    on_both_runtimes(|| async {
        for settings in [settings(), small_batches()] {
            let ledger = on(memory(ShardCount::DEFAULT), settings).await;
            let (mut bet_first, mut rollback_first) = (0, 0);
            for i in 0..150 {
                let p = funded(&ledger, &format!("p{i}"), "100.00").await;
                let place = || send(&ledger, &p, bet("t1", "r1", "10.00"));
                let undo = || send(&ledger, &p, rollback("x1", "t1"));
                let (placed, undone) = if i % 2 == 0 {
                    let placed = place();
                    (placed, undo())
                } else {
                    let undone = undo();
                    (place(), undone)
                };
                let texts = (text(&soon(placed).await.unwrap()), text(&soon(undone).await.unwrap()));
                match (texts.0.as_str(), texts.1.as_str()) {
                    ("applied", "applied") => bet_first += 1,
                    ("rejected:txn_cancelled", "tombstoned") => rollback_first += 1,
                    other => panic!("{other:?}"),
                }
                assert_eq!(cash(&ledger, &p).await, "100.00");
                assert_eq!(soon(ledger.player(&p)).await.unwrap().state.open_rounds(), 0);
            }
            assert!(bet_first > 0 && rollback_first > 0, "{bet_first} {rollback_first}");
            verified(ledger.store().as_ref()).await;
        }
    });
}

#[test]
fn s55_a_rollback_and_the_win_of_its_bet_in_parallel_have_one_winner() {
    on_both_runtimes(|| async {
        for settings in [settings(), small_batches()] {
            let ledger = on(memory(ShardCount::DEFAULT), settings).await;
            let (mut win_first, mut rollback_first) = (0, 0);
            for i in 0..150 {
                let p = funded(&ledger, &format!("p{i}"), "100.00").await;
                soon(ledger.execute(&p, bet("t1", "r1", "10.00"))).await.unwrap();
                let pay = || send(&ledger, &p, win("w1", "r1", "25.00", Finality::Round));
                let undo = || send(&ledger, &p, rollback("x1", "t1"));
                let (paid, undone) = if i % 2 == 0 {
                    let paid = pay();
                    (paid, undo())
                } else {
                    let undone = undo();
                    (pay(), undone)
                };
                let texts = (text(&soon(paid).await.unwrap()), text(&soon(undone).await.unwrap()));
                let expected = match (texts.0.as_str(), texts.1.as_str()) {
                    ("applied", "rejected:already_settled") => {
                        win_first += 1;
                        "115.00"
                    }
                    ("rejected:txn_cancelled", "applied") => {
                        rollback_first += 1;
                        "100.00"
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(cash(&ledger, &p).await, expected);
            }
            assert!(win_first > 0 && rollback_first > 0, "{win_first} {rollback_first}");
            verified(ledger.store().as_ref()).await;
        }
    });
}

/// Two bets of 30 with 50 left to lose, again and again on every kind of store.
async fn races_for_a_limit(ledger: &Ledger, tries: usize) {
    use casino_ledger::core::stored::{LimitBasis, LimitKind, LimitPeriod};
    let p = funded(ledger, "p", "100.00").await;
    let term = commands::term(LimitKind::Loss, LimitPeriod::Day, LimitBasis::Rolling);
    soon(ledger.execute(&p, commands::limit("l1", term, "50"))).await.unwrap();
    for i in 0..tries {
        let ids = [format!("a{i}"), format!("b{i}")];
        let calls = ids.clone().map(|id| send(ledger, &p, bet(&id, &format!("r-{id}"), "30.00")));
        let mut applied = Vec::new();
        let mut refused = 0;
        for (id, call) in ids.iter().zip(calls) {
            let answer = soon(call).await.unwrap();
            match text(&answer).as_str() {
                "applied" => {
                    let left = answer.unwrap().limits;
                    assert_eq!(left.len(), 1);
                    assert_eq!(left[0].left.to_string(), "20.00");
                    applied.push(id);
                }
                "rejected:limit_exceeded" => refused += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!((applied.len(), refused), (1, 1), "try {i}");
        // What is undone is given back: the next two race for the same 50.
        let undone = soon(ledger.execute(&p, rollback(&format!("x{i}"), applied[0]))).await.unwrap();
        assert_eq!(undone.limits[0].left.to_string(), "50.00");
    }
    assert_eq!(cash(ledger, &p).await, "100.00");
    verified(ledger.store().as_ref()).await;
}

/// The same through two engines on one ledger: each gets one of the two.
async fn races_through_two(a: &Ledger, b: &Ledger, tries: usize) {
    use casino_ledger::core::stored::{LimitBasis, LimitKind, LimitPeriod};
    let p = funded(a, "p", "100.00").await;
    let term = commands::term(LimitKind::Loss, LimitPeriod::Day, LimitBasis::Rolling);
    soon(a.execute(&p, commands::limit("l1", term, "50"))).await.unwrap();
    for i in 0..tries {
        let ids = [format!("a{i}"), format!("b{i}")];
        let one = send(a, &p, bet(&ids[0], &format!("r-{}", ids[0]), "30.00"));
        let two = send(b, &p, bet(&ids[1], &format!("r-{}", ids[1]), "30.00"));
        let texts = [text(&soon(one).await.unwrap()), text(&soon(two).await.unwrap())];
        let applied: Vec<_> = ids.iter().zip(&texts).filter(|(_, text)| *text == "applied").collect();
        let refused = texts.iter().filter(|text| *text == "rejected:limit_exceeded").count();
        assert_eq!((applied.len(), refused), (1, 1), "try {i}: {texts:?}");
        let undone = soon(b.execute(&p, rollback(&format!("x{i}"), applied[0].0))).await.unwrap();
        assert_eq!(undone.limits[0].left.to_string(), "50.00");
    }
    assert_eq!(cash(a, &p).await, "100.00");
    verified(a.store().as_ref()).await;
}

#[test]
fn r21_of_two_bets_through_two_engines_at_the_edge_of_a_limit_one_is_applied() {
    on_both_runtimes(|| async {
        let shared = memory(ShardCount::ONE);
        let place = fresh_schema();
        let id = identity(ShardCount::ONE);
        let pairs: Vec<[Arc<dyn EventStore>; 2]> =
            vec![[Arc::clone(&shared) as _, shared as _], [place.open(id).await, place.open(id).await]];
        for [one, two] in pairs {
            let (a, b) = (on(one, settings()).await, on(two, settings()).await);
            races_through_two(&a, &b, 100).await;
            soon(a.close()).await.unwrap();
            soon(b.close()).await.unwrap();
        }
    });
}

#[test]
fn r21_of_two_bets_in_parallel_at_the_edge_of_a_limit_one_is_applied() {
    on_both_runtimes(|| async {
        let dir = tempfile::tempdir().unwrap();
        let id = identity(ShardCount::ONE);
        let stores: Vec<(Arc<dyn EventStore>, usize)> = vec![
            (memory(ShardCount::ONE), 1_000),
            (memory(ShardCount::DEFAULT), 300),
            (Place::Log(dir.path().join("log")).open(id).await, 200),
            (Place::Sqlite(dir.path().join("ledger.db")).open(id).await, 200),
            (fresh_schema().open(id).await, 200),
        ];
        for (store, tries) in stores {
            let ledger = on(store, settings()).await;
            races_for_a_limit(&ledger, tries).await;
            soon(ledger.close()).await.unwrap();
        }
    });
}
