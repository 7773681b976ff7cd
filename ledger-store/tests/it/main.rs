//! The backends against the conformance kit, and the kit against planted bugs.

mod faulty;
mod memory;
