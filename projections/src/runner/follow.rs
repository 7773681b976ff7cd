//! What happens on a runner's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use ledger_store::{EventStore, Head, READ_BYTES_MAX, READ_COMMITS_MAX, Shard, StoreError, StoredCommit};
use tokio::sync::watch;

use super::{Progress, Settings, State, StopReason};
use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::view::{FollowError, View, verify_checkpoint};

/// The figure that tells how far a view is behind, per view and shard.
const LAG: &str = "casino_ledger_projection_lag";

pub(super) struct Follower<V> {
    store: Arc<dyn EventStore>,
    view: V,
    name: String,
    settings: Settings,
    reports: watch::Sender<Progress>,
    stop: watch::Receiver<bool>,
    checkpoint: Arc<Checkpoint>,
    heads: Arc<Vec<Head>>,
    /// The lag per shard as it was last reported.
    reported: Vec<Option<u64>>,
    /// The shard the next batch begins with, so that none waits for another for ever.
    first: usize,
}

/// Why following is over.
enum Over {
    Told,
    Failed(FollowError),
}

impl<E: Into<FollowError>> From<E> for Over {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<V: View> Follower<V> {
    pub(super) fn new(
        store: Arc<dyn EventStore>,
        view: V,
        settings: Settings,
        reports: watch::Sender<Progress>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let name = view.name().to_owned();
        let checkpoint = Arc::new(Checkpoint::start(store.identity()));
        let reported = vec![None; checkpoint.heads().len()];
        let heads = Arc::new(Vec::new());
        Self { store, view, name, settings, reports, stop, checkpoint, heads, reported, first: 0 }
    }

