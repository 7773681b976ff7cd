//! What the tests need beyond cargo, and how it gets there.
//!
//! Tests start what they need themselves wherever they can. What they share is made ready once, before the
//! first of them runs: the runner in [`ensure_for_tests`], a database server in [`postgres`], the programs of other
//! servers in [`servers`].

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ledger_testkit::postgres::{Server, binaries};
use ledger_testkit::{apt, clients, nats, web};

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

/// Starts a PostgreSQL server for the tests, in a temporary folder on a free port. It ends with the value.
pub(crate) fn postgres() -> Result<Server, String> {
    if binaries().is_err() {
        install_postgres()?;
    }
    let server = Server::start()?;
    eprintln!("note: a PostgreSQL server for the tests listens on port {}", server.port());
    Ok(server)
}

/// Installs the package where that can be done without asking; says what to install where not.
fn install_postgres() -> Result<(), String> {
    // The package would start a server of its own, which nobody needs. Where this cannot be said, it does.
    let settings = Path::new("/etc/postgresql-common");
    let unwanted = settings.join("createcluster.conf");
    if !unwanted.exists() {
        let _told =
            fs::create_dir_all(settings).and_then(|()| fs::write(&unwanted, "create_main_cluster = false\n"));
    }
    apt::install("postgresql")
}

/// Makes sure that valgrind is there; installs it where that can be done without asking.
pub(crate) fn ensure_valgrind() -> Result<(), String> {
    if starts("valgrind") { Ok(()) } else { apt::install("valgrind") }
}

fn starts(program: &str) -> bool {
    let mut probe = Command::new(program);
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Installs the servers that tests start for themselves, what looks at servers, and what makes and runs clients of them, so that no test waits for a package. Where
/// that cannot be done it is said here, and the tests that need one fail and say it again.
pub(crate) fn servers() {
    let chromium = web::ensure_chromium().map(|_| ());
    let schemathesis = web::ensure_schemathesis().map(|_| ());
    let typescript = clients::ensure_typescript().map(|_| ());
    let php = clients::ensure_php().map(|_| ());
    for made in [nats::ensure().map(|_| ()), chromium, schemathesis, typescript, php] {
        if let Err(missing) = made {
            eprintln!("warning: {missing}");
        }
    }
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
