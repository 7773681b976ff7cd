//! The handle: cheap to clone, asynchronous, usable from any runtime.

#[cfg(any(feature = "log", feature = "sqlite"))]
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ledger_core::stored::ShapeLevel;
use ledger_core::{
    ActivateShapes, ActorId, Context, CurrencyCode, CurrencyRegistry, HouseCommand, HouseId, IdError,
    IdempotencyKey, Partition, PlayerCommand, PlayerId, Reason, RegisterCurrency, configuration_partition,
    register_partition,
};
use ledger_store::{EventStore, Head, Position, StoreError};
use tokio::sync::oneshot;

use crate::error::{ExecuteError, OpenError};
use crate::inbox::{Inbox, STALLED};
use crate::job::{Command, Job};
use crate::lane::Lane;
use crate::limit::Limited;
use crate::loader::{self, Task, Tasks, load_state};
use crate::panics::guarded;
use crate::proof::passes_through;
use crate::request::{
    HouseReading, HouseRequest, KeyQuestion, PlayerReading, Reading, Receipt, RecordedOutcome, Request,
};
use crate::rules::PolicyInForce;
use crate::settings::Settings;
use crate::shared::{Shared, Shelf};
use crate::state::State;
use crate::stations::{self, Station};
use crate::threads::{Thread, Threads, Waiting};
use crate::watchdog::{self, Leash};
use crate::write::{InFlight, Outgoing, perform};
use crate::writer::{Known, Writer};

/// How often closing looks whether a write hangs.
const CLOSE_PACE: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    leash: Arc<Leash>,
    threads: Mutex<Vec<Thread>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The threads finish what was taken in and end by themselves; a drop must not wait for them.
        self.shared.inbox.close();
    }
}

/// An open ledger. Clones share it.
///
/// See the crate's documentation for an example.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()
}

pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("ledger-{name}")).spawn(body)
}

/// Runs something that blocks on a thread of its own, so that no worker of the host's runtime waits for it.
pub(crate) async fn aside<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T, std::io::Error> {
    aside_on(&Threads::new(None), name, body).await
}

/// The same among the threads of a ledger.
async fn aside_on<T: Send + 'static>(
    threads: &Threads,
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T, std::io::Error> {
    let (send, receive) = oneshot::channel();
    threads.spawn(name, move || drop(send.send(body())))?;
    receive.await.map_err(|_| std::io::Error::other(format!("the thread ledger-{name} panicked")))
}

/// Closes a store within a limit, also one that blocks its thread.
fn close_store(threads: &Threads, store: &Arc<dyn EventStore>, limit: Duration) -> Result<(), StoreError> {
    let doing = |error| StoreError::io("close", error);
    let (send, receive) = threads.channel(1);
    let store = Arc::clone(store);
    let runtime = runtime().map_err(doing)?;
    let close =
        move || {
            let closed = guarded(|| runtime.block_on(store.close()));
            // Whoever hears of it may open the same place again.
            drop(store);
            // Nobody waits for it any more if it took too long.
            drop(send.send(
                closed.unwrap_or_else(|what| Err(StoreError::Unavailable { reason: what, source: None })),
            ));
        };
    threads.spawn("close-store", close).map_err(doing)?;
    receive.recv_timeout(limit).unwrap_or_else(|_| {
        Err(StoreError::Unavailable { reason: "closing the store takes too long".to_owned(), source: None })
    })
}

/// Writes what the writer hands over, until the writer is gone.
fn write_all(shared: &Arc<Shared>, work: &Waiting<Outgoing>, runtime: &tokio::runtime::Runtime) {
    while let Ok(outgoing) = work.recv() {
        let Shared { store, in_flight, inbox, settings, .. } = &**shared;
        let settled = || drop(inbox.stall(false));
        let written =
            perform(store.as_ref(), runtime, &outgoing, in_flight, &settled, settings.settle_timeout);
        inbox.written(written);
    }
}

impl Ledger {
    /// Opens the embedded ledger in a folder, or creates it there.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the folder holds something else, is open elsewhere, is damaged or from a newer
    /// version, or does not pass through a witness; or a setting is not usable.
    #[cfg(feature = "log")]
    pub async fn open(folder: impl AsRef<Path>, settings: Settings) -> Result<Self, OpenError> {
        settings.check()?;
        let folder = folder.as_ref().to_owned();
        let (shards, witnesses) = (settings.shards, settings.witnesses.newest());
        let store = aside("open", move || crate::embedded::log(&folder, shards, witnesses)).await??;
        Self::with_store(Arc::new(store), settings).await
    }

