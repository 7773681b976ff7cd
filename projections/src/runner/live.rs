//! What happens on a runner's thread.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::rebuild::{self, Built, Order as RebuildOrder};
use super::state::{
    ControlError, Progress, RebuildProgress, RebuildSettings, Settings, SkipOrder, State, Stop, StopReason,
    Throttle,
};
use super::track::{Patience, Track, Trouble};
use crate::checkpoint::Checkpoint;
use crate::error::ViewError;
use crate::feed::Feed;
use crate::home::{Building, Home, Live};
use crate::skip::Skip;

/// The figure that tells how far a view is behind, per view and shard.
const LAG: &str = "casino_ledger_projection_lag";
/// The figure that tells how many commits a view left out.
const SKIPS: &str = "casino_ledger_projection_skips";
/// The figure that is 1 for the state a view is in, per view and state.
const STATE: &str = "casino_ledger_projection_state";
/// The figure that counts what a view has applied.
const APPLIED: &str = "casino_ledger_projection_applied_commits_total";
/// The figure of how long a batch took.
const BATCH_SECONDS: &str = "casino_ledger_projection_batch_seconds";

/// What a runner tells its thread.
pub(super) enum Order {
    Pause,
    Resume,
    /// Nothing but an answer: what holds it is counted before.
    Hold,
    Skip(SkipOrder),
    Rebuild(RebuildSettings),
}

pub(super) type Reply = oneshot::Sender<Result<(), ControlError>>;

/// What comes to a runner's thread: orders, and the view that was rebuilt.
pub(super) enum Message<V> {
    Order(Order, Reply),
    Built(Box<Built<V>>),
}

/// What the thread of a runner and its handle share.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) reports: watch::Sender<Progress>,
    pub(super) rebuilds: watch::Sender<RebuildProgress>,
    /// Set once: the runner is gone or told to stop.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) throttle: watch::Receiver<Throttle>,
    pub(super) rebuild_throttle: watch::Sender<Throttle>,
    pub(super) cancel_rebuild: watch::Receiver<u64>,
    /// How far the live view is behind, for a rebuild that gives way to it.
    pub(super) lag: AtomicU64,
    /// How many there are that have the live view stand still.
    pub(super) holds: watch::Sender<usize>,
}

impl Shared {
    pub(super) fn is_stopped(&self) -> bool {
        // A runner that is gone has told it to stop too.
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    fn is_held(&self) -> bool {
        *self.holds.borrow() > 0
    }
}

enum Mode {
    Running,
    Paused,
    Stopped(Arc<Stop>),
    /// The home has a view of another version.
    Waiting(u32),
}

/// Why the loop of a thread ends.
struct Ended;

pub(super) struct Follower<H: Home> {
    shared: Arc<Shared>,
    home: Arc<H>,
    feed: Feed,
    settings: Settings,
    messages: mpsc::Receiver<Message<H::View>>,
    /// For rebuilds to send to. Weak, so that the channel ends with the runner.
    own: mpsc::WeakSender<Message<H::View>>,
    /// Dropped when this thread and those of its rebuilds are over.
    alive: Arc<watch::Sender<bool>>,
    track: Option<Track<H::View>>,
    mode: Mode,
    /// The view that was built, while the live one is held.
    built: Option<Box<Built<H::View>>>,
    patience: Patience,
    /// The lag per shard as it was last reported.
    reported: Vec<Option<u64>>,
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Stop {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Stop { at: None, events: Vec::new(), reason: StopReason::Panicked(text) }
}

/// Runs what may panic in a view's code.
pub(crate) async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Stop> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| panicked(panic.as_ref()))
}

