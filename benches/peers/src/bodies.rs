//! Commands and commit bodies as the ledger's other benches have them.

/// What the benches of the workspace share.
#[path = "../../support/mod.rs"]
#[allow(dead_code, clippy::pedantic, reason = "shared by several benches")]
pub(crate) mod support;