    /// Opens the ledger in a SQLite file, or creates it there.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the file holds something else, is open elsewhere, is damaged or from a newer version; or a
    /// setting is not usable.
    #[cfg(feature = "sqlite")]
    pub async fn open_sqlite(file: impl AsRef<Path>, settings: Settings) -> Result<Self, OpenError> {
        settings.check()?;
        let file = file.as_ref().to_owned();
        let (shards, witnesses) = (settings.shards, settings.witnesses.newest());
        let store = aside("open", move || crate::embedded::sqlite(&file, shards, &witnesses)).await??;
        Self::with_store(Arc::new(store), settings).await
    }

    /// Opens the ledger in a schema of a PostgreSQL database, or creates it there. Any number of processes may
    /// have it open at the same time.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the database cannot be reached or could lose commits, the schema holds something else or is
    /// from a newer version; or a setting is not usable.
    #[cfg(feature = "postgres")]
    pub async fn open_postgres(
        options: ledger_store::postgres::PostgresOptions,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        settings.check()?;
        let witnesses = settings.witnesses.newest();
        let store = crate::embedded::postgres(options, settings.shards, &witnesses).await?;
        Self::with_store(Arc::new(store), settings).await
    }

    /// Opens a ledger on any store.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the store cannot be read or does not pass through a witness, or a setting is not usable.
    pub async fn with_store(store: Arc<dyn EventStore>, settings: Settings) -> Result<Self, OpenError> {
        settings.check()?;
        let threads = Threads::new(settings.scheduler.clone());
        let ledger =
            aside_on(&threads.clone(), "start", move || Self::start(store, settings, &threads)).await??;
        ledger.begin_in_newest_shapes().await?;
        Ok(ledger)
    }

    /// A ledger that is new has no older release beside it: it is written in the newest shapes from its first commit.
    async fn begin_in_newest_shapes(&self) -> Result<(), OpenError> {
        if self.shape_level() == ShapeLevel::NEWEST {
            return Ok(());
        }
        let is_new = self.heads().await?.iter().all(|head| head.position == Position::ZERO);
        if is_new
            && let Ok(reason) = Reason::new("the ledger is new")
            && let Err(error) = self.activate_shapes(ShapeLevel::NEWEST, reason).await
        {
            // Older shapes are right too; the operator may activate the newest at any time.
            tracing::warn!(%error, "a new ledger begins in older shapes");
        }
        Ok(())
    }

    /// The level of the shapes this ledger is written in, as far as this process has seen.
    pub fn shape_level(&self) -> ShapeLevel {
        ShapeLevel(self.shared().level.load(Ordering::Acquire))
    }

    /// Lets the shapes of a level be written, once and for ever: call it when no process of an older release is left,
    /// nor will come back. Other processes of this release follow within [`Settings::refresh`].
    ///
    /// # Errors
    ///
    /// [`ExecuteError::Rejected`] if the level is active already, or not known to this build; and as
    /// [`Self::execute_house`].
    pub async fn activate_shapes(&self, level: ShapeLevel, reason: Reason) -> Result<Receipt, ExecuteError> {
        let of = configuration_partition()?;
        let command = Command::House(ActivateShapes { level, reason }.into());
        self.perform(of, command, None, Lane::Cashier).await
    }

