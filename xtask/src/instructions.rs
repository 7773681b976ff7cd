//! `cargo xtask instructions`: how many instructions the hot path executes, compared with what is accepted.
//!
//! Time depends on the machine and on who else uses it; the instructions of one build do not. callgrind counts
//! them on a simulated processor, which offers the same on every machine of one architecture, so that nothing
//! chooses other code by what the real one can do. Another compiler makes other code: then nothing is compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::needs;
use crate::step::{self, cargo, run_within};

/// What is counted, each in a process of its own.
const STATIONS: [&str; 5] =
    ["decide_place", "decide_settle", "encode_place", "encode_settle", "append_batch"];
/// How much more a station may take than was accepted, in thousandths.
const TOLERANCE_PERMILLE: u64 = 30;
/// How long one station may take.
const TIME_MAX: Duration = Duration::from_mins(5);
/// Of everything the program does, only what this function calls is counted.
const COUNTED: &str = "--toggle-collect=instructions::measured*";
/// The C library copies memory with what the processor has. Told that it has little, it does the same everywhere.
const PLAIN_LIBC: &str = "glibc.cpu.hwcaps=-AVX2,-ERMS,-FSRM";
/// Where the accepted counts are kept.
const ACCEPTED: &str = "benches/hot-path/instructions.txt";
const ACCEPT: &str = "cargo xtask instructions --accept";

/// Counts per operation of every station, with what they are true for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counts {
    target: String,
    compiler: String,
    stations: Vec<(String, u64)>,
}

impl Counts {
    fn text(&self) -> String {
        let head = format!(
            "# Instructions of one decision (with its fold), one encoding, one append of 64 commits.\n\
             # Compared by `cargo xtask test`; written by `{ACCEPT}`.\n\
             target {}\ncompiler {}\n",
            self.target, self.compiler
        );
        let lines = self.stations.iter().map(|(name, count)| format!("{name} {count}\n"));
        std::iter::once(head).chain(lines).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut counts = Self { target: String::new(), compiler: String::new(), stations: Vec::new() };
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let told = || format!("{ACCEPTED}: {line:?} is no count");
            let (name, value) = line.split_once(' ').ok_or_else(told)?;
            match name {
                "target" => value.clone_into(&mut counts.target),
                "compiler" => value.clone_into(&mut counts.compiler),
                name => counts.stations.push((name.to_owned(), value.parse().map_err(|_| told())?)),
            }
        }
        Ok(counts)
    }

    fn of(&self, station: &str) -> Option<u64> {
        self.stations.iter().find(|(name, _)| name == station).map(|(_, count)| *count)
    }
}

/// What is to be done with the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They are compared.
    Compare,
    /// They become the accepted ones.
    Accept,
}

/// Counts, and compares or accepts.
pub(crate) fn run(purpose: Purpose) -> Result<(), String> {
    needs::ensure_valgrind()?;
    let counted = count()?;
    let path = step::root().join(ACCEPTED);
    if purpose == Purpose::Accept {
        fs::write(&path, counted.text()).map_err(|error| format!("{}: {error}", path.display()))?;
        eprintln!("{}accepted in {ACCEPTED}", counted.text());
        return Ok(());
    }
    let accepted = fs::read_to_string(&path).map_err(|error| format!("{ACCEPTED}: {error}"))?;
    let verdict = compare(&Counts::parse(&accepted)?, &counted);
    eprintln!("{}", verdict.told.join("\n"));
    match verdict.worse {
        worse if worse.is_empty() => Ok(()),
        worse => Err(format!(
            "the hot path executes more than was accepted: {}. If that is worth it, say so: {ACCEPT}",
            worse.join(", ")
        )),
    }
}

/// As a test: left out, with a note, where it cannot be run.
pub(crate) fn test() -> Result<(), String> {
    if cfg!(target_os = "linux") {
        return run(Purpose::Compare);
    }
    eprintln!("note: instructions are counted on Linux only");
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// Stations over the tolerance.
    worse: Vec<String>,
    told: Vec<String>,
}

fn compare(accepted: &Counts, counted: &Counts) -> Verdict {
    let mut verdict = Verdict { worse: Vec::new(), told: Vec::new() };
    let is_same = accepted.target == counted.target && accepted.compiler == counted.compiler;
    if !is_same {
        verdict.told.push(format!(
            "note: instructions were accepted for {} with {}, and counted for {} with {}: shown, not compared",
            accepted.target, accepted.compiler, counted.target, counted.compiler
        ));
    }
    for (name, count) in &counted.stations {
        let Some(before) = accepted.of(name) else {
            verdict.told.push(format!("  {name}: {count} instructions, none accepted yet"));
            verdict.worse.push(format!("{name} (never accepted)"));
            continue;
        };
        let permille = i128::from(*count) * 1_000 / i128::from(before.max(1)) - 1_000;
        let change = format!(
            "{}{}.{} %",
            if permille < 0 { "-" } else { "+" },
            permille.abs() / 10,
            permille.abs() % 10
        );
        verdict.told.push(format!("  {name}: {count} instructions, {before} accepted, {change}"));
        if !is_same {
            continue;
        }
        if permille > i128::from(TOLERANCE_PERMILLE) {
            verdict.worse.push(format!("{name} ({change})"));
        } else if permille < -i128::from(TOLERANCE_PERMILLE) {
            verdict.told.push(format!("  {name} became better: keep it so with {ACCEPT}"));
        }
    }
    verdict
}

