//! Opening a log of 1,000,000 commits: with its index, with every frame and hash checked, and with the index made
//! anew. Baseline: reading the same bytes.

#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::time::Duration;

use casino_ledger::store::EventStore;
use casino_ledger::store::log::{Check, LogOptions, LogStore, Sealing};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const COMMITS: usize = 1_000_000;

fn open(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("log");
    let options = LogOptions { verify_appends: false, sealing: Sealing::Never, ..LogOptions::default() };
    let store = LogStore::create(&path, support::identity(), options.clone()).expect("a log");
    let mut head = support::first_head();
    for bodies in support::bodies(COMMITS).chunks(2_000) {
        let (append, last) = support::seal(head, bodies);
        runtime.block_on(store.append(&[append])).expect("an append").remove(0).expect("the head");
        head = last;
    }
    runtime.block_on(store.close()).expect("a clean end");
    drop(store);
    let mut group = c.benchmark_group("open");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(30))
        .throughput(Throughput::Elements(COMMITS as u64));
    group.bench_function("read the bytes", |b| {
        b.iter(|| {
            let segments = std::fs::read_dir(path.join("log")).expect("the segments");
            segments
                .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("bytes").len())
                .sum::<usize>()
        });
    });
    group.bench_function("open", |b| {
        b.iter(|| LogStore::open(&path, options.clone()).expect("a log"));
    });
    group.bench_function("open and check everything", |b| {
        let options = LogOptions { check: Check::Everything, ..options.clone() };
        b.iter(|| LogStore::open(&path, options.clone()).expect("a log"));
    });
    group.bench_function("make the index anew", |b| {
        b.iter(|| LogStore::rebuild_index(&path, options.clone(), &mut |_| ()).expect("an index"));
    });
    group.finish();
}

criterion_group!(benches, open);
criterion_main!(benches);
