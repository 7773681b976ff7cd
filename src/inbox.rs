//! The writer's inbox: bounded lanes of jobs, and what the other threads report.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::ExecuteError;
use crate::job::Job;
use crate::lane::Lane;
use crate::loader::Loaded;
use crate::stations::{self, Station};
use crate::threads::{Bell, Threads};
use crate::write::Written;

/// Why a job was not taken in.
#[derive(Debug)]
pub(crate) enum Refused {
    Full { waiting: usize },
    Stalled,
    Closed,
}

impl Refused {
    pub(crate) fn into_error(self, lane: Lane) -> ExecuteError {
        match self {
            Self::Full { waiting } => ExecuteError::Overloaded { lane, waiting },
            Self::Stalled => ExecuteError::Unavailable { reason: STALLED.to_owned() },
            Self::Closed => ExecuteError::Closed,
        }
    }
}

pub(crate) const STALLED: &str = "a durable write has not returned for too long";

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct State {
    lanes: [VecDeque<Job>; 3],
    loaded: Vec<Loaded>,
    written: Option<Written>,
    closing: bool,
    /// The writer knows that it is closing.
    told: bool,
    stalled: bool,
    asleep: bool,
    dead: bool,
}

/// What the writer finds when it looks.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    pub(crate) jobs: Vec<Job>,
    /// How many of them are of the bulk lane.
    pub(crate) bulk: usize,
    pub(crate) loaded: Vec<Loaded>,
    pub(crate) written: Option<Written>,
    pub(crate) closing: bool,
    pub(crate) stalled: bool,
}

#[derive(Debug)]
pub(crate) struct Inbox {
    capacity: [usize; 3],
    state: Mutex<State>,
    bell: Bell,
}

