//! Tests of the stores.

#[cfg(feature = "log")]
mod log_basic;
#[cfg(feature = "log")]
mod log_support;
