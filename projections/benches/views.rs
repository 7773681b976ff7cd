//! How fast views take commits, alone, through a runner, and in a rebuild; and how fast they answer.
//!
//! `cargo xtask bench views`, or `cargo bench -p ledger-projections --features sqlite,postgres --bench views`; with `-- --commits N` on so many commits
//! (120,000), with `-- --only TEXT` only what has this text in its name.
//!
//! What runs on one thread is measured in the thread's time on a processor where Linux tells it, so that other work of
//! the machine counts less; the time on the wall is printed beside it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss, reason = "a bench")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_projections::audit::AuditTrail;
use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::bonuses::Bonuses;
use ledger_projections::cases::Cases;
use ledger_projections::controls::PlayerProtection;
use ledger_projections::jackpots::Jackpots;
use ledger_projections::leaderboards::Leaderboards;
use ledger_projections::liability::Liability;
use ledger_projections::reconciliation::Payments;
use ledger_projections::revenue::Revenue;
use ledger_projections::rounds::Rounds;
use ledger_projections::statement::Statement;
use ledger_projections::trial_balance::{Detail, ReadTrialBalance, TrialBalance};
use ledger_projections::withdrawals::Withdrawals;
use ledger_projections::{
    Commit, Feed, FeedSettings, Home, Memory, MemoryHome, RebuildSettings, Runner, Settings, Throttle, View,
};
use ledger_store::{EventStore, LedgerIdentity, MemoryStore};

#[allow(dead_code, unreachable_pub, reason = "shared with the tests")]
#[path = "../tests/it/history.rs"]
mod history;

/// Does the same for every view that is a model.
macro_rules! each_model {
    ($apply:ident) => {
        $apply!(
            Statement,
            Revenue,
            Withdrawals,
            Liability,
            Bonuses,
            AuditTrail,
            Payments,
            PlayerProtection,
            Cases,
            Jackpots,
            Leaderboards
        )
    };
}

const LIMIT: Duration = Duration::from_hours(1);

/// How long this thread was on a processor.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// Time on the wall, and of this thread on a processor.
struct Watch {
    wall: Instant,
    processor: Option<Duration>,
}

impl Watch {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: on_processor() }
    }

    /// What counts, and what the wall says.
    fn read(&self) -> (Duration, Duration) {
        let wall = self.wall.elapsed();
        let processor = on_processor().zip(self.processor).map(|(now, then)| now.checked_sub(then).unwrap());
        (processor.unwrap_or(wall), wall)
    }
}

struct Bench {
    only: Option<String>,
    commits: Vec<Arc<Commit>>,
    events: usize,
}

impl Bench {
    fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    fn rate(&self, what: &str, views: usize, (took, wall): (Duration, Duration)) {
        let per_second = |count: usize| (count * views) as f64 / took.as_secs_f64();
        println!(
            "{what:<56} {:>10.0} commits/s {:>10.0} events/s, {:>7.0} ms, wall {:>7.0} ms",
            per_second(self.commits.len()),
            per_second(self.events),
            took.as_secs_f64() * 1e3,
            wall.as_secs_f64() * 1e3
        );
    }

    async fn apply(&self, what: &str, mut view: impl View, batch: usize) {
        let name = format!("apply {} {what}, batches of {batch}", view.name());
        if !self.wants(&name) {
            return;
        }
        let watch = Watch::start();
        for commits in self.commits.chunks(batch) {
            view.apply(commits).await.expect("a sound history");
        }
        self.rate(&name, 1, watch.read());
    }

    /// Views that follow together, from the start to the heads.
    async fn follow(
        &self,
        what: &str,
        store: &Arc<MemoryStore>,
        decoders: usize,
        start: impl Fn(&Feed) -> Vec<Runner>,
    ) {
        let name = format!("follow {what}, {decoders} decoding");
        if !self.wants(&name) {
            return;
        }
        let feed = Feed::with_settings(store.clone(), FeedSettings { decoders, ..FeedSettings::default() });
        let heads = store.heads().await.unwrap();
        let started = Instant::now();
        let runners = start(&feed);
        for runner in &runners {
            runner.wait_for_all(&heads, LIMIT).await.expect("caught up");
        }
        self.rate(&name, runners.len(), (started.elapsed(), started.elapsed()));
        let stats = feed.stats();
        println!("{:>56} decoded {}, given out {}", "", stats.decoded, stats.given);
    }

