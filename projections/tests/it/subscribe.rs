//! Subscriptions: every event in order, without a gap, at least once, under an id that stays.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use ledger_projections::{
    Checkpoint, CheckpointStore, Delivery, EventId, Feed, FileCheckpoints, Occurrence, PublishError,
    PublishSettings, Sink, SinkError, StopReason, Subscription, SubscriptionSettings, ViewError, publish,
    saved_or,
};
use ledger_store::{EventStore, LedgerId, MemoryStore, Position, Shard};

use crate::history::{World, append, decoded};
use crate::runner::{LIMIT, store};
use crate::stores::Odd;

fn small() -> SubscriptionSettings {
    SubscriptionSettings {
        delivery_events: 10,
        deliveries_max: 2,
        poll_every: Duration::from_hours(1),
        ..SubscriptionSettings::default()
    }
}

async fn next(subscription: &mut Subscription) -> Delivery {
    let delivery = tokio::time::timeout(LIMIT, subscription.next()).await.expect("in time");
    delivery.expect("more").expect("a delivery")
}

/// Everything up to these heads.
async fn until(subscription: &mut Subscription, store: &MemoryStore) -> (Vec<EventId>, Checkpoint) {
    let heads = store.heads().await.unwrap();
    let mut met = Vec::new();
    loop {
        let delivery = next(subscription).await;
        met.extend(delivery.events.iter().map(Occurrence::id));
        if delivery.checkpoint.heads() == heads {
            return (met, delivery.checkpoint);
        }
    }
}

/// The ids of all events of a history.
fn ids(commits: &[Arc<ledger_projections::Commit>]) -> BTreeSet<EventId> {
    let of = |commit: &Arc<ledger_projections::Commit>| {
        let (shard, position) = (commit.shard, commit.position);
        let events = 0..u16::try_from(commit.body.events.len()).unwrap();
        events.map(move |index| EventId { shard, position, index })
    };
    commits.iter().flat_map(of).collect()
}

fn check_order(met: &[EventId]) {
    for shard in 0..8 {
        let of_shard: Vec<_> = met.iter().filter(|id| id.shard == Shard(shard)).collect();
        assert!(of_shard.is_sorted(), "in order within a shard");
    }
}

#[tokio::test]
async fn every_event_comes_once_in_order_live_too() {
    let mut world = World::new(4, 6, 71);
    let store = store(&world);
    let mut all = world.run(200);
    append(store.as_ref(), &all).await;
    let feed = Feed::new(store.clone());
    let mut subscription = feed.subscribe(Checkpoint::start(&world.identity), small()).unwrap();
    let (mut met, _) = until(&mut subscription, &store).await;
    for _ in 0..10 {
        let more = world.run(15);
        append(store.as_ref(), &more).await;
        all.extend(more);
        met.extend(until(&mut subscription, &store).await.0);
    }
    check_order(&met);
    let expected = ids(&decoded(&all));
    assert_eq!(met.len(), expected.len(), "none twice");
    assert_eq!(met.into_iter().collect::<BTreeSet<_>>(), expected, "none missing");
}

#[tokio::test]
async fn it_goes_on_behind_any_saved_checkpoint() {
    let mut world = World::new(4, 6, 72);
    let store = store(&world);
    append(store.as_ref(), &world.run(150)).await;
    let feed = Feed::new(store.clone());
    let mut saved = vec![(Vec::new(), Checkpoint::start(&world.identity))];
    let mut subscription = feed.subscribe(saved[0].1.clone(), small()).unwrap();
    let heads = store.heads().await.unwrap();
    while saved.last().unwrap().1.heads() != heads {
        let delivery = next(&mut subscription).await;
        assert!(!delivery.events.is_empty() && delivery.events.len() < 10 + 256);
        let mut before = saved.last().unwrap().0.clone();
        before.extend(delivery.events.iter().map(Occurrence::id));
        saved.push((before, delivery.checkpoint));
    }
    let whole: BTreeSet<EventId> = saved.last().unwrap().0.iter().copied().collect();
    for (before, checkpoint) in &saved[..saved.len() - 1] {
        let mut subscription = feed.subscribe(checkpoint.clone(), small()).unwrap();
        let (after, _) = until(&mut subscription, &store).await;
        let before: BTreeSet<EventId> = before.iter().copied().collect();
        let after: BTreeSet<EventId> = after.into_iter().collect();
        assert!(before.is_disjoint(&after));
        assert_eq!(&before | &after, whole);
    }
    // From now on: nothing of before.
    let heads = store.heads().await.unwrap();
    let now = Checkpoint::from_heads(&world.identity, heads).unwrap();
    let mut subscription = feed.subscribe(now, small()).unwrap();
    let more = world.run(5);
    append(store.as_ref(), &more).await;
    let (met, _) = until(&mut subscription, &store).await;
    assert_eq!(met.into_iter().collect::<BTreeSet<_>>(), ids(&decoded(&more)));
}

