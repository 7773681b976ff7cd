//! Generations in a SQLite folder: versions, swaps, crashes between the steps, and who may use it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::rounds::Rounds;
use ledger_projections::sql::{Lookup, Migration, SqlModel, Writes};
use ledger_projections::sqlite::{Sqlite, SqliteHome, SqliteReader};
use ledger_projections::testing::dump_tables;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{
    Building, Commit, ControlError, Feed, Home, Live, RebuildSettings, RebuildState, Runner, Settings,
    Standing, State, StopReason, Throttle, View, ViewError,
};
use ledger_store::{EventStore, Shard};

use crate::history::{World, append, decoded, identity};
use crate::naive::{check_balances, check_trial_balance};
use crate::rebuild::{anew, rebuilt, small, while_writing};
use crate::runner::{LIMIT, over, store, woken};

fn files(folder: &Path, of: &str) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(of) && name.ends_with(".sqlite")).collect();
    names.sort();
    names
}

/// The balances view in another version.
macro_rules! versions {
    ($($name:ident = $version:literal reads $readable:expr;)*) => {$(
        #[derive(Debug)]
        struct $name;
        impl SqlModel for $name {
            const NAME: &'static str = "balances";
            const VERSION: u32 = $version;
            const READABLE: &'static [u32] = $readable;
            const MIGRATIONS: &'static [Migration] = <Balances as SqlModel>::MIGRATIONS;
            fn fold(rows: &dyn Lookup, commits: &[&Commit], writes: &mut Writes) -> Result<(), ViewError> {
                <Balances as SqlModel>::fold(rows, commits, writes)
            }
        }
    )*};
}
versions! {
    Two = 2 reads &[];
    Three = 3 reads &[1, 2];
}

#[tokio::test]
async fn in_sqlite_while_writing_it_ends_equal() {
    let world = World::new(4, 8, 101);
    let folder = tempfile::tempdir().unwrap();
    let home = SqliteHome::<TrialBalance>::new(folder.path(), &world.identity).unwrap();
    let reader = Arc::new(home.reader());
    let (runner, _, commits) = while_writing(home, reader.clone(), world).await;
    check_trial_balance(reader.as_ref(), &commits);
    runner.stop(LIMIT).await.unwrap();
    assert_eq!(files(folder.path(), "trial_balance").len(), 1, "old generations are dropped");
}

/// A host that has just started serves a request while its views are only being opened.
#[tokio::test]
async fn a_view_that_is_only_being_made_is_waited_for() {
    let mut world = World::new(2, 4, 108);
    let store = store(&world);
    append(store.as_ref(), &world.run(40)).await;
    let heads = store.heads().await.unwrap();
    let position = heads[1].position;
    let feed = Feed::new(store.clone());
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let home = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
        let reader = Arc::new(home.reader());
        let short = reader.at_least(Shard(1), position, Duration::from_millis(2)).await;
        assert!(matches!(short, Err(ViewError::NotReady { .. })), "{short:?}");
        let waiting = tokio::spawn({
            let reader = reader.clone();
            async move { reader.at_least(Shard(1), position, LIMIT).await }
        });
        let runner = Runner::start(&feed, home, woken()).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), heads[1]);
        runner.stop(LIMIT).await.unwrap();
    }
}

