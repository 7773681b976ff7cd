//! A store that sends what lands in it to standbys.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use ledger_store::{
    EventStore, Head, LedgerIdentity, Lookup, Position, Shard, ShardAppend, Snapshot, StoreError,
    StoredCommit,
};
use tokio::sync::watch;

use super::error::ReplicaError;
use super::fence::{Epoch, Fence, FenceState, Role};
use super::link::StandbyLink;
use super::shipper::{Following, Known, Shared, Shipper, StandbyStatus, State};

/// When an append is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// When it is durable here. What was acknowledged within the lag is lost if this machine is.
    Asynchronous,
    /// When it is durable here and at `copies` standbys.
    Synchronous {
        /// How many standbys must have it, at least one.
        copies: usize,
        /// How long an answer waits for them.
        patience: Duration,
        /// What happens then.
        when_away: WhenAway,
    },
}

/// What a primary does when too few standbys answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAway {
    /// It acknowledges nothing: the outcome is unknown until they are back. Nothing that was acknowledged is ever lost.
    Wait,
    /// It goes on as in asynchronous mode, says so loudly ([`Primary::is_degraded`], the log, the gauge
    /// `casino_ledger_standby_degraded`), and comes back to synchronous mode as soon as they have all there is.
    GoOn,
}

/// The settings of a [`Primary`].
#[derive(Debug, Clone)]
pub struct PrimaryOptions {
    /// When an append is answered.
    pub mode: Mode,
    /// How long one call of a link may take before the standby counts as away; 5 s by default.
    pub call_limit: Duration,
    /// How long starting waits for standbys; 5 s by default.
    pub contact_patience: Duration,
    /// Starts although standbys were not reached. By default it does not, because one of them may have been promoted while this one
    /// was away, and because what landed here last may be at none of them.
    pub begins_alone: bool,
    /// How long closing waits for standbys to have everything; 5 s by default.
    pub close_patience: Duration,
}

impl PrimaryOptions {
    /// The default settings in a mode.
    pub fn new(mode: Mode) -> Self {
        let patience = Duration::from_secs(5);
        Self {
            mode,
            call_limit: patience,
            contact_patience: patience,
            begins_alone: false,
            close_patience: patience,
        }
    }
}

