//! Signals of risk found in play by the manager that comes with the ledger, and what the policy makes of them.

use std::sync::Arc;
use std::time::Duration;

use casino_ledger::core::stored::BetPlaced;
use casino_ledger::core::testing::commands;
use casino_ledger::core::{
    Block, GameRule, PlaceBet, PlayerId, Policy, Reaction, RiskRule, SignalName, StakeRange,
};
use casino_ledger::process::{
    BetGrowth, ManyVoids, MemoryProcesses, MinimumBets, NoEffects, OppositeBets, SignalRules, Signals,
};

use crate::process_kit::{Running, World, quick};
use crate::support::{bet, code, eur, funded, rollback};

fn rules(tune: impl FnOnce(&mut SignalRules)) -> SignalRules {
    let mut rules = SignalRules::default();
    rules.version = 1;
    rules.quiet = Duration::from_hours(1);
    tune(&mut rules);
    rules
}

async fn alerts(world: &World, player: &PlayerId) -> Vec<String> {
    let state = world.ledger.player(player).await.unwrap();
    state.state.alerts().iter().map(|alert| alert.signal.to_string()).collect()
}

fn start(world: &World, rules: &SignalRules) -> Running<Signals> {
    let manager = Signals::new(rules.clone()).unwrap();
    Running::start(&world.ledger, manager, NoEffects, Arc::new(MemoryProcesses::new()), quick())
}

#[tokio::test]
async fn stakes_that_grow_are_told_once() {
    let world = World::new(|_| {}).await;
    let p = funded(&world.ledger, "p", "1000.00").await;
    let growth = BetGrowth { last: 2, before: 3, times: 50_000 };
    let rules = rules(|rules| rules.bet_growth = Some(growth));
    let running = start(&world, &rules);
    for (n, stake) in ["1", "1", "1", "5", "4.99"].into_iter().enumerate() {
        world.ledger.execute(&p, bet(&format!("t{n}"), &format!("r{n}"), stake)).await.unwrap();
    }
    running.quiet().await;
    assert!(alerts(&world, &p).await.is_empty(), "4.99 and 5 are not five times 1");
    // 1, 1, 5, 4.99, 7 are not: the mean before is 2.33. From 1 on it is.
    for (n, stake) in ["1", "1", "1", "5", "5.00", "50", "50"].into_iter().enumerate() {
        world.ledger.execute(&p, bet(&format!("u{n}"), &format!("s{n}"), stake)).await.unwrap();
    }
    running.quiet().await;
    assert_eq!(alerts(&world, &p).await, ["bet_growth"]);
    running.kill().await;
    // A runner that has lost everything folds the log again, and raises nothing twice.
    let again = start(&world, &rules);
    again.quiet().await;
    assert_eq!(alerts(&world, &p).await, ["bet_growth"]);
    again.kill().await;
    world.end().await;
}

#[tokio::test]
async fn many_voids_within_a_time_block_the_player_if_the_policy_says_so() {
    let world = World::new(|settings| {
        let mut policy = Policy::default();
        let signal = SignalName::new("many_voids").unwrap();
        policy.default_jurisdiction.controls.risk =
            vec![RiskRule { signal, then: Reaction::Block { block: Block::Bets } }];
        settings.policy = policy;
    })
    .await;
    let (p, q) = (funded(&world.ledger, "p", "100.00").await, funded(&world.ledger, "q", "100.00").await);
    let voids = ManyVoids { voids: 3, within: Duration::from_mins(1) };
    let running = start(&world, &rules(|rules| rules.many_voids = Some(voids)));
    for n in 0..3 {
        for (player, pause) in [(&p, 0), (&q, 31)] {
            let (id, back) = (format!("t{n}"), format!("x{n}"));
            world.ledger.execute(player, bet(&id, &id, "1")).await.unwrap();
            world.clock.pass(pause);
            world.ledger.accept_clock();
            world.ledger.execute(player, rollback(&back, &id)).await.unwrap();
        }
        running.quiet().await;
    }
    // Of p three bets were undone too, but over two minutes: the pauses of q passed for him as well.
    assert!(alerts(&world, &p).await.is_empty() && alerts(&world, &q).await.is_empty());
    for n in 3..5 {
        let (id, back) = (format!("t{n}"), format!("x{n}"));
        world.ledger.execute(&p, bet(&id, &id, "1")).await.unwrap();
        world.ledger.execute(&p, rollback(&back, &id)).await.unwrap();
    }
    running.quiet().await;
    assert_eq!(alerts(&world, &p).await, ["many_voids"]);
    let refused = world.ledger.execute(&p, bet("t9", "r9", "1")).await;
    assert_eq!(code(&refused), "player_blocked");
    running.kill().await;
    world.end().await;
}

