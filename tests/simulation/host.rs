//! The host of the ledgers: tasks that send commands, and an operator for each process who starts it, lets it die or closes
//! it, and starts it again. Whatever is asked and answered is written down.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Waiting, Poll, Wake, Waker};
use std::time::Duration;

use casino_ledger::core::testing::commands;
use casino_ledger::core::{
    ActorId, Context, CurrencyRegistry, PlayerCommand, PlayerId, Policy, Timestamp, TraceId, WriterId,
};
use casino_ledger::store::{FORMAT, Head, LedgerId, LedgerIdentity, ShardCount};
use casino_ledger::{
    Clock, ExecuteError, Lane, Ledger, PlayerReading, Receipt, RecordedOutcome, Request, Settings,
};

use crate::scheduler::{Event, Sim};
use crate::weather::Weather;
use crate::wire::{Plant, Plug, Wire};

/// What a simulation is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Execute(PlayerCommand),
    Read,
    Outcome(PlayerCommand),
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Executed(Box<Result<Receipt, ExecuteError>>),
    Read(Box<Result<PlayerReading, ExecuteError>>),
    Outcome(Box<Result<RecordedOutcome, ExecuteError>>),
    /// The process died, so nothing was heard.
    Lost,
}

impl Answer {
    pub(crate) fn error(&self) -> Option<&ExecuteError> {
        match self {
            Self::Executed(answer) => answer.as_ref().as_ref().err(),
            Self::Read(answer) => answer.as_ref().as_ref().err(),
            Self::Outcome(answer) => answer.as_ref().as_ref().err(),
            Self::Lost => None,
        }
    }
}

/// When something happened, and what was durable then.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) tick: u64,
    pub(crate) micros: u64,
    pub(crate) heads: Vec<Head>,
}

/// One question to one process, with its answer.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) player: PlayerId,
    pub(crate) question: Question,
    pub(crate) asked: Moment,
    pub(crate) answered: Option<(Moment, Answer)>,
}

