//! What a system under test is, and how rounds are played on it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use hdrhistogram::Histogram;

/// What every bet stakes, in minor units.
pub(crate) const STAKE: i64 = 1_000;
/// What every bet wins, in minor units: more than its stake, so that balances show every round.
pub(crate) const WIN: i64 = 1_350;
/// What every player has in the beginning, in minor units.
pub(crate) const FUNDS: i64 = 100_000_000;

/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 120_000_000;

/// Latencies of single operations, in microseconds.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("bounds that are right"))
    }

    pub(crate) fn record(&mut self, took: Duration, operations: u64) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record_n(us, operations);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the same bounds");
    }

    pub(crate) fn quantile_us(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }
}

/// What was measured in one go.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) rounds: u64,
    pub(crate) took: Duration,
    pub(crate) latencies: Latencies,
}

/// A system under test, set up and funded.
#[async_trait]
pub(crate) trait System: Send + Sync {
    fn name(&self) -> &str;

    /// How many operations under way at once it is measured with.
    fn levels(&self) -> Vec<usize>;

    /// Plays whole rounds for about so long.
    async fn play(&self, in_flight: usize, time: Duration) -> Result<Slice>;

    /// Compares what is stored with what was played; says what was compared.
    async fn check(&self) -> Result<String>;
}

/// A system that takes one operation a call; [`Lanes`] makes a [`System`] of it.
pub(crate) trait Rounds: Send + Sync + 'static {
    fn name(&self) -> &str;
    fn levels(&self) -> Vec<usize>;
    fn players(&self) -> usize;

    /// Takes the stake of a round from a player; returns when that is durable.
    fn place(&self, player: usize, round: u64) -> impl Future<Output = Result<()>> + Send;

    /// Pays the win of a round to a player; returns when that is durable.
    fn settle(&self, player: usize, round: u64) -> impl Future<Output = Result<()>> + Send;

    /// Compares what is stored with so many rounds.
    fn check(&self, rounds: u64) -> impl Future<Output = Result<String>> + Send;
}

/// Plays rounds in as many tasks as there are operations under way. No two of them share a player, so that
/// nobody measures conflicts of one player with himself. A lane keeps its latencies as they are: a histogram for each of
/// thousands of lanes would cost more than what is measured.
#[derive(Debug)]
pub(crate) struct Lanes<R> {
    system: Arc<R>,
    /// The number of the next round.
    next: Arc<AtomicU64>,
    played: AtomicU64,
}

impl<R: Rounds> Lanes<R> {
    pub(crate) fn boxed(system: R) -> Box<dyn System> {
        Box::new(Self {
            system: Arc::new(system),
            next: Arc::new(AtomicU64::new(0)),
            played: AtomicU64::new(0),
        })
    }
}

#[async_trait]
impl<R: Rounds> System for Lanes<R> {
    fn name(&self) -> &str {
        self.system.name()
    }

    fn levels(&self) -> Vec<usize> {
        self.system.levels()
    }

    async fn play(&self, in_flight: usize, time: Duration) -> Result<Slice> {
        let players = self.system.players();
        ensure!(in_flight <= players, "{in_flight} in flight need as many players, not {players}");
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..in_flight {
            let (system, next) = (Arc::clone(&self.system), Arc::clone(&self.next));
            tasks.spawn(play_lane(system, next, lane, in_flight, start, time));
        }
        let mut lanes = Vec::with_capacity(in_flight);
        while let Some(lane) = tasks.join_next().await {
            lanes.push(lane.context("a lane panicked")??);
        }
        let took = start.elapsed();
        // What the bench makes of it is done when nothing is measured any more.
        let (mut rounds, mut latencies) = (0, Latencies::new());
        for (placed, settled) in lanes.iter().flatten() {
            latencies.record(*placed, 1);
            latencies.record(*settled, 1);
            rounds += 1;
        }
        self.played.fetch_add(rounds, Ordering::Relaxed);
        Ok(Slice { rounds, took, latencies })
    }

    async fn check(&self) -> Result<String> {
        self.system.check(self.played.load(Ordering::Relaxed)).await
    }
}

async fn play_lane<R: Rounds>(
    system: Arc<R>,
    next: Arc<AtomicU64>,
    lane: usize,
    lanes: usize,
    start: Instant,
    time: Duration,
) -> Result<Vec<(Duration, Duration)>> {
    let of_lane = (system.players() - lane).div_ceil(lanes);
    let mut rounds = Vec::new();
    while start.elapsed() < time {
        let round = next.fetch_add(1, Ordering::Relaxed);
        let player = lane + lanes * (usize::try_from(round)? / lanes % of_lane);
        let begun = Instant::now();
        system.place(player, round).await.context("placing a bet")?;
        let placed = Instant::now();
        system.settle(player, round).await.context("settling a bet")?;
        rounds.push((placed - begun, placed.elapsed()));
    }
    Ok(rounds)
}

/// The sum of all players' balances after so many rounds, in minor units.
pub(crate) fn players_sum(players: usize, rounds: u64) -> Result<i128> {
    Ok(i128::try_from(players)? * i128::from(FUNDS) + i128::from(rounds) * i128::from(WIN - STAKE))
}

/// Compares one figure of a check.
pub(crate) fn same<T: Copy + PartialEq + std::fmt::Display>(what: &str, stored: T, played: T) -> Result<()> {
    ensure!(stored == played, "{what}: {stored} stored, {played} played");
    Ok(())
}
