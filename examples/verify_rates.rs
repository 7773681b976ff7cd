//! What a verification costs in time and memory: fills a log if there is none, and verifies it.
//!
//! ```sh
//! cargo run --release --example verify_rates -- --commits 1000000 --memory-mib 64
//! ```

#[allow(dead_code, reason = "the benches need more of it")]
#[path = "../benches/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use casino_ledger::core::stored::CommitIndex;
use casino_ledger::core::{CurrencyRegistry, Partition, PlayerCommand, PlayerId, PlayerState, Policy};
use casino_ledger::proof::{FolderArchive, LocalSigner, Notary, Signer as _, Trust, prove};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{
    EventStore, FORMAT, Head, LedgerId, LedgerIdentity, Position, SealedCommit, Shard, ShardAppend,
    ShardCount, commit_hash, genesis,
};
use casino_ledger::{Decimal, SystemClock, Verifier};
use clap::Parser;

/// How many commits are appended at once.
const BATCH: usize = 4_000;
/// Set in the process that fills the log.
const FILLS: &str = "VERIFY_RATES_FILLS";

#[derive(Parser)]
struct Arguments {
    /// How many commits the log gets, if it has none.
    #[arg(long, default_value_t = 1_000_000)]
    commits: u64,
    /// How many players they are spread over.
    #[arg(long, default_value_t = 100_000)]
    players: u64,
    /// How many shards.
    #[arg(long, default_value_t = 64)]
    shards: u16,
    /// The memory for players, in MiB.
    #[arg(long, default_value_t = 512)]
    memory_mib: usize,
    /// How many threads verify.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Takes a statement first, and proves a commit; then the statement is a witness.
    #[arg(long)]
    statements: bool,
    /// The folder of the log, which is kept; by default a temporary one.
    #[arg(long)]
    store: Option<PathBuf>,
}

/// A line of `/proc/self/status`, in MiB.
fn memory(line: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|found| found.strip_prefix(line)).context("no such line")?;
    let kib: u64 = found.trim_start_matches(':').trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1_024)
}

/// Appends to many shards at once.
struct Filler {
    store: LogStore,
    runtime: tokio::runtime::Runtime,
    heads: Vec<Head>,
    pending: BTreeMap<Shard, (Head, Vec<SealedCommit>)>,
    count: usize,
}

impl Filler {
    fn flush(&mut self) -> anyhow::Result<()> {
        self.count = 0;
        let parts: Vec<_> = std::mem::take(&mut self.pending)
            .into_iter()
            .map(|(shard, (expected, commits))| ShardAppend { shard, expected, commits })
            .collect();
        if !parts.is_empty() {
            for answer in self.runtime.block_on(self.store.append(&parts))? {
                answer?;
            }
        }
        Ok(())
    }

    fn add(&mut self, body: &[u8], index: CommitIndex) -> anyhow::Result<()> {
        let identity = *self.store.identity();
        let shard = identity.shards.shard_of(&index.partition);
        let head = self.heads[shard.index()];
        let position = head.position.next();
        let hash = commit_hash(&identity, shard, position, &head.hash, body);
        let commit = SealedCommit { position, previous: head.hash, hash, body: body.into(), index };
        self.pending.entry(shard).or_insert((head, Vec::new())).1.push(commit);
        self.heads[shard.index()] = Head { position, hash };
        self.count += 1;
        if self.count < BATCH { Ok(()) } else { self.flush() }
    }
}

