//! The server as it is used: over real HTTP, on the embedded log.

mod api;
mod bonuses;
mod browser;
mod clients;
mod drills;
mod games;
mod gateway;
mod grpc;
mod kill;
mod pages;
mod process;
mod schemathesis;
mod site;
mod surface;
mod switches;
mod tls;
mod tour;
mod traces;

/// Where the ledgers of these tests are kept.
fn place(_: &std::path::Path) -> (String, String) {
    ("log".to_owned(), "unused".to_owned())
}
