//! A private PostgreSQL server in a temporary folder. It ends, and its data goes, with the value.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tempfile::TempDir;

/// What differs from the server's defaults. Every one of them is in the peers' favour or does not concern them:
/// `fsync`, `synchronous_commit` and `full_page_writes` are on, as they are by default.
pub(crate) const SETTINGS: [&str; 7] = [
    "shared_buffers=2GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=5min",
    "max_connections=300",
    // No network: a client of the same machine is served faster through a socket file.
    "listen_addresses=",
    "fsync=on",
    "synchronous_commit=on",
];

/// How many connections each system may hold at once. More of them make two cores slower, not faster.
pub(crate) const CONNECTIONS: u32 = 32;

/// How long the server may take to start.
const START_TIME_MAX: Duration = Duration::from_mins(1);
/// Its superuser, whoever runs it.
const USER: &str = "bench";
/// Names the file of the socket; there is no other server in its folder.
const PORT: u16 = 5432;
/// Who runs the server when root runs the bench: PostgreSQL refuses root.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    binaries: PathBuf,
    account: Option<(u32, u32)>,
    process: Child,
    /// Behind the process: the folder must not go before the server has ended.
    folder: TempDir,
}

impl Server {
    /// Starts a new server whose data is kept below `parent`.
    ///
    /// Call it on the thread that lives as long as the process: the server ends with the thread that started it.
    pub(crate) fn start(parent: &Path) -> Result<Self> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new().prefix("peers-postgres-").tempdir_in(parent)?;
        // The server's account must get to its data, and to nothing else.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let account = account()?;
        for name in ["data", "socket"] {
            let path = folder.path().join(name);
            fs::create_dir(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
            if let Some((user, group)) = account {
                chown(&path, Some(user), Some(group)).context("giving the folder to the server's account")?;
            }
        }
        initialise(&binaries, folder.path(), account)?;
        let mut command = as_account(&binaries.join("postgres"), account);
        let log = fs::File::create(folder.path().join("log"))?;
        command.arg("-D").arg(folder.path().join("data")).stderr(log);
        command.arg("-c").arg(format!("unix_socket_directories={}", folder.path().join("socket").display()));
        command.args(["-p", &PORT.to_string()]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        // A group of its own: an interrupt from the terminal is for the bench, which then ends the server.
        let process = command.process_group(0).spawn().context("starting postgres")?;
        let mut server = Self { binaries, account, process, folder };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        let said = |folder: &TempDir| fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let note = self.folder.path().join("data/postmaster.pid");
        while start.elapsed() < START_TIME_MAX {
            if let Some(status) = self.process.try_wait()? {
                bail!("postgres ended with {status}: {}", said(&self.folder));
            }
            let status = fs::read_to_string(&note).unwrap_or_default();
            if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            // The server says that it is ready in a file.
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("postgres did not start in {START_TIME_MAX:?}: {}", said(&self.folder))
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.folder.path().join("socket"))
            .port(PORT)
            .username(USER)
            .database(database)
            .statement_cache_capacity(1_000)
    }

    /// Makes a database, and answers how to connect to it. Every system has one of its own.
    pub(crate) async fn new_database(&self, name: &str) -> Result<PgConnectOptions> {
        let admin = PgPoolOptions::new().max_connections(1).connect_with(self.options("postgres")).await?;
        sqlx::query(&format!("CREATE DATABASE {name}")).execute(&admin).await?;
        admin.close().await;
        Ok(self.options(name))
    }

    /// Makes a database and connects to it, as often as a peer may.
    pub(crate) async fn database(&self, name: &str) -> Result<PgPool> {
        let pool = PgPoolOptions::new()
            .min_connections(CONNECTIONS)
            .max_connections(CONNECTIONS)
            // A question before each use would cost the peers a round trip they need not make.
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_mins(2))
            .idle_timeout(None)
            .max_lifetime(None);
        Ok(pool.connect_with(self.new_database(name).await?).await?)
    }

    /// What the server calls itself.
    pub(crate) async fn version(&self) -> Result<String> {
        let pool = PgPoolOptions::new().max_connections(1).connect_with(self.options("postgres")).await?;
        Ok(sqlx::query_scalar("SELECT current_setting('server_version')").fetch_one(&pool).await?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data goes with the folder, so nothing needs to be written.
        let stopped = as_account(&self.binaries.join("pg_ctl"), self.account)
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-m", "immediate", "-w", "stop"])
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}

/// The folder of the newest binaries; installs them if there are none and it can.
fn binaries() -> Result<PathBuf> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    ensure!(is_root()?, "PostgreSQL is not installed: apt-get install postgresql");
    eprintln!("PostgreSQL is not installed: installing it");
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", "postgresql"]] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        let status = command.status().context("PostgreSQL is not installed, and there is no apt-get")?;
        ensure!(status.success(), "apt-get {} ended with {status}", arguments.join(" "));
    }
    installed().context("PostgreSQL was installed, and is not in /usr/lib/postgresql")
}

fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let numbered =
        versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry)));
    let newest = numbered.max_by_key(|(version, _)| *version)?.1.path().join("bin");
    newest.join("postgres").exists().then_some(newest)
}

fn is_root() -> Result<bool> {
    // Whoever runs a process owns its folder there.
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// User and group to run the server as; `None` for those who run the bench.
fn account() -> Result<Option<(u32, u32)>> {
    if !is_root()? {
        return Ok(None);
    }
    let known = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let line = known.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = ACCOUNTS.into_iter().find_map(find);
    Ok(Some(found.context("PostgreSQL refuses root, and there is no account to run it under")?))
}

/// A command of the server's account, which ends with the thread that starts it.
fn as_account(program: &Path, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new("setpriv");
    if let Some((user, group)) = account {
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
    }
    command.args(["--pdeathsig=QUIT", "--"]).arg(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    command
}

fn initialise(binaries: &Path, folder: &Path, account: Option<(u32, u32)>) -> Result<()> {
    let output = as_account(&binaries.join("initdb"), account)
        .arg("--pgdata")
        .arg(folder.join("data"))
        // Whoever gets to the socket may come in: only this account and root do.
        .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-locale"])
        .stderr(Stdio::piped())
        .output()
        .context("starting initdb")?;
    ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