/// Something that happens once. Whoever waits for it hears of it in the order of waiting: a channel would draw that order
/// by itself, from no seed.
#[derive(Default)]
struct Signal {
    given: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Signal {
    fn give(&self) {
        self.given.set(true);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    fn comes(&self) -> impl Future<Output = ()> {
        std::future::poll_fn(|context| {
            if self.given.get() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
    }
}

/// A process, as its clients know it.
struct Process {
    name: String,
    ledger: RefCell<Option<Ledger>>,
    death: RefCell<Rc<Signal>>,
    /// It must be looked at: it answered that it serves no more, or everything ends.
    attention: RefCell<Rc<Signal>>,
}

/// What a seed decides once.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) shards: u16,
    pub(crate) exclusive: bool,
    pub(crate) processes: usize,
    pub(crate) clients: usize,
    pub(crate) players: usize,
    pub(crate) questions: u64,
    pub(crate) write_timeout: u64,
    pub(crate) load_timeout: u64,
    pub(crate) settle_timeout: u64,
    pub(crate) lane: usize,
    pub(crate) batch: usize,
    pub(crate) cache: usize,
    pub(crate) snapshot_every: u32,
}

impl Plan {
    pub(crate) fn draw(sim: &Sim) -> Self {
        let one_of = |of: &[u64]| of[usize::try_from(sim.below(of.len() as u64)).expect("few")];
        let exclusive = one_of(&[0, 0, 1]) == 1;
        let small = |number: u64| usize::try_from(number).expect("small");
        Self {
            shards: u16::try_from(one_of(&[1, 1, 2, 4])).expect("small"),
            exclusive,
            processes: if exclusive { 1 } else { small(one_of(&[1, 2, 2, 3])) },
            clients: small(one_of(&[1, 2, 3, 4])),
            players: small(one_of(&[1, 1, 2, 3])),
            questions: one_of(&[5, 10, 20]),
            write_timeout: one_of(&[30_000, 80_000, 200_000]),
            load_timeout: one_of(&[30_000, 80_000, 200_000]),
            settle_timeout: one_of(&[50_000, 300_000, 1_000_000]),
            lane: small(one_of(&[1, 3, 64, 64])),
            batch: small(one_of(&[1, 3, 64, 64])),
            cache: small(one_of(&[1_500, 256 << 20])),
            snapshot_every: u32::try_from(one_of(&[1, 2, 5, 1_000])).expect("small"),
        }
    }
}

/// A clock of the simulation.
#[derive(Debug)]
struct Hands {
    sim: Arc<Sim>,
    ahead: i64,
}

impl Clock for Hands {
    fn wall(&self) -> Timestamp {
        let base = "2026-01-01T00:00:00Z".parse::<Timestamp>().expect("an instant").as_micros();
        let passed = i64::try_from(self.sim.micros()).expect("not for ever");
        Timestamp::from_micros(base + passed + self.ahead).expect("this year")
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.sim.micros())
    }
}

/// One simulation: the sim, the store, the processes and what was asked of them.
pub(crate) struct World {
    pub(crate) sim: Arc<Sim>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) plan: Plan,
    pub(crate) weather: Weather,
    pub(crate) attempts: RefCell<Vec<Attempt>>,
    processes: Vec<Process>,
    starts: Cell<u64>,
    ending: Cell<bool>,
    /// What went wrong where nothing may.
    failure: RefCell<Option<String>>,
    /// The number of the next new command of each player.
    fresh: RefCell<Vec<u64>>,
    settings: Settings,
}

pub(crate) fn player(number: usize) -> PlayerId {
    PlayerId::new(format!("p{number}")).expect("an id")
}

/// The command of a player that a number stands for: the same whoever sends it.
pub(crate) fn command(player: usize, number: u64) -> PlayerCommand {
    let round = format!("r{}", number / 10);
    let (id, target) =
        (|kind: &str| format!("{kind}{number}"), |kind: &str, back: u64| format!("{kind}{}", number - back));
    match (number, number % 10) {
        (0, _) if player == 1 => commands::open(&["EUR", "USD"]).into(),
        (0, _) => commands::open(&["EUR"]).into(),
        (1, _) => commands::deposit(&id("d"), "10.00").into(),
        (_, 0) => commands::deposit(&id("d"), "4.00").into(),
        (_, 1 | 7) => commands::bet(&id("t"), &round, "3.00").into(),
        (_, 2) => commands::bet(&id("t"), &round, "2.00").into(),
        (_, 3) => commands::win(&id("w"), &round, "4.00").into(),
        (_, 4) => commands::rollback(&id("x"), &target("t", 2)).into(),
        (_, 5) => commands::win_close(&id("w"), &round, "1.50").into(),
        (_, 6) => commands::rollback_win(&id("x"), &target("w", 1)).into(),
        (_, 8) => commands::close(&id("c"), &round).into(),
        _ => commands::void_round(&id("v"), &round).into(),
    }
}

/// The same key with another payload, where there is one.
fn altered(mut command: PlayerCommand) -> PlayerCommand {
    match &mut command {
        PlayerCommand::PlaceBet(bet) => bet.amount += commands::decimal("1.00"),
        PlayerCommand::RecordDeposit(deposit) => deposit.amount += commands::decimal("1.00"),
        PlayerCommand::Settle(win) => win.amount += commands::decimal("1.00"),
        _ => {}
    }
    command
}

/// What the attempts' commits are found by.
pub(crate) fn trace_of(attempt: usize) -> String {
    format!("attempt-{attempt}")
}

impl World {
    pub(crate) fn new(sim: &Arc<Sim>, plan: Plan, weather: Weather, plant: Option<Plant>) -> Rc<Self> {
        let identity = LedgerIdentity {
            ledger: LedgerId([9; 16]),
            shards: ShardCount::new(plan.shards).expect("a power of two"),
            format: FORMAT,
        };
        let wire = Wire::new(Arc::clone(sim), identity, plan.exclusive, weather, plan.write_timeout, plant);
        let names = ["A", "B", "C"].iter().take(plan.processes);
        let process = |name: &&str| Process {
            name: (*name).to_owned(),
            ledger: RefCell::new(None),
            death: RefCell::default(),
            attention: RefCell::default(),
        };
        let mut settings = Settings::new().expect("the defaults");
        settings.shards = identity.shards;
        settings.actor = ActorId::new("test").expect("an id");
        settings.lane_capacity = [plan.lane; 3];
        settings.batch_commands_max = plan.batch;
        settings.cache_bytes = plan.cache;
        settings.snapshot_every = plan.snapshot_every;
        settings.write_timeout = Duration::from_micros(plan.write_timeout);
        settings.load_timeout = Duration::from_micros(plan.load_timeout);
        settings.settle_timeout = Duration::from_micros(plan.settle_timeout);
        settings.scheduler = Some(Arc::clone(sim) as _);
        Rc::new(Self {
            sim: Arc::clone(sim),
            wire,
            weather,
            attempts: RefCell::new(Vec::new()),
            processes: names.map(process).collect(),
            starts: Cell::new(0),
            ending: Cell::new(false),
            failure: RefCell::new(None),
            fresh: RefCell::new(vec![0; plan.players]),
            plan,
            settings,
        })
    }

