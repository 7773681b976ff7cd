//! Projections of casino-ledger: views that are folded from the log, what keeps them up to date and rebuilds them,
//! the views that come with it, and a stream of events for a host's own publisher.
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! # use ledger_core::PlayerId;
//! # use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
//! # let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use ledger_projections::balances::{Balances, ReadBalances};
//! use ledger_projections::{Feed, MemoryHome, Runner, Settings};
//!
//! let store = Arc::new(MemoryStore::new(identity));
//! let feed = Feed::new(store.clone());
//! let home = MemoryHome::<Balances>::new(&identity);
//! let reader = home.reader();
//! let runner = Runner::start(&feed, home, Settings::default())?;
//! runner.wait_for_all(&store.heads().await?, Duration::from_secs(5)).await?;
//! let answer = reader.player(&PlayerId::new("p1")?).await?;
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
//! - [`Feed`] decodes each commit once for all who follow a store in this process.
//! - [`Runner`] carries a view forward on one thread: catch-up in large batches, then live. It refuses a store
//!   whose history is not the one the view was made from, stops at the first commit that cannot be taken and says
//!   what to do, and is waited for with a limit. It is paused, throttled, and told to rebuild the view beside the live
//!   one ([`RebuildSettings`]). What is left out is an operator's recorded decision ([`Skip`]).
//! - A view has a [`Home`], with a live generation and one that may be being built: [`MemoryHome`],
//!   [`sqlite::SqliteHome`] and [`postgres::PostgresHome`] for every model, [`Solo`] for a view that has no other.
//! - A model is what a view does: [`Model`] for rows found by one key, in every home and with the least to write;
//!   [`sql::SqlModel`] for several tables; [`MemoryModel`] for a state of one's own.
//! - [`balances`], [`trial_balance`], [`rounds`], [`statement`], [`revenue`], [`withdrawals`], [`liability`], [`bonuses`],
//!   [`controls`], [`cases`], [`jackpots`], [`leaderboards`], [`audit`] and [`reconciliation`] are the views. Each has a `Read...` trait, implemented by the
//!   reader of every home, so that a host can keep `Arc<dyn ReadBalances>` and choose the home at run time.
//! - Every answer comes with where it is true and what it lacks: [`AtHead`] for one player, [`AtCheckpoint`] for the
//!   whole ledger. [`Standing::at_least`] waits for one's own write; a [`Page`] is stable while the view moves on.
//! - [`Feed::subscribe`] and [`Runner::subscribe`] give every event in order, with an [`EventId`] to tell duplicates
//!   by; [`publish`] passes them on to a [`Sink`] and saves where it stands in a [`CheckpointStore`].
//! - [`rtp`] sets the actual return to players against the theoretical one, with a bound on what chance explains.
//! - [`LiveBalances`] pushes balances to players, each change once, for server-sent events.
//! - [`reports`] makes files of what views answer, from definitions that are data; [`journal`] writes the whole log for hledger
//!   and Beancount.
//! - [`Total`] is a sum over many players: integers of 128 bits, never rounded.
//!
//! `docs/views.md` has the whole story, with how to write a view of one's own.
//!
//! # What it is not
//!
//! - Not a source of truth. Any view can be thrown away and folded again; commands never read one.
//! - Not where anything is decided: a projection issues no command.
//!
//! # Features
//!
//! `sqlite`: views in SQLite files, with numbered, checksummed migrations.
//!
//! `postgres`: views in PostgreSQL, in the log's database or another; `postgres-tls` adds encrypted connections.
//!
//! `xlsx`, `parquet`: reports as workbooks and as Parquet files.
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

pub mod audit;
pub mod balances;
pub mod bonuses;
pub mod cases;
mod checkpoint;
mod checkpoints;
mod commit;
pub mod controls;
mod entries;
mod error;
mod feed;
mod home;
pub mod jackpots;
pub mod journal;
pub mod leaderboards;
pub mod liability;
mod live_balances;
mod memory;
mod model;
mod page;
mod period;
#[cfg(feature = "postgres")]
pub mod postgres;
mod range;
pub mod reconciliation;
pub mod reports;
pub mod revenue;
pub mod rounds;
pub mod rtp;
mod runner;
mod skip;
pub mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod standing;
pub mod statement;
mod subscribe;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod total;
pub mod trial_balance;
mod view;
pub mod withdrawals;

pub use checkpoint::{Advance, AtCheckpoint, AtHead, Checkpoint};
pub use checkpoints::{CheckpointStore, FileCheckpoints, NAME_BYTES_MAX};
pub use commit::{Commit, EventPlace};
pub use error::ViewError;
pub use feed::{DECODERS_MAX, Feed, FeedSettings, FeedStats};
pub use home::{Building, Home, Live, Solo};
pub use live_balances::{BalanceUpdates, LiveBalances, LiveError, LiveSettings};
pub use memory::{Memory, MemoryHome, MemoryModel, MemoryReader};
pub use model::{
    KEY_BYTES_MAX, Model, ModelChanges, ModelState, ReadModel, Rows, get_in_sql, list_in_sql, range_in_sql,
};
pub use page::{PAGE_MAX, Page};
pub use period::{Period, PeriodError};
pub use range::{KeyParts, KeyRange, SCAN_ROWS_MAX};
pub use runner::{
    ControlError, Held, OnProgress, Progress, RebuildProgress, RebuildSettings, RebuildState, Runner,
    Settings, SkipOrder, StartError, State, Stop, StopReason, Throttle, WaitError,
};
pub use skip::{Incomplete, SKIP_TEXT_BYTES_MAX, SKIPS_MAX, Skip};
pub use standing::Standing;
pub use subscribe::{
    Delivery, EventId, EventIdError, Occurrence, PublishError, PublishSettings, Sink, SinkError,
    SubscribeError, Subscription, SubscriptionSettings, publish, saved_or,
};
pub use total::{Total, TotalError};
pub use view::{FollowError, View, verify_checkpoint};
