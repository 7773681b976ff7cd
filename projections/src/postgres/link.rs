//! Connections, which live on threads of their own: a runner's runtime has no sockets.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;

use super::failure::Failure;
use super::options::ViewOptions;
use crate::error::ViewError;

/// How much longer than the server the home itself waits for a statement.
const GRACE: Duration = Duration::from_secs(1);
/// The pause after the first failed connection; it doubles.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);
/// After how long a connection of readers is replaced.
const LIFETIME: Duration = Duration::from_mins(30);

/// A statement with its values.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: PgArguments,
}

/// A connection, looking at one schema. One whose statement has no answer is never used again: dropped in the
/// middle of a statement, it ends, and the server then lets go of its locks.
#[derive(Debug)]
pub(super) struct Session {
    connection: PgConnection,
    limit: Duration,
}

impl Session {
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        let query = sqlx::query_with(&statement.sql, statement.values);
        match tokio::time::timeout(self.limit, query.fetch_all(&mut self.connection)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => Err(Failure::late(self.limit)),
        }
    }

    /// Runs statements without values or rows. They are one transaction.
    pub(super) async fn run(&mut self, statements: &str) -> Result<(), Failure> {
        match tokio::time::timeout(self.limit, self.connection.execute(statements)).await {
            Ok(done) => Ok(done.map(drop)?),
            Err(_) => Err(Failure::late(self.limit)),
        }
    }
}

/// A connection of readers that lies idle.
#[derive(Debug)]
struct Idle {
    session: Session,
    path: String,
    born: Instant,
}

/// A database that views live in: its threads, and the connections that all readers share.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) options: ViewOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
    /// Taken when the last home or reader is dropped.
    runtime: Option<Runtime>,
}

/// A connection in use by a reader. It goes back to the others only through [`Link::keep`].
pub(super) struct Link<'a> {
    database: &'a Database,
    idle: Idle,
    _permit: SemaphorePermit<'a>,
}

/// A task that ends with whoever waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, tokio::task::JoinError>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl Database {
    pub(super) fn new(options: ViewOptions) -> Result<Self, ViewError> {
        options.check()?;
        // Statements are told by the server's log, not by ours.
        let connect = options.connect.clone().disable_statement_logging();
        let options = ViewOptions { connect, ..options };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("views-postgres")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| ViewError::Home {
            doing: "starting the thread of the connections".to_owned(),
            source: Some(Box::new(error)),
        })?;
        let permits = Semaphore::new(options.readers_max);
        Ok(Self { options, permits, idle: Mutex::default(), runtime: Some(runtime) })
    }

    /// Does something on the threads of the connections. It ends with whoever waits for it.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let gone = || Failure::NotSent("the connections are closed".to_owned());
        let Some(runtime) = &self.runtime else { return Err(gone()) };
        let task = Task(runtime.spawn(work));
        task.await.map_err(|error| Failure::Lost(error.to_string()))
    }

    pub(super) async fn pause(&self, tries: u32) {
        let most = Duration::from_millis(2) * (1 << tries.min(7));
        let dice = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), tries) % 1_000;
        let part = u32::try_from(dice).unwrap_or(500);
        drop(self.aside(tokio::time::sleep(most * part / 1_000)).await);
    }

    /// A fresh connection that looks at a schema. To be awaited on the threads of the connections.
    pub(super) async fn connect(options: &ViewOptions, path: &str, reads: bool) -> Result<Session, Failure> {
        let statement = if reads { options.read_timeout } else { options.statement_timeout };
        let text = options.session_text(path, statement, reads);
        // Whoever waits for a lock within a statement waits so much longer.
        let session_limit = statement.max(options.lock_timeout) + GRACE;
        let (start, limit, mut pause) = (Instant::now(), options.connect_timeout, CONNECT_PAUSE);
        loop {
            let opening = async {
                let mut connection = options.connect.connect().await?;
                connection.execute(text.as_str()).await?;
                Ok::<_, sqlx::Error>(connection)
            };
            let left = limit.saturating_sub(start.elapsed());
            let reason = match tokio::time::timeout(left, opening).await {
                Ok(Ok(connection)) => return Ok(Session { connection, limit: session_limit }),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no connection in {} ms", limit.as_millis()),
            };
            if start.elapsed() + pause >= limit {
                return Err(Failure::NotSent(reason));
            }
            tracing::debug!(%reason, "connecting failed");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing that can panic runs under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for a read, looking at a schema. To be awaited on the threads of the connections.
    pub(super) async fn link(&self, path: &str) -> Result<Link<'_>, Failure> {
        let limit = self.options.connect_timeout;
        let permit = tokio::time::timeout(limit, self.permits.acquire()).await;
        let permit = permit.map_err(|_| Failure::NotSent("every connection is in use".to_owned()))?;
        let permit = permit.map_err(|_| Failure::NotSent("the connections are closed".to_owned()))?;
        loop {
            let found = {
                let mut idle = self.lock();
                let fitting = idle.iter().rposition(|idle| idle.path == path);
                match fitting {
                    Some(index) => Some(idle.swap_remove(index)),
                    None => idle.pop(),
                }
            };
            match found {
                Some(idle) if idle.born.elapsed() > LIFETIME => {}
                Some(idle) if idle.path == path => {
                    return Ok(Link { database: self, idle, _permit: permit });
                }
                Some(mut idle) => {
                    let turned = idle.session.run(&format!("SET search_path TO \"{path}\"")).await;
                    if let Err(failure) = turned {
                        // What broke this connection most likely broke those that lie idle.
                        if failure.is_outage() {
                            self.lock().clear();
                        }
                        return Err(failure);
                    }
                    path.clone_into(&mut idle.path);
                    return Ok(Link { database: self, idle, _permit: permit });
                }
                None => {
                    let session = Self::connect(&self.options, path, true).await?;
                    let idle = Idle { session, path: path.to_owned(), born: Instant::now() };
                    return Ok(Link { database: self, idle, _permit: permit });
                }
            }
        }
    }
}

impl Link<'_> {
    /// Asks, and gives the connection back if it was answered, whatever the answer.
    pub(super) async fn ask(mut self, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        let answer = self.idle.session.rows(statement).await;
        let mut idle = self.database.lock();
        match &answer {
            // What broke this connection most likely broke those that lie idle.
            Err(failure) if failure.is_outage() => idle.clear(),
            _ => idle.push(self.idle),
        }
        drop(idle);
        answer
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Connections end on their own threads.
        let idle = std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(runtime) = self.runtime.take() {
            let entered = runtime.enter();
            drop(idle);
            drop(entered);
            // The last handle may be dropped on a worker of a runtime, which must not block.
            runtime.shutdown_background();
        }
    }
}
