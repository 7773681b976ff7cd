//! One thread runs at a time, in virtual time, in an order that a seed decides.
//!
//! Everything that is to happen stands in one queue with the instant at which it does: a thread goes on, a timer ends, a
//! message arrives, a process dies. What waits for nothing but another thread goes on after a small pause that is drawn, so
//! the order of what is under way at once is drawn too. The thread that rests takes the next of the queue and hands over.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use casino_ledger::Scheduler;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A seed that takes more steps than this does not come to an end.
const STEPS_MAX: u64 = 400_000;
/// A thread that runs so long in real time is blocked by something the simulation does not know.
const STUCK: Duration = Duration::from_mins(2);

thread_local! {
    static CURRENT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// What happens at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A thread goes on, if nothing else made it go on before.
    Run { thread: u64, token: u64 },
    /// A timer ends.
    Timer(u64),
    /// A task of the host goes on.
    Task(usize),
    /// An append that was given up arrives after all.
    Arrival(u64),
}

#[derive(Debug, PartialEq, Eq)]
struct Due {
    at: u64,
    order: u64,
    event: Event,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    /// The test's own thread, which has the tasks of the host.
    Director,
    Thread(u64),
}

struct Thread {
    name: String,
    /// Goes up whenever it goes on: what was to wake it before counts no more.
    token: u64,
    bell: Option<u64>,
    condvar: Arc<Condvar>,
    alive: bool,
}

struct State {
    now: u64,
    order: u64,
    steps: u64,
    queue: BinaryHeap<Reverse<Due>>,
    running: Running,
    due: Option<Event>,
    threads: Vec<Thread>,
    bells: u64,
    timers: BTreeMap<u64, Waker>,
    dice: ChaCha8Rng,
    trace: Vec<String>,
    /// Whose threads those are that start now.
    process: String,
}

/// The scheduler of one simulation.
pub(crate) struct Sim {
    state: Mutex<State>,
    director: Condvar,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sim")
    }
}

impl State {
    fn below(&mut self, end: u64) -> u64 {
        // The bias is far below what any test could notice.
        self.dice.next_u64() % end.max(1)
    }

    fn push(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Due { at, order: self.order, event }));
    }

    /// A little later, so that what is ready at once may go on in any order.
    fn soon(&mut self, event: Event) {
        let pause = self.below(20);
        self.push(self.now + pause, event);
    }

    fn who(&self) -> &str {
        match self.running {
            Running::Director => "host",
            Running::Thread(thread) => &self.threads[index(thread)].name,
        }
    }

    /// Takes what is next; who runs then is in `running`.
    fn turn(&mut self) {
        self.steps += 1;
        while let Some(Reverse(Due { at, event, .. })) = self.queue.pop() {
            match event {
                Event::Run { thread, token } => {
                    let woken = &mut self.threads[index(thread)];
                    if !woken.alive || woken.token != token {
                        continue;
                    }
                    woken.token += 1;
                    woken.bell = None;
                    self.running = Running::Thread(thread);
                }
                Event::Timer(timer) if !self.timers.contains_key(&timer) => continue,
                other => {
                    self.due = Some(other);
                    self.running = Running::Director;
                }
            }
            self.now = self.now.max(at);
            return;
        }
        // Nothing will ever happen again.
        self.due = None;
        self.running = Running::Director;
    }
}

fn index(thread: u64) -> usize {
    usize::try_from(thread).expect("few threads")
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 4)
}

