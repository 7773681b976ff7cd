//! casino-ledger for hosts that have code on [cqrs-es](https://docs.rs/cqrs-es) and postgres-es.

mod aggregate;
mod checkpoints;
mod envelope;
mod error;
mod event;
mod event_store;
mod feed;
mod history;
mod once;
#[cfg(feature = "postgres")]
pub mod postgres;
mod reader;
mod repository;
mod services;

pub use aggregate::{AGGREGATE_TYPE, PlayerLedger};
pub use checkpoints::{CheckpointStore, MemoryCheckpoints};
pub use envelope::{EventPlace, SequenceError, envelopes};
pub use error::{AdapterError, PlayerError, aggregate_error};
pub use event::PlayerEvent;
pub use event_store::{
    EVENTS_LOADED_MAX, LedgerContext, LedgerCqrs, LedgerEventStore, PERSONAL_PREFIX, UnknownMetadata,
    ledger_cqrs,
};
pub use feed::{FailureReport, FeedSettings, QueryFeed};
pub use once::Once;
pub use repository::LedgerEventRepository;
pub use services::{PlayerServices, Rules};