fn count() -> Result<Counts, String> {
    let binary = build()?;
    let folder = step::target().join("instructions");
    let mut stations = Vec::new();
    for station in STATIONS {
        stations.push((station.to_owned(), count_station(&binary, station, &folder)?));
    }
    Ok(Counts { target: step::host()?, compiler: compiler()?, stations })
}

/// Builds with flags of its own: what a developer sets for his machine must not be counted.
fn build() -> Result<PathBuf, String> {
    let home = step::target().join("instructions");
    let named = home.to_string_lossy().into_owned();
    let arguments =
        ["build", "--release", "--locked", "-p", "hot-path", "--bin", "instructions", "--target-dir"];
    cargo(&arguments).args(&[&named]).env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-cpu=generic").run()?;
    Ok(home.join("release/instructions"))
}

/// The instructions of one operation.
fn count_station(binary: &Path, station: &str, folder: &Path) -> Result<u64, String> {
    let (out, said) = (folder.join(format!("{station}.callgrind")), folder.join(format!("{station}.log")));
    let told = |error: std::io::Error| format!("{station}: {error}");
    let log = fs::File::create(&said).map_err(told)?;
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", COUNTED])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(binary)
        .arg(station)
        .env("GLIBC_TUNABLES", PLAIN_LIBC)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(told)?)
        .stderr(log);
    let status = run_within(command, TIME_MAX)?;
    let log = fs::read_to_string(&said).map_err(told)?;
    match status {
        Some(status) if status.success() => {}
        Some(status) => return Err(format!("counting {station} ended with {status}:\n{log}")),
        None => return Err(format!("counting {station} did not end in {TIME_MAX:?}")),
    }
    let (times, total) = (times(&log), total(&fs::read_to_string(&out).map_err(told)?));
    match (times, total) {
        (Some(times), Some(total)) if times > 0 && total > 0 => Ok(total / times),
        _ => Err(format!("counting {station} gave no count: see {} and {}", out.display(), said.display())),
    }
}

/// How often the program says it did the work.
fn times(log: &str) -> Option<u64> {
    log.lines().find_map(|line| line.strip_prefix("times "))?.trim().parse().ok()
}

/// The sum that callgrind writes at the end of its file.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What the compiler calls itself, without the day it was made.
fn compiler() -> Result<String, String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.map_err(|error| format!("`rustc --version` did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(compiler: &str, counts: &[(&str, u64)]) -> Counts {
        let stations = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Counts { target: "t".to_owned(), compiler: compiler.to_owned(), stations }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = counts("rustc 1.95.0", &[("decide_place", 5_000), ("append_batch", 1)]);
        assert_eq!(Counts::parse(&written.text()), Ok(written));
        assert!(Counts::parse("decide_place many\n").is_err());
    }

    #[test]
    fn more_than_the_tolerance_is_worse() {
        let accepted = counts("c", &[("a", 1_000), ("b", 1_000), ("c", 1_000), ("d", 1_000)]);
        let counted = counts("c", &[("a", 1_030), ("b", 1_031), ("c", 900), ("d", 1_000)]);
        let verdict = compare(&accepted, &counted);
        assert_eq!(verdict.worse, ["b (+3.1 %)"]);
        assert!(verdict.told.contains(&format!("  c became better: keep it so with {ACCEPT}")));
    }

    #[test]
    fn a_station_that_was_never_accepted_is_noticed() {
        let verdict = compare(&counts("c", &[]), &counts("c", &[("a", 1)]));
        assert_eq!(verdict.worse, ["a (never accepted)"]);
    }

    #[test]
    fn another_compiler_is_not_compared() {
        let verdict = compare(&counts("c", &[("a", 1_000)]), &counts("d", &[("a", 2_000)]));
        assert!(verdict.worse.is_empty() && verdict.told[0].contains("not compared"), "{verdict:?}");
    }

    #[test]
    fn callgrinds_sum_and_the_programs_times_are_found() {
        assert_eq!(total("events: Ir\nfn=(1)\n1 2\ntotals: 123 4\n"), Some(123));
        assert_eq!(total("events: Ir\n"), None);
        assert_eq!(times("==1== x\ntimes 200\n"), Some(200));
    }

    #[test]
    fn the_accepted_counts_are_complete() {
        let text = fs::read_to_string(step::root().join(ACCEPTED)).expect("the file");
        let accepted = Counts::parse(&text).expect("counts");
        for station in STATIONS {
            assert!(accepted.of(station).is_some_and(|count| count > 0), "{station}");
        }
    }
}
