//! What the tests share.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::core::{Batch, KnownOperations, PlayerCommand, PlayerId, Timestamp};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::postgres::{PostgresOptions, PostgresStore};
use casino_ledger::store::sqlite::{SqliteOptions, SqliteStore};
use casino_ledger::store::{EventStore, FORMAT, Head, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
use casino_ledger::{Clock, Ledger, Settings};
use casino_ledger_cqrs_es::{PlayerEvent, PlayerLedger};
use cqrs_es::persist::{PersistenceError, ViewContext, ViewRepository};
use cqrs_es::{EventEnvelope, Query, View};
use ledger_core::testing::commands;
use ledger_testkit::postgres::shared_url;
use serde::{Deserialize, Serialize};

pub(crate) const PLAYER: &str = "p1";
/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn identity(shards: ShardCount) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([9; 16]), shards, format: FORMAT }
}

/// A schema that no other test has.
pub(crate) fn fresh_schema() -> String {
    format!("test_{}", uuid::Uuid::new_v4().simple())
}

pub(crate) async fn postgres_store(schema: &str, shards: ShardCount) -> Arc<dyn EventStore> {
    let mut options = PostgresOptions::new(&shared_url()).unwrap();
    schema.clone_into(&mut options.schema);
    options.conflict_retries_max = 200;
    options.statement_timeout = Duration::from_secs(30);
    options.append_timeout = Duration::from_mins(1);
    Arc::new(PostgresStore::open_or_create(options, identity(shards)).await.unwrap())
}

/// An empty ledger's store of every kind.
pub(crate) async fn stores(folder: &Path) -> Vec<(&'static str, Arc<dyn EventStore>)> {
    let id = identity(ShardCount::new(4).unwrap());
    let log = LogOptions { segment_bytes: 1 << 20, ..LogOptions::default() };
    let sqlite = SqliteStore::open_or_create(folder.join("ledger.db"), id, SqliteOptions::default());
    vec![
        ("memory", Arc::new(MemoryStore::new(id))),
        ("log", Arc::new(LogStore::open_or_create(&folder.join("log"), id, log).unwrap())),
        ("sqlite", Arc::new(sqlite.unwrap())),
        ("postgres", postgres_store(&fresh_schema(), id.shards).await),
    ]
}

/// Time that stands still: two runs of the same commands give the same commits.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn wall(&self) -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new().unwrap();
    settings.clock = Arc::new(Still);
    settings.writer = casino_ledger::core::WriterId::new("test").unwrap();
    settings.load_timeout = PATIENCE;
    settings.write_timeout = PATIENCE;
    settings
}

pub(crate) async fn on(store: Arc<dyn EventStore>) -> Ledger {
    Ledger::with_store(store, settings()).await.unwrap()
}

pub(crate) async fn in_memory() -> Ledger {
    on(Arc::new(MemoryStore::new(identity(ShardCount::new(4).unwrap())))).await
}

pub(crate) fn player(id: &str) -> PlayerId {
    PlayerId::new(id).unwrap()
}

pub(crate) fn open() -> PlayerCommand {
    commands::open(&["EUR"]).into()
}

pub(crate) fn deposit(id: &str, amount: &str) -> PlayerCommand {
    commands::deposit(id, amount).into()
}

pub(crate) fn bet(id: &str, amount: &str) -> PlayerCommand {
    commands::bet(id, &format!("round of {id}"), amount).into()
}

pub(crate) fn win(id: &str, bet: &str, amount: &str) -> PlayerCommand {
    commands::win_close(id, &format!("round of {bet}"), amount).into()
}

pub(crate) fn rollback(id: &str, target: &str) -> PlayerCommand {
    commands::rollback(id, target).into()
}

/// A bet and its win in one commit.
pub(crate) fn bet_and_win(bet_id: &str, amount: &str, win_id: &str, won: &str) -> PlayerCommand {
    Batch::new(vec![bet(bet_id, amount), win(win_id, bet_id, won)], KnownOperations::Replay).unwrap().into()
}

