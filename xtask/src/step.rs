//! One step: a command of cargo, run at the root of the workspace and shown before it runs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::needs;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Where cargo puts what it builds, and these commands what they leave behind.
pub(crate) fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").filter(|name| !name.is_empty());
    root().join(named.unwrap_or_else(|| "target".into()))
}

/// The triple that the compiler builds for by itself.
pub(crate) fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("`rustc -vV` did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

/// A step that runs cargo.
pub(crate) fn cargo(arguments: &[&str]) -> Step {
    // The plain name, not the `CARGO` of the toolchain that runs us: only the former knows `+nightly`.
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(arguments);
    // Cargo pins the toolchain for its children; a step that names another must not inherit that.
    if arguments.first().is_some_and(|first| first.starts_with('+')) {
        command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    }
    if needs::is_ci() {
        // What speeds up the next build is of no use where there is none, and is most of what a build writes.
        command.env("CARGO_INCREMENTAL", "0");
    }
    Step(command)
}

/// Removes what a step left under [`target`] and no later step needs. Only in continuous integration, where
/// the disk is small and nothing is built twice.
pub(crate) fn discard(folder: &str) {
    if !needs::is_ci() {
        return;
    }
    let folder = target().join(folder);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            eprintln!("warning: {} stays: {error}", folder.display());
        }
        _ => {}
    }
}

pub(crate) struct Step(Command);

impl Step {
    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs the step; its output goes where ours goes.
    pub(crate) fn run(mut self) -> Result<(), String> {
        let shown = self.shown();
        eprintln!("$ {shown}");
        match self.0.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{shown}` ended with {status}")),
            Err(error) => Err(format!("`{shown}` did not start: {error}")),
        }
    }

    fn shown(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

/// Runs a command to its end; `None` if that did not come in time, and it was ended.
pub(crate) fn run_within(mut command: Command, limit: Duration) -> Result<Option<ExitStatus>, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let told = |error: std::io::Error| format!("{program}: {error}");
    let start = Instant::now();
    let mut child = command.spawn().map_err(told)?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) if start.elapsed() < limit => thread::sleep(Duration::from_millis(20)),
            late_or_lost => {
                // Whether it could be ended or not, there is nothing more to do about it.
                let _ = child.kill();
                let _ = child.wait();
                return late_or_lost.map_err(told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_does_not_end_is_ended() {
        let mut slow = Command::new("sleep");
        slow.arg("60");
        let start = Instant::now();
        assert_eq!(run_within(slow, Duration::from_millis(1)), Ok(None));
        assert!(start.elapsed() < Duration::from_secs(30));
        let quick = run_within(Command::new("true"), Duration::from_secs(30)).expect("it starts");
        assert!(quick.is_some_and(|status| status.success()));
        assert!(run_within(Command::new("/no/such/command"), Duration::from_secs(1)).is_err());
    }

    #[test]
    fn a_step_that_fails_says_which() {
        let error = cargo(&["no-such-command"]).run().expect_err("cargo has no such command");
        assert!(error.starts_with("`cargo no-such-command` ended with"), "{error}");
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("xtask/Cargo.toml").exists());
    }
}
