//! Deposits: money a payment provider captured.

mod decide;

pub(crate) use decide::{credit, record};
