//! Views in SQLite files: going on after any end, and files that are refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::sql::{Column, Lookup, Migration, SqlModel, Step, Table, Writes};
use ledger_projections::sqlite::rusqlite::Connection;
use ledger_projections::sqlite::{Sqlite, SqliteReader};
use ledger_projections::testing::dump_tables;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Checkpoint, Commit, Feed, Runner, Settings, State, StopReason, View, ViewError};
use ledger_store::{EventStore, LedgerIdentity, MemoryStore, Shard};

use crate::history::{World, append, decoded, identity};
use crate::naive::{check_balances, check_rounds, check_trial_balance};
use crate::runner::{LIMIT, woken};

fn contents<M: SqlModel>(path: &Path, identity: &LedgerIdentity) -> (String, Checkpoint) {
    let reader = SqliteReader::<M>::open(path, identity).unwrap();
    reader.read(|reading| Ok((dump_tables(reading)?, reading.checkpoint()?))).unwrap()
}

/// Stopped at random points and opened again, the end equals an undisturbed run.
async fn resumes<M: SqlModel>(seed: u64) -> (PathBuf, tempfile::TempDir, World, Vec<Arc<Commit>>) {
    let mut world = World::new(4, 6, seed);
    let all = world.run(400);
    let store = Arc::new(MemoryStore::new(world.identity));
    append(store.as_ref(), &all).await;
    let heads = store.heads().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (calm, rough) = (folder.path().join("calm"), folder.path().join("rough"));

    let view = Sqlite::<M>::open(&calm, &world.identity).unwrap();
    let runner = Runner::start_view(&Feed::new(store.clone()), view, woken()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();

    let mut stops = 0;
    loop {
        let view = Sqlite::<M>::open(&rough, &world.identity).unwrap();
        let size = 1 + world.index(23);
        let runner = Runner::start_view(
            &Feed::new(store.clone()),
            view,
            Settings { batch_commits_max: size, ..woken() },
        )
        .unwrap();
        let shard = Shard(u16::try_from(world.draw(4)).unwrap());
        let at = contents::<M>(&rough, &world.identity).1.heads()[shard.index()].position;
        let target = ledger_store::Position((at.0 + world.draw(20)).min(heads[shard.index()].position.0));
        runner.wait_for(shard, target, LIMIT).await.unwrap();
        let progress = runner.stop(LIMIT).await.unwrap();
        assert!(matches!(progress.state, State::Ended));
        stops += 1;
        if progress.checkpoint.heads() == heads {
            break;
        }
    }
    assert!(stops > 2, "it was stopped {stops} times");
    assert_eq!(contents::<M>(&rough, &world.identity), contents::<M>(&calm, &world.identity));
    (rough, folder, world, decoded(&all))
}

#[tokio::test]
async fn stopped_anywhere_it_goes_on() {
    let (path, _folder, world, commits) = resumes::<Balances>(21).await;
    check_balances(&SqliteReader::<Balances>::open(path, &world.identity).unwrap(), &world, &commits);
    let (path, _folder, world, commits) = resumes::<TrialBalance>(22).await;
    check_trial_balance(&SqliteReader::<TrialBalance>::open(path, &world.identity).unwrap(), &commits);
    let (path, _folder, world, commits) = resumes::<Rounds>(23).await;
    check_rounds(&SqliteReader::<Rounds>::open(path, &world.identity).unwrap(), &commits);
}

/// The balances view, with a panic in the middle of a batch when one is ordered.
#[derive(Debug)]
struct Panicking;

static PANIC_ORDERED: AtomicBool = AtomicBool::new(false);

impl SqlModel for Panicking {
    const NAME: &'static str = <Balances as SqlModel>::NAME;
    const VERSION: u32 = <Balances as SqlModel>::VERSION;
    const MIGRATIONS: &'static [Migration] = <Balances as SqlModel>::MIGRATIONS;

    fn fold(rows: &dyn Lookup, commits: &[&Commit], writes: &mut Writes) -> Result<(), ViewError> {
        <Balances as SqlModel>::fold(rows, commits, writes)?;
        assert!(!PANIC_ORDERED.swap(false, Ordering::SeqCst), "the process ends");
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crash {
    /// After the rows were written, the checkpoint cannot be.
    Error,
    Panic,
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_batch_leaves_the_batch_before_it() {
    let mut world = World::new(2, 5, 24);
    let first = world.run(60);
    let second = world.run(60);
    let store = Arc::new(MemoryStore::new(world.identity));
    append(store.as_ref(), &first).await;
    append(store.as_ref(), &second).await;
    let folder = tempfile::tempdir().unwrap();
    for crash in [Crash::Error, Crash::Panic] {
        let path = folder.path().join(format!("{crash:?}"));
        let mut view = Sqlite::<Panicking>::open(&path, &world.identity).unwrap();
        let after = view.apply(&decoded(&first)).await.unwrap();
        let before = contents::<Panicking>(&path, &world.identity);
        assert_eq!(before.1, after);
        let order = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        match crash {
            Crash::Error => order(
                "CREATE TRIGGER crash BEFORE UPDATE ON view_heads WHEN (SELECT count(*) FROM balances) > 0
                 BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
            ),
            Crash::Panic => PANIC_ORDERED.store(true, Ordering::SeqCst),
        }
        let runner = Runner::start_view(&Feed::new(store.clone()), view, woken()).unwrap();
        let State::Stopped(stop) = runner.wait_until_over(LIMIT).await.unwrap().state else {
            panic!("it stopped")
        };
        assert_eq!(matches!(stop.reason, StopReason::Panicked(_)), crash == Crash::Panic, "{stop}");
        runner.stop(LIMIT).await.unwrap();
        order("DROP TRIGGER IF EXISTS crash");
        assert_eq!(contents::<Balances>(&path, &world.identity), before, "{crash:?}");
        let view = Sqlite::<Balances>::open(&path, &world.identity).unwrap();
        let reader = view.reader().unwrap();
        let runner = Runner::start_view(&Feed::new(store.clone()), view, woken()).unwrap();
        runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
        let all: Vec<_> = first.iter().chain(&second).cloned().collect();
        check_balances(&reader, &world, &decoded(&all));
    }
}

/// The power is cut at random moments: what the disk holds then is a batch, whole, and the view goes on from it.
#[tokio::test]
async fn a_power_cut_at_any_moment_leaves_whole_batches() {
    let mut world = World::new(4, 6, 26);
    let all = world.run(500);
    let commits = decoded(&all);
    let store = Arc::new(MemoryStore::new(world.identity));
    append(store.as_ref(), &all).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view");
    let view = Sqlite::<Balances>::open(&path, &world.identity).unwrap();
    let settings = Settings { batch_commits_max: 3, ..woken() };
    let runner = Runner::start_view(&Feed::new(store.clone()), view, settings).unwrap();
    // The write-ahead log is copied last: it is not copied into the file while it is this short.
    let mut cuts: u32 = 0;
    while !matches!(runner.progress().state, State::Live) {
        let cut = folder.path().join(format!("cut{cuts}"));
        std::fs::copy(&path, &cut).unwrap();
        std::fs::copy(folder.path().join("view-wal"), folder.path().join(format!("cut{cuts}-wal"))).unwrap();
        cuts += 1;
    }
    runner.stop(LIMIT).await.unwrap();
    let mut positions = BTreeSet::new();
    for cut in 0..cuts {
        let path = folder.path().join(format!("cut{cut}"));
        // Opened for writing first: that is what recovers a file after a power cut.
        let mut view = Sqlite::<Balances>::open(&path, &world.identity).unwrap();
        let (found, at) = contents::<Balances>(&path, &world.identity);
        positions.insert(at.commits());
        let before: Vec<_> =
            commits.iter().filter(|commit| at.contains(commit.shard, commit.position)).cloned().collect();
        let mut calm =
            Sqlite::<Balances>::open(folder.path().join(format!("calm{cut}")), &world.identity).unwrap();
        calm.apply(&before).await.unwrap();
        assert_eq!(contents::<Balances>(calm.path(), &world.identity), (found, at));
        view.apply(&commits).await.unwrap();
        check_balances(&view.reader().unwrap(), &world, &commits);
    }
    assert!(positions.len() > 1, "it was cut at different moments: {positions:?}");
}

#[tokio::test]
async fn two_projectors_of_one_file_do_not_both_write() {
    let mut world = World::new(2, 4, 25);
    let commits = world.commits(40);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view");
    let mut first = Sqlite::<Balances>::open(&path, &world.identity).unwrap();
    let mut second = Sqlite::<Balances>::open(&path, &world.identity).unwrap();
    first.apply(&commits[..20]).await.unwrap();
    let refused = second.apply(&commits).await;
    assert!(matches!(refused, Err(ViewError::OtherView { .. })), "{refused:?}");
    first.apply(&commits).await.unwrap();
    check_balances(&first.reader().unwrap(), &world, &commits);
}

macro_rules! model {
    ($name:ident, $view:literal, $version:literal, $migrations:expr) => {
        #[derive(Debug)]
        struct $name;
        impl SqlModel for $name {
            const NAME: &'static str = $view;
            const VERSION: u32 = $version;
            const MIGRATIONS: &'static [Migration] = $migrations;
            fn fold(_: &dyn Lookup, _: &[&Commit], _: &mut Writes) -> Result<(), ViewError> {
                Ok(())
            }
        }
    };
}

static A: [Column; 1] = [Column::text("a")];
static AB: [Column; 2] = [Column::text("a"), Column::text("b")];
static TABLE_ONE: Table = Table { name: "one", columns: &A, key: 1, indexes: &[] };
static TABLE_EDITED: Table = Table { name: "one", columns: &AB, key: 1, indexes: &[] };
const ONE: Migration = Migration { name: "one", steps: &[Step::Table(&TABLE_ONE)] };
const TWO: Migration = Migration {
    name: "two",
    steps: &[Step::Sql {
        sqlite: "CREATE TABLE two (a TEXT) STRICT;",
        postgres: "CREATE TABLE two (a TEXT);",
    }],
};
const EDITED: Migration = Migration { name: "one", steps: &[Step::Table(&TABLE_EDITED)] };
const BROKEN: Migration = Migration {
    name: "broken",
    steps: &[Step::Sql { sqlite: "CREATE TABLE three (a TEXT); CREATE NONSENSE", postgres: "" }],
};
model!(Small, "small", 1, &[ONE]);
model!(Grown, "small", 1, &[ONE, TWO]);
model!(Edited, "small", 1, &[EDITED, TWO]);
model!(Broken, "small", 1, &[ONE, TWO, BROKEN]);
model!(Newer, "small", 2, &[ONE, TWO]);
model!(Other, "other", 1, &[ONE, TWO]);

fn refused<M: SqlModel>(path: &Path, why: &str) {
    let error = Sqlite::<M>::open(path, &identity(2)).unwrap_err();
    assert!(matches!(error, ViewError::OtherView { .. }) && error.to_string().contains(why), "{error}");
}

#[test]
fn migrations_are_numbered_checked_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view");
    drop(Sqlite::<Small>::open(&path, &identity(2)).unwrap());
    let failed = Sqlite::<Broken>::open(&path, &identity(2));
    assert!(matches!(failed, Err(ViewError::Home { .. })), "{failed:?}");
    // The step that failed left nothing, nor did the sound one before it.
    drop(Sqlite::<Small>::open(&path, &identity(2)).unwrap());
    drop(Sqlite::<Grown>::open(&path, &identity(2)).unwrap());
    drop(Sqlite::<Grown>::open(&path, &identity(2)).unwrap());
    refused::<Small>(&path, "migration 2 is unknown");
    refused::<Edited>(&path, "migration 1 (one) is not the one");
    refused::<Newer>(&path, "rebuild it");
    refused::<Other>(&path, "it holds the view small");
    let error = Sqlite::<Grown>::open(&path, &identity(4)).unwrap_err();
    assert!(matches!(error, ViewError::OtherLedger(_)), "{error}");
    let foreign = folder.path().join("foreign");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (a TEXT)").unwrap();
    refused::<Small>(&foreign, "not the file of a view");
}
