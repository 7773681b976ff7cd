//! `cargo xtask mutants`: whether a test fails when a posting is wrong.
//!
//! First our own mutants of the postings: every side, account, sub-account and amount in turn, each a switch
//! in one build of a copy of `ledger-core` ([`plan`]). Then `cargo-mutants`, which knows nothing of accounts
//! and replaces operators and bodies of functions. A developer's tool: it takes its time and is no part of
//! the tests.

mod chart;
mod plan;
mod source;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chart::Chart;
use plan::{Maker, Mutant, Skip, makers, mutate};

use crate::needs;
use crate::step::{self, cargo, run_within};
use crate::tidy;

/// The crate whose postings are mutated, and how its tests are run.
const CRATE: &str = "ledger-core";
const FEATURES: &str = "testing,schema";

/// The runner's configuration in the copy.
const NEXTEST: &str = "[profile.default]\nslow-timeout = { period = \"120s\", terminate-after = 1 }\n";

/// The tests that take their time: histories drawn at random, and the largest there is room for.
const SLOW: [&str; 5] = ["model::", "histor", "room_for", "capacity", "refused_for_what_their_page_says"];

/// The version that the configuration in `.cargo/mutants.toml` was written for.
const CARGO_MUTANTS: &str = "27.1.0";

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Our own mutants, cargo-mutants, or both.
    are_own: bool,
    are_others: bool,
    /// Only our mutants whose line of the report holds one of these; all if there is none.
    filters: Vec<String>,
    /// For cargo-mutants.
    rest: Vec<String>,
}

impl Options {
    /// Reads the command line behind `mutants`.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (filters, rest) = (Vec::new(), Vec::new());
        let mut options = Self { are_own: true, are_others: true, filters, rest };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--own-only" => options.are_others = false,
                "--others-only" => options.are_own = false,
                "--" => options.rest = arguments.by_ref().map(|word| (*word).to_owned()).collect(),
                flag if flag.starts_with('-') => {
                    return Err(format!(
                        "{flag} is no option of mutants; what cargo-mutants is to get stands behind --"
                    ));
                }
                filter => options.filters.push(filter.to_owned()),
            }
        }
        Ok(options)
    }
}

/// Runs them; what survives is an error.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let own = if options.are_own { own(&options.filters) } else { Ok(()) };
    let others = if options.are_others { cargo_mutants(&options.rest) } else { Ok(()) };
    let failed: Vec<String> = [own, others].into_iter().filter_map(Result::err).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

fn home() -> PathBuf {
    step::target().join("mutants")
}

/// Installs cargo-mutants beside what cargo builds, unless it is there, and runs it.
fn cargo_mutants(rest: &[String]) -> Result<(), String> {
    let tools = step::target().join("tools");
    let binary = tools.join("bin").join(format!("cargo-mutants{}", std::env::consts::EXE_SUFFIX));
    if !binary.exists() {
        let tools = tools.to_string_lossy();
        let version = ["--version", CARGO_MUTANTS, "--root", &tools];
        cargo(&["install", "cargo-mutants", "--locked"]).args(&version).run()?;
    }
    let output = home();
    fs::create_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let mut command = Command::new(binary);
    command.current_dir(step::root()).args(["mutants", "--package", CRATE, "--jobs", "1"]);
    command.arg("--output").arg(&output);
    if needs::ensure_for_tests() == needs::Runner::Cargo {
        command.args(["--test-tool", "cargo"]);
    }
    command.args(rest);
    let status = command.status().map_err(|error| format!("cargo-mutants did not start: {error}"))?;
    let report = output.join("mutants.out");
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo-mutants ended with {status}: see missed.txt in {}", report.display()))
    }
}

/// Our own mutants.
fn own(filters: &[String]) -> Result<(), String> {
    let copy = Copy::make()?;
    let (mutants, skipped) = copy.build()?;
    let chosen = |mutant: &&Mutant| filters.is_empty() || filters.iter().any(|f| mutant.shown().contains(f));
    let mut chosen: Vec<&Mutant> = mutants.iter().filter(chosen).collect();
    if chosen.is_empty() {
        return Err(format!("there is no mutant whose line holds {}", filters.join(" or ")));
    }
    chosen.sort_by_key(|mutant| (&mutant.file, *mutant.lines.start(), mutant.id));
    let start = Instant::now();
    if let Verdict::Killed(test) = copy.test(None, Duration::from_mins(10))? {
        return Err(format!("{test} fails without any mutant: mend it first"));
    }
    let limit = start.elapsed() * 10 + Duration::from_mins(1);
    eprintln!("{} mutants; the tests take {:.1} s", chosen.len(), start.elapsed().as_secs_f32());
    let (mut survivors, mut killers) = (Vec::new(), Killers::new());
    for mutant in &chosen {
        let verdict = copy.judge_mutant(mutant, &mut killers, limit)?;
        match verdict {
            Verdict::Killed(test) => println!("killed    {} (by {test})", mutant.shown()),
            Verdict::Survived => {
                println!("SURVIVED  {}", mutant.shown());
                survivors.push(mutant.shown());
            }
        }
    }
    for mutant in &skipped {
        println!("no build  {}", mutant.shown());
    }
    let killed = chosen.len() - survivors.len();
    println!("{killed} of {} killed, {} not built", chosen.len(), skipped.len());
    if survivors.is_empty() {
        Ok(())
    } else {
        Err(format!("no test fails with\n  {}", survivors.join("\n  ")))
    }
}

