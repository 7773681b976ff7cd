//! The runner: one view, one thread, following a store.

mod follow;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ledger_store::{EventStore, Head, Position, Shard, StoreError};
use tokio::sync::watch;

use crate::checkpoint::Checkpoint;
use crate::error::ViewError;
use crate::view::View;

/// How a runner follows its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The most commits of one batch, which is one transaction of the view.
    pub batch_commits_max: usize,
    /// How long a runner that has nothing to do waits before it looks at the heads without having been woken.
    /// The wake-up is a hint only (C17), and never comes for what another process appends.
    pub poll_every: Duration,
    /// How often a store that is unavailable is asked again before the projection stops.
    pub store_retries_max: u32,
    /// The pause before the first of these; each later one is twice as long, up to [`Self::poll_every`].
    pub store_retry_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_commits_max: 4_096,
            poll_every: Duration::from_secs(1),
            store_retries_max: 20,
            store_retry_pause: Duration::from_millis(50),
        }
    }
}

/// Why a projection stopped.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StopReason {
    /// The view refused: a poison commit, another history, a home that failed.
    View(Arc<ViewError>),
    /// The store failed, for longer than the settings allow, or for good.
    Store(StoreError),
    /// The view panicked.
    Panicked(String),
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::View(error) => {
                write!(f, "{error}")?;
                let mut source = std::error::Error::source(error.as_ref());
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
            Self::Store(error) => write!(f, "{error}"),
            Self::Panicked(message) => write!(f, "the view panicked: {message}"),
        }
    }
}

/// What a projection is doing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum State {
    /// It is reading what was there before it.
    CatchingUp,
    /// It had read everything when it last looked, and is woken by what comes.
    Live,
    /// It stopped because it could not go on. It does not start again by itself: nothing is skipped.
    Stopped {
        /// Where, if it was at a commit.
        at: Option<(Shard, Position)>,
        /// Why.
        reason: StopReason,
    },
    /// It was told to stop.
    Ended,
}

impl State {
    /// Whether it will not go on.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Stopped { .. } | Self::Ended)
    }
}

/// How far a projection is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What it is doing.
    pub state: State,
    /// What the view contains.
    pub checkpoint: Arc<Checkpoint>,
    /// The store's heads as it last saw them.
    pub heads: Arc<Vec<Head>>,
}

impl Progress {
    /// How many commits of each shard the view does not contain yet, as far as the heads were seen.
    pub fn lag(&self) -> Vec<u64> {
        let pairs = self.heads.iter().zip(self.checkpoint.heads());
        pairs.map(|(head, at)| head.position.0.saturating_sub(at.position.0)).collect()
    }

    fn contains(&self, shard: Shard, position: Position) -> bool {
        self.checkpoint.head(shard).is_some_and(|head| head.position >= position)
    }
}

/// Why a projection could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The operating system gave no thread.
    #[error("no thread could be started for the projection")]
    Thread(#[source] std::io::Error),
}

/// Why waiting for a projection ended without what was waited for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The limit passed. The projection goes on.
    #[error("the view {view} did not get there within {limit:?}")]
    TimedOut {
        /// The view.
        view: String,
        /// The limit.
        limit: Duration,
    },
    /// The projection stopped before it got there.
    #[error("the view {view} stopped before it got there: {reason}")]
    Stopped {
        /// The view.
        view: String,
        /// Why.
        reason: StopReason,
    },
    /// The projection was told to stop before it got there.
    #[error("the view {view} was ended before it got there")]
    Ended {
        /// The view.
        view: String,
    },
    /// The view is past what was waited for, by another history.
    #[error("the view {view} has the hash {} at position {} of shard {shard}, not {}", own.hash, own.position, wanted.hash)]
    OtherHistory {
        /// The view.
        view: String,
        /// The shard.
        shard: Shard,
        /// Where the view stands.
        own: Head,
        /// What was waited for.
        wanted: Head,
    },
    /// The ledger has no such shard.
    #[error("the ledger has no shard {shard}")]
    NoShard {
        /// The shard.
        shard: Shard,
    },
}