#[tokio::test]
async fn a_slow_subscriber_is_waited_for_in_bounded_room() {
    let mut world = World::new(2, 4, 73);
    let store = store(&world);
    append(store.as_ref(), &world.run(5_000)).await;
    let feed = Feed::new(store.clone());
    let mut subscription = feed.subscribe(Checkpoint::start(&world.identity), small()).unwrap();
    next(&mut subscription).await;
    let mut given = feed.stats().given;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = feed.stats().given;
        if now == given {
            break;
        }
        given = now;
    }
    assert!(given < 3_000, "nothing more is read while it waits: {given}");
    // It is dropped while the other side waits for room: that ends too.
    drop(subscription);
    let mut again = feed.subscribe(Checkpoint::start(&world.identity), small()).unwrap();
    assert_eq!(until(&mut again, &store).await.0.len(), ids(&decoded_all(&store).await).len());
}

async fn decoded_all(store: &MemoryStore) -> Vec<Arc<ledger_projections::Commit>> {
    let mut all = Vec::new();
    for shard in store.identity().shards.all() {
        for commit in store.read(shard, Position(1), 8_000).await.unwrap() {
            all.push(Arc::new(ledger_projections::Commit::decode(&commit).unwrap()));
        }
    }
    all
}

#[tokio::test]
async fn what_cannot_be_read_ends_it_and_is_not_skipped() {
    let mut world = World::new(1, 3, 74);
    let store = store(&world);
    let sound = world.run(20);
    append(store.as_ref(), &sound).await;
    let last = decoded(&sound).pop().unwrap();
    let mut bytes = Vec::new();
    last.body.encode(&mut bytes).unwrap();
    let name = last.body.events[0].event.type_name();
    let text = String::from_utf8(bytes).unwrap().replace(name, "jackpot.from_the_future");
    append(store.as_ref(), &[world.seal_bytes(text.as_bytes(), &last.body.partition)]).await;
    append(store.as_ref(), &world.run(5)).await;
    let feed = Feed::new(store.clone());
    let mut subscription = feed.subscribe(Checkpoint::start(&world.identity), small()).unwrap();
    let mut deliveries: Vec<_> = (&mut subscription).collect().await;
    let error = deliveries.pop().unwrap().unwrap_err();
    assert_eq!(error.0.at, Some((Shard(0), Position(21))));
    assert!(error.to_string().contains("use a newer casino-ledger"), "{error}");
    let last = deliveries.pop().unwrap().unwrap().checkpoint;
    assert_eq!(last.commits(), 20);
    // A host that decides to go on without it says so in its checkpoint, and it stays there.
    let commit = store.read(Shard(0), Position(21), 1).await.unwrap().pop().unwrap();
    let crate_order = crate::control::skip_order(Shard(0), Position(21));
    let skip = ledger_projections::Skip::new(
        &commit,
        "from the future",
        crate_order.by,
        crate_order.why,
        crate_order.at,
    );
    let mut subscription = feed.subscribe(last.skip(&skip).unwrap(), small()).unwrap();
    let (met, at) = until(&mut subscription, &store).await;
    assert!(!met.is_empty() && met.iter().all(|id| id.position > Position(21)));
    assert_eq!(at.skips(), [skip]);
}

#[tokio::test]
async fn another_history_ends_it() {
    let mut world = World::new(2, 3, 75);
    let all = world.run(40);
    let whole = store(&world);
    append(whole.as_ref(), &all).await;
    let feed = Feed::new(whole.clone());
    let mut subscription = feed.subscribe(Checkpoint::start(&world.identity), small()).unwrap();
    let (_, at) = until(&mut subscription, &whole).await;
    let behind = store(&world);
    append(behind.as_ref(), &all[..20]).await;
    let mut refused = Feed::new(behind).subscribe(at, small()).unwrap();
    let error = refused.next().await.unwrap().unwrap_err();
    assert!(matches!(&error.0.reason, StopReason::View(e) if matches!(**e, ViewError::HistoryLost { .. })));
    assert!(refused.next().await.is_none());
}

