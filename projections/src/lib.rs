//! Projections of casino-ledger: views that are folded from the log, the runner that keeps them up to date, and
//! three views that come with it.
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! # use ledger_core::PlayerId;
//! # use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
//! # let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use ledger_projections::balances::{Balances, ReadBalances};
//! use ledger_projections::{Memory, Runner, Settings};
//!
//! let store = Arc::new(MemoryStore::new(identity));
//! let view = Memory::<Balances>::new(store.identity());
//! let reader = view.reader();
//! let runner = Runner::start(store.clone(), view, Settings::default())?;
//! runner.wait_for_all(&store.heads().await?, Duration::from_secs(5)).await?;
//! let answer = reader.player(&PlayerId::new("p1")?)?;
//! assert_eq!((answer.value, answer.head.position.0), (None, 0), "nobody was opened, as of position 0");
//! runner.stop(Duration::from_secs(5)).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Tour
//!
//! - [`View`] is the contract, in numbered clauses: a fold whose [`Checkpoint`] (position *and* hash per shard) is
//!   written in the same transaction as its rows. [`testing`] checks them for any view.
//! - A view has a home. [`Memory`] and [`sqlite::Sqlite`] are homes for anything that implements
//!   [`MemoryModel`] or [`sqlite::SqliteModel`]; other homes implement [`View`] itself.
//! - [`Runner`] follows an [`EventStore`](ledger_store::EventStore) with one view on one thread: catch-up in large
//!   batches, then live. It refuses a store whose history is not the one the view was made from, stops at the
//!   first commit that cannot be taken, and is waited for with a limit. Run as many side by side as there are
//!   views; one that stops does not touch the others.
//! - [`balances`], [`trial_balance`] and [`rounds`] are the views. Each has a `Read...` trait, implemented by the
//!   reader of either home, so that a host can keep `Arc<dyn ReadBalances>` and choose the home at run time.
//! - Every answer comes with where it is true: [`AtHead`] for one player, [`AtCheckpoint`] for the whole ledger.
//! - [`Total`] is a sum over many players: integers of 128 bits, never rounded.
//!
//! # What it is not
//!
//! - Not a source of truth. Any view can be thrown away and folded again; commands never read one.
//! - Not where anything is decided: a projection issues no command.
//! - Not a rebuild beside the live view, not a subscription for outsiders, not PostgreSQL: these come later.
//!
//! # Features
//!
//! `sqlite`: views in SQLite files, one file per view, with numbered, checksummed migrations.
//!
//! `testing`: the conformance kit for views, for hosts that write their own.

#![deny(
    clippy::float_arithmetic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::as_conversions
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod balances;
mod checkpoint;
mod checkpoints;
mod commit;
mod error;
mod feed;
mod home;
mod memory;
mod model;
mod page;
pub mod rounds;
mod runner;
mod skip;
pub mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod standing;
mod subscribe;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod total;
pub mod trial_balance;
mod view;

pub use checkpoint::{Advance, AtCheckpoint, AtHead, Checkpoint};
pub use checkpoints::{CheckpointStore, FileCheckpoints, NAME_BYTES_MAX};
pub use commit::Commit;
pub use error::ViewError;
pub use feed::{DECODERS_MAX, Feed, FeedSettings, FeedStats};
pub use home::{Building, Home, Live, Solo};
pub use memory::{Memory, MemoryHome, MemoryModel, MemoryReader};
pub use model::{KEY_BYTES_MAX, Model, ModelChanges, ModelState, ReadModel, Rows, get_in_sql, list_in_sql};
pub use page::{PAGE_MAX, Page};
pub use runner::{
    ControlError, OnProgress, Progress, RebuildProgress, RebuildSettings, RebuildState, Runner, Settings,
    SkipOrder, StartError, State, Stop, StopReason, Throttle, WaitError,
};
pub use skip::{Incomplete, SKIP_TEXT_BYTES_MAX, SKIPS_MAX, Skip};
pub use standing::Standing;
pub use subscribe::{
    Delivery, EventId, EventIdError, Occurrence, PublishError, PublishSettings, Sink, SinkError,
    SubscribeError, Subscription, SubscriptionSettings, publish, saved_or,
};
pub use total::{Total, TotalError};
pub use view::{FollowError, View, verify_checkpoint};
