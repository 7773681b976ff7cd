//! Whether mass operations starve play: the latency of bets on the embedded log, alone, and while a cashback for every
//! player runs as fast as an order goes: 32 commands at a time.
//!
//! `cargo bench --bench bulk -- --players 500000`; without the argument 500,000.

#[allow(dead_code, reason = "shared by several benches")]
#[path = "support/rounds.rs"]
mod rounds;
#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use casino_ledger::core::testing::{commands, house_commands};
use casino_ledger::core::{BonusTerms, CashbackOf, DocumentName, HouseId, Policy, Reward};
use casino_ledger::process::{
    Call, EffectError, Effects, MASS_KIND, MASS_PAGE_MAX, MassCall, MassItem, MassOperations, MassOrderCheck,
    MassPage, MemoryProcesses, ProcessRunner, ProcessSettings,
};
use casino_ledger::projections::Feed;
use casino_ledger::{Ledger, Settings};
use hdrhistogram::Histogram;

use rounds::{fund, histogram, player, record};

// As in the quickstart: memory goes from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many play at once.
const LANES: usize = 64;
/// How long play is measured alone.
const ALONE: Duration = Duration::from_secs(10);

/// Everybody staked 100.
struct Everybody(usize);

#[async_trait]
impl Effects<MassOperations> for Everybody {
    async fn perform(&self, call: Call<'_, MassCall>) -> Result<MassPage, EffectError> {
        let from: usize = call.request.after.as_deref().map_or(0, |after| after.parse().expect("a number"));
        let these = from..(from + MASS_PAGE_MAX).min(self.0);
        let next = (these.end < self.0).then(|| these.end.to_string());
        let item = |i: usize| MassItem::Played {
            player: player(i),
            played: commands::played(&[("slots", "100.00", "0")], "0"),
        };
        Ok(MassPage { items: these.map(item).collect(), next })
    }
}

fn settings() -> Settings {
    let terms = BonusTerms {
        reward: Reward::Cashback {
            of: CashbackOf::Turnover,
            rates: [(commands::game_type("slots"), commands::basis_points(1_000))].into(),
            others: None,
            least: [].into(),
            most: [(support::eur(), "100.00".parse().expect("an amount"))].into(),
        },
        ..commands::bonus_terms(0)
    };
    let mut settings = Settings::new().expect("settings");
    settings.policy =
        Policy { bonuses: [(commands::terms_name("welcome"), terms)].into(), ..Policy::default() };
    settings.documents = vec![Arc::new(MassOrderCheck::new().expect("a check"))];
    settings
}

/// Plays until it is told to stop, and takes the time of bets.
async fn play(
    ledger: Ledger,
    players: usize,
    lane: usize,
    round: &'static str,
    stop: Arc<AtomicBool>,
) -> Histogram<u64> {
    let mut histogram = histogram();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let of = player((lane + LANES * usize::try_from(number).expect("it fits")) % players);
        let id = format!("{round}-{lane}-{number:09}");
        let start = Instant::now();
        ledger.execute(&of, support::place(&id)).await.expect("a bet");
        record(&mut histogram, start.elapsed());
        ledger.execute(&of, support::settle(&id)).await.expect("a win");
        number += 1;
    }
    histogram
}

async fn played<T>(
    ledger: &Ledger,
    players: usize,
    round: &'static str,
    meanwhile: impl Future<Output = T>,
) -> (Histogram<u64>, Duration, T) {
    let (stop, start) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..LANES {
        tasks.spawn(play(ledger.clone(), players, lane, round, Arc::clone(&stop)));
    }
    let done = meanwhile.await;
    stop.store(true, Ordering::Relaxed);
    let mut all = histogram();
    for lane in tasks.join_all().await {
        all.add(lane).expect("the same bounds");
    }
    (all, start.elapsed(), done)
}

fn report(name: &str, histogram: &Histogram<u64>, took: Duration) {
    println!(
        "{name}: {} bets in {:.1} s, p50 {} us, p99 {} us",
        histogram.len(),
        took.as_secs_f64(),
        histogram.value_at_quantile(0.5),
        histogram.value_at_quantile(0.99)
    );
}

async fn run(players: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::open(folder.path().join("ledger"), settings()).await.expect("a ledger");
    fund(&ledger, players).await;
    // Play alone is measured for so long.
    let (alone, took, ()) = played(&ledger, players, "alone", tokio::time::sleep(ALONE)).await;
    report("alone", &alone, took);

    let feed = Feed::new(ledger.store());
    let manager = MassOperations::new().expect("a manager");
    let (effects, store) = (Everybody(players), Arc::new(MemoryProcesses::new()));
    let (runner, processes) =
        ProcessRunner::new(&ledger, &feed, manager, effects, store, ProcessSettings::default())
            .expect("a runner");
    let running = tokio::spawn(runner.run());
    assert!(processes.quiet(Duration::from_mins(10)).await, "it has folded the log");
    let cashback = r#"{"operation":{"is":"cashback","terms":"welcome","currency":"EUR","from":"2025-12-01T00:00:00.000000Z","to":"2026-01-01T00:00:00.000000Z"},"order":"all"}"#;
    let order = house_commands::publish("all", MASS_KIND, "all", cashback);
    let of = MassOperations::process(&DocumentName::new("all").expect("a name")).expect("a process");
    let house = HouseId::new("configuration").expect("a partition");
    let meanwhile = async {
        ledger.execute_house(&house, order).await.expect("an order");
        loop {
            // Looked at now and then: the runner is never quiet while bets come in.
            tokio::time::sleep(Duration::from_millis(50)).await;
            if let Some(run) = processes.process(&of).filter(|run| run.finished_at.is_some()) {
                return run;
            }
        }
    };
    let (beside, took, done) = played(&ledger, players, "beside", meanwhile).await;
    report("beside a cashback", &beside, took);
    let per_second = done.done * 1_000 / u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    println!(
        "cashback: {} given, {} refused, {per_second} a second",
        done.done,
        done.refused.values().sum::<u64>()
    );
    let p99 = |histogram: &Histogram<u64>| histogram.value_at_quantile(0.99).max(1);
    let percent = p99(&beside) * 100 / p99(&alone);
    println!("p99 of bets beside a cashback: {percent} % of its own");
    processes.stop().await.expect("a clean end");
    running.await.expect("a runner").expect("a clean end");
    ledger.close().await.expect("a clean end");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let named = arguments.windows(2).find(|pair| pair[0] == "--players");
    let players = named.map_or(500_000, |pair| pair[1].parse().expect("a number of players"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(run(players));
}
