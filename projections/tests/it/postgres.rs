//! Views in PostgreSQL: the kit, the naive computation, generations, servers that die, and homes that are refused.

use std::sync::Arc;
use std::time::Duration;

use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::postgres::{
    Postgres, PostgresHome, PostgresReader, PostgresViews, ViewOptions, checksums,
};
use ledger_projections::rounds::Rounds;
use ledger_projections::sql::{Column, Lookup, Migration, SqlModel, Step, Table, Writes};
use ledger_projections::testing::{InPostgres, check_all};
use ledger_projections::trial_balance::{ReadTrialBalance, TrialBalance};
use ledger_projections::{
    Building, Commit, Feed, Home, Live, Memory, RebuildSettings, RebuildState, Runner, Settings, Standing,
    State, StopReason, Throttle, View, ViewError,
};
use ledger_store::{EventStore, LedgerIdentity, Position, Shard};
use ledger_testkit::postgres::{Ending, Server, shared_url};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::history::{World, append, decoded, identity};
use crate::model::Turnover;
use crate::naive::{check_balances, check_rounds, check_trial_balance};
use crate::rebuild::{anew, rebuilt, small, while_writing};
use crate::runner::{LIMIT, over, store, woken};
use crate::subjects::Poison;

/// Where a test's views live: a name that no other test has.
fn options_at(url: &str) -> ViewOptions {
    let mut options = ViewOptions::new(url).unwrap();
    options.schema = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    // A busy machine must not break a test, and one that waits in vain must not take long.
    (options.statement_timeout, options.read_timeout) = (Duration::from_secs(30), Duration::from_secs(30));
    (options.lock_timeout, options.connect_timeout) = (Duration::from_secs(2), Duration::from_secs(10));
    options
}

pub(crate) fn options() -> ViewOptions {
    options_at(&shared_url())
}

fn views() -> (PostgresViews, ViewOptions) {
    let options = options();
    (PostgresViews::new(options.clone()).unwrap(), options)
}

fn home<M: SqlModel>(views: &PostgresViews, identity: &LedgerIdentity) -> PostgresHome<M> {
    PostgresHome::new(views, identity).unwrap()
}

async fn live<M: SqlModel>(home: &PostgresHome<M>) -> Postgres<M> {
    match home.live().await.unwrap() {
        Live::Ready(view) => view,
        Live::Other { version } => panic!("it is of version {version}"),
    }
}

/// Behind the home's back.
async fn order(options: &ViewOptions, statements: &str) {
    let mut admin = options.connect.connect().await.unwrap();
    admin.execute(statements).await.unwrap_or_else(|error| panic!("{statements}: {error}"));
    admin.close().await.unwrap();
}

/// The generations that are there, in order.
async fn generations(options: &ViewOptions, view: &str) -> Vec<u64> {
    let mut admin = options.connect.connect().await.unwrap();
    let prefix = format!("{}${view}$", options.schema);
    let rows = sqlx::query("SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname::text, $1)")
        .bind(&prefix)
        .fetch_all(&mut admin)
        .await
        .unwrap();
    let number = |row: sqlx::postgres::PgRow| row.get::<String, _>(0)[prefix.len()..].parse().unwrap();
    let mut numbers: Vec<u64> = rows.into_iter().map(number).collect();
    numbers.sort_unstable();
    admin.close().await.unwrap();
    numbers
}

fn some(seed: u64, commits: usize) -> (LedgerIdentity, Vec<Arc<Commit>>) {
    let mut world = World::new(4, 6, seed);
    let commits = world.commits(commits);
    (world.identity, commits)
}

macro_rules! kit {
    ($($name:ident: $model:ty, $poison:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (identity, history) = some(11, 140);
            let mut subject = InPostgres::<$model>::new(&identity, options()).with_poison($poison);
            check_all(&mut subject, &history).await.unwrap();
        }
    )*};
}
kit! {
    the_kit_for_balances: Balances, Balances::poison;
    the_kit_for_the_trial_balance: TrialBalance, TrialBalance::poison;
    the_kit_for_rounds: Rounds, Rounds::poison;
    the_kit_for_a_model: Turnover, crate::model::poison;
}

