//! The seeds: ranges of them as tests, and what replays one.

use std::fmt::Write as _;

use crate::host::{Plan, World};
use crate::oracle::judge;
use crate::scheduler::Sim;
use crate::weather::Weather;

/// How many tests the seeds are divided among, so that all cores work.
const RANGES: u64 = 8;
/// How many seeds each of them tries, where `CI` is set and where it is not.
const SEEDS_OF_CI: u64 = 1_250;
const SEEDS: u64 = 50;

/// What a seed came to.
struct Run {
    result: Result<(), String>,
    trace: Vec<String>,
    steps: u64,
    attempts: usize,
}

fn run(seed: u64) -> Run {
    let sim = Sim::new(seed);
    let plan = Plan::draw(&sim);
    let weather = Weather::draw(&sim);
    sim.note(&format!("{plan:?}"));
    sim.note(&format!("{weather:?}"));
    let world = World::new(&sim, plan, weather);
    let result = world.live().and_then(|()| judge(&world));
    let attempts = world.attempts.borrow().len();
    Run { result, trace: sim.trace(), steps: sim.steps(), attempts }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Tries a range of seeds and stops at the first that fails.
fn try_seeds(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let run = run(seed);
        if let Err(what) = run.result {
            let mut told = String::new();
            for line in run.trace.iter().rev().take(40).rev() {
                writeln!(told, "{line}").unwrap();
            }
            panic!("{told}\nseed {seed}: {what}\nall of it: cargo xtask simulate --seed {seed}");
        }
    }
}

fn range(number: u64) {
    let each = if std::env::var_os("CI").is_some() { SEEDS_OF_CI } else { SEEDS };
    try_seeds(number * SEEDS_OF_CI..number * SEEDS_OF_CI + each);
}

macro_rules! ranges {
    ($($name:ident $number:literal,)*) => {
        $(
            #[test]
            fn $name() {
                assert!($number < RANGES);
                range($number);
            }
        )*
    };
}

ranges! {
    simulation_of_seeds_1_of_8 0,
    simulation_of_seeds_2_of_8 1,
    simulation_of_seeds_3_of_8 2,
    simulation_of_seeds_4_of_8 3,
    simulation_of_seeds_5_of_8 4,
    simulation_of_seeds_6_of_8 5,
    simulation_of_seeds_7_of_8 6,
    simulation_of_seeds_8_of_8 7,
}

/// What `cargo xtask simulate` runs: one seed with its trace, or a range.
#[test]
fn simulation_as_told() {
    let from = number("LEDGER_SIMULATION_FROM").unwrap_or(0);
    if let Some(seed) = number("LEDGER_SIMULATION_SEED") {
        let run = run(seed);
        for line in &run.trace {
            println!("{line}");
        }
        println!("seed {seed}: {} attempts, {} steps", run.attempts, run.steps);
        assert_eq!(run.result, Ok(()));
    } else if let Some(seeds) = number("LEDGER_SIMULATION_SEEDS") {
        try_seeds(from..from + seeds);
    }
}

#[test]
fn simulation_of_a_seed_is_the_same_every_time() {
    for seed in 0..60 {
        let (once, again) = (run(seed), run(seed));
        let differ = once.trace.iter().zip(&again.trace).position(|(once, again)| once != again);
        if let Some(line) = differ {
            panic!("seed {seed}, line {line}:\n{}\n{}", once.trace[line], again.trace[line]);
        }
        assert_eq!(once.trace.len(), again.trace.len(), "seed {seed}");
    }
}