    fn start(given: Arc<dyn EventStore>, settings: Settings, machine: &Threads) -> Result<Self, OpenError> {
        let store: Arc<dyn EventStore> = Arc::new(Limited::new(Arc::clone(&given), settings.load_timeout));
        let writer_runtime = runtime()?;
        let named = |partition: Result<Partition, IdError>| {
            partition.map_err(|error| OpenError::Register(error.to_string()))
        };
        let (register, configuration) = (named(register_partition())?, named(configuration_partition())?);
        let shards = store.identity().shards;
        let (heads, register, configuration, last) = writer_runtime.block_on(async {
            let load = async |of: &Partition| {
                let digest = of.digest();
                Ok::<_, StoreError>(
                    load_state(store.as_ref(), &digest, shards.shard_of(&digest), of).await?.state,
                )
            };
            let heads = store.heads().await?;
            for (shard, seen) in settings.witnesses.newest() {
                passes_through(store.as_ref(), shard, seen).await?;
            }
            let (register, configuration) = (load(&register).await?, load(&configuration).await?);
            Ok::<_, StoreError>((heads, register, configuration, store.last_recorded_at().await?))
        })?;
        // The writer's own clock goes on from here.
        let now = last.map_or(settings.clock.wall(), |last| last.max(settings.clock.wall()));
        let known = Known::new(&settings, &register, &configuration, now)?;
        let (currencies, rules) = known.shelves();
        let level = AtomicU16::new(known.level.0);
        let shared = Arc::new(Shared {
            inbox: Inbox::new(settings.lane_capacity, machine),
            in_flight: InFlight::new(machine.clone()),
            currencies: Shelf::new(currencies),
            rules: Shelf::new(rules),
            level,
            clock_accepted: AtomicBool::new(false),
            settings,
            threads: machine.clone(),
            store,
            given,
        });
        let leash = Arc::new(Leash::new(machine.clone()));
        let mut threads = Vec::with_capacity(4);
        let (io_send, io_receive) = machine.channel::<Outgoing>(1);
        let (task_send, task_receive) = machine.channel::<Task>(65_536);
        let (io_runtime, loader_runtime) = (runtime()?, runtime()?);
        {
            let shared = Arc::clone(&shared);
            threads.push(machine.spawn("write", move || write_all(&shared, &io_receive, &io_runtime))?);
        }
        {
            let shared = Arc::clone(&shared);
            threads.push(machine.spawn("load", move || {
                loader::run(
                    &shared.store,
                    &|loaded| shared.inbox.loaded(loaded),
                    &task_receive,
                    &loader_runtime,
                );
            })?);
        }
        let mut writer =
            Writer::new(Arc::clone(&shared), writer_runtime, io_send, Tasks(task_send), heads, known, last);
        {
            let (shared, leash) = (Arc::clone(&shared), Arc::clone(&leash));
            threads.push(machine.spawn("writer", move || {
                let run = std::panic::AssertUnwindSafe(|| writer.run());
                if std::panic::catch_unwind(run).is_err() {
                    tracing::error!("the writer panicked: the ledger stops");
                }
                shared.inbox.die();
                let unanswered = shared.in_flight.take().unwrap_or_default();
                for entry in unanswered {
                    entry.unknown("the writer stopped");
                }
                leash.end();
            })?);
        }
        {
            let (shared, leash) = (Arc::clone(&shared), Arc::clone(&leash));
            threads.push(machine.spawn("watchdog", move || watchdog::run(&shared, &leash))?);
        }
        tracing::info!(ledger = %shared.store.identity().ledger, "the ledger is open");
        Ok(Self { inner: Arc::new(Inner { shared, leash, threads: Mutex::new(threads) }) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// The store, for projections and verification.
    pub fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.shared().given)
    }

    /// Who acts where a request does not say so, as the settings name him.
    pub fn actor(&self) -> &ActorId {
        &self.shared().settings.actor
    }

    /// The heads of all shards that are durable now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be asked.
    pub async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.shared().given.heads().await
    }

    /// The currencies this ledger has used, as recorded.
    pub fn currencies(&self) -> Arc<CurrencyRegistry> {
        self.shared().currencies.get()
    }

    /// The policy that commands are decided under now: the newest published one that has taken effect, or that of the
    /// settings. On a store that others may write to, what they publish is seen within [`Settings::refresh`].
    pub fn policy(&self) -> Arc<PolicyInForce> {
        Arc::clone(&self.shared().rules.get().in_force)
    }

    /// Executes a command on a player's ledger and answers when it is durable.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`]: a refusal by the rules, a failure before anything was recorded (see
    /// [`ExecuteError::is_retryable`]), or an unknown outcome, which is never "try again with another key".
    pub async fn execute(
        &self,
        player: &PlayerId,
        command: impl Into<PlayerCommand>,
    ) -> Result<Receipt, ExecuteError> {
        self.request(Request::new(player.clone(), command)).await
    }

