//! What the tests of this workspace start for themselves: PostgreSQL servers, and a proxy that misbehaves.
//!
//! [`postgres::shared_url`] is a server that all tests of a run share; each makes a schema of its own there.
//! `cargo xtask test` starts it and names it in [`postgres::URL`]. Without that the first test that needs it
//! starts it, and it ends by itself when no test has used it for some seconds. [`postgres::Server`] is one
//! of a test's own, to be killed and started again. [`proxy::Proxy`] stands between a client and a server,
//! and holds, drops or cuts what passes.
//!
//! Nothing is skipped where PostgreSQL is missing: the test fails, and says what to install.

pub mod postgres;
pub mod proxy;
