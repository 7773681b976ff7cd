//! A store that does as it is told: holds appends and loads, fails, panics, goes back in time, lies.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use async_trait::async_trait;
use casino_ledger::core::{PartitionDigest, Timestamp};
use casino_ledger::store::{
    EventStore, Head, LedgerIdentity, Lookup, Position, Shard, ShardAppend, Snapshot, StoreError,
    StoredCommit,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::sync::watch;

/// Where calls can be held.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// How many may pass; `None` if it is open.
    permits: Mutex<Option<usize>>,
    bell: Condvar,
}

impl Gate {
    pub(crate) fn hold(&self) {
        *self.permits.lock().unwrap() = Some(0);
    }

    pub(crate) fn open(&self) {
        *self.permits.lock().unwrap() = None;
        self.bell.notify_all();
    }

    pub(crate) fn release_one(&self) {
        if let Some(permits) = &mut *self.permits.lock().unwrap() {
            *permits += 1;
        }
        self.bell.notify_all();
    }

    fn pass(&self) {
        let mut permits = self.permits.lock().unwrap();
        loop {
            match &mut *permits {
                None => return,
                Some(0) => permits = self.bell.wait(permits).unwrap(),
                Some(more) => {
                    *more -= 1;
                    return;
                }
            }
        }
    }
}

/// How often something was called.
#[derive(Debug)]
pub(crate) struct Count(watch::Sender<usize>);

impl Default for Count {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Count {
    fn up(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    pub(crate) fn now(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until it is above what it was.
    pub(crate) async fn above(&self, was: usize) {
        self.0.subscribe().wait_for(|count| *count > was).await.unwrap();
    }
}

/// What the next append does instead.
#[derive(Debug)]
pub(crate) enum Trick {
    /// It fails with this; nothing lands.
    Fail(StoreError),
    /// It fails, and so does everything after it, as after a broken disk.
    Stop,
    Panic,
}

type Lie = Box<dyn Fn(Vec<StoredCommit>) -> Vec<StoredCommit> + Send + Sync>;

/// A store around another.
#[derive(Default)]
pub(crate) struct Strings {
    pub(crate) appends: Gate,
    /// Holds what was read, after it was read.
    pub(crate) loads: Gate,
    /// Holds what was read of a shard, after it was read.
    pub(crate) reads: Gate,
    pub(crate) append_calls: Count,
    /// Appends that got past the gate.
    pub(crate) append_done: Count,
    pub(crate) load_calls: Count,
    pub(crate) read_calls: Count,
    pub(crate) close_calls: Count,
    pub(crate) question_calls: Count,
    questions_held: watch::Sender<bool>,
    /// Closing blocks its thread as long as this is held.
    pub(crate) closes: Gate,
    pub(crate) sizes: Mutex<Vec<usize>>,
    /// The position of each snapshot, and the durable one of its shard when it was written.
    pub(crate) snapshots: Mutex<Vec<(Position, Position)>>,
    trick: Mutex<Option<Trick>>,
    chaos: Mutex<Option<ChaCha8Rng>>,
    stopped: AtomicBool,
    /// How many appends still get there before the store is away.
    away: Mutex<Option<usize>>,
    lie: Mutex<Option<Lie>>,
    /// What the index finds although it is not there.
    misled: Mutex<Option<(Lookup, Position)>>,
    panic_on_load: Mutex<bool>,
    other: Mutex<Option<Arc<dyn EventStore>>>,
}

pub(crate) struct Puppet {
    inner: Arc<dyn EventStore>,
    identity: LedgerIdentity,
    exclusive: bool,
    pub(crate) strings: Strings,
}

impl fmt::Debug for Puppet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Puppet")
    }
}

impl Puppet {
    pub(crate) fn new(inner: Arc<dyn EventStore>) -> Arc<Self> {
        let (identity, exclusive) = (*inner.identity(), inner.is_exclusive());
        Arc::new(Self { inner, identity, exclusive, strings: Strings::default() })
    }

    /// A puppet that claims that nobody else writes.
    pub(crate) fn exclusive(inner: Arc<dyn EventStore>) -> Arc<Self> {
        let identity = *inner.identity();
        Arc::new(Self { inner, identity, exclusive: true, strings: Strings::default() })
    }

    pub(crate) fn trick(&self, trick: Trick) {
        *self.strings.trick.lock().unwrap() = Some(trick);
    }

    /// From here on every fourth append fails, or loses its answer.
    pub(crate) fn chaos(&self, seed: u64) {
        *self.strings.chaos.lock().unwrap() = Some(ChaCha8Rng::seed_from_u64(seed));
    }

