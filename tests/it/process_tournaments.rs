//! Tournaments run by the manager that comes with the ledger: entered, scored, closed, paid and told, killed at every step.

use std::sync::Arc;
use std::time::Duration;

use casino_ledger::core::stored::{TournamentScoring, TournamentTerms};
use casino_ledger::core::testing::{commands, house_commands};
use casino_ledger::core::{EndTournament, HouseId, TournamentStatus};
use casino_ledger::process::{MemoryProcesses, NoEffects, Tournaments};
use casino_ledger::{Ledger, Outcome};

use crate::process_kit::{Running, World, dies_at_every_step, drive, quick};
use crate::support::{cash, funded, player};

fn cup() -> HouseId {
    HouseId::new("tournament/cup").unwrap()
}

pub(crate) fn manager() -> Tournaments {
    Tournaments::new(Duration::from_secs(1)).unwrap()
}

/// The net result counts; five minutes of play, and one more for results.
fn terms() -> TournamentTerms {
    TournamentTerms {
        scoring: TournamentScoring::Net,
        guarantee: "100.00".parse().unwrap(),
        entries_max: 10,
        until: "2026-01-01T00:05:00Z".parse().unwrap(),
        results_until: "2026-01-01T00:06:00Z".parse().unwrap(),
        ..house_commands::tournament_terms("10.00", "1.00")
    }
}

pub(crate) async fn open(ledger: &Ledger) {
    ledger.execute_house(&cup(), house_commands::configure_tournament("C1", terms())).await.unwrap();
    ledger.execute_house(&cup(), house_commands::open_tournament("O1", &terms())).await.unwrap();
}

/// Plays a round of 10 that wins so much.
pub(crate) async fn round(ledger: &Ledger, name: &str, id: &str, won: &str) {
    let player = player(name);
    ledger.execute(&player, commands::bet(&format!("t{id}"), &format!("r{id}"), "10")).await.unwrap();
    let win = commands::win_close(&format!("w{id}"), &format!("r{id}"), won);
    ledger.execute(&player, win).await.unwrap();
}

/// Four players pay to take part.
async fn entered(ledger: &Ledger) {
    open(ledger).await;
    for name in ["p", "q", "x", "y"] {
        let player = funded(ledger, name, "100.00").await;
        ledger.execute(&player, commands::enter_tournament("e1", "10", "1")).await.unwrap();
    }
}

/// One of the four undoes it; `p` wins most, until a round of his is called off.
async fn fought(ledger: &Ledger) {
    for name in ["p", "q", "x", "y"] {
        round(ledger, name, "1", "15").await;
    }
    // Another price, so it goes back.
    ledger.execute(&player("x"), commands::enter_tournament("e2", "5", "1")).await.unwrap();
    ledger.execute(&player("y"), commands::rollback("x1", "e1")).await.unwrap();
    round(ledger, "p", "2", "60").await;
    round(ledger, "q", "2", "30").await;
    round(ledger, "x", "2", "0").await;
    ledger.execute(&player("p"), commands::void_settled_round("v1", "r2")).await.unwrap();
}

async fn played(ledger: &Ledger) {
    entered(ledger).await;
    fought(ledger).await;
}

/// The places of it, with the points, and what the players have in the end.
async fn is_won_by_q(world: &World) {
    let known = world.ledger.house(&cup()).await.unwrap();
    let cup = known.state.tournament().unwrap();
    assert_eq!(cup.status(), TournamentStatus::Closed);
    assert_eq!((cup.prizes().count(), cup.returns().count()), (0, 0), "all is paid and back");
    let ranks = cup.ranking().unwrap().unwrap().ranks;
    let first: Vec<_> =
        ranks.iter().map(|rank| (rank.of.player.to_string(), rank.points.to_string())).collect();
    let expected = [("q", "25.00"), ("p", "5.00"), ("x", "-5.00")];
    assert_eq!(first, expected.map(|(player, points)| (player.to_owned(), points.to_owned())));
    // 100 less 11, what rounds gave, and 60, 40 and nothing.
    for (name, left) in [("q", "174.00"), ("p", "134.00"), ("x", "84.00"), ("y", "105.00")] {
        assert_eq!(cash(&world.ledger, &player(name)).await, left, "{name}");
    }
}

