//! `cargo xtask fuzz`: libFuzzer on every target of `fuzz/`, for a while, on any compiler.
//!
//! `libfuzzer-sys` builds libFuzzer from the C++ it brings along. What `cargo-fuzz` adds are flags that make
//! the compiler count what is reached; they are stable, so neither it nor a nightly compiler is needed. The
//! address sanitizer is what stays unstable, and code that forbids `unsafe` can do without.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::step::{self, cargo, run_within};

/// How long each target runs unless told otherwise, and in continuous integration.
pub(crate) const SECONDS: u32 = 60;

/// How many targets run at a time.
const AT_A_TIME: usize = 2;
/// The most one input may take, in seconds, and a target, in megabytes.
const INPUT_SECONDS: u32 = 10;
const MEMORY_MB: u32 = 2048;
/// libFuzzer ends by itself. If it has not after its time and this, it is ended.
const GRACE: Duration = Duration::from_mins(2);

/// Targets that read what is stored: the frozen files are seeds of theirs, too.
const READ_STORED: [&str; 3] = ["body", "event", "upcasting"];
const GOLDEN: &str = "ledger-core/tests/golden";

/// As `cargo-fuzz` has them, without a sanitizer.
const COVERAGE: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Without this, branches that lead to the same code are one, and an input that takes another is not new.
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    // Backtraces of a crash.
    "-Cforce-frame-pointers=yes",
];

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Seconds per target.
    pub(crate) seconds: u32,
    /// The targets; all of them if none is named.
    pub(crate) targets: Vec<String>,
    /// One input, to be run once: what a crash left behind.
    pub(crate) input: Option<PathBuf>,
}

impl Options {
    /// Every target, for so long.
    pub(crate) fn all(seconds: u32) -> Self {
        Self { seconds, targets: Vec::new(), input: None }
    }

    /// Reads the command line behind `fuzz`.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self::all(SECONDS);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match *argument {
                "--seconds" => {
                    let seconds = rest.next().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
                    options.seconds = seconds.ok_or("--seconds wants a whole number above zero")?;
                }
                "--input" => {
                    options.input = Some(rest.next().ok_or("--input wants a file")?.into());
                }
                flag if flag.starts_with('-') => return Err(format!("{flag} is no option of fuzz")),
                target => options.targets.push(target.to_owned()),
            }
        }
        if options.input.is_some() && options.targets.len() != 1 {
            return Err("--input wants the one target that is to read it".to_owned());
        }
        Ok(options)
    }
}

