//! An allocator that counts, thread by thread, what is asked of it.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

use mimalloc::MiMalloc;

thread_local! {
    static COUNTED: Cell<Allocations> = const { Cell::new(Allocations { times: 0, bytes: 0 }) };
}

/// How often memory was asked for, and how much. Growing counts as asking for what it grows to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allocations {
    pub(crate) times: u64,
    pub(crate) bytes: u64,
}

impl Allocations {
    /// What this thread has asked for so far.
    pub(crate) fn now() -> Self {
        COUNTED.try_with(Cell::get).unwrap_or_default()
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { times: self.times - before.times, bytes: self.bytes - before.bytes }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { times: self.times + other.times, bytes: self.bytes + other.bytes }
    }

    /// Less what is known to be part of it.
    pub(crate) fn without(self, other: Self) -> Self {
        Self { times: self.times.saturating_sub(other.times), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

fn count(bytes: usize) {
    // A thread that is ending has nothing to count any more.
    let _ = COUNTED.try_with(|counted| {
        let Allocations { times, bytes: before } = counted.get();
        counted.set(Allocations { times: times + 1, bytes: before + bytes as u64 });
    });
}

/// The allocator of the ledger's benches, counted.
pub(crate) struct Counting(pub(crate) MiMalloc);

// SAFETY: every call goes to mimalloc with what the caller gave; counting allocates nothing.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(bytes);
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.dealloc(pointer, layout) }
    }
}
