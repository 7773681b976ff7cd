//! The main job: real bets settled, proven and shown.
//!
//! `cargo run --release --example quickstart` opens an embedded ledger, replays provider traffic into it
//! (mixed with duplicates, retries and rollbacks that arrive first), prints balances, GGR, RTP, trial
//! balance and chain heads, verifies the chain and the books, and fails if a cent is off.

mod drive;
mod prove;
mod report;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use casino_ledger::store::Position;
use casino_ledger::{Ledger, Settings};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::report::Report;
use crate::traffic::{Script, Traffic, scripts};

// The ledger hands memory from thread to thread; a host is free to choose an allocator that is good at it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many bets the sample holds.
const SAMPLE: usize = 5_000;

/// Replays provider traffic into an embedded ledger and proves the books.
#[derive(Debug, Parser)]
struct Arguments {
    /// A CSV file of bets: `bet_id`, `round_id`, `player_id`, `stake`, `payout`, more columns are ignored.
    /// Amounts are bits (100 satoshi) with two decimals.
    #[arg(long, conflicts_with = "generate")]
    input: Option<PathBuf>,
    /// Makes this many bet rounds instead.
    #[arg(long, value_name = "ROUNDS")]
    generate: Option<usize>,
    /// How many players the generated rounds are spread over.
    #[arg(long, default_value_t = 200)]
    players: usize,
    /// How many commands are under way at once.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Of 1,000 bets, how many are mixed with each kind of noise: duplicated bet, duplicated settlement,
    /// lost bet, rollback that arrives first. Default 20; 0 with --generate.
    #[arg(long)]
    noise: Option<u64>,
    /// The folder of the ledger, which is kept. Without it a temporary one is used.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Prints one JSON object instead of the report.
    #[arg(long)]
    json: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let traffic = match (&arguments.input, arguments.generate) {
        (Some(path), _) => Traffic::read(path)?,
        (None, rounds) => {
            Traffic::generate(rounds.unwrap_or(SAMPLE), arguments.players.max(1), arguments.seed)?
        }
    };
    let noise = arguments.noise.unwrap_or(if arguments.generate.is_some() { 0 } else { 20 });
    let scripts = Arc::new(scripts(&traffic, noise.min(1_000))?);
    let temporary = if arguments.store.is_none() { Some(tempfile::tempdir()?) } else { None };
    let folder = arguments
        .store
        .as_deref()
        .or(temporary.as_ref().map(tempfile::TempDir::path))
        .context("no folder")?;

    let mut settings = Settings::new()?;
    settings.currencies.insert(traffic.currency);
    let ledger = Ledger::open(folder, settings).await?;
    let before = ledger.heads().await?;
    let progress = progress(&scripts, arguments.json);
    let figures = drive::drive(&ledger, Arc::clone(&scripts), arguments.in_flight.max(1), &progress).await?;
    progress.finish_and_clear();
    let unchanged = ledger.heads().await? == before;

    // The ledger holds this traffic alone if it was empty, or if all there is was sent again.
    let alone = before.iter().all(|head| head.position == Position::ZERO);
    let start = Instant::now();
    let proof = prove::prove(&ledger, &traffic, &scripts, alone).await?;
    let report = Report {
        figures: &figures,
        proof: &proof,
        in_flight: arguments.in_flight,
        unchanged,
        verified_in: start.elapsed(),
    };
    if arguments.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    ledger.close().await?;
    Ok(())
}

/// A bar on the terminal, where there is one.
fn progress(scripts: &[Script], quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let total: usize = scripts.iter().map(|script| script.funding.len() + script.play.len()).sum();
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} commands, {per_sec}, {eta} left");
    let bar = ProgressBar::new(total as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
