//! A stream of events for a host's own publisher: without a gap, each event with an id to recognise it by.

use std::fmt;
use std::pin::{Pin, pin};
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream;
use futures_util::future::{Either, select};
use ledger_core::stored::EventRecord;
use ledger_store::{LedgerId, Position, Shard};
use tokio::sync::{mpsc, watch};

use crate::checkpoint::Checkpoint;
use crate::checkpoints::CheckpointStore;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::feed::Feed;
use crate::runner::{Patience, Progress, Runner, Settings, StartError, Stop, Track, guarded};
use crate::skip::Skip;
use crate::view::View;

/// Which event of the ledger it is: shard, position of its commit, place in the commit. Written `3/17/0`.
///
/// It never changes and never names another event. Together with the ledger's id it is what a receiver tells
/// duplicates by ([`Occurrence::message_id`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId {
    /// The shard.
    pub shard: Shard,
    /// The position of the commit in its shard.
    pub position: Position,
    /// The event's place in the commit, from 0.
    pub index: u16,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.shard, self.position, self.index)
    }
}

/// A text that is not the id of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of an event: write shard/position/index")]
pub struct EventIdError(String);

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let parse = || {
            let mut parts = text.split('/');
            let (shard, position, index) = (parts.next()?, parts.next()?, parts.next()?);
            let id = Self {
                shard: Shard(shard.parse().ok()?),
                position: Position(position.parse().ok()?),
                index: index.parse().ok()?,
            };
            // One text per event: no sign, no leading zero.
            (parts.next().is_none() && id.to_string() == text).then_some(id)
        };
        parse().ok_or_else(|| EventIdError(text.chars().take(64).collect()))
    }
}

/// An event, in the commit it came in.
#[derive(Debug, Clone)]
pub struct Occurrence {
    commit: Arc<Commit>,
    index: u16,
}

impl Occurrence {
    /// Every event of a commit, in order.
    fn all(commit: &Arc<Commit>) -> impl Iterator<Item = Self> {
        let of = |index| Self { commit: Arc::clone(commit), index };
        // A commit has at most 256 events.
        let events = u16::try_from(commit.body.events.len()).unwrap_or(u16::MAX);
        (0..events).map(of)
    }

    /// Which event it is.
    pub fn id(&self) -> EventId {
        EventId { shard: self.commit.shard, position: self.commit.position, index: self.index }
    }

    /// A text that names this event among those of all ledgers, as `Nats-Msg-Id` and its like want it.
    pub fn message_id(&self, ledger: LedgerId) -> String {
        format!("{ledger}/{}", self.id())
    }

    /// The event with its stream and version.
    pub fn record(&self) -> Option<&EventRecord> {
        self.commit.body.events.get(usize::from(self.index))
    }

    /// The commit: when it was recorded, by whom, of whose player, with which other events.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }
}

/// Events to be published together, and where the subscription stands once they are.
///
/// Commits come whole: of a commit either all events are in a delivery or none.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The events, in order within each shard.
    pub events: Vec<Occurrence>,
    /// What to save once all of them are published: a subscription that begins there goes on behind them.
    pub checkpoint: Checkpoint,
}

/// How a subscription reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSettings {
    /// A delivery ends with the commit that brings it to this many events.
    pub delivery_events: usize,
    /// How many deliveries wait for a subscriber that is slower than the log. When they do, nothing more is read.
    pub deliveries_max: usize,
    /// As [`Settings::poll_every`].
    pub poll_every: Duration,
    /// As [`Settings::store_retries_max`].
    pub store_retries_max: u32,
    /// As [`Settings::store_retry_pause`].
    pub store_retry_pause: Duration,
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        let Settings { poll_every, store_retries_max, store_retry_pause, .. } = Settings::default();
        Self { delivery_events: 1_000, deliveries_max: 4, poll_every, store_retries_max, store_retry_pause }
    }
}

/// The most commits of a delivery.
const DELIVERY_COMMITS_MAX: usize = 1_024;

/// That a subscription cannot go on. What it delivered before is right; nothing was skipped.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the subscription stopped: {0}")]
pub struct SubscribeError(pub Arc<Stop>);

/// Every event of the ledger from a checkpoint on, in order within each shard and without a gap, at least once.
///
/// It reads on a thread of its own, through the feed, and waits while the subscriber is slower. Take deliveries with
/// [`Self::next`], or as a [`Stream`]. It ends with `None` after an error, and, if it goes with a view, when that
/// view's runner is gone and everything it contains was delivered. Dropping it ends the thread.
#[derive(Debug)]
pub struct Subscription {
    deliveries: mpsc::Receiver<Result<Delivery, SubscribeError>>,
    _stop: watch::Sender<bool>,
}

impl Subscription {
    /// The next delivery; waits until there is one. `None` after an error.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`] if the subscription cannot go on: another history, a commit that this build cannot read,
    /// a store that is gone.
    pub async fn next(&mut self) -> Option<Result<Delivery, SubscribeError>> {
        self.deliveries.recv().await
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.deliveries.poll_recv(cx)
    }
}

