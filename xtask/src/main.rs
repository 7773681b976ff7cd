//! The workspace's own commands: `cargo xtask test | check | fix | bench | fuzz | simulate | instructions | mutants`.
//!
//! What people run is what continuous integration runs: `.ci/run` calls these and adds nothing.

mod dialect;
mod fuzz;
mod instructions;
mod mutants;
mod needs;
mod simulate;
mod step;
mod tidy;

use std::process::ExitCode;

use instructions::Purpose;
use ledger_testkit::postgres;
use step::cargo;

/// The features the tests run with. Never `--all-features` there: `ledger-core/spike-cbor` changes how bodies
/// are encoded, and with it every hash and golden file.
const TEST_FEATURES: &str = "ledger-core/testing,ledger-core/schema,ledger-store/log,ledger-store/testing,\
                             casino-ledger/sqlite,casino-ledger/postgres,ledger-store/postgres-tls,\
                             casino-ledger/xlsx,casino-ledger/parquet";

const USAGE: &str = "\
usage: cargo xtask <command>

  test          every test of the workspace, and the examples in its documentation
  check         formatting, lints, documentation, tidiness, and SQL in the dialect; writes nothing
  fix           formats, and applies what the lints can mend by themselves
  bench [NAME] [--store log|sqlite|postgres]
                the benches, or one of them; `settle` on another store than the log
  bench budget [--cycles N] [--no-strace]
                what every station of the hot path costs: time, allocations, system calls
  fuzz [--seconds N] [TARGET...]
                the fuzz targets, or some of them, for N seconds each (60), from their seeds
  fuzz --input FILE TARGET
                one input, such as one that made a target crash
  simulate [--seeds N] [--from SEED]
                the engine in N simulated worlds (10,000) that follow their seeds, with failures everywhere
  simulate --seed SEED
                one of them, and all that happened in it
  instructions [--accept]
                counts the instructions of the hot path and compares them with the accepted ones, or
                accepts the new ones
  mutants [--own-only | --others-only] [TEXT...] [-- ARGUMENT...]
                changes each posting in turn, or those whose line in the report holds TEXT, and sees
                whether a test fails; then cargo-mutants with the arguments";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["test"] => test(),
        ["check"] => check(),
        ["fix"] => fix(),
        ["bench"] => bench(None, "log"),
        ["bench", "budget", ref rest @ ..] => budget(rest),
        ["bench", name] => bench(Some(name), "log"),
        ["bench", name, "--store", store] => bench(Some(name), store),
        ["fuzz", ref rest @ ..] => fuzz::Options::parse(rest).and_then(|options| fuzz::run(&options)),
        ["simulate", ref rest @ ..] => {
            simulate::Options::parse(rest).and_then(|options| simulate::run(&options))
        }
        ["instructions"] => instructions::run(Purpose::Compare),
        ["instructions", "--accept"] => instructions::run(Purpose::Accept),
        ["mutants", ref rest @ ..] => {
            mutants::Options::parse(rest).and_then(|options| mutants::run(&options))
        }
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The examples of the documentation and the fuzz targets come first, so that the runner's summary of all
/// tests is printed last.
fn test() -> Result<(), String> {
    let runner = needs::ensure_for_tests();
    // It ends with this function, whatever becomes of the tests.
    let server = needs::postgres()?;
    needs::servers();
    let features = ["--features", TEST_FEATURES];
    cargo(&["test", "--doc", "--workspace"]).args(&features).run()?;
    // The fuzz targets have a lock file of their own; their seeds are a test on any compiler.
    let home = step::target().join("fuzz").to_string_lossy().into_owned();
    let fuzz = ["--manifest-path", "fuzz/Cargo.toml", "--target-dir", &home];
    cargo(&["test", "--lib", "--no-default-features", "--locked"]).args(&fuzz).run()?;
    let fuzzed = if needs::is_ci() {
        fuzz::run(&fuzz::Options::all(fuzz::SECONDS))
    } else {
        eprintln!("note: fuzzing is left to continuous integration; to do it here: cargo xtask fuzz");
        Ok(())
    };
    if fuzzed.is_ok() {
        // Otherwise the input that failed is there.
        step::discard("fuzz");
    }
    let counted = instructions::test();
    step::discard("instructions");
    let tested = match runner {
        needs::Runner::Nextest => cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]),
        needs::Runner::Cargo => {
            let kinds = ["--lib", "--bins", "--tests", "--examples"];
            cargo(&["test", "--workspace", "--no-fail-fast"]).args(&kinds)
        }
    }
    .args(&features)
    .env(postgres::URL, &server.url())
    .run();
    let failed: Vec<String> = [fuzzed, counted, tested].into_iter().filter_map(Result::err).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// Runs every step, also after one failed: whoever mends should see all there is to mend.
