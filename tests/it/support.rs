//! What the tests of the engine share.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use casino_ledger::core::testing::commands;
use casino_ledger::core::{CurrencyCode, Finality, PlayerCommand, PlayerId, Settle, Timestamp};
use casino_ledger::store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
use casino_ledger::{
    Clock, ExecuteError, Lane, Ledger, Outcome, Receipt, Request, Settings, Verification, verify,
};
use tokio::task::JoinHandle;

pub(crate) use casino_ledger::core::testing::commands::{decimal as dec, source};

pub(crate) fn eur() -> CurrencyCode {
    commands::currency("EUR")
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

pub(crate) fn bet(id: &str, round: &str, amount: &str) -> PlayerCommand {
    commands::bet(id, round, amount).into()
}

pub(crate) fn win(id: &str, round: &str, amount: &str, finality: Finality) -> PlayerCommand {
    Settle { finality, ..commands::win(id, round, amount) }.into()
}

pub(crate) fn rollback(id: &str, target: &str) -> PlayerCommand {
    commands::rollback(id, target).into()
}

pub(crate) fn identity(shards: ShardCount) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([9; 16]), shards, format: FORMAT }
}

pub(crate) async fn in_memory(shards: ShardCount) -> (Ledger, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new(identity(shards)));
    let ledger = Ledger::with_store(Arc::clone(&store) as Arc<dyn EventStore>, Settings::new().unwrap())
        .await
        .unwrap();
    (ledger, store)
}

/// Opens a player with cash.
pub(crate) async fn funded(ledger: &Ledger, id: &str, cash: &str) -> PlayerId {
    let player = player(id);
    ledger.execute(&player, open()).await.unwrap();
    ledger.execute(&player, deposit("d1", cash)).await.unwrap();
    player
}

pub(crate) fn available(receipt: &Receipt) -> String {
    receipt.available(eur()).unwrap().to_string()
}

pub(crate) fn code(result: &Result<Receipt, ExecuteError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.rejection().map_or("failure", |rejection| rejection.code()),
    }
}

/// What a command came to, in the words of `ledger_core::testing::TestOutcome::text`.
pub(crate) fn text(result: &Result<Receipt, ExecuteError>) -> String {
    let again = |replayed: bool| if replayed { "replayed:" } else { "" };
    match result {
        Ok(receipt) => {
            let outcome = match receipt.outcome {
                Outcome::Applied => "applied",
                Outcome::Noop => "noop",
                Outcome::Tombstoned => "tombstoned",
                _ => "unknown",
            };
            format!("{}{outcome}", again(receipt.replayed))
        }
        Err(ExecuteError::Rejected(refusal)) => {
            let how = if refusal.recorded.is_some() { "rejected" } else { "refused" };
            format!("{}{how}:{}", again(refusal.replayed), refusal.rejection.code())
        }
        Err(error) => format!("failure:{error:?}"),
    }
}

/// The default settings.
pub(crate) fn settings() -> Settings {
    Settings::new().unwrap()
}

/// Opens a ledger on a store.
pub(crate) async fn on(store: Arc<dyn EventStore>, settings: Settings) -> Ledger {
    Ledger::with_store(store, settings).await.unwrap()
}

/// An empty store in memory.
pub(crate) fn memory(shards: ShardCount) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(identity(shards)))
}

/// A request in the play lane, whatever its kind, so that the order of sending is the order of deciding.
pub(crate) fn in_play(player: &PlayerId, command: impl Into<PlayerCommand>) -> Request {
    let mut request = Request::new(player.clone(), command);
    request.lane = Some(Lane::Play);
    request
}

/// Verifies a store that must be right.
pub(crate) async fn verified(store: &dyn EventStore) -> Verification {
    match verify(store).await {
        Ok(verification) => verification,
        Err(error) => panic!("{error}"),
    }
}

/// Fails a test that hangs.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(15), future).await.expect("it hangs")
}

/// Whether a future is still without an answer after a while.
pub(crate) async fn waits<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    tokio::time::timeout(Duration::from_millis(30), Pin::new(future)).await.is_err()
}

/// Executes a command in a task.
pub(crate) fn send(
    ledger: &Ledger,
    player: &PlayerId,
    command: impl Into<PlayerCommand>,
) -> JoinHandle<Result<Receipt, ExecuteError>> {
    let (ledger, request) = (ledger.clone(), in_play(player, command));
    tokio::spawn(async move { ledger.request(request).await })
}

/// Executes commands in a task; they enter the lane together.
pub(crate) fn send_all(
    ledger: &Ledger,
    requests: Vec<Request>,
) -> JoinHandle<Vec<Result<Receipt, ExecuteError>>> {
    let ledger = ledger.clone();
    tokio::spawn(async move { ledger.execute_all(requests).await })
}

/// The balance of a player, from the ledger.
pub(crate) async fn cash(ledger: &Ledger, player: &PlayerId) -> String {
    ledger.player(player).await.unwrap().balances()[0].available().to_string()
}

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct Hands(Mutex<(Timestamp, Duration)>);

impl Hands {
    /// Stands at the beginning of 2026.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(("2026-01-01T00:00:00Z".parse().unwrap(), Duration::ZERO))))
    }

    /// Time passes on both clocks.
    pub(crate) fn pass(&self, seconds: u32) {
        self.jump(i64::from(seconds));
        self.0.lock().unwrap().1 += Duration::from_secs(u64::from(seconds));
    }

    /// Only the wall clock moves.
    pub(crate) fn jump(&self, seconds: i64) {
        let mut hands = self.0.lock().unwrap();
        hands.0 = Timestamp::from_micros(hands.0.as_micros() + seconds * 1_000_000).unwrap();
    }
}

impl Clock for Hands {
    fn wall(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// A clock of which no two looks are the same, and which hardly moves: for engines that must come to what a ledger whose time stands
/// still comes to.
#[derive(Debug)]
pub(crate) struct Ticks {
    looks: AtomicI64,
    start: Instant,
}

impl Ticks {
    /// Begins with the year 2026.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { looks: AtomicI64::new(0), start: Instant::now() })
    }
}

impl Clock for Ticks {
    fn wall(&self) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        Timestamp::from_micros(start.as_micros() + self.looks.fetch_add(1, Ordering::SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        // Both go at one pace, or the ledger would rightly doubt the wall clock.
        self.start.elapsed() / 1_000
    }
}

/// Other settings than the defaults.
pub(crate) fn tuned(tune: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = settings();
    tune(&mut settings);
    settings
}
