//! Measures appends to the log against bare writes: `cargo run --release --example log_append --features log -- <folder>`.

use std::fs::OpenOptions;
use std::future::Future;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ledger_core::stored::CommitIndex;
use ledger_core::{Partition, PlayerId};
use ledger_store::log::{LogOptions, LogStore};
use ledger_store::{
    EventStore as _, FORMAT, Head, LedgerId, LedgerIdentity, SealedCommit, ShardAppend, ShardCount,
    commit_hash,
};

const BODY_BYTES: usize = 900;

type Failure = Box<dyn std::error::Error>;

/// The log's futures never yield.
fn now<F: Future>(future: F) -> Result<F::Output, Failure> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err("the future yields".into()),
    }
}

fn body(player: &str, number: usize) -> Arc<[u8]> {
    let mut text = format!(
        r#"{{"partition":"player/{player}","recorded_at":"2026-01-01T00:00:00.000000Z","keys":[{{"source":"s","kind":"bet","id":"t{number}"}}],"events":[{{"stream":"round/{player}/s/r{number}"}}],"pad":""}}"#
    );
    let missing = BODY_BYTES.saturating_sub(text.len());
    text.insert_str(text.len() - 2, &"x".repeat(missing));
    text.into_bytes().into()
}

fn batch(
    store: &LogStore,
    heads: &mut [Head],
    numbers: std::ops::Range<usize>,
) -> Result<Vec<ShardAppend>, Failure> {
    let identity = store.identity();
    let mut parts: Vec<ShardAppend> = Vec::new();
    for number in numbers {
        let player = format!("p{}", number % 5_000);
        let shard = identity.shards.shard_of(&Partition::Player(PlayerId::new(&player)?).digest());
        let head = &mut heads[shard.index()];
        let at = parts.iter().position(|part| part.shard == shard).unwrap_or(parts.len());
        if at == parts.len() {
            parts.push(ShardAppend { shard, expected: *head, commits: Vec::new() });
        }
        let part = &mut parts[at];
        let body = body(&player, number);
        let (position, previous) = (head.position.next(), head.hash);
        let hash = commit_hash(identity, shard, position, &previous, &body);
        let index = CommitIndex::of_body(&body)?;
        part.commits.push(SealedCommit { position, previous, hash, body, index });
        *head = Head { position, hash };
    }
    Ok(parts)
}

struct Times(Vec<Duration>);

impl Times {
    fn tell(mut self, what: &str, each: usize) {
        let total: Duration = self.0.iter().sum();
        self.0.sort();
        let micros = |part: usize| self.0[(self.0.len() - 1) * part / 1_000].as_micros();
        let rate = (self.0.len() * each) as u128 * 1_000_000 / total.as_micros().max(1);
        println!(
            "{what:24} {each:4} a batch: {rate:9} commits/s, p50 {:6} us, p99 {:6} us, max {:7} us",
            micros(500),
            micros(990),
            micros(1_000)
        );
    }
}

fn log(dir: &Path, each: usize, total: usize) -> Result<(), Failure> {
    let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
    let options = LogOptions { verify_appends: false, ..LogOptions::default() };
    let store = LogStore::create(dir, identity, options.clone())?;
    let mut heads = now(store.heads())??;
    let mut times = Times(Vec::new());
    for first in (0..total).step_by(each) {
        let parts = batch(&store, &mut heads, first..first + each)?;
        let start = Instant::now();
        let answers = now(store.append(&parts))??;
        times.0.push(start.elapsed());
        answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    times.tell("log", each);
    drop(store);
    let start = Instant::now();
    let store = LogStore::open(dir, options)?;
    println!("  reopened {} commits in {:?}", store.report().commits, start.elapsed());
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

fn bare(dir: &Path, each: usize, total: usize) -> Result<(), Failure> {
    let path = dir.with_extension("bare");
    let file = OpenOptions::new().create_new(true).write(true).open(&path)?;
    let frame = vec![7; each * (BODY_BYTES + 46)];
    let length = (total / each) * frame.len();
    let zeros = vec![0; 1 << 20];
    for at in (0..length).step_by(zeros.len()) {
        file.write_all_at(&zeros, at as u64)?;
    }
    file.sync_all()?;
    let mut times = Times(Vec::new());
    for number in 0..total / each {
        let start = Instant::now();
        file.write_all_at(&frame, (number * frame.len()) as u64)?;
        file.sync_data()?;
        times.0.push(start.elapsed());
    }
    times.tell("bare write + fdatasync", each);
    std::fs::remove_file(&path)?;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("name a folder on the disk to measure")?;
    for (each, total) in [(1, 10_000), (64, 200_000), (512, 600_000)] {
        let dir = Path::new(&folder).join(format!("log-{each}"));
        bare(&dir, each, total.min(200_000))?;
        log(&dir, each, total)?;
    }
    Ok(())
}
