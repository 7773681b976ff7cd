//! Views in SQLite files: going on after any end, and files that are refused.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::sqlite::rusqlite::{Connection, Transaction};
use ledger_projections::sqlite::{Migration, Sqlite, SqliteModel, SqliteReader};
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Checkpoint, Commit, Runner, Settings, State, StopReason, View, ViewError};
use ledger_store::{EventStore, LedgerIdentity, MemoryStore, Shard};

use crate::history::{World, append, decoded, identity};
use crate::naive::{check_balances, check_rounds, check_trial_balance};
use crate::runner::{LIMIT, woken};
use crate::subjects::dump;

fn contents<M: SqliteModel>(path: &Path, identity: &LedgerIdentity) -> (String, Checkpoint) {
    let reader = SqliteReader::<M>::open(path, identity).unwrap();
    reader.read(|reading| Ok((dump(reading)?, reading.checkpoint()?))).unwrap()
}

/// Stopped at random points and opened again, the end equals an undisturbed run.
async fn resumes<M: SqliteModel>(seed: u64) -> (PathBuf, tempfile::TempDir, World, Vec<Commit>) {
    let mut world = World::new(4, 6, seed);
    let all = world.run(400);
    let store = Arc::new(MemoryStore::new(world.identity));
    append(store.as_ref(), &all).await;
    let heads = store.heads().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (calm, rough) = (folder.path().join("calm"), folder.path().join("rough"));

    let view = Sqlite::<M>::open(&calm, &world.identity).unwrap();
    let runner = Runner::start(store.clone(), view, woken()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();

    let mut stops = 0;
    loop {
        let view = Sqlite::<M>::open(&rough, &world.identity).unwrap();
        let size = 1 + world.index(23);
        let runner =
            Runner::start(store.clone(), view, Settings { batch_commits_max: size, ..woken() }).unwrap();
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

/// What happens after the rows of a batch were written and before it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crash {
    Error,
    Panic,
    PowerCut,
}

static ORDERED: Mutex<Option<Crash>> = Mutex::new(None);

/// The balances view, with a crash in the middle of a batch when one is ordered.
#[derive(Debug)]
struct Crashing;

impl SqliteModel for Crashing {
    const NAME: &'static str = <Balances as SqliteModel>::NAME;
    const VERSION: u32 = <Balances as SqliteModel>::VERSION;
    const MIGRATIONS: &'static [Migration] = <Balances as SqliteModel>::MIGRATIONS;

    fn apply(tx: &Transaction<'_>, commits: &[&Commit]) -> Result<(), ViewError> {
        <Balances as SqliteModel>::apply(tx, commits)?;
        let ordered = ORDERED.lock().unwrap().take();
        match ordered {
            None => Ok(()),
            Some(Crash::Error) => Err(ViewError::home("the disk is full")),
            Some(Crash::Panic) => panic!("the process ends"),
            Some(Crash::PowerCut) => {
                // What the disk holds at this moment is what a machine finds that lost its power now.
                let path = PathBuf::from(tx.path().unwrap());
                for end in ["", "-wal"] {
                    let from = format!("{}{end}", path.display());
                    if Path::new(&from).exists() {
                        std::fs::copy(&from, format!("{}.cut{end}", path.display())).unwrap();
                    }
                }
                Ok(())
            }
        }
    }
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
    for crash in [Crash::Error, Crash::Panic, Crash::PowerCut] {
        let path = folder.path().join(format!("{crash:?}"));
        let mut view = Sqlite::<Crashing>::open(&path, &world.identity).unwrap();
        let after = view.apply(&decoded(&first)).await.unwrap();
        let before = contents::<Crashing>(&path, &world.identity);
        assert_eq!(before.1, after);
        *ORDERED.lock().unwrap() = Some(crash);
        let runner = Runner::start(store.clone(), view, woken()).unwrap();
        let survivor = if crash == Crash::PowerCut {
            runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
            runner.stop(LIMIT).await.unwrap();
            PathBuf::from(format!("{}.cut", path.display()))
        } else {
            let State::Stopped { reason, .. } = runner.wait_until_over(LIMIT).await.unwrap().state else {
                panic!("it stopped")
            };
            assert_eq!(matches!(reason, StopReason::Panicked(_)), crash == Crash::Panic);
            path
        };
        // Opened for writing first: that is what recovers a file after a power cut.
        let view = Sqlite::<Balances>::open(&survivor, &world.identity).unwrap();
        assert_eq!(contents::<Balances>(&survivor, &world.identity), before, "{crash:?}");
        let reader = view.reader().unwrap();
        let runner = Runner::start(store.clone(), view, woken()).unwrap();
        runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
        let all: Vec<_> = first.iter().chain(&second).cloned().collect();
        check_balances(&reader, &world, &decoded(&all));
    }
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
        impl SqliteModel for $name {
            const NAME: &'static str = $view;
            const VERSION: u32 = $version;
            const MIGRATIONS: &'static [Migration] = $migrations;
            fn apply(_: &Transaction<'_>, _: &[&Commit]) -> Result<(), ViewError> {
                Ok(())
            }
        }
    };
}

const ONE: Migration = Migration { name: "one", sql: "CREATE TABLE one (a TEXT) STRICT" };
const TWO: Migration = Migration { name: "two", sql: "CREATE TABLE two (a TEXT) STRICT" };
const EDITED: Migration = Migration { name: "one", sql: "CREATE TABLE one (a TEXT, b TEXT) STRICT" };
const BROKEN: Migration = Migration { name: "broken", sql: "CREATE TABLE three (a TEXT); CREATE NONSENSE" };
model!(Small, "small", 1, &[ONE]);
model!(Grown, "small", 1, &[ONE, TWO]);
model!(Edited, "small", 1, &[EDITED, TWO]);
model!(Broken, "small", 1, &[ONE, TWO, BROKEN]);
model!(Newer, "small", 2, &[ONE, TWO]);
model!(Other, "other", 1, &[ONE, TWO]);

fn refused<M: SqliteModel>(path: &Path, why: &str) {
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