impl Feed {
    /// Subscribes to every event from a checkpoint on: [`Checkpoint::start`] for all of them, the store's heads
    /// ([`Checkpoint::from_heads`]) for what comes from now on, or what was saved after the last delivery.
    ///
    /// # Errors
    ///
    /// [`StartError`] if there is no thread. What is wrong with the checkpoint or the store comes as the first
    /// delivery.
    pub fn subscribe(
        &self,
        from: Checkpoint,
        settings: SubscriptionSettings,
    ) -> Result<Subscription, StartError> {
        subscribe(self.clone(), from, settings, None)
    }
}

impl Runner {
    /// Subscribes to events from a checkpoint on, each once this view contains it: for side effects that go with a
    /// view, such as telling a client to look at it again.
    ///
    /// A view that is being rebuilt delivers nothing until it has taken the old one's place; what the old one
    /// delivered is not delivered again, because where the subscription stands has nothing to do with generations.
    ///
    /// # Errors
    ///
    /// As [`Feed::subscribe`].
    pub fn subscribe(
        &self,
        from: Checkpoint,
        settings: SubscriptionSettings,
    ) -> Result<Subscription, StartError> {
        subscribe(self.feed().clone(), from, settings, Some(self.watch()))
    }
}

fn subscribe(
    feed: Feed,
    from: Checkpoint,
    settings: SubscriptionSettings,
    gate: Option<watch::Receiver<Progress>>,
) -> Result<Subscription, StartError> {
    let (sender, deliveries) = mpsc::channel(settings.deliveries_max.max(1));
    let (stop, stopped) = watch::channel(false);
    let outlet = Outlet { checkpoint: from, sender: sender.clone(), events: settings.delivery_events.max(1) };
    let run = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
            return;
        };
        runtime.block_on(async {
            let read = Reading { feed, settings, gate, stopped };
            if let Err(stop) = guarded(read.follow(outlet)).await.and_then(|ended| ended) {
                tracing::error!(reason = %stop, "a subscription stopped");
                let _ = sender.send(Err(SubscribeError(Arc::new(stop)))).await;
            }
        });
    };
    thread::Builder::new().name("subscription".to_owned()).spawn(run).map_err(StartError::Thread)?;
    Ok(Subscription { deliveries, _stop: stop })
}

/// A view that keeps nothing and passes everything on.
struct Outlet {
    checkpoint: Checkpoint,
    sender: mpsc::Sender<Result<Delivery, SubscribeError>>,
    /// A delivery ends with the commit that brings it to this many events.
    events: usize,
}

impl Outlet {
    async fn send(&mut self, events: &mut Vec<Occurrence>, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        let delivery = Delivery { events: std::mem::take(events), checkpoint: checkpoint.clone() };
        self.checkpoint = checkpoint.clone();
        self.sender.send(Ok(delivery)).await.map_err(|_| ViewError::home("the subscriber is gone"))
    }
}

#[async_trait]
impl View for Outlet {
    fn name(&self) -> &'static str {
        "subscription"
    }

    fn version(&self) -> u32 {
        1
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        Ok(self.checkpoint.clone())
    }

    async fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        let mut at = self.checkpoint.clone();
        let mut events = Vec::new();
        for commit in commits {
            let advance = at.advance(std::slice::from_ref(commit))?;
            let is_fresh = !advance.fresh.is_empty();
            at = advance.after;
            if is_fresh {
                events.extend(Occurrence::all(commit));
            }
            if events.len() >= self.events {
                self.send(&mut events, &at).await?;
            }
        }
        if at != self.checkpoint {
            self.send(&mut events, &at).await?;
        }
        Ok(at)
    }

    async fn skip(&mut self, _: &Skip) -> Result<Checkpoint, ViewError> {
        Err(ViewError::NotSkippable("a subscriber skips in the checkpoint it begins with".to_owned()))
    }
}

struct Reading {
    feed: Feed,
    settings: SubscriptionSettings,
    gate: Option<watch::Receiver<Progress>>,
    stopped: watch::Receiver<bool>,
}

impl Reading {
    /// Reads until the subscriber is gone.
    async fn follow(mut self, outlet: Outlet) -> Result<(), Stop> {
        let SubscriptionSettings { poll_every, store_retries_max, store_retry_pause, .. } = self.settings;
        let settings = Settings { poll_every, store_retries_max, store_retry_pause, ..Settings::default() };
        let mut patience = Patience::new();
        let mut wake = self.feed.store().watch();
        let mut outlet = outlet;
        let mut track = loop {
            match Track::start(self.feed.clone(), outlet, DELIVERY_COMMITS_MAX).await {
                Ok(track) => break track,
                Err((back, trouble)) => {
                    outlet = back;
                    if self.rest(patience.pause(trouble, &settings)?).await {
                        return Ok(());
                    }
                }
            }
        };
        let mut patience = Patience::new();
        loop {
            // Seen before the heads are read: what lands from here on wakes.
            wake.mark_unchanged();
            let (gate, stopped) = (&mut self.gate, &mut self.stopped);
            let step = {
                let step = pin!(async {
                    track.look_if_due().await?;
                    if let Some(gate) = gate {
                        track.look_no_further(&gate.borrow_and_update().checkpoint);
                    }
                    if track.lag() == 0 { Ok(0) } else { track.advance(usize::MAX).await }
                });
                match select(step, pin!(stopped.changed())).await {
                    Either::Left((step, _)) => step,
                    // A delivery that waits for a subscriber who is gone is dropped with him.
                    Either::Right(_) => return Ok(()),
                }
            };
            let over = match step {
                Ok(0) => self.idle(&mut wake).await,
                Ok(_) => {
                    patience = Patience::new();
                    false
                }
                Err(trouble) => self.rest(patience.pause(trouble, &settings)?).await,
            };
            if over {
                return Ok(());
            }
        }
    }

