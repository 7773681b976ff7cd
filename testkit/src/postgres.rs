//! Private PostgreSQL servers in temporary folders.

mod shared;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{is_root, told};

pub use shared::shared_url;

/// The environment variable that names a server for all tests: `postgres://user:password@host:port/database`.
pub const URL: &str = "CASINO_LEDGER_TEST_POSTGRES";

/// The oldest version of PostgreSQL that the tests run on.
const VERSION_MIN: u32 = 15;
/// How long a server may take to start or to end.
const START_SECONDS_MAX: u64 = 60;
/// What a server says when those that a killed one had started are not gone yet, and how long they may take.
const STILL_HELD: &str = "pre-existing shared memory block";
const PATIENCE: Duration = Duration::from_secs(10);
/// Who runs a server when root runs the tests: PostgreSQL refuses root.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// How a server is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All its processes are killed at once, as when the machine's memory runs out.
    Kill,
    /// It breaks off without writing a checkpoint; the next start recovers.
    Immediate,
    /// It ends in good order, and breaks off what its clients do.
    Fast,
}

/// A PostgreSQL server of a test's own. It ends, and its folder goes, with this value.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    port: u16,
    password: String,
    settings: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// Starts a new, empty server on a free port of this machine.
    ///
    /// # Errors
    ///
    /// In words: no binaries, no account to run under, or what the server said when it did not start.
    pub fn start() -> Result<Self, String> {
        Self::start_with(&[])
    }

    /// Starts a new server with settings, such as `ssl=on`.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self, String> {
        let folder =
            tempfile::Builder::new().prefix("ledger-postgres-").tempdir().map_err(told("a folder"))?;
        let password = password()?;
        init(folder.path(), &password)?;
        let mut server = Self {
            folder,
            port: free_port()?,
            password,
            settings: settings.iter().map(ToString::to_string).collect(),
            process: None,
        };
        server.launch()?;
        Ok(server)
    }

    /// Where it listens, with user and password.
    pub fn url(&self) -> String {
        url(self.port, &self.password)
    }

    /// The port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    /// Starts it again after [`Self::end`], on the same port with the same data.
    ///
    /// # Errors
    ///
    /// What the server said when it did not start.
    pub fn launch(&mut self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let mut command = postgres(self.folder.path(), self.port, &self.settings)?;
            let process = command.spawn().map_err(told("postgres"))?;
            let process = self.process.insert(process);
            match wait_until_ready(process, self.folder.path(), self.port) {
                // What a killed server had started dies after it, and holds its memory until then.
                Err(error) if error.contains(STILL_HELD) && started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                done => return done,
            }
        }
    }

    /// A setting for its next start.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// Copies files into its data's folder, readable by the server alone.
    ///
    /// # Errors
    ///
    /// If they cannot be copied or given to the server's account.
    pub fn give(&self, files: &[PathBuf]) -> Result<(), String> {
        for file in files {
            let copy = self.data().join(file.file_name().ok_or("a file has a name")?);
            fs::copy(file, &copy).map_err(told("a copy"))?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).map_err(told("permissions"))?;
            own(&[&copy])?;
        }
        Ok(())
    }

    /// Ends it, and waits until it has.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub fn end(&mut self, how: Ending) -> Result<(), String> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        signal(process.id(), how)?;
        process.wait().map_err(told("waiting for postgres"))?;
        // A killed server leaves this file, and refuses to start where its number belongs to someone else.
        if how == Ending::Kill {
            drop(fs::remove_file(self.data().join("postmaster.pid")));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data goes with the folder, so nothing needs to be written.
        drop(self.end(Ending::Immediate));
    }
}

