//! The runner: one view, one thread, following a store.

mod live;
mod rebuild;
mod state;
mod track;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use ledger_store::{Head, Position, Shard};
use tokio::sync::{mpsc, oneshot, watch};

use crate::checkpoint::Checkpoint;
use crate::feed::Feed;
use crate::home::{Home, Solo};
use crate::view::View;

pub(crate) use live::guarded;
use live::{Message, Order, Reply, Shared};
pub use state::{
    ControlError, OnProgress, Progress, RebuildProgress, RebuildSettings, RebuildState, Settings, SkipOrder,
    StartError, State, Stop, StopReason, Throttle, WaitError,
};
pub(crate) use track::{Patience, Track};

/// How many orders may wait for a runner.
const ORDERS_MAX: usize = 16;

/// Passes an order on to the thread, whatever its view's type.
type Orders = Arc<dyn Fn(Order, Reply) -> BoxFuture<'static, bool> + Send + Sync>;

/// Follows a store with one view, on a thread of its own: first what is there, in large batches, then what
/// comes, woken by the store.
///
/// Before it begins it compares the view's checkpoint with the store, shard by shard, position and hash. A
/// commit that cannot be decoded or taken stops this projection, and no other: everything before it in its
/// batch is applied, the reason is logged as an error and shown by [`Runner::progress`], and nothing is
/// skipped. Readers of the view go on and see it as it stands. [`Runner::resume`] tries again, [`Runner::skip`]
/// records that the commit is left out, [`Runner::rebuild`] folds the view anew beside this one.
///
/// If the home has a view of another version of the fold, a rebuild begins by itself.
///
/// Dropping a runner tells it to stop without waiting; [`Runner::stop`] waits.
pub struct Runner {
    name: String,
    progress: watch::Receiver<Progress>,
    rebuilds: watch::Receiver<RebuildProgress>,
    stop: watch::Sender<bool>,
    throttle: watch::Sender<Throttle>,
    cancel_rebuild: watch::Sender<u64>,
    shared: Arc<Shared>,
    feed: Feed,
    orders: Orders,
    done: watch::Receiver<bool>,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("view", &self.name)
            .field("state", &self.progress().state)
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// Starts following a store with the view of a home.
    ///
    /// # Errors
    ///
    /// [`StartError`] if there is no thread. What is wrong with the view or the store is found on that thread
    /// and shown as [`State::Stopped`].
    pub fn start(feed: &Feed, home: impl Home, settings: Settings) -> Result<Self, StartError> {
        let name = home.name().to_owned();
        let start = Progress {
            state: State::CatchingUp,
            checkpoint: Arc::new(Checkpoint::start(feed.identity())),
            heads: Arc::new(Vec::new()),
        };
        let (reports, progress) = watch::channel(start);
        let none = RebuildProgress { state: RebuildState::None, done: 0, total: 0 };
        let (rebuild_reports, rebuilds) = watch::channel(none);
        let (stop, stops) = watch::channel(false);
        let (throttle, throttles) = watch::channel(settings.throttle);
        let (cancel_rebuild, cancels) = watch::channel(0);
        // Dropped when the threads are over, whatever happened on them.
        let (alive, done) = watch::channel(false);
        let shared = Arc::new(Shared {
            name: name.clone(),
            reports,
            rebuilds: rebuild_reports,
            stop: stops,
            throttle: throttles,
            rebuild_throttle: watch::Sender::new(settings.rebuild_throttle),
            cancel_rebuild: cancels,
            lag: AtomicU64::new(0),
            holds: watch::Sender::new(0),
        });
        let (sender, messages) = mpsc::channel(ORDERS_MAX);
        let follower = live::Follower::new(
            Arc::clone(&shared),
            Arc::new(home),
            feed.clone(),
            settings,
            messages,
            sender.downgrade(),
            alive,
        );
        thread::Builder::new()
            .name(format!("view {name}"))
            .spawn(move || follower.run())
            .map_err(StartError::Thread)?;
        let orders: Orders = Arc::new(move |order, reply| {
            let sender = sender.clone();
            Box::pin(async move { sender.send(Message::Order(order, reply)).await.is_ok() })
        });
        let feed = feed.clone();
        Ok(Self { name, progress, rebuilds, stop, throttle, cancel_rebuild, shared, feed, orders, done })
    }

