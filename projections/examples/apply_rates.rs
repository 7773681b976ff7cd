//! How fast views take commits: `cargo run --release -p ledger-projections --features sqlite --example apply_rates`.
#![allow(dead_code, unreachable_pub, clippy::cast_precision_loss)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Commit, Memory, Runner, Settings, View};
use ledger_store::{EventStore, LedgerIdentity, MemoryStore};

#[path = "../tests/it/history.rs"]
mod history;

fn rate(what: &str, commits: &[Commit], started: Instant) {
    let events: usize = commits.iter().map(|commit| commit.body.events.len()).sum();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{what:<44} {:>10.0} commits/s {:>10.0} events/s",
        commits.len() as f64 / seconds,
        events as f64 / seconds
    );
}

async fn apply(what: &str, mut view: impl View, commits: &[Commit], batch: usize) {
    let started = Instant::now();
    for commits in commits.chunks(batch) {
        view.apply(commits).await.expect("a sound history");
    }
    rate(&format!("{} {what}, batches of {batch}", view.name()), commits, started);
}

async fn in_memory(identity: &LedgerIdentity, commits: &[Commit]) {
    for batch in [4_096, 64] {
        apply("in memory", Memory::<Balances>::new(identity), commits, batch).await;
        apply("in memory", Memory::<TrialBalance>::new(identity), commits, batch).await;
        apply("in memory", Memory::<Rounds>::new(identity), commits, batch).await;
    }
}

#[cfg(feature = "sqlite")]
async fn in_sqlite(identity: &LedgerIdentity, commits: &[Commit]) {
    use ledger_projections::sqlite::Sqlite;
    let folder = tempfile::tempdir().expect("a folder");
    for batch in [4_096, 64] {
        let path = |name: &str| folder.path().join(format!("{name}{batch}"));
        let view = Sqlite::<Balances>::open(path("balances"), identity).expect("a view");
        apply("in SQLite", view, commits, batch).await;
        let view = Sqlite::<TrialBalance>::open(path("trial"), identity).expect("a view");
        apply("in SQLite", view, commits, batch).await;
        let view = Sqlite::<Rounds>::open(path("rounds"), identity).expect("a view");
        apply("in SQLite", view, commits, batch).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut world = history::World::new(64, 4_000, 1);
    let sealed = world.run(120_000);
    let store = Arc::new(MemoryStore::new(world.identity));
    history::append(store.as_ref(), &sealed).await;
    let started = Instant::now();
    let commits = history::decoded(&sealed);
    rate("decode alone", &commits, started);
    in_memory(&world.identity, &commits).await;
    #[cfg(feature = "sqlite")]
    in_sqlite(&world.identity, &commits).await;
    let started = Instant::now();
    let runner = Runner::start(store.clone(), Memory::<Balances>::new(&world.identity), Settings::default());
    let runner = runner.expect("a thread");
    let heads = store.heads().await.expect("heads");
    runner.wait_for_all(&heads, Duration::from_mins(10)).await.expect("caught up");
    rate("runner: read, verify, decode, balances", &commits, started);
}
