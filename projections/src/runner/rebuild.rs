//! Building a view anew beside the live one, on a thread of its own.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::live::{Message, Shared, guarded};
use super::state::{RebuildProgress, RebuildSettings, RebuildState, Settings, Stop, StopReason};
use super::track::{Patience, Track, Trouble};
use crate::error::ViewError;
use crate::feed::Feed;
use crate::home::Home;
use crate::skip::Skip;
use crate::view::View;

/// A rebuild gives way to a live view that is behind by more commits than this.
const COURTESY_LAG: u64 = 64;
/// For at most so long before each batch, so that it gets on even if the live view never catches up.
const COURTESY_MAX: Duration = Duration::from_millis(50);
/// How often it looks while it gives way.
const COURTESY_PACE: Duration = Duration::from_millis(5);
/// The figure that tells how many commits a rebuild has before it.
const REMAINING: &str = "casino_ledger_projection_rebuild_remaining";

/// A view that was built, for the runner's thread to take over.
pub(super) struct Built<V> {
    pub(super) track: Track<V>,
    /// What it may leave out, as decided for the old one.
    pub(super) skips: Vec<Skip>,
    pub(super) reply: oneshot::Sender<Result<(), Stop>>,
}

pub(super) struct Order<H: Home> {
    pub(super) shared: Arc<Shared>,
    pub(super) home: Arc<H>,
    pub(super) feed: Feed,
    pub(super) settings: RebuildSettings,
    pub(super) of_runner: Settings,
    pub(super) messages: mpsc::Sender<Message<H::View>>,
    /// Dropped when the rebuild is over.
    pub(super) _alive: Arc<watch::Sender<bool>>,
}

/// Why it ends without a view to hand over.
enum Over {
    Cancelled,
    Interrupted,
    Failed(Stop),
}

/// Starts a rebuild. What becomes of it is shown by the runner's rebuild progress.
pub(super) fn spawn<H: Home>(order: Order<H>, view: Option<H::View>) {
    let shared = Arc::clone(&order.shared);
    show(&shared, &order.settings, RebuildProgress { state: RebuildState::Building, done: 0, total: 0 });
    let cancelled = *shared.cancel_rebuild.borrow();
    let name = format!("view {} rebuild", shared.name);
    let settings = order.settings.clone();
    let spawned = thread::Builder::new().name(name).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
            let failed = failure(ViewError::home("the rebuild's runtime could not be built"));
            return end(&order.shared, &order.settings, RebuildState::Failed(Arc::new(failed)));
        };
        let mut rebuild = Rebuild { order, cancelled };
        let state = runtime.block_on(rebuild.run(view));
        end(&rebuild.order.shared, &rebuild.order.settings, state);
    });
    if let Err(error) = spawned {
        let error =
            ViewError::Home { doing: "starting the rebuild".to_owned(), source: Some(Box::new(error)) };
        end(&shared, &settings, RebuildState::Failed(Arc::new(failure(error))));
    }
}

fn failure(error: ViewError) -> Stop {
    Stop { at: error.at(), events: Vec::new(), reason: StopReason::View(Arc::new(error)) }
}

fn show(shared: &Shared, settings: &RebuildSettings, progress: RebuildProgress) {
    let remaining = progress.total.saturating_sub(progress.done);
    let remaining = f64::from(u32::try_from(remaining).unwrap_or(u32::MAX));
    metrics::gauge!(REMAINING, "view" => shared.name.clone()).set(remaining);
    if let Some(tell) = &settings.on_progress {
        tell(&progress);
    }
    shared.rebuilds.send_replace(progress);
}

/// Shows how it ended.
fn end(shared: &Shared, settings: &RebuildSettings, state: RebuildState) {
    match &state {
        RebuildState::Failed(stop) => {
            tracing::error!(view = shared.name, reason = %stop, "the rebuild stopped; the live view is as it was");
        }
        state => tracing::info!(view = shared.name, ?state, "the rebuild is over"),
    }
    let RebuildProgress { done, total, .. } = shared.rebuilds.borrow().clone();
    show(shared, settings, RebuildProgress { state, done, total });
}

/// Applies the next batch; a commit that cannot be taken is left out if that was decided for the old view.
pub(super) async fn carry<V: View>(
    track: &mut Track<V>,
    skips: &[Skip],
    commits_max: usize,
) -> Result<usize, Trouble> {
    let trouble = match track.advance(commits_max).await {
        Err(Trouble::Stop(stop)) if stop.is_skippable() => stop,
        done => return done,
    };
    let known = skips.iter().find(|skip| trouble.at == Some((skip.shard, skip.position)));
    let Some(skip) = known else { return Err(Trouble::Stop(trouble)) };
    // A skip of another history is refused by its hash.
    track.skip(skip).await?;
    Ok(1)
}

struct Rebuild<H: Home> {
    order: Order<H>,
    /// The count of cancellations when it began.
    cancelled: u64,
}