    async fn rebuild(&self, what: &str, store: &Arc<MemoryStore>, home: impl Home) {
        let name = format!("rebuild {what}");
        if !self.wants(&name) {
            return;
        }
        let feed = Feed::new(store.clone());
        let runner = Runner::start(&feed, home, Settings::default()).unwrap();
        runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
        let started = Instant::now();
        let settings = RebuildSettings { throttle: Throttle::NONE, ..RebuildSettings::default() };
        runner.rebuild(settings, LIMIT).await.unwrap();
        let progress = runner.wait_for_rebuild(LIMIT).await.unwrap();
        self.rate(&format!("{name} ({:?})", progress.state), 1, (started.elapsed(), started.elapsed()));
        runner.stop(LIMIT).await.unwrap();
    }
}

async fn read(what: &str, reads: u32, mut read: impl AsyncFnMut()) {
    let watch = Watch::start();
    for _ in 0..reads {
        read().await;
    }
    println!("{what:<56} {:>10.1} us", watch.read().0.as_secs_f64() * 1e6 / f64::from(reads));
}

async fn reads(
    home: &str,
    players: &[ledger_core::PlayerId],
    balances: &dyn ReadBalances,
    trial: &dyn ReadTrialBalance,
) {
    let mut next = players.iter().cycle();
    read(&format!("read one player {home}"), 2_000, async || {
        balances.player(next.next().unwrap()).await.unwrap();
    })
    .await;
    read(&format!("read a page of 100 players {home}"), 50, async || {
        balances.list(None, 100).await.unwrap();
    })
    .await;
    read(&format!("read the trial balance {home}"), 20, async || {
        trial.rows(Detail::Account).await.unwrap();
    })
    .await;
}

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

fn in_memory(identity: &LedgerIdentity, feed: &Feed) -> Vec<Runner> {
    vec![
        Runner::start_view(feed, Memory::<Balances>::new(identity), Settings::default()).unwrap(),
        Runner::start_view(feed, Memory::<TrialBalance>::new(identity), Settings::default()).unwrap(),
        Runner::start_view(feed, Memory::<Rounds>::new(identity), Settings::default()).unwrap(),
    ]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let count = argument("--commits").map_or(120_000, |count| count.parse().expect("a number of commits"));
    let mut world = history::World::new(64, 4_000, 1);
    let sealed = world.run(count);
    let identity = world.identity;
    let store = Arc::new(MemoryStore::new(identity));
    history::append(store.as_ref(), &sealed).await;
    let watch = Watch::start();
    let commits = history::decoded(&sealed);
    let decoding = watch.read();
    drop(sealed);
    let events = commits.iter().map(|commit| commit.body.events.len()).sum();
    println!("{count} commits, {events} events, 64 shards, 4,000 players");
    let bench = Bench { only: argument("--only"), commits, events };
    bench.rate("decode, one thread", 1, decoding);
    for batch in [4_096, 64] {
        bench.apply("in memory", Memory::<Balances>::new(&identity), batch).await;
        bench.apply("in memory", Memory::<TrialBalance>::new(&identity), batch).await;
        bench.apply("in memory", Memory::<Rounds>::new(&identity), batch).await;
        macro_rules! apply {
            ($($model:ty),*) => {$(
                bench.apply("in memory", Memory::<$model>::new(&identity), batch).await;
            )*};
        }
        each_model!(apply);
    }
    for decoders in [1, 2] {
        bench
            .follow("balances in memory", &store, decoders, |feed| {
                vec![
                    Runner::start_view(feed, Memory::<Balances>::new(&identity), Settings::default())
                        .unwrap(),
                ]
            })
            .await;
        bench.follow("three views in memory", &store, decoders, |feed| in_memory(&identity, feed)).await;
    }
    bench.rebuild("balances in memory", &store, MemoryHome::<Balances>::new(&identity)).await;
    #[cfg(feature = "sqlite")]
    in_sqlite(&bench, &identity, &store, &world.players()).await;
    #[cfg(feature = "postgres")]
    in_postgres(&bench, &identity, &store, &world.players()).await;
}

