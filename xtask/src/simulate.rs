//! `cargo xtask simulate`: the engine in simulated worlds, many seeds or one with all that happened.

use crate::TEST_FEATURES;
use crate::step::cargo;

/// How many seeds are tried unless told otherwise: those of continuous integration.
const SEEDS: u64 = 10_000;

/// What to simulate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Options {
    /// One seed, with its trace.
    One(u64),
    /// So many seeds, from this one on.
    Many { from: u64, seeds: u64 },
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (mut one, mut from, mut seeds) = (None, None, None);
        let mut rest = arguments;
        while let [name, tail @ ..] = rest {
            let [value, tail @ ..] = tail else { return Err(format!("{name} wants a number")) };
            let value: u64 = value.parse().map_err(|_| format!("{name} wants a number, not {value}"))?;
            match *name {
                "--seed" => one = Some(value),
                "--from" => from = Some(value),
                "--seeds" => seeds = Some(value),
                _ => return Err(format!("simulate knows no {name}")),
            }
            rest = tail;
        }
        match (one, from, seeds) {
            (Some(seed), None, None) => Ok(Self::One(seed)),
            (Some(_), _, _) => Err("--seed stands alone".to_owned()),
            (None, from, seeds) => Ok(Self::Many { from: from.unwrap_or(0), seeds: seeds.unwrap_or(SEEDS) }),
        }
    }
}

/// Runs the simulation.
///
/// # Errors
///
/// If a seed fails; the output names it.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    // The features of `cargo xtask test`, so that nothing is built a second time.
    let build = ["test", "--workspace", "--test", "simulation", "--features", TEST_FEATURES];
    let test = ["--", "--exact", "seeds::simulation_as_told", "--nocapture"];
    let step = cargo(&build).args(&test);
    match options {
        Options::One(seed) => step.env("LEDGER_SIMULATION_SEED", &seed.to_string()),
        Options::Many { from, seeds } => step
            .env("LEDGER_SIMULATION_FROM", &from.to_string())
            .env("LEDGER_SIMULATION_SEEDS", &seeds.to_string()),
    }
    .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_seeds() {
        assert_eq!(Options::parse(&[]), Ok(Options::Many { from: 0, seeds: SEEDS }));
        assert_eq!(Options::parse(&["--seed", "7"]), Ok(Options::One(7)));
        let some = Options::Many { from: 20, seeds: 5 };
        assert_eq!(Options::parse(&["--seeds", "5", "--from", "20"]), Ok(some));
        for wrong in [&["--seed"][..], &["--seed", "x"], &["--seed", "1", "--from", "2"], &["--sead", "1"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
