//! Limits of how often one caller may call: a bucket for each key that is known, and one for each address that shows none.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most callers that are remembered; when there are more, those whose buckets are full again are forgotten first.
const CALLERS_MAX: usize = 100_000;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A key, by its name.
    Key(String),
    /// An address.
    Address(IpAddr),
}

/// A bucket: what is in it, in millionths of a call, and when that was so.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    micros: u64,
    at: Instant,
}

/// The limits.
#[derive(Debug)]
pub(crate) struct Limits {
    per_second: u32,
    buckets: Mutex<HashMap<Who, Bucket>>,
}

impl Limits {
    /// So many calls a second, and as many at once; none, if zero.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Whether there are none.
    pub(crate) fn are_off(&self) -> bool {
        self.per_second == 0
    }

    /// Whether somebody may call now.
    pub(crate) fn admit(&self, who: Who, now: Instant) -> bool {
        if self.are_off() {
            return true;
        }
        let full = u64::from(self.per_second) * 1_000_000;
        let refilled = |bucket: &Bucket| {
            let micros =
                u64::try_from(now.saturating_duration_since(bucket.at).as_micros()).unwrap_or(u64::MAX);
            bucket.micros.saturating_add(micros.saturating_mul(self.per_second.into())).min(full)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CALLERS_MAX {
            buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < Duration::from_secs(1));
            if buckets.len() >= CALLERS_MAX && !buckets.contains_key(&who) {
                return false;
            }
        }
        let bucket = buckets.entry(who).or_insert(Bucket { micros: full, at: now });
        let there = refilled(bucket);
        let left = there.checked_sub(1_000_000);
        *bucket = Bucket { micros: left.unwrap_or(there), at: now };
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_as_many_calls_as_time_gives_him() {
        let limits = Limits::new(5);
        let begun = Instant::now();
        let key = |name: &str| Who::Key(name.to_owned());
        let admitted =
            |who: &str, at: Duration| (0..10).filter(|_| limits.admit(key(who), begun + at)).count();
        assert_eq!(admitted("a", Duration::ZERO), 5);
        assert_eq!(admitted("b", Duration::ZERO), 5, "another has his own");
        assert_eq!(admitted("a", Duration::from_millis(199)), 0);
        assert_eq!(admitted("a", Duration::from_millis(400)), 2);
        assert_eq!(admitted("a", Duration::from_hours(1)), 5, "no more than a second gives");
        assert!((0..100).all(|_| Limits::new(0).admit(key("a"), begun)));
    }
}