/// A store whose commits go to standbys as they land. Give it to [`Ledger::with_store`](crate::Ledger::with_store) in the place of
/// the store it wraps.
///
/// A commit lands here first. In synchronous mode its answer waits until standbys have it, so what was acknowledged is there whatever
/// happens to this machine; readers of this store may see it earlier. A command whose answer does not come has an unknown outcome,
/// as with any write that hangs.
#[derive(Debug)]
pub struct Primary {
    shared: Arc<Shared>,
    options: PrimaryOptions,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Primary {
    /// Begins to send what lands in a store to its standbys, each under a name, on a thread each.
    ///
    /// It returns once one of them was reached, in synchronous mode once so many as must have a copy have everything that is here:
    /// before that nothing may be answered, not even what is known already. Call it in a Tokio runtime with timers.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NotPromoted`] for a standby, [`ReplicaError::Fenced`] for a primary of before, whether it knew it or was just
    /// told; [`ReplicaError::NotReached`] if too few standbys answer in time; [`ReplicaError::Settings`];
    /// [`ReplicaError::Fence`], [`ReplicaError::FenceDamaged`], [`ReplicaError::Thread`], [`ReplicaError::Source`].
    pub async fn start(
        store: Arc<dyn EventStore>,
        fence: Arc<dyn Fence>,
        options: PrimaryOptions,
        standbys: Vec<(String, Arc<dyn StandbyLink>)>,
    ) -> Result<Self, ReplicaError> {
        if let Mode::Synchronous { copies, .. } = options.mode
            && !(1..=standbys.len()).contains(&copies)
        {
            let count = standbys.len();
            return Err(ReplicaError::Settings(format!(
                "{copies} copies of {count} standbys: take 1 to {count}"
            )));
        }
        let epoch = match fence.read()? {
            None => {
                fence.write(FenceState { role: Role::Primary, epoch: Epoch::FIRST })?;
                Epoch::FIRST
            }
            Some(FenceState { role: Role::Primary, epoch }) => epoch,
            Some(FenceState { role: Role::Standby, .. }) => return Err(ReplicaError::NotPromoted),
            Some(FenceState { role: Role::Fenced, epoch }) => return Err(ReplicaError::Fenced { by: epoch }),
        };
        let known = |name: &String| Known {
            name: name.clone(),
            following: Following::Connecting,
            heads: Vec::new(),
            current_at: None,
        };
        let state = State {
            standbys: standbys.iter().map(|(name, _)| known(name)).collect(),
            fenced: None,
            is_degraded: false,
            is_closing: false,
        };
        let shared = Arc::new(Shared {
            store,
            fence,
            epoch,
            call_limit: options.call_limit,
            state: Mutex::new(state),
            changed: Condvar::new(),
            noticed: watch::Sender::new(0),
            landed: watch::Sender::new(0),
            over: watch::Sender::new(false),
        });
        // From here on dropping it ends the threads that were started.
        let primary = Self { shared, options, threads: Mutex::default() };
        for (standby, (name, link)) in standbys.into_iter().enumerate() {
            let shipper = Shipper { shared: Arc::clone(&primary.shared), standby, link };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(ReplicaError::Thread)?;
            let thread = std::thread::Builder::new().name(format!("standby {name}"));
            let thread =
                thread.spawn(move || runtime.block_on(shipper.run())).map_err(ReplicaError::Thread)?;
            primary.threads().push(thread);
        }
        primary.wait_for_contact().await?;
        Ok(primary)
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The epoch it writes in.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// Whether answers do not wait for standbys although they should: too few of them answered in time.
    pub fn is_degraded(&self) -> bool {
        self.shared.state().is_degraded
    }

    /// The epoch that fenced it, if another store was promoted.
    pub fn fenced(&self) -> Option<Epoch> {
        self.shared.state().fenced
    }

    /// How its standbys fare.
    ///
    /// # Errors
    ///
    /// As [`EventStore::heads`].
    pub async fn standbys(&self) -> Result<Vec<StandbyStatus>, StoreError> {
        let own = self.shared.store.heads().await?;
        let state = self.shared.state();
        let status = |known: &Known| {
            let behind = own.iter().enumerate().map(|(shard, head)| {
                let there = known.heads.get(shard).map_or(0, |there| there.position.0);
                head.position.0.saturating_sub(there)
            });
            StandbyStatus {
                name: known.name.clone(),
                following: known.following.clone(),
                heads: known.heads.clone(),
                behind: behind.sum(),
                current: known.current_at.map(|at| at.elapsed()),
            }
        };
        Ok(state.standbys.iter().map(status).collect())
    }

    /// Ends writing for a planned change: sends what standbys lack, closes, and is a standby from then on. Promote one of those that are
    /// behind by nothing.
    ///
    /// # Errors
    ///
    /// As [`EventStore::close`], and [`ReplicaError::Fence`].
    pub async fn hand_over(&self) -> Result<Vec<StandbyStatus>, ReplicaError> {
        self.close().await.map_err(ReplicaError::Source)?;
        self.shared.fence.write(FenceState { role: Role::Standby, epoch: self.shared.epoch })?;
        self.standbys().await.map_err(ReplicaError::Source)
    }

    /// Nothing is answered before enough standbys were reached: one of them may have been promoted meanwhile, and in synchronous
    /// mode what is here must be there.
    async fn wait_for_contact(&self) -> Result<(), ReplicaError> {
        let heads = self.shared.store.heads().await.map_err(ReplicaError::Source)?;
        let all: Vec<(Shard, Head)> = self.identity().shards.all().zip(heads).collect();
        let (due, landed) = match self.options.mode {
            _ if self.options.begins_alone => return Ok(()),
            Mode::Asynchronous => (self.shared.state().standbys.len().min(1), &all[..0]),
            Mode::Synchronous { copies, .. } => (copies, &all[..]),
        };
        let deadline = tokio::time::Instant::now() + self.options.contact_patience;
        let mut noticed = self.shared.noticed.subscribe();
        loop {
            noticed.mark_unchanged();
            let (reached, are_all_broken) = {
                let state = self.shared.state();
                if let Some(by) = state.fenced {
                    return Err(ReplicaError::Fenced { by });
                }
                let is_broken = |known: &Known| matches!(known.following, Following::Broken(_));
                (state.copies_of(landed), state.standbys.iter().all(is_broken))
            };
            if reached >= due {
                return Ok(());
            }
            if are_all_broken || tokio::time::timeout_at(deadline, noticed.changed()).await.is_err() {
                let state = self.shared.state();
                let told =
                    state.standbys.iter().map(|known| format!("{}: {:?}", known.name, known.following));
                let standbys = told.collect::<Vec<_>>().join("; ");
                return Err(ReplicaError::NotReached { reached, due, standbys });
            }
        }
    }

    /// Whether something may land.
    fn check_open(&self) -> Result<(), StoreError> {
        let state = self.shared.state();
        match state.fenced {
            Some(by) => Err(unavailable(format!("another store of this ledger was promoted (epoch {by})"))),
            None if state.is_closing => Err(unavailable("it was closed")),
            None => Ok(()),
        }
    }

    fn rest<'a>(
        &'a self,
        state: std::sync::MutexGuard<'a, State>,
        limit: Duration,
    ) -> std::sync::MutexGuard<'a, State> {
        let waited = self.shared.changed.wait_timeout(state, limit);
        waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    /// Waits until enough standbys have what landed.
    fn wait_for_copies(&self, landed: &[(Shard, Head)]) -> Result<(), StoreError> {
        let Mode::Synchronous { copies, patience, when_away } = self.options.mode else { return Ok(()) };
        let deadline = Instant::now() + patience;
        let mut state = self.shared.state();
        loop {
            if let Some(by) = state.fenced {
                let reason = format!("another store of this ledger was promoted (epoch {by})");
                return Err(StoreError::Unknown { reason });
            }
            if state.copies_of(landed) >= copies {
                degraded(&mut state, false);
                return Ok(());
            }
            if state.is_degraded {
                return Ok(());
            }
            match deadline.checked_duration_since(Instant::now()) {
                Some(rest) => state = self.rest(state, rest),
                None if when_away == WhenAway::GoOn => {
                    degraded(&mut state, true);
                    return Ok(());
                }
                None => {
                    let reason = format!("fewer than {copies} standbys have it after {patience:?}");
                    return Err(StoreError::Unknown { reason });
                }
            }
        }
    }

    /// Whether enough standbys had everything a moment ago, so that waiting for them is worth it again.
    fn look_again(&self) {
        let Mode::Synchronous { copies, patience, .. } = self.options.mode else { return };
        let mut state = self.shared.state();
        if state.is_degraded {
            let is_current = |known: &&Known| {
                known.following == Following::Yes
                    && known.current_at.is_some_and(|at| at.elapsed() < patience)
            };
            if state.standbys.iter().filter(is_current).count() >= copies {
                degraded(&mut state, false);
            }
        }
    }
}

fn degraded(state: &mut State, is_degraded: bool) {
    if state.is_degraded == is_degraded {
        return;
    }
    state.is_degraded = is_degraded;
    metrics::gauge!("casino_ledger_standby_degraded").set(if is_degraded { 1.0 } else { 0.0 });
    if is_degraded {
        tracing::error!("too few standbys answer: answers do not wait for them any more");
    } else {
        tracing::warn!("enough standbys have everything again: answers wait for them");
    }
}

fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable { reason: reason.into(), source: None }
}

