//! The log's append by batch size, beside the machine's bare `write + fdatasync` of the same bytes.

#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use casino_ledger::store::EventStore;
use casino_ledger::store::log::{LogOptions, LogStore};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The bare file is zero-filled ahead, as the log's segments are.
const BARE_BYTES: u64 = 256 << 20;

fn append(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut group = c.benchmark_group("append");
    group.sample_size(20).measurement_time(Duration::from_secs(4));
    for batch in [1_usize, 64, 512, 2_048] {
        let bodies = support::bodies(batch);
        let bytes: usize = bodies.iter().map(|(body, _)| body.len()).sum();
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("bare/{batch}"), |b| {
            let dir = tempfile::tempdir().expect("a folder");
            let file = OpenOptions::new()
                .create_new(true)
                .write(true)
                .open(dir.path().join("bare"))
                .expect("a file");
            let zeros = vec![0; 1 << 20];
            (0..BARE_BYTES >> 20).for_each(|i| file.write_all_at(&zeros, i << 20).expect("zeros"));
            file.sync_all().expect("a sync");
            let flat: Vec<u8> = bodies.iter().flat_map(|(body, _)| body.iter().copied()).collect();
            let mut at = 0;
            b.iter_custom(|iterations| {
                let start = Instant::now();
                for _ in 0..iterations {
                    file.write_all_at(&flat, at).expect("a write");
                    file.sync_data().expect("a sync");
                    at = if at + 2 * bytes as u64 > BARE_BYTES { 0 } else { at + bytes as u64 };
                }
                start.elapsed()
            });
        });
        group.bench_function(format!("log/{batch}"), |b| {
            let dir = tempfile::tempdir().expect("a folder");
            let options = LogOptions { verify_appends: false, ..LogOptions::default() };
            let store =
                LogStore::create(&dir.path().join("log"), support::identity(), options).expect("a log");
            let mut head = support::first_head();
            b.iter_custom(|iterations| {
                let mut took = Duration::ZERO;
                for _ in 0..iterations {
                    let (append, last) = support::seal(head, &bodies);
                    let start = Instant::now();
                    runtime
                        .block_on(store.append(&[append]))
                        .expect("an append")
                        .remove(0)
                        .expect("the head");
                    took += start.elapsed();
                    head = last;
                }
                took
            });
        });
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
