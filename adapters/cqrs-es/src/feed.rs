//! Queries fed from the log: in order, after the commit, and again after a crash.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::Ledger;
use casino_ledger::projections::{
    Checkpoint, CheckpointStore, Commit, Feed, Runner, Settings, Solo, StartError, View, ViewError,
};
use casino_ledger::store::LedgerIdentity;
use cqrs_es::persist::{GenericQuery, PersistenceError, ViewRepository};
use cqrs_es::{EventEnvelope, Query};
use tokio::runtime::Handle;

use crate::aggregate::PlayerLedger;
use crate::envelope::envelopes;

/// The longest pause before a failed `dispatch` is called again.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(10);

/// How a feed deals with a query that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedSettings {
    /// How long one `dispatch` may take. Default 30 s.
    pub dispatch_timeout: Duration,
    /// How often a `dispatch` that reported a failure is called again before the feed stops. Default 5.
    pub retries_max: u32,
    /// The pause before the first of these; each later one is twice as long, up to ten seconds. Default 50 ms.
    pub retry_pause: Duration,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            dispatch_timeout: Duration::from_secs(30),
            retries_max: 5,
            retry_pause: Duration::from_millis(50),
        }
    }
}

/// What a query reports that cannot answer an error: give one to whatever handles its errors.
///
/// [`QueryFeed::generic`] does it for a `GenericQuery`, which drops the events of an update that failed and says so to its error
/// handler alone.
#[derive(Debug, Clone, Default)]
pub struct FailureReport(Arc<Mutex<Option<PersistenceError>>>);

impl FailureReport {
    /// Reports that the events being dispatched did not get where they should.
    pub fn failed(&self, error: PersistenceError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<PersistenceError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Feeds a `cqrs_es::Query` from the log: a [`View`] for the ledger's [`Runner`].
///
/// Each commit of a player is one `dispatch`, with the player as the id: within a shard in the order of positions, so a
/// player's events come in their order. The checkpoint is kept after the batch. So a commit is dispatched **at least
/// once**: after a crash the last batch comes again, with the same sequences. A query that must not count twice compares
/// the sequence with the last one it took; [`Once`](crate::Once) does that for the views of a `GenericQuery`, in the
/// same row.
///
/// A failure that the query reports is tried again, and then stops the feed, loudly, at its last checkpoint: nothing is
/// skipped. What a query does not report cannot be known.
///
/// The clauses of [`View`] hold but for V03 and V04: rows and checkpoint are not written in one transaction.
pub struct QueryFeed {
    name: String,
    identity: LedgerIdentity,
    query: Arc<dyn Query<PlayerLedger>>,
    failures: FailureReport,
    checkpoints: Arc<dyn CheckpointStore>,
    /// Where the query runs: its connections belong to a runtime of the host's.
    runtime: Handle,
    settings: FeedSettings,
    at: Option<Checkpoint>,
}

impl std::fmt::Debug for QueryFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryFeed").field("name", &self.name).field("at", &self.at).finish_non_exhaustive()
    }
}

impl QueryFeed {
    /// A feed of a query. `name` is what its checkpoint is kept under; `runtime` is where the query runs, such as
    /// `Handle::current()`, and has to outlive the feed.
    pub fn new(
        name: impl Into<String>,
        query: impl Query<PlayerLedger> + 'static,
        ledger: &Ledger,
        checkpoints: Arc<dyn CheckpointStore>,
        runtime: Handle,
    ) -> Self {
        Self {
            name: name.into(),
            identity: *ledger.store().identity(),
            query: Arc::new(query),
            failures: FailureReport::default(),
            checkpoints,
            runtime,
            settings: FeedSettings::default(),
            at: None,
        }
    }

    /// A feed of a `GenericQuery`, whose error handler it takes over: an update that fails is tried again instead of being
    /// forgotten.
    pub fn generic<R, V>(
        name: impl Into<String>,
        mut query: GenericQuery<R, V, PlayerLedger>,
        ledger: &Ledger,
        checkpoints: Arc<dyn CheckpointStore>,
        runtime: Handle,
    ) -> Self
    where
        R: ViewRepository<V, PlayerLedger> + 'static,
        V: cqrs_es::View<PlayerLedger> + 'static,
    {
        let failures = FailureReport::default();
        let report = failures.clone();
        query.use_error_handler(Box::new(move |error| report.failed(error)));
        Self::new(name, query, ledger, checkpoints, runtime).with_failures(failures)
    }

