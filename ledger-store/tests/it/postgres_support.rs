//! What the tests of PostgreSQL share: a schema each, a look behind the store's back, and its misfortunes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::{PartitionDigest, Timestamp};
use ledger_store::postgres::{AppendMode, Isolation, PgConnectOptions, PostgresOptions, PostgresStore};
use ledger_store::testing::Stall;
use ledger_store::{
    EventStore, Head, LedgerIdentity, Lookup, Position, Shard, ShardAppend, Snapshot, StoreError,
    StoredCommit,
};
use ledger_testkit::postgres::{Server, shared_url};
use ledger_testkit::proxy::Proxy;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::sync::{oneshot, watch};

/// How stores of a test send and decide.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    pub(crate) mode: AppendMode,
    pub(crate) isolation: Isolation,
}

/// Short, because a test of unknown outcomes waits for it.
const PATIENCE: Duration = Duration::from_millis(700);

/// A schema of a test's own, a proxy in front of it, and a connection behind the store's back.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) schema: String,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) server: Option<Server>,
    /// How long an append may take with everything it is sent again for.
    pub(crate) patience: Duration,
    manner: Manner,
    has_trigger: bool,
}

fn connect_options(url: &str) -> PgConnectOptions {
    url.parse().expect("a URL of PostgreSQL")
}

fn proxy(url: &str) -> Arc<Proxy> {
    let options = connect_options(url);
    let server: SocketAddr =
        format!("{}:{}", options.get_host(), options.get_port()).parse().expect("an address");
    Arc::new(Proxy::start(server).expect("a proxy"))
}

/// A name that no other test has.
pub(crate) fn fresh_schema() -> String {
    format!("test_{}", uuid::Uuid::new_v4().simple())
}

impl Place {
    /// On the server that the tests share.
    pub(crate) fn shared(manner: Manner) -> Self {
        Self::on(shared_url(), None, manner)
    }

    /// On a server of the test's own, which can be killed.
    pub(crate) fn own(manner: Manner) -> Self {
        let server = Server::start().expect("a server");
        Self::on(server.url(), Some(server), manner)
    }

    fn on(url: String, server: Option<Server>, manner: Manner) -> Self {
        let proxy = proxy(&url);
        Self { url, schema: fresh_schema(), proxy, server, patience: PATIENCE, manner, has_trigger: false }
    }

    /// Options that go through the proxy. Limits are such that a test need not wait long, and a busy machine
    /// does not break them.
    pub(crate) fn options(&self) -> PostgresOptions {
        let connect = connect_options(&self.url).host("127.0.0.1").port(self.proxy.port());
        let mut options = PostgresOptions::with(connect.application_name(&self.schema));
        options.schema.clone_from(&self.schema);
        options.statement_timeout = Duration::from_secs(15);
        options.append_timeout = self.patience;
        options.connect_timeout = Duration::from_secs(4);
        options.connect_tries_max = 2;
        options.append_mode = self.manner.mode;
        options.isolation = self.manner.isolation;
        options.conflict_retries_max = 200;
        options.verify_appends = true;
        options
    }

    pub(crate) async fn create(&self, identity: LedgerIdentity) -> Result<PostgresStore, StoreError> {
        PostgresStore::create(self.options(), identity).await
    }

    pub(crate) async fn open(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::open(self.options()).await
    }

    /// A connection that no store knows of.
    pub(crate) async fn admin(&self) -> PgConnection {
        let mut admin = connect_options(&self.url).connect().await.expect("a connection");
        let path = format!("SET search_path TO \"{}\"", self.schema);
        admin.execute(path.as_str()).await.expect("the schema");
        admin
    }

    pub(crate) async fn run(&self, statements: &str) {
        let mut admin = self.admin().await;
        admin.execute(statements).await.unwrap_or_else(|error| panic!("{statements}: {error}"));
        drop(admin.close().await);
    }

    /// How many backends serve this store.
    pub(crate) async fn backends(&self, further: &str) -> i64 {
        let mut admin = self.admin().await;
        let count =
            format!("SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = $1 {further}");
        let row = sqlx::query(&count).bind(&self.schema).fetch_one(&mut admin).await.expect("a count");
        drop(admin.close().await);
        row.get("n")
    }