/// Random histories, in batches of every size, give what a few plain lines over the events give.
#[tokio::test]
async fn views_in_postgres_equal_the_naive() {
    for (seed, size) in [(1, 1), (2, 7), (3, 50), (4, 200)] {
        let mut world = World::new(1 << (seed % 4), 5, seed);
        let commits = world.commits(150);
        let (views, _) = views();
        let (balances, trial) =
            (home::<Balances>(&views, &world.identity), home::<TrialBalance>(&views, &world.identity));
        let (rounds, turnover) =
            (home::<Rounds>(&views, &world.identity), home::<Turnover>(&views, &world.identity));
        let mut all: [Box<dyn View>; 4] = [
            Box::new(live(&balances).await),
            Box::new(live(&trial).await),
            Box::new(live(&rounds).await),
            Box::new(live(&turnover).await),
        ];
        for view in &mut all {
            for batch in commits.chunks(size) {
                view.apply(batch).await.unwrap();
            }
        }
        check_balances(&balances.reader(), &world, &commits);
        check_trial_balance(&trial.reader(), &commits);
        check_rounds(&rounds.reader(), &commits);
        crate::model::check(&turnover.reader(), &commits);
        // A reader of another process.
        let apart = PostgresReader::<Balances>::new(&views, &world.identity).unwrap();
        check_balances(&apart, &world, &commits);
    }
}

/// Histories of the core's own generators.
#[tokio::test]
async fn generated_histories_in_postgres_equal_those_in_memory() {
    let history = ledger_projections::testing::history(4, 6, 40, 6);
    let (views, _) = views();
    let home = home::<TrialBalance>(&views, &history.identity);
    let mut view = live(&home).await;
    let mut memory = Memory::<TrialBalance>::new(&history.identity);
    for batch in history.commits.chunks(40) {
        let after = view.apply(batch).await.unwrap();
        assert_eq!(after, memory.apply(batch).await.unwrap());
    }
    let detail = ledger_projections::trial_balance::Detail::SubAccount;
    assert_eq!(home.reader().rows(detail).await.unwrap(), memory.reader().rows(detail).await.unwrap());
    check_trial_balance(&home.reader(), &history.commits);
}

#[tokio::test]
async fn in_postgres_while_writing_it_ends_equal() {
    let world = World::new(4, 8, 101);
    let (views, options) = views();
    let home = home::<TrialBalance>(&views, &world.identity);
    let reader = Arc::new(home.reader());
    let (runner, _, commits) = while_writing(home, reader.clone(), world).await;
    check_trial_balance(reader.as_ref(), &commits);
    runner.stop(LIMIT).await.unwrap();
    assert_eq!(generations(&options, "trial_balance").await.len(), 1, "old generations are dropped");
}

