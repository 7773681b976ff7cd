//! Panics of a store or a decision: caught, told, and never the end of a thread that others wait for.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what may panic in a store; tells the panic's text.
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| panic_text(panic.as_ref()))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a panic: {}", text.unwrap_or_default())
}
