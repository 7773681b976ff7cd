//! Several operations in one call: over one player in one commit, over several players one by one.

use std::sync::Arc;

use casino_ledger::core::testing::commands;
use casino_ledger::core::{BETS_MAX, Finality, PlaceBet, PlayerCommand, Settle};
use casino_ledger::store::ShardCount;
use casino_ledger::{ExecuteError, Outcome, Receipt};

use crate::support::{
    Hands, bet, cash, code, dec, funded, in_memory, in_play, memory, on, player, rollback, soon, text, tuned,
    verified, win,
};

fn batch(commands: Vec<PlayerCommand>) -> PlayerCommand {
    commands::batch(commands).into()
}

fn outcomes(receipt: &Receipt) -> Vec<(String, Outcome, bool)> {
    receipt.operations.iter().map(|done| (done.key.id.to_string(), done.outcome, done.replayed)).collect()
}

/// The settlement of an event on which many players have bet: each player's part is his own commit, one that is
/// refused stops no other, and the call can be sent again as it is.
#[tokio::test]
async fn s87_a_call_over_several_players_is_answered_player_by_player() {
    for shards in [ShardCount::ONE, ShardCount::DEFAULT] {
        let (ledger, store) = in_memory(shards).await;
        let (a, b, c) = (
            funded(&ledger, "a", "100.00").await,
            funded(&ledger, "b", "100.00").await,
            funded(&ledger, "c", "100.00").await,
        );
        for p in [&a, &c] {
            ledger.execute(p, bet("T1", "match", "10")).await.unwrap();
        }
        let settlement = || {
            vec![
                in_play(&a, win("W1", "match", "30", Finality::Round)),
                // He has no bet there, and the last is no player at all.
                in_play(&b, win("W1", "match", "30", Finality::Round)),
                in_play(&c, win("W1", "match", "0", Finality::Round)),
                in_play(&player("nobody"), win("W1", "match", "30", Finality::Round)),
            ]
        };
        let answers: Vec<_> = soon(ledger.execute_all(settlement())).await.iter().map(text).collect();
        assert_eq!(
            answers,
            ["applied", "rejected:bet_not_found", "applied", "refused:player_unknown"],
            "{shards:?}"
        );
        let again: Vec<_> = soon(ledger.execute_all(settlement())).await.iter().map(text).collect();
        assert_eq!(again[0], "replayed:applied");
        assert_eq!(again[2], "replayed:applied");
        // What was refused comes again once there is a bet.
        ledger.execute(&b, bet("T1", "match", "10")).await.unwrap();
        let late: Vec<_> = soon(ledger.execute_all(settlement())).await.iter().map(text).collect();
        assert_eq!(late[1], "applied");
        for (p, expected) in [(&a, "120.00"), (&b, "120.00"), (&c, "90.00")] {
            assert_eq!(cash(&ledger, p).await, expected);
        }
        verified(store.as_ref()).await;
    }
}

