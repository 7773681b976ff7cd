//! A program that opens a ledger and does what it reads, line by line, and answers each with one line. It is built
//! twice: as this release, and with feature `next` as the one after it, whose shapes differ (`next_release.rs` in the
//! core). `tests/it` runs the two on one ledger.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use casino_ledger::core::stored::ShapeLevel;
use casino_ledger::core::{Partition, PlayerCommand, PlayerId, Reason};
use casino_ledger::store::postgres::PostgresOptions;
use casino_ledger::store::{EventStore, Position, READ_COMMITS_MAX};
use casino_ledger::{ExecuteError, Ledger, Receipt, Request, Settings, verify};
use clap::Parser;

/// Where the ledger is.
#[derive(Debug, Parser)]
struct Arguments {
    /// A folder.
    #[arg(long, conflicts_with = "postgres")]
    log: Option<PathBuf>,
    /// The address of a PostgreSQL server.
    #[arg(long, required_unless_present = "log")]
    postgres: Option<String>,
}

async fn open(arguments: Arguments) -> anyhow::Result<Ledger> {
    let mut settings = Settings::new()?;
    settings.refresh = Duration::from_millis(50);
    Ok(match (arguments.log, arguments.postgres) {
        (Some(folder), _) => Ledger::open(folder, settings).await?,
        (None, Some(url)) => Ledger::open_postgres(PostgresOptions::new(&url)?, settings).await?,
        (None, None) => bail!("a folder or a server is needed"),
    })
}

fn outcome(result: Result<Receipt, ExecuteError>) -> String {
    match result {
        Ok(receipt) if receipt.replayed => "replayed".to_owned(),
        Ok(receipt) => format!("{:?}", receipt.outcome).to_lowercase(),
        Err(ExecuteError::Rejected(refusal)) => format!("refused: {}", refusal.rejection),
        Err(error) => format!("failed: {error}"),
    }
}

/// The types and versions of a player's events, as they stand in the store.
async fn events(store: &Arc<dyn EventStore>, player: PlayerId) -> anyhow::Result<String> {
    let partition = Partition::Player(player).digest();
    let mut found = Vec::new();
    for commit in store.read_partition(&partition, Position::ZERO, READ_COMMITS_MAX).await? {
        let body: serde_json::Value = serde_json::from_slice(&commit.body)?;
        for event in body["events"].as_array().into_iter().flatten() {
            found.push(format!("{}/{}", event["type"].as_str().unwrap_or_default(), event["schema"]));
        }
    }
    Ok(found.join(" "))
}

async fn verified(store: &Arc<dyn EventStore>) -> anyhow::Result<String> {
    let found = verify(store.as_ref()).await?;
    let lines = found.trial_balance.iter().map(|line| format!("{line:?}"));
    Ok(format!("{} commits {}", found.commits, lines.collect::<Vec<_>>().join(" ")))
}

async fn answer(ledger: &Ledger, line: &str) -> anyhow::Result<String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match word {
        "do" => {
            let (player, command) = rest.split_once(' ').context("a player and a command")?;
            let command: PlayerCommand = serde_json::from_str(command)?;
            outcome(ledger.request(Request::new(PlayerId::new(player)?, command)).await)
        }
        "activate" => {
            let level = ShapeLevel(rest.parse()?);
            outcome(ledger.activate_shapes(level, Reason::new("no older release is left")?).await)
        }
        "level" => ledger.shape_level().to_string(),
        "newest" => ShapeLevel::NEWEST.to_string(),
        "events" => events(&ledger.store(), PlayerId::new(rest)?).await?,
        "verify" => verified(&ledger.store()).await?,
        other => bail!("{other} is not known"),
    })
}

/// Opens the ledger and answers until its input ends.
///
/// # Errors
///
/// If the ledger cannot be opened: the text says why.
pub fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ledger = runtime.block_on(open(Arguments::parse()))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "open")?;
    for line in std::io::stdin().lock().lines() {
        let answer =
            runtime.block_on(answer(&ledger, &line?)).unwrap_or_else(|error| format!("error: {error:#}"));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    runtime.block_on(ledger.close())?;
    Ok(())
}
