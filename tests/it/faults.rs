//! Stores that fail, hang, recover, lie and panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use casino_ledger::core::{FactsNeeded, PlayerId, Timestamp, tombstone_digest};
use casino_ledger::store::{
    EventStore, Lookup, LostAnswer, MemoryStore, Position, Shard, ShardCount, StoreError,
};
use casino_ledger::{Clock, ExecuteError, Ledger, RecordedOutcome, Settings, SystemClock};

use crate::puppet::{Puppet, Trick};
use crate::support::{
    bet, cash, deposit, funded, in_play, memory, on, player, send, send_all, settings, soon, text, tuned,
    verified, waits,
};

async fn staged(settings: Settings) -> (Ledger, Arc<Puppet>, Arc<MemoryStore>, Vec<PlayerId>) {
    let store = memory(ShardCount::ONE);
    let puppet = Puppet::exclusive(Arc::clone(&store) as _);
    let ledger = on(Arc::clone(&puppet) as _, settings).await;
    let mut players = Vec::new();
    for i in 0..6 {
        players.push(funded(&ledger, &format!("p{i}"), "100.00").await);
    }
    (ledger, puppet, store, players)
}

fn a_bet_each(players: &[PlayerId], id: &str) -> Vec<casino_ledger::Request> {
    players.iter().map(|p| in_play(p, bet(id, id, "10.00"))).collect()
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { reason: "for a moment".to_owned(), source: None }
}

async fn all_looked_at(ledger: &Ledger, puppet: &Puppet, cold: &str) {
    let loads = puppet.strings.load_calls.now();
    let (ledger, cold) = (ledger.clone(), player(cold));
    tokio::spawn(async move { ledger.player(&cold).await });
    soon(puppet.strings.load_calls.above(loads)).await;
}

#[tokio::test]
async fn a_write_that_hangs_answers_everyone_in_time() {
    let (ledger, puppet, _, p) = staged(tuned(|s| {
        s.write_timeout = Duration::from_millis(150);
    }))
    .await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let held = send_all(&ledger, a_bet_each(&p, "t1"));
    soon(puppet.strings.append_calls.above(calls)).await;
    let behind = send(&ledger, &p[0], bet("t2", "r2", "1.00"));
    let parked = send(&ledger, &p[1], bet("t1", "t1", "10.00"));
    for (answer, p) in soon(held).await.unwrap().into_iter().zip(&p) {
        let Err(ExecuteError::Indeterminate { key }) = answer else { panic!("{answer:?}") };
        assert_eq!(key, bet("t1", "t1", "10.00").key(p, &settings().policy).unwrap());
    }
    for waiting in [behind, parked] {
        let answer = soon(waiting).await.unwrap();
        assert!(matches!(answer, Err(ExecuteError::Unavailable { .. })), "{answer:?}");
    }
    let new = soon(ledger.execute(&p[0], bet("t3", "r3", "1.00"))).await;
    assert!(matches!(new, Err(ExecuteError::Unavailable { .. })), "{new:?}");
    assert!(matches!(soon(ledger.player(&p[0])).await, Err(ExecuteError::Unavailable { .. })));

    let done = puppet.strings.append_done.now();
    puppet.strings.appends.open();
    soon(puppet.strings.append_done.above(done)).await;
    for p in &p {
        let key = bet("t1", "t1", "10.00").key(p, &settings().policy).unwrap();
        // The first question may come before the writer has heard of the end of the write.
        let outcome = loop {
            match soon(ledger.outcome(p, &key)).await {
                Err(ExecuteError::Unavailable { .. }) => tokio::task::yield_now().await,
                other => break other.unwrap(),
            }
        };
        assert!(matches!(outcome, RecordedOutcome::Accepted(_)), "{outcome:?}");
        assert_eq!(text(&soon(ledger.execute(p, bet("t1", "t1", "10.00"))).await), "replayed:applied");
        assert_eq!(cash(&ledger, p).await, "90.00");
    }
    assert_eq!(text(&soon(ledger.execute(&p[0], bet("t2", "r2", "1.00"))).await), "applied");
    verified(puppet.as_ref()).await;
    soon(ledger.close()).await.unwrap();
}

