//! The tests of the projections, in one binary.

mod bulk;
mod cases;
mod closing;
mod contract;
mod control;
mod controls;
mod crash;
mod evidence;
mod feed;
mod figures;
mod gate;
mod generated;
mod history;
#[cfg(feature = "sqlite")]
mod home;
mod jackpots;
mod journals;
#[cfg(feature = "sqlite")]
mod kill;
mod leaderboards;
mod live_balances;
mod model;
mod naive;
mod pages;
#[cfg(feature = "postgres")]
mod postgres;
mod property;
mod rebuild;
mod reports;
mod reports_files;
mod reports_newer;
mod rtp;
mod runner;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stores;
mod subjects;
mod subscribe;
mod tables;
