//! Connections: bounded in number, each with limits on every wait. One that failed is never used again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Postgres};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::failure::Failure;
use super::options::PostgresOptions;

/// How much longer than the server the store itself waits for a statement.
const GRACE: Duration = Duration::from_secs(1);
/// The pause after the first failed connection; it doubles.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);
/// How long saying good-bye to the server may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

struct Idle {
    connection: PgConnection,
    born: Instant,
}

/// The connections of one store.
pub(super) struct Links {
    options: PostgresOptions,
    session: Vec<String>,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("schema", &self.options.schema).finish_non_exhaustive()
    }
}

/// A connection in use. It goes back to the others only through [`Link::keep`]: whatever else happens to it,
/// also that its user is dropped in the middle of a statement, ends it.
pub(super) struct Link<'a> {
    links: &'a Links,
    idle: Idle,
    _permit: SemaphorePermit<'a>,
}

impl Links {
    pub(super) fn new(options: PostgresOptions) -> Self {
        let session = options.session_statements();
        // Statements are told by the server's log, not by ours, and hold nothing worth a warning.
        let connect = options.connect.clone().disable_statement_logging();
        let permits = Semaphore::new(options.connections_max);
        Self { options: PostgresOptions { connect, ..options }, session, permits, idle: Mutex::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // Nothing that can panic runs under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is ready: an idle one, or a new one.
    pub(super) async fn link(&self) -> Result<Link<'_>, Failure> {
        let limit = self.options.connect_timeout;
        let permit = tokio::time::timeout(limit, self.permits.acquire()).await;
        let permit = permit.map_err(|_| Failure::NotSent("every connection is in use".to_owned()))?;
        let permit = permit.map_err(|_| Failure::NotSent("the store is closed".to_owned()))?;
        loop {
            let idle = self.lock().pop();
            match idle {
                Some(idle) if idle.born.elapsed() < self.options.connection_lifetime => {
                    return Ok(Link { links: self, idle, _permit: permit });
                }
                Some(old) => close(old.connection).await,
                None => {
                    let idle = Idle { connection: self.connect().await?, born: Instant::now() };
                    return Ok(Link { links: self, idle, _permit: permit });
                }
            }
        }
    }

    async fn connect(&self) -> Result<PgConnection, Failure> {
        let limit = self.options.connect_timeout;
        let (start, mut pause, mut tries) = (Instant::now(), CONNECT_PAUSE, 1);
        loop {
            let left = limit.saturating_sub(start.elapsed());
            let reason = match tokio::time::timeout(left, self.open()).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no connection in {} ms", limit.as_millis()),
            };
            if tries >= self.options.connect_tries_max || start.elapsed() + pause >= limit {
                return Err(Failure::NotSent(reason));
            }
            tracing::debug!(%reason, tries, "connecting failed");
            tokio::time::sleep(pause).await;
            (tries, pause) = (tries + 1, pause * 2);
        }
    }

    async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.options.connect.connect().await?;
        for statement in &self.session {
            connection.execute(statement.as_str()).await?;
        }
        Ok(connection)
    }

    /// Ends the idle connections; none is handed out any more.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.lock());
        for Idle { connection, .. } in idle {
            close(connection).await;
        }
    }
}

async fn close(connection: PgConnection) {
    // The server notices by itself if this does not reach it.
    drop(tokio::time::timeout(CLOSE_LIMIT, connection.close()).await);
}

impl Link<'_> {
    /// Sends a statement and waits for all its rows, within a limit.
    async fn rows(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, Failure> {
        let limit = self.links.options.statement_timeout + GRACE;
        match tokio::time::timeout(limit, query.fetch_all(&mut self.idle.connection)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => Err(Failure::late(limit)),
        }
    }

    async fn run(&mut self, statement: &str) -> Result<(), Failure> {
        let limit = self.links.options.statement_timeout + GRACE;
        match tokio::time::timeout(limit, self.idle.connection.execute(statement)).await {
            Ok(done) => Ok(done.map(drop)?),
            Err(_) => Err(Failure::late(limit)),
        }
    }

    /// Gives the connection back if its last statement was answered, whatever the answer.
    fn give_back<T>(self, answer: &Result<T, Failure>) {
        let mut idle = self.links.lock();
        if matches!(answer, Err(Failure::Lost(_) | Failure::NotSent(_))) {
            // What broke this connection most likely broke those that lie idle.
            idle.clear();
        } else if !self.links.permits.is_closed() {
            idle.push(self.idle);
        }
    }
}

impl Links {
    /// Sends a statement, once.
    pub(super) async fn send(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, Failure> {
        let mut link = self.link().await?;
        let answer = link.rows(query).await;
        link.give_back(&answer);
        answer
    }

    /// Sends a statement without parameters or rows, once.
    pub(super) async fn run(&self, statement: &str) -> Result<(), Failure> {
        let mut link = self.link().await?;
        let answer = link.run(statement).await;
        link.give_back(&answer);
        answer
    }

    /// Sends a statement that may be sent twice: reads, and writes that are the same when repeated. The
    /// connection it goes out on may have died while it lay idle.
    pub(super) async fn ask<'q>(
        &self,
        query: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut tries = 0;
        loop {
            match self.send(query()).await {
                Err(Failure::Lost(reason)) if tries == 0 => {
                    tracing::debug!(%reason, "sending a statement again");
                }
                Err(Failure::Conflict(reason)) if tries < self.options.conflict_retries_max => {
                    tracing::debug!(%reason, "sending a statement again");
                    tokio::time::sleep(pause(tries)).await;
                }
                answer => return answer,
            }
            tries += 1;
        }
    }
}

/// A pause that grows with the tries, and differs between those who meet.
pub(super) fn pause(tries: u32) -> Duration {
    let most = Duration::from_millis(1) * (1 << tries.min(6));
    let dice = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), tries) % 1_000;
    most.mul_f64(f64::from(u16::try_from(dice).unwrap_or(500)) / 1_000.0)
}
