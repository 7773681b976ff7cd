//! Commands, replays, refusals and reads through the handle.

use casino_ledger::core::Finality;
use casino_ledger::store::ShardCount;
use casino_ledger::{Ledger, Outcome, RecordedOutcome, Settings};

use crate::support::{available, bet, code, deposit, eur, funded, in_memory, open, player, rollback, win};

async fn a_round(ledger: &Ledger) {
    let p = funded(ledger, "p1", "100.00").await;
    let placed = ledger.execute(&p, bet("t1", "r1", "10.00")).await.unwrap();
    assert_eq!(available(&placed), "90.00");
    let settled = ledger.execute(&p, win("w1", "r1", "36.40", Finality::Round)).await.unwrap();
    assert_eq!(available(&settled), "126.40");
    assert_eq!(settled.balance(eur()).unwrap().held.to_string(), "0.00");
    let again = ledger.execute(&p, bet("t1", "r1", "10")).await.unwrap();
    assert!(again.replayed);
    assert_eq!((again.position, again.hash), (placed.position, placed.hash));
    assert_eq!(available(&again), "90.00");
    assert_eq!(again.current[0].cash.to_string(), "126.40");
    assert_eq!(code(&ledger.execute(&p, bet("t1", "r1", "11.00")).await), "key_reused");
    assert_eq!(code(&ledger.execute(&p, bet("t2", "r1", "1.00")).await), "round_closed");
    assert_eq!(code(&ledger.execute(&p, rollback("x1", "t1")).await), "already_settled");
    let tombstone = ledger.execute(&p, rollback("x2", "t9")).await.unwrap();
    assert_eq!(tombstone.outcome, Outcome::Tombstoned);
    assert_eq!(code(&ledger.execute(&p, bet("t9", "r9", "1.00")).await), "txn_cancelled");
    let reading = ledger.player(&p).await.unwrap();
    assert_eq!(reading.balances()[0].cash.to_string(), "126.40");
}

#[tokio::test]
async fn a_round_in_memory() {
    for shards in [ShardCount::ONE, ShardCount::DEFAULT] {
        let (ledger, _) = in_memory(shards).await;
        a_round(&ledger).await;
        ledger.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_round_on_the_log_and_after_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Settings::new().unwrap()).await.unwrap();
    a_round(&ledger).await;
    ledger.close().await.unwrap();
    let ledger = Ledger::open(dir.path(), Settings::new().unwrap()).await.unwrap();
    let p = player("p1");
    let again = ledger.execute(&p, bet("t1", "r1", "10")).await.unwrap();
    assert!(again.replayed, "keys are known for ever");
    assert_eq!(code(&ledger.execute(&p, bet("t9", "r9", "1.00")).await), "txn_cancelled");
    let key = bet("t1", "r1", "10").key(&p, &Settings::new().unwrap().policy).unwrap();
    let RecordedOutcome::Accepted(receipt) = ledger.outcome(&p, &key).await.unwrap() else {
        panic!("recorded")
    };
    assert_eq!(receipt.hash, again.hash);
    let absent = bet("t77", "r1", "10").key(&p, &Settings::new().unwrap().policy).unwrap();
    assert!(matches!(ledger.outcome(&p, &absent).await.unwrap(), RecordedOutcome::Absent { .. }));
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn players_that_are_not_open_are_refused_and_nothing_is_stored() {
    let (ledger, _) = in_memory(ShardCount::ONE).await;
    let before = ledger.heads().await.unwrap();
    assert_eq!(code(&ledger.execute(&player("ghost"), bet("t1", "r1", "1.00")).await), "player_unknown");
    assert_eq!(code(&ledger.execute(&player("ghost"), deposit("d1", "1.00")).await), "player_unknown");
    assert_eq!(ledger.heads().await.unwrap(), before);
    ledger.execute(&player("ghost"), open()).await.unwrap();
    assert!(ledger.execute(&player("ghost"), open()).await.unwrap().replayed);
}