    fn fail(&self, what: String) {
        self.failure.replace(Some(what));
    }

    fn moment(&self) -> Moment {
        Moment { tick: self.wire.tick(), micros: self.sim.micros(), heads: self.wire.durable() }
    }

    fn ask(&self, player: usize, question: Question) -> usize {
        let attempt =
            Attempt { player: self::player(player), question, asked: self.moment(), answered: None };
        let mut attempts = self.attempts.borrow_mut();
        self.sim.note(&format!("{} of p{player}: {}", trace_of(attempts.len()), brief(&attempt.question)));
        attempts.push(attempt);
        attempts.len() - 1
    }

    fn answer(&self, attempt: usize, process: usize, answer: Answer) {
        if matches!(answer.error(), Some(ExecuteError::Store(_))) {
            self.processes[process].attention.borrow().give();
        }
        self.sim.note(&format!("{} is told: {}", trace_of(attempt), brief_answer(&answer)));
        self.attempts.borrow_mut()[attempt].answered = Some((self.moment(), answer));
    }

    fn request(&self, attempt: usize, command: PlayerCommand) -> Request {
        let player = self.attempts.borrow()[attempt].player.clone();
        let mut request = Request::new(player, command);
        let actor = ActorId::new("test").expect("an id");
        request.context = Some(Context { trace: TraceId::new(trace_of(attempt)).ok(), ..Context::of(actor) });
        request.lane = if self.sim.chance(800) { Some(Lane::Play) } else { None };
        request
    }

    /// A process, if it serves.
    fn at(&self, number: usize) -> Option<(usize, Ledger, Rc<Signal>)> {
        let process = &self.processes[number];
        let ledger = process.ledger.borrow().clone()?;
        Some((number, ledger, Rc::clone(&process.death.borrow())))
    }

    /// A process that serves, if there is one.
    fn serving(&self) -> Option<(usize, Ledger, Rc<Signal>)> {
        let from = usize::try_from(self.sim.below(self.processes.len() as u64)).expect("few");
        let mut order = (0..self.processes.len()).map(|step| (from + step) % self.processes.len());
        order.find_map(|number| self.at(number))
    }

    /// Asks one that serves.
    async fn put(&self, player: usize, question: Question) -> Option<usize> {
        let to = self.serving()?;
        Some(self.put_to(to, player, question).await)
    }

    /// Asks a process, once it serves, and tells the answer.
    pub(crate) async fn ask_at(&self, process: usize, player: usize, question: Question) -> Answer {
        let to = loop {
            match self.at(process) {
                Some(to) => break to,
                None => self.sim.pause(100).await,
            }
        };
        let attempt = self.put_to(to, player, question).await;
        let attempts = self.attempts.borrow();
        attempts[attempt].answered.as_ref().expect("it was answered").1.clone()
    }

    /// Asks, and hears the answer unless the process dies before.
    async fn put_to(
        &self,
        (process, ledger, death): (usize, Ledger, Rc<Signal>),
        player: usize,
        question: Question,
    ) -> usize {
        let attempt = self.ask(player, question.clone());
        let id = self::player(player);
        let answered = async {
            match question {
                Question::Execute(command) => {
                    let request = self.request(attempt, command);
                    Answer::Executed(Box::new(ledger.request(request).await))
                }
                Question::Read => Answer::Read(Box::new(ledger.player(&id).await)),
                Question::Outcome(command) => {
                    let key = command.key(&id, &Policy::default()).expect("a key");
                    Answer::Outcome(Box::new(ledger.outcome(&id, &key).await))
                }
            }
        };
        let answer = tokio::select! {
            biased;
            () = death.comes() => Answer::Lost,
            answer = answered => answer,
        };
        self.answer(attempt, process, answer);
        attempt
    }

