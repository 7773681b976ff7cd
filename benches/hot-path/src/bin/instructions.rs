//! Does one kind of work again and again, for a simulator that counts instructions: `cargo xtask instructions`
//! runs it under callgrind and counts inside of `measured` alone.
//!
//! No clock, no randomness, no threads, one process a station: the count of one build is the same every time.
//! Hashing is left out, because what it executes depends on the processor.

#[path = "../../../support/mod.rs"]
#[allow(dead_code, missing_docs, reason = "shared by several benches")]
mod support;

use std::future::Future as _;
use std::hint::black_box;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, bail, ensure};
use casino_ledger::core::stored::{CommitBody, CommitIndex};
use casino_ledger::core::{
    CurrencyRegistry, Decision, Draft, Facts, FactsNeeded, Found, PlayerCommand, PlayerId, PlayerLedger,
    PlayerState, Policy, Timestamp,
};
use casino_ledger::store::log::{LogOptions, LogStore, Prepare};
use casino_ledger::store::{EventStore, ShardAppend};
use rust_decimal::Decimal;

/// How often a station's work is counted.
const TIMES: usize = 200;
/// How often it is done before: buffers have their size then, and what is done once is done.
const TIMES_BEFORE: usize = 20;
/// How many commits the batch has.
const BATCH: usize = 64;

/// What is counted: the work, once.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

fn main() -> ExitCode {
    let station = std::env::args().nth(1);
    match run(station.as_deref().unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(station: &str) -> Result<()> {
    match station {
        "decide_place" => decide(Half::Place),
        "decide_settle" => decide(Half::Settle),
        "encode_place" => encode(Half::Place),
        "encode_settle" => encode(Half::Settle),
        "append_batch" => append(),
        other => bail!("{other:?} is no station"),
    }?;
    println!("times {TIMES}");
    Ok(())
}

/// One half of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Place,
    Settle,
}

/// A player, and what is the same for all that he does.
struct Table {
    registry: CurrencyRegistry,
    policy: Policy,
    state: PlayerState,
    now: Timestamp,
}

impl Table {
    fn new() -> Result<Self> {
        let (registry, policy) = (CurrencyRegistry::standard(), Policy::default());
        let mut state = PlayerState::new(PlayerId::new("player-000001")?);
        for command in [support::open(), support::deposit("d", Decimal::from(1_000_000_000))] {
            support::decide(&mut state, &command, &registry, &policy);
        }
        Ok(Self { registry, policy, state, now: Timestamp::from_micros(1_790_000_000_000_000)? })
    }

    /// Decides as the engine does: what the caller's thread prepares is there already. Folds what is decided.
    fn play(&mut self, command: &PlayerCommand, is_counted: bool) -> Result<Draft> {
        let needed = FactsNeeded::of(command, self.state.player(), &self.policy)?;
        let facts = Facts::new(Found::NOTHING, &self.registry, &self.policy);
        let (state, now) = (&mut self.state, self.now);
        let mut drafted = None;
        let mut work = || {
            let decision = PlayerLedger::decide_prepared(state, command, &needed, &facts, now);
            if let Ok(Decision::Commit(draft)) = decision {
                drafted = state.evolve_all(&draft.events, now).is_ok().then_some(draft);
            }
        };
        if is_counted {
            measured(&mut work);
        } else {
            work();
        }
        drafted.context("a bet or its settlement was refused")
    }

    fn body(&self, draft: Draft) -> CommitBody {
        support::body(&self.state, draft, &self.policy)
    }
}

fn decide(half: Half) -> Result<()> {
    let mut table = Table::new()?;
    for i in 0..TIMES_BEFORE + TIMES {
        let (id, is_counted) = (format!("round-{i:012}"), i >= TIMES_BEFORE);
        black_box(table.play(&support::place(&id), is_counted && half == Half::Place)?);
        black_box(table.play(&support::settle(&id), is_counted && half == Half::Settle)?);
    }
    Ok(())
}

fn encode(half: Half) -> Result<()> {
    let mut table = Table::new()?;
    let placed = table.play(&support::place("round-000000000001"), false)?;
    let placed = table.body(placed);
    let settled = table.play(&support::settle("round-000000000001"), false)?;
    let body = if half == Half::Place { placed } else { table.body(settled) };
    let mut buffer = Vec::with_capacity(4_096);
    for i in 0..TIMES_BEFORE + TIMES {
        buffer.clear();
        let mut encoded = false;
        let mut work = || encoded = black_box(&body).encode(&mut buffer).is_ok();
        if i >= TIMES_BEFORE {
            measured(&mut work);
        } else {
            work();
        }
        ensure!(encoded, "a body does not encode");
    }
    Ok(())
}

fn append() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = LogOptions { verify_appends: false, prepare: Prepare::Inline, ..LogOptions::default() };
    let store = LogStore::create(&folder.path().join("log"), support::identity(), options)?;
    let mut head = support::first_head();
    let bodies: Vec<(Vec<u8>, CommitIndex)> = support::bodies((TIMES_BEFORE + TIMES) * BATCH);
    for (i, batch) in bodies.chunks(BATCH).enumerate() {
        let (append, last) = support::seal(head, batch);
        let mut landed = false;
        let mut work = || landed = append_now(&store, &append);
        if i >= TIMES_BEFORE {
            measured(&mut work);
        } else {
            work();
        }
        ensure!(landed, "batch {i} was not appended");
        head = last;
    }
    Ok(())
}

/// The log appends on the thread that asks, so the first look finds it done.
fn append_now(store: &LogStore, append: &ShardAppend) -> bool {
    let mut future = pin!(store.append(std::slice::from_ref(append)));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(heads)) => heads.iter().all(Result::is_ok),
        _ => false,
    }
}