    /// Rests; whether the subscriber is gone meanwhile.
    async fn rest(&mut self, pause: Duration) -> bool {
        let gone = tokio::time::timeout(pause, self.stopped.changed()).await;
        gone.is_ok()
    }

    /// Waits until there may be more; whether the subscriber is gone, or the view's runner.
    async fn idle(&mut self, wake: &mut watch::Receiver<u64>) -> bool {
        let woken = async {
            match &mut self.gate {
                Some(gate) => gate.changed().await.is_err(),
                None => {
                    if wake.changed().await.is_err() {
                        // The store closed its wake-up: from here on only the clock wakes.
                        std::future::pending::<()>().await;
                    }
                    false
                }
            }
        };
        let (woken, gone) =
            (pin!(tokio::time::timeout(self.settings.poll_every, woken)), pin!(self.stopped.changed()));
        match select(woken, gone).await {
            Either::Left((runner_is_gone, _)) => runner_is_gone.unwrap_or(false),
            Either::Right(_) => true,
        }
    }
}

/// What publishes events: to a message broker, a mail server, a client's socket.
#[async_trait]
pub trait Sink: Send {
    /// Publishes events, in their order within each shard. They count as published when this answers `Ok`; what was
    /// published of them before it answers an error, or before the process ends, comes again.
    ///
    /// # Errors
    ///
    /// [`SinkError`], which says whether to try again.
    async fn publish(&mut self, events: &[Occurrence]) -> Result<(), SinkError>;
}

/// Why a sink did not publish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It may work the next time: the receiver is not there now.
    #[error("publishing failed for now")]
    Again(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It will not work.
    #[error("publishing failed")]
    Stop(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How a publisher tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    /// How often the same events are tried again before the publisher stops.
    pub retries_max: u32,
    /// The pause before the first of these; each later one is twice as long, up to `retry_pause_max`.
    pub retry_pause: Duration,
    /// The longest pause.
    pub retry_pause_max: Duration,
}

impl Default for PublishSettings {
    fn default() -> Self {
        let (retry_pause, retry_pause_max) = (Duration::from_millis(100), Duration::from_secs(10));
        Self { retries_max: 100, retry_pause, retry_pause_max }
    }
}

/// Why a publisher stopped. What it published before is saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The subscription.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// The checkpoint could not be loaded or saved.
    #[error(transparent)]
    Checkpoint(#[from] ViewError),
    /// The sink, for good or for longer than the settings allow.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is no thread.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Where a publisher goes on: behind what it saved under its name, or from a first checkpoint.
///
/// # Errors
///
/// [`ViewError`] if what is saved cannot be read.
pub async fn saved_or(
    checkpoints: &dyn CheckpointStore,
    name: &str,
    first: Checkpoint,
) -> Result<Checkpoint, ViewError> {
    Ok(checkpoints.load(name).await?.unwrap_or(first))
}

/// Publishes deliveries and saves after each where it stands, until something stops it or the future is dropped.
///
/// At least once: a process that ends between publishing and saving publishes those events again, under the same ids.
/// Ends with `Ok` if the subscription ended without an error.
///
/// # Errors
///
/// [`PublishError`]; begin again with [`saved_or`] once its cause is mended.
pub async fn publish(
    mut subscription: Subscription,
    checkpoints: &dyn CheckpointStore,
    name: &str,
    sink: &mut dyn Sink,
    settings: &PublishSettings,
) -> Result<(), PublishError> {
    while let Some(delivery) = subscription.next().await {
        let Delivery { events, checkpoint } = delivery?;
        let mut tries = 0;
        while let Err(error) = sink.publish(&events).await {
            if matches!(error, SinkError::Stop(_)) || tries >= settings.retries_max {
                return Err(error.into());
            }
            tracing::warn!(publisher = name, %error, tries, "publishing is tried again");
            let pause = settings.retry_pause.saturating_mul(1 << tries.min(16));
            tries += 1;
            tokio::time::sleep(pause.min(settings.retry_pause_max)).await;
        }
        let published = events.len().try_into().unwrap_or(u64::MAX);
        metrics::counter!("casino_ledger_published_events_total", "publisher" => name.to_owned())
            .increment(published);
        checkpoints.save(name, &checkpoint).await?;
    }
    Ok(())
}
