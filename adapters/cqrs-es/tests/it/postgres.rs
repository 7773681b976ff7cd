//! The real postgres-es on the other side: its event repository on our relations, its view repository behind our feed.

use std::sync::Arc;

use casino_ledger::core::{HostData, HostName, HostNamespace, HostOperation, PlayerCommand};
use casino_ledger::projections::Checkpoint;
use casino_ledger::store::{CommitHash, FORMAT, Head, LedgerId, LedgerIdentity, Position, ShardCount};
use casino_ledger::{Ledger, Request};
use casino_ledger_cqrs_es::postgres::{EventsView, InstallError, PostgresCheckpoints};
use casino_ledger_cqrs_es::{
    CheckpointStore, LedgerEventRepository, LedgerEventStore, Once, PlayerLedger, PlayerServices, QueryFeed,
    Rules, ledger_cqrs,
};
use cqrs_es::persist::{
    GenericQuery, PersistedEventRepository, PersistedEventStore, QueryReplay, SerializedEvent,
    ViewRepository as _,
};
use cqrs_es::{AggregateContext as _, CqrsFramework, EventStore as _};
use ledger_core::testing::commands;
use ledger_testkit::postgres::shared_url;
use postgres_es::PostgresViewRepository;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Row as _};
use tokio::runtime::Handle;

use crate::feed::{drained, following};
use crate::support::{
    PLAYER, Recorder, Tally, cash, deposit, fresh_schema, heads, history, on, open, plain, player,
    postgres_store,
};

/// A ledger in a schema, and a pool of the host's, whose connections find both.
async fn place() -> (Ledger, PgPool, String) {
    let schema = fresh_schema();
    let ledger = on(postgres_store(&schema, ShardCount::new(4).unwrap()).await).await;
    let options: PgConnectOptions = shared_url().parse().unwrap();
    let options = options.options([("search_path", schema.as_str())]);
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
    (ledger, pool, schema)
}

