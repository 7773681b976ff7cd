//! The ledger as a `PersistedEventRepository`: read on every store, written on none.

use std::sync::Arc;

use casino_ledger_cqrs_es::{LedgerEventRepository, LedgerEventStore, PlayerLedger, ledger_cqrs};
use cqrs_es::EventStore as _;
use cqrs_es::persist::{PersistedEventRepository as _, PersistedEventStore, QueryReplay, SerializedEvent};

use crate::support::{PLAYER, Recorder, cash, heads, history, on, open, plain, stores};

#[tokio::test]
async fn everything_is_read_on_every_store() {
    let folder = tempfile::tempdir().unwrap();
    for (name, store) in stores(folder.path()).await {
        let ledger = on(Arc::clone(&store)).await;
        let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
        for id in [PLAYER, "p2"] {
            for (command, _) in history() {
                drop(cqrs.execute(id, command).await);
            }
        }
        let repository = LedgerEventRepository::new(Arc::clone(&store)).unwrap();
        let events = LedgerEventStore::new(ledger.clone()).unwrap().load_events(PLAYER).await.unwrap();
        let due: Vec<_> = events.iter().map(|event| SerializedEvent::try_from(event).unwrap()).collect();
        let found = repository.get_events::<PlayerLedger>(PLAYER).await.unwrap();
        assert_eq!(found, due, "{name}");
        // After any sequence, also one in the middle of a commit.
        for (seen, event) in due.iter().enumerate() {
            let rest = repository.get_last_events::<PlayerLedger>(PLAYER, event.sequence).await.unwrap();
            assert_eq!(rest, due[seen + 1..], "{name}: after {seen}");
        }
        assert!(repository.get_snapshot::<PlayerLedger>(PLAYER).await.unwrap().is_none());
        for nobody in ["nobody", "", "\u{0}"] {
            assert!(repository.get_events::<PlayerLedger>(nobody).await.unwrap().is_empty());
        }

        // A replay of one, and of all: each player in his order.
        let recorder = Recorder::default();
        QueryReplay::new(repository.clone(), recorder.clone()).replay(PLAYER).await.unwrap();
        assert_eq!(plain(recorder.told()), plain(events.clone()), "{name}");
        let recorder = Recorder::default();
        QueryReplay::new(repository.clone(), recorder.clone()).replay_all().await.unwrap();
        assert_eq!(plain(recorder.of(PLAYER)), plain(events.clone()), "{name}");
        assert_eq!(recorder.told().len(), 2 * events.len(), "{name}");

        let few = repository.clone().with_events_max(3).get_events::<PlayerLedger>(PLAYER).await;
        assert!(few.unwrap_err().to_string().contains("more than 3 events"));

        // Nothing is written by it.
        let before = heads(&ledger).await;
        let refused = repository.persist::<PlayerLedger>(&due, None).await.unwrap_err();
        assert!(refused.to_string().contains("commands, not events"), "{refused}");
        let theirs = PersistedEventStore::<_, PlayerLedger>::new_event_store(repository);
        let mut context = theirs.load_aggregate(PLAYER).await.unwrap();
        let balances = cqrs_es::AggregateContext::aggregate(&mut context).state().unwrap().balances();
        assert_eq!(balances[0].available().to_string(), cash(&ledger, PLAYER).await, "{name}");
        let services = casino_ledger_cqrs_es::PlayerServices::ledger();
        let theirs = cqrs_es::CqrsFramework::new(theirs, vec![], services);
        let refused = theirs.execute("p3", open()).await.unwrap_err();
        assert!(refused.to_string().contains("does not commit through a ledger"), "{name}: {refused}");
        assert_eq!(heads(&ledger).await, before, "{name}");
        drop((theirs, cqrs));
        ledger.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_nobody_reads_to_its_end_ends() {
    let ledger = crate::support::in_memory().await;
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    for (command, _) in history() {
        drop(cqrs.execute(PLAYER, command).await);
    }
    let repository = LedgerEventRepository::new(ledger.store()).unwrap();
    let mut stream = repository.stream_events::<PlayerLedger>(PLAYER).await.unwrap();
    assert!(stream.next::<PlayerLedger>(&[]).await.unwrap().is_ok());
    drop(stream);
    let mut stream = repository.stream_events::<PlayerLedger>("nobody").await.unwrap();
    assert!(stream.next::<PlayerLedger>(&[]).await.is_none());
}
