//! The tests of the projections, in one binary.

mod bulk;
mod contract;
mod control;
mod feed;
mod gate;
mod generated;
mod history;
#[cfg(feature = "sqlite")]
mod home;
#[cfg(feature = "sqlite")]
mod kill;
mod model;
mod naive;
#[cfg(feature = "postgres")]
mod postgres;
mod property;
mod rebuild;
mod runner;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stores;
mod subjects;
mod subscribe;
mod tables;
