//! Threads for the concurrent clauses: stores may block, so tasks of one runtime would not be concurrent.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::oneshot;

use super::Violation;

/// Drives a future on a current-thread runtime of its own.
///
/// # Panics
///
/// When the operating system gives no runtime, or when called inside one.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime for the test").block_on(future)
}

/// A thread whose result can be awaited. Awaiting keeps the runtime of the clause going, on which the
/// connections of a store may live; joining would block it.
pub(super) struct Worker<T>(oneshot::Receiver<T>);

impl<T: Send + 'static> Worker<T> {
    pub(super) fn start<F, V>(job: F) -> Self
    where
        F: FnOnce() -> V + Send + 'static,
        V: Future<Output = T> + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        std::thread::spawn(move || {
            // Boxed, so that the runtime is not compiled anew for every job.
            let job: Pin<Box<dyn Future<Output = T>>> = Box::pin(job());
            // Nobody waits any more if the clause has failed already.
            let _ = sender.send(block_on(job));
        });
        Self(receiver)
    }

    pub(super) async fn finish(self) -> Result<T, Violation> {
        self.0.await.map_err(|_| Violation::new("a thread panicked"))
    }
}

/// Numbers that look random and are the same in every run (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `below` - 1.
    pub(super) fn below(&mut self, below: usize) -> usize {
        let below = u64::try_from(below.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % below).unwrap_or(0)
    }

    /// Lets other threads go first, for a while that differs from call to call.
    pub(super) fn dawdle(&mut self) {
        for _ in 0..self.below(20) {
            std::thread::yield_now();
        }
    }
}
