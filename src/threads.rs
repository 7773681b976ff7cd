//! The threads of a ledger: how they start, wait for each other and end, and what time it is to them. Everything here is
//! the operating system's, unless a [`Scheduler`] was set: then it decides which thread runs, and when.

use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a simulated thread waits before it looks again whether a full channel has room.
const RETRY: Duration = Duration::from_millis(1);

/// Decides which of a ledger's threads runs, and what time it is to them: for simulations, in which a seed must replay
/// everything. No part of what this crate promises.
///
/// A thread runs from [`Self::enter`] until it rests, and no other does meanwhile. Nothing rests or leaves while it holds a
/// lock that another thread may want.
pub trait Scheduler: Send + Sync + std::fmt::Debug + 'static {
    /// The time since any beginning. It never goes back.
    fn now(&self) -> Duration;
    /// A new bell.
    fn bell(&self) -> u64;
    /// Rests until the bell rings, or for `limit`. May end for no reason.
    fn rest(&self, bell: u64, limit: Option<Duration>);
    /// Wakes every thread that rests on the bell.
    fn ring(&self, bell: u64);
    /// Announces a thread, on the one that starts it.
    fn announce(&self, name: &str) -> u64;
    /// The thread is there. Returns when it may run.
    fn enter(&self, thread: u64);
    /// The thread ends, which rings the bell.
    fn leave(&self, thread: u64, bell: u64);
}

/// The threads of one ledger, and their time.
#[derive(Debug, Clone)]
pub(crate) struct Threads {
    scheduler: Option<Arc<dyn Scheduler>>,
    start: Instant,
}

impl Threads {
    pub(crate) fn new(scheduler: Option<Arc<dyn Scheduler>>) -> Self {
        Self { scheduler, start: Instant::now() }
    }

    /// The time since any beginning, the same for all clones.
    pub(crate) fn now(&self) -> Duration {
        match &self.scheduler {
            None => self.start.elapsed(),
            Some(scheduler) => scheduler.now(),
        }
    }

    pub(crate) fn sleep(&self, time: Duration) {
        match &self.scheduler {
            None => std::thread::sleep(time),
            Some(scheduler) => scheduler.rest(scheduler.bell(), Some(time)),
        }
    }

    pub(crate) fn bell(&self) -> Bell {
        let simulated = self.scheduler.as_ref().map(|scheduler| (Arc::clone(scheduler), scheduler.bell()));
        Bell { condvar: Condvar::new(), simulated }
    }

    /// A channel of so many places.
    pub(crate) fn channel<T>(&self, places: usize) -> (Sender<T>, Waiting<T>) {
        let (send, receive) = std::sync::mpsc::sync_channel(places);
        let bell = Arc::new(self.bell());
        (Sender { inner: Some(send), bell: Arc::clone(&bell) }, Waiting { inner: receive, bell })
    }

    pub(crate) fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<Thread> {
        let end = Arc::new(End { over: Mutex::new(false), bell: self.bell() });
        let announced =
            self.scheduler.as_ref().map(|scheduler| (Arc::clone(scheduler), scheduler.announce(name)));
        let seat = announced.map(|(scheduler, thread)| Seat { scheduler, thread, end: Arc::clone(&end) });
        let run = move || {
            if let Some(seat) = &seat {
                seat.scheduler.enter(seat.thread);
            }
            body();
        };
        let handle = std::thread::Builder::new().name(format!("ledger-{name}")).spawn(run)?;
        Ok(Thread { handle, end: self.scheduler.is_some().then_some(end) })
    }
}

/// Whether a simulated thread has ended.
#[derive(Debug)]
struct End {
    over: Mutex<bool>,
    bell: Bell,
}

/// A simulated thread's place, given up when it ends, also by a panic.
struct Seat {
    scheduler: Arc<dyn Scheduler>,
    thread: u64,
    end: Arc<End>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        *self.end.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        if let Some((_, bell)) = &self.end.bell.simulated {
            self.scheduler.leave(self.thread, *bell);
        }
    }
}

/// A thread that was started.
#[derive(Debug)]
pub(crate) struct Thread {
    handle: JoinHandle<()>,
    end: Option<Arc<End>>,
}

