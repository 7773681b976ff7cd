//! A log with a long history: what appending, looking up, opening and reading cost after N bet rounds, and how
//! much disk and memory they take.
//!
//! `cargo bench --bench history -- --rounds 1000000`. The raw store is measured, without the engine: bodies are the
//! engine's, with other ids, fingerprints and times in them. What is measured on a log that was just opened runs in a
//! process of its own, so that its memory is the store's.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use casino_ledger::core::stored::CommitIndex;
use casino_ledger::core::{
    KeyDigest, Partition, PartitionDigest, PlayerId, SourceId, StreamDigest, Timestamp, TransactionId,
};
use casino_ledger::store::log::{LogOptions, LogStore, Sealing};
use casino_ledger::store::{
    EventStore, FORMAT, Head, LedgerId, LedgerIdentity, Lookup, Position, SealedCommit, ShardAppend,
    ShardCount, commit_hash,
};
use clap::Parser;
use hdrhistogram::Histogram;

#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
struct Args {
    /// How many bet rounds (two commits each) the history has.
    #[arg(long, default_value_t = 1_000_000)]
    rounds: u64,
    /// How many players there are.
    #[arg(long, default_value_t = 1_000_000)]
    players: u64,
    /// How many of them play four rounds out of five.
    #[arg(long, default_value_t = 10_000)]
    active: u64,
    /// Commits of one durable write.
    #[arg(long, default_value_t = 512)]
    batch: u64,
    /// The memory of the index, in MiB.
    #[arg(long, default_value_t = 128)]
    index_mib: usize,
    /// Bodies with nothing in them but what the index needs, so that a long history takes less disk.
    #[arg(long)]
    small_bodies: bool,
    /// Leave full segments as they are.
    #[arg(long)]
    unsealed: bool,
    /// Seal everything that is full before the disk is measured.
    #[arg(long)]
    wait_for_sealing: bool,
    /// Where to build; a temporary folder by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Measure the log that is in `dir`; for the process of its own.
    #[arg(long, hide = true)]
    measure: bool,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn options(args: &Args) -> LogOptions {
    let sealing = if args.unsealed { Sealing::Never } else { Sealing::Behind(4) };
    LogOptions { verify_appends: false, index_bytes: args.index_mib << 20, sealing, ..LogOptions::default() }
}

/// `SplitMix64`: the same numbers in every run.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Who plays a round.
fn player_of(args: &Args, round: u64) -> u64 {
    let draw = Dice(round).next();
    if draw.is_multiple_of(5) {
        (draw >> 8) % args.players
    } else {
        (draw >> 8) % args.active.min(args.players)
    }
}

fn player_name(number: u64) -> String {
    format!("player-{number:06}")
}

fn partition(number: u64) -> PartitionDigest {
    Partition::Player(PlayerId::new(player_name(number)).expect("an id")).digest()
}

/// A body of the engine, and where in it stands what differs from commit to commit.
struct Template {
    bytes: Vec<u8>,
    places: Vec<(usize, What)>,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Player,
    Round,
    Print,
    Time,
}

const ROUND: &str = "round-000000000000";
const PLAYER: &str = "player-000001";

impl Template {
    fn of(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("a body is text");
        let mut places: Vec<(usize, What)> =
            text.match_indices(PLAYER).map(|(at, _)| (at, What::Player)).collect();
        places.extend(text.match_indices(ROUND).map(|(at, _)| (at, What::Round)));
        let print = "\"print\":\"";
        places.extend(text.match_indices(print).map(|(at, _)| (at + print.len(), What::Print)));
        let time = "\"recorded_at\":\"";
        places.extend(text.match_indices(time).map(|(at, _)| (at + time.len(), What::Time)));
        Self { bytes: bytes.to_vec(), places }
    }

    fn fill(&self, player: &str, round: &str, at: &str, dice: &mut Dice) -> Vec<u8> {
        let mut body = self.bytes.clone();
        let mut put = |at: usize, with: &[u8]| body[at..at + with.len()].copy_from_slice(with);
        for (place, what) in &self.places {
            match what {
                What::Player => put(*place, player.as_bytes()),
                What::Round => put(*place, round.as_bytes()),
                What::Time => put(*place, at.as_bytes()),
                What::Print => {
                    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
                    let mut print = [0; 43];
                    for chunk in print.chunks_mut(10) {
                        let mut draw = dice.next();
                        for letter in chunk {
                            *letter = letters[usize::try_from(draw % 64).unwrap_or(0)];
                            draw >>= 6;
                        }
                    }
                    put(*place, &print);
                }
            }
        }
        body
    }
}

fn identity() -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT }
}

fn key(player: &PartitionDigest, kind: &str, id: &str) -> KeyDigest {
    let (source, id) =
        (SourceId::new("crash-provider").expect("an id"), TransactionId::new(id).expect("an id"));
    KeyDigest::new(player, &source, kind, &id)
}

fn round_name(round: u64) -> String {
    format!("round-{round:012}")
}

