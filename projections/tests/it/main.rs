//! The tests of the projections, in one binary.

mod bulk;
mod closing;
mod contract;
mod control;
mod crash;
mod evidence;
mod feed;
mod figures;
mod gate;
mod generated;
mod history;
#[cfg(feature = "sqlite")]
mod home;
mod journals;
#[cfg(feature = "sqlite")]
mod kill;
mod model;
mod naive;
mod pages;
#[cfg(feature = "postgres")]
mod postgres;
mod property;
mod rebuild;
mod reports;
mod reports_files;
mod runner;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stores;
mod subjects;
mod subscribe;
mod tables;
