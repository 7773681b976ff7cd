//! The server that all tests of a run share.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{free_port, init, is_ready, password, postgres, told, url};

/// Watches over a server that no test owns: ends it when nobody has held the lock of its users for a while.
/// Its arguments: the lock of the users, the lock for starting, the folder, and the server's command.
const WATCH: &str = r#"
users=$1; starting=$2; home=$3; shift 3
"$@" 2>>"$home/run/log" & server=$!
trap 'kill -QUIT $server 2>/dev/null' EXIT
idle=0
while kill -0 $server 2>/dev/null; do
    sleep 1
    if flock --nonblock --exclusive "$users" true; then idle=$((idle + 1)); else idle=0; fi
    if [ $idle -ge 5 ]; then
        # Whoever begins to use it now waits for this lock, and then finds no server.
        exec 9>>"$starting"; flock 9
        if flock --nonblock --exclusive "$users" true; then rm -f "$home/url"; break; fi
        exec 9>&-; idle=0
    fi
done
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$home/run"
"#;

/// The server that all tests of a run share, started if need be. Each test makes a schema of its own in it.
///
/// # Panics
///
/// If there is no server and none can be started: a test must not pass without what it needs.
pub fn shared_url() -> String {
    static SHARED: OnceLock<(String, Option<File>)> = OnceLock::new();
    let (url, _users) = SHARED.get_or_init(|| match std::env::var(super::URL) {
        Ok(url) if !url.is_empty() => (url, None),
        _ => match used() {
            Ok((url, users)) => (url, Some(users)),
            Err(error) => panic!("the tests need PostgreSQL: {error}"),
        },
    });
    url.clone()
}

/// One place for all tests of this checkout.
fn home() -> PathBuf {
    let checkout = env!("CARGO_MANIFEST_DIR").replace('/', "-");
    std::env::temp_dir().join(format!("ledger-tests{checkout}"))
}

fn lock_file(path: &Path) -> Result<File, String> {
    OpenOptions::new().create(true).append(true).open(path).map_err(told("a lock"))
}

/// The URL of the running server, which runs on as long as the file is held.
fn used() -> Result<(String, File), String> {
    let home = home();
    fs::create_dir_all(&home).map_err(told("a folder"))?;
    fs::set_permissions(&home, fs::Permissions::from_mode(0o711)).map_err(told("permissions"))?;
    let starting = lock_file(&home.join("starting"))?;
    starting.lock().map_err(told("a lock"))?;
    let users = lock_file(&home.join("users"))?;
    users.lock_shared().map_err(told("a lock"))?;
    let folder = home.join("run");
    let known = fs::read_to_string(home.join("url")).unwrap_or_default();
    let is_alive = |port: &str| port.parse().is_ok_and(|port| is_ready(&folder, port));
    let url = match known.split_once(' ').filter(|(port, _)| is_alive(port)) {
        Some((_, url)) => url.to_owned(),
        None => launch(&home, &folder)?,
    };
    Ok((url, users))
}

fn launch(home: &Path, folder: &Path) -> Result<String, String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(told("what an earlier server left"))?;
    }
    fs::create_dir(folder).map_err(told("a folder"))?;
    let (port, password) = (free_port()?, password()?);
    init(folder, &password)?;
    let server = postgres(folder, port, &[])?;
    let mut watch = Command::new("setsid");
    let (users, starting) = (home.join("users"), home.join("starting"));
    watch.args(["sh", "-c", WATCH, "sh"]).args([users.as_path(), starting.as_path(), home]);
    watch.arg(server.get_program()).args(server.get_args()).current_dir("/");
    watch.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = watch.spawn().map_err(told("setsid"))?;
    super::wait_until_ready(&mut process, folder, port)?;
    let url = url(port, &password);
    let note = home.join("url");
    fs::write(&note, format!("{port} {url}")).map_err(told("the note of the server"))?;
    fs::set_permissions(&note, fs::Permissions::from_mode(0o600)).map_err(told("permissions"))?;
    Ok(url)
}
