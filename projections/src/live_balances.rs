//! Balances that are pushed to players: what a server-sent event of "your balance" is made of.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures_util::future::{Either, select};
use ledger_core::stored::Event;
use ledger_core::{Partition, PlayerId};
use ledger_store::Position;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::balances::{PlayerBalances, ReadBalances};
use crate::checkpoint::{AtHead, Checkpoint};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::runner::{Runner, StartError};
use crate::subscribe::{Delivery, SubscribeError, Subscription, SubscriptionSettings};

/// How long a view is waited for that is behind what was told, before it is looked whether anything is told any more.
const BEHIND_MAX: Duration = Duration::from_secs(1);

/// The longest pause: a year.
const PAUSE_MAX: Duration = Duration::from_hours(365 * 24);

/// How balances are pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSettings {
    /// The most subscriptions at the same time, of all players.
    pub subscriptions_max: usize,
    /// A subscription tells a change at most so often; what changes meanwhile is told as one. A year at most.
    pub pause: Duration,
    /// How the log is read.
    pub reading: SubscriptionSettings,
}

impl Default for LiveSettings {
    fn default() -> Self {
        let (subscriptions_max, pause) = (100_000, Duration::ZERO);
        Self { subscriptions_max, pause, reading: SubscriptionSettings::default() }
    }
}

/// Why a balance is not pushed, or no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// There are as many subscriptions as there may be.
    #[error("{max} balances are pushed already: no more are allowed")]
    TooMany {
        /// As many.
        max: usize,
    },
    /// The view's runner is gone, or [`LiveBalances`] is. Subscribe again with those that come after them.
    #[error("balances are not pushed any more")]
    Ended,
    /// The log could not be read on. Subscribe again once that is mended.
    #[error(transparent)]
    Stopped(#[from] SubscribeError),
    /// The view could not be read. The subscription stands: ask again.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// What the thread and the subscriptions share.
struct Shared {
    players: Mutex<Players>,
    subscriptions_max: usize,
}

#[derive(Default)]
struct Players {
    /// The position of the last change of each player who has a subscription, since it began.
    changed: HashMap<PlayerId, watch::Sender<Position>>,
    subscriptions: usize,
    /// Why nothing comes any more, once it is so.
    ended: Option<End>,
}

/// Why nothing comes any more.
#[derive(Debug, Clone)]
enum End {
    /// The runner is gone, or what pushes.
    Gone,
    /// The log could not be read on.
    Stopped(SubscribeError),
}

impl From<End> for LiveError {
    fn from(end: End) -> Self {
        match end {
            End::Gone => Self::Ended,
            End::Stopped(error) => Self::Stopped(error),
        }
    }
}

impl Shared {
    fn players(&self) -> MutexGuard<'_, Players> {
        // Nothing is left half done under the lock.
        self.players.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of the changes in a delivery.
    fn tell(&self, delivery: &Delivery) {
        let players = self.players();
        let mut last = None;
        for event in &delivery.events {
            let commit = event.commit();
            if last == Some((commit.shard, commit.position)) {
                continue;
            }
            last = Some((commit.shard, commit.position));
            let Partition::Player(player) = &commit.body.partition else { continue };
            let Some(changed) = players.changed.get(player) else { continue };
            if changes_purses(commit) {
                changed.send_replace(commit.position);
            }
        }
    }

    /// From here on nothing comes any more: every subscription hears why.
    fn end(&self, why: End) {
        let mut players = self.players();
        players.ended.get_or_insert(why);
        players.changed.clear();
    }

    fn why(&self) -> LiveError {
        self.players().ended.clone().map_or(LiveError::Ended, LiveError::from)
    }
}

fn changes_purses(commit: &Commit) -> bool {
    let changes = |event: &Event| {
        matches!(event, Event::EntryPosted(_) | Event::PlayerOpened(_) | Event::PurseOpened(_))
    };
    commit.body.events.iter().any(|record| changes(&record.event))
}

/// Pushes balances to players, as the view of balances comes to know them.
///
/// One of it goes with the runner of a [`Balances`](crate::balances::Balances) view and reads the log once for all players, on a
/// thread of its own. A [`BalanceUpdates`] is one player's: it tells what he has at first, and then each change once, with where
/// in the log that is true. A reader that is slow gets the newest balances instead of all between: what waits for
/// him is one number, however long he is away. Dropping it, or the runner's end, ends them all with [`LiveError::Ended`].
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use ledger_core::PlayerId;
/// # use ledger_store::{FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
/// # let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use ledger_projections::balances::Balances;
/// use ledger_projections::{Feed, LiveBalances, LiveSettings, MemoryHome, Runner, Settings};
///
/// let feed = Feed::new(Arc::new(MemoryStore::new(identity)));
/// let home = MemoryHome::<Balances>::new(&identity);
/// let reader = Arc::new(home.reader());
/// let runner = Runner::start(&feed, home, Settings::default())?;
/// let live = LiveBalances::start(&runner, reader, LiveSettings::default()).await?;
/// let mut updates = live.subscribe(&PlayerId::new("p1")?, None)?;
/// let update = updates.next().await?;
/// // As a server-sent event: the id comes back as `Last-Event-ID`, and `Position` of it goes into `subscribe`.
/// let (id, data) = (update.head.position, update.value);
/// assert_eq!((id.0, data), (0, None), "nobody was opened");
/// # runner.stop(Duration::from_secs(5)).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LiveBalances {
    shared: Arc<Shared>,
    reader: Arc<dyn ReadBalances>,
    pause: Duration,
    _stop: watch::Sender<()>,
}

