//! Leases of shards on a real server: shared evenly, handed over, taken from the dead, and never needed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ledger_core::{Partition, PlayerId};
use ledger_store::postgres::{LeaseOptions, Leases, PostgresOptions, PostgresStore, Route};
use ledger_store::{EventStore as _, FORMAT, LedgerId, LedgerIdentity, Shard, ShardCount, StoreError};
use ledger_testkit::postgres::shared_url;

use crate::postgres_support::fresh_schema;

const EVERY: Duration = Duration::from_millis(40);
const STILL_MAX: Duration = Duration::from_secs(1);

fn options() -> LeaseOptions {
    LeaseOptions { every: EVERY, still_max: STILL_MAX }
}

/// Nobody is taken for dead while a test lasts.
fn patient() -> LeaseOptions {
    LeaseOptions { every: EVERY, still_max: Duration::from_mins(10) }
}

async fn store(schema: &str) -> PostgresStore {
    let mut options = PostgresOptions::new(&shared_url()).expect("a URL");
    schema.clone_into(&mut options.schema);
    let identity = LedgerIdentity {
        ledger: LedgerId([3; 16]),
        shards: ShardCount::new(8).expect("eight"),
        format: FORMAT,
    };
    PostgresStore::open_or_create(options, identity).await.expect("a store")
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn all() -> BTreeSet<Shard> {
    (0..8).map(Shard).collect()
}

fn together(leases: &[&Leases]) -> BTreeSet<Shard> {
    leases.iter().flat_map(|leases| leases.held()).collect()
}

#[tokio::test]
async fn shards_are_shared_evenly_and_handed_over() {
    let schema = fresh_schema();
    let (a, b) = (store(&schema).await, store(&schema).await);
    let first = a.lease("a:1", patient()).await.expect("leases");
    until("everything to the first", || first.held().len() == 8).await;
    let second = b.lease("b:1", patient()).await.expect("leases");
    until("half of it to the second", || first.held().len() == 4 && second.held().len() == 4).await;
    assert_eq!(together(&[&first, &second]), all());
    until("sight of each other", || {
        first.members().len() == 2 && second.members().iter().all(|m| m.shards == 4)
    })
    .await;
    let is_split = |shard: Shard| match (first.holder(shard), second.holder(shard)) {
        (Route::Here, Route::At(there)) => &*there == "a:1",
        (Route::At(there), Route::Here) => &*there == "b:1",
        _ => false,
    };
    until("one answer of both for every shard", || all().into_iter().all(is_split)).await;
    let player = Partition::Player(PlayerId::new("p1").expect("an id")).digest();
    let shard = a.identity().shards.shard_of(&player);
    assert_eq!(first.route(&player), first.holder(shard));

    // A clean end: the other has everything although the dead would not be noticed for minutes.
    first.leave().await.expect("to leave");
    until("everything to the second", || second.held().len() == 8).await;
    assert_eq!(second.members().len(), 1);
}

#[tokio::test]
async fn the_shards_of_the_dead_are_taken_over_and_not_before() {
    let schema = fresh_schema();
    let (a, b) = (store(&schema).await, store(&schema).await);
    let first = a.lease("a:1", options()).await.expect("leases");
    let second = b.lease("b:1", options()).await.expect("leases");
    until("an even share", || first.held().len() == 4 && second.held().len() == 4).await;
    // It ends without a word.
    let died = Instant::now();
    drop((first, a));
    until("everything to the second", || second.held().len() == 8).await;
    assert!(
        died.elapsed() + 2 * EVERY >= STILL_MAX,
        "taken after {:?}: it could have been alive",
        died.elapsed()
    );
    until("the grave", || second.members().len() == 1).await;
}

#[tokio::test]
async fn who_sees_nothing_routes_nobody_away() {
    let schema = fresh_schema();
    let a = store(&schema).await;
    let leases = a.lease("a:1", options()).await.expect("leases");
    until("everything", || leases.held().len() == 8).await;
    // No connection, so no beat: what was seen grows old.
    a.close().await.expect("to close");
    until("doubt", || leases.holder(Shard(0)) == Route::Nobody && leases.held().is_empty()).await;
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused() {
    let a = store(&fresh_schema()).await;
    for (every, still_max) in [(0, 5), (2, 5)] {
        let options =
            LeaseOptions { every: Duration::from_secs(every), still_max: Duration::from_secs(still_max) };
        let refused = a.lease("a:1", options).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    let long = a.lease(&"x".repeat(2_000), LeaseOptions::default()).await;
    assert!(matches!(long, Err(StoreError::Invalid(_))), "{long:?}");
}

const CHILD: &str = "LEDGER_STORE_LEASES_SCHEMA";

/// The child: holds its share until it is killed. Does nothing unless it is asked to.
#[tokio::test]
async fn child_holds_until_it_is_killed() {
    let Ok(schema) = std::env::var(CHILD) else { return };
    let store = store(&schema).await;
    let leases = store.lease("child:1", options()).await.expect("leases");
    until("an even share", || leases.held().len() == 4).await;
    println!("holding");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_process_loses_its_shards_to_the_living() {
    use std::io::BufRead as _;
    let schema = fresh_schema();
    let a = store(&schema).await;
    let leases = a.lease("a:1", options()).await.expect("leases");
    for _ in 0..3 {
        let mut child = std::process::Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "leases::child_holds_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, &schema)
            .env("CASINO_LEDGER_TEST_POSTGRES", shared_url())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a child");
        let out = std::io::BufReader::new(child.stdout.take().expect("its output"));
        let lines = out.lines().map_while(Result::ok);
        let holding =
            tokio::task::spawn_blocking(move || lines.into_iter().any(|line| line.contains("holding")));
        assert!(holding.await.expect("a reader"), "the child ended");
        until("a share given up", || leases.held().len() == 4).await;
        child.kill().expect("to kill it");
        child.wait().expect("its end");
        until("everything back", || leases.held().len() == 8).await;
    }
}
