//! The tests of the projections, in one binary.

mod contract;
mod history;
mod naive;
mod property;
mod runner;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stores;
mod subjects;
