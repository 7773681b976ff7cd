//! How far views are behind while the engine plays bet rounds at a fixed rate on the embedded log: from the answer
//! to a settlement until the view contains it. Three views at once, through one feed, in memory, in SQLite or in PostgreSQL.
//!
//! `cargo bench --bench lag --features sqlite,postgres`; with `-- --rate ROUNDS --seconds N` something else than 10 seconds
//! at 5,000 rounds a second, with `--home memory`, `--home sqlite` or `--home postgres` one of them. PostgreSQL is a
//! server of the bench's own.
#![expect(clippy::expect_used, clippy::cast_precision_loss, reason = "a bench")]

#[allow(dead_code, reason = "shared by several benches")]
#[path = "support/rounds.rs"]
mod rounds;
#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casino_ledger::projections::balances::Balances;
use casino_ledger::projections::rounds::Rounds;
use casino_ledger::projections::sqlite::SqliteHome;
use casino_ledger::projections::trial_balance::TrialBalance;
use casino_ledger::projections::{Feed, MemoryHome, Runner, Settings as RunnerSettings};
use casino_ledger::{Ledger, Receipt, Settings};
use hdrhistogram::Histogram;
use tokio::sync::watch;

use rounds::{fund, player};

// As in the quickstart: memory goes from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PLAYERS: usize = 10_000;
/// How many commands are under way at once.
const IN_FLIGHT: u64 = 512;
const LIMIT: Duration = Duration::from_mins(5);

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// Plays rounds so that round n begins n / rate after the start, if the engine keeps up.
async fn lane(
    ledger: Ledger,
    lane: u64,
    rate: u64,
    rounds: u64,
    first: u64,
    last: watch::Sender<Option<(Receipt, Instant)>>,
    late: Arc<AtomicU64>,
) {
    let start = Instant::now();
    for round in (lane..rounds).step_by(usize::try_from(IN_FLIGHT).expect("a step")) {
        let due = start
            + Duration::from_secs(1) * u32::try_from(round).expect("rounds")
                / u32::try_from(rate).expect("a rate");
        match due.checked_duration_since(Instant::now()) {
            // An open model: rounds are due by the clock, whatever became of those before.
            Some(pause) => tokio::time::sleep(pause).await,
            None => drop(late.fetch_add(1, Ordering::Relaxed)),
        }
        // A lane has players of its own, so that none of them waits for another.
        let number = usize::try_from(lane + IN_FLIGHT * (round % (10_000 / IN_FLIGHT))).expect("a player");
        let (player, id) = (player(number % PLAYERS), format!("r{:012}", first + round));
        ledger.execute(&player, support::place(&id)).await.expect("a bet");
        let receipt = ledger.execute(&player, support::settle(&id)).await.expect("a win");
        last.send_replace(Some((receipt, Instant::now())));
    }
}

/// Takes the newest settlement again and again and waits until the view has it.
async fn sample(runner: &Runner, mut last: watch::Receiver<Option<(Receipt, Instant)>>) -> Histogram<u64> {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3).expect("a histogram");
    while last.changed().await.is_ok() {
        let Some((receipt, at)) = last.borrow_and_update().clone() else { continue };
        runner.wait_for(receipt.shard, receipt.position, LIMIT).await.expect("it gets there");
        histogram.saturating_record(u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX));
        // A sample now and then: the sampling must not be the load.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    histogram
}

