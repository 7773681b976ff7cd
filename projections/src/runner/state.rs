//! What a runner can be told, and what it shows.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ledger_core::{ActorId, Reason, Timestamp};
use ledger_store::{Head, Position, Shard, StoreError};

use crate::checkpoint::Checkpoint;
use crate::error::ViewError;
use crate::home::Building;
use crate::skip::Skip;

/// How fast a projection may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// The most commits a second; no limit if `None`.
    pub commits_per_second: Option<NonZeroU32>,
    /// The most of its time that it works, in percent, 1 to 100: after a batch it rests for the rest.
    pub share_percent: u8,
}

impl Throttle {
    /// As fast as it can.
    pub const NONE: Self = Self { commits_per_second: None, share_percent: 100 };
}

impl Default for Throttle {
    fn default() -> Self {
        Self::NONE
    }
}

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
    /// How fast it may go; see [`Runner::throttle`](super::Runner::throttle).
    pub throttle: Throttle,
    /// How fast a rebuild may go that begins by itself, because the home has another version of the view or one
    /// that was being built when the process ended.
    pub rebuild_throttle: Throttle,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_commits_max: 4_096,
            poll_every: Duration::from_secs(1),
            store_retries_max: 20,
            store_retry_pause: Duration::from_millis(50),
            throttle: Throttle::NONE,
            rebuild_throttle: Throttle { commits_per_second: None, share_percent: 50 },
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

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// That a projection stopped: where, at which events, why, and what to do.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The commit it stopped at, if it was at one.
    pub at: Option<(Shard, Position)>,
    /// The types of that commit's events, if it could be read.
    pub events: Vec<&'static str>,
    /// Why.
    pub reason: StopReason,
}

impl Stop {
    /// What an operator can do about it.
    pub fn advice(&self) -> &'static str {
        match &self.reason {
            StopReason::View(error) => error.advice(),
            StopReason::Store(StoreError::Unavailable { .. }) => "see that the store is there, then resume",
            StopReason::Store(_) => "repair or restore the store, then start the projection again",
            StopReason::Panicked(_) => "report it with the commit; resume, or rebuild the view",
        }
    }

    /// Whether the view was made from another history than the store has.
    pub(super) fn is_of_another_history(&self) -> bool {
        match &self.reason {
            StopReason::View(error) => {
                matches!(**error, ViewError::HistoryLost { .. } | ViewError::OtherLedger(_))
            }
            _ => false,
        }
    }

    /// Whether the commit it stopped at may be left out: it is the view that cannot take it, and not the history
    /// or the home that is wrong.
    pub fn is_skippable(&self) -> bool {
        match &self.reason {
            StopReason::View(error) => {
                matches!(**error, ViewError::Poison { .. } | ViewError::Undecodable { .. })
            }
            _ => false,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if !self.events.is_empty() {
            write!(f, " (its events: {})", self.events.join(", "))?;
        }
        write!(f, "; what to do: {}", self.advice())
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
    /// It was told to pause, or is held.
    Paused,
    /// The home has a view that another version of the fold made, which this build cannot go on with. One of this
    /// version is being built; the old one stays until it is done.
    Rebuilding {
        /// The version that made the view that is there.
        from: u32,
    },
    /// It stopped because it could not go on. It does not start again by itself: nothing is skipped.
    Stopped(Arc<Stop>),
    /// It was told to stop.
    Ended,
}

impl State {
    /// Whether it will not go on by itself.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Ended)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::CatchingUp => "catching_up",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Rebuilding { .. } => "rebuilding",
            Self::Stopped(_) => "stopped",
            Self::Ended => "ended",
        }
    }
}

/// How far a projection is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What it is doing.
    pub state: State,
    /// What the live view contains.
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
}

/// How a view is rebuilt.
#[derive(Clone)]
pub struct RebuildSettings {
    /// Begin anew, or go on with what an earlier rebuild left.
    pub how: Building,
    /// How fast it may go. By default it works half of its time, and gives way to the live view when that is behind.
    pub throttle: Throttle,
    /// Commits to leave out when the new view cannot take them either, as they were decided for the old one
    /// ([`Checkpoint::skips`]). Without this a rebuild stops at them.
    pub skips: Vec<Skip>,
    /// Told about every batch, on the rebuild's thread.
    pub on_progress: Option<OnProgress>,
}

/// What a rebuild tells about its progress.
pub type OnProgress = Arc<dyn Fn(&RebuildProgress) + Send + Sync>;

impl Default for RebuildSettings {
    fn default() -> Self {
        let throttle = Throttle { commits_per_second: None, share_percent: 50 };
        Self { how: Building::Anew, throttle, skips: Vec::new(), on_progress: None }
    }
}

impl fmt::Debug for RebuildSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { how, throttle, skips, .. } = self;
        f.debug_struct("RebuildSettings")
            .field("how", how)
            .field("throttle", throttle)
            .field("skips", skips)
            .finish_non_exhaustive()
    }
}

/// What a rebuild is doing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RebuildState {
    /// There was none since the runner started.
    None,
    /// The new view is read, beside the live one.
    Building,
    /// The new view is as far as the live one, and takes its place.
    Swapping,
    /// The new view is the live one.
    Swapped,
    /// It was cancelled, and what was built is dropped.
    Cancelled,
    /// It could not go on. What was built is kept, for [`Building::Resume`]; the live view is as it was.
    Failed(Arc<Stop>),
    /// The runner ended. What was built is kept, and the next runner goes on with it.
    Interrupted,
}

impl RebuildState {
    /// Whether nothing is being built.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Building | Self::Swapping)
    }
}

/// How far a rebuild is.
#[derive(Debug, Clone)]
pub struct RebuildProgress {
    /// What it is doing.
    pub state: RebuildState,
    /// How many commits the new view contains, over all shards.
    pub done: u64,
    /// How many there are, as far as the heads were seen.
    pub total: u64,
}

/// An operator's decision to have a view go on without the commit it stopped at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkipOrder {
    /// The shard of the commit; it must be the one the view stopped at.
    pub shard: Shard,
    /// Its position.
    pub position: Position,
    /// Who decides.
    pub by: ActorId,
    /// Why.
    pub why: Reason,
    /// When.
    pub at: Timestamp,
}

/// Why a projection could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The operating system gave no thread.
    #[error("no thread could be started for the projection")]
    Thread(#[source] std::io::Error),
}

/// Why a runner did not do what it was told.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The projection has ended.
    #[error("the projection {view} has ended")]
    Ended {
        /// The view.
        view: String,
    },
    /// It did not answer within the limit; it may still do it.
    #[error("the projection {view} did not answer within {limit:?}")]
    TimedOut {
        /// The view.
        view: String,
        /// The limit.
        limit: Duration,
    },
    /// It cannot be done now.
    #[error("the projection {view}: {reason}")]
    NotNow {
        /// The view.
        view: String,
        /// Why not.
        reason: String,
    },
    /// The view refused.
    #[error(transparent)]
    View(Arc<ViewError>),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
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
    #[error("the view {view} stopped before it got there: {stop}")]
    Stopped {
        /// The view.
        view: String,
        /// Where and why.
        stop: Arc<Stop>,
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
