//! A view that is carried forward, batch by batch: the live one, or one that is being built.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_store::{Head, Position, READ_COMMITS_MAX, Shard, StoreError};
use tokio::sync::oneshot;

use super::state::{Settings, Stop, StopReason};
use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::feed::{Batch, Feed, Range};
use crate::skip::Skip;
use crate::view::{FollowError, View, verify_checkpoint};

/// A view that is further behind than so many batches has the feed's threads decode ahead for it.
const AHEAD_BATCHES: u64 = 2;

/// How often a view that catches up looks at the heads.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Over how many shards a batch is spread, if they have so much to read.
const SPREAD_SHARDS: usize = 16;
/// The least that is read of a shard at once, if there is so much.
const PART_COMMITS_MIN: usize = 256;

/// Why a track could not go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// For good, until someone does something.
    Stop(Stop),
    /// The store is unavailable; it may be asked again.
    Again(StoreError),
}

impl Trouble {
    fn view(error: Arc<ViewError>, events: Vec<&'static str>) -> Self {
        Self::Stop(Stop { at: error.at(), events, reason: StopReason::View(error) })
    }

    fn into_stop(self) -> Stop {
        match self {
            Self::Stop(stop) => stop,
            Self::Again(error) => Stop { at: None, events: Vec::new(), reason: StopReason::Store(error) },
        }
    }
}

impl From<ViewError> for Trouble {
    fn from(error: ViewError) -> Self {
        Self::view(Arc::new(error), Vec::new())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Again(error),
            error => Self::Stop(Stop { at: None, events: Vec::new(), reason: StopReason::Store(error) }),
        }
    }
}

impl From<FollowError> for Trouble {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::View(error) => error.into(),
            FollowError::Store(error) => error.into(),
        }
    }
}

/// How often a store that is unavailable is asked again, and after which pauses.
#[derive(Debug)]
pub(crate) struct Patience {
    tries: u32,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self { tries: 0 }
    }

    /// The pause before the next try, or the stop if there is none.
    pub(crate) fn pause(&mut self, trouble: Trouble, settings: &Settings) -> Result<Duration, Stop> {
        let Trouble::Again(error) = trouble else { return Err(trouble.into_stop()) };
        if self.tries >= settings.store_retries_max {
            return Err(Trouble::Again(error).into_stop());
        }
        let pause = settings.store_retry_pause.saturating_mul(1 << self.tries.min(16));
        self.tries += 1;
        tracing::warn!(%error, tries = self.tries, "the store is unavailable");
        Ok(pause.min(settings.poll_every))
    }
}

/// A batch that is read ahead.
struct InFlight {
    ranges: Vec<Range>,
    batch: oneshot::Receiver<Result<Batch, StoreError>>,
}

/// A view with its place in the feed.
pub(crate) struct Track<V> {
    pub(crate) view: V,
    pub(crate) checkpoint: Arc<Checkpoint>,
    /// The store's heads as they were last seen.
    pub(crate) heads: Arc<Vec<Head>>,
    looked: Instant,
    feed: Feed,
    batch_commits_max: usize,
    in_flight: VecDeque<InFlight>,
    /// Up to where batches were planned, per shard.
    planned: Vec<Position>,
    /// The shard the next batch begins with, so that none waits for another for ever.
    first: usize,
}

impl<V: View> Track<V> {
    /// Asks a view where it stands, and compares that with the store.
    pub(crate) async fn start(
        feed: Feed,
        mut view: V,
        batch_commits_max: usize,
    ) -> Result<Self, (V, Trouble)> {
        let verified = async {
            let checkpoint = view.checkpoint().await?;
            verify_checkpoint(&checkpoint, feed.store().as_ref()).await?;
            Ok::<_, Trouble>(checkpoint)
        };
        match verified.await {
            Ok(checkpoint) => {
                let planned = checkpoint.heads().iter().map(|head| head.position).collect();
                Ok(Self {
                    view,
                    checkpoint: Arc::new(checkpoint),
                    heads: Arc::default(),
                    looked: Instant::now(),
                    feed,
                    batch_commits_max: batch_commits_max.clamp(1, READ_COMMITS_MAX),
                    in_flight: VecDeque::new(),
                    planned,
                    first: 0,
                })
            }
            Err(trouble) => Err((view, trouble)),
        }
    }