async fn done(ledger: Ledger, pool: PgPool, schema: &str) {
    ledger.close().await.unwrap();
    let drop_it = format!("DROP SCHEMA \"{schema}\" CASCADE");
    sqlx::query(&drop_it).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn played(ledger: &Ledger, players: &[&str]) {
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    for (command, _) in history() {
        for id in players {
            drop(cqrs.execute(id, command.clone()).await);
        }
    }
}

async fn due(ledger: &Ledger, id: &str) -> Vec<SerializedEvent> {
    let events = LedgerEventStore::new(ledger.clone()).unwrap().load_events(id).await.unwrap();
    events.iter().map(|event| SerializedEvent::try_from(event).unwrap()).collect()
}

/// Ids that break what is glued together from texts.
const HOSTILE: [&str; 6] =
    ["it's", r#"a"b\c"#, "a/b~c%20", "игрок-ÅÄÖ-🎰", r#""type":"player.opened""#, "p1' OR '1'='1"];

#[tokio::test]
async fn the_event_repository_of_postgres_es_reads_what_the_ledger_has() {
    let (ledger, pool, schema) = place().await;
    let players: Vec<&str> = HOSTILE.into_iter().chain([PLAYER]).collect();
    // Made before there is anything, and asked again by a second host at once.
    let (first, second) =
        tokio::join!(EventsView::install(pool.clone(), &schema), EventsView::install(pool.clone(), &schema));
    let view = first.unwrap();
    second.unwrap();
    let repository = view.repository().with_streaming_channel_size(2);
    assert!(repository.get_events::<PlayerLedger>(PLAYER).await.unwrap().is_empty());

    played(&ledger, &players).await;
    for id in &players {
        let due = due(&ledger, id).await;
        assert!(due.len() > 10);
        assert_eq!(repository.get_events::<PlayerLedger>(id).await.unwrap(), due, "{id}");
        let seen = due[5].sequence;
        assert_eq!(repository.get_last_events::<PlayerLedger>(id, seen).await.unwrap(), due[6..], "{id}");
        assert!(repository.get_snapshot::<PlayerLedger>(id).await.unwrap().is_none());
    }
    assert!(repository.get_events::<PlayerLedger>("nobody").await.unwrap().is_empty());

    // Streams, of one player and of all.
    let recorder = Recorder::default();
    let replay = QueryReplay::<_, _, PlayerLedger>::new(view.repository(), recorder.clone());
    replay.replay(PLAYER).await.unwrap();
    let events = LedgerEventStore::new(ledger.clone()).unwrap().load_events(PLAYER).await.unwrap();
    assert_eq!(plain(recorder.told()), plain(events));
    let recorder = Recorder::default();
    QueryReplay::<_, _, PlayerLedger>::new(view.repository(), recorder.clone()).replay_all().await.unwrap();
    for id in &players {
        let events = LedgerEventStore::new(ledger.clone()).unwrap().load_events(id).await.unwrap();
        assert_eq!(plain(recorder.of(id)), plain(events), "{id}");
    }
    let of_players = recorder.told().len();
    let rows: i64 = sqlx::query("SELECT count(*) AS n FROM events").fetch_one(&pool).await.unwrap().get("n");
    assert_eq!(usize::try_from(rows), Ok(of_players), "the house is no aggregate");

    // The event store of cqrs-es loads the aggregate from it, also through the pool's search path.
    let theirs = postgres_es::PostgresEventRepository::new(pool.clone());
    let theirs = PersistedEventStore::<_, PlayerLedger>::new_event_store(theirs);
    let mut context = theirs.load_aggregate(PLAYER).await.unwrap();
    assert_eq!(context.aggregate().state().unwrap(), &ledger.player(&player(PLAYER)).await.unwrap().state);
    done(ledger, pool, &schema).await;
}

/// Everything that is in the ledger's tables, as one text.
async fn contents(pool: &PgPool) -> String {
    let all =
        "SELECT coalesce(string_agg(c::text, '' ORDER BY c.shard, c.position), '') AS t FROM commits AS c";
    let commits: String = sqlx::query(all).fetch_one(pool).await.unwrap().get("t");
    let all = "SELECT string_agg(h::text, '' ORDER BY h.shard) AS t FROM head AS h";
    let heads: String = sqlx::query(all).fetch_one(pool).await.unwrap().get("t");
    commits + &heads
}

#[tokio::test]
async fn persist_is_refused_and_changes_nothing() {
    let (ledger, pool, schema) = place().await;
    let view = EventsView::install(pool.clone(), &schema).await.unwrap();
    played(&ledger, &[PLAYER]).await;
    let events = due(&ledger, PLAYER).await;
    let mut next = events.last().unwrap().clone();
    next.sequence += 1;
    let before = contents(&pool).await;

    let refused =
        view.repository().persist::<PlayerLedger>(std::slice::from_ref(&next), None).await.unwrap_err();
    assert!(refused.to_string().contains("cannot insert into view \"events\""), "{refused}");
    for (number, table) in [(1, "events"), (2, "events")] {
        let snapshot = Some((PLAYER.to_owned(), serde_json::json!({}), number));
        let events = std::slice::from_ref(&next);
        let refused = view.repository().persist::<PlayerLedger>(events, snapshot).await.unwrap_err();
        assert!(refused.to_string().contains(&format!("cannot insert into view \"{table}\"")), "{refused}");
    }
    // Without events there is only the snapshot to write.
    let snapshot = Some((PLAYER.to_owned(), serde_json::json!({}), 1));
    let refused = view.repository().persist::<PlayerLedger>(&[], snapshot).await.unwrap_err();
    assert!(refused.to_string().contains("\"snapshots\""), "{refused}");
    for statement in ["DELETE FROM events", "UPDATE events SET sequence = 0", "DELETE FROM snapshots"] {
        let refused = sqlx::query(statement).execute(&pool).await.unwrap_err();
        assert!(refused.to_string().contains("view"), "{statement}: {refused}");
    }

    // A framework on it refuses to decide; one that decides by itself cannot write.
    for (services, due) in [
        (PlayerServices::ledger(), "does not commit through a ledger"),
        (
            PlayerServices::deciding(Rules {
                now: "2026-01-02T00:00:00Z".parse().unwrap(),
                ..Rules::new(player(PLAYER))
            }),
            "cannot insert into view",
        ),
    ] {
        let theirs = PersistedEventStore::<_, PlayerLedger>::new_event_store(view.repository());
        let theirs = CqrsFramework::new(theirs, vec![], services);
        let refused = theirs.execute(PLAYER, deposit("d9", "1.00")).await.unwrap_err();
        assert!(refused.to_string().contains(due), "{refused}");
    }
    assert_eq!(contents(&pool).await, before);
    assert_eq!(cash(&ledger, PLAYER).await, "121.40");
    done(ledger, pool, &schema).await;
}

fn host_event(data: &str) -> PlayerCommand {
    HostOperation {
        source: commands::source("acme"),
        id: commands::txn("h1"),
        namespace: HostNamespace::new("acme.loyalty").unwrap(),
        name: HostName::new("earned").unwrap(),
        version: 1,
        data: HostData::new(data).unwrap(),
        state: None,
        expected: None,
        movement: None,
    }
    .into()
}

#[tokio::test]
async fn what_a_host_keeps_cannot_pass_for_an_opening_and_comes_back_as_it_was() {
    let (ledger, pool, schema) = place().await;
    let view = EventsView::install(pool.clone(), &schema).await.unwrap();
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    cqrs.execute(PLAYER, open()).await.unwrap();
    let data =
        r#"{"type":"player.opened","none":null,"deep":{"a":[1,null,"x\"y"]},"big":12345678901234567890}"#;
    cqrs.execute(PLAYER, host_event(data)).await.unwrap();
    let due = due(&ledger, PLAYER).await;
    assert!(due.iter().any(|event| event.event_type == "host.recorded"));
    assert_eq!(view.repository().get_events::<PlayerLedger>(PLAYER).await.unwrap(), due);
    drop(cqrs);
    done(ledger, pool, &schema).await;
}

#[tokio::test]
async fn a_player_is_read_by_indexes_and_not_by_a_walk_of_the_log() {
    let (ledger, pool, schema) = place().await;
    let players: Vec<String> = (0..60).map(|n| format!("p{n}")).collect();
    let commands = history().into_iter().map(|(command, _)| command);
    let requests =
        commands.flat_map(|command| players.iter().map(move |id| Request::new(player(id), command.clone())));
    ledger.execute_all(requests.collect()).await;
    // On a ledger that has a history already.
    EventsView::install(pool.clone(), &schema).await.unwrap();
    sqlx::query("ANALYZE commits").execute(&pool).await.unwrap();
    let explain =
        "EXPLAIN SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata
        FROM events WHERE aggregate_type = 'PlayerLedger' AND aggregate_id = 'p7' ORDER BY sequence";
    let rows = sqlx::query(explain).fetch_all(&pool).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("cqrs_player_by_id") && plan.contains("commits_by_partition"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
    done(ledger, pool, &schema).await;
}

#[tokio::test]
async fn the_relations_are_made_in_a_ledgers_schema_alone_and_never_from_edited_steps() {
    let (ledger, pool, schema) = place().await;
    for name in ["", "Casino", "a\"b", &"x".repeat(64)] {
        let refused = EventsView::install(pool.clone(), name).await;
        assert!(matches!(refused, Err(InstallError::Schema(_))), "{name}");
    }
    let refused = EventsView::install(pool.clone(), &fresh_schema()).await;
    assert!(matches!(refused, Err(InstallError::NoLedger(_))), "{refused:?}");
    EventsView::install(pool.clone(), &schema).await.unwrap();
    EventsView::install(pool.clone(), &schema).await.unwrap();
    for (edit, due) in [
        ("INSERT INTO cqrs_migration VALUES (5, '05_later', 'x')", 5),
        ("UPDATE cqrs_migration SET checksum = 'x' WHERE number = 2", 2),
    ] {
        sqlx::query(edit).execute(&pool).await.unwrap();
        let refused = EventsView::install(pool.clone(), &schema).await;
        let Err(InstallError::Migration { number, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(number, due);
    }
    done(ledger, pool, &schema).await;
}

type TallyRows = PostgresViewRepository<Once<Tally>, PlayerLedger>;

#[tokio::test]
async fn a_view_of_postgres_es_is_fed_and_goes_on_after_a_crash_without_counting_twice() {
    let (ledger, pool, schema) = place().await;
    sqlx::query(
        "CREATE TABLE tally (view_id text PRIMARY KEY, version bigint CHECK (version >= 0) NOT NULL, payload json NOT NULL)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let rows = Arc::new(TallyRows::new("tally", pool.clone()));
    let kept = Arc::new(PostgresCheckpoints::open(pool.clone()).await.unwrap());
    let feed = || {
        let query = GenericQuery::new(Arc::clone(&rows));
        let kept = Arc::clone(&kept) as Arc<dyn CheckpointStore>;
        QueryFeed::generic("tally", query, &ledger, kept, Handle::current())
            .follow(&ledger, following())
            .unwrap()
    };
    let players = [PLAYER, "it's", "p3"];
    played(&ledger, &players).await;
    drained(&ledger, feed()).await;

    // The process dies after the views and before the checkpoint: it is as it was some batches ago.
    let back = "UPDATE cqrs_checkpoint SET position = 0, hash = g.hash FROM genesis AS g WHERE g.shard = cqrs_checkpoint.shard";
    let genesis = "CREATE TABLE genesis AS SELECT DISTINCT ON (shard) shard, previous AS hash FROM commits ORDER BY shard, position";
    for statement in [genesis, back] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    cqrs.execute(PLAYER, deposit("d9", "1.00")).await.unwrap();
    drained(&ledger, feed()).await;

    for id in players {
        let events = LedgerEventStore::new(ledger.clone()).unwrap().load_events(id).await.unwrap();
        let row = rows.load(id).await.unwrap().unwrap();
        assert_eq!(*row.view(), Tally::of(&events), "{id}");
        assert_eq!(row.view().cash, Some(cash(&ledger, id).await), "{id}");
        assert_eq!(row.seen(), events.last().unwrap().sequence);
    }
    drop(cqrs);
    done(ledger, pool, &schema).await;
}

/// The database of the views goes away under a feed, and comes back.
#[tokio::test]
async fn a_view_table_that_is_gone_stops_the_feed_and_nothing_is_lost() {
    let (ledger, pool, schema) = place().await;
    let table =
        "CREATE TABLE tally (view_id text PRIMARY KEY, version bigint NOT NULL, payload json NOT NULL)";
    let rows = Arc::new(TallyRows::new("tally", pool.clone()));
    let kept = Arc::new(PostgresCheckpoints::open(pool.clone()).await.unwrap());
    let feed = || {
        let mut settings = casino_ledger_cqrs_es::FeedSettings::default();
        settings.retries_max = 1;
        let query = GenericQuery::new(Arc::clone(&rows));
        let kept = Arc::clone(&kept) as Arc<dyn CheckpointStore>;
        let feed = QueryFeed::generic("tally", query, &ledger, kept, Handle::current());
        feed.with_settings(settings).follow(&ledger, following()).unwrap()
    };
    played(&ledger, &[PLAYER]).await;
    let runner = feed();
    let failed = runner.wait_for_all(&heads(&ledger).await, crate::support::PATIENCE).await.unwrap_err();
    assert!(failed.to_string().contains("tally"), "{failed}");
    sqlx::query(table).execute(&pool).await.unwrap();
    drained(&ledger, feed()).await;
    let row = rows.load(PLAYER).await.unwrap().unwrap();
    assert_eq!(row.view().cash.as_deref(), Some("121.40"));
    done(ledger, pool, &schema).await;
}

#[tokio::test]
async fn checkpoints_are_kept_never_go_back_and_belong_to_one_ledger() {
    let (ledger, pool, schema) = place().await;
    let kept = PostgresCheckpoints::open(pool.clone()).await.unwrap();
    PostgresCheckpoints::open(pool.clone()).await.unwrap();
    let identity =
        LedgerIdentity { ledger: LedgerId([3; 16]), shards: ShardCount::new(2).unwrap(), format: FORMAT };
    let at = |one: (u64, u8), two: (u64, u8)| {
        let head = |(position, byte)| Head { position: Position(position), hash: CommitHash([byte; 32]) };
        Checkpoint::from_heads(&identity, vec![head(one), head(two)]).unwrap()
    };
    assert_eq!(kept.load("a").await.unwrap(), None);
    for (next, is_taken) in [
        (at((1, 1), (0, 0)), true),
        (at((1, 1), (0, 0)), true),
        (at((5, 5), (7, 7)), true),
        (at((6, 6), (6, 6)), false),
        (at((5, 9), (7, 7)), false),
        (at((5, 5), (8, 8)), true),
    ] {
        let before = kept.load("a").await.unwrap();
        let saved = kept.save("a", &next).await;
        assert_eq!(saved.is_ok(), is_taken, "{next:?}: {saved:?}");
        let now = kept.load("a").await.unwrap();
        assert_eq!(now, if is_taken { Some(next) } else { before }, "whole or not at all");
    }
    let other = LedgerIdentity { ledger: LedgerId([4; 16]), ..identity };
    let heads = vec![Head { position: Position(99), hash: CommitHash([9; 32]) }; 2];
    let foreign = Checkpoint::from_heads(&other, heads).unwrap();
    assert!(kept.save("a", &foreign).await.is_err());
    kept.save("b", &foreign).await.unwrap();
    assert_eq!(kept.load("b").await.unwrap(), Some(foreign));
    for name in ["", "a\nb", &"x".repeat(101)] {
        assert!(kept.load(name).await.is_err());
    }
    done(ledger, pool, &schema).await;
}

#[tokio::test]
async fn both_repositories_agree_on_everything() {
    let (ledger, pool, schema) = place().await;
    let view = EventsView::install(pool.clone(), &schema).await.unwrap();
    played(&ledger, &[PLAYER, "p2"]).await;
    let ours = LedgerEventRepository::new(ledger.store()).unwrap();
    for id in [PLAYER, "p2", "nobody"] {
        for last in [0, 255, 256, 700, usize::MAX >> 1] {
            assert_eq!(
                view.repository().get_last_events::<PlayerLedger>(id, last).await.unwrap(),
                ours.get_last_events::<PlayerLedger>(id, last).await.unwrap(),
                "{id} after {last}"
            );
        }
    }
    done(ledger, pool, &schema).await;
}