    /// Sends several commands at once.
    async fn put_all(&self, commands: Vec<(usize, PlayerCommand)>) {
        let Some((process, ledger, death)) = self.serving() else { return };
        let sent: Vec<(usize, Request)> = commands
            .into_iter()
            .map(|(player, command)| {
                let attempt = self.ask(player, Question::Execute(command.clone()));
                (attempt, self.request(attempt, command))
            })
            .collect();
        let (attempts, requests): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
        let answers = tokio::select! {
            biased;
            () = death.comes() => None,
            answers = ledger.execute_all(requests) => Some(answers),
        };
        match answers {
            None => attempts.into_iter().for_each(|attempt| self.answer(attempt, process, Answer::Lost)),
            Some(answers) => {
                for (attempt, answer) in attempts.into_iter().zip(answers) {
                    self.answer(attempt, process, Answer::Executed(Box::new(answer)));
                }
            }
        }
    }

    /// A command: a new one of the player, or one that was sent before.
    fn any_command(&self) -> (usize, PlayerCommand) {
        let player = usize::try_from(self.sim.below(self.plan.players as u64)).expect("few");
        let fresh = self.fresh.borrow()[player];
        let is_fresh = fresh < 2 || self.sim.chance(650);
        let number = if is_fresh { fresh } else { self.sim.below(fresh) };
        if is_fresh {
            self.fresh.borrow_mut()[player] += 1;
        }
        let command = command(player, number);
        (player, if self.sim.chance(40) { altered(command) } else { command })
    }

    /// One client: asks one thing after the other, and asks again where it was not told.
    async fn client(self: Rc<Self>) {
        for _ in 0..self.plan.questions {
            self.sim.pause(self.sim.below(3_000)).await;
            match self.sim.below(100) {
                0..15 => {
                    let player = usize::try_from(self.sim.below(self.plan.players as u64)).expect("few");
                    self.put(player, Question::Read).await;
                }
                15..25 => {
                    let (player, command) = self.any_command();
                    self.put(player, Question::Outcome(command)).await;
                }
                25..40 => {
                    let count = 2 + self.sim.below(4);
                    let commands = (0..count).map(|_| self.any_command()).collect();
                    self.put_all(commands).await;
                }
                _ => {
                    let (player, command) = self.any_command();
                    self.insist(player, command).await;
                }
            }
        }
    }

    /// Sends a command, and sends it again or asks for its outcome while it was not told.
    async fn insist(&self, player: usize, command: PlayerCommand) {
        for _ in 0..5 {
            let Some(attempt) = self.put(player, Question::Execute(command.clone())).await else {
                self.sim.pause(2_000).await;
                continue;
            };
            let told = {
                let attempts = self.attempts.borrow();
                let (_, answer) = attempts[attempt].answered.as_ref().expect("it was answered");
                match answer {
                    Answer::Executed(answer) => match answer.as_ref() {
                        Ok(_) | Err(ExecuteError::Rejected(_)) => true,
                        Err(_) => false,
                    },
                    _ => false,
                }
            };
            if told || self.sim.chance(200) {
                return;
            }
            if self.sim.chance(300) {
                self.put(player, Question::Outcome(command.clone())).await;
            }
            self.sim.pause(self.sim.below(20_000)).await;
        }
    }

    fn settings_of(&self, process: usize) -> Settings {
        let mut settings = self.settings.clone();
        self.starts.set(self.starts.get() + 1);
        settings.writer = WriterId::new(format!("writer-{}", self.starts.get())).expect("an id");
        let ahead = i64::try_from(process).expect("few") * 700_000;
        settings.clock = Arc::new(Hands { sim: Arc::clone(&self.sim), ahead });
        settings
    }