impl fmt::Debug for LiveBalances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveBalances").field("subscriptions", &self.subscriptions()).finish_non_exhaustive()
    }
}

impl LiveBalances {
    /// Starts to push what the view of a runner comes to know. `reader` reads that view; with one in memory an update costs a
    /// look at a map.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read, or there is no thread.
    pub async fn start(
        runner: &Runner,
        reader: Arc<dyn ReadBalances>,
        settings: LiveSettings,
    ) -> Result<Self, ViewError> {
        // What the view has by now, a subscription reads at first.
        let from: Checkpoint = reader.checkpoint().await?;
        let LiveSettings { subscriptions_max, pause, reading } = settings;
        let pause = pause.min(PAUSE_MAX);
        let no_thread = |error: StartError| ViewError::home(format!("balances are not pushed: {error}"));
        let subscription = runner.subscribe(from, reading).map_err(no_thread)?;
        let shared = Arc::new(Shared { players: Mutex::default(), subscriptions_max });
        let (stop, stopped) = watch::channel(());
        let own = Arc::clone(&shared);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let Ok(runtime) = runtime else { return own.end(End::Gone) };
            runtime.block_on(push(&own, subscription, stopped));
        };
        let spawned = thread::Builder::new().name("live-balances".to_owned()).spawn(run);
        spawned.map_err(|error| ViewError::home(format!("balances are not pushed: {error}")))?;
        Ok(Self { shared, reader, pause, _stop: stop })
    }

    /// Subscribes to the balances of a player, who need not be open yet. `seen` is the position that the last update he got was
    /// true at (`Last-Event-ID`): if nothing was recorded in his shard since, the first update is the next change; else it is
    /// what he has.
    ///
    /// # Errors
    ///
    /// [`LiveError::TooMany`], [`LiveError::Ended`], [`LiveError::Stopped`].
    pub fn subscribe(&self, player: &PlayerId, seen: Option<Position>) -> Result<BalanceUpdates, LiveError> {
        let mut players = self.shared.players();
        if let Some(end) = &players.ended {
            return Err(end.clone().into());
        }
        let max = self.shared.subscriptions_max;
        if players.subscriptions >= max {
            return Err(LiveError::TooMany { max });
        }
        players.subscriptions = players.subscriptions.saturating_add(1);
        let changed = match players.changed.get(player) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, changed) = watch::channel(Position::ZERO);
                players.changed.insert(player.clone(), sender);
                changed
            }
        };
        Ok(BalanceUpdates {
            shared: Arc::clone(&self.shared),
            reader: Arc::clone(&self.reader),
            player: player.clone(),
            changed,
            given: seen,
            is_first: true,
            pause: self.pause,
            not_before: None,
        })
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.shared.players().subscriptions
    }
}

