//! Tests of the stores.

#[cfg(feature = "log")]
mod log_basic;
#[cfg(all(feature = "log", feature = "testing"))]
mod log_power;
#[cfg(feature = "log")]
mod log_support;
