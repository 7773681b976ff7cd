//! What the tests need beyond cargo, and how it gets there.
//!
//! Tests start what they need themselves wherever they can. What they share, such as a database server, is
//! ensured in [`ensure_for_tests`], once and before the first of them runs.

use std::process::{Command, Stdio};

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// cargo-nextest: a process per test, and one summary over all.
    Nextest,
    /// Plain `cargo test`.
    Cargo,
}

/// Makes ready what the tests need, and says what to run them with.
pub(crate) fn ensure_for_tests() -> Runner {
    if has_subcommand("nextest") {
        return Runner::Nextest;
    }
    eprintln!("note: cargo-nextest is not installed, so `cargo test` runs the tests: slower, and a summary");
    eprintln!("note: per test binary (cargo install --locked cargo-nextest)");
    Runner::Cargo
}

/// Makes sure that valgrind is there; installs it where that can be done without asking.
pub(crate) fn ensure_valgrind() -> Result<(), String> {
    if starts("valgrind") {
        return Ok(());
    }
    eprintln!("valgrind is not installed: installing it");
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", "valgrind"]] {
        let mut install = Command::new("apt-get");
        install.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        if !install.status().is_ok_and(|status| status.success()) {
            break;
        }
    }
    if starts("valgrind") {
        Ok(())
    } else {
        Err("counting instructions takes valgrind: install it".to_owned())
    }
}

fn starts(program: &str) -> bool {
    let mut probe = Command::new(program);
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Whether continuous integration runs this: it has the time for what a developer seldom waits for.
pub(crate) fn is_ci() -> bool {
    says_ci(std::env::var("CI").ok().as_deref())
}

fn says_ci(value: Option<&str>) -> bool {
    value.is_some_and(|value| !["", "0", "false"].contains(&value))
}

/// Whether `cargo <name>` is installed.
pub(crate) fn has_subcommand(name: &str) -> bool {
    let mut probe = Command::new("cargo");
    probe.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_says_so() {
        assert!(says_ci(Some("true")) && says_ci(Some("1")));
        assert!(!says_ci(None) && !says_ci(Some("")) && !says_ci(Some("false")) && !says_ci(Some("0")));
    }

    #[test]
    fn a_subcommand_is_there_or_not() {
        assert!(has_subcommand("clippy"));
        assert!(!has_subcommand("no-such-command"));
    }
}
