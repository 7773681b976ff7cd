//! Does what is not an append's own work: writes pieces of the index as runs, merges runs, and seals segments, on
//! a thread of its own that rests as long as it works.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::super::sealer::{SealOutcome, Sealer};
use super::super::{Prepare, Shared};
use super::Piece;
use super::worker::Worker;
use crate::error::StoreError;

/// How long the thread works before it rests.
const STRETCH: Duration = Duration::from_millis(4);
/// The first pause after a failure; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest pause after failures.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long an append waits for room in memory before it is refused.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(5);

/// How an index is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexStatus {
    /// How many runs there are.
    pub runs: usize,
    /// Their bytes on disk.
    pub run_bytes: u64,
    /// How many commits are in runs.
    pub run_commits: u64,
    /// How many commits are in memory only.
    pub memory_commits: u64,
    /// About how many bytes of memory these take.
    pub memory_bytes: usize,
    /// Bytes of filters in memory.
    pub filter_bytes: usize,
    /// Bytes of all filters. If they are more than those in memory, a look-up of something absent may read
    /// from disk: give the index more memory.
    pub filter_bytes_wanted: usize,
    /// Bytes of blocks kept in memory.
    pub cache_bytes: usize,
    /// Blocks read from disk since the log was opened.
    pub blocks_read: u64,
    /// Why the index could not be written last, if it could not. The log goes on, and it is tried again.
    pub error: Option<String>,
    /// Why the index cannot be trusted, if so. It is made anew when the log is opened again.
    pub doubt: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    stop: bool,
    /// Something may have come to do.
    called: bool,
    error: Option<String>,
    doubt: Option<String>,
    sealing_error: Option<String>,
}

#[derive(Debug, Default)]
struct Signals {
    state: Mutex<State>,
    changed: Condvar,
}