    /// Where the query reports failures.
    pub fn with_failures(self, failures: FailureReport) -> Self {
        Self { failures, ..self }
    }

    /// How failures are dealt with.
    pub fn with_settings(self, settings: FeedSettings) -> Self {
        Self { settings, ..self }
    }

    /// Starts following the ledger, on a thread of its own. Stop it, or drop it, before the runtime of the query ends.
    ///
    /// # Errors
    ///
    /// [`StartError`] if there is no thread.
    pub fn follow(self, ledger: &Ledger, settings: Settings) -> Result<Runner, StartError> {
        Runner::start(&Feed::new(ledger.store()), Solo::new(self), settings)
    }

    /// The seam to the runner: commits in order, of which those beyond the checkpoint are dispatched; answers where the
    /// query stands then.
    async fn deliver(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        let before = self.checkpoint().await?;
        let advance = before.advance(commits)?;
        let mut failed = None;
        for commit in &advance.fresh {
            if let Err(error) = self.dispatch(commit).await {
                failed = Some((commit.head(), commit.shard, error));
                break;
            }
        }
        let (after, failure) = match failed {
            None => (advance.after, None),
            Some((head, shard, error)) => {
                let is_it = |commit: &Arc<Commit>| commit.shard == shard && commit.position == head.position;
                let sound = commits.iter().position(is_it).unwrap_or_default();
                (before.advance(&commits[..sound])?.after, Some(error))
            }
        };
        if after != before {
            let saved = self.checkpoints.save(&self.name, &after).await;
            // The failure is what has to be mended first; without the checkpoint only more comes again.
            match (saved, &failure) {
                (Err(error), None) => return Err(error),
                (Err(error), Some(_)) => {
                    tracing::error!(feed = self.name, %error, "the checkpoint was not kept");
                }
                (Ok(()), _) => self.at = Some(after.clone()),
            }
        }
        failure.map_or(Ok(after), Err)
    }

    /// Dispatches a commit, until it succeeded.
    async fn dispatch(&self, commit: &Commit) -> Result<(), ViewError> {
        let events = envelopes(commit).map_err(|error| commit.poison(error.to_string()))?;
        let Some((player, events)) = events else { return Ok(()) };
        let mut tries = 0;
        loop {
            drop(self.failures.take());
            self.dispatch_once(commit, player.to_string(), events.clone()).await?;
            let Some(error) = self.failures.take() else { return Ok(()) };
            if tries >= self.settings.retries_max {
                let doing = format!("position {} of shard {}", commit.position, commit.shard);
                return Err(ViewError::Home { doing, source: Some(Box::new(error)) });
            }
            let (shard, position) = (commit.shard.0, commit.position.0);
            tracing::warn!(feed = self.name, shard, position, %error, tries, "the query failed");
            // What failed was the host's database, most likely: it is given time, and the feed has nothing else to do.
            let pause = self.settings.retry_pause.saturating_mul(1 << tries.min(16));
            tokio::time::sleep(pause.min(RETRY_PAUSE_MAX)).await;
            tries += 1;
        }
    }

    async fn dispatch_once(
        &self,
        commit: &Commit,
        player: String,
        events: Vec<EventEnvelope<PlayerLedger>>,
    ) -> Result<(), ViewError> {
        let query = Arc::clone(&self.query);
        let mut task = self.runtime.spawn(async move { query.dispatch(&player, &events).await });
        match tokio::time::timeout(self.settings.dispatch_timeout, &mut task).await {
            Ok(Ok(())) => Ok(()),
            // The runner reports a panic of a view as what it is.
            Ok(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            Ok(Err(_)) => Err(ViewError::home("the runtime of the query has ended")),
            Err(_) => {
                task.abort();
                let limit = self.settings.dispatch_timeout;
                Err(ViewError::home(format!(
                    "the query took longer than {limit:?} for position {} of shard {}",
                    commit.position, commit.shard
                )))
            }
        }
    }
}

#[async_trait]
impl View for QueryFeed {
    fn name(&self) -> &str {
        &self.name
    }

    /// What the host makes of events is not known here; a query that changes gets another name.
    fn version(&self) -> u32 {
        1
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        if let Some(at) = &self.at {
            return Ok(at.clone());
        }
        let kept = self.checkpoints.load(&self.name).await?;
        let at = kept.unwrap_or_else(|| Checkpoint::start(&self.identity));
        Ok(self.at.insert(at).clone())
    }

    async fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<Checkpoint, ViewError> {
        self.deliver(commits).await
    }
}
