//! What the tests of processes share: a runner in a task, and a store and effects that die at a chosen moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::core::{Partition, PlayerId};
use casino_ledger::process::{
    Call, EffectError, Effects, ManagerName, MemoryProcesses, ProcessManager, ProcessRunner, ProcessSettings,
    ProcessStop, ProcessStore, ProcessStoreError, Processes, Saved, SavedAs, SavedChanges,
};
use casino_ledger::projections::{Checkpoint, Feed, SubscriptionSettings};
use casino_ledger::store::{EventStore, Shard, ShardCount};
use casino_ledger::{Ledger, Settings};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Hands, identity, on, player, tuned, verified};

/// A runner that saves at every turn and looks at the clock often.
pub(crate) fn quick() -> ProcessSettings {
    let mut settings = ProcessSettings::default();
    settings.tick = Duration::from_millis(1);
    settings.save_every = Duration::ZERO;
    settings.retry_pause = Duration::from_millis(1);
    settings.retry_pause_max = Duration::from_millis(1);
    settings.subscription.poll_every = Duration::from_millis(5);
    settings
}

/// A running manager.
pub(crate) struct Running<M: ProcessManager> {
    pub(crate) handle: Processes<M>,
    task: JoinHandle<Result<(), ProcessStop>>,
}

impl<M: ProcessManager> Running<M> {
    pub(crate) fn start(
        ledger: &Ledger,
        manager: M,
        effects: impl Effects<M>,
        store: Arc<dyn ProcessStore>,
        settings: ProcessSettings,
    ) -> Self {
        let feed = Feed::new(ledger.store());
        let (runner, handle) = ProcessRunner::new(ledger, &feed, manager, effects, store, settings).unwrap();
        Self { handle, task: tokio::spawn(runner.run()) }
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// What it stopped with.
    pub(crate) async fn ended(self) -> Result<(), ProcessStop> {
        tokio::time::timeout(Duration::from_secs(15), self.task).await.expect("it goes on").unwrap()
    }

    pub(crate) async fn quiet(&self) {
        assert!(
            self.handle.quiet(Duration::from_secs(15)).await,
            "{:?} {:?}",
            self.handle,
            self.handle.stuck()
        );
    }
}

/// Dies when it has been touched so many times.
#[derive(Debug)]
pub(crate) struct Death {
    left: AtomicI64,
    struck: Notify,
}

impl Death {
    pub(crate) fn after(touches: i64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(touches), struck: Notify::new() })
    }

    pub(crate) fn never() -> Arc<Self> {
        Self::after(i64::MAX)
    }

    /// How often it was touched, of so many.
    pub(crate) fn touched(&self, of: i64) -> i64 {
        of - self.left.load(Ordering::SeqCst)
    }

    /// Returns, or never again.
    pub(crate) async fn touch(&self) {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left == 0 {
            self.struck.notify_one();
        }
        if left <= 0 {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) async fn struck(&self) {
        self.struck.notified().await;
    }
}

/// A store of processes that dies before or after a saving.
#[derive(Debug, Clone)]
pub(crate) struct MortalProcesses {
    pub(crate) inner: MemoryProcesses,
    death: Arc<Death>,
}

impl MortalProcesses {
    pub(crate) fn new(inner: &MemoryProcesses, death: &Arc<Death>) -> Arc<Self> {
        Arc::new(Self { inner: inner.clone(), death: Arc::clone(death) })
    }
}

#[async_trait]
impl ProcessStore for MortalProcesses {
    async fn load(&self, manager: &ManagerName) -> Result<Option<Saved>, ProcessStoreError> {
        self.inner.load(manager).await
    }

    async fn save(
        &self,
        manager: &ManagerName,
        changes: &SavedChanges,
    ) -> Result<SavedAs, ProcessStoreError> {
        self.death.touch().await;
        let saved = self.inner.save(manager, changes).await;
        self.death.touch().await;
        saved
    }
}

/// Effects that die before or after a call.
pub(crate) struct MortalEffects<E> {
    inner: Arc<E>,
    death: Arc<Death>,
}

impl<E> MortalEffects<E> {
    pub(crate) fn new(inner: &Arc<E>, death: &Arc<Death>) -> Self {
        Self { inner: Arc::clone(inner), death: Arc::clone(death) }
    }
}