fn url(port: u16, password: &str) -> String {
    format!("postgres://tester:{password}@127.0.0.1:{port}/postgres")
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn signal(process: u32, how: Ending) -> Result<(), String> {
    let (name, target) = match how {
        // The process group: the server and everything it started.
        Ending::Kill => ("-KILL", format!("-{process}")),
        Ending::Immediate => ("-QUIT", process.to_string()),
        Ending::Fast => ("-INT", process.to_string()),
    };
    let status = Command::new("kill").args([name, "--", &target]).status().map_err(told("kill"))?;
    if status.success() { Ok(()) } else { Err(format!("kill {name} {target}: {status}")) }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(told("a free port"))?;
    Ok(listener.local_addr().map_err(told("a free port"))?.port())
}

fn password() -> Result<String, String> {
    let mut bytes = [0; 16];
    let source = fs::File::open("/dev/urandom");
    source.and_then(|mut source| source.read_exact(&mut bytes)).map_err(told("/dev/urandom"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The folder of the newest installed binaries.
///
/// # Errors
///
/// In words, with what to install, if there are none.
pub fn binaries() -> Result<PathBuf, String> {
    let home = Path::new("/usr/lib/postgresql");
    let versions = fs::read_dir(home).into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let folder = match newest.filter(|version| *version >= VERSION_MIN) {
        Some(version) => home.join(version.to_string()).join("bin"),
        None => std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
            .ok_or(format!(
                "PostgreSQL {VERSION_MIN} or newer is not installed: apt-get install -y postgresql"
            ))?,
    };
    Ok(folder)
}

/// Whom root runs a server as.
fn account() -> Result<Option<&'static str>, String> {
    if !is_root() {
        return Ok(None);
    }
    let known = fs::read_to_string("/etc/passwd").map_err(told("/etc/passwd"))?;
    let is_known = |name: &&str| known.lines().any(|line| line.starts_with(&format!("{name}:")));
    ACCOUNTS
        .into_iter()
        .find(is_known)
        .map(Some)
        .ok_or("no account to run PostgreSQL under: it refuses root".to_owned())
}

/// A command of the server's account. It ends when the thread that starts it does.
fn command(program: &Path) -> Result<Command, String> {
    let account = account()?;
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("setpriv");
        if let Some(account) = account {
            command.args(["--reuid", account, "--regid", account, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "QUIT", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    Ok(command)
}

/// Gives files to the server's account.
fn own(files: &[&Path]) -> Result<(), String> {
    let Some(account) = account()? else { return Ok(()) };
    let owned = Command::new("chown").arg(format!("{account}:")).args(files).status();
    if owned.map_err(told("chown"))?.success() {
        Ok(())
    } else {
        Err(format!("{account} cannot be given files"))
    }
}

/// Makes a database cluster in the folder.
fn init(folder: &Path, password: &str) -> Result<(), String> {
    // The server's account must get to its data, and to nothing else.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).map_err(told("permissions"))?;
    let word = folder.join("password");
    let mut file = fs::File::create(&word).map_err(told("the password's file"))?;
    writeln!(file, "{password}").map_err(told("the password's file"))?;
    let home = data(folder);
    fs::create_dir(&home).map_err(told("the data's folder"))?;
    own(&[&home, &word])?;
    fs::set_permissions(&word, fs::Permissions::from_mode(0o600)).map_err(told("permissions"))?;
    let mut initdb = command(&binaries()?.join("initdb"))?;
    initdb.arg("--pgdata").arg(&home).arg("--pwfile").arg(&word);
    initdb.args(["--username", "tester", "--auth", "scram-sha-256", "--encoding", "UTF8"]);
    // What initdb writes need not survive a power cut: nobody relies on an empty cluster.
    initdb.args(["--no-locale", "--no-sync"]);
    let output = initdb.stdout(Stdio::piped()).stderr(Stdio::piped()).output().map_err(told("initdb"))?;
    fs::remove_file(&word).map_err(told("the password's file"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("initdb: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn postgres(folder: &Path, port: u16, settings: &[String]) -> Result<Command, String> {
    let home = data(folder);
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
    let mut command = command(&binaries()?.join("postgres"))?;
    command.arg("-D").arg(&home).args(["-p", &port.to_string()]).stderr(log.map_err(told("the log"))?);
    let fixed = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"];
    for setting in fixed.into_iter().chain(settings.iter().map(String::as_str)) {
        command.args(["-c", setting]);
    }
    // A group of its own, so that all of it can be killed at once.
    command.process_group(0);
    Ok(command)
}

/// Waits until the server takes connections.
fn wait_until_ready(process: &mut Child, folder: &Path, port: u16) -> Result<(), String> {
    let start = Instant::now();
    let said = || fs::read_to_string(folder.join("log")).unwrap_or_default();
    while start.elapsed() < Duration::from_secs(START_SECONDS_MAX) {
        if let Ok(Some(status)) = process.try_wait() {
            return Err(format!("postgres ended with {status}: {}", said()));
        }
        if is_ready(folder, port) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("postgres did not start in {START_SECONDS_MAX} s: {}", said()))
}

/// Whether the server takes connections: its own note says so, and somebody listens.
fn is_ready(folder: &Path, port: u16) -> bool {
    let note = fs::read_to_string(data(folder).join("postmaster.pid")).unwrap_or_default();
    note.lines().nth(7).is_some_and(|status| status.trim() == "ready")
        && TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_starts_is_killed_and_starts_again() {
        let mut server = Server::start().expect("a server");
        for how in [Ending::Kill, Ending::Immediate, Ending::Fast] {
            server.end(how).expect("it ends");
            assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err(), "{how:?}");
            server.launch().expect("it starts again");
        }
        let folder = server.data();
        drop(server);
        assert!(!folder.exists());
    }
}
