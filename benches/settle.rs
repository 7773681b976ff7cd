//! End to end: bet rounds (place + settle, both durable) through the engine at 1, 64, 512 and 4,096 commands in
//! flight: on the embedded log, or on the store that `cargo xtask bench settle --store sqlite|postgres` names.
//! Baselines in the same run: the machine's bare `write + fdatasync`; the naive way, one SQLite transaction a
//! command with entry rows, balance rows and a unique key; and on PostgreSQL one bare INSERT a command.
//!
//! Criterion reports the time per round; the latencies of settlements are printed beside it.

#[allow(dead_code, reason = "shared by several benches")]
#[path = "support/places.rs"]
mod places;
#[allow(dead_code, reason = "shared by several benches")]
#[path = "support/rounds.rs"]
mod rounds;
#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casino_ledger::Settings;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hdrhistogram::Histogram;
use rusqlite::Connection;
use sqlx::PgConnection;

use places::{Place, store_name};
use rounds::{fund, histogram, lane, record};

// As in the quickstart: memory goes from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PLAYERS: usize = 10_000;

fn report(name: &str, histogram: &Histogram<u64>) {
    println!(
        "{name}: p50 {} us, p99 {} us over {} operations",
        histogram.value_at_quantile(0.5),
        histogram.value_at_quantile(0.99),
        histogram.len()
    );
}

/// What a durable round trip to the database costs: two bare inserts of a commit's bytes a round.
fn bare_postgres(c: &mut Criterion) {
    if store_name() != "postgres" {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = support::bodies(4).pop().expect("a body").0;
    let mut connection = runtime.block_on(async {
        let url = ledger_testkit::postgres::shared_url();
        let mut connection = <PgConnection as sqlx::Connection>::connect(&url).await.expect("a connection");
        let table = "CREATE TABLE IF NOT EXISTS bare (number bigint PRIMARY KEY, body bytea NOT NULL)";
        sqlx::query(table).execute(&mut connection).await.expect("a table");
        connection
    });
    let (mut number, mut latencies) = (0_i64, histogram());
    let mut group = c.benchmark_group("round");
    group.sample_size(10).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(1));
    group.bench_function("bare INSERT/1", |b| {
        b.iter_custom(|iterations| {
            let start = Instant::now();
            for _ in 0..2 * iterations {
                number += 1;
                let write = Instant::now();
                let insert =
                    sqlx::query("INSERT INTO bare VALUES ($1, $2)").bind(number).bind(body.as_slice());
                runtime.block_on(insert.execute(&mut connection)).expect("an insert");
                record(&mut latencies, write.elapsed());
            }
            start.elapsed()
        });
    });
    group.finish();
    report("bare INSERT", &latencies);
}

fn engine(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let place = Place::new();
    let ledger = runtime.block_on(async {
        let ledger = place.open(Settings::new().expect("settings")).await;
        fund(&ledger, PLAYERS).await;
        ledger
    });
    let mut given = 0_u64;
    let mut group = c.benchmark_group("round");
    group.sample_size(10).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(1));
    for in_flight in [1_usize, 64, 512, 4_096] {
        let mut latencies = histogram();
        group.bench_function(format!("engine on {}/{in_flight}", store_name()), |b| {
            b.iter_custom(|iterations| {
                let next = Arc::new(AtomicU64::new(given));
                given += iterations;
                let start = Instant::now();
                let all = runtime.block_on(async {
                    let mut tasks = tokio::task::JoinSet::new();
                    for i in 0..in_flight {
                        tasks.spawn(lane(ledger.clone(), PLAYERS, (i, in_flight), Arc::clone(&next), given));
                    }
                    tasks.join_all().await
                });
                let took = start.elapsed();
                given = next.load(Ordering::Relaxed);
                for settled in all.into_iter().flatten() {
                    record(&mut latencies, settled);
                }
                took
            });
        });
        report(&format!("settle at {in_flight} in flight"), &latencies);
    }
    group.finish();
    runtime.block_on(ledger.close()).expect("a clean end");
}

