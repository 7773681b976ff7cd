//! The runner: follows the log, keeps what its manager folds from it, and does what the manager wants.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::Stream as _;
use futures_util::stream::FuturesUnordered;
use ledger_core::{ActorId, Context, IdError, Reason, Rejection, Timestamp, TraceId};
use ledger_projections::{
    Checkpoint, Delivery, Feed, StartError, SubscribeError, Subscription, SubscriptionSettings, ViewError,
};
use ledger_store::StoreError;
use tokio::sync::{mpsc, oneshot};

use super::doubled;
use super::id::ProcessId;
use super::machine::{Decision, Due, Machine, MachineError, Standing, StuckStep};
use super::manager::{Call, Do, EffectError, Effects, Input, ProcessManager, told};
use super::store::{ProcessStore, ProcessStoreError, SavedChanges};
use crate::error::ExecuteError;
use crate::ledger::Ledger;
use crate::request::{HouseRequest, Receipt, RecordedOutcome, Request};

/// How many orders of operators wait for the runner.
const ORDERS_MAX: usize = 64;

/// How a runner works. Every limit has a default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessSettings {
    /// How many commands and calls are under way at once. Default 64.
    pub parallel_max: usize,
    /// How often a command or call is tried again before its process is stuck. A full lane does not count. Default 20.
    pub retries_max: u32,
    /// The pause before the first of these, on the ledger's clock; each later one is twice as long. Default 100 ms.
    pub retry_pause: Duration,
    /// The longest pause. Default 1 min.
    pub retry_pause_max: Duration,
    /// How long a call to the outside may take before it counts as not answered. Default 30 s.
    pub effect_timeout: Duration,
    /// How many processes may be live at once; with one more the runner stops. Default 4,000,000.
    pub processes_max: usize,
    /// How often what has changed is saved at most. Default 1 s.
    pub save_every: Duration,
    /// How often the ledger's clock is looked at for timers, and its policy for a change. Default 100 ms.
    pub tick: Duration,
    /// Who acts in the commits of its commands; by default the source of the manager.
    pub actor: Option<ActorId>,
    /// How the log is followed.
    pub subscription: SubscriptionSettings,
    /// Whether what is kept is forgotten and the log folded again from its beginning. Nothing is done a second time by
    /// that. Default: no.
    pub rebuild: bool,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            parallel_max: 64,
            retries_max: 20,
            retry_pause: Duration::from_millis(100),
            retry_pause_max: Duration::from_mins(1),
            effect_timeout: Duration::from_secs(30),
            processes_max: 4_000_000,
            save_every: Duration::from_secs(1),
            tick: Duration::from_millis(100),
            actor: None,
            subscription: SubscriptionSettings::default(),
            rebuild: false,
        }
    }
}

