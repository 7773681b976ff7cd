//! Rebuilds a view beside the live one, with a progress bar on a terminal, while the ledger goes on.
//!
//! `cargo run --release --example rebuild --features sqlite`
//!
//! Ctrl-C while it builds ends the process; started again with the same folder (`-- DIR`), it goes on where it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use casino_ledger::core::PlayerId;
use casino_ledger::core::testing::commands;
use casino_ledger::projections::balances::{Balances, ReadBalances};
use casino_ledger::projections::sqlite::SqliteHome;
use casino_ledger::projections::{
    Feed, RebuildProgress, RebuildSettings, RebuildState, Runner, Settings as RunnerSettings, Throttle,
};
use casino_ledger::{Ledger, Request, Settings};
use indicatif::{ProgressBar, ProgressStyle};

const LIMIT: Duration = Duration::from_mins(10);
const PLAYERS: usize = 50;
const ROUNDS: usize = 200;

/// Sends requests, so many at once.
async fn send(ledger: &Ledger, mut requests: Vec<Request>) -> anyhow::Result<()> {
    while !requests.is_empty() {
        let later = requests.split_off(requests.len().min(500));
        for answer in ledger.execute_all(std::mem::replace(&mut requests, later)).await {
            answer?;
        }
    }
    Ok(())
}

/// Bets of some players; known ones are answered again, so a second run adds nothing.
async fn play(ledger: &Ledger) -> anyhow::Result<()> {
    let (mut cashier, mut bets) = (Vec::new(), Vec::new());
    for number in 0..PLAYERS {
        let player = PlayerId::new(format!("p{number}"))?;
        cashier.push(Request::new(player.clone(), commands::open(&["EUR"])));
        cashier.push(Request::new(player.clone(), commands::deposit("d", "1000.00")));
        for round in 0..ROUNDS {
            let (bet, win, round) = (format!("b{round}"), format!("w{round}"), format!("r{round}"));
            bets.push(Request::new(player.clone(), commands::bet(&bet, &round, "1.00")));
            bets.push(Request::new(player.clone(), commands::win_close(&win, &round, "0.90")));
        }
    }
    // Bets do not wait for the cashier's lane, so they are sent when that is done.
    send(ledger, cashier).await?;
    send(ledger, bets).await
}

/// A bar that follows a rebuild. Where there is no terminal, nothing is drawn.
fn bar() -> anyhow::Result<impl Fn(&RebuildProgress) + Send + Sync> {
    let style = ProgressStyle::with_template("{msg:9} {bar:40} {pos}/{len} commits, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style).with_message("building");
    Ok(move |progress: &RebuildProgress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        match progress.state {
            RebuildState::Swapping => bar.set_message("swapping"),
            RebuildState::Building => {}
            _ => bar.finish_with_message("done"),
        }
    })
}

async fn run(folder: &Path) -> anyhow::Result<()> {
    let ledger = Ledger::open(folder, Settings::new()?).await?;
    play(&ledger).await?;

    let feed = Feed::new(ledger.store());
    let home = SqliteHome::<Balances>::new(folder.with_extension("views"), feed.identity())?;
    let reader = home.reader();
    let runner =
        Runner::start(&feed, home, RunnerSettings { batch_commits_max: 256, ..RunnerSettings::default() })?;
    runner.wait_for_all(&ledger.heads().await?, LIMIT).await?;

    let progress = RebuildSettings {
        throttle: Throttle { commits_per_second: None, share_percent: 50 },
        on_progress: Some(Arc::new(bar()?)),
        ..RebuildSettings::default()
    };
    runner.rebuild(progress, LIMIT).await?;
    // The old view is followed and read as ever, until the new one takes its place.
    let player = PlayerId::new("p0")?;
    let placed = ledger.execute(&player, commands::bet("last", "last", "1.00")).await?;
    runner.wait_for(placed.shard, placed.position, LIMIT).await?;
    let ended = runner.wait_for_rebuild(LIMIT).await?;
    anyhow::ensure!(matches!(ended.state, RebuildState::Swapped), "{ended:?}");
    let answer = reader.player(&player).await?;
    println!("{} at position {}: {:?}", player, answer.head.position, answer.value.map(|has| has.purses));
    runner.stop(LIMIT).await?;
    ledger.close().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let named = std::env::args().nth(1).map(PathBuf::from);
    run(&named.unwrap_or_else(|| temporary.path().join("ledger"))).await
}

#[cfg(test)]
mod tests {
    /// The example runs as a test too.
    #[tokio::test]
    async fn it_runs() {
        let folder = tempfile::tempdir().unwrap();
        super::run(&folder.path().join("ledger")).await.unwrap();
    }
}
