//! One step: a command of cargo, run at the root of the workspace and shown before it runs.

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// A step that runs cargo.
pub(crate) fn cargo(arguments: &[&str]) -> Step {
    // The plain name, not the `CARGO` of the toolchain that runs us: only the former knows `+nightly`.
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(arguments);
    // Cargo pins the toolchain for its children; a step that names another must not inherit that.
    if arguments.first().is_some_and(|first| first.starts_with('+')) {
        command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    }
    Step(command)
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

#[cfg(test)]
mod tests {
    use super::*;

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