    /// Asks the view again where it stands, and compares that with the store: its home may have gone back to an earlier
    /// batch while it was away.
    pub(crate) async fn ask_again(&mut self) -> Result<(), Trouble> {
        let checkpoint = self.view.checkpoint().await?;
        verify_checkpoint(&checkpoint, self.feed.store().as_ref()).await?;
        self.checkpoint = Arc::new(checkpoint);
        self.replan();
        Ok(())
    }

    /// Looks at the store's heads. One that is behind the view, or differs from it, lost history.
    pub(crate) async fn look(&mut self) -> Result<(), Trouble> {
        let heads = self.feed.store().heads().await?;
        if heads.len() != self.checkpoint.heads().len() {
            let reason = format!("the store answers {} heads", heads.len());
            return Err(ViewError::OtherLedger(reason).into());
        }
        let shards = self.checkpoint.identity().shards.all();
        for (shard, (head, seen)) in shards.zip(heads.iter().zip(self.checkpoint.heads())) {
            let behind = head.position < seen.position;
            if behind || (head.position == seen.position && head.hash != seen.hash) {
                let actual =
                    format!("the store's head is position {} with hash {}", head.position, head.hash);
                return Err(ViewError::HistoryLost { shard, seen: *seen, actual }.into());
            }
        }
        self.heads = Arc::new(heads);
        self.looked = Instant::now();
        Ok(())
    }

    /// Looks at the heads if everything seen is read, or if the last look was a while ago.
    pub(crate) async fn look_if_due(&mut self) -> Result<(), Trouble> {
        if self.lag() == 0 || self.looked.elapsed() > LOOK_EVERY { self.look().await } else { Ok(()) }
    }

    /// Counts only what another checkpoint contains, as if the store ended there.
    pub(crate) fn look_no_further(&mut self, than: &Checkpoint) {
        let nearer =
            |(head, bound): (&Head, &Head)| if bound.position < head.position { *bound } else { *head };
        self.heads = Arc::new(self.heads.iter().zip(than.heads()).map(nearer).collect());
    }

    /// How many commits are missing, as far as the heads were seen.
    pub(crate) fn lag(&self) -> u64 {
        let pairs = self.heads.iter().zip(self.checkpoint.heads());
        pairs.fold(0, |sum, (head, at)| sum.saturating_add(head.position.0.saturating_sub(at.position.0)))
    }

