//! Jackpots run by the manager that comes with the ledger: swept, claimed, awarded, paid and told, killed at every step.

use std::time::Duration;

use casino_ledger::Ledger;
use casino_ledger::core::HouseId;
use casino_ledger::core::PlaceBet;
use casino_ledger::core::stored::{JackpotKind, SeedMovement};
use casino_ledger::core::testing::{commands, house_commands};
use casino_ledger::process::{Jackpots, NoEffects};

use crate::process_kit::dies_at_every_step;
use crate::support::funded;

fn pool() -> HouseId {
    HouseId::new("house/jackpot/mega").unwrap()
}

/// Two players give to a jackpot and trigger it; one of them is called off.
async fn triggered(ledger: &Ledger) {
    let terms = house_commands::jackpot_terms("100.0000");
    ledger.execute_house(&pool(), house_commands::configure("C1", terms)).await.unwrap();
    ledger.execute_house(&pool(), house_commands::seed("S1", SeedMovement::CostToPool, "100")).await.unwrap();
    for player in ["p", "q", "z"] {
        let p = funded(ledger, player, "100.00").await;
        let mut bet: PlaceBet = commands::jackpot_bet("t1", "r1", "50", JackpotKind::Local, "0.50");
        bet.contributions[0].jackpot = commands::sub_account("mega");
        ledger.execute(&p, bet).await.unwrap();
        ledger.execute(&p, commands::claim_jackpot("c1", "r1")).await.unwrap();
        if player == "z" {
            ledger.execute(&p, commands::rollback("x1", "t1")).await.unwrap();
        } else {
            ledger.execute(&p, commands::win_close("w1", "r1", "0")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_jackpot_is_swept_awarded_and_paid_whatever_dies() {
    let manager = || Jackpots::new(Duration::from_secs(1)).unwrap();
    let end = dies_at_every_step(|_| {}, triggered, manager, || NoEffects, |_| Vec::new()).await;
    let of = |account: &str| end.accounts.get(account).cloned().unwrap_or_default();
    println!("{:?}", end.accounts);
    // One of the two got the seed and what was swept by then, the other the next seed; the one called off nothing.
    assert!(!of("player:cash").is_empty(), "{:?}", end.accounts);
}