/// The tests that noticed mutants, by file: its other mutants are mostly noticed by the same ones.
type Killers = BTreeMap<String, Vec<String>>;

enum Verdict {
    /// This test failed, or it took too long.
    Killed(String),
    Survived,
}

/// A copy of the workspace, in which the postings are mutated.
struct Copy {
    folder: PathBuf,
    chart: Chart,
    /// The files with something to mutate, from the root.
    files: Vec<String>,
}

impl Copy {
    fn make() -> Result<Self, String> {
        let (root, folder) = (step::root(), home().join("workspace"));
        let told = |path: &Path| {
            let path = path.display().to_string();
            move |error: std::io::Error| format!("{path}: {error}")
        };
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(told(&folder))?;
        }
        let mut files = Vec::new();
        for name in tidy::files(&root)? {
            let (from, to) = (root.join(&name), folder.join(&name));
            if !from.is_file() {
                continue;
            }
            fs::create_dir_all(to.parent().unwrap_or(&folder)).map_err(told(&to))?;
            fs::copy(&from, &to).map_err(told(&to))?;
            // With its age, so that only what is mutated is built again the next time.
            let modified = fs::metadata(&from).and_then(|about| about.modified()).map_err(told(&from))?;
            let written = File::options().write(true).open(&to).and_then(|file| file.set_modified(modified));
            written.map_err(told(&to))?;
            if is_mutated(&name) {
                files.push(name);
            }
        }
        let chart = root.join(CRATE).join("src/account.rs");
        let chart = Chart::read(&fs::read_to_string(&chart).map_err(told(&chart))?)?;
        Ok(Self { folder, chart, files })
    }

    /// Writes the mutants and builds them; those that do not compile are left out, and come second.
    fn build(&self) -> Result<(Vec<Mutant>, Vec<Mutant>), String> {
        let mut files = Vec::new();
        for name in &self.files {
            let path = step::root().join(name);
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            files.push((name.as_str(), text));
        }
        let makers: Vec<Maker> = files.iter().flat_map(|(name, text)| makers(name, text)).collect();
        let (mut skip, mut skipped) = (Skip::default(), Vec::new());
        loop {
            let mutants = self.write(&files, &makers, &skip)?;
            let mut build = self.cargo("test");
            build.args(["--no-run", "--message-format=short", "--color=never"]);
            eprintln!("$ building {} mutants in {}", mutants.len(), self.folder.display());
            let output = build.output().map_err(|error| format!("cargo did not start: {error}"))?;
            if output.status.success() {
                return Ok((mutants, skipped));
            }
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            let found = broken(&mutants, &makers, &errors);
            if found.is_empty() {
                return Err(format!("the mutants do not build:\n{errors}"));
            }
            for mutant in found {
                skip.mutants.insert(mutant.id);
                skip.makers.extend(mutant.maker.clone());
                skipped.push(mutant);
            }
        }
    }

    fn write(&self, files: &[(&str, String)], makers: &[Maker], skip: &Skip) -> Result<Vec<Mutant>, String> {
        let write = |name: &str, text: &str| {
            let path = self.folder.join(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        let (mut mutants, mut next) = (Vec::new(), 1);
        for (name, text) in files {
            let mutated = mutate((name, text), &self.chart, makers, next, skip);
            write(name, &mutated.text)?;
            mutants.extend(mutated.mutants);
            next = mutated.next;
        }
        write(&format!("{CRATE}/src/mutant.rs"), plan::SWITCHES)?;
        let crate_root = step::root().join(CRATE).join("src/lib.rs");
        let text = fs::read_to_string(&crate_root).map_err(|e| format!("{}: {e}", crate_root.display()))?;
        write(&format!("{CRATE}/src/lib.rs"), &(text + "mod mutant;\n"))?;
        // A test that hangs with a mutant is one that found it.
        write(".config/nextest.toml", NEXTEST)?;
        Ok(mutants)
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.folder).env("CARGO_TARGET_DIR", home().join("target"));
        cargo.args(command.split(' ')).args(["--package", CRATE, "--features", FEATURES, "--lib", "--tests"]);
        cargo
    }

    /// Asks the tests that noticed others of the file, then all that take no time, and then all there are.
    fn judge_mutant(
        &self,
        mutant: &Mutant,
        killers: &mut Killers,
        limit: Duration,
    ) -> Result<Verdict, String> {
        let known = killers.entry(mutant.file.clone()).or_default();
        let mut verdict = Verdict::Survived;
        if !known.is_empty() {
            let exactly = known.iter().map(String::as_str).chain(["--exact"]);
            verdict = self.test_in_one(mutant.id, exactly, limit)?;
        }
        if let Verdict::Survived = verdict {
            let but_slow = SLOW.iter().flat_map(|slow| ["--skip", slow]);
            verdict = self.test_in_one(mutant.id, but_slow, limit)?;
        }
        if let Verdict::Survived = verdict {
            verdict = self.test(Some(mutant.id), limit)?;
        }
        if let Verdict::Killed(test) = &verdict {
            let name = test.rsplit(' ').next().unwrap_or(test).to_owned();
            if name.contains("::") && !known.contains(&name) {
                known.push(name);
            }
        }
        Ok(verdict)
    }

    /// Runs some tests in one process, with a mutant on.
    fn test_in_one<'a>(
        &self,
        mutant: u32,
        which: impl Iterator<Item = &'a str>,
        limit: Duration,
    ) -> Result<Verdict, String> {
        let mut command = self.cargo("test");
        command.args(["--quiet", "--color=never", "--"]).args(which);
        command.env("LEDGER_MUTANT", mutant.to_string());
        Self::judge(command, limit)
    }

    /// Runs the tests with a mutant on.
    fn test(&self, mutant: Option<u32>, limit: Duration) -> Result<Verdict, String> {
        let mut command = if needs::has_subcommand("nextest") {
            let mut command = self.cargo("nextest run");
            command.args(["--max-fail=1:immediate", "--status-level=fail", "--final-status-level=none"]);
            command.args(["--failure-output=never", "--color=never", "--cargo-quiet"]);
            command
        } else {
            let mut command = self.cargo("test");
            command.args(["--quiet", "--color=never"]);
            command
        };
        if let Some(id) = mutant {
            command.env("LEDGER_MUTANT", id.to_string());
        }
        Self::judge(command, limit)
    }

    /// Runs tests and says whether one failed.
    fn judge(mut command: Command, limit: Duration) -> Result<Verdict, String> {
        let log = home().join("test.log");
        let told = |error: std::io::Error| format!("{}: {error}", log.display());
        let output = File::create(&log).map_err(told)?;
        command.stdin(Stdio::null()).stdout(output.try_clone().map_err(told)?).stderr(output);
        // A failure is enough; nobody reads the smallest one.
        command.env("PROPTEST_MAX_SHRINK_ITERS", "0");
        match run_within(command, limit)? {
            None => Ok(Verdict::Killed("taking too long".to_owned())),
            Some(status) if status.success() => Ok(Verdict::Survived),
            Some(_) => {
                let text = String::from_utf8_lossy(&fs::read(&log).map_err(told)?).into_owned();
                let test = failed_test(&text).ok_or_else(|| format!("the tests did not run:\n{text}"))?;
                Ok(Verdict::Killed(test.to_owned()))
            }
        }
    }
}

