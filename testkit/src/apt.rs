//! Packages of Debian that tests need, installed where that can be done without asking.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// How long it waits for another run of apt.
const LOCK_SECONDS_MAX: u32 = 300;

/// Installs a package, as root or with a `sudo` that asks for no password. Whoever asks at the same time waits.
///
/// # Errors
///
/// In words, with the command to run by hand and what apt said: no apt, no right to use it, no network.
pub fn install(package: &str) -> Result<(), String> {
    let told = |why: String| format!("{package} is not installed: apt-get install -y {package} ({why})");
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(told("there is no apt-get here".to_owned()));
    }
    // Tests are processes of their own, and the lists of packages have a lock that apt does not wait for.
    let lock = File::create(std::env::temp_dir().join("casino-ledger-apt.lock"));
    // Where the file belongs to another user there is none, and apt may refuse.
    let _lock = lock.and_then(|file| file.lock().map(|()| file)).ok();
    // Fresh machines have no lists, so they are fetched only if it does not go without.
    if run(&["install", "-q", "-y", package]).is_ok() {
        return Ok(());
    }
    run(&["update", "-q"]).and_then(|()| run(&["install", "-q", "-y", package])).map_err(told)
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let Output { status, stderr, .. } = command()
        .args(["-o", &format!("DPkg::Lock::Timeout={LOCK_SECONDS_MAX}")])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("apt-get did not start: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&stderr);
    Err(format!("apt-get {} ended with {status}: {}", arguments.join(" "), said.trim()))
}

fn command() -> Command {
    let mut command = if crate::is_root() || !Path::new("/usr/bin/sudo").exists() {
        Command::new("apt-get")
    } else {
        let mut command = Command::new("sudo");
        // It fails instead of asking for a password that nobody is there to type.
        command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_said_with_the_command() {
        // A name that is refused before the network is needed.
        let refused = run(&["install", "-q", "-y", "no such package"]).expect_err("there is no such name");
        assert!(refused.starts_with("apt-get "), "{refused}");
    }
}