impl Drop for Primary {
    fn drop(&mut self) {
        self.shared.over.send_replace(true);
        for thread in self.threads().drain(..) {
            // Its panic was told when it happened.
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl EventStore for Primary {
    fn identity(&self) -> &LedgerIdentity {
        self.shared.store.identity()
    }

    fn is_exclusive(&self) -> bool {
        self.shared.store.is_exclusive()
    }

    fn is_stopped(&self) -> bool {
        self.shared.store.is_stopped() || {
            let state = self.shared.state();
            state.fenced.is_some() || state.is_closing
        }
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.shared.store.heads().await
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shared.store.last_recorded_at().await
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        self.check_open()?;
        self.look_again();
        let answers = self.shared.store.append(appends).await?;
        let both = appends.iter().zip(&answers);
        let landed: Vec<(Shard, Head)> =
            both.filter_map(|(part, answer)| Some((part.shard, *answer.as_ref().ok()?))).collect();
        if !landed.is_empty() {
            self.shared.landed.send_modify(|count| *count = count.wrapping_add(1));
            self.wait_for_copies(&landed)?;
        }
        Ok(answers)
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.shared.store.read(shard, from, limit).await
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.shared.store.read_partition(partition, after, limit).await
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.shared.store.lookup(lookups).await
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.shared.store.write_snapshot(snapshot).await
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        self.shared.store.snapshot(partition).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.shared.store.watch()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let closed = {
            let mut state = self.shared.state();
            std::mem::replace(&mut state.is_closing, true)
        };
        if !closed {
            self.shared.landed.send_modify(|count| *count = count.wrapping_add(1));
            let heads = self.shared.store.heads().await?;
            let all: Vec<(Shard, Head)> = self.identity().shards.all().zip(heads).collect();
            let deadline = Instant::now() + self.options.close_patience;
            let mut state = self.shared.state();
            let is_due = |state: &State| {
                let following = state.standbys.iter().filter(|known| known.following == Following::Yes);
                state.copies_of(&all) < following.count()
            };
            while is_due(&state) {
                let Some(rest) = deadline.checked_duration_since(Instant::now()) else { break };
                state = self.rest(state, rest);
            }
        }
        self.shared.store.close().await
    }
}
