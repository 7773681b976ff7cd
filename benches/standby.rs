//! What a standby costs: bet rounds (place + settle, both answered when durable) on a log alone, with an asynchronous standby and with a
//! synchronous one, in turns in one run. Both logs lie on the same disk and both engines share the processor, so a
//! machine of its own for the standby is cheaper than what is seen here; the wire is a call within the process.
//!
//! `cargo bench --bench standby`; `-- --rounds N` for more rounds a turn.

#[allow(dead_code, reason = "shared by several benches")]
#[path = "support/rounds.rs"]
mod rounds;
#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casino_ledger::replica::{MemoryFence, Mode, Primary, PrimaryOptions, Standby, StandbyLink, WhenAway};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{EventStore, FORMAT, LedgerId, LedgerIdentity, ShardCount};
use casino_ledger::{Ledger, Settings};

use rounds::{fund, histogram, lane, record};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PLAYERS: usize = 1_000;
const TURNS: usize = 5;
const IN_FLIGHT: [usize; 3] = [1, 64, 512];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Alone,
    Asynchronous,
    Synchronous,
}

const KINDS: [(Kind, &str); 3] = [
    (Kind::Alone, "log alone"),
    (Kind::Asynchronous, "asynchronous standby"),
    (Kind::Synchronous, "synchronous standby"),
];

fn log(dir: &Path) -> Arc<dyn EventStore> {
    let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
    let options = LogOptions { verify_appends: false, ..LogOptions::default() };
    Arc::new(LogStore::create(dir, identity, options).expect("a log"))
}

async fn open(dir: &Path, kind: Kind) -> Ledger {
    std::fs::create_dir_all(dir).expect("a folder");
    let own = log(&dir.join("primary"));
    let (patience, when_away) = (Duration::from_mins(1), WhenAway::Wait);
    let mode = match kind {
        Kind::Alone => None,
        Kind::Asynchronous => Some(Mode::Asynchronous),
        Kind::Synchronous => Some(Mode::Synchronous { copies: 1, patience, when_away }),
    };
    let store = match mode {
        None => own,
        Some(mode) => {
            let standby = Standby::open(log(&dir.join("standby")), Arc::new(MemoryFence::default()));
            let links: Vec<(String, Arc<dyn StandbyLink>)> =
                vec![("standby".to_owned(), Arc::new(standby.expect("a standby")))];
            let options = PrimaryOptions::new(mode);
            let primary = Primary::start(own, Arc::new(MemoryFence::default()), options, links).await;
            Arc::new(primary.expect("a primary")) as Arc<dyn EventStore>
        }
    };
    let ledger = Ledger::with_store(store, Settings::new().expect("settings")).await.expect("a ledger");
    fund(&ledger, PLAYERS).await;
    ledger
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments.iter().position(|word| word == "--rounds").and_then(|at| arguments.get(at + 1));
    let rounds: u64 = rounds.map_or(8_000, |text| text.parse().expect("a number of rounds"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let ledgers =
        KINDS.map(|(kind, name)| runtime.block_on(open(&folder.path().join(name.replace(' ', "-")), kind)));
    let next = KINDS.map(|_| Arc::new(AtomicU64::new(0)));
    println!("rounds a second, median of {TURNS} turns (least to most); settle p50 and p99 of the last turn");
    for in_flight in IN_FLIGHT {
        let count = if in_flight == 1 { rounds / 8 } else { rounds };
        let mut rates = KINDS.map(|_| Vec::new());
        let mut latencies = KINDS.map(|_| (0, 0));
        for _ in 0..TURNS {
            for (i, ledger) in ledgers.iter().enumerate() {
                let end = next[i].load(Ordering::Relaxed) + count;
                let start = Instant::now();
                let lanes = (0..in_flight)
                    .map(|l| {
                        runtime.spawn(lane(
                            ledger.clone(),
                            PLAYERS,
                            (l, in_flight),
                            Arc::clone(&next[i]),
                            end,
                        ))
                    })
                    .collect::<Vec<_>>();
                let settled = lanes.into_iter().map(|lane| runtime.block_on(lane).expect("a lane"));
                let settled: Vec<_> = settled.flatten().collect();
                #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
                rates[i].push(count as f64 / start.elapsed().as_secs_f64());
                let mut all = histogram();
                for took in settled {
                    record(&mut all, took);
                }
                latencies[i] = (all.value_at_quantile(0.5), all.value_at_quantile(0.99));
                // Lanes took one number each beyond the end.
                next[i].store(end, Ordering::Relaxed);
            }
        }
        for rates in &mut rates {
            rates.sort_by(f64::total_cmp);
        }
        let alone = rates[0][TURNS / 2];
        for (i, (_, name)) in KINDS.iter().enumerate() {
            let (rates, (p50, p99)) = (&rates[i], latencies[i]);
            let median = rates[TURNS / 2];
            let (least, most, ratio) = (rates[0], rates[TURNS - 1], median / alone);
            println!(
                "{in_flight:>4} in flight, {name:<21} {median:>8.0} ({least:.0} to {most:.0}), {ratio:.2} of the log alone; {p50} / {p99} us"
            );
        }
    }
}