/// Everything that names an account, but for the chart itself and the tools of tests.
fn is_mutated(name: &str) -> bool {
    let Some(inside) = name.strip_prefix(CRATE).and_then(|rest| rest.strip_prefix("/src/")) else {
        return false;
    };
    tidy::has_extension(inside, "rs")
        && !inside.starts_with("testing/")
        && !["account.rs", "lib.rs"].contains(&inside)
}

/// The mutants that the compiler's errors point at: those that may well not compile, or else all of the line.
fn broken(mutants: &[Mutant], makers: &[Maker], errors: &str) -> Vec<Mutant> {
    let mut found: Vec<Mutant> = Vec::new();
    for (file, line) in errors.lines().filter_map(place_of_error) {
        let of_line = makers.iter().map(|maker| (maker.key(), maker.line));
        let made: Vec<_> =
            of_line.filter(|((f, _), l)| f == file && *l == line).map(|(key, _)| key).collect();
        let here = |mutant: &&Mutant| {
            let is_told = mutant.maker.as_ref().is_some_and(|maker| made.contains(maker));
            is_told || (mutant.file == file && mutant.lines.contains(&line))
        };
        let bold: Vec<&Mutant> = mutants.iter().filter(here).filter(|mutant| mutant.is_bold).collect();
        let all = if bold.is_empty() { mutants.iter().filter(here).collect() } else { bold };
        for mutant in all {
            if !found.contains(mutant) {
                found.push(mutant.clone());
            }
        }
    }
    found
}