#[tokio::test]
async fn a_small_write_that_hangs_does_not_keep_those_who_wait_for_a_load() {
    let limits = tuned(|s| {
        s.write_timeout = Duration::from_secs(20);
        s.load_timeout = Duration::from_millis(100);
    });
    let (ledger, puppet, _, p) = staged(limits).await;
    puppet.strings.loads.hold();
    let loads = puppet.strings.load_calls.now();
    let cold = send(&ledger, &player("cold"), bet("t1", "r1", "1.00"));
    soon(puppet.strings.load_calls.above(loads)).await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let mut held = send(&ledger, &p[0], bet("t1", "r1", "1.00"));
    soon(puppet.strings.append_calls.above(calls)).await;
    let answer = soon(cold).await.unwrap();
    assert!(matches!(answer, Err(ExecuteError::Unavailable { .. })), "{answer:?}");
    assert!(waits(&mut held).await);
    puppet.strings.appends.open();
    puppet.strings.loads.open();
    assert_eq!(text(&soon(held).await.unwrap()), "applied");
}

#[tokio::test]
async fn facts_that_come_late_are_not_taken_for_those_of_another_command() {
    let (ledger, puppet, _, p) = staged(tuned(|s| s.load_timeout = Duration::from_millis(60))).await;
    let p = &p[0];
    soon(ledger.execute(p, bet("t1", "r1", "1.00"))).await.unwrap();
    for i in 0..8 {
        puppet.strings.reads.hold();
        let reads = puppet.strings.read_calls.now();
        let known = send(&ledger, p, bet("t1", "r1", "1.00"));
        soon(puppet.strings.read_calls.above(reads)).await;
        let answer = soon(known).await.unwrap();
        assert!(matches!(answer, Err(ExecuteError::Unavailable { .. })), "{answer:?}");
        // What was read for it comes when another command waits in its place.
        let id = format!("n{i}");
        let mut other = send(&ledger, p, bet(&id, "r1", "1.00"));
        assert!(waits(&mut other).await || other.is_finished());
        puppet.strings.reads.open();
        match soon(other).await.unwrap() {
            Err(ExecuteError::Unavailable { .. }) => {}
            other => assert_eq!(text(&other), "applied"),
        }
        assert!(text(&soon(ledger.execute(p, bet(&id, "r1", "1.00"))).await).ends_with("applied"));
    }
    assert_eq!(cash(&ledger, p).await, "91.00");
    verified(puppet.as_ref()).await;
}

#[tokio::test]
async fn a_store_that_recovers_goes_on_and_nobody_waits_for_a_batch_that_was_given_up() {
    for others in [true, false] {
        recovers(others).await;
    }
}

