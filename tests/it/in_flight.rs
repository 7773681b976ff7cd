//! What is decided but not durable: nobody sees it, nothing is decided around it.

use std::sync::Arc;

use casino_ledger::core::{Finality, PlayerId};
use casino_ledger::store::ShardCount;
use casino_ledger::{Ledger, Outcome, RecordedOutcome, Settings};

use crate::puppet::Puppet;
use crate::support::{
    available, bet, cash, code, deposit, funded, in_play, memory, on, player, rollback, send, send_all,
    settings, soon, text, tuned, verified, waits, win,
};

/// A ledger on a puppet, with the players p0 .. p5, who have 100.00 each.
async fn staged(
    shards: ShardCount,
    exclusive: bool,
    settings: Settings,
) -> (Ledger, Arc<Puppet>, Vec<PlayerId>) {
    let store = memory(shards);
    let puppet = if exclusive { Puppet::exclusive(store) } else { Puppet::new(store) };
    let ledger = on(Arc::clone(&puppet) as _, settings).await;
    let mut players = Vec::new();
    for i in 0..6 {
        players.push(funded(&ledger, &format!("p{i}"), "100.00").await);
    }
    (ledger, puppet, players)
}

/// Sends a bet of every player at once and waits until their batch is at the held store. It is too large for
/// the writer's own thread, so that the writer goes on.
async fn hold_a_batch(
    ledger: &Ledger,
    puppet: &Puppet,
    players: &[PlayerId],
) -> tokio::task::JoinHandle<Vec<Result<casino_ledger::Receipt, casino_ledger::ExecuteError>>> {
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let bets = players.iter().map(|p| in_play(p, bet("held", "r-held", "10.00"))).collect();
    let batch = send_all(ledger, bets);
    soon(puppet.strings.append_calls.above(calls)).await;
    batch
}

/// Waits until the writer has looked at everything that was sent to the play lane before.
async fn all_looked_at(ledger: &Ledger, puppet: &Puppet, cold: &str) {
    let loads = puppet.strings.load_calls.now();
    let (ledger, cold) = (ledger.clone(), player(cold));
    tokio::spawn(async move { ledger.player(&cold).await });
    soon(puppet.strings.load_calls.above(loads)).await;
}

