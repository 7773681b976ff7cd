//! `CqrsFramework<PlayerLedger, _>` over a ledger, on every store.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use casino_ledger::core::stored::Event;
use casino_ledger::core::{PartitionDigest, PlayerCommand, Policy, Rejection, Timestamp};
use casino_ledger::privacy::MemoryKeyStore;
use casino_ledger::store::{
    EventStore, Head, LedgerIdentity, Lookup, MemoryStore, Position, Shard, ShardAppend, ShardCount,
    Snapshot, StoreError, StoredCommit,
};
use casino_ledger::{ExecuteError, Ledger, RecordedOutcome, verify};
use casino_ledger_cqrs_es::{
    EventPlace, LedgerCqrs, LedgerEventStore, PlayerError, PlayerServices, UnknownMetadata, aggregate_error,
    ledger_cqrs,
};
use cqrs_es::{AggregateContext as _, AggregateError, CqrsFramework, EventStore as _};
use tokio::sync::watch;

use crate::support::{
    PLAYER, Recorder, bet, cash, deposit, heads, history, identity, in_memory, on, open, plain, player,
    settings, stores,
};

/// What a command came to, as a word.
fn word(result: &Result<(), AggregateError<PlayerError>>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(AggregateError::UserError(PlayerError::Refused(refusal))) => refusal.rejection.code().to_owned(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn commands_run_on_every_store_and_a_replay_has_no_new_event() {
    let folder = tempfile::tempdir().unwrap();
    for (name, store) in stores(folder.path()).await {
        let ledger = on(Arc::clone(&store)).await;
        let recorder = Recorder::default();
        let cqrs = ledger_cqrs(ledger.clone(), vec![Box::new(recorder.clone())]).unwrap();
        for (command, due) in history() {
            assert_eq!(word(&cqrs.execute(PLAYER, command.clone()).await), due, "{name}: {command:?}");
        }
        assert_eq!(cash(&ledger, PLAYER).await, "121.40", "{name}");

        // What was told to the query is what was accepted, and it is what the log says.
        let events = LedgerEventStore::new(ledger.clone()).unwrap();
        let all = plain(events.load_events(PLAYER).await.unwrap());
        let accepted: Vec<_> = all
            .iter()
            .filter(|(_, _, event, _)| !matches!(event.event(), Event::TxnRejected(_)))
            .cloned()
            .collect();
        assert_eq!(plain(recorder.told()), accepted, "{name}");
        assert!(accepted.len() < all.len(), "{name}: refusals are recorded");
        assert!(all.is_sorted_by(|a, b| a.1 < b.1), "{name}");

        // All of it again: the same answers, nothing told, nothing appended.
        let (before, told) = (heads(&ledger).await, recorder.told().len());
        for (command, due) in history() {
            // A refused win consumed no key, so it is refused anew, and that is recorded anew.
            if due != "bet_not_found" {
                assert_eq!(word(&cqrs.execute(PLAYER, command).await), due, "{name}: again");
            }
        }
        assert_eq!((heads(&ledger).await, recorder.told().len()), (before, told), "{name}");

        // The recorded outcome of a key, with its receipt.
        let key = bet("t1", "10.00").key(&player(PLAYER), &Policy::default()).unwrap();
        let RecordedOutcome::Accepted(receipt) = ledger.outcome(&player(PLAYER), &key).await.unwrap() else {
            panic!("{name}: it was accepted")
        };
        let placed = all.iter().find(|(_, _, event, _)| matches!(event.event(), Event::BetPlaced(_)));
        assert_eq!(EventPlace::of_sequence(placed.unwrap().1).position, receipt.position, "{name}");

        assert_eq!(word(&cqrs.execute(PLAYER, bet("t1", "11.00")).await), "key_reused", "{name}");
        drop((cqrs, events));
        verify(store.as_ref()).await.unwrap();
        ledger.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_framework_and_the_ledger_itself_write_the_same_commits() {
    let (direct, through) = (in_memory().await, in_memory().await);
    let cqrs = ledger_cqrs(through.clone(), vec![]).unwrap();
    for (command, _) in history() {
        drop(direct.execute(&player(PLAYER), command.clone()).await);
        drop(cqrs.execute(PLAYER, command).await);
    }
    assert_eq!(heads(&through).await, heads(&direct).await);
}

#[tokio::test]
async fn money_is_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, store) in stores(folder.path()).await {
        let ledger = on(store).await;
        let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
        for command in [open(), deposit("d1", "100.00"), deposit("d2", "50.00")] {
            cqrs.execute(PLAYER, command).await.unwrap();
        }
        let events = LedgerEventStore::new(ledger.clone()).unwrap();
        for _ in 0..2 {
            let mut context = events.load_aggregate(PLAYER).await.unwrap();
            let balances = context.aggregate().state().unwrap().balances();
            assert_eq!(balances[0].available().to_string(), "150.00", "{name}");
        }
        ledger.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_frameworks_cannot_spend_the_same_money() {
    let ledger = in_memory().await;
    let frameworks: Vec<Arc<LedgerCqrs>> =
        (0..2).map(|_| Arc::new(ledger_cqrs(ledger.clone(), vec![]).unwrap())).collect();
    for command in [open(), deposit("d1", "100.00")] {
        frameworks[0].execute(PLAYER, command).await.unwrap();
    }
    let mut tasks = Vec::new();
    for n in 0..30 {
        let cqrs = Arc::clone(&frameworks[n % 2]);
        tasks.push(tokio::spawn(
            async move { word(&cqrs.execute(PLAYER, bet(&format!("t{n}"), "10.00")).await) },
        ));
    }
    let mut accepted = 0;
    for task in tasks {
        match task.await.unwrap().as_str() {
            "ok" => accepted += 1,
            other => assert_eq!(other, "insufficient_funds"),
        }
    }
    assert_eq!((accepted, cash(&ledger, PLAYER).await.as_str()), (10, "0.00"));
}

fn metadata(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn over(events: LedgerEventStore) -> LedgerCqrs {
    CqrsFramework::new(events, vec![], PlayerServices::ledger())
}

#[tokio::test]
async fn metadata_is_kept_with_the_commit_or_refused() {
    let mut settings = settings();
    settings.keys = Some(Arc::new(MemoryKeyStore::new()));
    let store = Arc::new(MemoryStore::new(identity(ShardCount::ONE)));
    let ledger = Ledger::with_store(store, settings).await.unwrap();
    let events = LedgerEventStore::new(ledger.clone()).unwrap();
    let cqrs = over(events.clone());
    let given = [("actor", "anna"), ("trace", "tr1"), ("causation", "c1"), ("personal.ip", "203.0.113.9")];
    cqrs.execute_with_metadata(PLAYER, open(), metadata(&given)).await.unwrap();

    let opened = events.load_events(PLAYER).await.unwrap().remove(0);
    let value = |name: &str| opened.metadata.get(name).map(String::as_str);
    assert_eq!((value("actor"), value("trace"), value("causation")), (Some("anna"), Some("tr1"), Some("c1")));
    assert_eq!(
        (value("operator"), value("brand"), value("jurisdiction")),
        (Some("operator"), Some("brand"), Some("MT"))
    );
    assert!(opened.metadata.values().all(|value| !value.contains("203.0.113.9")), "it is sealed");
    let at = EventPlace::of_sequence(opened.sequence).position;
    let personal = ledger.personal_at(&player(PLAYER), at).await.unwrap();
    assert_eq!(personal.fields[0].1.as_ref().unwrap().as_str(), Some("203.0.113.9"));

    // What cannot be kept is refused, and nothing is recorded.
    let before = heads(&ledger).await;
    let long = "x".repeat(200);
    for (name, value) in [("time", "noon"), ("actor", ""), ("trace", long.as_str()), ("personal.ip", "")] {
        let refused =
            cqrs.execute_with_metadata(PLAYER, deposit("d1", "1.00"), metadata(&[(name, value)])).await;
        let Err(AggregateError::UserError(PlayerError::Metadata { name: found, .. })) = refused else {
            panic!("{name}: {refused:?}")
        };
        assert_eq!(found, name);
    }
    assert_eq!(heads(&ledger).await, before);

    let cqrs = over(events.clone().with_unknown_metadata(UnknownMetadata::Drop));
    cqrs.execute_with_metadata(PLAYER, deposit("d1", "1.00"), metadata(&[("time", "noon")])).await.unwrap();
    let last = events.load_events(PLAYER).await.unwrap().pop().unwrap();
    assert_eq!(last.metadata.get("time"), None);
    assert_eq!(last.metadata.get("actor").map(String::as_str), Some("host"), "the actor of the settings");
}

#[tokio::test]
async fn personal_data_without_a_key_store_is_refused_and_nothing_recorded() {
    let ledger = in_memory().await;
    let before = heads(&ledger).await;
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    let refused = cqrs.execute_with_metadata(PLAYER, open(), metadata(&[("personal.ip", "::1")])).await;
    assert!(matches!(refused, Err(AggregateError::UserError(PlayerError::Sealing(_)))), "{refused:?}");
    assert_eq!(heads(&ledger).await, before);
}

#[tokio::test]
async fn what_is_no_command_to_a_player_changes_nothing() {
    let ledger = in_memory().await;
    let events = LedgerEventStore::new(ledger.clone()).unwrap();
    let cqrs = over(events.clone());
    let refused = cqrs.execute("", open()).await;
    assert!(matches!(refused, Err(AggregateError::UserError(PlayerError::Id(_)))), "{refused:?}");
    assert_eq!(word(&cqrs.execute(PLAYER, deposit("d1", "1.00")).await), "player_unknown");
    cqrs.execute(PLAYER, open()).await.unwrap();
    let before = heads(&ledger).await;

    // Events do not come into the ledger but by commands.
    let stored = events.load_events(PLAYER).await.unwrap();
    let context = events.load_aggregate(PLAYER).await.unwrap();
    let payloads = stored.into_iter().map(|event| event.payload).collect();
    let refused = events.commit(payloads, context, HashMap::new()).await;
    assert!(matches!(&refused, Err(AggregateError::UnexpectedError(_))), "{refused:?}");
    // No command, no events.
    let context = events.load_aggregate(PLAYER).await.unwrap();
    assert!(events.commit(Vec::new(), context, HashMap::new()).await.unwrap().is_empty());
    assert_eq!(heads(&ledger).await, before);

    let few = events.clone().with_events_max(0).load_events(PLAYER).await;
    assert!(few.unwrap_err().to_string().contains("more than 0 events"));
    assert!(events.load_events("nobody").await.unwrap().is_empty());
}

#[tokio::test]
async fn errors_say_what_may_be_concluded() {
    let ledger = in_memory().await;
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    ledger.close().await.unwrap();
    let closed = cqrs.execute(PLAYER, open()).await;
    assert!(matches!(closed, Err(AggregateError::DatabaseConnectionError(_))), "{closed:?}");

    let key = bet("t1", "1.00").key(&player(PLAYER), &Policy::default()).unwrap();
    let unknown = aggregate_error(ExecuteError::Indeterminate { key: key.clone() });
    assert!(matches!(unknown, AggregateError::UserError(PlayerError::Indeterminate { key: k }) if k == key));
    let nothing = aggregate_error(ExecuteError::Unavailable { reason: "disk".to_owned() });
    assert!(matches!(nothing, AggregateError::DatabaseConnectionError(_)));
    for error in [
        ExecuteError::Store(StoreError::Corrupted("x".to_owned())),
        ExecuteError::Bug { what: "x".to_owned() },
    ] {
        assert!(matches!(aggregate_error(error), AggregateError::UnexpectedError(_)));
    }
}

/// A store that takes commits and then cannot be read.
#[derive(Debug)]
struct Unreadable {
    store: MemoryStore,
    fails: AtomicBool,
}

#[async_trait]
impl EventStore for Unreadable {
    fn identity(&self) -> &LedgerIdentity {
        self.store.identity()
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.store.heads().await
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.last_recorded_at().await
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        self.store.append(appends).await
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable { reason: "as ordered".to_owned(), source: None });
        }
        self.store.read(shard, from, limit).await
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.store.read_partition(partition, after, limit).await
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.store.lookup(lookups).await
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.store.write_snapshot(snapshot).await
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        self.store.snapshot(partition).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.store.watch()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

#[tokio::test]
async fn a_command_that_is_durable_is_never_told_as_failed() {
    let store = MemoryStore::new(identity(ShardCount::ONE));
    let store = Arc::new(Unreadable { store, fails: AtomicBool::new(false) });
    let ledger = on(Arc::clone(&store) as _).await;
    let recorder = Recorder::default();
    let cqrs = ledger_cqrs(ledger.clone(), vec![Box::new(recorder.clone())]).unwrap();
    cqrs.execute(PLAYER, open()).await.unwrap();
    let told = recorder.told().len();
    store.fails.store(true, Ordering::Relaxed);
    cqrs.execute(PLAYER, deposit("d1", "100.00")).await.unwrap();
    assert_eq!((cash(&ledger, PLAYER).await.as_str(), recorder.told().len()), ("100.00", told));
}

#[tokio::test]
async fn a_refusal_tells_what_a_provider_wants_to_know() {
    let ledger = in_memory().await;
    let cqrs = ledger_cqrs(ledger, vec![]).unwrap();
    for command in [open(), deposit("d1", "100.00")] {
        cqrs.execute(PLAYER, command).await.unwrap();
    }
    let too_much: PlayerCommand = bet("t1", "100.01");
    for replayed in [false, true] {
        let Err(AggregateError::UserError(PlayerError::Refused(refusal))) =
            cqrs.execute(PLAYER, too_much.clone()).await
        else {
            panic!("it is refused")
        };
        assert_eq!(refusal.replayed, replayed);
        assert!(matches!(refusal.rejection, Rejection::InsufficientFunds { .. }), "{:?}", refusal.rejection);
        assert_eq!(refusal.balances[0].available().to_string(), "100.00");
        assert!(refusal.recorded.is_some());
    }
}
