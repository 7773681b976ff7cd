//! A casino's money behind HTTP, on [`casino_ledger`]: an API for the platform, a gateway for game providers with
//! protocols of their own, pages for people, and what operations need.
//!
//! It is an example to start from: `README.md` beside it is the tour. It uses the public face of the library alone.

pub mod api;
pub mod casino;
pub mod catalogue;
pub mod config;
pub mod demo;
pub mod feed;
pub mod gateway;
pub mod grpc;
pub mod launch;
mod limits;
pub mod metrics;
pub mod pages;
pub mod pem;
pub mod policy;
pub mod server;
pub mod sessions;
pub mod telemetry;
pub mod tls;
pub mod views;

pub use casino::Casino;
pub use config::{Checked, Config, ConfigError};
pub use server::Server;