/// Makes the commits of rounds, in the order played.
struct Maker<'a> {
    args: &'a Args,
    templates: [Template; 2],
    dice: Dice,
    next: u64,
}

impl Maker<'_> {
    fn batch(&mut self, heads: &mut [Head]) -> Vec<ShardAppend> {
        let identity = identity();
        let mut parts: Vec<ShardAppend> = Vec::new();
        for _ in 0..self.args.batch / 2 {
            let round = self.next;
            self.next += 1;
            let number = player_of(self.args, round);
            let (player, partition) = (player_name(number), partition(number));
            let shard = identity.shards.shard_of(&partition);
            let name = round_name(round);
            let micros = 1_790_000_000_000_000 + i64::try_from(round).unwrap_or(0) * 300;
            let recorded_at = Timestamp::from_micros(micros).expect("an instant");
            let at = recorded_at.to_string();
            let stream = StreamDigest::of_text(&format!("round/{player}/crash-provider/{name}"));
            let place = parts.iter().position(|part| part.shard == shard).unwrap_or_else(|| {
                parts.push(ShardAppend { shard, expected: heads[shard.index()], commits: Vec::new() });
                parts.len() - 1
            });
            for (template, kind) in self.templates.iter().zip(["bet", "win"]) {
                let body = template.fill(&player, &name, &at, &mut self.dice);
                let head = &mut heads[shard.index()];
                let (position, previous) = (head.position.next(), head.hash);
                let hash = commit_hash(&identity, shard, position, &previous, &body);
                let keys = vec![key(&partition, kind, &name)];
                let index = CommitIndex { partition, recorded_at, keys, streams: vec![stream] };
                parts[place].commits.push(SealedCommit {
                    position,
                    previous,
                    hash,
                    body: body.into(),
                    index,
                });
                *head = Head { position, hash };
            }
        }
        parts
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000_000, 3).expect("a histogram")
}

fn tell(what: &str, histogram: &Histogram<u64>) {
    let micros = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    println!("  {what}: p50 {:.1} us, p99 {:.1} us, max {:.0} us", micros(0.5), micros(0.99), micros(1.0));
}

/// A line of this process's status, in KiB.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find(|found| found.starts_with(line));
    found.and_then(|found| found.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// How long this thread has had a processor, in nanoseconds: on a busy machine more telling than the clock.
fn on_processor() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
}

fn now<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

fn small_body(kind: &str) -> String {
    let print = "A".repeat(44);
    format!(
        r#"{{"partition":"player/{PLAYER}","recorded_at":"2026-11-20T16:00:00.000000Z","keys":[{{"source":"crash-provider","kind":"{kind}","id":"{ROUND}","print":"{print}","outcome":"applied"}}],"events":[{{"stream":"round/{PLAYER}/crash-provider/{ROUND}"}}]}}"#
    )
}

