//! What only PostgreSQL can do to a store: refuse, conflict, time out, lose connections, die and come back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger_core::OperationKind;
use ledger_store::postgres::{AppendMode, Isolation, PostgresOptions, PostgresStore};
use ledger_store::testing::{CommitBuilder, ShardChain, partition_in};
use ledger_store::{
    CommitHash, EventStore, FORMAT, Head, LedgerId, LedgerIdentity, Lookup, Position, Shard, ShardAppend,
    ShardCount, StoreError, genesis, verify_commit, verify_index,
};
use ledger_testkit::postgres::{Ending, Server};
use sqlx::{Connection as _, Executor as _, Row as _};

use crate::postgres_support::{Manner, Place};

fn identity(shards: u16) -> LedgerIdentity {
    let ledger = LedgerId(*uuid::Uuid::new_v4().as_bytes());
    LedgerIdentity { ledger, shards: ShardCount::new(shards).unwrap(), format: FORMAT }
}

fn commits(identity: &LedgerIdentity, shard: Shard, note: &str, count: usize) -> Vec<CommitBuilder> {
    let partition = partition_in(identity.shards, shard, 0);
    let commit = |i| {
        let id = format!("{note} {i}");
        CommitBuilder::new(partition.clone()).key("studio", OperationKind::Bet, &id).note(id)
    };
    (0..count).map(commit).collect()
}

/// An append of commits to a shard as it is now.
async fn sealed(store: &dyn EventStore, shard: Shard, note: &str, count: usize) -> ShardAppend {
    let head = store.heads().await.unwrap()[shard.index()];
    let mut chain = ShardChain::new(*store.identity(), shard).at(head);
    chain.seal(&commits(store.identity(), shard, note, count))
}

fn end(append: &ShardAppend) -> Head {
    let last = append.commits.last().unwrap();
    Head { position: last.position, hash: last.hash }
}

async fn lands(store: &dyn EventStore, append: &ShardAppend) {
    let answers = store.append(std::slice::from_ref(append)).await.unwrap();
    assert_eq!(answers[0].as_ref().unwrap(), &end(append));
}

async fn place_and_store(shards: u16) -> (Place, PostgresStore) {
    let place = Place::shared(Manner::default());
    let store = place.create(identity(shards)).await.unwrap();
    (place, store)
}

#[tokio::test]
async fn a_server_that_could_lose_commits_is_refused() {
    for (setting, bare, due) in [
        ("fsync=off", false, "fsync"),
        ("synchronous_commit=off", true, "synchronous_commit"),
        ("default_transaction_read_only=on", false, "takes no writes"),
    ] {
        let server = Server::start_with(&[setting]).unwrap();
        let mut options = PostgresOptions::new(&server.url()).unwrap();
        options.bare_session = bare;
        let refused = PostgresStore::open_or_create(options, identity(1)).await;
        let Err(StoreError::Unavailable { reason, .. }) = refused else { panic!("{setting}: {refused:?}") };
        assert!(reason.contains(due), "{setting}: {reason}");
    }
}

