//! The interleaving that breaks ledgers with a cache: something happens on process A, and what follows from it is sent to
//! process B, which has the player cached as he was. In every order that the seeds make of the calls beneath.

use std::cell::Cell;
use std::rc::Rc;

use casino_ledger::core::PlayerCommand;
use casino_ledger::core::testing::commands;
use casino_ledger::{ExecuteError, Outcome};

use crate::host::{Answer, Client, Plan, Question, World};
use crate::oracle::judge;
use crate::scheduler::Sim;
use crate::weather::Weather;

const A: usize = 0;
const B: usize = 1;
const SEEDS: u64 = 150;

/// Nothing fails; reads may be as old as a store of several processes allows.
fn two_processes(seed: u64) -> Rc<World> {
    let sim = Sim::new(seed);
    let plan = Plan {
        shards: 1,
        exclusive: false,
        processes: 2,
        clients: 0,
        players: 1,
        write_timeout: 1_000_000,
        load_timeout: 1_000_000,
        settle_timeout: 1_000_000,
        lane: 64,
        batch: 64,
        cache: 256 << 20,
        snapshot_every: 1_000,
        ..Plan::draw(&sim)
    };
    World::new(&sim, plan, Weather { slow: 100, stale: 500, ..Weather::default() }, None)
}

async fn execute(
    world: &World,
    process: usize,
    command: impl Into<PlayerCommand>,
) -> Result<Outcome, &'static str> {
    match world.ask_at(process, 0, Question::Execute(command.into())).await {
        Answer::Executed(answer) => match *answer {
            Ok(receipt) => Ok(receipt.outcome),
            Err(ExecuteError::Rejected(refusal)) => Err(refusal.rejection.code()),
            Err(error) => panic!("nothing fails here: {error}"),
        },
        other => panic!("nothing fails here: {other:?}"),
    }
}

async fn cash(world: &World, process: usize) -> String {
    match world.ask_at(process, 0, Question::Read).await {
        Answer::Read(reading) => reading.expect("nothing fails here").balances()[0].cash.to_string(),
        other => panic!("nothing fails here: {other:?}"),
    }
}

/// Plays in both processes at once and judges.
fn play(clients: impl Fn(&Rc<World>) -> Vec<Client>) {
    for seed in 0..SEEDS {
        let world = two_processes(seed);
        let lived = world.live_with(clients(&world)).and_then(|()| judge(&world));
        assert_eq!(lived, Ok(()), "seed {seed}:\n{}", world.sim.trace().join("\n"));
    }
}

/// The player has 10.00, and both have him cached.
async fn known_to_both(world: &World) {
    assert_eq!(execute(world, A, commands::open(&["EUR"])).await, Ok(Outcome::Applied));
    assert_eq!(execute(world, A, commands::deposit("d1", "10.00")).await, Ok(Outcome::Applied));
    assert_eq!(cash(world, B).await, "10.00");
}

#[test]
fn simulation_of_a_bet_on_a_and_its_win_on_a_stale_b() {
    play(|world| {
        let world = Rc::clone(world);
        vec![Box::pin(async move {
            known_to_both(&world).await;
            assert_eq!(execute(&world, A, commands::bet("t1", "r1", "3.00")).await, Ok(Outcome::Applied));
            // B has never heard of the bet.
            assert_eq!(
                execute(&world, B, commands::win_close("w1", "r1", "5.00")).await,
                Ok(Outcome::Applied)
            );
            // And now A is the one that is behind.
            assert_eq!(execute(&world, A, commands::bet("t2", "r1", "1.00")).await, Err("round_closed"));
            assert_eq!(cash(&world, A).await, "12.00");
            assert_eq!(cash(&world, B).await, "12.00");
        })]
    });
}

#[test]
fn simulation_of_money_spent_on_a_and_bet_again_on_a_stale_b() {
    play(|world| {
        let world = Rc::clone(world);
        vec![Box::pin(async move {
            known_to_both(&world).await;
            assert_eq!(execute(&world, A, commands::bet("t1", "r1", "8.00")).await, Ok(Outcome::Applied));
            assert_eq!(
                execute(&world, B, commands::bet("t2", "r2", "8.00")).await,
                Err("insufficient_funds")
            );
            assert_eq!(
                execute(&world, B, commands::bet("t1", "r1", "8.00")).await,
                Ok(Outcome::Applied),
                "a replay"
            );
            assert_eq!(cash(&world, B).await, "2.00");
        })]
    });
}

#[test]
fn simulation_of_one_bet_sent_to_both_while_its_win_comes_to_a() {
    play(|world| {
        let (first, second) = (Rc::clone(world), Rc::clone(world));
        let opens = Rc::new(Cell::new(false));
        let is_open = Rc::clone(&opens);
        vec![
            Box::pin(async move {
                known_to_both(&first).await;
                opens.set(true);
                assert_eq!(execute(&first, A, commands::bet("t1", "r1", "3.00")).await, Ok(Outcome::Applied));
                let won = execute(&first, A, commands::win_close("w1", "r1", "5.00")).await;
                assert_eq!(won, Ok(Outcome::Applied));
            }),
            Box::pin(async move {
                while !is_open.get() {
                    second.sim.pause(50).await;
                }
                // Whichever comes first, all are told the same; the oracle sees that it is booked once.
                for _ in 0..4 {
                    let told = execute(&second, B, commands::bet("t1", "r1", "3.00")).await;
                    assert_eq!(told, Ok(Outcome::Applied));
                    second.sim.pause(second.sim.below(600)).await;
                }
            }),
        ]
    });
}