fn build(args: &Args, dir: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let bodies = support::bodies(4);
    let templates = if args.small_bodies {
        ["bet", "win"].map(|kind| Template::of(small_body(kind).as_bytes()))
    } else {
        [Template::of(&bodies[2].0), Template::of(&bodies[3].0)]
    };
    let body_bytes = [templates[0].bytes.len(), templates[1].bytes.len()];
    let before = memory("VmRSS:");
    let store = LogStore::create(dir, identity(), options(args)).expect("a log");
    let mut heads = runtime.block_on(store.heads()).expect("heads");
    let mut maker = Maker { args, templates, dice: Dice(1), next: 0 };
    let mut maximum = 0;
    let tenth = (args.rounds / 10).max(1);
    println!(
        "building {} rounds, bodies of {body_bytes:?} bytes, {} commits a batch",
        args.rounds, args.batch
    );
    while maker.next < args.rounds {
        let (mut appends, mut spent, first, wall) = (histogram(), Duration::ZERO, maker.next, Instant::now());
        while maker.next < (first + tenth).min(args.rounds) {
            let parts = maker.batch(&mut heads);
            let start = Instant::now();
            let answers = runtime.block_on(store.append(&parts)).expect("an append");
            let took = start.elapsed();
            assert!(answers.iter().all(Result::is_ok), "the only writer lost a race");
            spent += took;
            appends.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        maximum = maximum.max(memory("VmRSS:"));
        let commits = (maker.next - first) * 2;
        let status = store.index_status().expect("a status");
        println!(
            "{:>10} rounds: {:.0} commits/s in append ({:.0} with making them), {} runs, {} MiB resident",
            maker.next,
            commits as f64 / spent.as_secs_f64(),
            commits as f64 / wall.elapsed().as_secs_f64(),
            status.runs,
            memory("VmRSS:") >> 10
        );
        tell("an append", &appends);
    }
    println!("most memory while building: {} MiB ({} before)", maximum >> 10, before >> 10);
    if args.wait_for_sealing {
        let start = Instant::now();
        loop {
            let status = store.segment_status().expect("a status");
            if status.sealed + 5 >= status.segments || status.error.is_some() {
                println!(
                    "sealed {} of {} segments, after {:?} more",
                    status.sealed,
                    status.segments,
                    start.elapsed()
                );
                break;
            }
            // Sealing tells nobody that it is done; this process has nothing else to do.
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    let start = Instant::now();
    runtime.block_on(store.close()).expect("a clean end");
    println!("closed in {:?}", start.elapsed());
    let (log, index) = (bytes_in(&dir.join("log")), bytes_in(&dir.join("index")));
    let each = |bytes: u64| bytes as f64 / args.rounds as f64;
    println!("on disk: {:.0} bytes a round in the log, {:.0} in the index", each(log), each(index));
}

/// Asks again and again in batches as the writer of the engine does; nanoseconds a question, by the clock and on
/// the processor.
fn ask(store: &LogStore, lookups: &[Lookup], expect: bool) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (start, before) = (Instant::now(), on_processor());
    for batch in lookups.chunks(1_280) {
        let found = runtime.block_on(store.lookup(batch)).expect("answers");
        assert!(found.iter().all(|positions| positions.is_empty() != expect), "a wrong answer");
    }
    let each = |nanos: u128| nanos / lookups.len() as u128;
    let processor = u128::from(on_processor() - before);
    format!("{} ns, {} on the processor", each(start.elapsed().as_nanos()), each(processor))
}

fn measure(args: &Args, dir: &Path) {
    let before = memory("VmRSS:");
    let start = Instant::now();
    let store = LogStore::open(dir, options(args)).expect("a log");
    let took = start.elapsed();
    let report = store.report();
    println!("opened {} commits in {took:?}, of which the index covered {}", report.commits, report.indexed);
    let status = store.index_status().expect("a status");
    let per_digest = status.filter_bytes_wanted as f64 / (args.rounds as f64 * 3.0);
    println!(
        "  {} runs, filters {} of {} MiB ({per_digest:.2} bytes a key or round), resident {} MiB ({} before)",
        status.runs,
        status.filter_bytes >> 20,
        status.filter_bytes_wanted >> 20,
        memory("VmRSS:") >> 10,
        before >> 10
    );
    let shards = identity().shards;
    let mut dice = Dice(99);
    let count = 512_000;
    let absent: Vec<_> = (0..count)
        .map(|number: u64| {
            let player = partition(dice.next() % args.active.min(args.players));
            Lookup::Key(shards.shard_of(&player), key(&player, "bet", &format!("never-{number:012}")))
        })
        .collect();
    let read = store.index_status().expect("a status").blocks_read;
    let each = [ask(&store, &absent, false), ask(&store, &absent, false), ask(&store, &absent, false)];
    let read = store.index_status().expect("a status").blocks_read - read;
    println!("an absent key: {each:?}; {:.5} blocks read each", read as f64 / (3.0 * count as f64));
    let present: Vec<_> = (0..20_000)
        .map(|_| {
            let round = dice.next() % args.rounds;
            let player = partition(player_of(args, round));
            Lookup::Key(shards.shard_of(&player), key(&player, "bet", &round_name(round)))
        })
        .collect();
    println!("a present key: {}; again: {}", ask(&store, &present, true), ask(&store, &present, true));
    let (mut cold, mut commits) = (histogram(), 0);
    let inactive = args.active.min(args.players / 2)..args.players;
    for _ in 0..5_000 {
        let player = partition(inactive.start + dice.next() % (inactive.end - inactive.start));
        let start = Instant::now();
        let read = now(store.read_partition(&player, Position::ZERO, 8_192)).expect("his commits");
        cold.saturating_record(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        commits += read.len();
    }
    tell(&format!("a cold player of {:.1} commits", commits as f64 / 5_000.0), &cold);
    let mut active = histogram();
    for _ in 0..50 {
        let player = partition(dice.next() % args.active.min(args.players));
        let start = Instant::now();
        let read = now(store.read_partition(&player, Position::ZERO, 8_192)).expect("his commits");
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        active.saturating_record(nanos / read.len().max(1) as u64);
    }
    tell("a commit of an active player's whole history", &active);
    println!(
        "resident after all of it: {} MiB, at most {} MiB",
        memory("VmRSS:") >> 10,
        memory("VmHWM:") >> 10
    );
}

fn main() {
    let args = Args::parse();
    if args.measure {
        let dir = args.dir.clone().expect("a folder");
        return measure(&args, &dir);
    }
    let temporary = tempfile::tempdir().expect("a folder");
    let dir = args.dir.clone().unwrap_or_else(|| temporary.path().join("ledger"));
    if !dir.join("ledger.json").exists() {
        build(&args, &dir);
    }
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(std::env::args().skip(1)).arg("--measure");
    if args.dir.is_none() {
        command.arg("--dir").arg(&dir);
    }
    let status = command.status();
    assert!(status.is_ok_and(|status| status.success()), "the measuring process failed");
}