/// Runs the targets, and fails if one of them does, naming the input and how to run it again.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let targets = choose(&all_targets()?, &options.targets)?;
    let binaries = build(&targets)?;
    if let Some(input) = &options.input {
        return reproduce(&binaries.join(&targets[0]), input);
    }
    let seconds = options.seconds;
    eprintln!("fuzzing {}: {seconds} s each, {AT_A_TIME} at a time", targets.join(", "));
    let waiting = Mutex::new(VecDeque::from(targets));
    let failed = Mutex::new(Vec::new());
    let next = || waiting.lock().ok()?.pop_front();
    let worker = || {
        while let Some(target) = next() {
            match fuzz(&binaries, &target, seconds) {
                Ok(progress) => eprintln!("  {target}: {}", progress.shown(seconds)),
                Err(message) => {
                    eprintln!("  {target}: FAILED");
                    failed.lock().expect("no worker panics with the lock").push(message);
                }
            }
        }
    };
    thread::scope(|scope| (0..AT_A_TIME).for_each(|_| drop(scope.spawn(worker))));
    let failed = failed.into_inner().expect("no worker panics with the lock");
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The targets there are, by the files of `fuzz/fuzz_targets`.
fn all_targets() -> Result<Vec<String>, String> {
    let folder = step::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for file in files(&folder)? {
        names.extend(file.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn choose(all: &[String], named: &[String]) -> Result<Vec<String>, String> {
    match named.iter().find(|name| !all.contains(name)) {
        Some(unknown) => Err(format!("there is no fuzz target {unknown:?}; there are {}", all.join(", "))),
        None if named.is_empty() => Ok(all.to_owned()),
        None => Ok(named.to_owned()),
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(told)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(told)).collect()
}

/// Where builds, grown corpora, logs and crashing inputs go: never into the repository.
fn home() -> PathBuf {
    step::target().join("fuzz")
}

/// Builds the targets and answers where their binaries are.
fn build(targets: &[String]) -> Result<PathBuf, String> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if cfg!(unix) && Command::new(&compiler).arg("--version").output().is_err() {
        let compiler = compiler.to_string_lossy();
        return Err(format!(
            "fuzzing builds libFuzzer, which is C++, and `{compiler}` does not start: install a C++ compiler \
             (g++ or clang++), or name one in CXX"
        ));
    }
    let host = step::host()?;
    let home = home().to_string_lossy().into_owned();
    // With a target named, the flags reach what is fuzzed and not the build scripts.
    let mut arguments = vec!["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml"];
    arguments.extend(["--target", &host, "--target-dir", &home]);
    arguments.extend(targets.iter().flat_map(|target| ["--bin", target]));
    let own = std::env::var("RUSTFLAGS").unwrap_or_default();
    let flags: Vec<&str> = COVERAGE.into_iter().chain(own.split_whitespace()).collect();
    cargo(&arguments).env("CARGO_ENCODED_RUSTFLAGS", &flags.join("\u{1f}")).run()?;
    Ok(Path::new(&home).join(&host).join("release"))
}

/// Runs one target for so many seconds.
fn fuzz(binaries: &Path, target: &str, seconds: u32) -> Result<Progress, String> {
    let folder = |kind: &str| -> Result<PathBuf, String> {
        let folder = home().join(kind).join(target);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    };
    let (corpus, crashes) = (folder("corpus")?, folder("crashes")?);
    let mut seeds = vec![step::root().join("fuzz/seeds").join(target)];
    if READ_STORED.contains(&target) {
        seeds.push(step::root().join(GOLDEN));
    }
    let log = home().join(format!("{target}.log"));
    let output = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let errors = output.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
    let mut command = Command::new(binaries.join(target));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={}", longest_input(&seeds)?))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB}"))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .arg(corpus)
        .args(seeds)
        .stdout(output)
        .stderr(errors);
    let status = run_within(command, Duration::from_secs(seconds.into()) + GRACE);
    let text = fs::read(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let text = String::from_utf8_lossy(&text);
    match status {
        Err(error) => Err(format!("fuzz target {target}: {error}")),
        Ok(None) => Err(format!("fuzz target {target} did not end in time: see {}", log.display())),
        Ok(Some(status)) if !status.success() => Err(crash(target, status, &text, &log)),
        Ok(Some(_)) => Progress::read(&text).ok_or_else(|| {
            format!("fuzz target {target} counts no coverage, so it searches blindly: see {}", log.display())
        }),
    }
}

/// Inputs may be four times as long as the longest seed, within bounds.
fn longest_input(seeds: &[PathBuf]) -> Result<u64, String> {
    let mut longest = 0;
    for file in seeds.iter().map(|folder| files(folder)).collect::<Result<Vec<_>, _>>()?.concat() {
        longest = longest.max(fs::metadata(&file).map_or(0, |about| about.len()));
    }
    Ok(longest.saturating_mul(4).clamp(64, 16 * 1024))
}

/// What is told of a crash: the panic's words, the input, and how to run it again.
fn crash(target: &str, status: ExitStatus, log: &str, path: &Path) -> String {
    let mut told = vec![format!("fuzz target {target} ended with {status}:")];
    told.extend(words_of_crash(log).map(str::to_owned));
    match input_of_crash(log) {
        Some(input) => told.extend([
            format!("the input: {input}"),
            format!("run it again: cargo xtask fuzz --input {input} {target}"),
            format!("once mended, keep it as a seed: copy it to fuzz/seeds/{target}/"),
        ]),
        None => told.push("no input was kept".to_owned()),
    }
    told.push(format!("the whole log: {}", path.display()));
    told.join("\n  ")
}

/// From the panic, or from libFuzzer's own finding, to the first line of addresses.
fn words_of_crash(log: &str) -> impl Iterator<Item = &str> {
    let begins = |line: &str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
    let lines = log.lines().skip_while(move |line| !begins(line));
    lines.take_while(|line| !line.starts_with("stack backtrace") && !line.starts_with("    #0")).take(12)
}

fn input_of_crash(log: &str) -> Option<&str> {
    log.lines().rev().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path.trim())
}

fn reproduce(binary: &Path, input: &Path) -> Result<(), String> {
    // The fuzzer would take a name it does not find for an empty input, and pass.
    fs::metadata(input).map_err(|error| format!("{}: {error}", input.display()))?;
    let mut command = Command::new(binary);
    command.arg(format!("-timeout={INPUT_SECONDS}")).arg(format!("-rss_limit_mb={MEMORY_MB}")).arg(input);
    match run_within(command, GRACE) {
        Ok(Some(status)) if status.success() => {
            eprintln!("{} passes", input.display());
            Ok(())
        }
        Ok(Some(status)) => Err(format!("{} ended with {status}", input.display())),
        Ok(None) => Err(format!("{} did not end in time", input.display())),
        Err(error) => Err(format!("{}: {error}", input.display())),
    }
}

/// What a target's run came to.
#[derive(Debug, PartialEq, Eq)]
struct Progress {
    /// How many inputs it ran.
    inputs: u64,
    /// What was reached by the seeds, with what earlier runs had found, and in the end.
    coverage: (u64, u64),
}