    pub(super) fn run(mut self) {
        let over = catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            match runtime {
                Ok(runtime) => runtime.block_on(self.follow()),
                Err(error) => {
                    let doing = "the projection's runtime could not be built".to_owned();
                    ViewError::Home { doing, source: Some(Box::new(error)) }.into()
                }
            }
        }));
        let state = match over {
            Ok(Over::Told) => State::Ended,
            Ok(Over::Failed(FollowError::View(error))) => {
                State::Stopped { at: error.at(), reason: StopReason::View(Arc::new(error)) }
            }
            Ok(Over::Failed(FollowError::Store(error))) => {
                State::Stopped { at: None, reason: StopReason::Store(error) }
            }
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                State::Stopped { at: None, reason: StopReason::Panicked(text) }
            }
        };
        if let State::Stopped { at, reason } = &state {
            let (shard, position) = at.map(|(shard, position)| (shard.0, position.0)).unzip();
            tracing::error!(view = self.name, shard, position, %reason, "the projection stopped");
        } else {
            tracing::info!(view = self.name, "the projection ended");
        }
        self.reports.send_modify(|progress| progress.state = state);
    }

    /// Follows the store until told to stop or unable to go on.
    async fn follow(&mut self) -> Over {
        match self.follow_on().await {
            Ok(never) => match never {},
            Err(over) => over,
        }
    }

    async fn follow_on(&mut self) -> Result<std::convert::Infallible, Over> {
        self.checkpoint = Arc::new(self.view.checkpoint().await?);
        let mut wake = self.store.watch();
        self.verified().await?;
        tracing::info!(view = self.name, version = self.view.version(), "the projection begins");
        self.report(State::CatchingUp);
        loop {
            // Seen before the heads are read: what lands from here on wakes.
            wake.mark_unchanged();
            self.heads = Arc::new(self.read_heads().await?);
            self.check_heads()?;
            self.report(if self.is_behind() { State::CatchingUp } else { State::Live });
            while self.is_behind() {
                self.told()?;
                self.apply_next().await?;
            }
            self.report(State::Live);
            self.idle(&mut wake).await?;
        }
    }

    fn told(&self) -> Result<(), Over> {
        // A runner that is gone has told it to stop too.
        if *self.stop.borrow() || self.stop.has_changed().is_err() { Err(Over::Told) } else { Ok(()) }
    }

    fn is_behind(&self) -> bool {
        self.heads.iter().zip(self.checkpoint.heads()).any(|(head, at)| head.position > at.position)
    }

    /// Waits for a wake-up, for a while, or until told to stop.
    async fn idle(&mut self, wake: &mut watch::Receiver<u64>) -> Result<(), Over> {
        self.told()?;
        let woken = async {
            let changed = tokio::time::timeout(self.settings.poll_every, wake.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                // The store closed its wake-up: from here on only the clock wakes.
                tokio::time::sleep(self.settings.poll_every).await;
            }
        };
        let mut stop = self.stop.clone();
        match select(pin!(woken), pin!(stop.changed())).await {
            Either::Left(_) => Ok(()),
            Either::Right(_) => self.told(),
        }
    }

    /// Whether the store can be asked again after a failure; waits before it answers.
    async fn again(&self, error: StoreError, tries: &mut u32) -> Result<(), Over> {
        self.told()?;
        if !matches!(error, StoreError::Unavailable { .. }) || *tries >= self.settings.store_retries_max {
            return Err(error.into());
        }
        let pause = self.settings.store_retry_pause.saturating_mul(1 << (*tries).min(16));
        *tries += 1;
        tracing::warn!(view = self.name, %error, tries = *tries, "the store is unavailable");
        self.pause(pause.min(self.settings.poll_every)).await
    }

    async fn pause(&self, pause: Duration) -> Result<(), Over> {
        let mut stop = self.stop.clone();
        select(pin!(tokio::time::sleep(pause)), pin!(stop.changed())).await;
        self.told()
    }

    async fn verified(&self) -> Result<(), Over> {
        let mut tries = 0;
        loop {
            match verify_checkpoint(&self.checkpoint, self.store.as_ref()).await {
                Ok(()) => return Ok(()),
                Err(FollowError::Store(error)) => self.again(error, &mut tries).await?,
                Err(error) => return Err(Over::Failed(error)),
            }
        }
    }

    async fn read_heads(&self) -> Result<Vec<Head>, Over> {
        let mut tries = 0;
        loop {
            match self.store.heads().await {
                Ok(heads) if heads.len() == self.checkpoint.heads().len() => return Ok(heads),
                Ok(heads) => {
                    let reason = format!("the store answers {} heads", heads.len());
                    return Err(ViewError::OtherLedger(reason).into());
                }
                Err(error) => self.again(error, &mut tries).await?,
            }
        }
    }

    async fn read(&self, shard: Shard, limit: usize) -> Result<Vec<StoredCommit>, Over> {
        let Some(at) = self.checkpoint.head(shard) else { return Ok(Vec::new()) };
        let mut tries = 0;
        loop {
            match self.store.read(shard, at.position.next(), limit).await {
                Ok(page) => return Ok(page),
                Err(error) => self.again(error, &mut tries).await?,
            }
        }
    }

    /// A store whose heads are behind the view, or differ from it, lost history.
    fn check_heads(&self) -> Result<(), Over> {
        let shards = self.checkpoint.identity().shards.all();
        for (shard, (head, seen)) in shards.zip(self.heads.iter().zip(self.checkpoint.heads())) {
            let behind = head.position < seen.position;
            if behind || (head.position == seen.position && head.hash != seen.hash) {
                let actual =
                    format!("the store's head is position {} with hash {}", head.position, head.hash);
                return Err(ViewError::HistoryLost { shard, seen: *seen, actual }.into());
            }
        }
        Ok(())
    }

    /// Reads the next batch, of as many shards as fit, and applies it.
    async fn apply_next(&mut self) -> Result<(), Over> {
        let limit = self.settings.batch_commits_max.clamp(1, READ_COMMITS_MAX);
        let (mut stored, mut bytes) = (Vec::new(), 0_usize);
        let shards = self.heads.len();
        for turn in 0..shards {
            let index = (self.first + turn) % shards;
            let pair = self.heads.get(index).zip(self.checkpoint.heads().get(index));
            let Some(shard) = u16::try_from(index).ok().map(Shard) else { continue };
            if pair.is_none_or(|(head, at)| head.position <= at.position) {
                continue;
            }
            let page = self.read(shard, limit - stored.len()).await?;
            if page.is_empty() {
                let seen = self
                    .checkpoint
                    .head(shard)
                    .unwrap_or_else(|| ledger_store::genesis(self.checkpoint.identity(), shard));
                let actual = "the store has no commit after it, although its head is beyond".to_owned();
                return Err(ViewError::HistoryLost { shard, seen, actual }.into());
            }
            bytes += page.iter().map(|commit| commit.body.len()).sum::<usize>();
            stored.extend(page);
            if stored.len() >= limit || bytes >= READ_BYTES_MAX {
                self.first = (index + 1) % shards;
                break;
            }
        }
        self.apply(&stored).await
    }

    /// Applies a batch. If a commit of it cannot be decoded or taken, what stands before it is applied first.
    async fn apply(&mut self, stored: &[StoredCommit]) -> Result<(), Over> {
        let mut commits = Vec::with_capacity(stored.len());
        let mut failed = None;
        for commit in stored {
            match Commit::decode(commit) {
                Ok(commit) => commits.push(commit),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if !commits.is_empty() {
            match self.view.apply(&commits).await {
                Ok(after) => self.advanced(after),
                Err(error) => {
                    self.apply_before(&commits, &error).await;
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn apply_before(&mut self, commits: &[Commit], error: &ViewError) {
        let Some(at) = error.at() else { return };
        let sound = commits.iter().position(|commit| (commit.shard, commit.position) == at);
        if let Some(sound) = sound.and_then(|sound| commits.get(..sound)).filter(|sound| !sound.is_empty()) {
            // If this fails too, the view stands where it stood, and the first failure is the one to report.
            if let Ok(after) = self.view.apply(sound).await {
                self.advanced(after);
            }
        }
    }

    fn advanced(&mut self, after: Checkpoint) {
        self.checkpoint = Arc::new(after);
        self.report(if self.is_behind() { State::CatchingUp } else { State::Live });
    }

    fn report(&mut self, state: State) {
        let (checkpoint, heads) = (Arc::clone(&self.checkpoint), Arc::clone(&self.heads));
        let progress = Progress { state, checkpoint, heads };
        for (shard, (lag, reported)) in progress.lag().into_iter().zip(&mut self.reported).enumerate() {
            if *reported != Some(lag) {
                *reported = Some(lag);
                let labels = [("view", self.name.clone()), ("shard", shard.to_string())];
                metrics::gauge!(LAG, &labels).set(f64::from(u32::try_from(lag).unwrap_or(u32::MAX)));
            }
        }
        self.reports.send_replace(progress);
    }
}
