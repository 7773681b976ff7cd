//! Time for the engine: a clock that can be injected, and a guard that refuses to stamp with a suspect one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ledger_core::Timestamp;

/// Where the engine takes the time from.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// The wall clock, in UTC.
    fn wall(&self) -> Timestamp;
    /// A clock that only goes forward, from any beginning.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(micros).unwrap_or(Timestamp::EPOCH)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The wall clock cannot be believed, so nothing is recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClockSuspect {
    /// The wall clock moved otherwise than the monotonic one.
    #[error(
        "the wall clock jumped to {wall}, {expected} was expected: check the machine's time, then accept it"
    )]
    Jumped {
        /// What the wall clock says.
        wall: Timestamp,
        /// What the monotonic clock makes one expect.
        expected: Timestamp,
    },
    /// The wall clock lies behind what is recorded already.
    #[error("the wall clock says {wall}, but {last} is recorded already: check the machine's time")]
    Behind {
        /// What the wall clock says.
        wall: Timestamp,
        /// The newest recorded instant.
        last: Timestamp,
    },
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(time.as_micros().saturating_add(micros)).unwrap_or(time)
}

fn apart(a: Timestamp, b: Timestamp) -> Duration {
    Duration::from_micros(a.as_micros().abs_diff(b.as_micros()))
}

/// Gives stamps that never go back, or refuses.
#[derive(Debug)]
pub(crate) struct Stamper {
    bound: Duration,
    baseline: (Timestamp, Duration),
    last: Option<Timestamp>,
}

impl Stamper {
    pub(crate) fn new(clock: &dyn Clock, bound: Duration, last: Option<Timestamp>) -> Self {
        Self { bound, baseline: (clock.wall(), clock.monotonic()), last }
    }

    /// The instant to record now.
    pub(crate) fn stamp(&mut self, clock: &dyn Clock) -> Result<Timestamp, ClockSuspect> {
        let (wall, monotonic) = (clock.wall(), clock.monotonic());
        let expected = after(self.baseline.0, monotonic.saturating_sub(self.baseline.1));
        if apart(wall, expected) > self.bound {
            return Err(ClockSuspect::Jumped { wall, expected });
        }
        if let Some(last) = self.last
            && last > wall
            && apart(last, wall) > self.bound
        {
            return Err(ClockSuspect::Behind { wall, last });
        }
        // Slewing is followed: the next expectation starts here.
        self.baseline = (wall, monotonic);
        let stamp = self.last.map_or(wall, |last| last.max(wall));
        self.last = Some(stamp);
        Ok(stamp)
    }

    /// Takes note of an instant that is recorded, perhaps by another writer. Answers whether it is news.
    pub(crate) fn observe(&mut self, recorded: Timestamp) -> bool {
        let is_news = self.last.is_none_or(|last| last < recorded);
        if is_news {
            self.last = Some(recorded);
        }
        is_news
    }

    /// Takes the wall clock as it is after an operator checked it. What is recorded already still counts.
    pub(crate) fn accept(&mut self, clock: &dyn Clock) {
        self.baseline = (clock.wall(), clock.monotonic());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Debug)]
    struct Hands(Mutex<(i64, u64)>);

    impl Clock for Hands {
        fn wall(&self) -> Timestamp {
            Timestamp::from_micros(self.0.lock().unwrap().0 * 1_000_000).unwrap()
        }
        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.lock().unwrap().1)
        }
    }

    fn set(hands: &Hands, wall: i64, monotonic: u64) {
        *hands.0.lock().unwrap() = (wall, monotonic);
    }

    #[test]
    fn stamps_never_go_back_within_the_bound() {
        let hands = Hands(Mutex::new((1_000, 0)));
        let mut stamper = Stamper::new(&hands, Duration::from_secs(5), None);
        let first = stamper.stamp(&hands).unwrap();
        set(&hands, 998, 1);
        assert_eq!(stamper.stamp(&hands), Ok(first), "a small step back repeats the last stamp");
        set(&hands, 1_001, 3);
        assert!(stamper.stamp(&hands).unwrap() > first);
    }

    #[test]
    fn a_jump_is_refused_until_it_is_accepted_or_undone() {
        let hands = Hands(Mutex::new((1_000, 0)));
        let mut stamper = Stamper::new(&hands, Duration::from_secs(5), None);
        stamper.stamp(&hands).unwrap();
        set(&hands, 5_000, 1);
        assert!(matches!(stamper.stamp(&hands), Err(ClockSuspect::Jumped { .. })));
        set(&hands, 1_002, 2);
        stamper.stamp(&hands).unwrap();
        set(&hands, 5_000, 3);
        stamper.accept(&hands);
        assert_eq!(stamper.stamp(&hands).unwrap().as_micros(), 5_000_000_000);
        set(&hands, 1_002, 4);
        stamper.accept(&hands);
        assert!(
            matches!(stamper.stamp(&hands), Err(ClockSuspect::Behind { .. })),
            "recorded time still counts"
        );
    }

    #[test]
    fn a_clock_behind_the_log_is_refused_at_once() {
        let hands = Hands(Mutex::new((1_000, 0)));
        let last = Timestamp::from_micros(2_000_000_000).ok();
        let mut stamper = Stamper::new(&hands, Duration::from_secs(5), last);
        assert!(matches!(stamper.stamp(&hands), Err(ClockSuspect::Behind { .. })));
    }
}