fn with_minimum() -> Policy {
    let mut policy = Policy::default();
    let range = StakeRange { min: Some(commands::decimal("0.50")), ..StakeRange::default() };
    let rule = GameRule { stakes: [(eur(), range)].into(), ..GameRule::default() };
    policy.games.games = [(commands::game("game"), rule)].into();
    policy.bonuses = [(commands::terms_name("welcome"), commands::bonus_terms(1))].into();
    policy
}

#[tokio::test]
async fn bets_at_the_minimum_at_the_end_of_a_wagering_are_told() {
    let minimum = MinimumBets::of(3, 9_000, &with_minimum());
    let world = World::new(|settings| settings.policy = with_minimum()).await;
    let p = funded(&world.ledger, "p", "100.00").await;
    world.ledger.execute(&p, commands::grant_bonus("A", "20")).await.unwrap();
    let running = start(&world, &rules(|rules| rules.minimum_bets = Some(minimum)));
    // Before nine tenths of it they are nobody's business, and more than the minimum never is: two of them count.
    let stakes = ["0.50", "0.50", "0.50", "16.50", "0.51", "0.50", "0.50"];
    for (n, stake) in stakes.into_iter().enumerate() {
        world.ledger.execute(&p, bet(&format!("t{n}"), &format!("r{n}"), stake)).await.unwrap();
    }
    running.quiet().await;
    assert!(alerts(&world, &p).await.is_empty());
    world.ledger.execute(&p, bet("t9", "r9", "0.50")).await.unwrap();
    running.quiet().await;
    assert_eq!(alerts(&world, &p).await, ["minimum_bets"]);
    running.kill().await;
    world.end().await;
}

fn covers(bet: &BetPlaced) -> u32 {
    if bet.game.as_str() == "roulette" { 4_864 } else { 0 }
}

#[tokio::test]
async fn bets_of_one_round_that_cover_it_are_told() {
    let world = World::new(|_| {}).await;
    let p = funded(&world.ledger, "p", "100.00").await;
    let opposite = OppositeBets { coverage: Arc::new(covers), from: 9_000 };
    let running = start(&world, &rules(|rules| rules.opposite_bets = Some(opposite)));
    let on = |id: &str, round: &str| PlaceBet {
        game: commands::game("roulette"),
        ..commands::bet(id, round, "1")
    };
    for (id, round) in [("t1", "r1"), ("t2", "r2")] {
        world.ledger.execute(&p, on(id, round)).await.unwrap();
    }
    world.ledger.execute(&p, bet("t3", "r3", "1")).await.unwrap();
    world.ledger.execute(&p, bet("t4", "r3", "1")).await.unwrap();
    running.quiet().await;
    assert!(alerts(&world, &p).await.is_empty(), "one colour a round, and another game");
    world.ledger.execute(&p, on("t5", "r2")).await.unwrap();
    world.ledger.execute(&p, on("t6", "r2")).await.unwrap();
    running.quiet().await;
    assert_eq!(alerts(&world, &p).await, ["opposite_bets"]);
    running.kill().await;
    world.end().await;
}