    /// The operator of one process: starts it, and when it dies, is closed or serves no more, starts it again.
    async fn operator(self: Rc<Self>, number: usize) {
        let process = &self.processes[number];
        while !self.ending.get() {
            let dead = Arc::new(AtomicBool::new(false));
            let settings = self.settings_of(number);
            // Every life has a name of its own: the threads of the last one may still be ending.
            let name = format!("{}{}", process.name, self.starts.get());
            let plug = Arc::new(Plug::new(&self.wire, Arc::clone(&dead), self.plan.load_timeout));
            let death =
                if self.weather.death == 0 { u64::MAX } else { self.sim.below(2_000 * self.weather.death) };
            self.sim.note(&format!("{name} starts"));
            self.sim.process(&name);
            let opened = tokio::select! {
                biased;
                opened = Ledger::with_store(plug, settings) => Some(opened),
                () = self.sim.pause(death) => None,
            };
            let ledger = match opened {
                Some(Ok(ledger)) => ledger,
                Some(Err(error)) => {
                    self.sim.note(&format!("{name} does not start: {error}"));
                    self.sim.pause(5_000).await;
                    continue;
                }
                None => {
                    self.sim.note(&format!("{name} dies while it starts"));
                    dead.store(true, Ordering::Relaxed);
                    continue;
                }
            };
            self.sim.note(&format!("{name} serves"));
            let attention = Rc::<Signal>::default();
            process.attention.replace(Rc::clone(&attention));
            process.death.replace(Rc::default());
            process.ledger.replace(Some(ledger));
            if !self.ending.get() {
                tokio::select! {
                    biased;
                    () = attention.comes() => {}
                    () = self.sim.pause(death) => {}
                }
            }
            let Some(ledger) = process.ledger.take() else { return };
            if self.ending.get() || self.sim.chance(self.weather.close) {
                self.sim.note(&format!("{name} is closed"));
                self.sim.process(&name);
                let closed = ledger.close().await;
                self.sim.note(&format!("{name} was closed: {closed:?}"));
            } else {
                self.sim.note(&format!("{name} dies"));
            }
            dead.store(true, Ordering::Relaxed);
            process.death.borrow().give();
        }
    }

    /// In the end, a process that took no part is asked for everything.
    async fn last(self: Rc<Self>) {
        let dead = Arc::new(AtomicBool::new(false));
        let mut settings = self.settings_of(0);
        settings.lane_capacity = [1_000; 3];
        let plug = Arc::new(Plug::new(&self.wire, dead, self.plan.load_timeout));
        self.sim.note("the last one starts");
        self.sim.process("last");
        let ledger = match Ledger::with_store(plug, settings).await {
            Ok(ledger) => ledger,
            Err(error) => {
                return self
                    .fail(format!("nothing fails any more, but the last one does not start: {error}"));
            }
        };
        self.processes[0].ledger.replace(Some(ledger));
        self.processes[0].death.replace(Rc::default());
        for player in 0..self.plan.players {
            self.put(player, Question::Read).await;
            let fresh = self.fresh.borrow()[player];
            for number in 0..fresh {
                self.put(player, Question::Outcome(command(player, number))).await;
            }
            // Whatever was left open can be told again, and ends.
            self.put(player, Question::Execute(command(player, 1))).await;
        }
        let ledger = self.processes[0].ledger.take().expect("it was put there");
        self.sim.process("last");
        if let Err(error) = ledger.close().await {
            self.fail(format!("nothing fails any more, but the last one does not close: {error}"));
        }
    }
}

fn brief(question: &Question) -> String {
    let named = |command: &PlayerCommand| {
        let key = command.key(&player(0), &Policy::default()).expect("a key");
        key.to_string()
    };
    match question {
        Question::Execute(command) => format!("execute {}", named(command)),
        Question::Read => "read".to_owned(),
        Question::Outcome(command) => format!("outcome of {}", named(command)),
    }
}

fn brief_answer(answer: &Answer) -> String {
    match answer {
        Answer::Executed(answer) => match answer.as_ref() {
            Ok(receipt) => {
                let again = if receipt.replayed { "replayed, " } else { "" };
                format!("{again}{:?} at {}@{}", receipt.outcome, receipt.shard, receipt.position)
            }
            Err(ExecuteError::Rejected(refusal)) => {
                let again = if refusal.replayed { "replayed, " } else { "" };
                format!("{again}refused: {}, recorded at {:?}", refusal.rejection.code(), refusal.recorded)
            }
            Err(error) => error.to_string(),
        },
        Answer::Read(answer) => match answer.as_ref() {
            Ok(reading) => {
                let cash: Vec<_> = reading.balances().iter().map(|b| b.cash.to_string()).collect();
                format!("{} at {}@{}", cash.join(" "), reading.shard, reading.position)
            }
            Err(error) => error.to_string(),
        },
        Answer::Outcome(answer) => match answer.as_ref() {
            Ok(RecordedOutcome::Absent { shard, position }) => format!("absent at {shard}@{position}"),
            Ok(RecordedOutcome::Accepted(receipt)) => {
                format!("accepted at {}@{}", receipt.shard, receipt.position)
            }
            Ok(RecordedOutcome::Refused(refusal)) => {
                format!("refused: {}, recorded at {:?}", refusal.rejection.code(), refusal.recorded)
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        },
        Answer::Lost => "nothing: the process died".to_owned(),
    }
}

/// The currencies that players have.
pub(crate) fn currencies() -> CurrencyRegistry {
    let standard = CurrencyRegistry::standard();
    let mut known = CurrencyRegistry::default();
    for code in ["EUR", "USD"] {
        known.insert(*standard.get(commands::currency(code)).expect("it is standard"));
    }
    known
}

struct TaskWaker {
    sim: Arc<Sim>,
    task: usize,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.sim.soon(Event::Task(self.task));
    }
}

/// A task of the host.
pub(crate) type Client = Pin<Box<dyn Future<Output = ()>>>;

/// Tasks of the host, by number.
#[derive(Default)]
struct Tasks(Vec<Option<Client>>);

impl Tasks {
    fn spawn(&mut self, sim: &Arc<Sim>, task: impl Future<Output = ()> + 'static) -> usize {
        self.0.push(Some(Box::pin(task)));
        sim.soon(Event::Task(self.0.len() - 1));
        self.0.len() - 1
    }