/// The machine: two durable writes of a commit's size, one after the other.
fn bare(c: &mut Criterion) {
    let body = support::bodies(4).pop().expect("a body").0;
    let dir = tempfile::tempdir().expect("a folder");
    let file = OpenOptions::new().create_new(true).write(true).open(dir.path().join("bare")).expect("a file");
    file.write_all_at(&vec![0; 64 << 20], 0).expect("zeros");
    file.sync_all().expect("a sync");
    let (mut at, mut latencies) = (0, histogram());
    let mut group = c.benchmark_group("round");
    group.sample_size(10).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(1));
    group.bench_function("bare fdatasync/1", |b| {
        b.iter_custom(|iterations| {
            let start = Instant::now();
            for _ in 0..2 * iterations {
                let write = Instant::now();
                file.write_all_at(&body, at).expect("a write");
                file.sync_data().expect("a sync");
                at = (at + body.len() as u64) % (63 << 20);
                record(&mut latencies, write.elapsed());
            }
            start.elapsed()
        });
    });
    group.finish();
    report("bare write + fdatasync", &latencies);
}

/// The naive way: a transaction a command.
fn sqlite(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut connection = Connection::open(dir.path().join("naive.db")).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE operation (id INTEGER PRIMARY KEY, player TEXT, source TEXT, kind TEXT, txn TEXT, UNIQUE (player, source, kind, txn));
             CREATE TABLE entry (operation INTEGER, account TEXT, side TEXT, units INTEGER);
             CREATE TABLE balance (player TEXT, account TEXT, units INTEGER, PRIMARY KEY (player, account));",
        )
        .expect("tables");
    let mut given = 0_u64;
    let mut latencies = histogram();
    let command = |connection: &mut Connection,
                   player: &str,
                   kind: &str,
                   txn: &str,
                   postings: &[(&str, i64)]| {
        let tx = connection.transaction().expect("a transaction");
        tx.prepare_cached("INSERT INTO operation (player, source, kind, txn) VALUES (?, 'prov', ?, ?)")
            .and_then(|mut s| s.execute((player, kind, txn)))
            .expect("a new key");
        let operation = tx.last_insert_rowid();
        for (account, units) in postings {
            tx.prepare_cached("INSERT INTO entry VALUES (?, ?, ?, ?)")
                .and_then(|mut s| {
                    s.execute((operation, account, if *units < 0 { "dr" } else { "cr" }, units.abs()))
                })
                .expect("an entry");
            if account.starts_with("player:") {
                tx.prepare_cached(
                    "INSERT INTO balance VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET units = units + excluded.units",
                )
                .and_then(|mut s| s.execute((player, account, units)))
                .expect("a balance");
            }
        }
        tx.commit().expect("a commit");
    };
    let mut group = c.benchmark_group("round");
    group.sample_size(10).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(1));
    group.bench_function("naive SQLite/1", |b| {
        b.iter_custom(|iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                given += 1;
                let (player, txn) =
                    (format!("player-{:06}", given % PLAYERS as u64), format!("r{given:012}"));
                command(
                    &mut connection,
                    &player,
                    "bet",
                    &txn,
                    &[("player:cash", -1_000), ("player:held", 1_000)],
                );
                let settle = Instant::now();
                let postings = [
                    ("player:held", -1_000),
                    ("gaming:stakes", 1_000),
                    ("gaming:payouts", -1_350),
                    ("player:cash", 1_350),
                ];
                command(&mut connection, &player, "win", &txn, &postings);
                record(&mut latencies, settle.elapsed());
            }
            start.elapsed()
        });
    });
    group.finish();
    report("naive SQLite settle", &latencies);
}

criterion_group!(benches, bare, sqlite, bare_postgres, engine);
criterion_main!(benches);