#[cfg(feature = "postgres")]
async fn in_postgres(
    bench: &Bench,
    identity: &LedgerIdentity,
    store: &Arc<MemoryStore>,
    players: &[ledger_core::PlayerId],
) {
    use ledger_projections::Live;
    use ledger_projections::postgres::{Postgres, PostgresHome, PostgresViews, ViewOptions};
    use ledger_projections::sql::SqlModel;

    fn home<M: SqlModel>(views: &PostgresViews, identity: &LedgerIdentity) -> PostgresHome<M> {
        PostgresHome::new(views, identity).unwrap()
    }
    async fn live<M: SqlModel>(views: &PostgresViews, identity: &LedgerIdentity) -> Postgres<M> {
        match home::<M>(views, identity).live().await.unwrap() {
            Live::Ready(view) => view,
            Live::Other { version } => panic!("it is of version {version}"),
        }
    }
    let server = ledger_testkit::postgres::Server::start().expect("a server");
    let views = |schema: &str| {
        let mut options = ViewOptions::new(&server.url()).unwrap();
        schema.clone_into(&mut options.schema);
        PostgresViews::new(options).unwrap()
    };
    for batch in [4_096, 64] {
        let views = views(&format!("apply_{batch}"));
        bench.apply("in PostgreSQL", live::<Balances>(&views, identity).await, batch).await;
        bench.apply("in PostgreSQL", live::<TrialBalance>(&views, identity).await, batch).await;
        bench.apply("in PostgreSQL", live::<Rounds>(&views, identity).await, batch).await;
        macro_rules! apply {
            ($($model:ty),*) => {$(
                bench.apply("in PostgreSQL", live::<$model>(&views, identity).await, batch).await;
            )*};
        }
        each_model!(apply);
    }
    let followed = views("follow");
    bench
        .follow("three views in PostgreSQL", store, 1, |feed| {
            let settings = Settings::default;
            vec![
                Runner::start(feed, home::<Balances>(&followed, identity), settings()).unwrap(),
                Runner::start(feed, home::<TrialBalance>(&followed, identity), settings()).unwrap(),
                Runner::start(feed, home::<Rounds>(&followed, identity), settings()).unwrap(),
            ]
        })
        .await;
    bench.rebuild("balances in PostgreSQL", store, home::<Balances>(&views("rebuild"), identity)).await;
    if bench.wants("read") {
        let views = views("read");
        let mut balances = live::<Balances>(&views, identity).await;
        let mut trial = live::<TrialBalance>(&views, identity).await;
        for batch in bench.commits.chunks(4_096) {
            balances.apply(batch).await.unwrap();
            trial.apply(batch).await.unwrap();
        }
        let readers =
            (home::<Balances>(&views, identity).reader(), home::<TrialBalance>(&views, identity).reader());
        reads("in PostgreSQL", players, &readers.0, &readers.1).await;
    }
}

#[cfg(feature = "sqlite")]
async fn in_sqlite(
    bench: &Bench,
    identity: &LedgerIdentity,
    store: &Arc<MemoryStore>,
    players: &[ledger_core::PlayerId],
) {
    use ledger_projections::sqlite::{Sqlite, SqliteHome};
    let folder = tempfile::tempdir().expect("a folder");
    for batch in [4_096, 64] {
        let path = |name: &str| folder.path().join(format!("{name}{batch}"));
        bench.apply("in SQLite", Sqlite::<Balances>::open(path("balances"), identity).unwrap(), batch).await;
        bench.apply("in SQLite", Sqlite::<TrialBalance>::open(path("trial"), identity).unwrap(), batch).await;
        bench.apply("in SQLite", Sqlite::<Rounds>::open(path("rounds"), identity).unwrap(), batch).await;
        macro_rules! apply {
            ($($model:ty),*) => {$(
                let view = Sqlite::<$model>::open(path(stringify!($model)), identity).unwrap();
                bench.apply("in SQLite", view, batch).await;
            )*};
        }
        each_model!(apply);
    }
    let home = |name: &str| folder.path().join(name);
    bench
        .follow("three views in SQLite", store, 1, |feed| {
            let settings = Settings::default;
            vec![
                Runner::start(feed, SqliteHome::<Balances>::new(home("f"), identity).unwrap(), settings())
                    .unwrap(),
                Runner::start(
                    feed,
                    SqliteHome::<TrialBalance>::new(home("f"), identity).unwrap(),
                    settings(),
                )
                .unwrap(),
                Runner::start(feed, SqliteHome::<Rounds>::new(home("f"), identity).unwrap(), settings())
                    .unwrap(),
            ]
        })
        .await;
    let rebuilt = SqliteHome::<Balances>::new(home("r"), identity).unwrap();
    bench.rebuild("balances in SQLite", store, rebuilt).await;
    if bench.wants("read") {
        let (mut balances, mut trial) =
            (Memory::<Balances>::new(identity), Memory::<TrialBalance>::new(identity));
        balances.apply(&bench.commits).await.unwrap();
        trial.apply(&bench.commits).await.unwrap();
        reads("in memory", players, &balances.reader(), &trial.reader()).await;
        let mut balances = Sqlite::<Balances>::open(home("b"), identity).unwrap();
        let mut trial = Sqlite::<TrialBalance>::open(home("t"), identity).unwrap();
        for batch in bench.commits.chunks(4_096) {
            balances.apply(batch).await.unwrap();
            trial.apply(batch).await.unwrap();
        }
        reads("in SQLite", players, &balances.reader().unwrap(), &trial.reader().unwrap()).await;
    }
}