    /// Starts following a store with a view that has no home: it cannot be rebuilt, and not be opened again after
    /// a panic.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn start_view(feed: &Feed, view: impl View, settings: Settings) -> Result<Self, StartError> {
        Self::start(feed, Solo::new(view), settings)
    }

    /// The view's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The feed it reads from.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How far it is. Until the view was asked for its checkpoint this shows the start.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Tells about every step of it.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// How many commits of each shard are missing, as far as the runner has seen the heads.
    pub fn lag(&self) -> Vec<u64> {
        self.progress.borrow().lag()
    }

    /// Waits until the view contains a position of a shard; answers with the checkpoint it then has.
    ///
    /// Needs a tokio runtime with time. A view that contains it already answers at once, also when it stopped.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the limit passes or the projection is over before.
    pub async fn wait_for(
        &self,
        shard: Shard,
        position: Position,
        limit: Duration,
    ) -> Result<Arc<Checkpoint>, WaitError> {
        if self.progress.borrow().checkpoint.head(shard).is_none() {
            return Err(WaitError::NoShard { shard });
        }
        self.wait_until(limit, |progress| progress.checkpoint.contains(shard, position)).await
    }

    /// Waits until the view contains every one of these heads, given in order of shards as
    /// [`EventStore::heads`](ledger_store::EventStore::heads) answers them.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the limit passes or the projection is over before, or if the view has another hash at
    /// one of the heads.
    pub async fn wait_for_all(&self, heads: &[Head], limit: Duration) -> Result<Arc<Checkpoint>, WaitError> {
        let all = || (0..).map(Shard).zip(heads);
        let shards = self.progress.borrow().checkpoint.heads().len();
        if let Some((shard, _)) = all().nth(shards) {
            return Err(WaitError::NoShard { shard });
        }
        let has_all = |progress: &Progress| {
            all().all(|(shard, head)| progress.checkpoint.contains(shard, head.position))
        };
        let checkpoint = self.wait_until(limit, has_all).await?;
        for (shard, wanted) in all() {
            match checkpoint.head(shard) {
                Some(own) if own.position == wanted.position && own.hash != wanted.hash => {
                    let (view, wanted) = (self.name.clone(), *wanted);
                    return Err(WaitError::OtherHistory { view, shard, own, wanted });
                }
                _ => {}
            }
        }
        Ok(checkpoint)
    }

    async fn wait_until(
        &self,
        limit: Duration,
        reached: impl Fn(&Progress) -> bool,
    ) -> Result<Arc<Checkpoint>, WaitError> {
        let last =
            self.wait_for_progress(limit, |progress| reached(progress) || progress.state.is_over()).await?;
        let view = self.name.clone();
        match last.state {
            _ if reached(&last) => Ok(last.checkpoint),
            State::Stopped(stop) => Err(WaitError::Stopped { view, stop }),
            _ => Err(WaitError::Ended { view }),
        }
    }

    async fn wait_for_progress(
        &self,
        limit: Duration,
        enough: impl FnMut(&Progress) -> bool,
    ) -> Result<Progress, WaitError> {
        let mut progress = self.progress.clone();
        let found = tokio::time::timeout(limit, progress.wait_for(enough)).await;
        match found {
            Ok(Ok(progress)) => Ok(progress.clone()),
            // The thread is over, and its last report says why.
            Ok(Err(_)) => Ok(self.progress()),
            Err(_) => Err(WaitError::TimedOut { view: self.name.clone(), limit }),
        }
    }

    /// Waits until the projection is over, by itself or because it was told to.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if the limit passes before.
    pub async fn wait_until_over(&self, limit: Duration) -> Result<Progress, WaitError> {
        self.wait_for_progress(limit, |progress| progress.state.is_over()).await
    }

    async fn order(&self, order: Order, limit: Duration) -> Result<(), ControlError> {
        let (reply, answer) = oneshot::channel();
        let view = || self.name.clone();
        let told = async {
            if !(self.orders)(order, reply).await {
                return Err(ControlError::Ended { view: view() });
            }
            answer.await.unwrap_or_else(|_| Err(ControlError::Ended { view: view() }))
        };
        let timed_out = || Err(ControlError::TimedOut { view: view(), limit });
        tokio::time::timeout(limit, told).await.unwrap_or_else(|_| timed_out())
    }

    /// Pauses it after the batch in hand. Readers go on; so does a rebuild.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it is not running, or does not answer within the limit.
    pub async fn pause(&self, limit: Duration) -> Result<(), ControlError> {
        self.order(Order::Pause, limit).await
    }

    /// Has it stand still, after the batch in hand, until what this answers is dropped; a rebuild goes on, but does not
    /// take the view's place meanwhile. Several may hold it at the same time: it goes on behind the last of them. A pause
    /// is apart from that: one from before or meanwhile lasts, and [`Self::resume`] ends no hold. Dropping this future, or
    /// its limit passing, leaves nothing held.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it is not running, or does not answer within the limit.
    pub async fn hold(&self, limit: Duration) -> Result<Held, ControlError> {
        // Counted before it is said, so that whatever becomes of the order, the end of this is the end of it.
        let held = Held::new(self.shared.holds.clone());
        self.order(Order::Hold, limit).await?;
        Ok(held)
    }

    /// Lets it go on after a pause; or tries again after it stopped, from where the view stands.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the view cannot be opened again, or it does not answer within the limit.
    pub async fn resume(&self, limit: Duration) -> Result<(), ControlError> {
        self.order(Order::Resume, limit).await
    }

    /// Has the view go on without the commit it stopped at. Who decided that, why and when is kept with the view, and
    /// every answer of it says from then on that it is incomplete.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it did not stop at that commit, if the view cannot keep the skip, or if it does not answer
    /// within the limit.
    pub async fn skip(&self, order: SkipOrder, limit: Duration) -> Result<(), ControlError> {
        self.order(Order::Skip(order), limit).await
    }

    /// Changes how fast it may go, from the next batch on.
    pub fn throttle(&self, throttle: Throttle) {
        self.throttle.send_replace(throttle);
    }

    /// Begins to fold the view anew, beside the live one, on a thread of its own. When the new one has caught up it
    /// takes the old one's place at once, and the old one is dropped. Until then the old one is followed and read as
    /// ever. If the process ends before, the next runner goes on with it.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if a rebuild is under way, or it does not answer within the limit. Whether the home can have
    /// a second view is found on that thread, and shown by [`Self::rebuild_progress`].
    pub async fn rebuild(&self, settings: RebuildSettings, limit: Duration) -> Result<(), ControlError> {
        self.order(Order::Rebuild(settings), limit).await
    }

    /// How far the rebuild is, or how the last one ended.
    pub fn rebuild_progress(&self) -> RebuildProgress {
        self.rebuilds.borrow().clone()
    }

    /// Tells about every step of rebuilds.
    pub fn watch_rebuild(&self) -> watch::Receiver<RebuildProgress> {
        self.rebuilds.clone()
    }

    /// Waits until no rebuild is under way, and answers how the last one ended.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if the limit passes before.
    pub async fn wait_for_rebuild(&self, limit: Duration) -> Result<RebuildProgress, WaitError> {
        let mut rebuilds = self.rebuilds.clone();
        let over = rebuilds.wait_for(|progress| progress.state.is_over());
        match tokio::time::timeout(limit, over).await {
            Ok(Ok(progress)) => Ok(progress.clone()),
            Ok(Err(_)) => Ok(self.rebuild_progress()),
            Err(_) => Err(WaitError::TimedOut { view: self.name.clone(), limit }),
        }
    }

    /// Changes how fast the rebuild under way may go, from its next batch on.
    pub fn throttle_rebuild(&self, throttle: Throttle) {
        self.shared.rebuild_throttle.send_replace(throttle);
    }

    /// Ends the rebuild under way after its batch, and drops what it built.
    pub fn cancel_rebuild(&self) {
        self.cancel_rebuild.send_modify(|count| *count += 1);
    }

    /// Stops cleanly: the batch in hand is finished, the view is dropped, then this answers with how far it got. A
    /// rebuild under way is interrupted, for the next runner to go on with.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if the limit passes before; the projection still stops after its batch.
    pub async fn stop(self, limit: Duration) -> Result<Progress, WaitError> {
        self.stop.send_replace(true);
        let mut done = self.done.clone();
        // Nothing is ever sent: the channel closes when the threads are over and the views are dropped.
        match tokio::time::timeout(limit, done.wait_for(|done| *done)).await {
            Ok(_) => Ok(self.progress()),
            Err(_) => Err(WaitError::TimedOut { view: self.name.clone(), limit }),
        }
    }
}

/// Has the view of a [`Runner`] stand still for as long as it is there: [`Runner::hold`].
#[must_use = "the view goes on once it is dropped"]
#[derive(Debug)]
pub struct Held(watch::Sender<usize>);

impl Held {
    fn new(holds: watch::Sender<usize>) -> Self {
        holds.send_modify(|holds| *holds = holds.saturating_add(1));
        Self(holds)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_modify(|holds| *holds = holds.saturating_sub(1));
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
