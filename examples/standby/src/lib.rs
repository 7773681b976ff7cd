//! The parts of the example: a home of a copy of a ledger, and the wire between a primary and its standby.
//!
//! There is no authentication and no encryption on this wire. Whoever reaches the port of a standby can make it follow him: put it
//! behind mutual TLS, or in a network that only the two machines share.
#![allow(missing_docs, reason = "an example is read, not linked against")]

pub mod home;
pub mod tcp;
pub mod wire;