#[async_trait]
impl<M: ProcessManager, E: Effects<M>> Effects<M> for MortalEffects<E> {
    async fn perform(&self, call: Call<'_, M::Effect>) -> Result<M::Answer, EffectError> {
        self.death.touch().await;
        let answer = self.inner.perform(call).await;
        self.death.touch().await;
        answer
    }
}

/// What is lost when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The runner.
    Runner,
    /// The runner, and all that it had saved.
    Saved,
    /// The runner and the engine.
    Engine,
}

/// What a history came to: every account, what each player has, and how many commits it took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) accounts: BTreeMap<String, String>,
    pub(crate) purses: BTreeMap<PlayerId, Vec<String>>,
    pub(crate) commits: u64,
}

/// What each player of the log has.
async fn purses(ledger: &Ledger) -> BTreeMap<PlayerId, Vec<String>> {
    let feed = Feed::new(ledger.store());
    let end = Checkpoint::from_heads(feed.identity(), ledger.heads().await.unwrap()).unwrap();
    let mut at = Checkpoint::start(feed.identity());
    let mut events = feed.subscribe(at.clone(), SubscriptionSettings::default()).unwrap();
    let mut all = BTreeMap::new();
    while !at.is_at_least(&end) {
        let delivery = events.next().await.unwrap().unwrap();
        for event in &delivery.events {
            if let Partition::Player(player) = &event.commit().body.partition {
                all.insert(player.clone(), Vec::new());
            }
        }
        at = delivery.checkpoint;
    }
    for (player, purses) in &mut all {
        let balances = ledger.player(player).await.unwrap().balances();
        *purses = balances.iter().map(|purse| format!("{} {}", purse.available(), purse.currency)).collect();
    }
    all
}

/// Every account of a log, and how many commits it has.
pub(crate) async fn accounts(store: &dyn EventStore) -> (BTreeMap<String, String>, u64) {
    let verification = verified(store).await;
    let line = |line: &casino_ledger::TrialBalanceLine| {
        let key = format!("{:?} {} {}", line.kind, line.account, line.currency);
        (key, format!("{} {}", line.debits, line.credits))
    };
    (verification.trial_balance.iter().map(line).collect(), verification.commits)
}

/// The shards of these ledgers.
fn shards() -> ShardCount {
    ShardCount::new(4).unwrap()
}

/// A player of a shard: the log of a low one is heard before that of a high one when it is folded again.
pub(crate) fn player_in(shard: u16) -> PlayerId {
    let is_there = |id: &PlayerId| shards().shard_of(&Partition::Player(id.clone()).digest()) == Shard(shard);
    (0..1_000).map(|n| player(&format!("p{n}"))).find(is_there).unwrap()
}

/// A ledger whose time is set by hand.
pub(crate) struct World {
    pub(crate) clock: Arc<Hands>,
    pub(crate) ledger: Ledger,
    tune: fn(&mut Settings),
    store: Arc<casino_ledger::store::MemoryStore>,
}

impl World {
    pub(crate) async fn new(tune: fn(&mut Settings)) -> Self {
        let clock = Hands::new();
        let store = Arc::new(casino_ledger::store::MemoryStore::new(identity(shards())));
        let ledger = Self::open(&store, &clock, tune).await;
        Self { clock, ledger, tune, store }
    }

    async fn open(
        store: &Arc<casino_ledger::store::MemoryStore>,
        clock: &Arc<Hands>,
        tune: fn(&mut Settings),
    ) -> Ledger {
        let settings = tuned(|s| {
            s.clock = clock.clone();
            tune(s);
        });
        on(Arc::clone(store) as _, settings).await
    }

    /// The engine is closed and opened again.
    pub(crate) async fn restart(&mut self) {
        self.ledger.close().await.unwrap();
        self.store = Arc::new(self.store.reopen().unwrap());
        self.ledger = Self::open(&self.store, &self.clock, self.tune).await;
    }

    pub(crate) async fn end(&self) -> End {
        let (accounts, commits) = accounts(self.ledger.store().as_ref()).await;
        End { accounts, purses: purses(&self.ledger).await, commits }
    }
}

