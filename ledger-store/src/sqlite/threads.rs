//! The threads of a store: one that writes, and some that read, each with a connection of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::files::FileLock;
use super::schema::connect_read_only;
use super::{Shared, unavailable};
use crate::error::StoreError;

type Work = Box<dyn FnOnce(&mut Connection, &Shared) + Send>;

/// They end when the store is dropped, after what is under way.
#[derive(Debug)]
pub(super) struct Threads {
    writes: Option<Sender<Work>>,
    reads: Sender<Work>,
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let thread = std::thread::Builder::new().name(format!("ledger-sqlite-{name}")).spawn(body);
    thread.map(drop).map_err(|error| StoreError::io("starting the store's threads", error))
}

/// Does a piece of work. A panic in it must not end the thread: others wait for it.
fn run(work: Work, connection: &mut Connection, shared: &Shared) {
    if catch_unwind(AssertUnwindSafe(|| work(connection, shared))).is_err() {
        // Whoever waits for it sees that its answer was dropped.
        tracing::error!("a call of the SQLite store panicked");
    }
}

impl Threads {
    pub(super) fn start(
        shared: &Arc<Shared>,
        writer: Option<(Connection, FileLock)>,
        reader: Connection,
    ) -> Result<Self, StoreError> {
        let mut readers = vec![reader];
        while readers.len() < shared.options.readers {
            readers.push(connect_read_only(&shared.path, &shared.options)?);
        }
        let (reads, read) = channel::<Work>();
        let read = Arc::new(Mutex::new(read));
        for mut connection in readers {
            let (shared, read) = (Arc::clone(shared), Arc::clone(&read));
            spawn("read", move || {
                while let Some(work) = next(&read) {
                    run(work, &mut connection, &shared);
                }
            })?;
        }
        let writes = match writer {
            None => None,
            Some((mut connection, lock)) => {
                let (writes, write) = channel::<Work>();
                let shared = Arc::clone(shared);
                spawn("write", move || {
                    while let Ok(work) = write.recv() {
                        run(work, &mut connection, &shared);
                    }
                    drop(connection);
                    drop(lock);
                })?;
                Some(writes)
            }
        };
        Ok(Self { writes, reads })
    }

    /// Runs something on the connection that writes.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Some(writes) = &self.writes else { return Err(unavailable("the file is open for reading")) };
        // What a write that panicked came to is not known.
        ask(writes, work, || StoreError::Unknown { reason: "the thread that writes panicked".to_owned() })
            .await
    }

    /// Runs something on a connection that reads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = move |connection: &mut Connection, shared: &Shared| work(connection, shared);
        ask(&self.reads, work, || unavailable("a thread that reads panicked")).await
    }
}

async fn ask<T: Send + 'static>(
    thread: &Sender<Work>,
    work: impl FnOnce(&mut Connection, &Shared) -> Result<T, StoreError> + Send + 'static,
    lost: impl FnOnce() -> StoreError,
) -> Result<T, StoreError> {
    let (answers, answer) = oneshot::channel();
    let work: Work = Box::new(move |connection, shared| {
        // The caller may have given up.
        drop(answers.send(work(connection, shared)));
    });
    thread.send(work).map_err(|_| unavailable("the store's threads have ended"))?;
    answer.await.unwrap_or_else(|_| Err(lost()))
}

fn next(read: &Mutex<Receiver<Work>>) -> Option<Work> {
    read.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
