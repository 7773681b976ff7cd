//! The seeds: ranges of them as tests, and what replays one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::host::{Plan, World};
use crate::oracle::judge;
use crate::scheduler::Sim;
use crate::weather::Weather;
use crate::wire::Plant;

/// How many tests the seeds are divided among, so that all cores work.
const RANGES: u64 = 8;
/// How many seeds each of them tries, where `CI` is set and where it is not.
const SEEDS_OF_CI: u64 = 1_250;
const SEEDS: u64 = 50;
/// A planted bug must be noticed within so many seeds.
const PLANTED_WITHIN: u64 = 200;

/// What may happen, and the words of the trace that say so.
const HAPPENINGS: [(&str, &str); 24] = [
    ("a command is done", ": Applied at"),
    ("a refusal is recorded", "recorded at Some"),
    ("a refusal is not recorded", "recorded at None"),
    ("a command is answered again", "is told: replayed, "),
    ("an outcome is unknown", "ask for its outcome, do not use another key"),
    ("nothing was recorded", "is told: the ledger is unavailable"),
    ("a lane is full", "commands: slow down"),
    ("a ledger is closed under its callers", "is told: the ledger is closed"),
    ("a ledger stops until it is opened again", "is told: the store failed"),
    ("a key is asked for that is there", "is told: accepted at"),
    ("a key is asked for that is not there", "is told: absent at"),
    ("a process dies with what it was asked", "nothing: the process died"),
    ("a process dies while it starts", "dies while it starts"),
    ("a process does not start", "does not start"),
    ("another writer was faster", "another writer appended"),
    ("an append is refused", "the append was refused"),
    ("an append, or its answer, gets lost", "whether the append landed is unknown"),
    ("an append lands after it was given up", "arrives late: durable"),
    ("an append is given up and is too late", "arrives late: shard"),
    ("a dead process is fenced off", "is turned away: its process is dead"),
    ("a question gets lost", "the question got lost"),
    ("the answer to a question gets lost", "the answer got lost"),
    ("a question hangs", "the store has not answered in time"),
    ("a snapshot is used", "snapshot: of "),
];

/// What a seed came to.
struct Run {
    result: Result<(), String>,
    trace: Vec<String>,
    steps: u64,
    attempts: u64,
    /// The longest wait for an answer, in hundredths of the engine's limits of one write and one load.
    longest: u64,
}

fn run(seed: u64) -> Run {
    run_with(seed, None)
}

fn run_with(seed: u64, plant: Option<Plant>) -> Run {
    let sim = Sim::new(seed);
    let plan = Plan::draw(&sim);
    let weather = Weather::draw(&sim);
    sim.note(&format!("{plan:?}"));
    sim.note(&format!("{weather:?}"));
    let world = World::new(&sim, plan, weather, plant);
    let result = world.live().and_then(|()| judge(&world));
    let attempts = world.attempts.borrow();
    let limits = world.plan.write_timeout + world.plan.load_timeout;
    let waited = attempts.iter().filter_map(|attempt| {
        let (answered, _) = attempt.answered.as_ref()?;
        Some((answered.micros - attempt.asked.micros) * 100 / limits)
    });
    let longest = waited.max().unwrap_or(0);
    Run { result, trace: sim.trace(), steps: sim.steps(), attempts: attempts.len() as u64, longest }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// What happened in many seeds.
#[derive(Default)]
struct Census {
    seeds: u64,
    attempts: u64,
    steps: u64,
    longest: (u64, u64),
    happened: BTreeMap<&'static str, u64>,
}

impl Census {
    /// Tries a seed, and takes note of what happened.
    fn take(&mut self, seed: u64) -> Result<(), String> {
        let run = run(seed);
        self.seeds += 1;
        self.attempts += run.attempts;
        self.steps += run.steps;
        self.longest = self.longest.max((run.longest, seed));
        for line in &run.trace {
            for (what, words) in HAPPENINGS {
                if line.contains(words) {
                    *self.happened.entry(what).or_default() += 1;
                }
            }
        }
        run.result.map_err(|what| {
            let mut told = String::new();
            for line in run.trace.iter().rev().take(40).rev() {
                writeln!(told, "{line}").unwrap();
            }
            format!("{told}\nseed {seed}: {what}\nall of it: cargo xtask simulate --seed {seed}")
        })
    }

    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.attempts += other.attempts;
        self.steps += other.steps;
        self.longest = self.longest.max(other.longest);
        for (what, count) in other.happened {
            *self.happened.entry(what).or_default() += count;
        }
    }

    fn text(&self) -> String {
        let mut text =
            format!("{} seeds, {} questions to a ledger, {} steps\n", self.seeds, self.attempts, self.steps);
        let (longest, seed) = self.longest;
        writeln!(
            text,
            "{longest:>8}%  of the limits of a write and a load is the longest wait (seed {seed})"
        )
        .unwrap();
        for (what, _) in HAPPENINGS {
            writeln!(text, "{:>9}  {what}", self.happened.get(what).copied().unwrap_or(0)).unwrap();
        }
        text
    }
}

