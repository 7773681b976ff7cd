//! The player himself: his opening, and the record of what was refused.

mod decide;

pub(crate) use decide::{open, refusal};