/// `ledger-core/src/a.rs:12:5: error[E0425]: ..`
fn place_of_error(line: &str) -> Option<(&str, usize)> {
    let (file, rest) = line.split_once(".rs:").map(|(file, rest)| (&line[..file.len() + 3], rest))?;
    let (number, rest) = rest.split_once(':')?;
    rest.contains(": error").then_some((file, number.parse().ok()?))
}

/// The first test that failed, in what nextest or cargo prints.
fn failed_test(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let of_nextest = || {
            let (state, rest) = line.split_once(" [")?;
            let is_failure = state.starts_with("FAIL") || state.starts_with("SIG") || state == "TIMEOUT";
            let (_, rest) = rest.split_once(']').filter(|_| is_failure)?;
            let (_, test) = rest.split_once(") ").unwrap_or(("", rest));
            Some(test.trim())
        };
        let of_cargo = || line.strip_prefix("test ")?.strip_suffix(" ... FAILED");
        let of_quiet_cargo = || line.strip_prefix("---- ")?.strip_suffix(" stdout ----");
        of_nextest().or_else(of_cargo).or_else(of_quiet_cargo)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options =
            Options::parse(&["--own-only", "postings.rs:28", "--", "--list", "-v"]).expect("options");
        assert!(options.are_own && !options.are_others);
        assert_eq!(options.filters, ["postings.rs:28"]);
        assert_eq!(options.rest, ["--list", "-v"]);
        let others = Options::parse(&["--others-only"]).expect("options");
        assert!(!others.are_own && others.are_others);
        assert!(Options::parse(&["--list"]).is_err());
    }

    #[test]
    fn the_crate_is_mutated_but_for_its_chart_and_the_tools_of_tests() {
        for name in ["wallet/postings.rs", "house/postings.rs", "round/decide.rs", "entry.rs"] {
            assert!(is_mutated(&format!("ledger-core/src/{name}")), "{name}");
        }
        for name in [
            "ledger-core/src/account.rs",
            "ledger-core/src/testing/model.rs",
            "ledger-core/tests/it/rounds.rs",
            "src/lib.rs",
        ] {
            assert!(!is_mutated(name), "{name}");
        }
    }

    #[test]
    fn the_first_test_that_failed_is_named() {
        for (text, test) in [
            (
                "   FAIL [   0.011s] ( 3/214) ledger-core::it rounds::a_win_is_paid\n",
                "ledger-core::it rounds::a_win_is_paid",
            ),
            ("SIGABRT [   0.1s] (1/2) ledger-core a::b", "ledger-core a::b"),
            ("TIMEOUT [  60.0s] (1/2) ledger-core a::b", "ledger-core a::b"),
            ("test a::c ... ok\ntest a::b ... FAILED\n", "a::b"),
            ("..F\n---- a::b stdout ----\n", "a::b"),
        ] {
            assert_eq!(failed_test(text), Some(test), "{text}");
        }
        assert_eq!(failed_test("error: no such command"), None);
    }

    #[test]
    fn what_does_not_compile_is_told_by_the_line_the_bold_first() {
        const FILE: &str = "ledger-core/src/p.rs";
        let maker = makers(FILE, "\n\nfn f(a: A, b: A) -> Posting {\n}\n");
        let mutant = |id, line, what: &str, is_bold| Mutant {
            id,
            file: FILE.to_owned(),
            lines: line..=line,
            function: "f".to_owned(),
            what: what.to_owned(),
            is_bold,
            maker: what.ends_with("change places").then(|| maker[0].key()),
        };
        let mutants = [
            mutant(1, 13, "a is doubled", false),
            mutant(2, 13, "a becomes b", true),
            mutant(3, 14, "b is doubled", false),
            mutant(4, 15, "a and b of f change places", true),
        ];
        let broken = |errors: &str| broken(&mutants, &maker, errors).iter().map(|m| m.id).collect::<Vec<_>>();
        assert_eq!(broken("ledger-core/src/p.rs:13:5: error[E0425]: cannot find value `b`"), [2]);
        assert_eq!(broken("ledger-core/src/p.rs:14:5: error[E0015]: in a const"), [3]);
        assert_eq!(broken("ledger-core/src/p.rs:3:20: error[E0308]: in the function"), [4]);
        assert!(broken("ledger-core/src/p.rs:13:5: warning: unused").is_empty());
        assert!(broken("ledger-core/src/q.rs:3:5: error: elsewhere\nerror: could not compile").is_empty());
    }
}