/// Without others that come behind, nothing but the engine itself wakes those that wait.
async fn recovers(others: bool) {
    let (ledger, puppet, _, p) = staged(settings()).await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let failed = send_all(&ledger, a_bet_each(&p, "t1"));
    soon(puppet.strings.append_calls.above(calls)).await;
    // Decided behind them, with copies that wait for their originals.
    let copies = vec![in_play(&p[0], bet("t2", "r2", "1.00")), in_play(&p[0], bet("t2", "r2", "1.00"))];
    let copies = send_all(&ledger, copies);
    let same = others.then(|| send(&ledger, &p[1], bet("t1", "t1", "10.00")));
    all_looked_at(&ledger, &puppet, "cold").await;
    puppet.trick(Trick::Fail(unavailable()));
    puppet.strings.appends.open();
    for answer in soon(failed).await.unwrap() {
        assert!(matches!(&answer, Err(error) if error.is_retryable()), "{answer:?}");
    }
    // Whatever they were told, it is true and it came.
    let mut applied = 0;
    for answer in soon(copies).await.unwrap() {
        match answer {
            Ok(receipt) => applied += usize::from(!receipt.replayed),
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
    assert!(applied <= 1);
    if let Some(same) = same {
        let same = soon(same).await.unwrap();
        assert!(matches!(&same, Ok(receipt) if !receipt.replayed), "{same:?}");
    }
    for p in &p[2..] {
        assert_eq!(
            text(&soon(ledger.execute(p, bet("t1", "t1", "10.00"))).await),
            "applied",
            "a retry works"
        );
    }
    verified(puppet.as_ref()).await;
    soon(ledger.close()).await.unwrap();
}

#[tokio::test]
async fn a_stall_gives_up_the_batch_behind_it_and_nobody_waits_for_that() {
    let (ledger, puppet, _, p) = staged(tuned(|s| {
        s.write_timeout = Duration::from_millis(100);
    }))
    .await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let held = send_all(&ledger, a_bet_each(&p[..5], "t1"));
    soon(puppet.strings.append_calls.above(calls)).await;
    let copies = vec![in_play(&p[5], bet("t2", "r2", "1.00")), in_play(&p[5], bet("t2", "r2", "1.00"))];
    let copies = send_all(&ledger, copies);
    for answer in soon(held).await.unwrap() {
        assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
    }
    for answer in soon(copies).await.unwrap() {
        assert!(matches!(answer, Err(ExecuteError::Unavailable { .. })), "{answer:?}");
    }
    puppet.strings.appends.open();
    soon(ledger.close()).await.unwrap();
    assert_eq!(
        verified(puppet.as_ref()).await.commits,
        1 + 6 * 2 + 5,
        "the held bets landed, the others not"
    );
}

#[tokio::test]
async fn a_lost_answer_is_found_out_by_sending_again() {
    for lost in [LostAnswer::Landed, LostAnswer::NeverArrived] {
        let (ledger, puppet, store, p) = staged(settings()).await;
        store.lose_next_answer(lost).unwrap();
        assert_eq!(text(&soon(ledger.execute(&p[0], bet("t1", "r1", "10.00"))).await), "applied");
        assert_eq!(text(&soon(ledger.execute(&p[0], bet("t1", "r1", "10.00"))).await), "replayed:applied");
        assert_eq!(cash(&ledger, &p[0]).await, "90.00");
        verified(puppet.as_ref()).await;
    }
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_stops_the_ledger_and_is_told_as_such() {
    let (ledger, puppet, store, p) = staged(settings()).await;
    let reader = funded(&ledger, "reader", "1.00").await;
    let (waiting, late) = {
        puppet.strings.appends.hold();
        let calls = puppet.strings.append_calls.now();
        let held = send_all(&ledger, a_bet_each(&p, "t1"));
        soon(puppet.strings.append_calls.above(calls)).await;
        let copy = send(&ledger, &p[0], bet("t1", "t1", "10.00"));
        all_looked_at(&ledger, &puppet, "cold").await;
        // Whoever has a state and waits for facts meets a ledger that has stopped.
        puppet.strings.reads.hold();
        let reads = puppet.strings.read_calls.now();
        let late = send(&ledger, &reader, deposit("d1", "1.00"));
        soon(puppet.strings.read_calls.above(reads)).await;
        // It lands, its answer is lost, and the store stops for good.
        store.lose_next_answer(LostAnswer::Landed).unwrap();
        puppet.strings.appends.release_one();
        soon(puppet.strings.append_calls.above(calls + 1)).await;
        puppet.trick(Trick::Stop);
        puppet.strings.appends.open();
        for answer in soon(held).await.unwrap() {
            assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
        }
        puppet.strings.reads.open();
        (copy, late)
    };
    let answer = soon(late).await.unwrap();
    assert!(matches!(answer, Err(ExecuteError::Store(_))), "{answer:?}");
    let answer = soon(waiting).await.unwrap();
    assert!(matches!(answer, Err(ExecuteError::Unavailable { .. } | ExecuteError::Store(_))), "{answer:?}");
    let after = soon(ledger.execute(&p[0], bet("t9", "r9", "1.00"))).await;
    assert!(matches!(after, Err(ExecuteError::Store(_))), "{after:?}");
    soon(ledger.close()).await.unwrap();
    let ledger = on(Arc::new(store.reopen().unwrap()), settings()).await;
    for p in &p {
        assert_eq!(text(&soon(ledger.execute(p, bet("t1", "t1", "10.00"))).await), "replayed:applied");
    }
}

#[tokio::test]
async fn an_outcome_that_is_unknown_for_long_is_settled_when_the_store_is_back() {
    let (ledger, puppet, store, p) = staged(tuned(|s| s.write_timeout = Duration::from_millis(100))).await;
    // It lands, its answer is lost, and then the store is away for longer than callers wait.
    let lost = puppet.strings.append_done.now();
    store.lose_next_answer(LostAnswer::Landed).unwrap();
    puppet.away(true);
    let held = send_all(&ledger, a_bet_each(&p, "t1"));
    for answer in soon(held).await.unwrap() {
        assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
    }
    let meanwhile = soon(ledger.execute(&p[0], bet("t2", "r2", "1.00"))).await;
    assert!(matches!(meanwhile, Err(ExecuteError::Unavailable { .. })), "{meanwhile:?}");
    assert!(puppet.strings.append_done.now() > lost + 1, "the bytes were sent again");
    puppet.away(false);
    let after = loop {
        match soon(ledger.execute(&p[0], bet("t2", "r2", "1.00"))).await {
            Err(ExecuteError::Unavailable { .. }) => tokio::task::yield_now().await,
            answer => break answer,
        }
    };
    assert_eq!(text(&after), "applied", "the ledger goes on by itself");
    for p in &p {
        assert_eq!(text(&soon(ledger.execute(p, bet("t1", "t1", "10.00"))).await), "replayed:applied");
    }
    verified(puppet.as_ref()).await;
    soon(ledger.close()).await.unwrap();
}

#[tokio::test]
async fn an_outcome_that_cannot_be_settled_in_time_stops_the_ledger() {
    let (ledger, puppet, store, p) = staged(tuned(|s| {
        s.write_timeout = Duration::from_millis(50);
        s.settle_timeout = Duration::from_millis(300);
    }))
    .await;
    store.lose_next_answer(LostAnswer::Landed).unwrap();
    puppet.away(true);
    for answer in soon(send_all(&ledger, a_bet_each(&p, "t1"))).await.unwrap() {
        assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
    }
    loop {
        match soon(ledger.execute(&p[0], bet("t2", "r2", "1.00"))).await {
            Err(ExecuteError::Unavailable { .. }) => tokio::task::yield_now().await,
            answer => break assert!(matches!(answer, Err(ExecuteError::Store(_))), "{answer:?}"),
        }
    }
    puppet.away(false);
    soon(ledger.close()).await.unwrap();
    let ledger = on(Arc::new(store.reopen().unwrap()), settings()).await;
    assert_eq!(text(&soon(ledger.execute(&p[0], bet("t1", "t1", "10.00"))).await), "replayed:applied");
}

#[tokio::test]
async fn a_store_whose_index_or_heads_do_not_answer_holds_nobody_for_ever() {
    for exclusive in [true, false] {
        let store = memory(ShardCount::ONE);
        let puppet =
            if exclusive { Puppet::exclusive(Arc::clone(&store) as _) } else { Puppet::new(store as _) };
        let ledger =
            on(Arc::clone(&puppet) as _, tuned(|s| s.load_timeout = Duration::from_millis(100))).await;
        let p = funded(&ledger, "p", "100.00").await;
        puppet.hold_questions(true);
        let asked = puppet.strings.question_calls.now();
        for i in 0..3 {
            // A bet needs the index; a reading on a shared store the heads.
            let answer = soon(ledger.execute(&p, bet(&format!("t{i}"), "r1", "1.00"))).await;
            assert!(matches!(answer, Err(ExecuteError::Unavailable { .. })), "{answer:?}");
            if !exclusive {
                let reading = soon(ledger.player(&p)).await;
                assert!(matches!(reading, Err(ExecuteError::Unavailable { .. })), "{reading:?}");
            }
        }
        assert!(puppet.strings.question_calls.now() >= asked + 3);
        puppet.hold_questions(false);
        for i in 0..3 {
            assert_eq!(text(&soon(ledger.execute(&p, bet(&format!("t{i}"), "r1", "1.00"))).await), "applied");
        }
        assert_eq!(cash(&ledger, &p).await, "97.00");
        verified(puppet.as_ref()).await;
        soon(ledger.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_does_not_close_keeps_nobody_for_ever() {
    let (ledger, puppet, _, p) = staged(tuned(|s| s.write_timeout = Duration::from_millis(100))).await;
    assert_eq!(text(&soon(ledger.execute(&p[0], bet("t1", "r1", "1.00"))).await), "applied");
    puppet.strings.closes.hold();
    let closed = soon(ledger.close()).await;
    assert!(matches!(closed, Err(StoreError::Unavailable { .. })), "{closed:?}");
    puppet.strings.closes.open();
    soon(ledger.close()).await.unwrap();
    verified(puppet.as_ref()).await;
}

#[tokio::test]
async fn a_damaged_commit_is_an_error_with_its_place_and_no_panic() {
    let (ledger, _, store, p) = staged(settings()).await;
    let reading = ledger.player(&p[0]).await.unwrap();
    soon(ledger.close()).await.unwrap();
    let reopened = Arc::new(store.reopen().unwrap());
    // The register is at position 1; p0 was opened at 2.
    reopened.damage(Shard(0), Position(2)).unwrap();
    let ledger = on(Arc::clone(&reopened) as _, settings()).await;
    for _ in 0..2 {
        let answer = soon(ledger.execute(&p[0], bet("t1", "r1", "1.00"))).await;
        let Err(ExecuteError::Store(StoreError::Corrupted(what))) = answer else { panic!("{answer:?}") };
        assert!(what.contains('2'), "{what}");
    }
    assert_eq!(text(&soon(ledger.execute(&p[1], bet("t1", "r1", "1.00"))).await), "applied", "others go on");
    assert!(casino_ledger::verify(reopened.as_ref()).await.is_err());
    assert_eq!(reading.balances()[0].cash.to_string(), "100.00");
}

#[tokio::test]
async fn a_store_that_panics_fails_its_callers_and_the_ledger_can_be_closed() {
    let (ledger, puppet, store, p) = staged(settings()).await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let held = send_all(&ledger, a_bet_each(&p, "t1"));
    soon(puppet.strings.append_calls.above(calls)).await;
    puppet.trick(Trick::Panic);
    puppet.strings.appends.open();
    for answer in soon(held).await.unwrap() {
        assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
    }
    let after = soon(ledger.execute(&p[0], bet("t2", "r2", "1.00"))).await;
    assert!(after.is_err(), "{after:?}");
    drop(soon(ledger.close()).await);
    verified(&store.reopen().unwrap()).await;
}

#[tokio::test]
async fn a_load_that_panics_fails_its_caller_and_no_other() {
    let (ledger, puppet, _, p) = staged(settings()).await;
    puppet.panic_on_load(true);
    let answer = soon(ledger.execute(&player("cold"), bet("t1", "r1", "1.00"))).await;
    assert!(answer.is_err(), "{answer:?}");
    puppet.panic_on_load(false);
    assert_eq!(
        text(&soon(ledger.execute(&player("cold"), bet("t1", "r1", "1.00"))).await),
        "refused:player_unknown"
    );
    assert_eq!(text(&soon(ledger.execute(&p[0], bet("t1", "r1", "1.00"))).await), "applied");
    soon(ledger.close()).await.unwrap();
}

#[tokio::test]
async fn s30_a_failure_that_can_be_retried_is_applied_once() {
    let (ledger, _, store, p) = staged(settings()).await;
    store.fail_next_write().unwrap();
    let answer = soon(ledger.execute(&p[0], bet("t1", "r1", "10.00"))).await;
    assert!(matches!(&answer, Err(error) if error.is_retryable()), "{answer:?}");
    let again = soon(ledger.execute(&p[0], bet("t1", "r1", "10.00"))).await;
    assert!(matches!(&again, Err(error) if error.is_retryable()), "a failed store stays so: {again:?}");
    drop(soon(ledger.close()).await);
    let reopened: Arc<dyn EventStore> = Arc::new(store.reopen().unwrap());
    let ledger = on(Arc::clone(&reopened), settings()).await;
    assert_eq!(text(&soon(ledger.execute(&p[0], bet("t1", "r1", "10.00"))).await), "applied");
    assert_eq!(text(&soon(ledger.execute(&p[0], bet("t1", "r1", "10.00"))).await), "replayed:applied");
    assert_eq!(cash(&ledger, &p[0]).await, "90.00");
    verified(reopened.as_ref()).await;
}

#[tokio::test]
async fn a_currency_that_lands_behind_a_stall_is_recorded_once() {
    let (ledger, puppet, store, p) = staged(tuned(|s| s.write_timeout = Duration::from_millis(400))).await;
    let open_in = |id: &str, code: &str| {
        let open = casino_ledger::core::testing::commands::open(&[code]);
        (player(id), casino_ledger::core::PlayerCommand::from(open))
    };
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let first = send_all(&ledger, a_bet_each(&p, "t1"));
    soon(puppet.strings.append_calls.above(calls)).await;
    // USD is registered in the second batch, which stalls; GBP in the third, which is given up.
    let (usd, usd_open) = open_in("usd", "USD");
    let (gbp, gbp_open) = open_in("gbp", "GBP");
    let registers_usd = send(&ledger, &usd, usd_open.clone());
    let second = send_all(&ledger, a_bet_each(&p, "t2"));
    all_looked_at(&ledger, &puppet, "cold1").await;
    puppet.strings.appends.release_one();
    soon(puppet.strings.append_calls.above(calls + 1)).await;
    assert!(soon(first).await.unwrap().iter().all(Result::is_ok));
    let registers_gbp = send(&ledger, &gbp, gbp_open.clone());
    all_looked_at(&ledger, &puppet, "cold2").await;
    for answer in soon(second).await.unwrap() {
        assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
    }
    assert!(soon(registers_usd).await.unwrap().is_err());
    assert!(soon(registers_gbp).await.unwrap().is_err());
    puppet.strings.appends.open();
    for (player, open) in [(usd, usd_open), (gbp, gbp_open)] {
        let answer = loop {
            match soon(ledger.execute(&player, open.clone())).await {
                Err(ExecuteError::Unavailable { .. }) => tokio::task::yield_now().await,
                other => break other,
            }
        };
        assert_eq!(text(&answer), "applied");
    }
    soon(ledger.close()).await.unwrap();
    // A currency registered twice could not be read.
    let reopened: Arc<dyn EventStore> = Arc::new(store.reopen().unwrap());
    let ledger = on(Arc::clone(&reopened), settings()).await;
    assert_eq!(text(&soon(ledger.execute(&p[0], bet("t2", "t2", "10.00"))).await), "replayed:applied");
    verified(reopened.as_ref()).await;
}

/// A clock of the host's that panics when it is told to.
#[derive(Debug, Default)]
struct Broken {
    system: SystemClock,
    panics: AtomicBool,
}

impl Clock for Broken {
    fn wall(&self) -> Timestamp {
        assert!(!self.panics.load(Ordering::Acquire), "the clock panics, as it was told");
        self.system.wall()
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic()
    }
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let clock = Arc::new(Broken::default());
    let (ledger, puppet, store, p) = staged(tuned(|s| s.clock = Arc::clone(&clock) as _)).await;
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let held = send_all(&ledger, a_bet_each(&p, "t1"));
    soon(puppet.strings.append_calls.above(calls)).await;
    let behind = send(&ledger, &p[0], bet("t1", "t1", "10.00"));
    all_looked_at(&ledger, &puppet, "cold").await;
    clock.panics.store(true, Ordering::Release);
    for answer in soon(held).await.unwrap() {
        assert!(matches!(answer, Err(ExecuteError::Indeterminate { .. })), "{answer:?}");
    }
    assert!(soon(behind).await.unwrap().is_err());
    let after = soon(ledger.execute(&p[0], bet("t2", "r2", "1.00"))).await;
    assert!(matches!(after, Err(ExecuteError::Closed | ExecuteError::Indeterminate { .. })), "{after:?}");
    puppet.strings.appends.open();
    drop(soon(ledger.close()).await);
    let reopened: Arc<dyn EventStore> = Arc::new(store.reopen().unwrap());
    let ledger = on(Arc::clone(&reopened), settings()).await;
    for p in &p {
        assert_eq!(text(&soon(ledger.execute(p, bet("t1", "t1", "10.00"))).await), "replayed:applied");
    }
    verified(reopened.as_ref()).await;
}

/// An index that lies is a double bet, or a bet refused for nothing: what it finds is compared with the commit.
#[tokio::test]
async fn an_index_that_finds_what_is_not_there_is_found_out() {
    let puppet = Puppet::new(memory(ShardCount::ONE) as _);
    let ledger = on(Arc::clone(&puppet) as _, settings()).await;
    let p = funded(&ledger, "p", "100.00").await;
    let own = ledger.player(&p).await.unwrap().position;
    funded(&ledger, "q", "100.00").await;
    let others = ledger.player(&p).await.unwrap().position;
    assert!(others > own);

    let command = bet("t9", "r9", "10.00");
    let needed = FactsNeeded::of(&command, &p, &settings().policy).unwrap();
    let partition = FactsNeeded::partition(&p).digest();
    let shard = puppet.identity().shards.shard_of(&partition);
    let stream = needed.aggregates[0].stream(&p).digest();
    let lookups = [
        Lookup::Key(shard, needed.key.digest(&partition)),
        Lookup::Key(shard, tombstone_digest(&partition, &needed.key.source, &needed.key.id)),
        Lookup::Stream(shard, stream),
    ];
    for lookup in lookups {
        for position in [own, others] {
            puppet.mislead(Some((lookup, position)));
            let answer = soon(ledger.execute(&p, command.clone())).await;
            let Err(ExecuteError::Store(StoreError::Corrupted(what))) = answer else {
                panic!("{lookup:?} at {position}: {answer:?}")
            };
            assert!(what.contains("the index finds"), "{what}");
        }
    }
    puppet.mislead(None);
    assert_eq!(text(&soon(ledger.execute(&p, command)).await), "applied");
    assert_eq!(cash(&ledger, &p).await, "90.00");
}