/// How far a history is driven: until it is quiet, then some time passes, and again.
pub(crate) const STEPS: usize = 14;

/// Lets a manager work until nothing is left to do, whatever time that takes.
pub(crate) async fn drive<M: ProcessManager>(clock: &Hands, running: &Running<M>) {
    for _ in 0..STEPS {
        running.quiet().await;
        clock.pass(50);
    }
    running.quiet().await;
}

/// Plays a history with a manager that dies at every single moment, once each, and compares what it comes to with the
/// undisturbed one: accounts, what each player has, and how many processes live on.
pub(crate) async fn dies_at_every_step<M, E, P>(
    tune: fn(&mut Settings),
    prepare: P,
    manager: impl Fn() -> M,
    effects: impl Fn() -> E,
    seen: impl Fn(&E) -> Vec<String>,
) -> End
where
    M: ProcessManager,
    E: Effects<M>,
    P: AsyncFn(&Ledger),
{
    dies_where_refusals_are_told_again(0, tune, prepare, manager, effects, seen).await
}

/// The same, where a refusal that does not stay under its key is told again after a crash: it moves nothing, but each telling is
/// on record, so many more at most.
pub(crate) async fn dies_where_refusals_are_told_again<M, E, P>(
    refusals: u64,
    tune: fn(&mut Settings),
    prepare: P,
    manager: impl Fn() -> M,
    effects: impl Fn() -> E,
    seen: impl Fn(&E) -> Vec<String>,
) -> End
where
    M: ProcessManager,
    E: Effects<M>,
    P: AsyncFn(&Ledger),
{
    let world = World::new(tune).await;
    prepare(&world.ledger).await;
    let (death, outside) = (Death::after(i64::MAX / 2), Arc::new(effects()));
    let kept = MemoryProcesses::new();
    let running = Running::start(
        &world.ledger,
        manager(),
        MortalEffects::new(&outside, &death),
        MortalProcesses::new(&kept, &death),
        quick(),
    );
    drive(&world.clock, &running).await;
    assert_eq!(running.handle.stuck(), []);
    let live = running.handle.all().len();
    running.kill().await;
    let (undisturbed, outcome) = (world.end().await, seen(&outside));
    let moments = death.touched(i64::MAX / 2);
    assert!(moments > 5, "{moments}");

    let step = moments / 40 + 1;
    for lost in [Lost::Runner, Lost::Saved, Lost::Engine] {
        let mut moment = 0;
        while moment < moments {
            let mut world = World::new(tune).await;
            prepare(&world.ledger).await;
            let (death, outside) = (Death::after(moment), Arc::new(effects()));
            let kept = MemoryProcesses::new();
            let running = Running::start(
                &world.ledger,
                manager(),
                MortalEffects::new(&outside, &death),
                MortalProcesses::new(&kept, &death),
                quick(),
            );
            tokio::select! {
                () = drive(&world.clock, &running) => {}
                () = death.struck() => {}
            }
            running.kill().await;
            match lost {
                Lost::Runner => {}
                Lost::Saved => kept.forget(),
                Lost::Engine => world.restart().await,
            }
            let never = Death::never();
            let running = Running::start(
                &world.ledger,
                manager(),
                MortalEffects::new(&outside, &never),
                MortalProcesses::new(&kept, &never),
                quick(),
            );
            drive(&world.clock, &running).await;
            assert_eq!(running.handle.stuck(), [], "{lost:?} at {moment}");
            let all = running.handle.all();
            assert_eq!(all.len(), live, "{lost:?} at {moment}: {all:?}");
            running.kill().await;
            let end = world.end().await;
            assert_eq!(end.accounts, undisturbed.accounts, "{lost:?} at {moment}");
            assert_eq!(end.purses, undisturbed.purses, "{lost:?} at {moment}");
            let commits = undisturbed.commits..=undisturbed.commits + refusals;
            assert!(commits.contains(&end.commits), "{lost:?} at {moment}: {} of {commits:?}", end.commits);
            assert_eq!(seen(&outside), outcome, "{lost:?} at {moment}");
            // The first moments one by one, then every few.
            moment += if moment < 16 { 1 } else { step };
        }
    }
    undisturbed
}

/// Texts that something outside notes, in order.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub(crate) fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