async fn measure(home: &str, ledger: &Ledger, runners: Vec<Runner>, rate: u64, seconds: u64, first: u64) {
    let heads = ledger.heads().await.expect("heads");
    for runner in &runners {
        runner.wait_for_all(&heads, LIMIT).await.expect("caught up");
    }
    let (last, receipts) = watch::channel(None);
    let late = Arc::new(AtomicU64::new(0));
    let rounds = rate * seconds;
    let began = Instant::now();
    let runners: Vec<Arc<Runner>> = runners.into_iter().map(Arc::new).collect();
    let samples: Vec<_> = runners
        .iter()
        .map(|runner| {
            let (runner, receipts) = (Arc::clone(runner), receipts.clone());
            tokio::spawn(async move { sample(&runner, receipts).await })
        })
        .collect();
    let mut lanes = tokio::task::JoinSet::new();
    for number in 0..IN_FLIGHT {
        lanes.spawn(lane(ledger.clone(), number, rate, rounds, first, last.clone(), Arc::clone(&late)));
    }
    drop((last, receipts));
    lanes.join_all().await;
    let took = began.elapsed();
    println!(
        "{home}: {rounds} rounds in {took:.1?}, {:.0} a second; {} of them began late",
        rounds as f64 / took.as_secs_f64(),
        late.load(Ordering::Relaxed)
    );
    for (runner, sample) in runners.iter().zip(samples) {
        let lag = sample.await.expect("a histogram");
        let ms = |quantile: f64| lag.value_at_quantile(quantile) as f64 / 1e3;
        println!(
            "  {:<14} lag p50 {:>8.2} ms, p99 {:>8.2} ms, max {:>8.2} ms over {} samples; behind at the end: {}",
            runner.name(),
            ms(0.5),
            ms(0.99),
            ms(1.0),
            lag.len(),
            runner.lag().iter().sum::<u64>()
        );
    }
    let feed = runners[0].feed().stats();
    println!("  feed: {} decoded, {} given out", feed.decoded, feed.given);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let number =
        |name: &str, default: u64| argument(name).map_or(default, |text| text.parse().expect("a number"));
    let (rate, seconds) = (number("--rate", 5_000), number("--seconds", 10));
    let homes = argument("--home");
    let dir = tempfile::tempdir().expect("a folder");
    let ledger =
        Ledger::open(dir.path().join("ledger"), Settings::new().expect("settings")).await.expect("a ledger");
    fund(&ledger, PLAYERS).await;
    let wants = |home: &str| homes.as_deref().is_none_or(|wanted| wanted == home);
    let settings = RunnerSettings::default;
    if wants("none") {
        // What the rate is without views, to compare.
        measure_alone(&ledger, rate, seconds).await;
    }
    if wants("memory") {
        let feed = Feed::new(ledger.store());
        let identity = *feed.identity();
        let runners = vec![
            Runner::start(&feed, MemoryHome::<Balances>::new(&identity), settings()).expect("a thread"),
            Runner::start(&feed, MemoryHome::<TrialBalance>::new(&identity), settings()).expect("a thread"),
            Runner::start(&feed, MemoryHome::<Rounds>::new(&identity), settings()).expect("a thread"),
        ];
        measure("memory", &ledger, runners, rate, seconds, 1_000_000_000).await;
    }
    if wants("sqlite") {
        let feed = Feed::new(ledger.store());
        let identity = *feed.identity();
        let views = dir.path().join("views");
        let runners = vec![
            Runner::start(&feed, SqliteHome::<Balances>::new(&views, &identity).expect("a home"), settings())
                .expect("a thread"),
            Runner::start(
                &feed,
                SqliteHome::<TrialBalance>::new(&views, &identity).expect("a home"),
                settings(),
            )
            .expect("a thread"),
            Runner::start(&feed, SqliteHome::<Rounds>::new(&views, &identity).expect("a home"), settings())
                .expect("a thread"),
        ];
        measure("sqlite", &ledger, runners, rate, seconds, 2_000_000_000).await;
    }
    #[cfg(feature = "postgres")]
    if wants("postgres") {
        use casino_ledger::projections::postgres::{PostgresHome, PostgresViews, ViewOptions};
        let server = ledger_testkit::postgres::Server::start().expect("a server");
        let options = ViewOptions::new(&server.url()).expect("a URL");
        let views = PostgresViews::new(options).expect("options");
        let feed = Feed::new(ledger.store());
        let id = *feed.identity();
        let balances = PostgresHome::<Balances>::new(&views, &id).expect("a home");
        let trial = PostgresHome::<TrialBalance>::new(&views, &id).expect("a home");
        let rounds = PostgresHome::<Rounds>::new(&views, &id).expect("a home");
        let runners = vec![
            Runner::start(&feed, balances, settings()).expect("a thread"),
            Runner::start(&feed, trial, settings()).expect("a thread"),
            Runner::start(&feed, rounds, settings()).expect("a thread"),
        ];
        measure("postgres", &ledger, runners, rate, seconds, 3_000_000_000).await;
    }
    ledger.close().await.expect("a clean end");
}

async fn measure_alone(ledger: &Ledger, rate: u64, seconds: u64) {
    let (last, _receipts) = watch::channel(None);
    let late = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut lanes = tokio::task::JoinSet::new();
    for number in 0..IN_FLIGHT {
        lanes.spawn(lane(ledger.clone(), number, rate, rate * seconds, 0, last.clone(), Arc::clone(&late)));
    }
    lanes.join_all().await;
    let rounds = rate * seconds;
    println!(
        "no views: {:.0} rounds a second; {} began late",
        rounds as f64 / began.elapsed().as_secs_f64(),
        late.load(Ordering::Relaxed)
    );
}
