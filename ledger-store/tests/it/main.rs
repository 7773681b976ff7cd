//! The backends against the conformance kit, the kit against planted bugs, and the log against damage,
//! crashes and power cuts.

mod faulty;
#[cfg(feature = "postgres")]
mod leases;
#[cfg(feature = "log")]
mod log_basic;
#[cfg(feature = "log")]
mod log_conformance;
#[cfg(feature = "log")]
mod log_damage;
#[cfg(feature = "log")]
mod log_folder;
#[cfg(feature = "log")]
mod log_index;
#[cfg(feature = "log")]
mod log_kill;
#[cfg(feature = "log")]
mod log_power;
#[cfg(feature = "log")]
mod log_sealed;
#[cfg(feature = "log")]
mod log_support;
mod memory;
mod occ;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_conformance;
#[cfg(feature = "postgres")]
mod postgres_support;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_conformance;
