//! What the tests of this workspace start for themselves: PostgreSQL and NATS servers, and a proxy that
//! misbehaves.
//!
//! [`postgres::shared_url`] is a server that all tests of a run share; each makes a schema of its own there.
//! `cargo xtask test` starts it and names it in [`postgres::URL`]. Without that the first test that needs it
//! starts it, and it ends by itself when no test has used it for some seconds. [`postgres::Server`] is one
//! of a test's own, to be killed and started again. [`proxy::Proxy`] stands between a client and a server,
//! and holds, drops or cuts what passes.
//!
//! [`nats::Server`] is a NATS server of a test's own. It is installed where it is missing and that may be done.
//!
//! [`accounting`] has hledger and Beancount read journals, and installs them where they are missing. [`web`] does so with
//! schemathesis and Chromium, which look at servers, and [`clients`] with what makes clients of a described server and runs them.
//!
//! Nothing is skipped where a server is missing: the test fails, and says what to install.

pub mod accounting;
pub mod apt;
pub mod clients;
pub mod nats;
pub mod postgres;
pub mod proxy;
pub mod python;
pub mod web;

fn told<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

fn is_root() -> bool {
    // The owner of a process's own folder in /proc is who runs it.
    std::os::unix::fs::MetadataExt::uid(&match std::fs::metadata("/proc/self") {
        Ok(metadata) => metadata,
        Err(_) => return false,
    }) == 0
}