    async fn chaotic(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let roll = match &mut *self.strings.chaos.lock().unwrap() {
            None => u32::MAX,
            Some(dice) => dice.next_u32() % 12,
        };
        if let Some(left) = &mut *self.strings.away.lock().unwrap() {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => {
                    let reason = "the server cannot be reached".to_owned();
                    return Err(StoreError::Unavailable { reason, source: None });
                }
            }
        }
        let unknown = || StoreError::Unknown { reason: "the answer was lost".to_owned() };
        match roll {
            0 => Err(StoreError::Unavailable { reason: "for a moment".to_owned(), source: None }),
            1 => Err(unknown()),
            2 => self.now().append(appends).await.and(Err(unknown())),
            _ => self.now().append(appends).await,
        }
    }

    pub(crate) fn lie(&self, lie: impl Fn(Vec<StoredCommit>) -> Vec<StoredCommit> + Send + Sync + 'static) {
        *self.strings.lie.lock().unwrap() = Some(Box::new(lie));
    }

    /// The index finds this at a position where it is not.
    pub(crate) fn mislead(&self, hit: Option<(Lookup, Position)>) {
        *self.strings.misled.lock().unwrap() = hit;
    }

    pub(crate) fn panic_on_load(&self, panic: bool) {
        *self.strings.panic_on_load.lock().unwrap() = panic;
    }

    /// Becomes another store, as after a restore or a promotion.
    pub(crate) fn become_other(&self, other: Arc<dyn EventStore>) {
        *self.strings.other.lock().unwrap() = Some(other);
    }

    /// Waits without blocking as long as questions are held, as for a server that does not answer.
    async fn questions(&self) {
        self.strings.question_calls.up();
        let mut held = self.strings.questions_held.subscribe();
        drop(held.wait_for(|held| !held).await);
    }

    /// Whether appends fail, as when the server cannot be reached. The next one still gets there.
    pub(crate) fn away(&self, away: bool) {
        *self.strings.away.lock().unwrap() = away.then_some(1);
    }

    pub(crate) fn hold_questions(&self, hold: bool) {
        self.strings.questions_held.send_replace(hold);
    }

    fn now(&self) -> Arc<dyn EventStore> {
        let other = self.strings.other.lock().unwrap();
        Arc::clone(other.as_ref().unwrap_or(&self.inner))
    }

    fn lied(&self, commits: Vec<StoredCommit>) -> Vec<StoredCommit> {
        match &*self.strings.lie.lock().unwrap() {
            Some(lie) => lie(commits),
            None => commits,
        }
    }
}

#[async_trait]
impl EventStore for Puppet {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    fn is_stopped(&self) -> bool {
        self.strings.stopped.load(Ordering::Acquire) || self.now().is_stopped()
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.questions().await;
        self.now().heads().await
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.now().last_recorded_at().await
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let size = appends.iter().map(|append| append.commits.len()).sum();
        self.strings.sizes.lock().unwrap().push(size);
        self.strings.append_calls.up();
        self.strings.appends.pass();
        let trick = self.strings.trick.lock().unwrap().take();
        let answer = match trick {
            None => self.chaotic(appends).await,
            Some(Trick::Fail(error)) => Err(error),
            Some(Trick::Stop) => {
                self.strings.stopped.store(true, Ordering::Release);
                Err(StoreError::Unavailable { reason: "a write failed".to_owned(), source: None })
            }
            Some(Trick::Panic) => panic!("the store panics, as it was told"),
        };
        self.strings.append_done.up();
        answer
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let read = self.now().read(shard, from, limit).await;
        self.strings.read_calls.up();
        self.strings.reads.pass();
        Ok(self.lied(read?))
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let read = self.now().read_partition(partition, after, limit).await;
        self.strings.load_calls.up();
        self.strings.loads.pass();
        assert!(!*self.strings.panic_on_load.lock().unwrap(), "the store panics, as it was told");
        Ok(self.lied(read?))
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.questions().await;
        let mut found = self.now().lookup(lookups).await?;
        if let Some((lookup, position)) = *self.strings.misled.lock().unwrap() {
            for (positions, _) in found.iter_mut().zip(lookups).filter(|(_, asked)| **asked == lookup) {
                *positions = vec![position];
            }
        }
        Ok(found)
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let shard = self.identity.shards.shard_of(&snapshot.partition);
        let durable = self.now().heads().await?[shard.index()].position;
        self.strings.snapshots.lock().unwrap().push((snapshot.position, durable));
        self.now().write_snapshot(snapshot).await
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        self.now().snapshot(partition).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.inner.watch()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.strings.close_calls.up();
        self.strings.closes.pass();
        self.now().close().await
    }
}
