//! A server of NATS of the test's own: found or installed, on a port of its own, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the server may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// A running server; it ends with this.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian puts servers where only root's path leads.
    let folders =
        std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/bin")]);
    folders.map(|folder| folder.join("nats-server")).find(|file| file.is_file())
}

/// The server's program. Where it is missing, Debian's package is installed; that needs root.
fn program() -> PathBuf {
    if let Some(found) = installed() {
        return found;
    }
    eprintln!("note: nats-server is not installed: apt-get install -y nats-server");
    let install = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    // Tests run side by side; apt waits for its lock.
    let done = install(&["-o", "DPkg::Lock::Timeout=300", "install", "-y", "nats-server"])
        || (install(&["update"])
            && install(&["-o", "DPkg::Lock::Timeout=300", "install", "-y", "nats-server"]));
    let found = installed().filter(|_| done);
    found.expect(
        "this test needs nats-server: install it (Debian: apt-get install nats-server) or run as root",
    )
}

fn spawn(folder: &Path, port: &str) -> Child {
    Command::new(program())
        .args(["--addr", "127.0.0.1", "--port", port, "--jetstream", "--store_dir"])
        .arg(folder.join("store"))
        .arg("--ports_file_dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server starts")
}

/// The port that a server says it listens on, in the file it writes for that.
fn port(child: &Child, folder: &Path) -> u16 {
    let file = folder.join(format!("nats-server_{}.ports", child.id()));
    let end = Instant::now() + START_MAX;
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let ports: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let url = ports.as_ref().and_then(|ports| ports["nats"][0].as_str());
        if let Some(port) = url.and_then(|url| url.rsplit(':').next()?.parse().ok()) {
            return port;
        }
        assert!(Instant::now() < end, "nats-server did not say its port in {}", file.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Server {
    /// Starts a server with an empty store.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let child = spawn(folder.path(), "-1");
        let port = port(&child, folder.path());
        Self { child, folder, port }
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
    }

    /// Starts it again on the same store and port.
    pub(crate) fn again(&mut self) {
        self.child = spawn(self.folder.path(), &self.port.to_string());
        assert_eq!(port(&self.child, self.folder.path()), self.port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