impl Inbox {
    pub(crate) fn new(capacity: [usize; 3], threads: &Threads) -> Self {
        Self { capacity, state: Mutex::new(State::default()), bell: threads.bell() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer, after what there is to find was put there.
    fn ring(&self, mut state: MutexGuard<'_, State>) {
        let was_asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if was_asleep {
            self.bell.ring();
        }
    }

    /// Puts a job into a lane, or answers at once why not.
    #[expect(clippy::result_large_err, reason = "the job goes back whole; a box would cost every caller")]
    pub(crate) fn push(&self, lane: Lane, job: Job) -> Result<(), (Refused, Job)> {
        let mut state = self.lock();
        if let Err(refused) = self.admit(&state, lane) {
            return Err((refused, job));
        }
        state.lanes[lane.index()].push_back(Job { lane, ..job });
        self.ring(state);
        Ok(())
    }

    fn admit(&self, state: &State, lane: Lane) -> Result<(), Refused> {
        let waiting = state.lanes[lane.index()].len();
        if state.closing || state.dead {
            Err(Refused::Closed)
        } else if state.stalled {
            Err(Refused::Stalled)
        } else if waiting >= self.capacity[lane.index()] {
            Err(Refused::Full { waiting })
        } else {
            Ok(())
        }
    }

    /// Puts many jobs into their lanes under one lock; answers those that were not taken in.
    pub(crate) fn push_all(&self, jobs: Vec<(Lane, Job)>) -> Vec<(Lane, Refused, Job)> {
        let mut refused = Vec::new();
        let mut state = self.lock();
        for (lane, job) in jobs {
            match self.admit(&state, lane) {
                Ok(()) => state.lanes[lane.index()].push_back(Job { lane, ..job }),
                Err(why) => refused.push((lane, why, job)),
            }
        }
        self.ring(state);
        refused
    }

    pub(crate) fn loaded(&self, loaded: Loaded) {
        let mut state = self.lock();
        state.loaded.push(loaded);
        self.ring(state);
    }

    pub(crate) fn written(&self, written: Written) {
        let mut state = self.lock();
        state.written = Some(written);
        self.ring(state);
    }

    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        self.ring(state);
    }

    /// Marks the writer as gone: whatever waits or comes is answered as closed.
    pub(crate) fn die(&self) {
        let jobs: Vec<Job> = {
            let mut state = self.lock();
            state.dead = true;
            state.lanes.iter_mut().flat_map(std::mem::take).collect()
        };
        for job in jobs {
            job.fail(ExecuteError::Closed);
        }
    }

    /// Says that a write hangs, or hangs no more. Jobs that wait are given back undecided.
    pub(crate) fn stall(&self, stalled: bool) -> Vec<Job> {
        let mut state = self.lock();
        state.stalled = stalled;
        let waiting =
            if stalled { state.lanes.iter_mut().flat_map(std::mem::take).collect() } else { Vec::new() };
        self.ring(state);
        waiting
    }

    /// How many jobs wait in each lane.
    pub(crate) fn depth(&self) -> [usize; 3] {
        let state = self.lock();
        [state.lanes[0].len(), state.lanes[1].len(), state.lanes[2].len()]
    }

    /// Whether nothing waits to be decided.
    pub(crate) fn is_quiet(&self) -> bool {
        let state = self.lock();
        state.lanes.iter().all(VecDeque::is_empty) && state.loaded.is_empty()
    }

    /// Takes up to `room` jobs, of which up to `bulk` of the bulk lane, and all reports; sleeps until there is
    /// something, or for `wait` at most.
    pub(crate) fn take(&self, room: usize, bulk: usize, wait: Option<Duration>) -> Intake {
        let mut state = self.lock();
        if let Some(wait) = wait
            && !Self::is_ready(&state, room, bulk)
        {
            state.asleep = true;
            state = self.bell.wait(&self.state, state, Some(wait));
            state.asleep = false;
        }
        let _take = stations::enter(Station::Take);
        state.told = state.closing;
        let (jobs, bulk) = Self::draw(&mut state.lanes, room, bulk);
        Intake {
            jobs,
            bulk,
            loaded: std::mem::take(&mut state.loaded),
            written: state.written.take(),
            closing: state.closing,
            stalled: state.stalled,
        }
    }

    fn is_ready(state: &State, room: usize, bulk: usize) -> bool {
        let [urgent @ .., last] = &state.lanes;
        let jobs = urgent.iter().any(|lane| !lane.is_empty()) || (bulk > 0 && !last.is_empty());
        (room > 0 && jobs)
            || !state.loaded.is_empty()
            || state.written.is_some()
            || (state.closing && !state.told)
    }

    /// Draws jobs, and says how many are of the bulk lane: each lane has its guaranteed share (play 5/8,
    /// cashier 1/4, bulk 1/8), and what a lane does not use goes to the others in order of urgency; but bulk
    /// never has more than `bulk`.
    fn draw(lanes: &mut [VecDeque<Job>; 3], room: usize, bulk: usize) -> (Vec<Job>, usize) {
        let [play, cashier, waiting] = lanes.each_ref().map(VecDeque::len);
        let bulk = waiting.min(bulk);
        let mut left = [play, cashier, bulk];
        let mut jobs = Vec::with_capacity(left.iter().sum::<usize>().min(room));
        let shares = [(room * 5 / 8).max(1), (room / 4).max(1), (room / 8).max(1)];
        for limits in [shares, [room; 3]] {
            for (index, lane) in lanes.iter_mut().enumerate() {
                let count = limits[index].min(left[index]).min(room - jobs.len());
                jobs.extend(lane.drain(..count));
                left[index] -= count;
            }
        }
        (jobs, bulk - left[Lane::Bulk.index()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_core::{Partition, PlayerId};
    use ledger_store::ShardCount;
    use tokio::sync::oneshot;

    fn job() -> Job {
        let of = Partition::Player(PlayerId::new("p").unwrap());
        Job::read(of, ShardCount::ONE, oneshot::channel().0)
    }

    /// Fills an inbox; the ids tell the lanes' jobs apart.
    fn filled(counts: [usize; 3]) -> (Inbox, [Vec<u64>; 3]) {
        let inbox = Inbox::new([1_000; 3], &Threads::new(None));
        let mut ids = [Vec::new(), Vec::new(), Vec::new()];
        for lane in Lane::ALL {
            for _ in 0..counts[lane.index()] {
                let job = job();
                ids[lane.index()].push(job.id);
                inbox.push(lane, job).unwrap();
            }
        }
        (inbox, ids)
    }

    fn drawn(inbox: &Inbox, room: usize, ids: &[Vec<u64>; 3]) -> [Vec<u64>; 3] {
        drawn_with(inbox, room, room, ids)
    }

    fn drawn_with(inbox: &Inbox, room: usize, bulk: usize, ids: &[Vec<u64>; 3]) -> [Vec<u64>; 3] {
        let Intake { jobs, bulk: counted, .. } = inbox.take(room, bulk, None);
        assert!(jobs.len() <= room);
        assert_eq!(counted, jobs.iter().filter(|job| ids[2].contains(&job.id)).count());
        let of = |lane: usize| jobs.iter().map(|job| job.id).filter(|id| ids[lane].contains(id)).collect();
        [of(0), of(1), of(2)]
    }

    #[test]
    fn every_lane_has_its_share_and_its_order() {
        let (inbox, ids) = filled([500, 500, 500]);
        let first = drawn(&inbox, 80, &ids);
        assert_eq!(first.each_ref().map(Vec::len), [50, 20, 10]);
        let second = drawn(&inbox, 80, &ids);
        for lane in 0..3 {
            let both: Vec<_> = first[lane].iter().chain(&second[lane]).copied().collect();
            assert_eq!(both, ids[lane][..both.len()], "first in, first out");
        }
    }

    #[test]
    fn what_a_lane_leaves_goes_to_the_most_urgent() {
        let (inbox, ids) = filled([500, 0, 500]);
        assert_eq!(drawn(&inbox, 80, &ids).map(|lane| lane.len()), [70, 0, 10]);
        let (inbox, ids) = filled([10, 0, 500]);
        assert_eq!(drawn(&inbox, 80, &ids).map(|lane| lane.len()), [10, 0, 70]);
    }

    #[test]
    fn bulk_does_not_starve_play_however_small_the_room() {
        for room in 1..40 {
            let (inbox, ids) = filled([100, 100, 900]);
            let [play, cashier, bulk] = drawn(&inbox, room, &ids).map(|lane| lane.len());
            assert_eq!(play + cashier + bulk, room);
            assert!(play >= cashier && cashier >= bulk, "{room}: {play} {cashier} {bulk}");
            assert!(room < 8 || play * 2 >= room, "{room}: play has {play}");
        }
    }

    #[test]
    fn bulk_has_no_more_than_it_is_given() {
        let (inbox, ids) = filled([10, 0, 500]);
        assert_eq!(drawn_with(&inbox, 80, 4, &ids).map(|lane| lane.len()), [10, 0, 4]);
        assert_eq!(drawn_with(&inbox, 80, 0, &ids).map(|lane| lane.len()), [0, 0, 0]);
        let state = inbox.lock();
        assert!(!Inbox::is_ready(&state, 80, 0), "the writer sleeps over what it may not take");
        assert!(Inbox::is_ready(&state, 80, 1));
    }

    #[test]
    fn nothing_is_taken_in_once_it_closes_stalls_or_dies() {
        let (inbox, _) = filled([1, 1, 1]);
        assert_eq!(inbox.stall(true).len(), 3, "whatever waits is given back");
        assert!(matches!(inbox.push(Lane::Play, job()), Err((Refused::Stalled, _))));
        inbox.stall(false);
        inbox.push(Lane::Play, job()).unwrap();
        inbox.close();
        assert!(matches!(inbox.push(Lane::Bulk, job()), Err((Refused::Closed, _))));
        assert_eq!(inbox.take(10, 10, None).jobs.len(), 1, "what was taken in stays");
        inbox.die();
        assert_eq!(inbox.push_all(vec![(Lane::Play, job())]).len(), 1);
    }
}
