//! What the benches of whole engines share: players with money, and lanes that play rounds on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casino_ledger::core::{PlayerCommand, PlayerId};
use casino_ledger::{Ledger, Request};
use hdrhistogram::Histogram;
use rust_decimal::Decimal;

use super::support;

/// How many players are opened together.
const TOGETHER: usize = 1_000;

/// Of microseconds, up to two minutes.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 120_000_000, 3).expect("a histogram")
}

pub(crate) fn record(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

pub(crate) fn player(i: usize) -> PlayerId {
    PlayerId::new(format!("player-{i:06}")).expect("an id")
}

/// Opens so many players and gives each a million.
pub(crate) async fn fund(ledger: &Ledger, players: usize) {
    let deposit = || support::deposit("d", Decimal::from(1_000_000));
    for from in (0..players).step_by(TOGETHER) {
        for command in [&support::open as &dyn Fn() -> PlayerCommand, &deposit] {
            let these = from..(from + TOGETHER).min(players);
            let requests = these.map(|i| Request::new(player(i), command())).collect();
            for answer in ledger.execute_all(requests).await {
                answer.expect("a player with money");
            }
        }
    }
}

/// Plays rounds on one lane's players until all rounds are given out, and takes the time of settlements. As they are: a
/// histogram for each of thousands of lanes would cost more than what is measured.
pub(crate) async fn lane(
    ledger: Ledger,
    players: usize,
    (lane, lanes): (usize, usize),
    next: Arc<AtomicU64>,
    end: u64,
) -> Vec<Duration> {
    let mut settled = Vec::new();
    let players: Vec<PlayerId> = (lane..players).step_by(lanes).map(player).collect();
    loop {
        let round = next.fetch_add(1, Ordering::Relaxed);
        if round >= end {
            return settled;
        }
        let index = usize::try_from(round).expect("rounds fit") / lanes % players.len();
        let id = format!("r{round:012}");
        ledger.execute(&players[index], support::place(&id)).await.expect("a bet");
        let start = Instant::now();
        ledger.execute(&players[index], support::settle(&id)).await.expect("a win");
        settled.push(start.elapsed());
    }
}