/// Follows a store with one view, on a thread of its own: first what is there, in large batches, then what
/// comes, woken by the store.
///
/// Before it begins it compares the view's checkpoint with the store, shard by shard, position and hash. A
/// commit that cannot be decoded or taken stops this projection, and no other: everything before it in its
/// batch is applied, the reason is logged as an error and shown by [`Runner::progress`], and nothing is
/// skipped. Readers of the view go on and see it as it stands.
///
/// Dropping a runner tells it to stop without waiting; [`Runner::stop`] waits.
#[derive(Debug)]
pub struct Runner {
    name: String,
    progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
    done: watch::Receiver<bool>,
}

impl Runner {
    /// Starts following a store.
    ///
    /// # Errors
    ///
    /// [`StartError`] if there is no thread. What is wrong with the view or the store is found on that thread
    /// and shown as [`State::Stopped`].
    pub fn start(
        store: Arc<dyn EventStore>,
        view: impl View,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let name = view.name().to_owned();
        let start = Progress {
            state: State::CatchingUp,
            checkpoint: Arc::new(Checkpoint::start(store.identity())),
            heads: Arc::new(Vec::new()),
        };
        let (reports, progress) = watch::channel(start);
        let (stop, stops) = watch::channel(false);
        // Dropped when the thread is over, whatever happened on it.
        let (alive, done) = watch::channel(false);
        let follower = follow::Follower::new(store, view, settings, reports, stops);
        thread::Builder::new()
            .name(format!("view {name}"))
            .spawn(move || {
                let _alive = alive;
                follower.run();
            })
            .map_err(StartError::Thread)?;
        Ok(Self { name, progress, stop, done })
    }

    /// The view's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far it is. Until the view was asked for its checkpoint this shows the start.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
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
        self.wait_until(limit, |progress| progress.contains(shard, position)).await
    }

    /// Waits until the view contains every one of these heads, given in order of shards as
    /// [`EventStore::heads`] answers them.
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
        let checkpoint = self
            .wait_until(limit, |progress| all().all(|(shard, head)| progress.contains(shard, head.position)))
            .await?;
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
        let mut progress = self.progress.clone();
        let wait = progress.wait_for(|progress| reached(progress) || progress.state.is_over());
        let view = || self.name.clone();
        let last = match tokio::time::timeout(limit, wait).await {
            Ok(Ok(progress)) => progress.clone(),
            // The thread is over, and its last report says why.
            Ok(Err(_)) => self.progress(),
            Err(_) => return Err(WaitError::TimedOut { view: view(), limit }),
        };
        match &last.state {
            _ if reached(&last) => Ok(last.checkpoint),
            State::Stopped { reason, .. } => Err(WaitError::Stopped { view: view(), reason: reason.clone() }),
            _ => Err(WaitError::Ended { view: view() }),
        }
    }

    /// Waits until the projection is over, by itself or because it was told to.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if the limit passes before.
    pub async fn wait_until_over(&self, limit: Duration) -> Result<Progress, WaitError> {
        let mut done = self.done.clone();
        // Nothing is ever sent: the channel closes when the thread is over and the view is dropped.
        let wait = done.wait_for(|done| *done);
        match tokio::time::timeout(limit, wait).await {
            Ok(_) => Ok(self.progress()),
            Err(_) => Err(WaitError::TimedOut { view: self.name.clone(), limit }),
        }
    }

    /// Stops cleanly: the batch in hand is finished, the view is dropped, then this answers with how far it got.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if the limit passes before; the projection still stops after its batch.
    pub async fn stop(self, limit: Duration) -> Result<Progress, WaitError> {
        self.stop.send_replace(true);
        self.wait_until_over(limit).await
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