    /// Executes a request: a command with its context and lane.
    ///
    /// # Errors
    ///
    /// See [`Self::execute`].
    #[tracing::instrument(
        level = "debug", skip_all, fields(player = %request.player, kind = request.command.kind().as_str())
    )]
    pub async fn request(&self, mut request: Request) -> Result<Receipt, ExecuteError> {
        self.seal(&mut request).await?;
        self.register_currencies(request.command.opens_currencies()).await?;
        let lane = request.lane();
        let of = Partition::Player(request.player);
        self.perform(of, Command::Player(request.command), request.context, lane).await
    }

    /// Executes a command on a partition of the house and answers when it is durable. Everything that holds for a
    /// player's holds here: keys, replays, lanes, what an error says. The answer to a publication comes when this
    /// process decides under it.
    ///
    /// # Errors
    ///
    /// See [`Self::execute`].
    pub async fn execute_house(
        &self,
        house: &HouseId,
        command: impl Into<HouseCommand>,
    ) -> Result<Receipt, ExecuteError> {
        self.request_house(HouseRequest::new(house.clone(), command)).await
    }

    /// Executes a request to the house: a command with its context and lane.
    ///
    /// # Errors
    ///
    /// See [`Self::execute`].
    #[tracing::instrument(
        level = "debug", skip_all, fields(house = %request.house, kind = request.command.kind().as_str())
    )]
    pub async fn request_house(&self, request: HouseRequest) -> Result<Receipt, ExecuteError> {
        self.register_currencies(request.command.currencies()).await?;
        let lane = request.lane();
        let of = Partition::House(request.house);
        self.perform(of, Command::House(request.command), request.context, lane).await
    }

    async fn perform(
        &self,
        of: Partition,
        command: Command,
        context: Option<Context>,
        lane: Lane,
    ) -> Result<Receipt, ExecuteError> {
        let (send, receive) = oneshot::channel();
        let (key, job) = self.prepare(of, command, context, send)?;
        let push = stations::enter(Station::Push);
        self.shared().inbox.push(lane, job).map_err(|(refused, _)| refused.into_error(lane))?;
        drop(push);
        receive.await.unwrap_or(Err(ExecuteError::Indeterminate { key }))
    }

    fn prepare(
        &self,
        of: Partition,
        command: Command,
        context: Option<Context>,
        reply: oneshot::Sender<Result<Receipt, ExecuteError>>,
    ) -> Result<(IdempotencyKey, Job), ExecuteError> {
        let _prepare = stations::enter(Station::Prepare);
        let shared = self.shared();
        let context = context.unwrap_or_else(|| Context::of(shared.settings.actor.clone()));
        let (rules, shards) = (shared.rules.get(), shared.store.identity().shards);
        Ok(Job::execute(of, command, context, rules, shards, reply)?)
    }

    /// Executes many requests and answers each for itself, in their order. Requests of one player in one lane are
    /// decided in their order; nothing is atomic over them. Play does not wait for the cashier: where a bet needs
    /// a deposit, send it when that is answered, or in the same lane (`Request::lane`).
    pub async fn execute_all(&self, requests: Vec<Request>) -> Vec<Result<Receipt, ExecuteError>> {
        let mut waits = Vec::with_capacity(requests.len());
        let mut jobs = Vec::with_capacity(requests.len());
        for mut request in requests {
            let sealed = self.seal(&mut request).await.map_err(ExecuteError::from);
            let ready = match sealed {
                Ok(()) => self.register_currencies(request.command.opens_currencies()).await,
                failed => failed,
            };
            if let Err(error) = ready {
                waits.push(Err(error));
                continue;
            }
            let (send, receive) = oneshot::channel();
            let lane = request.lane();
            let of = Partition::Player(request.player);
            match self.prepare(of, Command::Player(request.command), request.context, send) {
                Ok((key, job)) => {
                    jobs.push((lane, job));
                    waits.push(Ok((key, receive)));
                }
                Err(error) => waits.push(Err(error)),
            }
        }
        for (lane, refused, job) in self.shared().inbox.push_all(jobs) {
            job.fail(refused.into_error(lane));
        }
        let mut answers = Vec::with_capacity(waits.len());
        for wait in waits {
            answers.push(match wait {
                Ok((key, receive)) => receive.await.unwrap_or(Err(ExecuteError::Indeterminate { key })),
                Err(error) => Err(error),
            });
        }
        answers
    }

    /// Records the first use of the currencies a command needs: from then on their scale and maximum are fixed.
    async fn register_currencies(
        &self,
        codes: impl Iterator<Item = CurrencyCode>,
    ) -> Result<(), ExecuteError> {
        let shared = self.shared();
        for code in codes {
            if shared.currencies.get().get(code).is_some() {
                continue;
            }
            // An unknown code is refused by the decision, as any other fault of the command.
            let Some(currency) = shared.settings.currencies.get(code) else { continue };
            let command = Command::House(RegisterCurrency { currency: *currency }.into());
            match self.perform(register_partition()?, command, None, Lane::Cashier).await {
                Ok(_) => {}
                // Another process recorded it otherwise: what is recorded counts.
                Err(ExecuteError::Rejected(_)) => {
                    tracing::warn!(currency = %code, "recorded with another scale or maximum than in the settings");
                }
                // The command itself was not sent.
                Err(ExecuteError::Indeterminate { .. }) => {
                    let reason = format!("whether the currency {code} was recorded is unknown");
                    return Err(ExecuteError::Unavailable { reason });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The player as he is: with everything durable up to the position it names.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if the ledger cannot serve.
    pub async fn player(&self, player: &PlayerId) -> Result<PlayerReading, ExecuteError> {
        let Reading { state, shard, position, hash } =
            self.read(Partition::Player(player.clone()), Lane::Play).await?;
        match state {
            State::Player(state) => Ok(PlayerReading { state: *state, shard, position, hash }),
            State::House(_) => Err(ExecuteError::Bug { what: "a reading of the house".to_owned() }),
        }
    }

    /// A partition of the house as it is: with everything durable up to the position it names. One in which nothing
    /// ever happened is empty.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if the ledger cannot serve.
    pub async fn house(&self, house: &HouseId) -> Result<HouseReading, ExecuteError> {
        let Reading { state, shard, position, hash } =
            self.read(Partition::House(house.clone()), Lane::Cashier).await?;
        match state {
            State::House(state) => Ok(HouseReading { state: *state, shard, position, hash }),
            State::Player(_) => Err(ExecuteError::Bug { what: "a reading of a player".to_owned() }),
        }
    }

    async fn read(&self, of: Partition, lane: Lane) -> Result<Reading, ExecuteError> {
        let (send, receive) = oneshot::channel();
        let job = Job::read(of, self.shared().store.identity().shards, send);
        self.shared().inbox.push(lane, job).map_err(|(refused, _)| refused.into_error(lane))?;
        receive.await.unwrap_or(Err(ExecuteError::Closed))
    }

    /// The recorded outcome of a key: a host's way out of a time-out. Asks behind everything that was
    /// sent before it in the play lane.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if the ledger cannot serve.
    pub async fn outcome(
        &self,
        player: &PlayerId,
        key: &IdempotencyKey,
    ) -> Result<RecordedOutcome, ExecuteError> {
        self.ask(KeyQuestion { of: Partition::Player(player.clone()), key: key.clone() }, Lane::Play).await
    }

    /// [`Self::outcome`] of a partition of the house. Asks behind everything that was sent before it in the
    /// cashier's lane.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if the ledger cannot serve.
    pub async fn house_outcome(
        &self,
        house: &HouseId,
        key: &IdempotencyKey,
    ) -> Result<RecordedOutcome, ExecuteError> {
        self.ask(KeyQuestion { of: Partition::House(house.clone()), key: key.clone() }, Lane::Cashier).await
    }

    async fn ask(&self, question: KeyQuestion, lane: Lane) -> Result<RecordedOutcome, ExecuteError> {
        let (send, receive) = oneshot::channel();
        let job = Job::outcome(question, self.shared().store.identity().shards, send);
        self.shared().inbox.push(lane, job).map_err(|(refused, _)| refused.into_error(lane))?;
        receive.await.unwrap_or(Err(ExecuteError::Closed))
    }

    /// Takes the wall clock as it is, after an operator checked a [`crate::ClockSuspect`].
    pub fn accept_clock(&self) {
        self.shared().clock_accepted.store(true, Ordering::Release);
    }

    /// Closes the ledger: what was taken in is still decided and answered, snapshots are kept, the store
    /// is sealed. Other clones answer [`ExecuteError::Closed`] from then on. Closing twice is harmless.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the end could not be written, or a write hangs for longer than its limit (close again
    /// when it is over); everything acknowledged is durable all the same.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.shared().inbox.close();
        let inner = Arc::clone(&self.inner);
        let machine = self.shared().threads.clone();
        aside_on(&machine, "close", move || {
            // A second close waits here for the first: the store must not be closed under the writer.
            let mut threads = inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
            let limit = inner.shared.settings.write_timeout;
            while !inner.leash.sleep(CLOSE_PACE) {
                if inner.shared.in_flight.age().is_some_and(|age| age > limit) {
                    return Err(StoreError::Unavailable { reason: STALLED.to_owned(), source: None });
                }
            }
            for thread in threads.drain(..) {
                thread.join();
            }
            drop(threads);
            inner.leash.end();
            close_store(&inner.shared.threads, &inner.shared.given, limit)
        })
        .await
        .map_err(|e| StoreError::io("close", e))?
    }
}
