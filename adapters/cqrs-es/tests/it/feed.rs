//! Queries fed from the log: in order, again after a crash, and never past what failed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::Ledger;
use casino_ledger::projections::{Checkpoint, Runner, Settings, State, StopReason, ViewError};
use casino_ledger_cqrs_es::{
    CheckpointStore, FeedSettings, LedgerEventStore, MemoryCheckpoints, Once, PlayerLedger, QueryFeed,
    ledger_cqrs,
};
use cqrs_es::persist::GenericQuery;
use cqrs_es::{EventEnvelope, EventStore as _, Query, View};
use tokio::runtime::Handle;

use crate::support::{
    PATIENCE, PLAYER, Recorder, Tally, Views, bet, deposit, history, in_memory, on, open, plain, stores, win,
};

pub(crate) fn following() -> Settings {
    Settings { poll_every: Duration::from_millis(20), batch_commits_max: 3, ..Settings::default() }
}

fn quick() -> FeedSettings {
    let mut settings = FeedSettings::default();
    settings.retry_pause = Duration::from_millis(1);
    settings
}

/// Waits until the feed has everything, and ends it.
pub(crate) async fn drained(ledger: &Ledger, runner: Runner) {
    runner.wait_for_all(&ledger.heads().await.unwrap(), PATIENCE).await.unwrap();
    runner.stop(PATIENCE).await.unwrap();
}

/// Waits until the feed stopped by itself, and says why.
async fn stopped(ledger: &Ledger, runner: Runner) -> StopReason {
    let heads = ledger.heads().await.unwrap();
    assert!(runner.wait_for_all(&heads, PATIENCE).await.is_err(), "it cannot get there");
    match runner.progress().state {
        State::Stopped(stop) => stop.reason.clone(),
        state => panic!("{state:?}"),
    }
}

async fn played(ledger: &Ledger, players: &[&str]) {
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    // Player by player in turns, so that their commits lie between each other.
    for (command, _) in history() {
        for id in players {
            drop(cqrs.execute(id, command.clone()).await);
        }
    }
}

async fn logged(ledger: &Ledger, id: &str) -> Vec<EventEnvelope<PlayerLedger>> {
    LedgerEventStore::new(ledger.clone()).unwrap().load_events(id).await.unwrap()
}

fn recording(ledger: &Ledger, recorder: &Recorder, kept: &Arc<dyn CheckpointStore>) -> Runner {
    QueryFeed::new("recorder", recorder.clone(), ledger, Arc::clone(kept), Handle::current())
        .follow(ledger, following())
        .unwrap()
}

fn memory() -> Arc<dyn CheckpointStore> {
    Arc::new(MemoryCheckpoints::new())
}

#[tokio::test]
async fn a_query_hears_of_every_event_in_order_on_every_store() {
    let folder = tempfile::tempdir().unwrap();
    let players = ["p1", "p2", "p3"];
    for (name, store) in stores(folder.path()).await {
        let ledger = on(store).await;
        let (recorder, kept) = (Recorder::default(), memory());
        // The feed is there before the first commit, and meets the rest live.
        let runner = recording(&ledger, &recorder, &kept);
        played(&ledger, &players).await;
        drained(&ledger, runner).await;
        for id in players {
            assert_eq!(plain(recorder.of(id)), plain(logged(&ledger, id).await), "{name}: {id}");
        }
        assert_eq!(
            recorder.told().len(),
            players.len() * recorder.of("p1").len(),
            "{name}: and nothing else"
        );

        // Stopped and started again it goes on where it was.
        let before = recorder.told().len();
        drained(&ledger, recording(&ledger, &recorder, &kept)).await;
        assert_eq!(recorder.told().len(), before, "{name}");
        let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
        cqrs.execute(PLAYER, deposit("d9", "1.00")).await.unwrap();
        drained(&ledger, recording(&ledger, &recorder, &kept)).await;
        assert_eq!(plain(recorder.of(PLAYER)), plain(logged(&ledger, PLAYER).await), "{name}");
        drop(cqrs);
        ledger.close().await.unwrap();
    }
}

/// Checkpoints whose home dies: from a moment on nothing is kept.
#[derive(Default)]
struct Dying {
    kept: MemoryCheckpoints,
    saves_left: AtomicU32,
}

