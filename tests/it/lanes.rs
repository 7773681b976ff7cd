//! Lanes through the handle; the order of draws is tested beside the inbox.

use std::sync::Arc;

use casino_ledger::store::ShardCount;
use casino_ledger::{ExecuteError, Lane, Request};

use crate::puppet::Puppet;
use crate::support::{bet, deposit, funded, memory, on, send, soon, text, tuned, verified};

#[tokio::test]
async fn a_full_lane_answers_at_once_and_the_others_go_on() {
    let puppet = Puppet::exclusive(memory(ShardCount::ONE));
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.lane_capacity = [3, 2, 1])).await;
    let p = funded(&ledger, "p", "100.00").await;
    // The writer itself holds this small write, so that it draws nothing.
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let held = send(&ledger, &p, bet("held", "r", "1.00"));
    soon(puppet.strings.append_calls.above(calls)).await;
    let mut waiting = Vec::new();
    for (lane, capacity) in Lane::ALL.into_iter().zip([3, 2, 1]) {
        for i in 0..capacity + 2 {
            let mut request = Request::new(p.clone(), deposit(&format!("{}-{i}", lane.as_str()), "1.00"));
            request.lane = Some(lane);
            let ledger = ledger.clone();
            let mut task = tokio::spawn(async move { ledger.request(request).await });
            if i < capacity {
                // It has to be in its lane before the next one is sent.
                assert!(crate::support::waits(&mut task).await);
                waiting.push(task);
            } else {
                let answer = soon(task).await.unwrap();
                let Err(ExecuteError::Overloaded { lane: full, waiting }) = answer else {
                    panic!("{answer:?}")
                };
                assert_eq!((full, waiting), (lane, capacity));
            }
        }
    }
    let all = ledger
        .execute_all(vec![
            Request::new(p.clone(), bet("a", "r", "1.00")),
            Request::new(p.clone(), bet("b", "r", "1.00")),
        ])
        .await;
    assert!(all.iter().all(|answer| matches!(answer, Err(ExecuteError::Overloaded { .. }))), "{all:?}");
    puppet.strings.appends.open();
    assert_eq!(text(&soon(held).await.unwrap()), "applied");
    for task in waiting {
        assert_eq!(text(&soon(task).await.unwrap()), "applied");
    }
    assert_eq!(text(&soon(ledger.execute(&p, bet("a", "r", "1.00"))).await), "applied");
    verified(puppet.as_ref()).await;
}