/// Tells of changes until the subscription ends or nobody wants to hear of them.
async fn push(shared: &Shared, mut subscription: Subscription, mut stopped: watch::Receiver<()>) {
    loop {
        // Nothing is ever sent: it is the end of the sender.
        let delivery = match select(pin!(subscription.next()), pin!(stopped.changed())).await {
            Either::Left((delivery, _)) => delivery,
            Either::Right(_) => None,
        };
        match delivery {
            Some(Ok(delivery)) => shared.tell(&delivery),
            Some(Err(error)) => return shared.end(End::Stopped(error)),
            None => return shared.end(End::Gone),
        }
    }
}

/// The balances of one player, as they change.
pub struct BalanceUpdates {
    shared: Arc<Shared>,
    reader: Arc<dyn ReadBalances>,
    player: PlayerId,
    changed: watch::Receiver<Position>,
    /// The position that the last update was true at.
    given: Option<Position>,
    is_first: bool,
    pause: Duration,
    not_before: Option<Instant>,
}

impl fmt::Debug for BalanceUpdates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BalanceUpdates").field("player", &self.player).finish_non_exhaustive()
    }
}

impl BalanceUpdates {
    /// Whose balances they are.
    pub fn player(&self) -> &PlayerId {
        &self.player
    }

    /// The next update; waits until there is one. Each change is in exactly one of them, positions never go back, and no two
    /// updates tell of the same. `value` is `None` while the player was not opened. What comes while nobody waits here is told
    /// as one.
    ///
    /// May be dropped while it waits: nothing is lost.
    ///
    /// # Errors
    ///
    /// [`LiveError`]. After [`LiveError::View`] it may be asked again.
    pub async fn next(&mut self) -> Result<AtHead<Option<PlayerBalances>>, LiveError> {
        if !self.is_first {
            let given = self.given.unwrap_or(Position::ZERO);
            let news = self.changed.wait_for(|changed| *changed > given).await.is_ok();
            if !news {
                return Err(self.shared.why());
            }
            if let Some(until) = self.not_before {
                tokio::time::sleep_until(until).await;
            }
        }
        loop {
            let answer = self.reader.player(&self.player).await?;
            self.is_first = false;
            let position = answer.head.position;
            // Of a player who has seen it, nothing is news until something changes.
            if self.given.is_none_or(|given| given < position) {
                self.given = Some(position);
                self.not_before = Instant::now().checked_add(self.pause).filter(|_| !self.pause.is_zero());
                return Ok(answer);
            }
            let given = self.given.unwrap_or(Position::ZERO);
            let told = self.changed.wait_for(|changed| *changed > given).await.map(|told| *told);
            let Ok(told) = told else { return Err(self.shared.why()) };
            // What pushes may know of it before the view that is read does.
            match self.reader.at_least(answer.shard, told, BEHIND_MAX).await {
                Ok(_) => {}
                // The number that was told stays when nothing more is told.
                Err(ViewError::Behind { .. } | ViewError::NotReady { .. }) => {
                    if self.changed.has_changed().is_err() {
                        return Err(self.shared.why());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for BalanceUpdates {
    fn drop(&mut self) {
        let mut players = self.shared.players();
        players.subscriptions = players.subscriptions.saturating_sub(1);
        // This receiver still counts.
        if players.changed.get(&self.player).is_some_and(|sender| sender.receiver_count() <= 1) {
            players.changed.remove(&self.player);
        }
    }
}