impl<H: Home> Follower<H> {
    pub(super) fn new(
        shared: Arc<Shared>,
        home: Arc<H>,
        feed: Feed,
        settings: Settings,
        messages: mpsc::Receiver<Message<H::View>>,
        own: mpsc::WeakSender<Message<H::View>>,
        alive: watch::Sender<bool>,
    ) -> Self {
        let reported = vec![None; usize::from(feed.identity().shards.get())];
        let (mode, patience, built) = (Mode::Running, Patience::new(), None);
        let alive = Arc::new(alive);
        Self {
            shared,
            home,
            feed,
            settings,
            messages,
            own,
            alive,
            track: None,
            mode,
            built,
            patience,
            reported,
        }
    }

    pub(super) fn run(mut self) {
        let over = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.map(|runtime| runtime.block_on(self.follow()))
        }));
        // The views are dropped before anyone hears that it is over.
        self.track = None;
        self.built = None;
        match over {
            Ok(Ok(())) => {
                tracing::info!(view = self.shared.name, "the projection ended");
                self.show(State::Ended);
            }
            Ok(Err(error)) => {
                let doing = "the projection's runtime could not be built".to_owned();
                let error = ViewError::Home { doing, source: Some(Box::new(error)) };
                self.stop(Stop { at: None, events: Vec::new(), reason: StopReason::View(Arc::new(error)) });
            }
            Err(panic) => self.stop(panicked(panic.as_ref())),
        }
    }

    async fn follow(&mut self) {
        let mut wake = self.feed.store().watch();
        if self.open().await.is_ok() {
            self.resume_building().await;
        }
        while self.turn(&mut wake).await.is_ok() {}
    }

    /// One turn: what was said, then a batch, or a wait.
    async fn turn(&mut self, wake: &mut watch::Receiver<u64>) -> Result<(), Ended> {
        if self.shared.is_stopped() {
            return Err(Ended);
        }
        while let Ok(message) = self.messages.try_recv() {
            self.hear(message).await;
        }
        let mut holds = self.shared.holds.subscribe();
        let is_held = *holds.borrow_and_update() > 0;
        if let Some(built) = self.built.take_if(|_| !is_held) {
            self.take_over(*built).await;
        }
        let pause = match &self.mode {
            // Only what is said ends this, or the end of the last hold.
            Mode::Paused | Mode::Stopped(_) | Mode::Waiting(_) => None,
            Mode::Running if is_held => None,
            Mode::Running => match self.step(wake).await {
                Step::Go(pause) => Some((pause, false)),
                Step::Idle => Some((self.settings.poll_every, true)),
                Step::Stopped => None,
            },
        };
        let message = match pause {
            Some((pause, _)) if pause.is_zero() => return Ok(()),
            Some((pause, wakes)) => {
                let woken = async {
                    if !wakes || wake.changed().await.is_err() {
                        // The store closed its wake-up: from here on only the clock wakes.
                        std::future::pending::<()>().await;
                    }
                };
                self.listen(async { drop(tokio::time::timeout(pause, woken).await) }).await
            }
            None => {
                let released = async {
                    if !is_held || holds.wait_for(|holds| *holds == 0).await.is_err() {
                        std::future::pending::<()>().await;
                    }
                };
                self.listen(released).await
            }
        };
        match message? {
            Some(message) => self.hear(message).await,
            None => return Ok(()),
        }
        Ok(())
    }

    /// Waits for the first of: something is said, told to stop, `or` is over.
    async fn listen(&mut self, or: impl Future<Output = ()>) -> Result<Option<Message<H::View>>, Ended> {
        let mut stop = self.shared.stop.clone();
        let (message, or, stopped) = (pin!(self.messages.recv()), pin!(or), pin!(stop.changed()));
        match select(select(message, or), stopped).await {
            Either::Left((Either::Left((Some(message), _)), _)) => Ok(Some(message)),
            Either::Left((Either::Right(_), _)) => Ok(None),
            // The runner is gone, or told to stop.
            Either::Left((Either::Left((None, _)), _)) | Either::Right(_) => {
                if self.shared.is_stopped() {
                    Err(Ended)
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// Opens the home's live view and begins where it stands.
    async fn open(&mut self) -> Result<(), ()> {
        let opened = guarded(self.home.live()).await;
        let view = match opened {
            Ok(Ok(Live::Ready(view))) => view,
            Ok(Ok(Live::Other { version })) => {
                tracing::warn!(
                    view = self.shared.name,
                    found = version,
                    own = self.home.version(),
                    "the view was made by another version: it is rebuilt"
                );
                self.mode = Mode::Waiting(version);
                self.report();
                return Ok(());
            }
            Ok(Err(error)) => {
                self.trouble(error.into());
                return Err(());
            }
            Err(stop) => {
                self.stop(stop);
                return Err(());
            }
        };
        let mut patience = Patience::new();
        let mut view = view;
        let track = loop {
            let start = Track::start(self.feed.clone(), view, self.settings.batch_commits_max);
            match guarded(start).await {
                Ok(Ok(track)) => break track,
                Ok(Err((back, trouble))) => match patience.pause(trouble, &self.settings) {
                    Ok(pause) => {
                        view = back;
                        self.rest(pause).await;
                        if self.shared.is_stopped() {
                            return Err(());
                        }
                    }
                    Err(stop) => {
                        self.stop(stop);
                        return Err(());
                    }
                },
                Err(stop) => {
                    self.stop(stop);
                    return Err(());
                }
            }
        };
        tracing::info!(view = self.shared.name, version = self.home.version(), "the projection begins");
        self.track = Some(track);
        self.mode = Mode::Running;
        self.report();
        self.tidy().await;
        Ok(())
    }

    /// Goes on with a rebuild that an earlier process left, or begins one that the version demands.
    async fn resume_building(&mut self) {
        let throttle = self.settings.rebuild_throttle;
        let settings = RebuildSettings { how: Building::Resume, throttle, ..RebuildSettings::default() };
        let must = matches!(self.mode, Mode::Waiting(_));
        match guarded(self.home.building(Building::Resume)).await {
            Ok(Ok(Some(view))) => self.spawn_rebuild(settings, Some(view)),
            Ok(Ok(None)) if must => {
                self.spawn_rebuild(RebuildSettings { how: Building::Anew, ..settings }, None);
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                tracing::error!(view = self.shared.name, %error, "an earlier rebuild cannot be resumed");
                if must {
                    self.trouble(error.into());
                }
            }
            Err(stop) => self.stop(stop),
        }
    }

    fn spawn_rebuild(&mut self, settings: RebuildSettings, view: Option<H::View>) {
        let Some(messages) = self.own.upgrade() else { return };
        self.shared.rebuild_throttle.send_replace(settings.throttle);
        let order = RebuildOrder {
            shared: Arc::clone(&self.shared),
            home: Arc::clone(&self.home),
            feed: self.feed.clone(),
            settings,
            of_runner: self.settings.clone(),
            messages,
            _alive: Arc::clone(&self.alive),
        };
        rebuild::spawn(order, view);
    }

    /// One batch, if there is something to do.
    async fn step(&mut self, wake: &mut watch::Receiver<u64>) -> Step {
        let Some(track) = &mut self.track else { return Step::Idle };
        // Seen before the heads are read: what lands from here on wakes.
        wake.mark_unchanged();
        let looked = guarded(track.look_if_due()).await;
        let (is_behind, throttle) = (track.lag() > 0, *self.shared.throttle.borrow());
        if is_behind {
            self.report();
        }
        let began = Instant::now();
        let done = match (looked, &mut self.track) {
            (Ok(Ok(())), Some(track)) if is_behind => guarded(track.advance(throttle.batch_max())).await,
            (Ok(looked), _) => Ok(looked.map(|()| 0)),
            (Err(stop), _) => Err(stop),
        };
        match done {
            Ok(Ok(commits)) => {
                self.patience = Patience::new();
                self.report();
                if commits == 0 {
                    return Step::Idle;
                }
                let took = began.elapsed();
                let labels = [("view", self.shared.name.clone())];
                metrics::counter!(APPLIED, &labels).increment(commits.try_into().unwrap_or(u64::MAX));
                metrics::histogram!(BATCH_SECONDS, &labels).record(took);
                Step::Go(throttle.rest(commits, took))
            }
            Ok(Err(trouble)) => match self.patience.pause(trouble, &self.settings) {
                Ok(pause) => Step::Go(pause),
                Err(stop) => {
                    self.stop(stop);
                    Step::Stopped
                }
            },
            Err(stop) => {
                // What the view holds in memory after a panic is not to be trusted: it is opened again.
                self.track = None;
                self.stop(stop);
                Step::Stopped
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        let settings = Settings { store_retries_max: 0, ..self.settings.clone() };
        if let Err(stop) = Patience::new().pause(trouble, &settings) {
            self.stop(stop);
        }
    }

    fn stop(&mut self, stop: Stop) {
        let (shard, position) = stop.at.map(|(shard, position)| (shard.0, position.0)).unzip();
        tracing::error!(view = self.shared.name, shard, position, reason = %stop, "the projection stopped");
        self.mode = Mode::Stopped(Arc::new(stop));
        self.report();
    }

    async fn hear(&mut self, message: Message<H::View>) {
        match message {
            Message::Built(built) if self.shared.is_held() => self.built = Some(built),
            Message::Built(built) => self.take_over(*built).await,
            Message::Order(order, reply) => {
                let done = match order {
                    Order::Pause => self.pause(),
                    Order::Resume => self.resume().await,
                    Order::Hold => self.hold(),
                    Order::Skip(order) => self.skip(order).await,
                    Order::Rebuild(settings) => self.rebuild(settings),
                };
                // The handle may have stopped waiting.
                let _ = reply.send(done);
            }
        }
    }

    fn not_now(&self, reason: impl Into<String>) -> ControlError {
        ControlError::NotNow { view: self.shared.name.clone(), reason: reason.into() }
    }

    fn pause(&mut self) -> Result<(), ControlError> {
        match self.mode {
            Mode::Running => {
                self.mode = Mode::Paused;
                self.report();
                Ok(())
            }
            Mode::Paused => Ok(()),
            Mode::Stopped(_) => Err(self.not_now("it stopped by itself")),
            Mode::Waiting(_) => Err(self.not_now("it is being rebuilt")),
        }
    }

    /// No batch is in hand here, and none begins while it is held.
    fn hold(&mut self) -> Result<(), ControlError> {
        match self.mode {
            Mode::Running | Mode::Paused => {
                self.report();
                Ok(())
            }
            Mode::Stopped(_) => Err(self.not_now("it stopped by itself")),
            Mode::Waiting(_) => Err(self.not_now("it is being rebuilt")),
        }
    }

    async fn resume(&mut self) -> Result<(), ControlError> {
        match self.mode {
            Mode::Running => Ok(()),
            Mode::Waiting(_) => Err(self.not_now("it is being rebuilt")),
            Mode::Paused => {
                self.mode = Mode::Running;
                self.report();
                Ok(())
            }
            Mode::Stopped(_) => {
                if self.start_again().await.is_ok() {
                    return Ok(());
                }
                match &self.mode {
                    Mode::Stopped(stop) => Err(self.not_now(stop.to_string())),
                    _ => Err(self.not_now("it ended")),
                }
            }
        }
    }

    /// Goes on with the view that stopped, from where its home says it stands; or opens it again.
    async fn start_again(&mut self) -> Result<(), ()> {
        let Some(track) = &mut self.track else { return self.open().await };
        match guarded(track.ask_again()).await {
            // A store that is away is waited for as ever.
            Ok(Ok(()) | Err(Trouble::Again(_))) => {
                self.patience = Patience::new();
                self.mode = Mode::Running;
                self.report();
                Ok(())
            }
            Ok(Err(trouble)) => {
                self.trouble(trouble);
                Err(())
            }
            Err(stop) => {
                self.track = None;
                self.stop(stop);
                Err(())
            }
        }
    }

    async fn skip(&mut self, order: SkipOrder) -> Result<(), ControlError> {
        let Mode::Stopped(stop) = &self.mode else { return Err(self.not_now("it did not stop at a commit")) };
        let stop = Arc::clone(stop);
        if stop.at != Some((order.shard, order.position)) || !stop.is_skippable() {
            return Err(self.not_now(format!("only what it cannot take is left out; it stopped: {stop}")));
        }
        let Some(track) = &mut self.track else {
            return Err(self.not_now("the view is not open: resume it"));
        };
        let found =
            self.feed.store().read(order.shard, order.position, 1).await.map_err(ControlError::Store)?;
        let Some(commit) = found.first() else {
            return Err(self.not_now("the store does not have that commit any more"));
        };
        let what = stop.reason.to_string();
        let skip = Skip::new(commit, &what, order.by, order.why, order.at);
        match guarded(track.skip(&skip)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(ControlError::View(Arc::new(error))),
            Err(stop) => {
                self.track = None;
                self.stop(stop);
                return Err(self.not_now("the view panicked"));
            }
        }
        let Skip { shard, position, hash, by, why, at, .. } = &skip;
        tracing::warn!(
            view = self.shared.name, %shard, %position, %hash, %by, %why, %at, what,
            "a commit was left out: the view is incomplete"
        );
        self.mode = Mode::Running;
        self.report();
        Ok(())
    }

    fn rebuild(&mut self, settings: RebuildSettings) -> Result<(), ControlError> {
        if !self.shared.rebuilds.borrow().state.is_over() {
            return Err(self.not_now("it is being rebuilt"));
        }
        self.spawn_rebuild(settings, None);
        Ok(())
    }

    /// The view that was built takes the place of the live one.
    ///
    /// The live one stands still from here on, so the new one reaches it. Readers see the old one until the swap.
    async fn take_over(&mut self, built: Built<H::View>) {
        let Built { mut track, skips, reply } = built;
        let target = self.reached();
        let reaching = guarded(async {
            let mut patience = Patience::new();
            loop {
                match self.reach(&mut track, &skips, target.as_deref()).await {
                    Ok(()) => return Ok(()),
                    Err(trouble) => self.rest(patience.pause(trouble, &self.settings)?).await,
                }
            }
        });
        let failed = reaching.await.and_then(|reached| reached).err();
        if let Some(stop) = failed {
            let _ = reply.send(Err(stop));
            return;
        }
        tracing::info!(view = self.shared.name, "the rebuilt view is live");
        self.track = Some(track);
        if !matches!(self.mode, Mode::Paused) {
            self.mode = Mode::Running;
        }
        self.patience = Patience::new();
        self.report();
        self.tidy().await;
        let _ = reply.send(Ok(()));
    }

    /// Rests, until told to stop.
    async fn rest(&self, pause: Duration) {
        let mut stop = self.shared.stop.clone();
        let _ = tokio::time::timeout(pause, stop.changed()).await;
    }

    /// Where readers have seen the live view, if the new one is of the same history.
    fn reached(&self) -> Option<Arc<Checkpoint>> {
        match &self.mode {
            Mode::Stopped(stop) if stop.is_of_another_history() => None,
            _ => self.track.as_ref().map(|live| Arc::clone(&live.checkpoint)),
        }
    }

    /// Carries a view that was built to where the live one stands, or else to the heads, and swaps.
    async fn reach(
        &self,
        track: &mut Track<H::View>,
        skips: &[Skip],
        target: Option<&Checkpoint>,
    ) -> Result<(), Trouble> {
        track.look().await?;
        while target.map_or(track.lag() > 0, |target| !track.checkpoint.is_at_least(target)) {
            if track.lag() == 0 {
                return Err(ViewError::home("the live view is ahead of the store").into());
            }
            rebuild::carry(track, skips, usize::MAX).await?;
        }
        Ok(self.home.swap(&mut track.view).await?)
    }

    async fn tidy(&self) {
        // It is only room on a disk: the next start tries again.
        if let Ok(Err(error)) = guarded(self.home.tidy()).await {
            tracing::warn!(view = self.shared.name, %error, "an old generation could not be dropped");
        }
    }

    /// Shows where the view stands, as the mode has it.
    fn report(&mut self) {
        let state = match &self.mode {
            Mode::Paused => State::Paused,
            Mode::Stopped(stop) => State::Stopped(Arc::clone(stop)),
            Mode::Waiting(from) => State::Rebuilding { from: *from },
            Mode::Running if self.shared.is_held() => State::Paused,
            Mode::Running
                if self.track.as_ref().is_some_and(|track| track.lag() == 0 && !track.heads.is_empty()) =>
            {
                State::Live
            }
            Mode::Running => State::CatchingUp,
        };
        self.show(state);
    }

    fn show(&mut self, state: State) {
        let before = self.shared.reports.borrow().clone();
        let (checkpoint, heads) = match &self.track {
            Some(track) => (Arc::clone(&track.checkpoint), Arc::clone(&track.heads)),
            None => (Arc::clone(&before.checkpoint), Arc::clone(&before.heads)),
        };
        let name = &self.shared.name;
        if before.state.name() != state.name() {
            for (state, value) in [(before.state.name(), 0.0), (state.name(), 1.0)] {
                metrics::gauge!(STATE, "view" => name.clone(), "state" => state).set(value);
            }
        }
        if before.checkpoint.skips().len() != checkpoint.skips().len() {
            let skips = u32::try_from(checkpoint.skips().len()).unwrap_or(u32::MAX);
            metrics::gauge!(SKIPS, "view" => name.clone()).set(f64::from(skips));
        }
        let progress = Progress { state, checkpoint, heads };
        let lag = progress.lag();
        self.shared.lag.store(lag.iter().fold(0, |sum, lag| sum.saturating_add(*lag)), Ordering::Relaxed);
        for (shard, (lag, reported)) in lag.into_iter().zip(&mut self.reported).enumerate() {
            if *reported != Some(lag) {
                *reported = Some(lag);
                let labels = [("view", name.clone()), ("shard", shard.to_string())];
                metrics::gauge!(LAG, &labels).set(f64::from(u32::try_from(lag).unwrap_or(u32::MAX)));
            }
        }
        self.shared.reports.send_replace(progress);
    }
}

/// What came of a step.
enum Step {
    /// A batch was applied, or the store is to be asked again; rest so long.
    Go(Duration),
    /// There is nothing to do until something comes.
    Idle,
    /// The mode says why.
    Stopped,
}

impl Throttle {
    /// The most commits of a batch: what takes a tenth of a second at most.
    pub(super) fn batch_max(self) -> usize {
        let tenth = self.commits_per_second.map(|rate| (rate.get() / 10).max(1));
        tenth.map_or(usize::MAX, |commits| usize::try_from(commits).unwrap_or(usize::MAX))
    }

    /// How long to rest after a batch.
    pub(super) fn rest(self, commits: usize, took: Duration) -> Duration {
        let share = u32::from(self.share_percent.clamp(1, 100));
        let by_share = took.saturating_mul(100 - share) / share;
        let by_rate = self.commits_per_second.map_or(Duration::ZERO, |rate| {
            let commits = u32::try_from(commits).unwrap_or(u32::MAX);
            (Duration::from_secs(1).saturating_mul(commits) / rate.get()).saturating_sub(took)
        });
        by_share.max(by_rate)
    }
}
