//! Tests of the stores.

#[cfg(feature = "log")]
mod log_basic;
#[cfg(feature = "log")]
mod log_damage;
#[cfg(feature = "log")]
mod log_folder;
#[cfg(feature = "log")]
mod log_kill;
#[cfg(all(feature = "log", feature = "testing"))]
mod log_power;
#[cfg(feature = "log")]
mod log_support;
