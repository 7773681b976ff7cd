//! The processor time of this process's threads, as Linux counts it.

use std::collections::BTreeMap;
use std::fs;

/// Nanoseconds by name of thread.
#[derive(Debug, Default, Clone)]
pub(crate) struct Spent(BTreeMap<String, u64>);

impl Spent {
    /// Since each thread began. Nothing where there is no such count.
    pub(crate) fn now() -> Self {
        let mut spent = Self::default();
        for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).ok();
            let (Some(name), Some(schedstat)) = (read("comm"), read("schedstat")) else { continue };
            let nanos: u64 = schedstat.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            *spent.0.entry(name.trim().to_owned()).or_default() += nanos;
        }
        spent
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        let of = |(name, nanos): (&String, &u64)| (name.clone(), nanos.saturating_sub(before.of(name)));
        Self(self.0.iter().map(of).collect())
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (name, nanos) in &other.0 {
            *self.0.entry(name.clone()).or_default() += nanos;
        }
    }

    pub(crate) fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}
