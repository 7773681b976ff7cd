//! casino-ledger for hosts that have code on [cqrs-es](https://docs.rs/cqrs-es) and
//! [postgres-es](https://docs.rs/postgres-es): their framework, queries, views and event repository.
//!
//! ```
//! use casino_ledger::core::PlayerCommand;
//! use casino_ledger::{Ledger, Settings};
//! use casino_ledger_cqrs_es::{PlayerError, ledger_cqrs};
//! use cqrs_es::AggregateError;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let ledger = Ledger::open(folder.path(), Settings::new()?).await?;
//! let cqrs = ledger_cqrs(ledger.clone(), vec![])?;
//! for command in [
//!     r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#,
//!     r#"{"command":"record_deposit","source":"psp","id":"d1","amount":"100.00","currency":"EUR"}"#,
//! ] {
//!     cqrs.execute("p1", serde_json::from_str::<PlayerCommand>(command)?).await?;
//! }
//! let bet = r#"{"command":"place_bet","source":"prov","id":"t1","round":"r1","game":"crash","amount":"100.01","currency":"EUR"}"#;
//! let refused = cqrs.execute("p1", serde_json::from_str::<PlayerCommand>(bet)?).await;
//! let Err(AggregateError::UserError(PlayerError::Refused(refusal))) = refused else { panic!("{refused:?}") };
//! assert_eq!(refusal.rejection.code(), "insufficient_funds");
//! ledger.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! `docs/cqrs-es.md` says what maps to what, and what is not supported.
//!
//! # A tour
//!
//! - **Commands.** [`ledger_cqrs`] is a `CqrsFramework` over any [`Ledger`](casino_ledger::Ledger). Its
//!   [`LedgerEventStore`] sends what [`PlayerLedger`] was told through the ledger: the same keys, heads and limits as any
//!   caller's. A [`PlayerError`] says what may be concluded.
//! - **Queries.** A [`QueryFeed`] feeds a `cqrs_es::Query` from the log, in order, and goes on after a crash from its
//!   [`CheckpointStore`]. [`Once`] is a view that takes an event once though it may come again.
//! - **Readers.** [`LedgerEventRepository`] is a `PersistedEventRepository` on every store. With the feature `postgres`,
//!   `postgres::EventsView` is what the real `PostgresEventRepository` reads.
//! - **Tests.** [`PlayerServices::deciding`] lets `cqrs_es::test::TestFramework` decide as the ledger does.
//!
//! # What it is not
//!
//! Not the commit path of cqrs-es: `persist` is refused wherever it is offered. Not needed by a host that has no code on
//! cqrs-es: no crate of the ledger depends on it.
//!
//! # Features
//!
//! **`postgres`**: what needs postgres-es, and checkpoints in PostgreSQL.

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
pub use casino_ledger::projections::CheckpointStore;
pub use checkpoints::MemoryCheckpoints;
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

/// The examples of the page for hosts, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/cqrs-es.md")]
struct Page;
