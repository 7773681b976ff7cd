//! A cold player: how long the first question about one takes after the ledger was opened, by the length of his
//! history and by what stands between his last snapshot and now. Baseline in the same run: a player who was opened
//! and has deposited, nothing more.
//!
//! `cargo bench --bench cold -- --rounds 50000`, or `cargo xtask bench cold --store sqlite|postgres`. A round is two
//! commits. Every measurement opens the ledger anew, so nothing of the player is in the process; files are in the
//! operating system's cache, as they are after a restart of the process.

#[allow(dead_code, reason = "shared by several benches")]
#[path = "support/places.rs"]
mod places;
#[allow(dead_code, reason = "shared by several benches")]
#[path = "support/rounds.rs"]
mod rounds;
#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::time::{Duration, Instant};

use casino_ledger::{Ledger, Request, Settings};
use clap::Parser;
use places::{Place, store_name};
use rounds::{fund, player};

/// How many rounds are sent together.
const TOGETHER: u64 = 1_000;
/// The player with the history, and the one without.
const VETERAN: usize = 0;
const BEGINNER: usize = 1;

#[derive(Debug, Parser)]
struct Args {
    /// How many bet rounds (two commits each) the player has played.
    #[arg(long, default_value_t = 50_000)]
    rounds: u64,
    /// How often each case is measured.
    #[arg(long, default_value_t = 21)]
    times: usize,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Settings that keep a snapshot after so many commits of a player.
fn snapshot_every(commits: u32) -> Settings {
    let mut settings = Settings::new().expect("settings");
    settings.snapshot_every = commits;
    settings
}

async fn play(ledger: &Ledger, rounds: std::ops::Range<u64>) {
    let (mut from, end) = (rounds.start, rounds.end);
    while from < end {
        let upto = (from + TOGETHER).min(end);
        let commands = (from..upto).flat_map(|round| {
            let id = format!("r{round:012}");
            [support::place(&id), support::settle(&id)]
        });
        let requests = commands.map(|command| Request::new(player(VETERAN), command)).collect();
        for answer in ledger.execute_all(requests).await {
            answer.expect("a round");
        }
        from = upto;
    }
}

/// The first question about a player, of which nothing is in memory: the median and the longest.
async fn first_question(place: &Place, of: usize, times: usize) -> (Duration, Duration) {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let ledger = place.open(snapshot_every(u32::MAX)).await;
        let start = Instant::now();
        ledger.player(&player(of)).await.expect("the player");
        took.push(start.elapsed());
        ledger.close().await.expect("a clean end");
    }
    took.sort_unstable();
    (took[times / 2], took[times - 1])
}

async fn report(place: &Place, what: &str, of: usize, times: usize, baseline: Option<Duration>) -> Duration {
    let (median, longest) = first_question(place, of, times).await;
    let ratio = baseline.map_or(1.0, |baseline| median.as_secs_f64() / baseline.as_secs_f64());
    println!(
        "{}: {what}: {:.2} ms (longest {:.2} ms), {ratio:.1} times the baseline",
        store_name(),
        median.as_secs_f64() * 1_000.0,
        longest.as_secs_f64() * 1_000.0
    );
    median
}

async fn measure(args: &Args) {
    let (place, times) = (Place::new(), args.times.max(1));
    let usual = Settings::new().expect("settings").snapshot_every;
    let ledger = place.open(snapshot_every(u32::MAX)).await;
    fund(&ledger, 2).await;
    play(&ledger, 0..args.rounds).await;
    ledger.close().await.expect("a clean end");
    let commits = 2 * args.rounds + 2;
    let baseline = report(&place, "baseline, 2 commits", BEGINNER, times, None).await;
    let all = format!("{commits} commits, no snapshot, all replayed");
    report(&place, &all, VETERAN, 3.min(times), Some(baseline)).await;

    // One round more, and the snapshot that is due is kept.
    let ledger = place.open(snapshot_every(usual)).await;
    play(&ledger, args.rounds..args.rounds + 1).await;
    ledger.close().await.expect("a clean end");
    let kept = format!("{} commits, a snapshot of the last", commits + 2);
    report(&place, &kept, VETERAN, times, Some(baseline)).await;

    // The longest there is by default: the process died just before the next snapshot.
    let ledger = place.open(snapshot_every(u32::MAX)).await;
    play(&ledger, args.rounds + 1..args.rounds + 1 + u64::from(usual) / 2).await;
    ledger.close().await.expect("a clean end");
    let tail = format!("{} commits, {usual} of them after the snapshot", commits + 2 + u64::from(usual));
    report(&place, &tail, VETERAN, times, Some(baseline)).await;
}

fn main() {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(measure(&args));
}