    /// Applies the next batch; answers with how many commits were in it. Nothing to do if the view is not behind.
    ///
    /// If a commit cannot be read or taken, what stands before it is applied, and it is named.
    pub(crate) async fn advance(&mut self, commits_max: usize) -> Result<usize, Trouble> {
        let batch = match self.next_batch(commits_max).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(0),
            Err(error) => {
                self.replan();
                return Err(error.into());
            }
        };
        if batch.is_short || batch.failed.is_some() {
            self.replan();
        }
        let Batch { commits, failed, .. } = batch;
        if commits.is_empty() && failed.is_none() {
            return Err(self.nothing_there());
        }
        if !commits.is_empty() {
            match self.view.apply(&commits).await {
                Ok(after) => self.checkpoint = Arc::new(after),
                Err(error) => {
                    self.replan();
                    self.apply_before(&commits, &error).await;
                    let events = events_at(&commits, &error);
                    return Err(Trouble::view(Arc::new(error), events));
                }
            }
        }
        match failed {
            Some(error) => Err(Trouble::view(error, Vec::new())),
            None => Ok(commits.len()),
        }
    }

    /// Leaves a commit out, as an operator decided.
    pub(crate) async fn skip(&mut self, skip: &Skip) -> Result<(), ViewError> {
        self.checkpoint = Arc::new(self.view.skip(skip).await?);
        self.replan();
        Ok(())
    }

    /// Reads or takes the next batch: ahead by the feed's threads if there is much to do, else on this thread.
    async fn next_batch(&mut self, commits_max: usize) -> Result<Option<Batch>, StoreError> {
        let limit = commits_max.clamp(1, self.batch_commits_max);
        let much = AHEAD_BATCHES * u64::try_from(limit).unwrap_or(u64::MAX);
        if self.in_flight.is_empty() && self.lag() < much {
            let ranges = self.plan(limit);
            if ranges.is_empty() {
                return Ok(None);
            }
            return self.feed.read(&ranges).await.map(Some);
        }
        while self.in_flight.len() < self.feed.decoders() {
            let ranges = self.plan(limit);
            if ranges.is_empty() {
                break;
            }
            let batch = self.feed.read_ahead(ranges.clone());
            self.in_flight.push_back(InFlight { ranges, batch });
        }
        let Some(InFlight { ranges, batch }) = self.in_flight.pop_front() else { return Ok(None) };
        match batch.await {
            Ok(batch) => batch.map(Some),
            // No thread could read it for us.
            Err(_) => self.feed.read(&ranges).await.map(Some),
        }
    }

    /// The next ranges that nobody was asked for yet: of many shards a part each, so that a view can fold them side
    /// by side, and no shard waits for another to end.
    fn plan(&mut self, limit: usize) -> Vec<Range> {
        let shards = self.heads.len();
        let part = (limit / SPREAD_SHARDS).max(PART_COMMITS_MIN);
        let (mut ranges, mut left, mut idle) = (Vec::new(), limit, 0);
        // A shard with nothing to read ends its turn; the plan is done when all shards in a row had nothing.
        while left > 0 && idle < shards {
            let index = self.first % shards;
            self.first = (index + 1) % shards;
            idle += 1;
            let (Some(head), Some(planned)) = (self.heads.get(index), self.planned.get_mut(index)) else {
                continue;
            };
            let missing = head.position.0.saturating_sub(planned.0);
            let Some(shard) = u16::try_from(index).ok().map(Shard).filter(|_| missing > 0) else { continue };
            let commits = usize::try_from(missing).unwrap_or(usize::MAX).min(part).min(left);
            ranges.push(Range { shard, from: planned.next(), commits });
            *planned = Position(planned.0.saturating_add(u64::try_from(commits).unwrap_or(u64::MAX)));
            left -= commits;
            idle = 0;
        }
        ranges
    }

    /// Forgets what was planned: from here on it is read from where the view stands.
    fn replan(&mut self) {
        self.in_flight.clear();
        self.planned = self.checkpoint.heads().iter().map(|head| head.position).collect();
    }

    async fn apply_before(&mut self, commits: &[Arc<Commit>], error: &ViewError) {
        let Some(at) = error.at() else { return };
        let sound = commits.iter().position(|commit| (commit.shard, commit.position) == at);
        if let Some(sound) = sound.and_then(|sound| commits.get(..sound)).filter(|sound| !sound.is_empty()) {
            // If this fails too, the view stands where it stood, and the first failure is the one to report.
            if let Ok(after) = self.view.apply(sound).await {
                self.checkpoint = Arc::new(after);
                self.replan();
            }
        }
    }

    /// The store's heads promise commits that are not there.
    fn nothing_there(&self) -> Trouble {
        let shards = self.checkpoint.identity().shards.all();
        let mut behind = shards.zip(self.heads.iter().zip(self.checkpoint.heads()));
        match behind.find(|(_, (head, at))| head.position > at.position) {
            Some((shard, (_, seen))) => {
                let actual = "the store has no commit after it, although its head is beyond".to_owned();
                ViewError::HistoryLost { shard, seen: *seen, actual }.into()
            }
            None => ViewError::home("a batch of nothing").into(),
        }
    }
}

/// The types of the events of the commit that could not be taken.
fn events_at(commits: &[Arc<Commit>], error: &ViewError) -> Vec<&'static str> {
    let at = error.at();
    let found = commits.iter().find(|commit| Some((commit.shard, commit.position)) == at);
    let events = found.into_iter().flat_map(|commit| &commit.body.events);
    events.map(|record| record.event.type_name()).collect()
}