#[async_trait]
impl CheckpointStore for Dying {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, ViewError> {
        self.kept.load(name).await
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        let left = self.saves_left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(ViewError::home("the process died here"));
        }
        self.saves_left.store(left - 1, Ordering::Relaxed);
        self.kept.save(name, checkpoint).await
    }
}

/// After every number of batches a process dies between the view and the checkpoint. The batch comes again; a view that
/// keeps what it saw takes it once, another one counts it twice.
#[tokio::test]
async fn a_view_that_keeps_what_it_saw_takes_each_event_once_whenever_the_process_dies() {
    let ledger = in_memory().await;
    played(&ledger, &[PLAYER, "p2"]).await;
    let due = Tally::of(&logged(&ledger, PLAYER).await);
    let mut twice = 0;
    for lives in 0..6 {
        let (once, bare) = (Views::<Once<Tally>>::new(), Views::<Tally>::new());
        for (name, is_once) in [("once", true), ("bare", false)] {
            let kept = Arc::new(Dying::default());
            kept.saves_left.store(lives, Ordering::Relaxed);
            let feed = || {
                let kept = Arc::clone(&kept) as Arc<dyn CheckpointStore>;
                let feed = if is_once {
                    let query = GenericQuery::new(Arc::clone(&once));
                    QueryFeed::generic(name, query, &ledger, kept, Handle::current())
                } else {
                    let query = GenericQuery::new(Arc::clone(&bare));
                    QueryFeed::generic(name, query, &ledger, kept, Handle::current())
                };
                feed.follow(&ledger, following()).unwrap()
            };
            let reason = stopped(&ledger, feed()).await;
            assert!(reason.to_string().contains("died here"), "{reason}");
            kept.saves_left.store(u32::MAX, Ordering::Relaxed);
            drained(&ledger, feed()).await;
        }
        let row = once.row(PLAYER).unwrap();
        assert_eq!(*row.view(), due, "died after {lives}");
        assert_eq!(row.seen(), logged(&ledger, PLAYER).await.last().unwrap().sequence);
        twice += u32::from(bare.row(PLAYER).unwrap() != due);
    }
    assert!(twice > 0, "without it events are counted twice, or this test shows nothing");
}

#[tokio::test]
async fn an_update_that_fails_is_tried_again_and_then_stops_the_feed() {
    let ledger = in_memory().await;
    played(&ledger, &[PLAYER]).await;
    let due = Tally::of(&logged(&ledger, PLAYER).await);
    let views = Views::<Tally>::new();
    let kept = memory();
    let feed = |retries| {
        let mut settings = quick();
        settings.retries_max = retries;
        QueryFeed::generic(
            "tally",
            GenericQuery::new(Arc::clone(&views)),
            &ledger,
            Arc::clone(&kept),
            Handle::current(),
        )
        .with_settings(settings)
        .follow(&ledger, following())
        .unwrap()
    };
    *views.failures.lock().unwrap() = 3;
    let reason = stopped(&ledger, feed(2)).await;
    assert!(matches!(reason, StopReason::View(_)), "{reason}");
    assert!(reason.to_string().contains("optimistic lock"), "{reason}");
    assert_eq!(views.row(PLAYER), None);

    // Some commits go through, then one fails for longer than is tried.
    let reads = || views.rows.lock().unwrap().get(PLAYER).map_or(0, |(_, version)| *version);
    *views.failures.lock().unwrap() = 2;
    drained(&ledger, feed(2)).await;
    assert_eq!(views.row(PLAYER), Some(due), "nothing was lost, nothing came twice");
    assert!(reads() > 0);
}