    /// Ends every backend of this store, whatever it does, and waits until they are gone.
    pub(crate) async fn terminate(&self) {
        let mut admin = self.admin().await;
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        sqlx::query(terminate).bind(&self.schema).execute(&mut admin).await.expect("a permission");
        drop(admin.close().await);
        while self.backends("").await > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends backends of this store in the middle of what they do; the store goes on with others.
    pub(crate) async fn terminate_some(&self) {
        let mut admin = self.admin().await;
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE application_name = $1 AND state = 'active'";
        sqlx::query(terminate).bind(&self.schema).execute(&mut admin).await.expect("a permission");
        drop(admin.close().await);
    }

    /// No handle that exists reaches the server any more. What is under way is broken off.
    pub(crate) async fn disconnect(&mut self) {
        self.proxy.close();
        if self.server.is_none() {
            self.terminate().await;
        }
        self.proxy = proxy(&self.url);
    }

    /// Makes every commit wait, just before it is durable, for whoever holds the table `gate`.
    async fn ensure_trigger(&mut self) {
        if self.has_trigger {
            return;
        }
        self.has_trigger = true;
        self.run(
            "CREATE TABLE gate (one integer);
             CREATE FUNCTION pass_the_gate() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM one FROM gate; RETURN NULL; END $$;
             ALTER FUNCTION pass_the_gate() SET search_path FROM CURRENT;
             CREATE CONSTRAINT TRIGGER gate AFTER UPDATE ON head DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION pass_the_gate()",
        )
        .await;
    }

    /// Holds the next commit just before it is durable.
    pub(crate) async fn stall(&mut self) -> Stall {
        self.ensure_trigger().await;
        let mut keeper = self.admin().await;
        keeper.execute("BEGIN; LOCK TABLE gate IN ACCESS EXCLUSIVE MODE").await.expect("the gate");
        let (reaches, reached) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let mut watcher = self.admin().await;
        let schema = self.schema.clone();
        tokio::spawn(async move {
            let waits = "SELECT count(*) AS n FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
                         WHERE a.application_name = $1 AND NOT l.granted AND l.relation = 'gate'::regclass";
            loop {
                let row = sqlx::query(waits).bind(&schema).fetch_one(&mut watcher).await;
                if row.expect("the locks").get::<i64, _>("n") > 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(watcher.close().await);
            // The test may have ended; then the gate opens by itself.
            let _ = reaches.send(());
        });
        tokio::spawn(async move {
            drop(released.await);
            drop(keeper.execute("COMMIT").await);
            drop(keeper.close().await);
        });
        Stall::new(reached, release)
    }

    /// A store that tells the proxy when an outcome is unknown.
    pub(crate) fn told(&self, store: PostgresStore) -> Arc<dyn EventStore> {
        Arc::new(Told { store, proxy: Arc::clone(&self.proxy) })
    }
}

#[cfg(feature = "postgres-tls")]
fn openssl(arguments: &[&str], folder: &std::path::Path) {
    let output = std::process::Command::new("openssl").args(arguments).current_dir(folder).output();
    let output = output.expect("the openssl command");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A certificate of this machine, signed by itself; its key stands beside it.
#[cfg(feature = "postgres-tls")]
pub(crate) fn certificate(folder: &std::path::Path) -> std::path::PathBuf {
    openssl(
        &[
            "req",
            "-new",
            "-x509",
            "-days",
            "2",
            "-nodes",
            "-newkey",
            "rsa:2048",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "server.key",
            "-out",
            "server.crt",
        ],
        folder,
    );
    folder.join("server.crt")
}

/// Starts a server again with a certificate.
#[cfg(feature = "postgres-tls")]
pub(crate) fn with_tls(mut server: Server, folder: &std::path::Path) -> Server {
    server.end(ledger_testkit::postgres::Ending::Fast).expect("it ends");
    server.give(&[folder.join("server.crt"), folder.join("server.key")]).expect("files of the server");
    server.set("ssl=on");
    server.launch().expect("it starts with its certificate");
    server
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.server.is_some() {
            return;
        }
        // The schema goes in a thread of its own: the test may run in a runtime.
        let (url, schema) = (self.url.clone(), self.schema.clone());
        let drop_it = std::thread::spawn(move || {
            ledger_store::testing::block_on(async {
                let Ok(mut admin) = connect_options(&url).connect().await else { return };
                let statement =
                    format!("SET lock_timeout TO '3s'; DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
                drop(admin.execute(statement.as_str()).await);
            });
        });
        drop(drop_it.join());
    }
}

/// A store in front of a proxy that refuses connections from a trick on until its effect was felt.
#[derive(Debug)]
struct Told {
    store: PostgresStore,
    proxy: Arc<Proxy>,
}

#[async_trait]
impl EventStore for Told {
    fn identity(&self) -> &LedgerIdentity {
        self.store.identity()
    }

    fn is_stopped(&self) -> bool {
        self.store.is_stopped()
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.store.heads().await
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.last_recorded_at().await
    }

    async fn append(&self, appends: &[ShardAppend]) -> Result<Vec<Result<Head, StoreError>>, StoreError> {
        let answer = self.store.append(appends).await;
        if matches!(answer, Err(StoreError::Unknown { .. })) {
            self.proxy.admit();
        }
        answer
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.store.read(shard, from, limit).await
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.store.read_partition(partition, after, limit).await
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.store.lookup(lookups).await
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.store.write_snapshot(snapshot).await
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        self.store.snapshot(partition).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.store.watch()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}