#[tokio::test]
async fn no_answer_and_no_reading_leaves_before_what_it_rests_on_is_durable() {
    for (shards, exclusive) in
        [(ShardCount::ONE, true), (ShardCount::ONE, false), (ShardCount::DEFAULT, true)]
    {
        let (ledger, puppet, p) = staged(shards, exclusive, settings()).await;
        let before = ledger.heads().await.unwrap();
        let mut batch = hold_a_batch(&ledger, &puppet, &p).await;
        let key = bet("held", "r-held", "10.00").key(&p[0], &settings().policy).unwrap();
        let mut duplicate = send(&ledger, &p[0], bet("held", "r-held", "10.00"));
        let mut reused = send(&ledger, &p[1], bet("held", "r-held", "11.00"));
        let mut undo = send(&ledger, &p[2], rollback("x", "held"));
        let mut too_much = send(&ledger, &p[3], bet("b2", "r2", "90.01"));
        let mut reading = tokio::spawn({
            let (ledger, p) = (ledger.clone(), p[4].clone());
            async move { ledger.player(&p).await }
        });
        let mut outcome = tokio::spawn({
            let (ledger, p) = (ledger.clone(), p[0].clone());
            async move { ledger.outcome(&p, &key).await }
        });
        all_looked_at(&ledger, &puppet, "cold").await;
        assert!(waits(&mut batch).await && waits(&mut duplicate).await && waits(&mut reused).await);
        assert!(waits(&mut undo).await && waits(&mut too_much).await);
        assert!(waits(&mut reading).await && waits(&mut outcome).await);
        assert_eq!(ledger.heads().await.unwrap(), before, "nothing is durable");
        puppet.strings.appends.open();

        let first = soon(batch).await.unwrap().remove(0).unwrap();
        let again = soon(duplicate).await.unwrap().unwrap();
        assert!(again.replayed);
        assert_eq!((again.position, again.hash), (first.position, first.hash));
        assert_eq!(code(&soon(reused).await.unwrap()), "key_reused");
        assert_eq!(available(&soon(undo).await.unwrap().unwrap()), "100.00");
        assert_eq!(code(&soon(too_much).await.unwrap()), "insufficient_funds");
        let reading = soon(reading).await.unwrap().unwrap();
        assert_eq!(reading.balances()[0].cash.to_string(), "90.00");
        let RecordedOutcome::Accepted(recorded) = soon(outcome).await.unwrap().unwrap() else {
            panic!("recorded")
        };
        assert_eq!(recorded.hash, first.hash);
        let heads = ledger.heads().await.unwrap();
        assert!(reading.position <= heads[reading.shard.index()].position);
        verified(puppet.as_ref()).await;
        ledger.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_rollback_right_behind_the_win_that_closed_its_round_is_refused() {
    let (ledger, puppet, players) = staged(ShardCount::ONE, true, settings()).await;
    let p = &players[0];
    for i in 0..20 {
        let (placed, round) = (format!("t{i}"), format!("r{i}"));
        ledger.execute(p, bet(&placed, &round, "1.00")).await.unwrap();
        let both = vec![
            in_play(p, win(&format!("w{i}"), &round, "1.00", Finality::Round)),
            in_play(p, rollback(&format!("x{i}"), &placed)),
        ];
        let answers = soon(ledger.execute_all(both)).await;
        assert_eq!(text(&answers[0]), "applied");
        assert_eq!(
            text(&answers[1]),
            "rejected:already_settled",
            "its round was open when the index was asked"
        );
    }
    assert_eq!(cash(&ledger, p).await, "100.00");
    verified(puppet.as_ref()).await;
}

#[tokio::test]
async fn rounds_that_are_closed_by_a_batch_under_way_take_no_bets_and_no_rollbacks() {
    let (ledger, puppet, p) = staged(ShardCount::ONE, true, settings()).await;
    for player in &p {
        ledger.execute(player, bet("t1", "r1", "10.00")).await.unwrap();
    }
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let wins = p.iter().map(|p| in_play(p, win("w1", "r1", "5.00", Finality::Round))).collect();
    let closing = send_all(&ledger, wins);
    soon(puppet.strings.append_calls.above(calls)).await;
    // The log still shows the round as open; only the writer knows better.
    let late = send(&ledger, &p[0], bet("t2", "r1", "1.00"));
    let undo = send(&ledger, &p[1], rollback("x1", "t1"));
    let undo_win = send(&ledger, &p[2], rollback("x1", "w1"));
    let more = send(&ledger, &p[3], win("w2", "r1", "1.00", Finality::MoreToCome));
    let unseen = send(&ledger, &p[4], rollback("x1", "t9"));
    let buried = send(&ledger, &p[4], bet("t9", "r9", "1.00"));
    all_looked_at(&ledger, &puppet, "cold").await;
    puppet.strings.appends.open();
    assert!(soon(closing).await.unwrap().iter().all(Result::is_ok));
    assert_eq!(text(&soon(late).await.unwrap()), "rejected:round_closed");
    assert_eq!(text(&soon(undo).await.unwrap()), "rejected:already_settled");
    assert_eq!(text(&soon(undo_win).await.unwrap()), "applied", "a win can be taken back");
    assert_eq!(text(&soon(more).await.unwrap()), "rejected:round_closed");
    assert_eq!(text(&soon(unseen).await.unwrap()), "tombstoned");
    assert_eq!(text(&soon(buried).await.unwrap()), "rejected:txn_cancelled");
    assert_eq!(cash(&ledger, &p[2]).await, "90.00", "the bet stays lost");
    verified(puppet.as_ref()).await;
}

#[tokio::test]
async fn copies_of_one_command_in_flight_have_one_effect() {
    for shards in [ShardCount::ONE, ShardCount::DEFAULT] {
        let (ledger, puppet, p) = staged(shards, true, settings()).await;
        let held = hold_a_batch(&ledger, &puppet, &p).await;
        let mut copies = Vec::new();
        for i in 0..30 {
            let p = &p[i % 6];
            for _ in 0..=(i % 5) {
                copies.push((i, send(&ledger, p, bet(&format!("c{i}"), &format!("rc{i}"), "1.00"))));
                send(&ledger, p, deposit(&format!("other{i}"), "0.50"));
            }
        }
        all_looked_at(&ledger, &puppet, "cold").await;
        puppet.strings.appends.open();
        soon(held).await.unwrap();
        let mut applied = [0; 30];
        for (i, copy) in copies {
            let receipt = soon(copy).await.unwrap().unwrap();
            assert_eq!(receipt.outcome, Outcome::Applied);
            applied[i] += usize::from(!receipt.replayed);
        }
        assert_eq!(applied, [1; 30]);
        for p in &p {
            assert_eq!(cash(&ledger, p).await, "87.50", "100 - 10 - 5 bets of 1 + 5 deposits of 0.50");
        }
        verified(puppet.as_ref()).await;
    }
}

#[tokio::test]
async fn commands_that_waited_for_a_cold_player_do_not_burst_a_batch() {
    let store = memory(ShardCount::ONE);
    let ledger = on(Arc::clone(&store) as _, settings()).await;
    let (cold, warm) = (funded(&ledger, "cold", "1.00").await, funded(&ledger, "warm", "1.00").await);
    drop(ledger);
    let few = tuned(|s| {
        s.batch_commands_max = 4;
    });
    for (settings, commands) in [(few, 100), (settings(), 9_000)] {
        let batch_max = settings.batch_commands_max;
        let puppet = Puppet::exclusive(Arc::new(store.reopen().unwrap()));
        let ledger = on(Arc::clone(&puppet) as _, settings).await;
        soon(ledger.player(&warm)).await.unwrap();
        puppet.strings.loads.hold();
        let id = |i: usize| format!("{commands}-{i}");
        let deposits = (0..commands).map(|i| in_play(&cold, deposit(&id(i), "0.01"))).collect();
        let all = send_all(&ledger, deposits);
        // Behind them in the lane: when it is answered, they are all parked.
        tokio::task::yield_now().await;
        soon(ledger.player(&warm)).await.unwrap();
        puppet.strings.loads.open();
        let answers = soon(all).await.unwrap();
        for (i, answer) in answers.iter().enumerate() {
            assert_eq!(text(answer), "applied", "{i}");
            let position = answer.as_ref().unwrap().position;
            assert_eq!(position.0, answers[0].as_ref().unwrap().position.0 + i as u64, "in the order sent");
        }
        let largest = *puppet.strings.sizes.lock().unwrap().iter().max().unwrap();
        assert!(largest <= batch_max, "a batch of {largest} commits, at most {batch_max} are allowed");
        verified(puppet.as_ref()).await;
        soon(ledger.close()).await.unwrap();
    }
}
