//! Time: stamps never go back, and a clock that cannot be believed stops recording, not answering.

use std::sync::Arc;

use casino_ledger::core::stored::CommitBody;
use casino_ledger::store::{EventStore, Position, READ_COMMITS_MAX, Shard, ShardCount};
use casino_ledger::{ClockSuspect, ExecuteError, RecordedOutcome};

use crate::support::{
    Hands, bet, cash, deposit, funded, memory, on, open, player, settings, text, tuned, verified,
};

async fn stamps(store: &dyn EventStore) -> Vec<String> {
    let commits = store.read(Shard(0), Position(1), READ_COMMITS_MAX).await.unwrap();
    commits.iter().map(|c| CommitBody::decode(&c.body).unwrap().recorded_at.to_string()).collect()
}

#[tokio::test]
async fn a_clock_that_jumps_refuses_new_commands_and_still_answers() {
    for jump in [61, 3_600, -70, -86_400] {
        let hands = Hands::new();
        let store = memory(ShardCount::ONE);
        let ledger = on(Arc::clone(&store) as _, tuned(|s| s.clock = hands.clone())).await;
        let p = funded(&ledger, "p", "100.00").await;
        ledger.execute(&p, bet("t1", "r1", "10.00")).await.unwrap();
        hands.pass(5);
        hands.jump(jump);
        let heads = ledger.heads().await.unwrap();
        let refused = ledger.execute(&p, bet("t2", "r1", "10.00")).await;
        assert!(
            matches!(&refused, Err(ExecuteError::ClockSuspect(ClockSuspect::Jumped { .. }))),
            "{jump}: {refused:?}"
        );
        assert!(refused.unwrap_err().is_retryable());
        assert!(matches!(ledger.execute(&player("new"), open()).await, Err(ExecuteError::ClockSuspect(_))));
        assert_eq!(text(&ledger.execute(&p, bet("t1", "r1", "10.00")).await), "replayed:applied");
        assert_eq!(text(&ledger.execute(&p, bet("t1", "r1", "11.00")).await), "refused:key_reused");
        assert_eq!(cash(&ledger, &p).await, "90.00", "readings go on");
        let key = bet("t1", "r1", "10.00").key(&p, &settings().policy).unwrap();
        assert!(matches!(ledger.outcome(&p, &key).await.unwrap(), RecordedOutcome::Accepted(_)));
        assert_eq!(ledger.heads().await.unwrap(), heads, "nothing was recorded");

        ledger.accept_clock();
        let after = ledger.execute(&p, bet("t2", "r1", "10.00")).await;
        if jump > 0 {
            assert_eq!(text(&after), "applied");
        } else {
            // What is recorded counts, whoever accepts what.
            assert!(
                matches!(after, Err(ExecuteError::ClockSuspect(ClockSuspect::Behind { .. }))),
                "{after:?}"
            );
            hands.jump(-jump);
            ledger.accept_clock();
            assert_eq!(text(&ledger.execute(&p, bet("t2", "r1", "10.00")).await), "applied");
        }
        verified(store.as_ref()).await;
    }
}

#[tokio::test]
async fn a_clock_that_is_put_right_needs_nobody() {
    let hands = Hands::new();
    let ledger = on(memory(ShardCount::ONE), tuned(|s| s.clock = hands.clone())).await;
    let p = funded(&ledger, "p", "100.00").await;
    hands.jump(1_000);
    assert!(ledger.execute(&p, deposit("d2", "1.00")).await.is_err());
    hands.jump(-1_000);
    assert_eq!(text(&ledger.execute(&p, deposit("d2", "1.00")).await), "applied");
}

#[tokio::test]
async fn recorded_time_never_goes_back_within_the_bound_nor_over_a_reopen() {
    let hands = Hands::new();
    let mut store = memory(ShardCount::ONE);
    let mut steps = [20, -15, 3, -1, 0, 30, -50, 10].into_iter();
    let mut id = 0;
    for _ in 0..4 {
        let ledger = on(Arc::clone(&store) as _, tuned(|s| s.clock = hands.clone())).await;
        let p = player("p");
        ledger.execute(&p, open()).await.unwrap();
        for step in steps.by_ref().take(2) {
            hands.jump(step);
            id += 1;
            assert_eq!(text(&ledger.execute(&p, deposit(&format!("d{id}"), "1.00")).await), "applied");
        }
        ledger.close().await.unwrap();
        store = Arc::new(store.reopen().unwrap());
    }
    let stamps = stamps(store.as_ref()).await;
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert_eq!(stamps.len(), 2 + 8);
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn a_ledger_opened_with_a_clock_behind_the_log_records_nothing() {
    let hands = Hands::new();
    let store = memory(ShardCount::ONE);
    let ledger = on(Arc::clone(&store) as _, tuned(|s| s.clock = hands.clone())).await;
    let p = funded(&ledger, "p", "100.00").await;
    ledger.close().await.unwrap();
    hands.jump(-7_200);
    let store = Arc::new(store.reopen().unwrap());
    let ledger = on(Arc::clone(&store) as _, tuned(|s| s.clock = hands.clone())).await;
    let answer = ledger.execute(&p, bet("t1", "r1", "1.00")).await;
    assert!(matches!(answer, Err(ExecuteError::ClockSuspect(ClockSuspect::Behind { .. }))), "{answer:?}");
    assert_eq!(text(&ledger.execute(&p, deposit("d1", "100.00")).await), "replayed:applied");
    hands.pass(7_200);
    assert_eq!(text(&ledger.execute(&p, bet("t1", "r1", "1.00")).await), "applied");
    verified(store.as_ref()).await;
}