#[tokio::test]
async fn a_store_that_never_wakes_or_fails_for_a_while_is_borne() {
    let mut world = World::new(2, 3, 76);
    let inner = store(&world);
    append(inner.as_ref(), &world.run(20)).await;
    let odd = Arc::new(Odd::new(inner.clone()));
    odd.failures.store(3, std::sync::atomic::Ordering::SeqCst);
    let settings = SubscriptionSettings {
        poll_every: Duration::from_millis(2),
        store_retry_pause: Duration::from_millis(1),
        ..small()
    };
    let mut subscription =
        Feed::new(odd.clone()).subscribe(Checkpoint::start(&world.identity), settings).unwrap();
    until(&mut subscription, &inner).await;
    odd.failures.store(5, std::sync::atomic::Ordering::SeqCst);
    append(inner.as_ref(), &world.run(10)).await;
    until(&mut subscription, &inner).await;
}

#[test]
fn ids_of_events_are_texts_that_come_back() {
    let id = EventId { shard: Shard(3), position: Position(17), index: 2 };
    assert_eq!(id.to_string(), "3/17/2");
    assert_eq!("3/17/2".parse::<EventId>(), Ok(id));
    for bad in ["", "3/17", "3/17/2/1", "03/17/2", "+3/17/2", "3/17/-1", "3/17/65536", "a/b/c", "3/17/ 2"] {
        assert!(bad.parse::<EventId>().is_err(), "{bad}");
    }
}

/// A sink that fails as told and keeps what it published.
#[derive(Default)]
struct Broker {
    published: Vec<String>,
    fail: usize,
    refuse: bool,
    /// Publishes this many of a delivery before it fails.
    torn: usize,
}

#[async_trait]
impl Sink for Broker {
    async fn publish(&mut self, events: &[Occurrence]) -> Result<(), SinkError> {
        let name = |event: &Occurrence| event.message_id(LedgerId([7; 16]));
        if self.refuse {
            return Err(SinkError::Stop("no such topic".into()));
        }
        if self.fail > 0 {
            self.fail -= 1;
            self.published.extend(events.iter().take(self.torn).map(name));
            return Err(SinkError::Again("not there".into()));
        }
        self.published.extend(events.iter().map(name));
        Ok(())
    }
}