    fn poll(&mut self, sim: &Arc<Sim>, task: usize) {
        let waker = Waker::from(Arc::new(TaskWaker { sim: Arc::clone(sim), task }));
        if let Some(future) = &mut self.0[task]
            && let Poll::Ready(()) = future.as_mut().poll(&mut Waiting::from_waker(&waker))
        {
            self.0[task] = None;
        }
    }

    fn are_done(&self, tasks: &[usize]) -> bool {
        tasks.iter().all(|task| self.0[*task].is_none())
    }
}

impl World {
    /// Lets things happen until these tasks are done.
    fn run(self: &Rc<Self>, tasks: &mut Tasks, until: &[usize]) -> Result<(), String> {
        while !tasks.are_done(until) {
            if !self.step(tasks)? {
                return Err("everything waits, and nothing will ever happen".to_owned());
            }
        }
        Ok(())
    }

    fn step(self: &Rc<Self>, tasks: &mut Tasks) -> Result<bool, String> {
        match self.sim.next()? {
            None => return Ok(false),
            Some(Event::Task(task)) => tasks.poll(&self.sim, task),
            Some(Event::Timer(timer)) => self.sim.timer(timer),
            Some(Event::Arrival(parcel)) => self.wire.arrive(parcel),
            Some(Event::Run { .. }) => {}
        }
        Ok(true)
    }

    /// The whole life of the simulation, with clients who do as the seed says.
    pub(crate) fn live(self: &Rc<Self>) -> Result<(), String> {
        let clients = (0..self.plan.clients).map(|_| Box::pin(Rc::clone(self).client()) as Client).collect();
        self.live_with(clients)
    }

    /// The whole life of the simulation, with clients who do what they were told.
    pub(crate) fn live_with(self: &Rc<Self>, clients: Vec<Client>) -> Result<(), String> {
        let mut tasks = Tasks::default();
        let operators: Vec<usize> = (0..self.plan.processes)
            .map(|number| tasks.spawn(&self.sim, Rc::clone(self).operator(number)))
            .collect();
        let clients: Vec<usize> = clients.into_iter().map(|client| tasks.spawn(&self.sim, client)).collect();
        self.run(&mut tasks, &clients)?;
        self.sim.note("the weather clears up");
        self.wire.clear_up();
        self.ending.set(true);
        self.processes.iter().for_each(|process| process.attention.borrow().give());
        self.run(&mut tasks, &operators)?;
        // What is under way still arrives, and every thread ends.
        while self.step(&mut tasks)? {}
        let last = tasks.spawn(&self.sim, Rc::clone(self).last());
        self.run(&mut tasks, &[last])?;
        while self.step(&mut tasks)? {}
        if let Some(what) = self.failure.take() {
            return Err(what);
        }
        match self.sim.left() {
            left if left.is_empty() => Ok(()),
            left => Err(format!("threads that never end: {}", left.join(", "))),
        }
    }
}