/// A history with everything that is told apart: entries, rounds that are over, refusals that are recorded under a key and
/// without, a tombstone, a batch. What each command comes to stands beside it; at its end the cash is 121.40.
pub(crate) fn history() -> Vec<(PlayerCommand, &'static str)> {
    vec![
        (open(), "ok"),
        (deposit("d1", "100.00"), "ok"),
        (bet("t1", "10.00"), "ok"),
        (win("w1", "t1", "36.40"), "ok"),
        (bet("t2", "1000.00"), "insufficient_funds"),
        (rollback("x3", "t3"), "ok"),
        (bet("t3", "5.00"), "txn_cancelled"),
        (win("w4", "t4", "5.00"), "bet_not_found"),
        (bet_and_win("t5", "10.00", "w5", "5.00"), "ok"),
        (bet("t6", "7.00"), "ok"),
        (rollback("x6", "t6"), "ok"),
    ]
}

pub(crate) async fn cash(ledger: &Ledger, id: &str) -> String {
    let reading = ledger.player(&player(id)).await.unwrap();
    reading.balances()[0].available().to_string()
}

pub(crate) async fn heads(ledger: &Ledger) -> Vec<Head> {
    ledger.heads().await.unwrap()
}

/// Remembers what it was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(pub(crate) Arc<Mutex<Vec<EventEnvelope<PlayerLedger>>>>);

impl Recorder {
    pub(crate) fn told(&self) -> Vec<EventEnvelope<PlayerLedger>> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn of(&self, id: &str) -> Vec<EventEnvelope<PlayerLedger>> {
        self.told().into_iter().filter(|event| event.aggregate_id == id).collect()
    }
}

#[async_trait]
impl Query<PlayerLedger> for Recorder {
    async fn dispatch(&self, aggregate_id: &str, events: &[EventEnvelope<PlayerLedger>]) {
        assert!(events.iter().all(|event| event.aggregate_id == aggregate_id));
        self.0.lock().unwrap().extend_from_slice(events);
    }
}

/// What an envelope holds, so that two can be compared.
pub(crate) type Told = (String, usize, PlayerEvent, HashMap<String, String>);

pub(crate) fn plain(events: Vec<EventEnvelope<PlayerLedger>>) -> Vec<Told> {
    let parts = |event: EventEnvelope<PlayerLedger>| {
        (event.aggregate_id, event.sequence, event.payload, event.metadata)
    };
    events.into_iter().map(parts).collect()
}

/// A view that counts: it shows an event that came twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) events: BTree,
    pub(crate) cash: Option<String>,
}

type BTree = std::collections::BTreeMap<String, u32>;

impl View<PlayerLedger> for Tally {
    fn update(&mut self, event: &EventEnvelope<PlayerLedger>) {
        use casino_ledger::core::stored::Event;
        *self.events.entry(event.payload.event().type_name().to_owned()).or_default() += 1;
        if let Event::EntryPosted(entry) = event.payload.event() {
            self.cash = entry.after.first().map(|purse| purse.available().to_string());
        }
    }
}

impl Tally {
    pub(crate) fn of(events: &[EventEnvelope<PlayerLedger>]) -> Self {
        let mut tally = Self::default();
        for event in events {
            tally.update(event);
        }
        tally
    }
}

/// Views in memory, which can be made to fail.
#[derive(Debug)]
pub(crate) struct Views<V> {
    pub(crate) rows: Mutex<HashMap<String, (V, i64)>>,
    /// How many of the next updates fail.
    pub(crate) failures: Mutex<u32>,
}

impl<V> Views<V> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { rows: Mutex::default(), failures: Mutex::default() })
    }
}

impl<V: Clone> Views<V> {
    pub(crate) fn row(&self, id: &str) -> Option<V> {
        self.rows.lock().unwrap().get(id).map(|(view, _)| view.clone())
    }
}

impl<V: View<PlayerLedger> + Clone> ViewRepository<V, PlayerLedger> for Views<V> {
    async fn load(&self, id: &str) -> Result<Option<V>, PersistenceError> {
        Ok(self.row(id))
    }

    async fn load_with_context(&self, id: &str) -> Result<Option<(V, ViewContext)>, PersistenceError> {
        let row = self.rows.lock().unwrap().get(id).cloned();
        Ok(row.map(|(view, version)| (view, ViewContext::new(id.to_owned(), version))))
    }

    async fn update_view(&self, view: V, context: ViewContext) -> Result<(), PersistenceError> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(PersistenceError::OptimisticLockError);
        }
        self.rows.lock().unwrap().insert(context.view_instance_id, (view, context.version + 1));
        Ok(())
    }
}