impl Progress {
    /// Reads libFuzzer's lines: `#20 INITED cov: 1571 ft: ...`, `#4468 DONE cov: 7033 ...`.
    fn read(log: &str) -> Option<Self> {
        let line = |state: &str| {
            let of_state =
                |line: &&str| line.starts_with('#') && line.split_whitespace().nth(1) == Some(state);
            let line = log.lines().find(of_state)?;
            let mut words = line.split_whitespace();
            let inputs: u64 = words.next()?.strip_prefix('#')?.parse().ok()?;
            let coverage: u64 = words.skip_while(|word| *word != "cov:").nth(1)?.parse().ok()?;
            Some((inputs, coverage))
        };
        let ((_, first), (inputs, last)) = (line("INITED")?, line("DONE")?);
        Some(Self { inputs, coverage: (first, last) })
    }

    fn shown(&self, seconds: u32) -> String {
        let (first, last) = self.coverage;
        let rate = self.inputs / u64::from(seconds);
        format!("{} inputs, {rate} a second; places reached: {first}, then {last}", self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(Options::parse(&[]), Ok(Options::all(60)));
        let named = Options::parse(&["--seconds", "5", "entry", "body"]).expect("options");
        assert_eq!((named.seconds, named.targets), (5, vec!["entry".to_owned(), "body".to_owned()]));
        let one = Options::parse(&["--input", "a/b", "entry"]).expect("options");
        assert_eq!(one.input, Some(PathBuf::from("a/b")));
        for bad in [
            &["--seconds"][..],
            &["--seconds", "0"],
            &["--seconds", "x"],
            &["--minutes", "1"],
            &["--input", "a"],
            &["--input", "a", "entry", "body"],
        ] {
            assert!(Options::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn targets_are_found_and_unknown_ones_refused() {
        let all = all_targets().expect("targets");
        assert!(all.contains(&"entry".to_owned()) && all.contains(&"upcasting".to_owned()), "{all:?}");
        assert_eq!(choose(&all, &[]), Ok(all.clone()));
        assert_eq!(choose(&all, &["entry".to_owned()]), Ok(vec!["entry".to_owned()]));
        assert!(choose(&all, &["entropy".to_owned()]).is_err());
        for target in READ_STORED {
            assert!(all.iter().any(|name| name == target), "{target}");
        }
    }

    #[test]
    fn every_target_has_seeds_that_fit() {
        for target in all_targets().expect("targets") {
            let seeds = [step::root().join("fuzz/seeds").join(&target)];
            let longest = longest_input(&seeds).expect("seeds");
            for seed in files(&seeds[0]).expect("seeds") {
                assert!(fs::metadata(&seed).expect("a seed").len() <= longest, "{}", seed.display());
            }
        }
    }

    const LOG: &str = "\
INFO: Running with entropic power schedule (0xFF, 100).
#20\tINITED cov: 1571 ft: 1933 corp: 19/3899b exec/s: 0 rss: 29Mb
#21\tNEW    cov: 1650 ft: 2038 corp: 20/4076b lim: 375 exec/s: 0 rss: 29Mb L: 177/375 MS: 1 InsertByte-
#600\tDONE   cov: 7033 ft: 13388 corp: 2888/478Kb lim: 4096 exec/s: 144154 rss: 36Mb
Done 600 runs in 3 second(s)
";

    #[test]
    fn progress_is_read_from_the_log() {
        let progress = Progress::read(LOG).expect("progress");
        assert_eq!(progress, Progress { inputs: 600, coverage: (1571, 7033) });
        assert_eq!(progress.shown(3), "600 inputs, 200 a second; places reached: 1571, then 7033");
        assert_eq!(Progress::read(&LOG.replace("cov:", "")), None, "a build that counts nothing");
        assert_eq!(Progress::read(""), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_is_told_with_its_input_and_how_to_run_it_again() {
        use std::os::unix::process::ExitStatusExt;
        let log = "\
#600\tNEW    cov: 7033
thread '<unnamed>' panicked at src/lib.rs:32:5:
assertion failed: it balances
note: run with `RUST_BACKTRACE=1`
==7== ERROR: libFuzzer: deadly signal
    #0 0x55 (/x/entry+0x1)
artifact_prefix='/t/'; Test unit written to /t/crash-da39
Base64: AA==
";
        let told = crash("entry", ExitStatus::from_raw(77 << 8), log, Path::new("/t/entry.log"));
        for words in [
            "entry ended with exit status: 77",
            "assertion failed: it balances",
            "the input: /t/crash-da39",
            "cargo xtask fuzz --input /t/crash-da39 entry",
            "fuzz/seeds/entry/",
            "/t/entry.log",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains("0x55"), "{told}");
        assert!(crash("entry", ExitStatus::from_raw(9), "", Path::new("l")).contains("no input was kept"));
    }
}
