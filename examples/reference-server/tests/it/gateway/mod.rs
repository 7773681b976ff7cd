//! The gateway: every dialect over HTTP, with its published samples.

mod evolution;
mod gcp;
mod golden;
mod hmac;
mod hub88;
mod pateplay;
mod pragmatic;
pub(crate) mod sign;