/// What goes wrong in the middle of a batch keeps the checkpoint at the last commit that went well.
#[tokio::test]
async fn what_went_well_before_a_failure_does_not_come_again() {
    struct Picky(Recorder, casino_ledger_cqrs_es::FailureReport, Arc<AtomicBool>);

    #[async_trait]
    impl Query<PlayerLedger> for Picky {
        async fn dispatch(&self, id: &str, events: &[EventEnvelope<PlayerLedger>]) {
            let is_win = events.iter().any(|event| event.payload.event().type_name() == "bet.settled");
            if is_win && self.2.load(Ordering::Relaxed) {
                return self.1.failed(cqrs_es::persist::PersistenceError::OptimisticLockError);
            }
            self.0.dispatch(id, events).await;
        }
    }

    let ledger = in_memory().await;
    played(&ledger, &[PLAYER]).await;
    let (recorder, kept, fails) = (Recorder::default(), memory(), Arc::new(AtomicBool::new(true)));
    let feed = || {
        let failures = casino_ledger_cqrs_es::FailureReport::default();
        let query = Picky(recorder.clone(), failures.clone(), Arc::clone(&fails));
        QueryFeed::new("picky", query, &ledger, Arc::clone(&kept), Handle::current())
            .with_failures(failures)
            .with_settings(quick())
            .follow(&ledger, Settings { batch_commits_max: 100, ..following() })
            .unwrap()
    };
    stopped(&ledger, feed()).await;
    assert!(!recorder.told().is_empty(), "the opening went well");
    fails.store(false, Ordering::Relaxed);
    drained(&ledger, feed()).await;
    assert_eq!(plain(recorder.told()), plain(logged(&ledger, PLAYER).await));
}

/// Panics, or never answers.
struct Broken(Mutex<Option<()>>);

#[async_trait]
impl Query<PlayerLedger> for Broken {
    async fn dispatch(&self, _: &str, _: &[EventEnvelope<PlayerLedger>]) {
        if self.0.lock().unwrap().is_some() {
            std::future::pending::<()>().await;
        }
        panic!("a bug of the host's");
    }
}

#[tokio::test]
async fn a_query_that_panics_or_hangs_stops_its_feed_and_no_other() {
    let ledger = in_memory().await;
    let (recorder, kept) = (Recorder::default(), memory());
    let sound = recording(&ledger, &recorder, &kept);
    played(&ledger, &[PLAYER]).await;
    for (hangs, due) in [(None, "a bug of the host's"), (Some(()), "took longer")] {
        let mut settings = quick();
        settings.dispatch_timeout = Duration::from_millis(50);
        if hangs.is_none() {
            settings.dispatch_timeout = PATIENCE;
        }
        let query = Broken(Mutex::new(hangs));
        let feed = QueryFeed::new("broken", query, &ledger, Arc::clone(&kept), Handle::current());
        let runner = feed.with_settings(settings).follow(&ledger, following()).unwrap();
        let reason = stopped(&ledger, runner).await.to_string();
        assert!(reason.contains(due), "{reason}");
    }
    drained(&ledger, sound).await;
    assert_eq!(plain(recorder.told()), plain(logged(&ledger, PLAYER).await));
}

#[tokio::test]
async fn of_two_feeds_under_one_name_the_slower_one_is_refused() {
    let ledger = in_memory().await;
    played(&ledger, &[PLAYER]).await;
    let kept = memory();
    let start = Checkpoint::start(ledger.store().identity());
    drained(&ledger, recording(&ledger, &Recorder::default(), &kept)).await;
    let refused = kept.save("recorder", &start).await.unwrap_err();
    assert!(refused.to_string().contains("another runner"), "{refused}");
    kept.save("another", &start).await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_of_another_ledger_or_history_stops_the_feed() {
    let kept = memory();
    let first = in_memory().await;
    played(&first, &[PLAYER]).await;
    drained(&first, recording(&first, &Recorder::default(), &kept)).await;

    // The same ledger's id, with another history.
    let second = in_memory().await;
    let cqrs = ledger_cqrs(second.clone(), vec![]).unwrap();
    for command in [open(), deposit("d1", "1.00"), bet("t1", "1.00"), win("w1", "t1", "5.00")] {
        cqrs.execute(PLAYER, command).await.unwrap();
    }
    let recorder = Recorder::default();
    let reason = stopped(&second, recording(&second, &recorder, &kept)).await.to_string();
    assert!(reason.contains("lost history"), "{reason}");
    assert!(recorder.told().is_empty());
}

#[tokio::test]
async fn a_view_that_takes_each_event_once_ignores_what_it_saw() {
    let ledger = in_memory().await;
    played(&ledger, &[PLAYER]).await;
    let events = logged(&ledger, PLAYER).await;
    let mut once = Once::<Tally>::default();
    for round in 0..3 {
        // From anywhere on, again and again.
        events.iter().skip(round).for_each(|event| once.update(event));
        assert_eq!(*once.view(), Tally::of(&events));
    }
    let kept = serde_json::to_value(&once).unwrap();
    assert_eq!(serde_json::from_value::<Once<Tally>>(kept).unwrap(), once);
}
