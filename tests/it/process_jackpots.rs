//! Jackpots run by the manager that comes with the ledger: swept, claimed, awarded, paid and told, killed at every step.

use std::sync::Arc;
use std::time::Duration;

use casino_ledger::Ledger;
use casino_ledger::core::HouseId;
use casino_ledger::core::PlaceBet;
use casino_ledger::core::stored::{JackpotKind, JackpotTerms, SeedMovement};
use casino_ledger::core::testing::{commands, house_commands};
use casino_ledger::process::{Jackpots, MemoryProcesses, NoEffects};

use crate::process_kit::{Running, World, dies_at_every_step, drive, quick};
use crate::support::{cash, funded, player};

fn pool() -> HouseId {
    HouseId::new("jackpot/mega").unwrap()
}

/// A bet of 50 that gives half a euro to the jackpot.
fn bet(id: &str) -> PlaceBet {
    let mut bet = commands::jackpot_bet(id, "r1", "50", JackpotKind::Local, "0.50");
    bet.contributions[0].jackpot = commands::sub_account("mega");
    bet
}

/// Two players give to a jackpot and trigger it; one of them is called off.
async fn triggered(ledger: &Ledger) {
    let terms = house_commands::jackpot_terms("100.00");
    ledger.execute_house(&pool(), house_commands::configure("C1", terms)).await.unwrap();
    ledger.execute_house(&pool(), house_commands::seed("S1", SeedMovement::CostToPool, "100")).await.unwrap();
    for player in ["p", "q", "z"] {
        let p = funded(ledger, player, "100.00").await;
        ledger.execute(&p, bet("t1")).await.unwrap();
        ledger.execute(&p, commands::claim_jackpot("c1", "r1")).await.unwrap();
        if player == "z" {
            ledger.execute(&p, commands::rollback("x1", "t1")).await.unwrap();
        } else {
            ledger.execute(&p, commands::win_close("w1", "r1", "0")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_jackpot_is_awarded_and_paid_once_whatever_dies() {
    // Pools are told later than this: what an award is depends on what was told by then.
    let manager = || Jackpots::new(Duration::from_hours(24)).unwrap();
    let end = dies_at_every_step(|_| {}, triggered, manager, || NoEffects, |_| Vec::new()).await;
    // Two of the three won 100 each, and the third got his stake back; three seeds, and what two stakes gave.
    let of = |account: &str| end.accounts.get(account).map(String::as_str);
    assert_eq!(of("Real player:cash EUR"), Some("150.00 550.00"), "{:?}", end.accounts);
    assert_eq!(of("Real jackpot:liability EUR"), Some("200.000000 301.000000"), "{:?}", end.accounts);
}

#[tokio::test]
async fn a_pool_is_told_what_bets_gave_to_it_and_wins_it_out() {
    let world = World::new(|_| {}).await;
    let terms = house_commands::jackpot_terms("100.00");
    world.ledger.execute_house(&pool(), house_commands::configure("C1", terms)).await.unwrap();
    world
        .ledger
        .execute_house(&pool(), house_commands::seed("S1", SeedMovement::CostToPool, "100"))
        .await
        .unwrap();
    let (kept, manager) = (Arc::new(MemoryProcesses::new()), Jackpots::new(Duration::from_secs(1)).unwrap());
    let running = Running::start(&world.ledger, manager, NoEffects, kept, quick());
    for (player, id) in [("p", "t1"), ("q", "t1")] {
        let player = funded(&world.ledger, player, "100.00").await;
        world.ledger.execute(&player, bet(id)).await.unwrap();
        world.ledger.execute(&player, commands::win_close("w1", "r1", "0")).await.unwrap();
    }
    drive(&world.clock, &running).await;
    let p = player("p");
    world.ledger.execute(&p, commands::bet("t2", "r2", "10")).await.unwrap();
    world.ledger.execute(&p, commands::claim_jackpot("c1", "r2")).await.unwrap();
    running.quiet().await;
    assert_eq!(running.handle.stuck(), []);
    assert_eq!(cash(&world.ledger, &p).await, "141.00", "100 less 60, and 101 of the jackpot");
    running.kill().await;
    world.end().await;
}

#[tokio::test]
async fn what_is_above_a_ceiling_is_told_to_the_jackpot_that_gets_it() {
    let manager = || Jackpots::new(Duration::from_secs(1)).unwrap();
    let filled = async |ledger: &Ledger| {
        let terms = JackpotTerms {
            ceiling: Some("100.20".parse().unwrap()),
            overflow: Some(house_commands::jackpot("mini")),
            ..house_commands::jackpot_terms("100.00")
        };
        ledger.execute_house(&pool(), house_commands::configure("C1", terms)).await.unwrap();
        ledger
            .execute_house(&pool(), house_commands::seed("S1", SeedMovement::CostToPool, "100"))
            .await
            .unwrap();
        let p = funded(ledger, "p", "100.00").await;
        ledger.execute(&p, bet("t1")).await.unwrap();
        ledger.execute(&p, commands::win_close("w1", "r1", "0")).await.unwrap();
    };
    let end = dies_at_every_step(|_| {}, filled, manager, || NoEffects, |_| Vec::new()).await;
    assert_eq!(end.commits, 9, "currency, terms and seed, four of the player, two sweeps");
    let world = World::new(|_| {}).await;
    filled(&world.ledger).await;
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, manager(), NoEffects, kept, quick());
    drive(&world.clock, &running).await;
    let mini = world.ledger.house(&HouseId::new("jackpot/mini").unwrap()).await.unwrap();
    let held = mini.state.jackpot().unwrap().amount(commands::currency("EUR")).unwrap();
    assert_eq!(held.to_string(), "0.300000");
    running.kill().await;
    world.end().await;
}