async fn publish_until(
    feed: &Feed,
    checkpoints: &dyn CheckpointStore,
    broker: &mut Broker,
    settings: &PublishSettings,
    until: &Checkpoint,
) -> Result<(), PublishError> {
    let first = Checkpoint::start(feed.identity());
    let from = saved_or(checkpoints, "crm", first).await?;
    let subscription = feed.subscribe(from, small())?;
    let publishing = publish(subscription, checkpoints, "crm", broker, settings);
    let saved = async {
        while checkpoints.load("crm").await.unwrap().is_none_or(|saved| !saved.is_at_least(until)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        ended = publishing => ended,
        () = saved => Ok(()),
    }
}

#[tokio::test]
async fn a_publisher_tries_again_saves_and_goes_on() {
    let mut world = World::new(2, 4, 77);
    let store = store(&world);
    let all = world.run(60);
    append(store.as_ref(), &all).await;
    let feed = Feed::new(store.clone());
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = FileCheckpoints::new(folder.path().join("checkpoints")).unwrap();
    let quick = PublishSettings {
        retries_max: 3,
        retry_pause: Duration::from_millis(1),
        ..PublishSettings::default()
    };
    let end = Checkpoint::from_heads(&world.identity, store.heads().await.unwrap()).unwrap();

    let mut broker = Broker { fail: 3, torn: 2, ..Broker::default() };
    publish_until(&feed, &checkpoints, &mut broker, &quick, &end).await.unwrap();
    let distinct: BTreeSet<_> = broker.published.iter().cloned().collect();
    let expected = ids(&decoded(&all));
    assert_eq!(distinct.len(), expected.len(), "each event, under one id");
    assert_eq!(broker.published.len(), expected.len() + 3 * 2, "at least once: what was torn came again");

    // Saved: a new publisher has nothing to do but what is new.
    let more = world.run(10);
    append(store.as_ref(), &more).await;
    let end = Checkpoint::from_heads(&world.identity, store.heads().await.unwrap()).unwrap();
    let mut broker = Broker { fail: 1_000, ..Broker::default() };
    let failed = publish_until(&feed, &checkpoints, &mut broker, &quick, &end).await;
    assert!(matches!(failed, Err(PublishError::Sink(SinkError::Again(_)))), "{failed:?}");
    assert_eq!(broker.fail, 1_000 - 4, "a bound on retries");
    let mut broker = Broker { refuse: true, ..Broker::default() };
    let failed = publish_until(&feed, &checkpoints, &mut broker, &quick, &end).await;
    assert!(matches!(failed, Err(PublishError::Sink(SinkError::Stop(_)))), "{failed:?}");
    let mut broker = Broker::default();
    publish_until(&feed, &checkpoints, &mut broker, &quick, &end).await.unwrap();
    assert_eq!(broker.published.len(), ids(&decoded(&more)).len());
}

pub(crate) async fn checkpoints_are_kept(store: &dyn CheckpointStore) {
    let mut world = World::new(2, 4, 78);
    let commits = world.commits(30);
    let start = Checkpoint::start(&world.identity);
    assert_eq!(store.load("a").await.unwrap(), None);
    let middle = start.advance(&commits[..10]).unwrap().after;
    let order = crate::control::skip_order(commits[10].shard, commits[10].position);
    let skip = ledger_projections::Skip {
        shard: commits[10].shard,
        position: commits[10].position,
        previous: commits[10].previous,
        hash: commits[10].hash,
        what: "\"quoted\" und ümlaut".to_owned(),
        by: order.by,
        why: order.why,
        at: order.at,
    };
    let skipped = middle.skip(&skip).unwrap();
    let end = skipped.advance(&commits[11..]).unwrap().after;
    for checkpoint in [&start, &middle, &skipped, &end, &end] {
        store.save("a", checkpoint).await.unwrap();
        assert_eq!(store.load("a").await.unwrap().as_ref(), Some(checkpoint));
    }
    assert!(matches!(store.save("a", &middle).await, Err(ViewError::InUse { .. })), "it never goes back");
    let other = Checkpoint::start(&crate::history::identity(4));
    assert!(matches!(store.save("a", &other).await, Err(ViewError::OtherLedger(_))));
    store.save("b-2.c_d", &middle).await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(end));
    let long = "x".repeat(101);
    for bad in ["", "..", ".a", "A", "a/b", "a b", &long] {
        assert!(store.save(bad, &start).await.is_err(), "{bad:?}");
        assert!(store.load(bad).await.is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn checkpoints_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = FileCheckpoints::new(folder.path()).unwrap();
    checkpoints_are_kept(&checkpoints).await;
    let file = folder.path().join("a.checkpoint.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    assert!(matches!(checkpoints.load("a").await, Err(ViewError::Damaged(_))));
    // A head too few: not a checkpoint of this ledger.
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["heads"].as_array_mut().unwrap().pop();
    std::fs::write(&file, json.to_string()).unwrap();
    assert!(matches!(checkpoints.load("a").await, Err(ViewError::Damaged(_))));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn checkpoints_in_sqlite() {
    use ledger_projections::sqlite::SqliteCheckpoints;
    use ledger_projections::sqlite::rusqlite::Connection;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.sqlite");
    let checkpoints = SqliteCheckpoints::open(&path).unwrap();
    checkpoints_are_kept(&checkpoints).await;
    // Together with a row of the host's own: both or neither.
    let mut host = Connection::open(&path).unwrap();
    host.execute_batch("CREATE TABLE mails (id TEXT)").unwrap();
    let world = World::new(2, 4, 79);
    let start = Checkpoint::start(&world.identity);
    for lands in [false, true] {
        let tx = host.transaction().unwrap();
        tx.execute("INSERT INTO mails VALUES ('m')", []).unwrap();
        SqliteCheckpoints::save_in(&tx, "mails", &start).unwrap();
        if lands {
            tx.commit().unwrap();
        } else {
            drop(tx);
        }
        let mails: i64 = host.query_row("SELECT count(*) FROM mails", [], |row| row.get(0)).unwrap();
        let saved = checkpoints.load("mails").await.unwrap();
        assert_eq!((mails, saved), if lands { (1, Some(start.clone())) } else { (0, None) });
    }
}