#[tokio::test]
async fn p42_a_tournament_is_played_and_paid_once_whatever_dies() {
    let end = dies_at_every_step(|_| {}, played, manager, || NoEffects, |_| Vec::new()).await;
    let of = |account: &str| end.accounts.get(account).map(String::as_str);
    // All that went into the pool came out of it, and the guarantee of 100 was won.
    let (debits, credits) = of("Real tournament:pool EUR").unwrap().split_once(' ').unwrap();
    assert_eq!(debits, credits, "{:?}", end.accounts);
    assert!(of("Real tournament:overlay EUR").is_some(), "{:?}", end.accounts);
}

#[tokio::test]
async fn the_best_of_a_tournament_get_its_prizes() {
    let world = World::new(|_| {}).await;
    played(&world.ledger).await;
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, manager(), NoEffects, Arc::clone(&kept) as _, quick());
    running.quiet().await;
    let known = world.ledger.house(&cup()).await.unwrap();
    assert_eq!(known.state.tournament().unwrap().status(), TournamentStatus::Open);
    drive(&world.clock, &running).await;
    assert_eq!(running.handle.stuck(), []);
    is_won_by_q(&world).await;
    running.kill().await;
    world.end().await;
}

/// Providers run tournaments of their own: what was paid for those stays paid, and nobody waits for them.
#[tokio::test]
async fn an_entry_to_a_tournament_of_somebody_else_is_left_alone() {
    let world = World::new(|_| {}).await;
    for name in ["p", "q"] {
        let player = funded(&world.ledger, name, "100.00").await;
        world.ledger.execute(&player, commands::enter_tournament("e1", "10", "1")).await.unwrap();
        round(&world.ledger, name, "1", "15").await;
    }
    world.ledger.execute(&player("q"), commands::rollback("x1", "e1")).await.unwrap();
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, manager(), NoEffects, Arc::clone(&kept) as _, quick());
    running.quiet().await;
    drive(&world.clock, &running).await;
    assert_eq!(running.handle.stuck(), []);
    assert_eq!(running.handle.all().len(), 0, "nothing waits");
    for (name, left) in [("p", "94.00"), ("q", "105.00")] {
        assert_eq!(cash(&world.ledger, &player(name)).await, left, "{name}");
    }
    running.kill().await;
    world.end().await;
}

/// A manager that was down in the time for results tells all points before it closes the tournament: whether it was never up,
/// knew the entries, or ended it; and whether what it had saved is lost.
#[tokio::test]
async fn a_manager_that_was_down_past_the_time_for_results_has_the_same_win() {
    for (was_up, is_lost) in
        [("never", false), ("entries", false), ("entries", true), ("end", false), ("end", true)]
    {
        let world = World::new(|_| {}).await;
        let kept = MemoryProcesses::new();
        let start = || Running::start(&world.ledger, manager(), NoEffects, Arc::new(kept.clone()), quick());
        entered(&world.ledger).await;
        if was_up != "never" {
            let running = start();
            running.quiet().await;
            running.kill().await;
        }
        fought(&world.ledger).await;
        if was_up == "end" {
            // It ends, and nothing else is done.
            world.clock.pass(330);
            world.ledger.execute_house(&cup(), EndTournament {}).await.unwrap();
        }
        world.clock.pass(3_600);
        if is_lost {
            kept.forget();
        }
        let running = start();
        drive(&world.clock, &running).await;
        assert_eq!((running.handle.stuck(), running.handle.all().len()), (vec![], 0), "{was_up} {is_lost}");
        running.kill().await;
        is_won_by_q(&world).await;
        world.end().await;
    }
}

#[tokio::test]
async fn a_cancelled_tournament_is_given_back_once_whatever_dies() {
    let cancelled = async |ledger: &Ledger| {
        played(ledger).await;
        let cancel = house_commands::cancel_tournament("Z1");
        let receipt = ledger.execute_house(&cup(), cancel).await.unwrap();
        assert_eq!(receipt.outcome, Outcome::Applied);
    };
    let end = dies_at_every_step(|_| {}, cancelled, manager, || NoEffects, |_| Vec::new()).await;
    let of = |account: &str| end.accounts.get(account).map(String::as_str);
    for account in ["Real tournament:pool EUR", "Real gaming:rake EUR"] {
        let (debits, credits) = of(account).unwrap().split_once(' ').unwrap();
        assert_eq!(debits, credits, "{account} in {:?}", end.accounts);
    }
    assert_eq!(of("Real tournament:overlay EUR"), None);
}
