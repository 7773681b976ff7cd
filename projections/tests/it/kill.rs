//! A real process that projects is killed, at any moment; what it left is gone on with, and ends equal.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::sqlite::SqliteHome;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Feed, RebuildSettings, Runner, Settings, Standing, Throttle};
use ledger_store::EventStore as _;
use ledger_store::log::{LogOptions, LogStore, Prepare};

use crate::history::{World, append, decoded};
use crate::naive::{check_balances, check_rounds, check_trial_balance};
use crate::property::block_on;
use crate::runner::LIMIT;

const CHILD: &str = "LEDGER_VIEWS_KILL_DIR";

/// How often a process is killed; `LEDGER_KILLS` says otherwise.
fn kills() -> u64 {
    std::env::var("LEDGER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

fn options() -> LogOptions {
    LogOptions { segment_bytes: 1 << 20, prepare: Prepare::Inline, ..LogOptions::default() }
}

fn settings() -> Settings {
    let poll_every = Duration::from_millis(2);
    Settings { batch_commits_max: 9, poll_every, rebuild_throttle: Throttle::NONE, ..Settings::default() }
}

fn runners(feed: &Feed, views: &Path) -> [Runner; 3] {
    let identity = feed.identity();
    [
        Runner::start(feed, SqliteHome::<Balances>::new(views, identity).unwrap(), settings()).unwrap(),
        Runner::start(feed, SqliteHome::<TrialBalance>::new(views, identity).unwrap(), settings()).unwrap(),
        Runner::start(feed, SqliteHome::<Rounds>::new(views, identity).unwrap(), settings()).unwrap(),
    ]
}

/// The child: follows a log that another process writes, with three views that are rebuilt all the time, until it
/// is killed. Does nothing unless it is asked to.
#[test]
fn child_projects_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = PathBuf::from(dir);
    let store = Arc::new(LogStore::open_read_only(&dir.join("ledger"), &options()).unwrap());
    let refreshed = store.clone();
    std::thread::spawn(move || {
        loop {
            refreshed.refresh().unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let feed = Feed::new(store);
    let runners = runners(&feed, &dir.join("views"));
    block_on(async {
        let mut out = std::io::stdout();
        loop {
            for runner in &runners {
                let anew = RebuildSettings { throttle: Throttle::NONE, ..RebuildSettings::default() };
                let _ = runner.rebuild(anew, LIMIT).await;
                let progress = runner.progress();
                writeln!(out, "projected {}", progress.checkpoint.commits()).unwrap();
                assert!(!progress.state.is_over(), "{progress:?}");
            }
            out.flush().unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

fn spawn(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_projects_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn killed_anywhere_it_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(4, 8, 111);
    let store = Arc::new(LogStore::create(&folder.path().join("ledger"), world.identity, options()).unwrap());
    let first = world.run(300);
    block_on(append(store.as_ref(), &first));
    let rest = world.run(1_500);
    let over = Arc::new(AtomicBool::new(false));
    let writing = {
        let (store, rest, over) = (store.clone(), rest.clone(), over.clone());
        std::thread::spawn(move || {
            for few in rest.chunks(5) {
                block_on(append(store.as_ref(), few));
                if !over.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        })
    };
    let mut reached = Vec::new();
    for kill in 0..kills() {
        let mut child = spawn(folder.path());
        let patience = Duration::from_millis(20 + kill * 43 + u64::from(std::process::id()) % 31);
        let mut until = None;
        // Kept until it is dead: it would fail where nobody reads what it says.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, said)) = line.split_once("projected ") {
                reached.push(said.parse::<u64>().unwrap());
                if *until.get_or_insert_with(|| Instant::now() + patience) < Instant::now() {
                    break;
                }
            }
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.code().is_none(), "it was killed, and did not end by itself: {status}");
        // What it left is read as it stands.
        let home = SqliteHome::<TrialBalance>::new(folder.path().join("views"), &world.identity).unwrap();
        if let Ok(checkpoint) = block_on(home.reader().checkpoint()) {
            let read = u64::try_from(first.len() + rest.len()).unwrap();
            assert!(checkpoint.commits() <= read);
        }
    }
    over.store(true, Ordering::SeqCst);
    writing.join().unwrap();
    assert!(reached.iter().max() > Some(&0), "it was killed while it was at work: {reached:?}");

    // Gone on with, here, to the end.
    let feed = Feed::new(store.clone());
    let views = folder.path().join("views");
    let readers = (
        SqliteHome::<Balances>::new(&views, &world.identity).unwrap().reader(),
        SqliteHome::<TrialBalance>::new(&views, &world.identity).unwrap().reader(),
        SqliteHome::<Rounds>::new(&views, &world.identity).unwrap().reader(),
    );
    let runners = runners(&feed, &views);
    block_on(async {
        let heads = store.heads().await.unwrap();
        for runner in runners {
            runner.wait_for_all(&heads, LIMIT).await.unwrap();
            // A rebuild that the kill interrupted goes on by itself, and takes the place of the other one.
            runner.wait_for_rebuild(LIMIT).await.unwrap();
            runner.wait_for_all(&heads, LIMIT).await.unwrap();
            runner.stop(LIMIT).await.unwrap();
        }
    });
    let all: Vec<_> = first.into_iter().chain(rest).collect();
    let commits = decoded(&all);
    check_balances(&readers.0, &world, &commits);
    check_trial_balance(&readers.1, &commits);
    check_rounds(&readers.2, &commits);
}