impl<H: Home> Rebuild<H> {
    async fn run(&mut self, view: Option<H::View>) -> RebuildState {
        match guarded(self.build(view)).await {
            Ok(Ok(())) => RebuildState::Swapped,
            Ok(Err(Over::Interrupted)) => RebuildState::Interrupted,
            Ok(Err(Over::Failed(stop))) | Err(stop) => RebuildState::Failed(Arc::new(stop)),
            Ok(Err(Over::Cancelled)) => match guarded(self.order.home.discard()).await {
                Ok(Ok(())) => RebuildState::Cancelled,
                Ok(Err(error)) => RebuildState::Failed(Arc::new(failure(error))),
                Err(stop) => RebuildState::Failed(Arc::new(stop)),
            },
        }
    }

    async fn build(&mut self, view: Option<H::View>) -> Result<(), Over> {
        let mut track = self.start(view).await?;
        let mut patience = Patience::new();
        loop {
            self.told()?;
            let throttle = *self.order.shared.rebuild_throttle.borrow();
            self.give_way().await;
            let began = Instant::now();
            match self.batch(&mut track, throttle.batch_max()).await {
                Ok(commits) => {
                    patience = Patience::new();
                    self.report(&track, RebuildState::Building);
                    // One batch is left: the live view stands still until the new one has it.
                    let last = u64::try_from(self.order.of_runner.batch_commits_max).unwrap_or(u64::MAX);
                    if track.lag() <= last {
                        return self.hand_over(track).await;
                    }
                    self.rest(throttle.rest(commits, began.elapsed())).await;
                }
                Err(trouble) => {
                    let pause = patience.pause(trouble, &self.order.of_runner).map_err(Over::Failed)?;
                    self.rest(pause).await;
                }
            }
        }
    }

    async fn start(&mut self, view: Option<H::View>) -> Result<Track<H::View>, Over> {
        let order = &self.order;
        let failed = |error| Over::Failed(failure(error));
        let mut view = match view {
            Some(view) => view,
            None => {
                let opened = order.home.building(order.settings.how).await.map_err(failed)?;
                opened.ok_or_else(|| failed(ViewError::home("there is no earlier rebuild to go on with")))?
            }
        };
        let mut patience = Patience::new();
        loop {
            let start = Track::start(order.feed.clone(), view, order.of_runner.batch_commits_max);
            match start.await {
                Ok(track) => return Ok(track),
                Err((back, trouble)) => {
                    view = back;
                    let pause = patience.pause(trouble, &order.of_runner).map_err(Over::Failed)?;
                    self.rest(pause).await;
                    self.told()?;
                }
            }
        }
    }

    async fn batch(&self, track: &mut Track<H::View>, commits_max: usize) -> Result<usize, Trouble> {
        track.look_if_due().await?;
        if track.lag() == 0 { Ok(0) } else { carry(track, &self.order.settings.skips, commits_max).await }
    }

    fn told(&self) -> Result<(), Over> {
        let shared = &self.order.shared;
        if shared.is_stopped() {
            return Err(Over::Interrupted);
        }
        if *shared.cancel_rebuild.borrow() == self.cancelled { Ok(()) } else { Err(Over::Cancelled) }
    }

    /// Waits a little while the live view is behind.
    async fn give_way(&self) {
        let end = Instant::now() + COURTESY_MAX;
        while self.order.shared.lag.load(Ordering::Relaxed) > COURTESY_LAG && Instant::now() < end {
            self.rest(COURTESY_PACE).await;
        }
    }

    /// Rests, until told something.
    async fn rest(&self, pause: Duration) {
        if pause.is_zero() {
            return;
        }
        let (mut stop, mut cancel) =
            (self.order.shared.stop.clone(), self.order.shared.cancel_rebuild.clone());
        let (stopped, cancelled) = (pin!(stop.changed()), pin!(cancel.changed()));
        let _ = tokio::time::timeout(pause, select(stopped, cancelled)).await;
    }

    fn report(&self, track: &Track<H::View>, state: RebuildState) {
        let total = track.heads.iter().fold(0_u64, |sum, head| sum.saturating_add(head.position.0));
        let progress = RebuildProgress { state, done: track.checkpoint.commits(), total };
        show(&self.order.shared, &self.order.settings, progress);
    }

    async fn hand_over(&mut self, track: Track<H::View>) -> Result<(), Over> {
        self.report(&track, RebuildState::Swapping);
        let (reply, answer) = oneshot::channel();
        let skips = self.order.settings.skips.clone();
        let built = Message::Built(Box::new(Built { track, skips, reply }));
        if self.order.messages.send(built).await.is_err() {
            return Err(Over::Interrupted);
        }
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(stop)) => Err(Over::Failed(stop)),
            Err(_) => Err(Over::Interrupted),
        }
    }
}