fn check() -> Result<(), String> {
    let lints =
        ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
    let docs = ["doc", "--no-deps", "--workspace", "--all-features", "--locked"];
    let mut failed = Vec::new();
    let mut note = |result: Result<(), String>| failed.extend(result.err());
    note(tidy::run(&step::root()));
    note(dialect::run(&step::root()));
    note(cargo(&["fmt", "--all", "--check"]).run());
    note(cargo(&lints).run());
    note(cargo(&docs).env("RUSTDOCFLAGS", "-D warnings").run());
    note(check_fuzz());
    note(check_peers());
    if failed.is_empty() { Ok(()) } else { Err(format!("check failed:\n{}", failed.join("\n"))) }
}

/// The fuzz crate stands outside the workspace, with a lock file of its own.
fn check_fuzz() -> Result<(), String> {
    let manifest = ["--manifest-path", "fuzz/Cargo.toml"];
    cargo(&["fmt", "--check"]).args(&manifest).run()?;
    let home = step::target().join("fuzz").to_string_lossy().into_owned();
    // Without libFuzzer, which would have to be built first: the binaries are a line each.
    let lints = ["--lib", "--tests", "--no-default-features", "--locked", "--target-dir", &home];
    cargo(&["clippy"]).args(&manifest).args(&lints).args(&["--", "-D", "warnings"]).run()
}

/// The peers' bench stands outside too. Its three hundred crates are built in continuous integration alone, so that it
/// does not go stale.
fn check_peers() -> Result<(), String> {
    let manifest = ["--manifest-path", "benches/peers/Cargo.toml"];
    cargo(&["fmt", "--check"]).args(&manifest).run()?;
    if !needs::is_ci() {
        eprintln!("note: the lints of benches/peers are left to continuous integration");
        return Ok(());
    }
    let home = step::target().join("peers").to_string_lossy().into_owned();
    let lints = ["--all-targets", "--target-dir", &home, "--", "-D", "warnings"];
    let linted = cargo(&["clippy"]).args(&manifest).args(&lints).run();
    step::discard("peers");
    linted
}

fn fix() -> Result<(), String> {
    let mend = ["--fix", "--allow-dirty", "--allow-staged"];
    cargo(&["clippy", "--workspace", "--all-targets", "--all-features"]).args(&mend).run()?;
    cargo(&["fmt", "--all"]).run()?;
    cargo(&["fmt", "--manifest-path", "benches/peers/Cargo.toml"]).run()?;
    cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml"]).run()
}

fn bench(name: Option<&str>, store: &str) -> Result<(), String> {
    let benches =
        cargo(&["bench", "--workspace", "--features", TEST_FEATURES]).env("CASINO_LEDGER_BENCH_STORE", store);
    // The server lives as long as the benches.
    let server = if store == "postgres" { Some(needs::postgres()?) } else { None };
    let benches = match &server {
        Some(server) => benches.env(postgres::URL, &server.url()),
        None => benches,
    };
    match name {
        Some(name) => benches.args(&["--bench", name]),
        None => benches.args(&["--benches"]),
    }
    .run()
}

/// A program of its own, because it needs the engine to be built with its marks.
fn budget(arguments: &[&str]) -> Result<(), String> {
    let run = ["run", "--release", "-p", "hot-path", "--features", "stations", "--bin", "budget", "--"];
    cargo(&run).args(arguments).run()
}
