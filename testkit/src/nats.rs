//! NATS servers of a test's own, with `JetStream`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{apt, told};

/// How long a server may take to start.
const START_SECONDS_MAX: u64 = 60;
/// The package of Debian.
const PACKAGE: &str = "nats-server";

/// A NATS server on a port of its own, in a folder of its own. It ends, and its folder goes, with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    folder: TempDir,
    port: u16,
}

/// The server's program. Where it is missing, Debian's package is installed.
///
/// # Errors
///
/// In words, with what to install, where that cannot be done.
pub fn ensure() -> Result<PathBuf, String> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    eprintln!("note: {PACKAGE} is missing and is installed now");
    apt::install(PACKAGE)?;
    installed().ok_or_else(|| format!("{PACKAGE} was installed, and is not there"))
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian puts servers where only root's path leads.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(PACKAGE)).find(|file| file.is_file())
}

fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn spawn(folder: &Path, port: &str) -> Result<Child, String> {
    let program = ensure()?;
    let mut command = if cfg!(target_os = "linux") {
        // It ends with the thread that started it, also when a test is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let said = File::options().create(true).append(true).open(log(folder)).map_err(told("the log"))?;
    command
        .args(["--addr", "127.0.0.1", "--port", port, "--jetstream", "--store_dir"])
        .arg(folder.join("store"))
        .arg("--ports_file_dir")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .map_err(told("nats-server"))
}

/// The port in the file that a server writes: `{"nats":["nats://127.0.0.1:4222"]}`.
fn port_in(text: &str) -> Option<u16> {
    // Up to the quote, so that half a file is no port.
    text.split_once("\"nats://127.0.0.1:")?.1.split_once('"')?.0.parse().ok()
}

/// The port that a server says it listens on.
fn port(child: &mut Child, folder: &Path) -> Result<u16, String> {
    let file = folder.join(format!("nats-server_{}.ports", child.id()));
    let said = || std::fs::read_to_string(log(folder)).unwrap_or_default();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(START_SECONDS_MAX) {
        if let Some(port) = port_in(&std::fs::read_to_string(&file).unwrap_or_default()) {
            return Ok(port);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("nats-server ended with {status}: {}", said()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("nats-server did not start in {START_SECONDS_MAX} s: {}", said()))
}

impl Server {
    /// Starts a server with an empty store.
    ///
    /// # Errors
    ///
    /// In words: it is missing and cannot be installed, or what it said when it did not start.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("ledger-nats-").tempdir().map_err(told("a folder"))?;
        let child = spawn(folder.path(), "-1")?;
        // From here on it ends with the value, also if it does not come up.
        let mut server = Self { child, folder, port: 0 };
        server.port = port(&mut server.child, server.folder.path())?;
        Ok(server)
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub fn kill(&mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(told("nats-server"))
    }

    /// Starts it again after [`Self::kill`], on the same store and port.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn launch(&mut self) -> Result<(), String> {
        self.child = spawn(self.folder.path(), &self.port.to_string())?;
        let port = port(&mut self.child, self.folder.path())?;
        if port == self.port { Ok(()) } else { Err(format!("it listens on {port}, not on {}", self.port)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_server_starts_is_killed_and_starts_again() {
        let mut server = Server::start().expect("a server");
        server.kill().expect("it ends");
        assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
        server.launch().expect("it starts again");
        assert!(TcpStream::connect(("127.0.0.1", server.port)).is_ok());
        let folder = server.folder.path().to_owned();
        drop(server);
        assert!(!folder.exists());
    }

    #[test]
    fn half_a_file_is_no_port() {
        assert_eq!(port_in(r#"{"nats":["nats://127.0.0.1:42220"],"monitoring":[]}"#), Some(42_220));
        for half in ["", "{\"nats\":[\"nats://127.0.0.1:42", "{}"] {
            assert_eq!(port_in(half), None, "{half}");
        }
    }
}
