//! What the threads of one ledger share.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ledger_core::CurrencyRegistry;
use ledger_store::EventStore;

use crate::inbox::Inbox;
use crate::rules::Rules;
use crate::settings::Settings;
use crate::threads::Threads;
use crate::write::InFlight;

/// A value that many read and few replace.
#[derive(Debug)]
pub(crate) struct Shelf<T>(Mutex<Arc<T>>);

impl<T> Shelf<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
    pub(crate) fn set(&self, value: Arc<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// What the threads of one ledger share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The store as the engine asks it: with a limit to each question.
    pub(crate) store: Arc<dyn EventStore>,
    /// The store as the host gave it.
    pub(crate) given: Arc<dyn EventStore>,
    pub(crate) settings: Settings,
    pub(crate) threads: Threads,
    pub(crate) inbox: Inbox,
    pub(crate) in_flight: InFlight,
    /// The recorded currencies, as far as this process has seen them.
    pub(crate) currencies: Shelf<CurrencyRegistry>,
    /// What commands are decided under now.
    pub(crate) rules: Shelf<Rules>,
    /// The level of shapes that is active, as far as this process has seen.
    pub(crate) level: AtomicU16,
    /// The operator took the clock as it is; the writer has not heard yet.
    pub(crate) clock_accepted: AtomicBool,
}

impl Shared {
    /// Whether the clock was accepted since the last call.
    pub(crate) fn hears_clock_accepted(&self) -> bool {
        self.clock_accepted.load(Ordering::Relaxed) && self.clock_accepted.swap(false, Ordering::AcqRel)
    }
}
