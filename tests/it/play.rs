//! Sessions, transfers, tips and the ends of rounds through the engine: whatever is live, in the log, or decided and not
//! durable yet, the answers are the same.

use std::sync::Arc;

use casino_ledger::Settings;
use casino_ledger::core::testing::commands;
use casino_ledger::core::{
    CallFlags, ExpireRound, Finality, PlayerCommand, Policy, ReopenRound, RoundClosePolicy, RoundTimeOut,
    Settle, SourcePolicy, StartSession, TimeOutAction,
};
use casino_ledger::store::{EventStore, MemoryStore, ShardCount};

use crate::support::{cash, funded, in_play, memory, on, soon, source, text, tuned, verified};

/// Source `quick` never reports a loss; the others may credit without a debit, and their rounds time out at once.
fn policy() -> Policy {
    let quick = SourcePolicy { round_close: RoundClosePolicy::ImmediateLoss, ..SourcePolicy::default() };
    let default = SourcePolicy {
        credit_without_debit: true,
        round_time_out: Some(RoundTimeOut { after_secs: 0, then: TimeOutAction::Void }),
        ..SourcePolicy::default()
    };
    Policy { default, sources: [(source("quick"), quick)].into_iter().collect(), ..Policy::default() }
}

fn alone(id: &str, round: &str, of: &str) -> Settle {
    Settle {
        bet: Some(commands::txn(of)),
        game: Some(commands::game("game")),
        ..commands::win_close(id, round, "3")
    }
}

fn reopened(id: &str, round: &str) -> ReopenRound {
    let flags = CallFlags { reopen: Some(true), ..CallFlags::default() };
    ReopenRound { flags, ..commands::reopen_round(id, round) }
}

/// What a player does, and what each of it comes to.
fn script() -> Vec<(PlayerCommand, &'static str)> {
    let started = || commands::start_session("S1");
    let other_game = StartSession { game: commands::game("other"), ..started() };
    let quick_bet = || {
        let mut bet = commands::bet("Q1", "QR", "10");
        bet.source = source("quick");
        bet
    };
    let quick_win =
        Settle { source: source("quick"), finality: Finality::ByPolicy, ..commands::win("QW", "QR", "25") };
    let mut quick_undo = commands::rollback("QX", "Q1");
    quick_undo.source = source("quick");
    let expired = |id: &str| ExpireRound { ..commands::expire_round(id, "R3") };
    vec![
        // A session that has ended is found in the log.
        (started().into(), "applied"),
        (commands::bet_in("S1", "T1", "R1", "10").into(), "applied"),
        (commands::acknowledge("A1", "S1").into(), "applied"),
        (commands::end_session("E1", "S1").into(), "applied"),
        (started().into(), "replayed:applied"),
        (other_game.into(), "refused:key_reused"),
        (commands::bet_in("S1", "T2", "R2", "5").into(), "rejected:session_expired"),
        (commands::acknowledge("A2", "S1").into(), "rejected:session_expired"),
        (commands::end_session("E2", "S1").into(), "noop"),
        (commands::win_close("W1", "R1", "25").into(), "applied"),
        // Tips and entries are never live.
        (commands::tip("P1", "2").into(), "applied"),
        (commands::rollback("X1", "P1").into(), "applied"),
        (commands::rollback("X2", "P1").into(), "rejected:already_rolled_back"),
        (commands::enter_tournament("N1", "10", "1").into(), "applied"),
        (commands::rollback("X3", "N1").into(), "applied"),
        (commands::rollback("X4", "N1").into(), "rejected:already_rolled_back"),
        // A transfer is live while it is away.
        (commands::roll_out("O1", "50").into(), "applied"),
        (commands::roll_in("I1", "O1", "60").into(), "applied"),
        (commands::roll_in("I2", "O1", "60").into(), "rejected:already_settled"),
        (commands::rollback("X5", "O1").into(), "rejected:already_settled"),
        (commands::roll_out("O1", "50").into(), "replayed:applied"),
        (commands::roll_out("O2", "5").into(), "applied"),
        (commands::rollback("X6", "O2").into(), "applied"),
        (commands::roll_in("I3", "O2", "5").into(), "rejected:already_rolled_back"),
        // A win without a bet is paid, unless the bet was cancelled before it came.
        (commands::rollback("X7", "T9").into(), "tombstoned"),
        (alone("W9", "R9", "T9").into(), "rejected:txn_cancelled"),
        (alone("W8", "R8", "T8").into(), "applied"),
        // A round that a rule closed is over, and still takes what its source sends.
        (quick_bet().into(), "applied"),
        (quick_win.clone().into(), "applied"),
        (quick_undo.clone().into(), "rejected:already_settled"),
        (
            {
                let mut undo = commands::rollback_win("QY", "QW");
                undo.source = source("quick");
                undo
            }
            .into(),
            "applied",
        ),
        (
            {
                let mut undo = quick_undo;
                undo.id = commands::txn("QZ");
                undo
            }
            .into(),
            "applied",
        ),
        (Settle { id: commands::txn("QV"), ..quick_win }.into(), "rejected:txn_cancelled"),
        // A time-out comes twice.
        (commands::bet("T3", "R3", "10").into(), "applied"),
        (expired("E3").into(), "applied"),
        (expired("E3").into(), "replayed:applied"),
        (expired("E4").into(), "noop"),
        // A round is open again.
        (reopened("G1", "R1").into(), "applied"),
        (commands::bet("T4", "R1", "1").into(), "applied"),
        (commands::close("C1", "R1").into(), "applied"),
        (reopened("G1", "R1").into(), "replayed:applied"),
        (commands::bet("T5", "R1", "1").into(), "rejected:round_closed"),
    ]
}