impl Signals {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until `is_over` or the time has passed.
    fn wait(&self, limit: Option<Duration>, is_over: impl Fn(&State) -> bool) {
        let until = limit.map(|limit| Instant::now() + limit);
        let mut state = self.lock();
        while !is_over(&state) {
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return,
                Some(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Rests some times as long as it has worked, so that the writer of the log always finds the processor and the
/// disk.
struct Pace {
    since: Instant,
    rests: u32,
}

impl Pace {
    fn new(rests: u32) -> Self {
        Self { since: Instant::now(), rests }
    }

    fn rest(&mut self, signals: &Signals) {
        let worked = self.since.elapsed();
        if worked >= STRETCH {
            signals.wait(Some(worked * self.rests), |state| state.stop || state.called);
            self.since = Instant::now();
        }
    }
}

/// How often merging rests as long as it has worked.
const MERGE_RESTS: u32 = 1;
/// How often sealing rests as long as it has worked: nobody waits for it.
const SEAL_RESTS: u32 = 4;

/// What is done beside the writer's path.
#[derive(Debug)]
struct Crew {
    worker: Worker,
    sealer: Sealer,
}

#[derive(Debug)]
enum Hand {
    /// Whoever appends does the work.
    Inline(Box<Crew>),
    Thread(JoinHandle<Crew>),
    Gone,
}

/// Has the index kept.
#[derive(Debug)]
pub(in super::super) struct Keeper {
    shared: Arc<Shared>,
    signals: Arc<Signals>,
    hand: Mutex<Hand>,
    pieces_max: usize,
}

fn stopped() -> StoreError {
    StoreError::Unavailable { reason: "the log is being closed".to_owned(), source: None }
}

/// Shows the runs to readers, then tidies up what they replace.
fn publish(worker: &mut Worker, shared: &Shared) -> Result<(), StoreError> {
    show(worker, shared)?;
    worker.tidy()?;
    show(worker, shared)
}

fn show(worker: &Worker, shared: &Shared) -> Result<(), StoreError> {
    let runs = Arc::new(worker.runs().clone());
    let mut view = shared.view_mut()?;
    let replaced = view.adopt(runs)?;
    drop(view);
    // Freeing many maps takes a while: nobody has to wait for it.
    drop(replaced);
    Ok(())
}

fn oldest_piece(shared: &Shared) -> Result<Option<Arc<Piece>>, StoreError> {
    Ok(shared.view()?.layers().pieces.first().map(Arc::clone))
}

/// Writes the pieces that wait.
fn flush(worker: &mut Worker, shared: &Shared) -> Result<bool, StoreError> {
    let mut any = false;
    while let Some(piece) = oldest_piece(shared)? {
        worker.flush(&piece, &mut || Ok(()))?;
        drop(piece);
        publish(worker, shared)?;
        any = true;
    }
    Ok(any)
}

/// Does one thing that is to do, the most urgent first; whether there was any.
fn step(crew: &mut Crew, shared: &Shared, signals: &Signals, is_alone: bool) -> Result<bool, StoreError> {
    let Crew { worker, sealer } = crew;
    if flush(worker, shared)? {
        return Ok(true);
    }
    if let Some(job) = worker.merge_due() {
        let mut pace = Pace::new(MERGE_RESTS);
        let between = &mut || {
            serve(worker, shared, signals)?;
            if is_alone && !worker.is_in_debt() {
                pace.rest(signals);
            }
            Ok(())
        };
        let written = job.write(between);
        worker.finish_merge(&job, written)?;
        publish(worker, shared)?;
        return Ok(true);
    }
    let mut pace = Pace::new(SEAL_RESTS);
    let sealed = sealer.seal_one(shared, &mut || {
        serve(worker, shared, signals)?;
        if is_alone {
            pace.rest(signals);
        }
        Ok(())
    });
    match sealed {
        Ok(SealOutcome::Nothing) => Ok(false),
        Ok(SealOutcome::Done) => Ok(true),
        Err(_) if signals.lock().stop => Err(stopped()),
        // The folder cannot be read, or an index not be written: whoever called decides when to try again.
        Err(error) => Err(error),
        Ok(SealOutcome::Failed(error)) => {
            tracing::error!(%error, "a segment could not be sealed: it stays as it is");
            signals.change(|state| state.sealing_error = Some(error.to_string()));
            Ok(true)
        }
    }
}

/// What may not wait for the end of a merge or a sealing.
fn serve(worker: &mut Worker, shared: &Shared, signals: &Signals) -> Result<(), StoreError> {
    if signals.lock().stop {
        return Err(stopped());
    }
    signals.change(|state| state.called = false);
    flush(worker, shared).map(drop)
}

/// What a failure means for the thread.
fn note(signals: &Signals, error: &StoreError, worker: &Worker) {
    if let StoreError::Corrupted(what) = error {
        signals.change(|state| {
            state.doubt.get_or_insert_with(|| what.clone());
        });
        if let Err(error) = worker.doubt() {
            tracing::error!(%error, "the index is damaged, and its manifest could not be removed");
        }
        tracing::error!(%error, "the index is damaged: it is made anew when the log is opened again");
    } else {
        tracing::warn!(%error, "the index could not be written; the log goes on, and it is tried again");
        signals.change(|state| state.error = Some(error.to_string()));
    }
}

fn work(mut crew: Crew, shared: &Shared, signals: &Signals) -> Crew {
    let mut pause = PAUSE_FIRST;
    loop {
        let state = signals.lock();
        let (stop, doubt) = (state.stop, state.doubt.is_some());
        drop(state);
        if stop {
            return crew;
        }
        if doubt {
            // Nothing is added to an index that cannot be trusted.
            if let Err(error) = crew.worker.doubt() {
                tracing::error!(%error, "the manifest of a damaged index could not be removed");
            }
            signals.wait(None, |state| state.stop);
            continue;
        }
        signals.change(|state| state.called = false);
        match step(&mut crew, shared, signals, true) {
            Ok(did) => {
                pause = PAUSE_FIRST;
                signals.change(|state| state.error = None);
                if !did {
                    signals.wait(None, |state| state.stop || state.called || state.doubt.is_some());
                }
            }
            Err(_) if signals.lock().stop => return crew,
            Err(error) => {
                note(signals, &error, &crew.worker);
                signals.wait(Some(pause), |state| state.stop || state.called || state.doubt.is_some());
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

impl Keeper {
    /// Begins to keep an index.
    pub(in super::super) fn start(
        worker: Worker,
        sealer: Sealer,
        shared: Arc<Shared>,
        mode: Prepare,
    ) -> Result<Self, StoreError> {
        let signals = Arc::new(Signals::default());
        let pieces_max = worker.budget().pieces_max;
        let crew = Crew { worker, sealer };
        let hand = match mode {
            Prepare::Inline => Hand::Inline(Box::new(crew)),
            Prepare::Background => {
                let (shared, signals) = (Arc::clone(&shared), Arc::clone(&signals));
                let thread = thread::Builder::new().name("ledger-log-index".to_owned());
                let spawned = thread.spawn(move || work(crew, &shared, &signals));
                Hand::Thread(spawned.map_err(|error| StoreError::io("starting the index's thread", error))?)
            }
        };
        Ok(Self { shared, signals, hand: Mutex::new(hand), pieces_max })
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that there may be something to do.
    pub(in super::super) fn call(&self) {
        if let Hand::Inline(crew) = &mut *self.hand() {
            if self.signals.lock().doubt.is_some() {
                return;
            }
            loop {
                match step(crew, &self.shared, &self.signals, false) {
                    Ok(true) => {}
                    Ok(false) => break self.signals.change(|state| state.error = None),
                    Err(error) => break note(&self.signals, &error, &crew.worker),
                }
            }
        } else {
            self.signals.change(|state| state.called = true);
        }
    }

    /// Waits until the pieces leave room for an append.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if they take all the memory they may and cannot be written.
    pub(in super::super) fn make_room(&self) -> Result<(), StoreError> {
        let until = Instant::now() + ROOM_WAIT_MAX;
        let mut tried = false;
        loop {
            if self.shared.view()?.layers().memory_bytes() < self.pieces_max {
                return Ok(());
            }
            let state = self.signals.lock();
            let trouble = state.doubt.clone().or_else(|| state.error.clone());
            drop(state);
            let reason = match trouble {
                Some(trouble) if tried => {
                    format!("the index takes all its memory and cannot be written: {trouble}")
                }
                None if Instant::now() >= until => {
                    "the index takes all its memory and is still being written".to_owned()
                }
                _ => {
                    tried = true;
                    self.shared.view_mut()?.layers_mut().freeze_if(self.pieces_max);
                    self.call();
                    self.signals.wait(Some(Duration::from_millis(2)), |state| state.stop);
                    continue;
                }
            };
            return Err(StoreError::Unavailable {
                reason: format!("{reason}; nothing landed"),
                source: None,
            });
        }
    }

    /// Hears that the index was found damaged.
    pub(in super::super) fn doubt(&self, what: &str) {
        self.signals.change(|state| {
            state.doubt.get_or_insert_with(|| what.to_owned());
        });
        if let Hand::Inline(crew) = &*self.hand()
            && let Err(error) = crew.worker.doubt()
        {
            tracing::error!(%error, "the manifest of a damaged index could not be removed");
        }
    }

    pub(in super::super) fn status(&self) -> Result<IndexStatus, StoreError> {
        let mut status = self.shared.view()?.layers().status();
        let state = self.signals.lock();
        (status.error, status.doubt) = (state.error.clone(), state.doubt.clone());
        Ok(status)
    }

    /// Why a segment could not be sealed last.
    pub(in super::super) fn sealing_error(&self) -> Option<String> {
        self.signals.lock().sealing_error.clone()
    }

    /// Ends the keeping. With `flush`, what is in memory is written first, so that the next opening finds it.
    pub(in super::super) fn stop(&self, write: bool) {
        self.signals.change(|state| state.stop = true);
        let crew = match std::mem::replace(&mut *self.hand(), Hand::Gone) {
            Hand::Inline(crew) => Some(*crew),
            Hand::Thread(thread) => thread.join().ok(),
            Hand::Gone => None,
        };
        let Some(Crew { mut worker, .. }) = crew else { return };
        if !write || self.signals.lock().doubt.is_some() {
            return;
        }
        let written = self.shared.view_mut().map(|mut view| view.layers_mut().freeze());
        if let Err(error) = written.and_then(|()| flush(&mut worker, &self.shared)) {
            tracing::warn!(%error, "the index was not written at the end: the next opening reads more of the log");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop(false);
    }
}

impl super::Layers {
    /// Begins a new piece if the one that grows takes so much memory.
    pub(in super::super) fn freeze_if(&mut self, bytes: usize) -> bool {
        let is_full = self.active.bytes() >= bytes;
        if is_full {
            self.freeze();
        }
        is_full
    }

    /// How the index is, as far as the layers know.
    pub(in super::super) fn status(&self) -> IndexStatus {
        let (filter_bytes, filter_bytes_wanted) = self.runs.filter_bytes();
        let pieces = self.pieces.iter().map(|piece| piece.span().commits).sum::<u64>();
        IndexStatus {
            runs: self.runs.layers.len(),
            run_bytes: self.runs.layers.iter().map(|layer| layer.run.bytes).sum(),
            run_commits: self.runs.commits(),
            memory_commits: pieces + self.active.span().commits,
            memory_bytes: self.memory_bytes(),
            filter_bytes,
            filter_bytes_wanted,
            cache_bytes: self.runs.cache.bytes(),
            blocks_read: self.runs.cache.read(),
            error: None,
            doubt: None,
        }
    }
}
