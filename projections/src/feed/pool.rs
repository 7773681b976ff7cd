//! The threads that decode ahead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ledger_store::StoreError;
use tokio::sync::oneshot;

use super::{Batch, Range, Shared};

struct Job {
    ranges: Vec<Range>,
    reply: oneshot::Sender<Result<Batch, StoreError>>,
}

/// Threads that read and decode for views that catch up. Each view has at most as many jobs here as there are
/// threads, so the queue is bounded by the number of views.
pub(super) struct Pool {
    jobs: Sender<Job>,
    start: Mutex<Start>,
}

struct Start {
    queue: Arc<Mutex<Receiver<Job>>>,
    shared: Arc<Shared>,
    threads: usize,
}

impl Pool {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        Self { jobs, start: Mutex::new(Start { queue, shared, threads: 0 }) }
    }

    /// Hands ranges to the threads. If the answer is dropped, no thread could be started.
    pub(super) fn read(
        &self,
        ranges: Vec<Range>,
        threads: usize,
    ) -> oneshot::Receiver<Result<Batch, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let mut start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        while start.threads < threads && start.spawn() {
            start.threads += 1;
        }
        if start.threads > 0 {
            // The receiver is kept here: this cannot fail.
            let _ = self.jobs.send(Job { ranges, reply });
        }
        answer
    }
}

impl Start {
    fn spawn(&self) -> bool {
        let (queue, shared) = (Arc::clone(&self.queue), Arc::clone(&self.shared));
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
            return false;
        };
        let work = move || {
            loop {
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                // The pool is gone: so is every feed.
                let Ok(Job { ranges, reply }) = job else { return };
                if reply.is_closed() {
                    continue;
                }
                // After a panic the answer is dropped, and who waits for it reads by himself.
                let read = AssertUnwindSafe(|| runtime.block_on(shared.read(&ranges)));
                if let Ok(batch) = catch_unwind(read) {
                    let _ = reply.send(batch);
                }
            }
        };
        thread::Builder::new().name("feed".to_owned()).spawn(work).is_ok()
    }
}