#[tokio::test]
async fn pages_are_stable_while_the_view_moves_on_in_postgres() {
    let mut world = World::new(4, 40, 107);
    let store = store(&world);
    append(store.as_ref(), &world.run(400)).await;
    let feed = Feed::new(store.clone());
    let (views, _) = views();
    let (balances, rounds) =
        (home::<Balances>(&views, &world.identity), home::<Rounds>(&views, &world.identity));
    let readers = (balances.reader(), rounds.reader());
    let early = readers.0.checkpoint().await;
    assert!(matches!(early, Err(ViewError::NotReady { .. })), "{early:?}");
    let runners =
        [Runner::start(&feed, balances, woken()).unwrap(), Runner::start(&feed, rounds, woken()).unwrap()];
    crate::control::paged(&mut world, &store, &runners, &readers.0, &readers.1).await;
    // Its own write.
    let written = world.run(10);
    append(store.as_ref(), &written).await;
    for (shard, commit) in &written {
        let head = readers.0.at_least(*shard, commit.position, LIMIT).await.unwrap();
        assert!(head.position >= commit.position);
    }
    let early = readers.0.at_least(Shard(0), Position(9_999), Duration::from_millis(5)).await;
    assert!(matches!(early, Err(ViewError::Behind { .. })));
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
async fn the_version_of_the_fold_decides_on_start_in_postgres() {
    let mut world = World::new(4, 6, 102);
    let store = store(&world);
    let all = world.run(200);
    append(store.as_ref(), &all).await;
    let heads = store.heads().await.unwrap();
    let feed = Feed::new(store.clone());
    let (views, options) = views();
    let one = home::<Balances>(&views, &world.identity);
    let reader_one = one.reader();
    let runner = Runner::start(&feed, one, woken()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();

    // The same version goes on where it stood.
    let before = feed.stats().given;
    let runner = Runner::start(&feed, home::<Balances>(&views, &world.identity), woken()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    assert_eq!(feed.stats().given, before, "nothing is read again");
    runner.stop(LIMIT).await.unwrap();

    // Another version is built beside; until it is live, readers of the old version see the old one.
    let two = home::<Two>(&views, &world.identity);
    let reader_two = two.reader();
    let reader_three = PostgresReader::<Three>::new(&views, &world.identity).unwrap();
    let crawl = Throttle { commits_per_second: std::num::NonZeroU32::new(50), ..Throttle::NONE };
    let runner = Runner::start(&feed, two, Settings { rebuild_throttle: crawl, ..small() }).unwrap();
    let mut rebuild = runner.watch_rebuild();
    rebuild.wait_for(|progress| progress.done > 10).await.unwrap();
    assert!(matches!(runner.progress().state, State::Rebuilding { from: 1 }));
    assert!(matches!(reader_two.checkpoint().await, Err(ViewError::NotReady { .. })));
    check_balances(&reader_one, &world, &decoded(&all));
    assert_eq!(reader_three.checkpoint().await.unwrap().heads(), heads, "it can read the old one");

    // Ended in the middle and started again, it goes on with what it had.
    runner.stop(LIMIT).await.unwrap();
    let two = home::<Two>(&views, &world.identity);
    let half =
        two.building(Building::Resume).await.unwrap().expect("it is there").checkpoint().await.unwrap();
    assert!(half.commits() > 10 && half.commits() < 200, "{}", half.commits());
    let before = feed.stats().given;
    let runner = Runner::start(&feed, two, small()).unwrap();
    runner.wait_for_all(&heads, LIMIT).await.unwrap();
    assert_eq!(feed.stats().given - before, 200 - half.commits());
    assert!(matches!(runner.wait_for_rebuild(LIMIT).await.unwrap().state, RebuildState::Swapped));
    assert_eq!(reader_two.checkpoint().await.unwrap().heads(), heads);
    let old = reader_one.checkpoint().await;
    assert!(matches!(old, Err(ViewError::NotReady { .. })), "a reader of the old version says so: {old:?}");
    runner.stop(LIMIT).await.unwrap();
    assert_eq!(generations(&options, "balances").await, [2]);
    // What another version began to build is not gone on with.
    let two = home::<Two>(&views, &world.identity);
    drop(live(&two).await);
    drop(two.building(Building::Anew).await.unwrap());
    let three = home::<Three>(&views, &world.identity);
    assert!(matches!(three.live().await.unwrap(), Live::Other { version: 2 }));
    assert!(three.building(Building::Resume).await.unwrap().is_none());
    assert_eq!(generations(&options, "balances").await, [2]);
}

/// What a process that was killed between any two steps of a swap leaves is put right by the next one; and nobody else
/// gets in meanwhile.
#[tokio::test]
async fn a_crash_between_the_steps_of_a_swap_loses_nothing_in_postgres() {
    let mut world = World::new(2, 5, 103);
    let store = store(&world);
    let all = world.run(80);
    append(store.as_ref(), &all).await;
    let commits = decoded(&all);
    let (views, options) = views();
    {
        let own = home::<Balances>(&views, &world.identity);
        let mut old = live(&own).await;
        old.apply(&commits[..50]).await.unwrap();
        let mut built = own.building(Building::Anew).await.unwrap().unwrap();
        built.apply(&commits).await.unwrap();
        assert_eq!(own.reader().checkpoint().await.unwrap().commits(), 50);
        // Another live one, or another one being built, is refused while these are open.
        assert!(matches!(own.live().await, Err(ViewError::InUse { .. })));
        assert!(matches!(own.building(Building::Anew).await, Err(ViewError::InUse { .. })));
        let other = home::<Balances>(&views, &world.identity);
        assert!(matches!(other.live().await, Err(ViewError::InUse { .. })), "nor by another home object");
        let elsewhere = PostgresViews::new(options.clone()).unwrap();
        let other = home::<Two>(&elsewhere, &world.identity);
        assert!(matches!(other.live().await, Err(ViewError::InUse { .. })), "nor from another process");
        assert!(own.swap(&mut old).await.is_err(), "only what was built here");
        own.swap(&mut built).await.unwrap();
        assert_eq!(own.reader().checkpoint().await.unwrap().commits(), 80);
        // Killed here: the old generation is still there.
    }
    assert_eq!(generations(&options, "balances").await, [1, 2]);
    let runner = Runner::start(&Feed::new(store.clone()), home::<Balances>(&views, &world.identity), woken());
    let runner = runner.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();
    assert_eq!(generations(&options, "balances").await, [2], "the next one drops it");
    // A pointer to nothing is damage, and not generation 1.
    order(&options, &format!("UPDATE {}.view_live SET generation = 7", options.schema)).await;
    let lost = home::<Balances>(&views, &world.identity).live().await;
    assert!(matches!(lost, Err(ViewError::Damaged(_))), "{lost:?}");
    order(&options, &format!("UPDATE {}.view_live SET generation = 0", options.schema)).await;
    let lost = home::<Balances>(&views, &world.identity).reader().checkpoint().await;
    assert!(matches!(lost, Err(ViewError::Damaged(_))), "{lost:?}");
}

#[tokio::test]
async fn cancelling_drops_what_was_built_in_postgres() {
    let mut world = World::new(4, 6, 105);
    let store = store(&world);
    append(store.as_ref(), &world.run(300)).await;
    let (views, options) = views();
    let own = home::<Balances>(&views, &world.identity);
    let runner = Runner::start(&Feed::new(store.clone()), own, small()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let crawl = Throttle { commits_per_second: std::num::NonZeroU32::new(20), ..Throttle::NONE };
    runner.rebuild(RebuildSettings { throttle: crawl, ..anew() }, LIMIT).await.unwrap();
    runner.watch_rebuild().wait_for(|progress| progress.done > 0).await.unwrap();
    assert_eq!(generations(&options, "balances").await, [1, 2]);
    runner.cancel_rebuild();
    let progress = runner.wait_for_rebuild(LIMIT).await.unwrap();
    assert!(matches!(progress.state, RebuildState::Cancelled), "{progress:?}");
    assert_eq!(generations(&options, "balances").await, [1]);
    rebuilt(&runner, vec![], |state| matches!(state, RebuildState::Swapped)).await;
    runner.stop(LIMIT).await.unwrap();
    assert_eq!(generations(&options, "balances").await, [2]);
}

/// A home that fails stops its view; once it is mended, it goes on where it stood.
#[tokio::test]
async fn a_failing_database_is_mended_and_the_view_resumed() {
    let mut world = World::new(2, 5, 106);
    let store = store(&world);
    let mut all = world.run(40);
    append(store.as_ref(), &all).await;
    let (views, options) = views();
    let own = home::<Balances>(&views, &world.identity);
    let reader = own.reader();
    let runner = Runner::start(&Feed::new(store.clone()), own, woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let before = reader.list(None, 100).await.unwrap();
    let heads = format!("\"{}$balances$1\".view_heads", options.schema);
    order(&options, &format!("ALTER TABLE {heads} ADD CONSTRAINT full_disk CHECK (position < 0) NOT VALID"))
        .await;
    let more = world.run(20);
    append(store.as_ref(), &more).await;
    let (_, reason) = over(&runner).await;
    assert!(
        matches!(&reason, StopReason::View(error) if matches!(**error, ViewError::Home { .. })),
        "{reason}"
    );
    assert!(reason.to_string().contains("full_disk"), "{reason}");
    assert_eq!(reader.list(None, 100).await.unwrap(), before, "rows and checkpoint are as they were");
    order(&options, &format!("ALTER TABLE {heads} DROP CONSTRAINT full_disk")).await;
    runner.resume(LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    all.extend(more);
    check_balances(&reader, &world, &decoded(&all));
}

/// The server is killed again and again under three views that are rebuilt. A short outage is waited for; after a long
/// one the view stands still, says why, and goes on when it is told to.
#[tokio::test]
async fn the_server_is_killed_and_the_views_end_equal() {
    let mut server = Server::start().unwrap();
    let mut options = options_at(&server.url());
    options.outage_max = Duration::from_mins(1);
    let patient = PostgresViews::new(options.clone()).unwrap();
    let mut world = World::new(4, 8, 111);
    let store = store(&world);
    let mut all = world.run(100);
    append(store.as_ref(), &all).await;
    let feed = Feed::new(store.clone());
    let (balances, trial, rounds) = (
        home::<Balances>(&patient, &world.identity),
        home::<TrialBalance>(&patient, &world.identity),
        home::<Rounds>(&patient, &world.identity),
    );
    let readers = (balances.reader(), trial.reader(), rounds.reader());
    let settings = Settings { batch_commits_max: 5, ..small() };
    let runners = [
        Runner::start(&feed, balances, settings.clone()).unwrap(),
        Runner::start(&feed, trial, settings.clone()).unwrap(),
        Runner::start(&feed, rounds, settings.clone()).unwrap(),
    ];
    for runner in &runners {
        runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    }
    for (how, pause) in [(Ending::Kill, 3), (Ending::Immediate, 40), (Ending::Fast, 150)] {
        let more = world.run(120);
        append(store.as_ref(), &more).await;
        all.extend(more);
        let _ = runners[1].rebuild(anew(), LIMIT).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.end(how).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.launch().unwrap();
        for runner in &runners {
            runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
        }
        runners[1].wait_for_rebuild(LIMIT).await.unwrap();
    }
    let commits = decoded(&all);
    check_balances(&readers.0, &world, &commits);
    check_trial_balance(&readers.1, &commits);
    check_rounds(&readers.2, &commits);
    for runner in runners {
        runner.stop(LIMIT).await.unwrap();
    }

    let mut impatient = options;
    (impatient.outage_max, impatient.connect_timeout) =
        (Duration::from_millis(300), Duration::from_millis(300));
    let impatient = PostgresViews::new(impatient).unwrap();
    let own = home::<Balances>(&impatient, &world.identity);
    let runner = Runner::start(&feed, own, woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    server.end(Ending::Kill).unwrap();
    let more = world.run(20);
    append(store.as_ref(), &more).await;
    all.extend(more);
    let (_, reason) = over(&runner).await;
    assert!(
        matches!(&reason, StopReason::View(error) if matches!(**error, ViewError::Home { .. })),
        "{reason}"
    );
    let away = PostgresReader::<Balances>::new(&impatient, &world.identity).unwrap().checkpoint().await;
    assert!(matches!(away, Err(ViewError::Home { .. })), "{away:?}");
    server.launch().unwrap();
    runner.resume(LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    check_balances(&readers.0, &world, &decoded(&all));
}

/// A database that lost the last batches is noticed, and gone on with from what is left.
#[tokio::test]
async fn a_database_that_went_back_is_gone_on_with_when_told() {
    let mut world = World::new(1, 5, 112);
    let store = store(&world);
    let mut all = world.run(60);
    append(store.as_ref(), &all[..30]).await;
    let (views, options) = views();
    let own = home::<Turnover>(&views, &world.identity);
    let reader = own.reader();
    let runner = Runner::start(&Feed::new(store.clone()), own, woken()).unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let schema = format!("\"{}$turnover$1\"", options.schema);
    // As a failover to a standby that lagged behind would leave it: an earlier batch, here none, and dead connections.
    order(
        &options,
        &format!(
            "DELETE FROM {schema}.view_heads; DELETE FROM {schema}.model_rows; UPDATE {schema}.view_frame SET batches = 0;
             SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
             WHERE l.locktype = 'advisory' AND a.query LIKE '%fence%' AND a.query LIKE '%model_rows%'"
        ),
    )
    .await;
    append(store.as_ref(), &all[30..]).await;
    let (_, reason) = over(&runner).await;
    assert!(reason.to_string().contains("lost the last batches"), "{reason}");
    runner.resume(LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let more = world.run(5);
    append(store.as_ref(), &more).await;
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    all.extend(more);
    crate::model::check(&reader, &decoded(&all));
}

#[tokio::test]
async fn a_skip_stays_with_the_schema() {
    let mut world = World::new(2, 5, 108);
    let store = store(&world);
    append(store.as_ref(), &world.run(40)).await;
    let commits = store.read(Shard(0), Position(1), 100).await.unwrap();
    let commit = commits.iter().map(|stored| Commit::decode(stored).unwrap());
    let commit = commit.into_iter().find(crate::history::moves_purse).unwrap();
    let mut body = commit.body;
    body.partition = ledger_core::Partition::Player(crate::history::id(ledger_core::PlayerId::new, "nobody"));
    let sealed = world.seal(&body);
    let at = (sealed.0, sealed.1.position);
    append(store.as_ref(), &[sealed]).await;
    append(store.as_ref(), &world.run(20)).await;
    let (views, _) = views();
    let own = || home::<Balances>(&views, &world.identity);
    let runner = Runner::start(&Feed::new(store.clone()), own(), woken()).unwrap();
    assert_eq!(over(&runner).await.0, Some(at));
    runner.skip(crate::control::skip_order(at.0, at.1), LIMIT).await.unwrap();
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    runner.stop(LIMIT).await.unwrap();
    let reader = own().reader();
    let incomplete = reader.list(None, 10).await.unwrap().incomplete().expect("it says so after a restart");
    assert_eq!((incomplete.since.shard, incomplete.since.position), at);
    assert_eq!(incomplete.since.by.as_str(), "anna");
    let mut of_shards = std::collections::BTreeSet::new();
    for player in world.players() {
        let answer = reader.player(&player).await.unwrap();
        assert_eq!(answer.incomplete.is_some(), answer.shard == at.0);
        of_shards.insert(answer.shard);
    }
    assert_eq!(of_shards.len(), 2, "both kinds were looked at");
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
static TABLE_RESERVED: Table = Table { name: "view_own", columns: &A, key: 1, indexes: &[] };
const ONE: Migration = Migration { name: "one", steps: &[Step::Table(&TABLE_ONE)] };
const TWO: Migration =
    Migration { name: "two", steps: &[Step::Sql { sqlite: "", postgres: "CREATE TABLE two (a TEXT);" }] };
const EDITED: Migration = Migration { name: "one", steps: &[Step::Table(&TABLE_EDITED)] };
const BROKEN: Migration = Migration {
    name: "broken",
    steps: &[Step::Sql { sqlite: "", postgres: "CREATE TABLE three (a TEXT); CREATE NONSENSE;" }],
};
model!(Small, "small", 1, &[ONE]);
model!(Grown, "small", 1, &[ONE, TWO]);
model!(Edited, "small", 1, &[EDITED, TWO]);
model!(Broken, "small", 1, &[ONE, TWO, BROKEN]);
model!(Other, "other", 1, &[ONE]);
model!(Reserved, "reserved", 1, &[Migration { name: "own", steps: &[Step::Table(&TABLE_RESERVED)] }]);

async fn refused<M: SqlModel>(views: &PostgresViews, text: &str) {
    let error = home::<M>(views, &identity(2)).live().await.expect_err(text);
    assert!(error.to_string().contains(text), "{error}");
}

#[tokio::test]
async fn migrations_and_frames_that_are_not_ours_are_refused() {
    let (views, options) = views();
    drop(live(&home::<Small>(&views, &identity(2))).await);
    let error = home::<Broken>(&views, &identity(2)).live().await.unwrap_err();
    assert!(matches!(error, ViewError::Home { .. }), "{error}");
    drop(live(&home::<Small>(&views, &identity(2))).await);
    drop(live(&home::<Grown>(&views, &identity(2))).await);
    drop(live(&home::<Grown>(&views, &identity(2))).await);
    assert_eq!(checksums::<Grown>().len(), 2);
    refused::<Small>(&views, "migration 2 is unknown").await;
    refused::<Edited>(&views, "migration 1 (one) is not the one").await;
    let reserved = PostgresHome::<Reserved>::new(&views, &identity(2)).unwrap_err();
    assert!(reserved.to_string().contains("named as the home's own"), "{reserved}");
    // Another ledger, or another number of shards.
    let mut stranger = identity(2);
    stranger.ledger.0[0] ^= 1;
    for other in [identity(4), stranger] {
        let own = home::<Grown>(&views, &other);
        assert!(matches!(own.live().await, Err(ViewError::OtherLedger(_))));
        assert!(matches!(own.reader().checkpoint().await, Err(ViewError::OtherLedger(_))));
    }
    // A schema of someone else's under the name, and another view's.
    order(&options, &format!("CREATE SCHEMA \"{}$other$1\"", options.schema)).await;
    refused::<Other>(&views, "not that of a view").await;
    let (from, to) = (format!("{}$small$1", options.schema), format!("{}$other$1", options.schema));
    order(&options, &format!("DROP SCHEMA \"{to}\"; ALTER SCHEMA \"{from}\" RENAME TO \"{to}\"")).await;
    refused::<Other>(&views, "it holds the view small").await;
}

/// A batch that was decided on an earlier count of batches writes nothing; it is folded again on what is there, with a
/// bound.
#[tokio::test]
async fn another_writer_is_noticed_by_the_count_of_batches() {
    let (identity, commits) = some(25, 40);
    let mut options = options();
    options.conflict_retries_max = 0;
    let views = PostgresViews::new(options.clone()).unwrap();
    let own = home::<Balances>(&views, &identity);
    let mut view = live(&own).await;
    view.apply(&commits[..20]).await.unwrap();
    let reader = own.reader();
    let before = reader.list(None, 100).await.unwrap();
    let frame = format!("\"{}$balances$1\".view_frame", options.schema);
    let count = format!("UPDATE {frame} SET batches = batches + 1");
    order(&options, &count).await;
    let refused = view.apply(&commits).await;
    assert!(matches!(refused, Err(ViewError::Home { .. })), "{refused:?}");
    assert_eq!(reader.list(None, 100).await.unwrap(), before, "nothing of it was written");
    // Told again, it looks first.
    assert_eq!(view.apply(&commits[..30]).await.unwrap().commits(), 30);
    drop(view);

    options.conflict_retries_max = 1;
    let views = PostgresViews::new(options.clone()).unwrap();
    let mut view = live(&home::<Balances>(&views, &identity)).await;
    view.checkpoint().await.unwrap();
    order(&options, &count).await;
    let after = view.apply(&commits).await.unwrap();
    assert_eq!(after.commits(), 40);
    assert_eq!(reader.checkpoint().await.unwrap(), after);
}
