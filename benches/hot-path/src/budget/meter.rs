//! The meter: times and allocations of every station, on every thread, without what is nested in them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use casino_ledger::stations::{Observer, Station};

use crate::allocator::Allocations;

/// Stations of the engine, and those that the file layer tells apart within its append.
const ENGINE: usize = Station::ALL.len();
pub(crate) const PLACES: usize = ENGINE + 3;

/// Where time is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A station of the engine. Of [`Station::Append`] it is what comes before the write: checks, frame, checksum.
    Engine(Station),
    /// The write of a frame, which the operating system takes into its memory.
    Write,
    /// The sync of a frame.
    Sync,
    /// What of the append comes behind the sync: the index, and what readers see.
    Publish,
}

impl Place {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let engine = Station::ALL.into_iter().map(Self::Engine);
        let at = Station::Append.index() + 1;
        let (mut before, mut behind): (Vec<_>, Vec<_>) =
            (engine.clone().take(at).collect(), engine.skip(at).collect());
        before.extend([Self::Write, Self::Sync, Self::Publish]);
        before.append(&mut behind);
        before.into_iter()
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Engine(station) => station.index(),
            Self::Write => ENGINE,
            Self::Sync => ENGINE + 1,
            Self::Publish => ENGINE + 2,
        }
    }
}

/// Halves of a round: which one is played.
pub(crate) const HALVES: usize = 2;
static HALF: AtomicUsize = AtomicUsize::new(0);

/// Says which half of the rounds is played from now on.
pub(crate) fn play_half(half: usize) {
    HALF.store(half, Ordering::SeqCst);
}

/// Nanoseconds that measuring adds to a station, and to the one around it.
static ADDED_WITHIN: AtomicU64 = AtomicU64::new(0);
static ADDED_AROUND: AtomicU64 = AtomicU64::new(0);

/// What was found of one place.
#[derive(Debug, Default, Clone)]
pub(crate) struct Found {
    /// Nanoseconds of every call, without what is nested in it.
    pub(crate) nanos: Vec<u32>,
    pub(crate) allocations: Allocations,
}

impl Found {
    pub(crate) fn median(&mut self) -> u64 {
        let middle = self.nanos.len() / 2;
        if self.nanos.is_empty() { 0 } else { (*self.nanos.select_nth_unstable(middle).1).into() }
    }
}

pub(crate) type Table = Vec<Found>;

/// How many calls a thread keeps of one place without asking for memory again.
const KEPT: usize = 1 << 17;

fn empty() -> Table {
    let found = || Found { nanos: Vec::with_capacity(KEPT), ..Found::default() };
    (0..PLACES * HALVES).map(|_| found()).collect()
}

static TABLES: Mutex<Vec<Arc<Mutex<Table>>>> = Mutex::new(Vec::new());

struct Open {
    place: Place,
    start: Instant,
    before: Allocations,
    nested: u64,
    calls_nested: u64,
    allocations_nested: Allocations,
    /// Of an append: what came before its write.
    first_part: Option<(u64, Allocations)>,
}

impl Open {
    /// What was spent here itself until now.
    fn own(&self) -> (u64, Allocations) {
        let elapsed = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let added =
            ADDED_WITHIN.load(Ordering::Relaxed) + self.calls_nested * ADDED_AROUND.load(Ordering::Relaxed);
        let own = elapsed.saturating_sub(self.nested).saturating_sub(added);
        (own, Allocations::now().since(self.before).without(self.allocations_nested))
    }
}

struct Thread {
    open: Vec<Open>,
    table: Arc<Mutex<Table>>,
}

thread_local! {
    static THREAD: RefCell<Thread> = RefCell::new({
        let table = Arc::new(Mutex::new(empty()));
        TABLES.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&table));
        Thread { open: Vec::with_capacity(32), table }
    });
}

impl Thread {
    fn note(&self, place: Place, (nanos, allocations): (u64, Allocations)) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let found = &mut table[HALF.load(Ordering::Relaxed) * PLACES + place.index()];
        if found.nanos.len() < found.nanos.capacity() {
            found.nanos.push(u32::try_from(nanos).unwrap_or(u32::MAX));
        }
        found.allocations = found.allocations.plus(allocations);
    }
}

pub(crate) fn enter(place: Place) {
    THREAD.with_borrow_mut(|thread| {
        if place == Place::Write
            && let Some(append) = thread.open.last_mut()
            && append.place == Place::Engine(Station::Append)
            && append.first_part.is_none()
        {
            append.first_part = Some(append.own());
        }
        let (before, nested, calls_nested) = (Allocations::now(), 0, 0);
        let allocations_nested = Allocations::default();
        let start = Instant::now();
        thread.open.push(Open {
            place,
            start,
            before,
            nested,
            calls_nested,
            allocations_nested,
            first_part: None,
        });
    });
}

pub(crate) fn leave(place: Place) {
    THREAD.with_borrow_mut(|thread| {
        let Some(open) = thread.open.last() else { return };
        debug_assert_eq!(open.place, place);
        let whole = u64::try_from(open.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let own = open.own();
        let (first_part, before) = (open.first_part, open.before);
        match first_part {
            Some(first) => {
                thread.note(place, first);
                thread.note(Place::Publish, (own.0.saturating_sub(first.0), own.1.without(first.1)));
            }
            None => thread.note(place, own),
        }
        thread.open.pop();
        if let Some(around) = thread.open.last_mut() {
            around.nested += whole;
            around.calls_nested += 1;
            around.allocations_nested = around.allocations_nested.plus(Allocations::now().since(before));
        }
    });
}

/// Whether this thread is in an append.
pub(crate) fn is_appending() -> bool {
    THREAD.with_borrow(|thread| thread.open.iter().any(|open| open.place == Place::Engine(Station::Append)))
}

/// The meter as the engine's observer.
pub(crate) struct Meter;

impl Observer for Meter {
    fn enter(&self, station: Station) {
        enter(Place::Engine(station));
    }

    fn leave(&self, station: Station) {
        leave(Place::Engine(station));
    }
}

/// Measures what measuring costs, to leave it out from now on.
pub(crate) fn calibrate() {
    const TIMES: usize = 100_000;
    ADDED_WITHIN.store(0, Ordering::Relaxed);
    ADDED_AROUND.store(0, Ordering::Relaxed);
    for _ in 0..TIMES {
        enter(Place::Engine(Station::Take));
        enter(Place::Engine(Station::Push));
        leave(Place::Engine(Station::Push));
        leave(Place::Engine(Station::Take));
    }
    let mut table = take();
    let within = table[Place::Engine(Station::Push).index()].median();
    let both = table[Place::Engine(Station::Take).index()].median();
    ADDED_WITHIN.store(within, Ordering::Relaxed);
    ADDED_AROUND.store(both.saturating_sub(within), Ordering::Relaxed);
}

/// What measuring adds: to a station itself, and to the one around it.
pub(crate) fn added() -> (u64, u64) {
    (ADDED_WITHIN.load(Ordering::Relaxed), ADDED_AROUND.load(Ordering::Relaxed))
}

/// Takes what was found on all threads since the last time: the places of one half, then those of the other.
pub(crate) fn take() -> Table {
    let tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sum = vec![Found::default(); PLACES * HALVES];
    for table in tables.iter() {
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        for (sum, found) in sum.iter_mut().zip(&mut *table) {
            sum.nanos.extend_from_slice(&found.nanos);
            sum.allocations = sum.allocations.plus(std::mem::take(&mut found.allocations));
            found.nanos.clear();
        }
    }
    sum
}