fn fill(path: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let identity = LedgerIdentity {
        ledger: LedgerId([7; 16]),
        shards: ShardCount::new(arguments.shards)?,
        format: FORMAT,
    };
    let options = LogOptions { verify_appends: false, ..LogOptions::default() };
    let heads = identity.shards.all().map(|shard| genesis(&identity, shard)).collect();
    let store = LogStore::create(path, identity, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut filler = Filler { store, runtime, heads, pending: BTreeMap::new(), count: 0 };
    let (registry, policy) = (CurrencyRegistry::standard(), Policy::default());
    let mut states = Vec::new();
    let mut bytes = Vec::new();
    let mut add = |filler: &mut Filler, state: &mut PlayerState, command: &PlayerCommand| {
        let draft = support::decide(state, command, &registry, &policy);
        bytes.clear();
        let body = support::body(state, draft, &policy);
        body.encode(&mut bytes)?;
        let partition = Partition::Player(state.player().clone()).digest();
        filler.add(&bytes, CommitIndex::of(&body, partition))
    };
    for no in 0..arguments.players {
        let mut state = PlayerState::new(PlayerId::new(format!("player-{no:09}"))?);
        add(&mut filler, &mut state, &support::open())?;
        add(&mut filler, &mut state, &support::deposit("d", Decimal::from(1_000_000)))?;
        states.push(state);
    }
    let mut no = 0_usize;
    let mut written = 2 * arguments.players;
    while written < arguments.commits {
        let at = no % states.len();
        let id = format!("round-{no:012}");
        add(&mut filler, &mut states[at], &support::place(&id))?;
        add(&mut filler, &mut states[at], &support::settle(&id))?;
        (no, written) = (no + 1, written + 2);
    }
    filler.flush()?;
    filler.runtime.block_on(filler.store.close())?;
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir()?;
    let path = arguments.store.clone().unwrap_or_else(|| temporary.path().join("log"));
    let options = LogOptions { verify_appends: false, ..LogOptions::default() };
    if LogStore::identity_in(&path, &options)?.is_none() {
        let start = Instant::now();
        if std::env::var_os(FILLS).is_some() {
            return fill(&path, &arguments);
        }
        // In a process of its own, so that its memory is not measured.
        let mut filling = std::process::Command::new(std::env::current_exe()?);
        filling.args(std::env::args_os().skip(1)).env(FILLS, "1");
        if arguments.store.is_none() {
            filling.arg("--store").arg(&path);
        }
        if !filling.status()?.success() {
            bail!("the log was not filled");
        }
        println!("filled in {:.1} s", start.elapsed().as_secs_f64());
    }
    let start = Instant::now();
    let store = LogStore::open_read_only(&path, &options)?;
    let commits = store.report().commits;
    println!("opened {commits} commits in {:.1} s", start.elapsed().as_secs_f64());
    let store: Arc<dyn EventStore> = Arc::new(store);
    let open = memory("VmRSS")?;
    let passes = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&passes);
    let mut verifier = Verifier::new(Arc::clone(&store))
        .memory(arguments.memory_mib << 20)
        .threads(arguments.threads)
        .progress(move |progress| {
            seen.fetch_max(progress.pass, Ordering::Relaxed);
        });
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    if arguments.statements {
        let signer = Arc::new(LocalSigner::new(&[1; 32]));
        let archive = Arc::new(FolderArchive::open(temporary.path().join("statements"))?.with_hashes());
        let clock = Arc::new(SystemClock::default());
        let notary =
            Notary::new(Arc::clone(&store), Arc::clone(&signer) as _, Arc::clone(&archive) as _, clock);
        let start = Instant::now();
        let statement = runtime.block_on(notary.take())?;
        println!("took the first statement in {:.1} s", start.elapsed().as_secs_f64());
        let start = Instant::now();
        runtime.block_on(notary.take())?;
        println!("took the second in {:.1} ms", start.elapsed().as_secs_f64() * 1_000.0);
        let start = Instant::now();
        let proof = runtime.block_on(prove(&store, &statement, Shard(0), Position(1)))?;
        let text = proof.to_string();
        let taken = start.elapsed().as_secs_f64() * 1_000.0;
        println!("proved a commit in {taken:.1} ms, {} bytes", text.len());
        let start = Instant::now();
        proof.verify(&[signer.public_key()])?;
        println!("checked the proof in {:.2} ms", start.elapsed().as_secs_f64() * 1_000.0);
        verifier = verifier.archive(archive, Trust::of(signer.public_key()));
    }
    let start = Instant::now();
    let found = runtime.block_on(verifier.run())?;
    let seconds = start.elapsed().as_secs_f64();
    let peak = memory("VmHWM")?;
    println!(
        "verified {} commits of {} players in {seconds:.1} s: {:.0} a second, at most {} passes",
        found.commits,
        found.players,
        f64::from(u32::try_from(found.commits)?) / seconds,
        passes.load(Ordering::Relaxed),
    );
    println!("memory: {open} MiB with the log open, {peak} MiB at most");
    Ok(())
}