impl Thread {
    /// Waits for its end. A panic of it was reported where it happened.
    pub(crate) fn join(self) {
        if let Some(end) = &self.end {
            let mut over = end.over.lock().unwrap_or_else(PoisonError::into_inner);
            while !*over {
                over = end.bell.wait(&end.over, over, None);
            }
        }
        drop(self.handle.join());
    }
}

/// What threads wait for beside a lock: a condition variable.
#[derive(Debug)]
pub(crate) struct Bell {
    condvar: Condvar,
    simulated: Option<(Arc<dyn Scheduler>, u64)>,
}

impl Bell {
    /// Gives the lock up, waits until the bell rings or for `limit`, and takes the lock again. May end for no reason.
    pub(crate) fn wait<'a, T>(
        &self,
        mutex: &'a Mutex<T>,
        guard: MutexGuard<'a, T>,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        match (&self.simulated, limit) {
            (None, None) => self.condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
            (None, Some(limit)) => {
                self.condvar.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner).0
            }
            // No other thread runs between giving the lock up and resting: no ring is missed.
            (Some((scheduler, bell)), limit) => {
                drop(guard);
                scheduler.rest(*bell, limit);
                mutex.lock().unwrap_or_else(PoisonError::into_inner)
            }
        }
    }

    /// Wakes whoever waits. Not under a lock: a simulated thread may lose its turn here.
    pub(crate) fn ring(&self) {
        match &self.simulated {
            None => self.condvar.notify_all(),
            Some((scheduler, bell)) => scheduler.ring(*bell),
        }
    }
}

/// The end of a channel that things go in at.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    /// `None` only while it is dropped.
    inner: Option<SyncSender<T>>,
    bell: Arc<Bell>,
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.inner = None;
        self.ring();
    }
}

impl<T> Sender<T> {
    /// The operating system's channels wake by themselves.
    fn ring(&self) {
        if self.bell.simulated.is_some() {
            self.bell.ring();
        }
    }

    /// Sends, and waits for room. Gives it back if nobody receives any more.
    pub(crate) fn send(&self, value: T) -> Result<(), T> {
        let Some(inner) = &self.inner else { return Err(value) };
        if self.bell.simulated.is_none() {
            return inner.send(value).map_err(|error| error.0);
        }
        let mut value = value;
        loop {
            match inner.try_send(value) {
                Ok(()) => {
                    return {
                        self.ring();
                        Ok(())
                    };
                }
                Err(TrySendError::Disconnected(back)) => return Err(back),
                Err(TrySendError::Full(back)) => value = back,
            }
            self.bell.rest(Some(RETRY));
        }
    }

    /// Sends if there is room; gives it back if not.
    pub(crate) fn try_send(&self, value: T) -> Result<(), T> {
        let Some(inner) = &self.inner else { return Err(value) };
        match inner.try_send(value) {
            Ok(()) => {
                self.ring();
                Ok(())
            }
            Err(TrySendError::Full(value) | TrySendError::Disconnected(value)) => Err(value),
        }
    }
}

impl Bell {
    fn rest(&self, limit: Option<Duration>) {
        if let Some((scheduler, bell)) = &self.simulated {
            scheduler.rest(*bell, limit);
        }
    }
}

/// The end of a channel that somebody waits at.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    inner: Receiver<T>,
    bell: Arc<Bell>,
}

impl<T> Waiting<T> {
    /// Waits for the next; `Err` once nothing can come any more.
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        if self.bell.simulated.is_none() {
            return self.inner.recv();
        }
        loop {
            match self.inner.try_recv() {
                Ok(value) => return Ok(value),
                Err(TryRecvError::Disconnected) => return Err(RecvError),
                Err(TryRecvError::Empty) => self.bell.rest(None),
            }
        }
    }

    /// What has come already, without waiting.
    pub(crate) fn try_recv(&self) -> Option<T> {
        self.inner.try_recv().ok()
    }

    /// Waits for the next, for `limit` at most.
    pub(crate) fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        let Some((scheduler, bell)) = &self.bell.simulated else { return self.inner.recv_timeout(limit) };
        let until = scheduler.now().saturating_add(limit);
        loop {
            match self.inner.try_recv() {
                Ok(value) => return Ok(value),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {}
            }
            let left = until.saturating_sub(scheduler.now());
            if left.is_zero() {
                return Err(RecvTimeoutError::Timeout);
            }
            scheduler.rest(*bell, Some(left));
        }
    }
}
