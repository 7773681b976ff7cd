//! The same bet rounds on casino-ledger and on what a user would take instead, interleaved in one run.
//!
//! See the README beside this package for what each system does and does not do.

mod bodies;
mod machine;
mod plot;
mod postgres;
mod report;
mod run;
mod system;
mod systems;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use postgres::Server;
use report::Report;
use systems::Candidate;

// As in the ledger's own benches: memory goes from thread to thread. It serves all clients alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What an interrupted program answers.
const INTERRUPTED: u8 = 130;
/// How long tasks may take to end when the bench does.
const END_TIME_MAX: Duration = Duration::from_secs(5);

/// Bet rounds (place and settle, each answered when it is durable) on casino-ledger and its peers, in one run.
#[derive(Debug, Parser)]
struct Arguments {
    /// Three repetitions of 0.7 seconds each: under three minutes.
    #[arg(long)]
    quick: bool,
    /// Prints one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Measures only systems whose name holds this text; may be given several times.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// How often every system is measured at every level; 5, or 3 with --quick.
    #[arg(long, value_name = "N")]
    repetitions: Option<usize>,
    /// How many seconds each measurement takes; 3, or 0.7 with --quick.
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// How many players there are, where their number makes a difference.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    players: usize,
    /// Where the plot goes.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Below which folder everything is stored; it must be on the disk that is to be measured. Default: the
    /// folder of temporary files.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Arguments {
    fn plan(&self) -> Result<run::Plan> {
        let (repetitions, seconds, level_seconds) = if self.quick { (3, 0.7, 5) } else { (5, 3.0, 60) };
        let repetitions = self.repetitions.unwrap_or(repetitions);
        let seconds = self.seconds.unwrap_or(seconds);
        ensure!(repetitions > 0, "--repetitions wants a number above zero");
        ensure!((0.05..=600.0).contains(&seconds), "--seconds wants a number from 0.05 to 600");
        ensure!(
            (4_096..=1_000_000).contains(&self.players),
            "--players wants a number from 4,096 to 1,000,000"
        );
        Ok(run::Plan {
            repetitions,
            time: Duration::from_secs_f64(seconds),
            level_time_max: Duration::from_secs(level_seconds),
            players: self.players,
        })
    }

    fn wanted(&self) -> Result<Vec<Candidate>> {
        let is_wanted = |candidate: &Candidate| {
            let name = candidate.name().to_lowercase();
            self.only.is_empty() || self.only.iter().any(|text| name.contains(&text.to_lowercase()))
        };
        let wanted: Vec<_> = Candidate::ALL.into_iter().filter(is_wanted).collect();
        let names = || Candidate::ALL.map(Candidate::name).join("; ");
        ensure!(!wanted.is_empty(), "no system's name holds {:?}; there are {}", self.only, names());
        Ok(wanted)
    }

    fn svg(&self) -> PathBuf {
        let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers.svg");
        self.svg.clone().unwrap_or_else(default)
    }
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(INTERRUPTED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports; false if it was interrupted. Whichever way this ends, the server ends and the folders go.
fn measure(arguments: &Arguments) -> Result<bool> {
    let (plan, wanted) = (arguments.plan()?, arguments.wanted()?);
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("peers-").tempdir_in(&parent)?;
    let needs_server = wanted.iter().any(|candidate| candidate.needs_postgres());
    let server = needs_server.then(|| Server::start(&parent)).transpose().context("a private PostgreSQL")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        tokio::select! {
            report = run::run(&plan, &wanted, folder.path(), server.as_ref()) => report.map(Some),
            ended = interrupted() => ended.map(|()| None),
        }
    });
    runtime.shutdown_timeout(END_TIME_MAX);
    drop(server);
    drop(folder);
    let Some(report) = done? else {
        eprintln!("interrupted");
        return Ok(false);
    };
    show(arguments, &report)?;
    Ok(true)
}

fn show(arguments: &Arguments, report: &Report) -> Result<()> {
    let path = arguments.svg();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, plot::svg(report)).with_context(|| format!("writing {}", path.display()))?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        println!("{}", report.table());
    }
    eprintln!("the plot: {}", path.display());
    Ok(())
}

/// Returns when somebody wants the bench to end.
async fn interrupted() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminated, mut hung_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
    Ok(())
}