/// Tries a range of seeds and stops at the first that fails.
fn try_seeds(mut seeds: std::ops::Range<u64>) {
    let mut census = Census::default();
    let tried = seeds.try_for_each(|seed| census.take(seed));
    if let Err(what) = tried {
        panic!("{what}");
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

/// Tries seeds on all cores. Of those that fail the smallest is told.
fn try_on_all_cores(from: u64, seeds: u64) {
    let next = AtomicU64::new(from);
    let (end, failed) = (from.saturating_add(seeds), Mutex::new(BTreeMap::new()));
    let census = Mutex::new(Census::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                let mut own = Census::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || !failed.lock().unwrap().is_empty() {
                        break;
                    }
                    if let Err(what) = own.take(seed) {
                        failed.lock().unwrap().insert(seed, what);
                    }
                }
                census.lock().unwrap().add(own);
            });
        }
    });
    println!("{}", census.lock().unwrap().text());
    if let Some((_, what)) = failed.lock().unwrap().first_key_value() {
        panic!("{what}");
    }
}

/// What `cargo xtask simulate` runs: one seed with its trace, or many.
#[test]
fn simulation_as_told() {
    if let Some(seed) = number("LEDGER_SIMULATION_SEED") {
        let run = run(seed);
        for line in &run.trace {
            println!("{line}");
        }
        println!("seed {seed}: {} questions to a ledger, {} steps", run.attempts, run.steps);
        if let Err(what) = run.result {
            panic!("seed {seed}: {what}");
        }
    } else if let Some(seeds) = number("LEDGER_SIMULATION_SEEDS") {
        try_on_all_cores(number("LEDGER_SIMULATION_FROM").unwrap_or(0), seeds);
    }
}

#[test]
fn simulation_of_a_seed_is_the_same_every_time() {
    for seed in 0..40 {
        let (once, again) = (run(seed), run(seed));
        let differ = once.trace.iter().zip(&again.trace).position(|(once, again)| once != again);
        if let Some(line) = differ {
            panic!("seed {seed}, line {line}:\n{}\n{}", once.trace[line], again.trace[line]);
        }
        assert_eq!(once.trace.len(), again.trace.len(), "seed {seed}");
    }
}

#[test]
fn simulation_meets_everything_that_may_happen() {
    let mut census = Census::default();
    for seed in 0..150 {
        census.take(seed).unwrap();
    }
    for (what, _) in HAPPENINGS {
        assert!(census.happened.contains_key(what), "never: {what}\n{}", census.text());
    }
}

/// The oracle is a program, too: what it does not notice nobody will.
#[test]
fn simulation_notices_a_store_that_breaks_its_word() {
    let plants = [
        Plant::AnswersEarly,
        Plant::LandsAfterRefusal,
        Plant::OldHeads,
        Plant::ForgetsKeys,
        Plant::ReadsShort,
        Plant::MixesSnapshots,
    ];
    for plant in plants {
        let found = (0..PLANTED_WITHIN)
            .find_map(|seed| run_with(seed, Some(plant)).result.err().map(|what| (seed, what)));
        match found {
            Some((seed, what)) => println!("{plant:?}: seed {seed}: {what}"),
            None => panic!("{plant:?} is not noticed in {PLANTED_WITHIN} seeds"),
        }
    }
}
