//! The tests of the projections, in one binary.

mod bulk;
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
#[cfg(feature = "sqlite")]
mod kill;
mod leaderboards;
mod model;
mod naive;
mod pages;
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