#[tokio::test]
async fn the_version_of_the_fold_decides_on_start() {
    let mut world = World::new(4, 6, 102);
    let store = store(&world);
    let all = world.run(200);
    append(store.as_ref(), &all).await;
    let heads = store.heads().await.unwrap();
    let feed = Feed::new(store.clone());
    let folder = tempfile::tempdir().unwrap();
    let one = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    let reader_one = one.reader();
    let unmade = reader_one.checkpoint().await;
    assert!(matches!(unmade, Err(ViewError::NotReady { .. })), "{unmade:?}");
    let runner = Runner::start(&feed, one, woken()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();

    // The same version goes on where it stood.
    let decoded_before = feed.stats().given;
    let same = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    let runner = Runner::start(&feed, same, woken()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    assert_eq!(feed.stats().given, decoded_before, "nothing is read again");
    assert!(matches!(runner.rebuild_progress().state, RebuildState::None));
    runner.stop(LIMIT).await.unwrap();

    // Another version is built beside; until it is live, readers of the old version see the old one.
    let two = SqliteHome::<Two>::new(folder.path(), &world.identity).unwrap();
    let reader_two = two.reader();
    let crawl = Throttle { commits_per_second: std::num::NonZeroU32::new(50), ..Throttle::NONE };
    let runner = Runner::start(&feed, two, Settings { rebuild_throttle: crawl, ..small() }).unwrap();
    let mut progress = runner.watch();
    let rebuilding = progress.wait_for(|progress| matches!(progress.state, State::Rebuilding { from: 1 }));
    tokio::time::timeout(LIMIT, rebuilding).await.unwrap().unwrap();
    assert!(matches!(reader_two.checkpoint().await, Err(ViewError::NotReady { .. })));
    check_balances(&reader_one, &world, &decoded(&all));
    let paused = runner.pause(LIMIT).await;
    assert!(matches!(paused, Err(ControlError::NotNow { .. })), "{paused:?}");

    // Killed in the middle and started again, it goes on with what it had.
    let mut rebuild = runner.watch_rebuild();
    rebuild.wait_for(|progress| progress.done > 10).await.unwrap();
    runner.stop(LIMIT).await.unwrap();
    let two = SqliteHome::<Two>::new(folder.path(), &world.identity).unwrap();
    let half =
        two.building(Building::Resume).await.unwrap().expect("it is there").checkpoint().await.unwrap();
    assert!(half.commits() > 10 && half.commits() < 200, "{}", half.commits());
    let before = feed.stats().given;
    let runner = Runner::start(&feed, two, small()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    assert_eq!(feed.stats().given - before, 200 - half.commits());
    assert!(matches!(runner.wait_for_rebuild(LIMIT).await.unwrap().state, RebuildState::Swapped));
    same_rows(&reader_two, &decoded(&all)).await;
    let old = reader_one.checkpoint().await;
    assert!(matches!(old, Err(ViewError::NotReady { .. })), "a reader of the old version says so: {old:?}");
    runner.stop(LIMIT).await.unwrap();
    assert_eq!(files(folder.path(), "balances"), ["balances.2.sqlite"]);

    // A version that can read the older ones answers from them until it is built.
    let three = SqliteHome::<Three>::new(folder.path(), &world.identity).unwrap();
    let reader_three = three.reader();
    same_rows(&reader_three, &decoded(&all)).await;
    let runner = Runner::start(&feed, three, small()).unwrap();
    same_rows(&reader_three, &decoded(&all)).await;
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    same_rows(&reader_three, &decoded(&all)).await;
    same_rows(&by_path(folder.path(), &world), &decoded(&all)).await;
}

/// The rows are those that these commits make.
async fn same_rows<M: SqlModel>(reader: &SqliteReader<M>, commits: &[Arc<Commit>]) {
    let folder = tempfile::tempdir().unwrap();
    let identity = *ledger_projections::sql::SqlReader::identity(reader);
    let mut calm = Sqlite::<Balances>::open(folder.path().join("calm"), &identity).unwrap();
    let after = calm.apply(commits).await.unwrap();
    assert_eq!(reader.checkpoint().await.unwrap(), after);
    assert_eq!(reader.read(dump_tables).unwrap(), calm.reader().unwrap().read(dump_tables).unwrap());
}

/// A reader by path sees the file of its version.
fn by_path(folder: &Path, world: &World) -> SqliteReader<Three> {
    let [file] = &files(folder, "balances")[..] else { panic!("one file") };
    SqliteReader::open(folder.join(file), &world.identity).unwrap()
}

/// What a process that was killed between any two steps of a swap leaves is put right by the next one.
#[tokio::test]
async fn a_crash_between_the_steps_of_a_swap_loses_nothing() {
    let mut world = World::new(2, 5, 103);
    let store = store(&world);
    let all = world.run(80);
    append(store.as_ref(), &all).await;
    let folder = tempfile::tempdir().unwrap();
    let commits = decoded(&all);
    let home = || SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    {
        let home = home();
        let Live::Ready(mut live) = home.live().await.unwrap() else { panic!("it is of this version") };
        live.apply(&commits[..50]).await.unwrap();
        let mut built = home.building(Building::Anew).await.unwrap().unwrap();
        built.apply(&commits).await.unwrap();
        assert_eq!(home.reader().checkpoint().await.unwrap().commits(), 50);
        // Another live one, or another one being built, is refused while these are open.
        assert!(matches!(home.live().await, Err(ViewError::InUse { .. })));
        assert!(matches!(home.building(Building::Anew).await, Err(ViewError::InUse { .. })));
        let other = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
        assert!(matches!(other.live().await, Err(ViewError::InUse { .. })), "nor by another home object");
        home.swap(&mut built).await.unwrap();
        assert_eq!(home.reader().checkpoint().await.unwrap().commits(), 80);
        // Killed here: the old file is still there.
    }
    assert_eq!(files(folder.path(), "balances").len(), 2);
    let runner = Runner::start(&Feed::new(store.clone()), home(), woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();
    assert_eq!(files(folder.path(), "balances"), ["balances.2.sqlite"], "the next one drops it");

    // A half-made pointer beside the real one does not count.
    std::fs::write(folder.path().join("balances.live.next"), "7").unwrap();
    assert_eq!(home().reader().checkpoint().await.unwrap().commits(), 80);
    // A pointer that is not one is damage, and not generation 1.
    for bad in ["", "0\n", "x\n", "2", "-1\n"] {
        std::fs::write(folder.path().join("balances.live"), bad).unwrap();
        assert!(matches!(home().live().await, Err(ViewError::Damaged(_))), "{bad:?}");
        assert!(matches!(home().reader().checkpoint().await, Err(ViewError::Damaged(_))), "{bad:?}");
    }
}

#[tokio::test]
async fn what_was_built_by_another_version_is_not_resumed() {
    let mut world = World::new(2, 5, 104);
    let commits = world.commits(60);
    let folder = tempfile::tempdir().unwrap();
    let one = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    drop(one.live().await.unwrap());
    let two = SqliteHome::<Two>::new(folder.path(), &world.identity).unwrap();
    assert!(matches!(two.live().await.unwrap(), Live::Other { version: 1 }));
    let mut built = two.building(Building::Anew).await.unwrap().unwrap();
    built.apply(&commits).await.unwrap();
    drop(built);
    let three = SqliteHome::<Three>::new(folder.path(), &world.identity).unwrap();
    assert!(three.building(Building::Resume).await.unwrap().is_none());
    assert_eq!(files(folder.path(), "balances"), ["balances.1.sqlite"]);
}

#[tokio::test]
async fn a_home_is_of_one_ledger_and_one_view() {
    let folder = tempfile::tempdir().unwrap();
    let own = SqliteHome::<Balances>::new(folder.path(), &identity(2)).unwrap();
    drop(own.live().await.unwrap());
    let mut stranger = identity(2);
    stranger.ledger.0[0] ^= 1;
    for other in [identity(4), stranger] {
        let home = SqliteHome::<Balances>::new(folder.path(), &other).unwrap();
        assert!(matches!(home.live().await, Err(ViewError::OtherLedger(_))));
        assert!(matches!(home.reader().checkpoint().await, Err(ViewError::OtherLedger(_))));
    }
    // Another view's file under this name.
    let rounds = SqliteHome::<Rounds>::new(folder.path(), &identity(2)).unwrap();
    drop(rounds.live().await.unwrap());
    std::fs::copy(folder.path().join("rounds.1.sqlite"), folder.path().join("balances.1.sqlite")).unwrap();
    assert!(matches!(own.live().await, Err(ViewError::OtherView { .. })));
}

#[tokio::test]
async fn cancelling_removes_the_file() {
    let mut world = World::new(4, 6, 105);
    let store = store(&world);
    append(store.as_ref(), &world.run(300)).await;
    let folder = tempfile::tempdir().unwrap();
    let home = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    let runner = Runner::start(&Feed::new(store.clone()), home, small()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let crawl = Throttle { commits_per_second: std::num::NonZeroU32::new(20), ..Throttle::NONE };
    runner.rebuild(RebuildSettings { throttle: crawl, ..anew() }, LIMIT).await.unwrap();
    runner.watch_rebuild().wait_for(|progress| progress.done > 0).await.unwrap();
    assert_eq!(files(folder.path(), "balances").len(), 2);
    runner.cancel_rebuild();
    let progress = runner.wait_for_rebuild(LIMIT).await.unwrap();
    assert!(matches!(progress.state, RebuildState::Cancelled), "{progress:?}");
    assert_eq!(files(folder.path(), "balances"), ["balances.1.sqlite"]);
    // An interrupted one is kept, and can be dropped by beginning anew.
    runner.rebuild(RebuildSettings { throttle: crawl, ..anew() }, LIMIT).await.unwrap();
    runner.watch_rebuild().wait_for(|progress| progress.done > 0).await.unwrap();
    let last = runner.watch_rebuild();
    runner.stop(LIMIT).await.unwrap();
    assert!(matches!(last.borrow().state, RebuildState::Interrupted), "{:?}", last.borrow());
    assert_eq!(files(folder.path(), "balances").len(), 2);
}

/// A home that fails stops its view; once it is mended, it goes on where it stood.
#[tokio::test]
async fn a_failing_home_is_mended_and_resumed() {
    use ledger_projections::sqlite::rusqlite::Connection;
    let mut world = World::new(2, 5, 106);
    let store = store(&world);
    let mut all = world.run(40);
    append(store.as_ref(), &all).await;
    let folder = tempfile::tempdir().unwrap();
    let home = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    let reader = home.reader();
    let runner = Runner::start(&Feed::new(store.clone()), home, woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let order = |sql: &str| {
        Connection::open(folder.path().join("balances.1.sqlite")).unwrap().execute_batch(sql).unwrap();
    };
    order(
        "CREATE TRIGGER full BEFORE UPDATE ON view_heads BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    let more = world.run(20);
    append(store.as_ref(), &more).await;
    let (_, reason) = over(&runner).await;
    assert!(
        matches!(&reason, StopReason::View(error) if matches!(**error, ViewError::Home { .. })),
        "{reason}"
    );
    assert!(reason.to_string().contains("the disk is full"), "{reason}");
    check_balances(&reader, &world_before(&all), &decoded(&all));
    order("DROP TRIGGER full");
    runner.resume(LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    all.extend(more);
    check_balances(&reader, &world, &decoded(&all));
}

/// The world as it was after these commits.
fn world_before(commits: &[(ledger_store::Shard, ledger_store::SealedCommit)]) -> World {
    let mut world = World::new(2, 5, 106);
    assert_eq!(world.run(commits.len()).len(), commits.len());
    world
}

#[tokio::test]
async fn pages_are_stable_while_the_view_moves_on_in_sqlite() {
    let mut world = World::new(4, 40, 107);
    let store = store(&world);
    append(store.as_ref(), &world.run(400)).await;
    let feed = Feed::new(store.clone());
    let folder = tempfile::tempdir().unwrap();
    let balances = SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    let rounds = SqliteHome::<Rounds>::new(folder.path(), &world.identity).unwrap();
    let readers = (balances.reader(), rounds.reader());
    let runners =
        [Runner::start(&feed, balances, woken()).unwrap(), Runner::start(&feed, rounds, woken()).unwrap()];
    crate::control::paged(&mut world, &store, &runners, &readers.0, &readers.1).await;
    // Its own write, read from another connection.
    let written = world.run(10);
    append(store.as_ref(), &written).await;
    let reader: Arc<dyn ReadBalances> = Arc::new(readers.0);
    for (shard, commit) in &written {
        assert!(reader.at_least(*shard, commit.position, LIMIT).await.unwrap().position >= commit.position);
    }
    let early = reader.at_least(
        ledger_store::Shard(0),
        ledger_store::Position(9_999),
        std::time::Duration::from_millis(5),
    );
    assert!(matches!(early.await, Err(ViewError::Behind { .. })));
}

#[tokio::test]
async fn a_skip_stays_with_the_file() {
    let mut world = World::new(2, 5, 108);
    let store = store(&world);
    append(store.as_ref(), &world.run(40)).await;
    let commits = store.read(ledger_store::Shard(0), ledger_store::Position(1), 100).await.unwrap();
    let posted = |commit: &Commit| crate::history::moves_purse(commit);
    let commit = commits.iter().map(|stored| Commit::decode(stored).unwrap()).find(posted).unwrap();
    let mut body = commit.body;
    body.partition = ledger_core::Partition::Player(crate::history::id(ledger_core::PlayerId::new, "nobody"));
    let sealed = world.seal(&body);
    let at = (sealed.0, sealed.1.position);
    append(store.as_ref(), &[sealed]).await;
    append(store.as_ref(), &world.run(20)).await;
    let folder = tempfile::tempdir().unwrap();
    let home = || SqliteHome::<Balances>::new(folder.path(), &world.identity).unwrap();
    let runner = Runner::start(&Feed::new(store.clone()), home(), woken()).unwrap();
    assert_eq!(over(&runner).await.0, Some(at));
    runner.skip(crate::control::skip_order(at.0, at.1), LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();
    let reader = home().reader();
    let page = reader.list(None, 10).await.unwrap();
    let incomplete = page.incomplete().expect("it says so after a restart");
    assert_eq!((incomplete.since.shard, incomplete.since.position), at);
    assert_eq!(incomplete.since.by.as_str(), "anna");
    let mut of_shards = std::collections::BTreeSet::new();
    for player in world.players() {
        let answer = reader.player(&player).await.unwrap();
        assert_eq!(answer.incomplete.is_some(), answer.shard == at.0);
        of_shards.insert(answer.shard);
    }
    assert_eq!(of_shards.len(), 2, "both kinds were looked at");
    let runner = Runner::start(&Feed::new(store.clone()), home(), woken()).unwrap();
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Failed(stop) if stop.at == Some(at)))
        .await;
}
