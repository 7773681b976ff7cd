//! Stored shapes: everything that stands in the log, in one place. Frozen: see `docs/storage-format.md`.

mod index;

pub use index::{CommitIndex, IndexError};