/// Why a runner stopped. Begin again once the cause is mended: it goes on where it stood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessStop {
    /// The log cannot be followed: among others because its history is not the one that was folded.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// There is no thread to follow the log on.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The heads of the log cannot be read.
    #[error(transparent)]
    Heads(#[from] StoreError),
    /// They are not those of this ledger.
    #[error(transparent)]
    Checkpoint(#[from] ViewError),
    /// What is kept cannot be read or saved; among others because another runner of the same name saves too.
    #[error(transparent)]
    Store(#[from] ProcessStoreError),
    /// A name of the manager cannot be part of a key.
    #[error(transparent)]
    Id(#[from] IdError),
    /// There are more live processes than [`ProcessSettings::processes_max`].
    #[error("there are more than {0} live processes: raise the limit, or see why they do not end")]
    TooManyProcesses(usize),
    /// The manager contradicts its contract.
    #[error("the manager cannot go on: {0}")]
    Manager(String),
    /// The ledger is closed.
    #[error("the ledger is closed")]
    LedgerClosed,
}

impl From<MachineError> for ProcessStop {
    fn from(error: MachineError) -> Self {
        match error {
            MachineError::TooMany(most) => Self::TooManyProcesses(most),
            error => Self::Manager(error.to_string()),
        }
    }
}

/// Where a runner stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessStatus {
    /// What of the log is folded.
    pub checkpoint: Checkpoint,
    /// Whether it reached what was the end of the log when it began. Before that nothing is done.
    pub is_live: bool,
    /// How many processes are live.
    pub processes: usize,
    /// How many commands and calls are under way.
    pub in_flight: usize,
    /// When something is due next: earlier than now if something waits for its turn.
    pub next_due: Option<Timestamp>,
}

/// Why an operator's order was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// There is no such process, or nothing of it is stuck.
    #[error("nothing of it is stuck")]
    NotStuck,
    /// The runner is gone, or could not save the decision.
    #[error("the runner is gone")]
    Gone,
}

enum Order {
    Resume { process: ProcessId, step: Option<String>, by: ActorId, reason: Reason },
    Skip { process: ProcessId, step: String, by: ActorId, reason: Reason },
    Stop,
}

type Reply = oneshot::Sender<Result<(), OrderError>>;

struct Desk<M: ProcessManager> {
    machine: Machine<M>,
    checkpoint: Checkpoint,
}

/// The handle on a running manager: what its processes are, which are stuck, and what operators decide. Clones share it.
pub struct Processes<M: ProcessManager> {
    desk: Arc<Mutex<Desk<M>>>,
    orders: mpsc::Sender<(Order, Reply)>,
    ledger: Ledger,
}

impl<M: ProcessManager> Clone for Processes<M> {
    fn clone(&self) -> Self {
        Self { desk: Arc::clone(&self.desk), orders: self.orders.clone(), ledger: self.ledger.clone() }
    }
}

impl<M: ProcessManager> fmt::Debug for Processes<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn lock<M: ProcessManager>(desk: &Mutex<Desk<M>>) -> MutexGuard<'_, Desk<M>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<M: ProcessManager> Processes<M> {
    /// Where the runner stands.
    pub fn status(&self) -> ProcessStatus {
        let desk = lock(&self.desk);
        ProcessStatus {
            checkpoint: desk.checkpoint.clone(),
            is_live: desk.machine.is_live(),
            processes: desk.machine.live(),
            in_flight: desk.machine.in_flight.len(),
            next_due: desk.machine.next_due(),
        }
    }

    /// A process as it is; `None` if it is over or never began.
    pub fn process(&self, process: &ProcessId) -> Option<M::State> {
        lock(&self.desk).machine.state(process)
    }

    /// All live processes, in order of their ids.
    pub fn all(&self) -> BTreeMap<ProcessId, M::State> {
        lock(&self.desk).machine.states()
    }

    /// What is stuck, in order of processes and steps.
    pub fn stuck(&self) -> Vec<StuckStep> {
        lock(&self.desk).machine.stuck()
    }

    /// What operators decided on a live process.
    pub fn decisions(&self, process: &ProcessId) -> Vec<Decision> {
        lock(&self.desk).machine.decisions(process)
    }

    /// Tries again what is stuck of a process: one step, or all. The decision is saved when this answers.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if nothing is stuck, or the runner is gone.
    pub async fn resume(
        &self,
        process: &ProcessId,
        step: Option<&str>,
        by: ActorId,
        reason: Reason,
    ) -> Result<(), OrderError> {
        let step = step.map(str::to_owned);
        self.order(Order::Resume { process: process.clone(), step, by, reason }).await
    }

    /// Leaves out a step that is stuck. What becomes of the process then is its manager's to say. The decision is saved
    /// when this answers.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if the step is not stuck, or the runner is gone.
    pub async fn skip(
        &self,
        process: &ProcessId,
        step: &str,
        by: ActorId,
        reason: Reason,
    ) -> Result<(), OrderError> {
        self.order(Order::Skip { process: process.clone(), step: step.to_owned(), by, reason }).await
    }

    /// Saves and ends the runner. What is under way is given up, and taken up again by the next one.
    ///
    /// # Errors
    ///
    /// [`OrderError::Gone`] if it was gone already, or could not save.
    pub async fn stop(&self) -> Result<(), OrderError> {
        self.order(Order::Stop).await
    }

    async fn order(&self, order: Order) -> Result<(), OrderError> {
        let (send, receive) = oneshot::channel();
        self.orders.send((order, send)).await.map_err(|_| OrderError::Gone)?;
        receive.await.unwrap_or(Err(OrderError::Gone))
    }

    /// Waits until everything that is in the log now is folded, nothing is under way and nothing is due. Answers whether
    /// that came within the limit.
    pub async fn quiet(&self, limit: Duration) -> bool {
        let start = Instant::now();
        loop {
            if self.is_quiet().await {
                return true;
            }
            if start.elapsed() >= limit {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn is_quiet(&self) -> bool {
        let Ok(heads) = self.ledger.heads().await else { return false };
        let now = self.ledger.shared().settings.clock.wall();
        let (is_quiet, revision) = {
            let desk = lock(&self.desk);
            let Ok(end) = Checkpoint::from_heads(desk.checkpoint.identity(), heads.clone()) else {
                return false;
            };
            let machine = &desk.machine;
            let is_idle = machine.is_live()
                && machine.in_flight.is_empty()
                && machine.next_due().is_none_or(|due| due > now);
            (is_idle && desk.checkpoint.is_at_least(&end), heads)
        };
        is_quiet && self.ledger.heads().await.is_ok_and(|heads| heads == revision)
    }
}

/// Runs one manager. Make it, spawn [`Self::run`], and keep the handle.
pub struct ProcessRunner<M: ProcessManager> {
    ledger: Ledger,
    feed: Feed,
    store: Arc<dyn ProcessStore>,
    manager: Arc<M>,
    effects: Arc<dyn Effects<M>>,
    settings: ProcessSettings,
    desk: Arc<Mutex<Desk<M>>>,
    orders: mpsc::Receiver<(Order, Reply)>,
    context: Context,
    revision: u64,
    wants_whole: bool,
    saved_at: Option<Instant>,
    saved: Option<Checkpoint>,
    events_first: bool,
    policy: ledger_core::ContentHash,
}

impl<M: ProcessManager> fmt::Debug for ProcessRunner<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessRunner").field("manager", self.manager.name()).finish_non_exhaustive()
    }
}

/// What a command or call came to.
enum Came<A> {
    Receipt(Box<Result<Receipt, ExecuteError>>),
    Answer(Result<A, EffectError>),
}

struct Finished<A> {
    process: ProcessId,
    step: String,
    tries: u32,
    came: Came<A>,
}

type UnderWay<A> = FuturesUnordered<Pin<Box<dyn Future<Output = Finished<A>> + Send>>>;

enum Wake<A> {
    Delivered(Result<Delivery, SubscribeError>),
    Finished(Finished<A>),
    Ordered(Order, Reply),
    Ticked,
    /// The subscription ended.
    Ended,
}

impl<M: ProcessManager> ProcessRunner<M> {
    /// A runner of a manager, and the handle on it. It does nothing until [`Self::run`] is polled.
    ///
    /// # Errors
    ///
    /// [`IdError`] never in practice: the name of a manager is short enough.
    pub fn new(
        ledger: &Ledger,
        feed: &Feed,
        manager: M,
        effects: impl Effects<M>,
        store: Arc<dyn ProcessStore>,
        settings: ProcessSettings,
    ) -> Result<(Self, Processes<M>), IdError> {
        let source = manager.name().source()?;
        let actor = match &settings.actor {
            Some(actor) => actor.clone(),
            None => ActorId::new(source.as_str())?,
        };
        let manager = Arc::new(manager);
        let rules = ledger.policy();
        let machine =
            Machine::new(Arc::clone(&manager), source, settings.processes_max, rules.policy.clone());
        let checkpoint = Checkpoint::start(feed.identity());
        let desk = Arc::new(Mutex::new(Desk { machine, checkpoint }));
        let (send, orders) = mpsc::channel(ORDERS_MAX);
        let handle = Processes { desk: Arc::clone(&desk), orders: send, ledger: ledger.clone() };
        let runner = Self {
            ledger: ledger.clone(),
            feed: feed.clone(),
            store,
            manager,
            effects: Arc::new(effects),
            settings,
            desk,
            orders,
            context: Context::of(actor),
            revision: 0,
            wants_whole: true,
            saved_at: None,
            saved: None,
            events_first: false,
            policy: rules.hash,
        };
        Ok((runner, handle))
    }

    /// Runs until it is stopped by its handle, or cannot go on. Dropping the future ends it as a crash would: nothing
    /// is lost by that.
    ///
    /// # Errors
    ///
    /// [`ProcessStop`]
    pub async fn run(mut self) -> Result<(), ProcessStop> {
        let name = self.manager.name().clone();
        let ended = self.follow().await;
        if let Err(stop) = &ended {
            tracing::error!(manager = %name, %stop, "a process manager stopped");
        }
        ended
    }

    async fn follow(&mut self) -> Result<(), ProcessStop> {
        self.load().await?;
        let identity = *self.feed.identity();
        let end = Checkpoint::from_heads(&identity, self.feed.store().heads().await?)?;
        let from = lock(&self.desk).checkpoint.clone();
        let mut subscription = self.feed.subscribe(from, self.settings.subscription.clone())?;
        let mut under_way: UnderWay<M::Answer> = FuturesUnordered::new();
        self.go_live_at(&end);
        loop {
            self.launch(&mut under_way)?;
            self.tell();
            match self.wake(&mut subscription, &mut under_way).await {
                Wake::Delivered(delivery) => {
                    self.take_in(&delivery?)?;
                    self.go_live_at(&end);
                }
                Wake::Finished(finished) => self.finish(finished)?,
                Wake::Ordered(order, reply) => {
                    let is_stop = matches!(order, Order::Stop);
                    let done = self.obey(order)?;
                    let saved = if done.is_ok() { self.save().await } else { Ok(()) };
                    let _ = reply.send(if saved.is_ok() { done } else { Err(OrderError::Gone) });
                    saved?;
                    if is_stop {
                        return Ok(());
                    }
                }
                Wake::Ticked => {}
                Wake::Ended => return Ok(()),
            }
            self.follow_policy();
            if self.saved_at.is_none_or(|at| at.elapsed() >= self.settings.save_every) {
                self.save().await?;
            }
        }
    }

    async fn load(&mut self) -> Result<(), ProcessStop> {
        let Some(saved) = self.store.load(self.manager.name()).await? else { return Ok(()) };
        self.revision = saved.revision;
        if self.settings.rebuild || saved.version != self.manager.version() {
            tracing::info!(manager = %self.manager.name(), "the log is folded again");
            return Ok(());
        }
        let mut desk = lock(&self.desk);
        desk.machine.load(&saved.processes)?;
        desk.checkpoint = saved.checkpoint;
        drop(desk);
        self.wants_whole = false;
        Ok(())
    }

    async fn save(&mut self) -> Result<(), ProcessStop> {
        let changes = {
            let mut desk = lock(&self.desk);
            let checkpoint = desk.checkpoint.clone();
            if !desk.machine.is_changed() && self.saved.as_ref() == Some(&checkpoint) {
                self.saved_at = Some(Instant::now());
                return Ok(());
            }
            let processes = desk.machine.texts(self.wants_whole)?;
            SavedChanges {
                expected: self.revision,
                version: self.manager.version(),
                checkpoint,
                whole: self.wants_whole,
                processes,
            }
        };
        let saved = self.store.save(self.manager.name(), &changes).await?;
        self.revision = saved.revision;
        self.wants_whole = saved.wants_whole;
        self.saved = Some(changes.checkpoint);
        self.saved_at = Some(Instant::now());
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.ledger.shared().settings.clock.wall()
    }

    fn go_live_at(&self, end: &Checkpoint) {
        let mut desk = lock(&self.desk);
        if !desk.machine.is_live() && desk.checkpoint.is_at_least(end) {
            desk.machine.go_live();
            tracing::info!(manager = %self.manager.name(), processes = desk.machine.live(), "a process manager is live");
        }
    }

    fn follow_policy(&mut self) {
        let rules = self.ledger.policy();
        if rules.hash != self.policy {
            self.policy = rules.hash;
            lock(&self.desk).machine.set_policy(&rules.policy);
        }
    }

    fn take_in(&self, delivery: &Delivery) -> Result<(), ProcessStop> {
        let mut desk = lock(&self.desk);
        for event in &delivery.events {
            desk.machine.event(event)?;
        }
        desk.checkpoint = delivery.checkpoint.clone();
        Ok(())
    }

    /// Begins what is due, as far as there is room.
    fn launch(&self, under_way: &mut UnderWay<M::Answer>) -> Result<(), ProcessStop> {
        let now = self.now();
        while under_way.len() < self.settings.parallel_max.max(1) {
            let mut desk = lock(&self.desk);
            if !desk.machine.is_live() {
                return Ok(());
            }
            let Some(due) = desk.machine.take_due(now) else { return Ok(()) };
            if matches!(due.want.what, Do::Timer) {
                let at = due.want.not_before.unwrap_or(now);
                desk.machine.stand(&due.process, &due.want.step, Standing::Settled { at });
                let input = Input::Fired { timer: &due.want.step, at };
                desk.machine.input(&due.process, input, now)?;
                continue;
            }
            drop(desk);
            under_way.push(self.begin(due));
        }
        Ok(())
    }

    /// Sends a command, or makes a call.
    fn begin(&self, due: Due<M>) -> Pin<Box<dyn Future<Output = Finished<M::Answer>> + Send>> {
        let Due { process, want, tries } = due;
        let lane = want.lane.or(self.manager.lane());
        let (ledger, step) = (self.ledger.clone(), want.step);
        let kind = if matches!(want.what, Do::Effect { .. }) { "call" } else { "command" };
        metrics::counter!(
            "casino_ledger_process_steps_total", "manager" => self.manager.name().to_string(), "kind" => kind
        )
        .increment(1);
        let context = Context { causation: TraceId::new(process.as_str()).ok(), ..self.context.clone() };
        match want.what {
            Do::Player { player, command } => Box::pin(async move {
                let request = Request { context: Some(context), lane, ..Request::new(player, command) };
                let came = Came::Receipt(Box::new(send(&ledger, request).await));
                Finished { process, step, tries, came }
            }),
            Do::House { house, command } => Box::pin(async move {
                let request =
                    HouseRequest { context: Some(context), lane, ..HouseRequest::new(house, command) };
                let came = Came::Receipt(Box::new(send_house(&ledger, request).await));
                Finished { process, step, tries, came }
            }),
            Do::Effect { id, request } => {
                let (effects, limit) = (Arc::clone(&self.effects), self.settings.effect_timeout);
                Box::pin(async move {
                    let call = Call { process: &process, step: &step, id: &id, request: &request };
                    let answer = match tokio::time::timeout(limit, effects.perform(call)).await {
                        Ok(answer) => answer,
                        Err(_) => Err(EffectError::Again(format!("it took longer than {limit:?}"))),
                    };
                    Finished { process, step, tries, came: Came::Answer(answer) }
                })
            }
            // Timers are not begun; see `launch`.
            Do::Timer => Box::pin(std::future::pending()),
        }
    }

    fn finish(&self, finished: Finished<M::Answer>) -> Result<(), ProcessStop> {
        let Finished { process, step, tries, came } = finished;
        let now = self.now();
        let mut desk = lock(&self.desk);
        let machine = &mut desk.machine;
        match came {
            Came::Receipt(result) => match *result {
                Ok(receipt) => {
                    machine.stand(&process, &step, Standing::Settled { at: now });
                    let (outcome, replayed) = told(&receipt);
                    machine.input(&process, Input::Done { step: &step, outcome, replayed }, now)?;
                }
                Err(ExecuteError::Rejected(refusal)) => {
                    let rejection = refusal.rejection;
                    machine.stand(&process, &step, refused(tries, &rejection, now));
                    machine.input(&process, Input::Refused { step: &step, rejection: &rejection }, now)?;
                }
                Err(ExecuteError::Closed) => return Err(ProcessStop::LedgerClosed),
                Err(ExecuteError::Overloaded { .. }) => {
                    let again_at = Some(now.saturating_add(self.settings.retry_pause));
                    machine.stand(&process, &step, Standing::Waiting { tries, again_at, last: None });
                    machine.refresh();
                }
                // The ledger's own trouble is no step's fault: it is waited for, however long, with a pause that grows.
                Err(error) if error.is_retryable() => {
                    machine.stand(&process, &step, self.again(tries, &error.to_string(), now));
                    machine.refresh();
                }
                Err(error) => {
                    let reason = error.to_string();
                    tracing::error!(manager = %self.manager.name(), %process, step, reason, "a process is stuck");
                    machine.stand(&process, &step, Standing::Stuck { tries, reason, since: now });
                    machine.refresh();
                }
            },
            Came::Answer(Ok(answer)) => {
                machine.stand(&process, &step, Standing::Settled { at: now });
                machine.input(&process, Input::Answered { step: &step, answer }, now)?;
            }
            Came::Answer(Err(EffectError::Again(reason))) => {
                machine.stand(&process, &step, self.unanswered(tries, &reason, now));
                let tries = tries.saturating_add(1);
                machine.input(&process, Input::NoAnswer { step: &step, tries }, now)?;
            }
            Came::Answer(Err(EffectError::Never(reason))) => {
                tracing::error!(manager = %self.manager.name(), %process, step, reason, "a process is stuck");
                machine.stand(&process, &step, Standing::Stuck { tries, reason, since: now });
                machine.refresh();
            }
        }
        Ok(())
    }

    /// Where a call stands that was not answered: waiting, or stuck if that was so too often.
    fn unanswered(&self, tries: u32, last: &str, now: Timestamp) -> Standing {
        if tries < self.settings.retries_max {
            return self.again(tries, last, now);
        }
        let reason = format!("it failed {} times, last: {last}", tries.saturating_add(1));
        Standing::Stuck { tries: tries.saturating_add(1), reason, since: now }
    }

    /// Where a step stands that failed in a way that may pass.
    fn again(&self, tries: u32, last: &str, now: Timestamp) -> Standing {
        let pause = doubled(self.settings.retry_pause, tries, self.settings.retry_pause_max);
        let again_at = Some(now.saturating_add(pause));
        Standing::Waiting { tries: tries.saturating_add(1), again_at, last: Some(last.to_owned()) }
    }

    fn obey(&self, order: Order) -> Result<Result<(), OrderError>, ProcessStop> {
        let at = self.now();
        let mut desk = lock(&self.desk);
        let done = match order {
            Order::Stop => true,
            Order::Resume { process, step, by, reason } => {
                tracing::warn!(manager = %self.manager.name(), %process, %by, %reason, "an operator resumes a process");
                desk.machine.resume(&process, step.as_deref(), Decision { by, reason, at })
            }
            Order::Skip { process, step, by, reason } => {
                tracing::warn!(manager = %self.manager.name(), %process, step, %by, %reason, "an operator skips a step");
                desk.machine.skip(&process, &step, &Decision { by, reason, at })?
            }
        };
        Ok(if done { Ok(()) } else { Err(OrderError::NotStuck) })
    }

    /// Waits for the next thing to do.
    async fn wake(
        &mut self,
        subscription: &mut Subscription,
        under_way: &mut UnderWay<M::Answer>,
    ) -> Wake<M::Answer> {
        let mut rest = pin!(tokio::time::sleep(self.settings.tick.max(Duration::from_millis(1))));
        let orders = &mut self.orders;
        // By turns: neither a flood of events nor one of answers holds up the other.
        self.events_first = !self.events_first;
        let events_first = self.events_first;
        poll_fn(move |cx| {
            if let Poll::Ready(Some((order, reply))) = orders.poll_recv(cx) {
                return Poll::Ready(Wake::Ordered(order, reply));
            }
            for events in [events_first, !events_first] {
                if events {
                    match Pin::new(&mut *subscription).poll_next(cx) {
                        Poll::Ready(Some(delivery)) => return Poll::Ready(Wake::Delivered(delivery)),
                        Poll::Ready(None) => return Poll::Ready(Wake::Ended),
                        Poll::Pending => {}
                    }
                } else if let Poll::Ready(Some(finished)) = Pin::new(&mut *under_way).poll_next(cx) {
                    return Poll::Ready(Wake::Finished(finished));
                }
            }
            rest.as_mut().poll(cx).map(|()| Wake::Ticked)
        })
        .await
    }

    /// Shows how it stands to a recorder of metrics.
    fn tell(&self) {
        let desk = lock(&self.desk);
        let name = || self.manager.name().to_string();
        let shown = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        metrics::gauge!("casino_ledger_processes", "manager" => name()).set(shown(desk.machine.live()));
        metrics::gauge!("casino_ledger_processes_in_flight", "manager" => name())
            .set(shown(desk.machine.in_flight.len()));
        metrics::gauge!("casino_ledger_processes_stuck", "manager" => name())
            .set(shown(desk.machine.stuck_count()));
    }
}

/// Where a refused step stands: it counts as stuck unless its manager does not want it any more.
fn refused(tries: u32, rejection: &Rejection, since: Timestamp) -> Standing {
    Standing::Stuck { tries, reason: format!("refused: {rejection}"), since }
}

/// Sends a command; if what became of it is unknown, its outcome is asked for.
async fn send(ledger: &Ledger, request: Request) -> Result<Receipt, ExecuteError> {
    let player = request.player.clone();
    match ledger.request(request).await {
        Err(ExecuteError::Indeterminate { key }) => settled(ledger.outcome(&player, &key).await),
        answer => answer,
    }
}

async fn send_house(ledger: &Ledger, request: HouseRequest) -> Result<Receipt, ExecuteError> {
    let house = request.house.clone();
    match ledger.request_house(request).await {
        Err(ExecuteError::Indeterminate { key }) => settled(ledger.house_outcome(&house, &key).await),
        answer => answer,
    }
}

/// What a recorded outcome is as an answer. What is not recorded yet is sent again under the same key, which is always
/// safe.
fn settled(outcome: Result<RecordedOutcome, ExecuteError>) -> Result<Receipt, ExecuteError> {
    match outcome? {
        RecordedOutcome::Accepted(receipt) => Ok(*receipt),
        RecordedOutcome::Refused(refusal) => Err(ExecuteError::Rejected(refusal)),
        RecordedOutcome::Absent { .. } => {
            Err(ExecuteError::Unavailable { reason: "its outcome is not known yet".to_owned() })
        }
    }
}