/// 100.00, less 10 that won 25, plus 10 that came back more than went, plus 3 without a bet, less 1.
const CASH: &str = "127.00";

fn with_policy(tune: impl FnOnce(&mut Settings)) -> Settings {
    tuned(|settings| {
        settings.policy = policy();
        tune(settings);
    })
}

#[tokio::test]
async fn play_comes_to_the_same_while_everything_is_cached() {
    let store = memory(ShardCount::DEFAULT);
    let ledger = on(Arc::clone(&store) as _, with_policy(|_| {})).await;
    let p = funded(&ledger, "p", "100.00").await;
    for (command, expected) in script() {
        let answer = soon(ledger.request(in_play(&p, command.clone()))).await;
        assert_eq!(text(&answer), expected, "{command:?}");
    }
    assert_eq!(cash(&ledger, &p).await, CASH);
    soon(ledger.close()).await.unwrap();
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn play_comes_to_the_same_when_it_is_sent_at_once() {
    let store = memory(ShardCount::DEFAULT);
    let ledger = on(Arc::clone(&store) as _, with_policy(|s| s.batch_commands_max = 5)).await;
    let p = funded(&ledger, "p", "100.00").await;
    let (sent, expected): (Vec<_>, Vec<_>) = script().into_iter().unzip();
    let requests = sent.iter().map(|command| in_play(&p, command.clone())).collect();
    let answers: Vec<_> = soon(ledger.execute_all(requests)).await.iter().map(text).collect();
    assert_eq!(answers, expected);
    assert_eq!(cash(&ledger, &p).await, CASH);
    soon(ledger.close()).await.unwrap();
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn play_comes_to_the_same_after_a_restart_before_every_command() {
    for snapshot_every in [1, u32::MAX] {
        let mut store = memory(ShardCount::ONE);
        let ledger = on(Arc::clone(&store) as _, with_policy(|_| {})).await;
        let p = funded(&ledger, "p", "100.00").await;
        soon(ledger.close()).await.unwrap();
        for (command, expected) in script() {
            store = Arc::new(MemoryStore::reopen(&store).unwrap());
            let cold = with_policy(|settings| settings.snapshot_every = snapshot_every);
            let ledger = on(Arc::clone(&store) as Arc<dyn EventStore>, cold).await;
            let answer = soon(ledger.request(in_play(&p, command.clone()))).await;
            assert_eq!(text(&answer), expected, "{snapshot_every} {command:?}");
            soon(ledger.close()).await.unwrap();
        }
        let ledger = on(Arc::clone(&store) as _, with_policy(|_| {})).await;
        assert_eq!(cash(&ledger, &p).await, CASH);
        soon(ledger.close()).await.unwrap();
        verified(store.as_ref()).await;
    }
}