#[tokio::test]
async fn s79_a_call_that_is_sent_again_is_replayed_with_all_its_ids() {
    let (ledger, store) = in_memory(ShardCount::ONE).await;
    let p = funded(&ledger, "p", "10012.00").await;
    let call = || batch(vec![bet("T1", "R", "1.00"), win("W1", "R", "0", Finality::Round)]);
    let first = ledger.execute(&p, call()).await.unwrap();
    let again = ledger.execute(&p, call()).await.unwrap();
    assert_eq!(
        outcomes(&first),
        [("T1".into(), Outcome::Applied, false), ("W1".into(), Outcome::Applied, false)]
    );
    assert_eq!(
        outcomes(&again),
        [("T1".into(), Outcome::Applied, true), ("W1".into(), Outcome::Applied, true)]
    );
    assert_eq!((again.position, again.hash, again.replayed), (first.position, first.hash, true));
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn s84_a_win_does_not_pay_for_its_own_bet_whatever_is_live() {
    let (ledger, store) = in_memory(ShardCount::ONE).await;
    let p = funded(&ledger, "p", "50.00").await;
    let call = batch(vec![bet("T1", "R", "100"), win("W1", "R", "250", Finality::Round)]);
    assert_eq!(text(&ledger.execute(&p, call).await), "rejected:insufficient_funds");
    ledger.execute(&p, bet("T2", "S", "10")).await.unwrap();
    let call = batch(vec![win("W2", "S", "60", Finality::Round), bet("T3", "U", "41")]);
    assert_eq!(text(&ledger.execute(&p, call).await), "rejected:insufficient_funds");
    assert_eq!(cash(&ledger, &p).await, "40.00");
    verified(store.as_ref()).await;
}

/// With a clock that cannot be believed nothing is recorded: what is known is answered, a batch that has something
/// new is not, and neither is its new half recorded with a made-up instant.
#[tokio::test]
async fn a_batch_of_which_half_is_known_records_nothing_while_the_clock_is_suspect() {
    let hands = Hands::new();
    let store = memory(ShardCount::ONE);
    let ledger = on(Arc::clone(&store) as _, tuned(|s| s.clock = hands.clone())).await;
    let p = funded(&ledger, "p", "100.00").await;
    ledger.execute(&p, bet("T1", "R", "10")).await.unwrap();
    ledger.execute(&p, batch(vec![bet("T2", "R", "10"), bet("T3", "R", "10")])).await.unwrap();
    hands.jump(3_600);
    let heads = ledger.heads().await.unwrap();
    let half = || vec![bet("T1", "R", "10"), bet("T4", "R", "10")];
    for mode in
        [commands::batch_of_new(half()).into(), batch(vec![bet("T4", "R", "10"), bet("T5", "R", "1")])]
    {
        let answer = ledger.execute(&p, PlayerCommand::clone(&mode)).await;
        assert!(matches!(answer, Err(ExecuteError::ClockSuspect(_))), "{answer:?}");
    }
    let answers = [
        (batch(half()), "refused:partly_known"),
        (batch(vec![bet("T2", "R", "10"), bet("T3", "R", "10")]), "replayed:applied"),
        (batch(vec![bet("T1", "R", "10"), bet("T2", "R", "10")]), "replayed:applied"),
        (commands::batch_of_new(vec![bet("T1", "R", "10")]).into(), "replayed:applied"),
        (batch(vec![bet("T1", "R", "11"), bet("T4", "R", "10")]), "refused:key_reused"),
    ];
    for (command, expected) in answers {
        assert_eq!(text(&ledger.execute(&p, command.clone()).await), expected, "{command:?}");
    }
    assert_eq!(ledger.heads().await.unwrap(), heads, "nothing was recorded");
    assert_eq!(cash(&ledger, &p).await, "70.00");

    ledger.accept_clock();
    let answer = ledger.execute(&p, PlayerCommand::from(commands::batch_of_new(half()))).await.unwrap();
    assert_eq!(
        outcomes(&answer),
        [("T1".into(), Outcome::Applied, true), ("T4".into(), Outcome::Applied, false)]
    );
    verified(store.as_ref()).await;
}

/// Two old rounds of many bets and wins with long ids do not fit one commit together: that is a refusal, and the
/// player goes on.
#[tokio::test]
async fn a_commit_that_would_be_too_large_is_refused_and_the_player_goes_on() {
    let (ledger, store) = in_memory(ShardCount::ONE).await;
    let p = funded(&ledger, "p", "100000.00").await;
    // Every byte of these ids takes two in JSON.
    let long = |name: &str, n: usize| format!("{name}{n:0>4}{}", "\"".repeat(120));
    for round in ["R1", "R2"] {
        let mut requests = Vec::new();
        for n in 0..BETS_MAX {
            let placed = PlaceBet {
                game: commands::game(&"\"".repeat(128)),
                ..commands::bet(&long(round, n), round, "1")
            };
            requests.push(in_play(&p, placed));
        }
        for n in 0..900 {
            let paid = Settle {
                bet: Some(commands::txn(&long(round, n % BETS_MAX))),
                ..commands::win(&long(&format!("w{round}"), n), round, "1")
            };
            requests.push(in_play(&p, paid));
        }
        requests.push(in_play(&p, win(&format!("{round}-end"), round, "1", Finality::Round)));
        let answers = soon(ledger.execute_all(requests)).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    let undo = |round: &str| -> PlayerCommand {
        commands::rollback_win(&format!("X-{round}"), &format!("{round}-end")).into()
    };
    let both = ledger.execute(&p, batch(vec![undo("R1"), undo("R2")])).await;
    assert_eq!(text(&both), "refused:capacity_exceeded");
    let before = cash(&ledger, &p).await;
    assert_eq!(text(&ledger.execute(&p, undo("R1")).await), "applied");
    let after = cash(&ledger, &p).await;
    assert_eq!(dec(&before) - dec(&after), dec("1"), "one by one they fit");
    assert_eq!(code(&ledger.execute(&p, rollback("X9", "T9")).await), "ok");
    let found = verified(store.as_ref()).await;
    assert!(found.commits > 2_000);
}
