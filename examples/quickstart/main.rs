//! The main job: real bets settled, proven and shown.
//!
//! `cargo run --release --example quickstart` opens an embedded ledger, replays provider traffic into it
//! (mixed with duplicates, retries and rollbacks that arrive first), prints balances, GGR, RTP, trial
//! balance and chain heads, verifies the chain and the books, and fails if a cent is off.

mod drive;
mod traffic;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use casino_ledger::{Ledger, Settings, verify};
use clap::Parser;

use crate::traffic::{Traffic, scripts};

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
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let traffic = match (&arguments.input, arguments.generate) {
        (Some(path), _) => Traffic::read(path)?,
        (None, Some(rounds)) => Traffic::generate(rounds, arguments.players.max(1), arguments.seed)?,
        (None, None) => Traffic::generate(5_000, arguments.players.max(1), arguments.seed)?,
    };
    let noise = arguments.noise.unwrap_or(if arguments.generate.is_some() { 0 } else { 20 });
    let scripts = Arc::new(scripts(&traffic, noise)?);
    let total = scripts.iter().map(|script| script.funding.len() + script.play.len()).sum::<usize>() as u64;
    let temporary = if arguments.store.is_none() { Some(tempfile::tempdir()?) } else { None };
    let folder = arguments
        .store
        .as_deref()
        .or(temporary.as_ref().map(tempfile::TempDir::path))
        .context("no folder")?;
    let mut settings = Settings::new()?;
    settings.currencies.insert(traffic.currency);
    let ledger = Ledger::open(folder, settings).await?;
    let progress = indicatif::ProgressBar::new(total);
    let figures = drive::drive(&ledger, Arc::clone(&scripts), arguments.in_flight, &progress).await?;
    progress.finish_and_clear();
    let rate = figures.settled as f64 / figures.elapsed.as_secs_f64();
    println!(
        "{} commands, {} settled, {rate:.0} rounds/s, p50 {} p99 {}",
        figures.commands,
        figures.settled,
        figures.settle.value_at_quantile(0.5),
        figures.settle.value_at_quantile(0.99)
    );
    let start = std::time::Instant::now();
    let verification = verify(ledger.store().as_ref()).await?;
    println!("{} commits verified in {:?}", verification.commits, start.elapsed());
    ledger.close().await?;
    Ok(())
}
