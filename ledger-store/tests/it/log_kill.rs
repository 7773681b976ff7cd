//! A real process that appends is killed; what it acknowledged must be there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ledger_store::EventStore as _;
use ledger_store::log::{LogOptions, LogStore, Prepare, Sealing};
use tempfile::tempdir;

use crate::log_support::{batch, everything, identity, land, now, options};

const CHILD: &str = "LEDGER_LOG_KILL_DIR";

fn background() -> LogOptions {
    // The index is written and merged, and segments are sealed, all the time.
    let (prepare, sealing) = (Prepare::Background, Sealing::Behind(1));
    LogOptions { prepare, sealing, index_bytes: 64 << 10, ..options(64 << 10) }
}

/// The child: appends for ever, and says what was acknowledged. Does nothing unless it is asked to.
#[test]
fn child_appends_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let store = LogStore::open_or_create(Path::new(&dir), identity(2), background()).unwrap();
    let mut out = std::io::stdout();
    for number in 0_usize.. {
        let appends = batch(&store, &[0, 1][number % 2..], 1 + number % 5, 900);
        land(&store, &appends);
        for part in &appends {
            let last = part.commits.last().unwrap();
            writeln!(out, "acknowledged {} {} {}", part.shard, last.position, last.hash).unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_acknowledged() {
    let folder = tempdir().unwrap();
    let dir = folder.path().join("ledger");
    let mut acknowledged = Vec::new();
    for round in 0_u64..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "log_kill::child_appends_until_it_is_killed",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CHILD, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut until = None;
        let patience = Duration::from_millis(20 + round * 37 + u64::from(std::process::id()) % 29);
        for line in lines.by_ref() {
            let line = line.unwrap();
            // The harness prints the test's name without a line end before the first acknowledgement.
            if let Some((_, said)) = line.split_once("acknowledged ") {
                acknowledged.push(said.to_owned());
                if *until.get_or_insert_with(|| Instant::now() + patience) < Instant::now() {
                    break;
                }
            }
        }
        child.kill().unwrap();
        acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| {
            // The last line may be cut short by the kill.
            let said = line.strip_prefix("acknowledged ")?;
            (said.rsplit(' ').next()?.len() == 64).then(|| said.to_owned())
        }));
        child.wait().unwrap();

        let store = LogStore::open(&dir, background()).unwrap();
        let report = store.report();
        assert!(report.index_made_anew.is_none() || report.commits < 500, "{report:?}");
        assert_eq!(store.verify_index(&mut |_| ()).unwrap().commits, report.commits);
        let commits = everything(&store).unwrap();
        let there: std::collections::HashSet<_> = commits
            .iter()
            .map(|commit| format!("{} {} {}", commit.shard, commit.position, commit.hash))
            .collect();
        for said in &acknowledged {
            assert!(there.contains(said), "round {round}: {said} was acknowledged and is gone");
        }
        for (shard, head) in store.identity().shards.all().zip(now(store.heads()).unwrap()) {
            let count = commits.iter().filter(|commit| commit.shard == shard).count();
            assert_eq!(head.position.0, count as u64, "round {round}: shard {shard} has a gap");
        }
        land(&store, &batch(&store, &[0, 1], 2, 100));
    }
    assert!(acknowledged.len() > 50, "only {} acknowledgements", acknowledged.len());
}
