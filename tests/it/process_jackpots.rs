//! Jackpots run by the manager that comes with the ledger: swept, claimed, awarded, paid and told, killed at every step.

use std::time::Duration;

use casino_ledger::Ledger;
use casino_ledger::core::HouseId;
use casino_ledger::core::PlaceBet;
use casino_ledger::core::stored::{JackpotKind, JackpotTerms, SeedMovement};
use casino_ledger::core::testing::{commands, house_commands};
use casino_ledger::process::{Jackpots, NoEffects};

use crate::process_kit::dies_at_every_step;
use crate::support::funded;

fn pool() -> HouseId {
    HouseId::new("jackpot/mega").unwrap()
}

/// Two players give to a jackpot and trigger it; one of them is called off.
async fn triggered(ledger: &Ledger) {
    // However much was swept by then, each of the two gets 100.
    let most = Some("100.0000".parse().unwrap());
    let terms = JackpotTerms { must_hit_by: most, ..house_commands::jackpot_terms("100.0000") };
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
    // Two of the three won 100 each, and the third got his stake back; three seeds, and what two stakes gave.
    let of = |account: &str| end.accounts.get(account).map(String::as_str);
    assert_eq!(of("Real player:cash EUR"), Some("150.00 550.00"), "{:?}", end.accounts);
    assert_eq!(of("Real jackpot:liability EUR"), Some("200.0000 301.0000"), "{:?}", end.accounts);
}