#[tokio::test]
async fn a_connection_waits_for_durability_whatever_the_server_says() {
    let server = Server::start_with(&["synchronous_commit=off"]).unwrap();
    let options = PostgresOptions::new(&server.url()).unwrap();
    let store = PostgresStore::open_or_create(options, identity(1)).await.unwrap();
    lands(&store, &sealed(&store, Shard(0), "durable", 1).await).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_soon_and_secrets_stay_secret() {
    let mut options = PostgresOptions::new("postgres://ledger:geheim@127.0.0.1:1/casino").unwrap();
    options.connect_timeout = Duration::from_millis(500);
    let start = Instant::now();
    let refused = PostgresStore::open(options).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    let Err(error @ StoreError::Unavailable { .. }) = refused else { panic!("{refused:?}") };
    assert!(!format!("{error} {error:?}").contains("geheim"));
}

#[tokio::test]
async fn of_those_who_make_a_ledger_at_once_one_does_and_all_open_it() {
    let place = Place::shared(Manner::default());
    let makers: Vec<_> = (0..6)
        .map(|_| {
            let options = place.options();
            tokio::spawn(async move { PostgresStore::open_or_create(options, identity(16)).await.unwrap() })
        })
        .collect();
    let mut stores = Vec::new();
    for maker in makers {
        stores.push(maker.await.unwrap());
    }
    let made = *stores[0].identity();
    for store in &stores {
        assert_eq!(*store.identity(), made);
        let heads = store.heads().await.unwrap();
        let due: Vec<_> = made.shards.all().map(|shard| genesis(&made, shard)).collect();
        assert_eq!(heads, due);
    }
    let other = PostgresStore::create(place.options(), identity(16)).await;
    assert!(matches!(other, Err(StoreError::NotALedger { .. })), "{other:?}");
}

#[tokio::test]
async fn opening_what_is_not_there_makes_nothing() {
    let place = Place::shared(Manner::default());
    let missing = place.open().await;
    assert!(matches!(missing, Err(StoreError::NotALedger { .. })), "{missing:?}");
    let mut admin = place.admin().await;
    let count = sqlx::query("SELECT count(*) AS n FROM information_schema.schemata WHERE schema_name = $1");
    let row = count.bind(&place.schema).fetch_one(&mut admin).await.unwrap();
    assert_eq!(row.get::<i64, _>("n"), 0);
}

#[tokio::test]
async fn a_lease_whose_holder_has_gone_is_taken_over() {
    let place = Place::shared(Manner::default());
    place
        .run(&format!(
            "CREATE SCHEMA \"{0}\";
             CREATE TABLE \"{0}\".lease (name text PRIMARY KEY, holder uuid NOT NULL, beats bigint NOT NULL);
             INSERT INTO \"{0}\".lease VALUES ('migrations', '00000000-0000-0000-0000-000000000001', 5)",
            place.schema
        ))
        .await;
    let store = place.create(identity(4)).await.unwrap();
    lands(&store, &sealed(&store, Shard(3), "after all", 1).await).await;
}

#[tokio::test]
async fn a_creation_that_broke_off_anywhere_is_finished_by_the_next() {
    // What the one that died had done, migration by migration.
    for done in 0..=8 {
        let place = Place::shared(Manner::default());
        let id = identity(4);
        drop(place.create(id).await.unwrap());
        let tables = [
            "ledger",
            "head",
            "commits",
            "commits_by_partition",
            "index_entry",
            "snapshot",
            "member",
            "shard_lease",
        ];
        for (number, table) in (1..=8_u16).zip(tables).skip(done).rev() {
            let what = if number == 4 { "INDEX" } else { "TABLE" };
            place.run(&format!("DROP {what} {table}; DELETE FROM migration WHERE number = {number}")).await;
        }
        if done == 8 {
            place.run("DELETE FROM head WHERE shard > 1").await;
        }
        let store = PostgresStore::open_or_create(place.options(), id).await.unwrap();
        for shard in id.shards.all() {
            lands(&store, &sealed(&store, shard, "after all", 2).await).await;
        }
    }
}

#[tokio::test]
async fn tables_of_another_build_are_refused() {
    let (place, store) = place_and_store(2).await;
    drop(store);
    place.run("UPDATE migration SET checksum = 'x' WHERE number = 3").await;
    let edited = place.open().await;
    assert!(matches!(edited, Err(StoreError::NotALedger { .. })), "{edited:?}");

    let (place, store) = place_and_store(2).await;
    drop(store);
    place.run("INSERT INTO migration VALUES (9, '09_later', 'x')").await;
    let newer = place.open().await;
    assert!(matches!(newer, Err(StoreError::NewerFormat { found: 9, supported: 8, .. })), "{newer:?}");

    let (place, store) = place_and_store(2).await;
    drop(store);
    place.run("UPDATE ledger SET format = 2").await;
    let newer = place.open().await;
    assert!(matches!(newer, Err(StoreError::NewerFormat { found: 2, .. })), "{newer:?}");
}

#[tokio::test]
async fn witnesses_that_are_not_there_are_history_lost() {
    let (place, store) = place_and_store(2).await;
    let append = sealed(&store, Shard(1), "seen", 3).await;
    lands(&store, &append).await;
    let reopened = |witness: Head| {
        let mut options = place.options();
        options.witnesses = vec![(Shard(1), witness)];
        PostgresStore::open(options)
    };
    drop(reopened(end(&append)).await.unwrap());
    drop(reopened(genesis(store.identity(), Shard(1))).await.unwrap());
    let other = CommitHash([3; 32]);
    for witness in [
        Head { position: Position(4), hash: other },
        Head { position: Position(3), hash: other },
        Head { position: Position(0), hash: other },
    ] {
        let lost = reopened(witness).await;
        assert!(matches!(lost, Err(StoreError::HistoryLost { .. })), "{witness:?}: {lost:?}");
    }
}

/// A trigger that raises an error when a commit is about to become durable, as long as `misfortune` says so.
const MISFORTUNE: &str = "
    CREATE TABLE misfortune (code text NOT NULL);
    CREATE SEQUENCE misfortunes;
    CREATE FUNCTION befall() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE found text;
        BEGIN
            SELECT code INTO found FROM misfortune;
            IF found LIKE '%once' THEN
                -- A sequence counts also what is rolled back.
                IF nextval('misfortunes') % 4 IN (1, 2) THEN
                    RAISE EXCEPTION 'as told' USING ERRCODE = left(found, 5);
                END IF;
            ELSIF found IS NOT NULL THEN
                RAISE EXCEPTION 'as told' USING ERRCODE = found;
            END IF;
            RETURN NULL;
        END $$;
    ALTER FUNCTION befall() SET search_path FROM CURRENT;
    CREATE CONSTRAINT TRIGGER misfortune AFTER UPDATE ON head DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION befall()";

async fn befalls(place: &Place, code: &str) {
    place
        .run(&format!("DELETE FROM misfortune; INSERT INTO misfortune SELECT '{code}' WHERE '{code}' <> ''"))
        .await;
}

#[tokio::test]
async fn a_write_that_the_server_refuses_leaves_nothing_and_the_store_serves_on() {
    let (place, store) = place_and_store(2).await;
    place.run(MISFORTUNE).await;
    let append = sealed(&store, Shard(0), "refused at first", 3).await;
    // Disk full, out of memory, a standby that was told to be read-only.
    for code in ["53100", "53200", "25006", "55P03"] {
        befalls(&place, code).await;
        let refused = store.append(std::slice::from_ref(&append)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{code}: {refused:?}");
        assert!(!store.is_stopped());
        assert_eq!(store.heads().await.unwrap()[0].position, Position(0), "{code}");
    }
    befalls(&place, "").await;
    lands(&store, &append).await;
}

#[tokio::test]
async fn conflicts_are_tried_again_as_a_whole_and_not_for_ever() {
    for mode in [AppendMode::AllShards, AppendMode::PerShard] {
        for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead] {
            let place = Place::shared(Manner { mode, isolation });
            let store = place.create(identity(4)).await.unwrap();
            place.run(MISFORTUNE).await;
            for code in ["40001", "40P01"] {
                befalls(&place, &format!("{code}once")).await;
                let (one, other) =
                    (sealed(&store, Shard(0), code, 2).await, sealed(&store, Shard(3), code, 2).await);
                let answers = store.append(&[one.clone(), other.clone()]).await.unwrap();
                assert_eq!(answers[0].as_ref().unwrap(), &end(&one));
                assert_eq!(answers[1].as_ref().unwrap(), &end(&other));
                befalls(&place, code).await;
                let append = sealed(&store, Shard(1), code, 1).await;
                let refused = store.append(std::slice::from_ref(&append)).await;
                assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{code}: {refused:?}");
                befalls(&place, "").await;
                lands(&store, &append).await;
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_what_became_of_it_is_asked_again() {
    let (place, store) = place_and_store(1).await;
    place.run(MISFORTUNE).await;
    // CockroachDB's way to say it.
    befalls(&place, "40003once").await;
    lands(&store, &sealed(&store, Shard(0), "ambiguous", 2).await).await;
    befalls(&place, "40003").await;
    let append = sealed(&store, Shard(0), "ambiguous for ever", 1).await;
    let unknown = store.append(std::slice::from_ref(&append)).await;
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_lock_that_someone_else_holds_is_not_waited_for_for_ever() {
    let place = Place::shared(Manner::default());
    let mut options = place.options();
    options.statement_timeout = Duration::from_millis(300);
    let store = PostgresStore::create(options, identity(2)).await.unwrap();
    let append = sealed(&store, Shard(0), "waits", 1).await;
    let mut other = place.admin().await;
    other.execute("BEGIN; SELECT position FROM head WHERE shard = 0 FOR UPDATE").await.unwrap();
    let start = Instant::now();
    let refused = store.append(std::slice::from_ref(&append)).await;
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "nothing landed: {refused:?}");
    // The other shard is as it was, and reads wait for nobody.
    lands(&store, &sealed(&store, Shard(1), "goes on", 1).await).await;
    other.execute("ROLLBACK").await.unwrap();
    lands(&store, &append).await;
}

#[tokio::test]
async fn never_more_connections_than_allowed() {
    let place = Place::shared(Manner::default());
    let mut options = place.options();
    options.connections_max = 3;
    let store = Arc::new(PostgresStore::create(options, identity(4)).await.unwrap());
    lands(&*store, &sealed(&*store, Shard(0), "read by many", 20).await).await;
    let readers: Vec<_> = (0..40)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..10 {
                    assert_eq!(store.read(Shard(0), Position(1), 100).await.unwrap().len(), 20);
                }
            })
        })
        .collect();
    let mut most = 0;
    while !readers.iter().all(tokio::task::JoinHandle::is_finished) {
        most = most.max(place.backends("").await);
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert!((1..=3).contains(&most), "{most} connections");
    store.close().await.unwrap();
    while place.backends("").await > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_another_process_appends_wakes_those_who_watch() {
    let (place, store) = place_and_store(4).await;
    let other = place.open().await.unwrap();
    let mut watch = other.watch();
    watch.mark_unchanged();
    lands(&store, &sealed(&store, Shard(2), "news", 1).await).await;
    tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.expect("it hears of it").unwrap();
    assert_eq!(other.heads().await.unwrap()[2].position, Position(1));
}

/// A connection keeps its plans. Those made for empty tables must do for large ones, which the server may analyse
/// much later, or never.
#[tokio::test]
async fn no_plan_that_was_made_for_an_empty_ledger_reads_whole_tables() {
    const BATCHES: i64 = 40;
    let place = Place::shared(Manner::default());
    let mut options = place.options();
    options.connections_max = 1;
    let store = PostgresStore::create(options, identity(2)).await.unwrap();
    // Nothing else plans anew what was planned when the tables were empty.
    place
        .run("ALTER TABLE index_entry SET (autovacuum_enabled = off); ALTER TABLE commits SET (autovacuum_enabled = off)")
        .await;
    let partition = partition_in(store.identity().shards, Shard(0), 0).digest();
    for batch in 0..BATCHES {
        let append = sealed(&store, Shard(0), &format!("batch {batch}"), 50).await;
        lands(&store, &append).await;
        let keys = |commit: &ledger_store::SealedCommit| Lookup::Key(Shard(0), commit.index.keys[0]);
        let lookups: Vec<_> = append.commits.iter().map(keys).collect();
        let found = store.lookup(&lookups).await.unwrap();
        let due: Vec<_> = append.commits.iter().map(|commit| vec![commit.position]).collect();
        assert_eq!(found, due);
        let after = Position(append.commits[0].position.0 - 1);
        assert_eq!(store.read_partition(&partition, after, 10).await.unwrap().len(), 10);
    }
    // What a connection read is counted when it ends.
    store.close().await.unwrap();
    let mut admin = place.admin().await;
    let counts = "SELECT t.relname::text AS name, t.seq_scan, t.idx_scan,
                    (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = t.relid) AS indexes
                  FROM pg_stat_user_tables AS t
                  WHERE t.schemaname = $1 AND t.relname IN ('index_entry', 'commits')";
    let deadline = Instant::now() + Duration::from_secs(30);
    let counted = loop {
        let rows = sqlx::query(counts).bind(&place.schema).fetch_all(&mut admin).await.unwrap();
        let scans =
            |row: &sqlx::postgres::PgRow| row.get::<i64, _>("seq_scan") + row.get::<i64, _>("idx_scan");
        if rows.len() == 2 && rows.iter().all(|row| scans(row) >= BATCHES) {
            break rows;
        }
        let counted: Vec<(String, i64)> = rows.iter().map(|row| (row.get("name"), scans(row))).collect();
        assert!(
            Instant::now() < deadline,
            "the server has not counted {BATCHES} scans of index_entry and of commits: {counted:?}"
        );
        // The server counts in its own time and tells nobody when it has: it is asked again.
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    for row in counted {
        let (name, whole): (String, i64) = (row.get("name"), row.get("seq_scan"));
        // An index is made by reading its table, when it is empty.
        assert!(whole <= row.get("indexes"), "{name} was read {whole} times from end to end");
    }
}

#[tokio::test]
async fn columns_that_lie_are_found() {
    let (place, store) = place_and_store(1).await;
    let partition = partition_in(store.identity().shards, Shard(0), 0).digest();
    lands(&store, &sealed(&store, Shard(0), "sound", 9).await).await;
    // Someone else's commit under this partition's name.
    let stranger = CommitBuilder::new(partition_in(store.identity().shards, Shard(0), 1));
    let head = store.heads().await.unwrap()[0];
    let append = ShardChain::new(*store.identity(), Shard(0)).at(head).seal(&[stranger]);
    lands(&store, &append).await;
    place
        .run(
            "UPDATE commits SET partition_start = c.partition_start, partition_rest = c.partition_rest
             FROM (SELECT * FROM commits WHERE position = 1) AS c WHERE commits.position = 10",
        )
        .await;
    let read = store.read_partition(&partition, Position(0), 100).await;
    assert!(matches!(&read, Err(StoreError::Corrupted(what)) if what.contains("10")), "{read:?}");
    assert_eq!(store.read(Shard(0), Position(1), 100).await.unwrap().len(), 10, "the log itself is sound");
    // A commit is gone from the middle, and from the end.
    place.run("DELETE FROM commits WHERE position = 5").await;
    let read = store.read(Shard(0), Position(3), 100).await;
    assert!(matches!(&read, Err(StoreError::Corrupted(what)) if what.contains('5')), "{read:?}");
    place.run("DELETE FROM commits WHERE position = 10").await;
    let read = store.read(Shard(0), Position(10), 100).await;
    assert!(matches!(&read, Err(StoreError::Corrupted(what)) if what.contains("10")), "{read:?}");
    assert!(store.read(Shard(0), Position(11), 100).await.unwrap().is_empty());
    // A head is gone.
    place.run("DELETE FROM head").await;
    let heads = store.heads().await;
    assert!(matches!(heads, Err(StoreError::Corrupted(_))), "{heads:?}");
}

#[tokio::test]
async fn an_index_that_misses_something_is_found() {
    for damage in [
        "DELETE FROM index_entry WHERE position = 4",
        "UPDATE index_entry SET position = 3 WHERE position = 5",
        "UPDATE commits SET partition_start = hash_of_nothing FROM (SELECT md5('')::uuid AS hash_of_nothing) n WHERE position = 6",
        "UPDATE commits SET partition_rest = partition_start WHERE position = 9",
    ] {
        let (place, store) = place_and_store(1).await;
        lands(&store, &sealed(&store, Shard(0), "sound", 9).await).await;
        assert_eq!(verify_index(&store).await.unwrap(), 9);
        place.run(damage).await;
        let found = verify_index(&store).await;
        assert!(matches!(found, Err(StoreError::Corrupted(_))), "{damage}: {found:?}");
    }
}

#[tokio::test]
async fn rows_beyond_the_head_are_damage_and_not_overwritten() {
    let (place, store) = place_and_store(1).await;
    lands(&store, &sealed(&store, Shard(0), "sound", 2).await).await;
    drop(store);
    place
        .run("UPDATE head SET position = c.position, hash = c.hash FROM commits AS c WHERE c.position = 1")
        .await;
    let store = place.open().await.unwrap();
    let refused = store.append(&[sealed(&store, Shard(0), "over it", 1).await]).await;
    assert!(matches!(refused, Err(StoreError::Corrupted(_))), "{refused:?}");
}

/// What one writer was told: the commits of every append that landed.
type Told = Vec<ShardAppend>;

/// Appends as fast as it goes, with rivals, until told to stop; an unknown outcome is sent again until it is
/// known, however long that takes.
async fn writes(store: Arc<PostgresStore>, shard: Shard, writer: usize, stop: Arc<AtomicBool>) -> Told {
    let mut told = Vec::new();
    let mut number = 0;
    let mut head = genesis(store.identity(), shard);
    while !stop.load(Ordering::Acquire) {
        number += 1;
        let note = format!("writer {writer} number {number}");
        let commits = commits(store.identity(), shard, &note, 1 + number % 3);
        loop {
            let append = ShardChain::new(*store.identity(), shard).at(head).seal(&commits);
            let mut unknown = false;
            let answer = loop {
                match store.append(std::slice::from_ref(&append)).await {
                    Ok(mut answers) => break Some(answers.remove(0)),
                    Err(StoreError::Unknown { .. }) => unknown = true,
                    // Of a fresh one nothing landed: it may be given up. Of one of unknown outcome this says nothing.
                    Err(StoreError::Unavailable { .. }) if unknown => {}
                    Err(StoreError::Unavailable { .. }) => break None,
                    Err(error) => panic!("writer {writer}: {error}"),
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            match answer {
                Some(Ok(after)) => {
                    assert_eq!(after, end(&append));
                    head = after;
                    told.push(append);
                    break;
                }
                Some(Err(StoreError::HeadMoved { actual, .. })) => head = actual,
                Some(Err(error)) => panic!("writer {writer}: {error}"),
                None => break,
            }
        }
    }
    told
}

/// Everything that was acknowledged is there once, in a dense and sound chain, and is found by its keys.
async fn all_there_once(store: &dyn EventStore, told: &[Told]) {
    let mut there: HashMap<CommitHash, usize> = HashMap::new();
    let heads = store.heads().await.unwrap();
    for shard in store.identity().shards.all() {
        let mut last = genesis(store.identity(), shard);
        loop {
            let page = store.read(shard, last.position.next(), 1_000).await.unwrap();
            if page.is_empty() {
                break;
            }
            for commit in page {
                assert_eq!((commit.position, commit.previous), (last.position.next(), last.hash));
                verify_commit(store.identity(), &commit).unwrap();
                last = Head { position: commit.position, hash: commit.hash };
                *there.entry(commit.hash).or_default() += 1;
            }
        }
        assert_eq!(heads[shard.index()], last);
    }
    let acknowledged: Vec<_> = told.iter().flatten().flat_map(|append| &append.commits).collect();
    for commit in &acknowledged {
        assert_eq!(there.get(&commit.hash), Some(&1), "position {} was acknowledged", commit.position);
    }
    for append in told.iter().flatten() {
        let keys: Vec<_> =
            append.commits.iter().map(|c| Lookup::Key(append.shard, c.index.keys[0])).collect();
        for (commit, found) in append.commits.iter().zip(store.lookup(&keys).await.unwrap()) {
            assert_eq!(found, [commit.position], "a key is consumed once");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed_lose_nothing_and_double_nothing() {
    for manner in [
        Manner::default(),
        Manner { mode: AppendMode::PerShard, isolation: Isolation::Server },
        Manner { mode: AppendMode::AllShards, isolation: Isolation::RepeatableRead },
    ] {
        let place = Place::shared(manner);
        let id = identity(2);
        let mut stores = vec![Arc::new(place.create(id).await.unwrap())];
        stores.push(Arc::new(place.open().await.unwrap()));
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = Arc::clone(&stores[writer % 2]);
                let shard = Shard(u16::try_from(writer / 2).unwrap());
                tokio::spawn(writes(store, shard, writer, Arc::clone(&stop)))
            })
            .collect();
        for _ in 0..15 {
            tokio::time::sleep(Duration::from_millis(40)).await;
            place.terminate_some().await;
        }
        stop.store(true, Ordering::Release);
        let mut told = Vec::new();
        for writer in writers {
            told.push(writer.await.unwrap());
        }
        assert!(told.iter().all(|told| !told.is_empty()), "every writer got something done");
        all_there_once(&*stores[0], &told).await;
    }
}

/// How often the server dies; `LEDGER_KILLS` says otherwise.
fn kills() -> usize {
    std::env::var("LEDGER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_under_load_loses_nothing_and_doubles_nothing() {
    let mut place = Place::own(Manner::default());
    let id = identity(2);
    let mut stores = vec![Arc::new(place.create(id).await.unwrap())];
    stores.push(Arc::new(place.open().await.unwrap()));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = Arc::clone(&stores[writer % 2]);
            let shard = Shard(u16::try_from(writer / 2).unwrap());
            tokio::spawn(writes(store, shard, writer, Arc::clone(&stop)))
        })
        .collect();
    for kill in 0..kills() {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let how = [Ending::Kill, Ending::Immediate, Ending::Fast][kill % 3];
        let before = stores[0].heads().await.map(|heads| heads[0].position);
        let server = place.server.as_mut().unwrap();
        server.end(how).unwrap();
        server.launch().unwrap();
        // The stores come back by themselves.
        let mut after = stores[0].heads().await;
        while after.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            after = stores[0].heads().await;
        }
        assert!(before.is_err() || after.unwrap()[0].position >= before.unwrap(), "{how:?}");
    }
    stop.store(true, Ordering::Release);
    let mut told = Vec::new();
    for writer in writers {
        told.push(writer.await.unwrap());
    }
    let landed: usize = told.iter().map(Vec::len).sum();
    assert!(landed > 50, "only {landed} appends landed");
    all_there_once(&place.open().await.unwrap(), &told).await;
}

#[cfg(feature = "postgres-tls")]
#[tokio::test]
async fn connections_can_be_encrypted_and_a_false_certificate_is_refused() {
    use ledger_store::postgres::PgSslMode;
    let folder = tempfile::tempdir().unwrap();
    let certificate = crate::postgres_support::certificate(folder.path());
    let server = Server::start_with(&[]).unwrap();
    let server = crate::postgres_support::with_tls(server, folder.path());
    let options = |root: &std::path::Path| {
        let mut options = PostgresOptions::new(&server.url()).unwrap();
        options.connect =
            options.connect.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(root).host("localhost");
        options.connect_timeout = Duration::from_secs(5);
        options
    };
    let store = PostgresStore::open_or_create(options(&certificate), identity(1)).await.unwrap();
    lands(&store, &sealed(&store, Shard(0), "encrypted", 1).await).await;
    let mut admin = sqlx::PgConnection::connect(&server.url()).await.unwrap();
    let row = sqlx::query("SELECT count(*) AS n FROM pg_stat_ssl WHERE ssl AND pid <> pg_backend_pid()");
    let count: i64 = row.fetch_one(&mut admin).await.unwrap().get("n");
    assert!(count > 0, "no connection is encrypted");
    let other = tempfile::tempdir().unwrap();
    let false_one = crate::postgres_support::certificate(other.path());
    let refused = PostgresStore::open(options(&false_one)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
}