impl Sim {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let state = State {
            now: 0,
            order: 0,
            steps: 0,
            queue: BinaryHeap::new(),
            running: Running::Director,
            due: None,
            threads: Vec::new(),
            bells: 0,
            timers: BTreeMap::new(),
            dice: ChaCha8Rng::seed_from_u64(seed),
            trace: Vec::new(),
            process: String::new(),
        };
        Arc::new(Self { state: Mutex::new(state), director: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of a thread is found by whoever waits for it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number below `end`, drawn.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.lock().below(end)
    }

    /// Whether something happens that does so in so many of a thousand cases.
    pub(crate) fn chance(&self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// The microseconds that have passed.
    pub(crate) fn micros(&self) -> u64 {
        self.lock().now
    }

    pub(crate) fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Writes a line of the trace.
    pub(crate) fn note(&self, what: &str) {
        let mut state = self.lock();
        let (millis, micros) = (state.now / 1_000, state.now % 1_000);
        let line = format!("{millis:>6}.{micros:03} ms  {:<16} {what}", state.who());
        state.trace.push(line);
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.lock().trace.clone()
    }

    /// Threads that start from here on belong to this process.
    pub(crate) fn process(&self, name: &str) {
        name.clone_into(&mut self.lock().process);
    }

    pub(crate) fn at(&self, pause: u64, event: Event) {
        let mut state = self.lock();
        let at = state.now + pause;
        state.push(at, event);
    }

    pub(crate) fn soon(&self, event: Event) {
        self.lock().soon(event);
    }

    /// Ends a timer.
    pub(crate) fn timer(&self, timer: u64) {
        let waker = self.lock().timers.remove(&timer);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A task of the host waits.
    pub(crate) fn pause(self: &Arc<Self>, micros: u64) -> Pause {
        Pause { sim: Arc::clone(self), until: self.micros().saturating_add(micros), timer: None }
    }

    /// Holds a call for a while.
    pub(crate) fn hold(&self, micros: u64) {
        let bell = self.bell();
        self.rest(bell, Some(Duration::from_micros(micros)));
    }

    /// Lets everything run until the director has something to do; `None` once nothing will ever happen again.
    pub(crate) fn next(&self) -> Result<Option<Event>, String> {
        let mut state = self.lock();
        assert_eq!(state.running, Running::Director, "two run at once");
        if state.steps > STEPS_MAX {
            return Err(format!("no end after {STEPS_MAX} steps"));
        }
        state.turn();
        if let Running::Thread(thread) = state.running {
            state.threads[index(thread)].condvar.notify_one();
            while state.running != Running::Director {
                let (back, timeout) =
                    self.director.wait_timeout(state, STUCK).unwrap_or_else(PoisonError::into_inner);
                state = back;
                if timeout.timed_out() && state.running != Running::Director {
                    return Err(format!("{} is blocked by what the simulation does not know", state.who()));
                }
            }
        }
        Ok(state.due.take())
    }

    /// The names of threads that have not ended.
    pub(crate) fn left(&self) -> Vec<String> {
        let state = self.lock();
        state.threads.iter().filter(|thread| thread.alive).map(|thread| thread.name.clone()).collect()
    }

    /// Hands over to whoever is next, and waits for the own turn.
    fn hand_over(&self, mut state: MutexGuard<'_, State>, me: u64) {
        state.turn();
        let mine = Arc::clone(&state.threads[index(me)].condvar);
        self.wake(&state, me);
        while state.running != Running::Thread(me) {
            state = mine.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wake(&self, state: &State, me: u64) {
        match state.running {
            Running::Director => self.director.notify_one(),
            Running::Thread(thread) if thread != me => state.threads[index(thread)].condvar.notify_one(),
            Running::Thread(_) => {}
        }
    }
}

impl Scheduler for Sim {
    fn now(&self) -> Duration {
        Duration::from_micros(self.micros())
    }

    fn bell(&self) -> u64 {
        let mut state = self.lock();
        state.bells += 1;
        state.bells
    }

    fn rest(&self, bell: u64, limit: Option<Duration>) {
        let me = CURRENT.get().expect("only a thread of a ledger rests");
        let mut state = self.lock();
        let thread = &mut state.threads[index(me)];
        thread.bell = Some(bell);
        let token = thread.token;
        if let Some(limit) = limit {
            let at = state.now.saturating_add(micros(limit).max(1));
            state.push(at, Event::Run { thread: me, token });
        }
        self.hand_over(state, me);
    }

    fn ring(&self, bell: u64) {
        let mut state = self.lock();
        ring(&mut state, bell);
        // Whoever rings may be overtaken by whom it woke.
        if let Some(me) = CURRENT.get()
            && state.below(4) == 0
        {
            let token = state.threads[index(me)].token;
            state.soon(Event::Run { thread: me, token });
            self.hand_over(state, me);
        }
    }

    fn announce(&self, name: &str) -> u64 {
        let mut state = self.lock();
        let thread = state.threads.len() as u64;
        let name = format!("{}.{name}", state.process);
        state.threads.push(Thread {
            name,
            token: 0,
            bell: None,
            condvar: Arc::new(Condvar::new()),
            alive: true,
        });
        state.soon(Event::Run { thread, token: 0 });
        thread
    }

    fn enter(&self, thread: u64) {
        CURRENT.set(Some(thread));
        let mut state = self.lock();
        let mine = Arc::clone(&state.threads[index(thread)].condvar);
        while state.running != Running::Thread(thread) {
            state = mine.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn leave(&self, thread: u64, bell: u64) {
        let mut state = self.lock();
        state.threads[index(thread)].alive = false;
        ring(&mut state, bell);
        if CURRENT.get() == Some(thread) {
            state.turn();
            self.wake(&state, thread);
        }
    }
}

fn ring(state: &mut State, bell: u64) {
    let waiting = state.threads.iter_mut().enumerate().filter(|(_, thread)| thread.bell == Some(bell));
    let waiting: Vec<(u64, u64)> = waiting
        .map(|(thread, resting)| {
            resting.bell = None;
            (thread as u64, resting.token)
        })
        .collect();
    for (thread, token) in waiting {
        state.soon(Event::Run { thread, token });
    }
}

/// A pause of a task of the host.
pub(crate) struct Pause {
    sim: Arc<Sim>,
    until: u64,
    timer: Option<u64>,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sim = Arc::clone(&self.sim);
        let mut state = sim.lock();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        let timer = self.timer.unwrap_or_else(|| {
            state.bells += 1;
            let timer = state.bells;
            state.timers.insert(timer, context.waker().clone());
            state.push(self.until, Event::Timer(timer));
            timer
        });
        drop(state);
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.sim.lock().timers.remove(&timer);
        }
    }
}
