//! The conformance kit: one test per clause of [`EventStore`], for any implementation of it.
//!
//! A backend plugs in with a [`StoreBuilder`] and one line in its tests:
//!
//! ```
//! use std::sync::Arc;
//! use async_trait::async_trait;
//! use ledger_store::testing::StoreBuilder;
//! use ledger_store::{EventStore, LedgerIdentity, MemoryStore, StoreError};
//!
//! struct Memory;
//!
//! #[async_trait]
//! impl StoreBuilder for Memory {
//!     type Guard = MemoryStore;
//!
//!     async fn create(
//!         &self,
//!         identity: LedgerIdentity,
//!     ) -> Result<(Arc<dyn EventStore>, MemoryStore), StoreError> {
//!         let guard = MemoryStore::new(identity);
//!         Ok((Arc::new(guard.reopen()?), guard))
//!     }
//!
//!     async fn reopen(&self, guard: &mut MemoryStore) -> Result<Arc<dyn EventStore>, StoreError> {
//!         Ok(Arc::new(guard.reopen()?))
//!     }
//! }
//!
//! mod memory {
//!     ledger_store::conformance_tests!(super::Memory);
//! }
//!
//! # fn main() {
//! # use ledger_store::testing::{c06_of_concurrent_appends_exactly_one_lands, run};
//! # run("c06", || async { c06_of_concurrent_appends_exactly_one_lands(&Memory).await });
//! # }
//! ```
//!
//! The line expands to a `#[test]` per clause. What only a backend can bring about (a power cut, a write that
//! fails, an answer that is lost, a damaged byte) it offers through the optional methods of the builder; a
//! clause that misses one tests what it can without it and says so on standard error.
//!
//! Every clause is a plain async function that answers a [`Verdict`], so a harness can also be checked: plant
//! a bug in a store and see the clause fail.

mod append;
mod commit;
mod life;
mod model;
mod read;
mod shared;
mod subject;
mod thread;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::{
    EventStore, HistoryLoss, LedgerIdentity, LostAnswer, Shard, ShardCount, StoreError, StoredCommit,
};

pub use append::{
    c01_an_append_of_one_shard_lands_whole_or_not_at_all, c02_an_append_lands_only_on_the_expected_head,
    c03_the_answer_comes_per_shard_in_the_order_asked, c04_positions_are_dense_whatever_was_refused,
    c05_an_append_that_breaks_a_rule_is_invalid_and_nothing_lands,
    c06_of_concurrent_appends_exactly_one_lands, c07_what_was_acknowledged_survives_a_crash,
    c08_a_resend_after_an_unknown_outcome_never_lands_twice,
};
pub use commit::{CommitBuilder, ShardChain, partition_in};
pub use life::{
    c15_everything_durable_is_there_after_a_reopen, c16_the_newest_snapshot_reads_back_as_written,
    c17_watch_changes_after_an_append_became_durable, c18_after_close_appends_are_unavailable,
    c19_hostile_ids_and_large_bodies_come_back_unchanged, c20_after_a_failed_write_appends_are_unavailable,
};
pub use model::Model;
pub use read::{
    c09_nothing_shows_before_it_is_durable, c10_a_read_is_in_order_without_a_gap_and_within_its_limits,
    c11_a_polling_reader_meets_every_commit_exactly_once,
    c12_lookup_finds_every_key_tombstone_and_stream_and_nothing_else,
    c13_a_partition_reads_as_exactly_its_own_commits, c14_a_damaged_body_is_never_returned,
};
pub use shared::{
    c21_of_those_who_look_for_a_key_and_append_one_lands, c22_lost_history_is_never_served,
    c23_every_call_ends, c24_a_commit_that_comes_late_is_met_in_its_place,
    c25_a_call_that_is_given_up_leaves_nothing_half_done,
};
pub use thread::block_on;

/// How long a clause may take before [`run`] calls it hung.
pub const CLAUSE_SECONDS_MAX: u64 = 300;

/// How long a call may take while another is held, or the server is silent, unless a builder says otherwise.
pub const CALL_SECONDS_MAX: u64 = 40;

/// How a store broke a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(String);

impl Violation {
    /// A violation, told in a sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("the store answered an error where it must not: {error}"))
    }
}

/// What a clause finds.
pub type Verdict = Result<(), Violation>;

/// Leaves a clause with a [`Violation`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::testing::Violation::new(format!($($message)+)));
        }
    };
}
use ensure;

/// The place in a blocking store where a [`Stall`] holds a write.
#[derive(Debug)]
pub struct StallPoint {
    reaches: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

impl StallPoint {
    /// Blocks the calling thread until the write may go on.
    pub fn hold(self) {
        // The clause may have ended; then nobody hears it, and the write goes on.
        let _ = self.reaches.send(());
        // A thread that drives a runtime may not wait for a channel; one of its own may.
        let wait = move || drop(self.released.blocking_recv());
        drop(std::thread::spawn(wait).join());
    }
}

/// Whether a builder could do what a clause asked it for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// It was done, or will happen to the next write.
    Done,
    /// The builder has no such means.
    Absent,
}

/// A write that is held just before it becomes durable.
#[derive(Debug)]
pub struct Stall {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Stall {
    /// A stall whose receiver hears when the write is held, and whose sender lets it go on.
    ///
    /// Dropping the sender lets it go on too, so that a failed test hangs nothing.
    pub fn new(reached: oneshot::Receiver<()>, release: oneshot::Sender<()>) -> Self {
        Self { reached, release }
    }

    /// A stall for a store that blocks: the second part goes to where the write happens.
    pub fn blocking() -> (Self, StallPoint) {
        let ((reaches, reached), (release, released)) = (oneshot::channel(), oneshot::channel());
        (Self { reached, release }, StallPoint { reaches, released })
    }

    async fn reached(&mut self) -> Verdict {
        let heard = (&mut self.reached).await;
        heard.map_err(|_| Violation::new("the append ended without reaching the stall that was ordered"))
    }

    fn release(self) {
        // A write that no longer waits needs no release.
        let _ = self.release.send(());
    }
}

/// Makes stores for the kit, each in a place that no other call sees.
///
/// A builder that offers a hook must make it happen or panic: [`Hook::Absent`] is for a means that does not
/// exist, and a clause passes without it.
#[async_trait]
pub trait StoreBuilder: Send + Sync + 'static {
    /// What must live as long as the store, and knows where it lives: a folder, a schema.
    type Guard: Send + Sync + 'static;

    /// How many shards the ledgers of the tests have. A backend should pass with one and with many.
    fn shards(&self) -> ShardCount {
        ShardCount::DEFAULT
    }

    /// How long a call may take while another is held, or the server is silent (C23).
    fn call_limit(&self) -> Duration {
        Duration::from_secs(CALL_SECONDS_MAX)
    }

    /// A new, empty ledger.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]; it fails the test.
    async fn create(
        &self,
        identity: LedgerIdentity,
    ) -> Result<(Arc<dyn EventStore>, Self::Guard), StoreError>;

    /// Opens the ledger again. The kit has dropped every handle of it, with or without closing it before.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]; it fails the test, except [`StoreError::Corrupted`] after [`Self::damage`].
    async fn reopen(&self, guard: &mut Self::Guard) -> Result<Arc<dyn EventStore>, StoreError>;

    /// Cuts the power while the store is open: whatever is not durable is lost, nothing that the handle
    /// still does has an effect, and no append answers `Ok` any more. The kit then drops the handle and
    /// reopens.
    async fn power_cut(&self, _guard: &mut Self::Guard) -> Hook {
        Hook::Absent
    }

    /// Holds the next append just before it becomes durable.
    async fn stall_next_write(&self, _guard: &mut Self::Guard) -> Option<Stall> {
        None
    }

    /// Makes the next write to the store's own files fail, as a full or broken disk does. Not for a server that
    /// refuses a write and serves on.
    async fn fail_next_write(&self, _guard: &mut Self::Guard) -> Hook {
        Hook::Absent
    }

    /// Makes the next append answer [`StoreError::Unknown`].
    async fn lose_next_answer(&self, _guard: &mut Self::Guard, _answer: LostAnswer) -> Hook {
        Hook::Absent
    }

    /// Makes the store's history other than it was, while a handle is open: as where a backup was restored or a
    /// replica that lagged was promoted. The shard has at least two commits.
    async fn lose_history(&self, _guard: &mut Self::Guard, _shard: Shard, _loss: HistoryLoss) -> Hook {
        Hook::Absent
    }

    /// Makes the store's server fall silent without closing a connection, until [`Self::answer_again`].
    async fn fall_silent(&self, _guard: &mut Self::Guard) -> Hook {
        Hook::Absent
    }

    /// Ends what [`Self::fall_silent`] began.
    async fn answer_again(&self, _guard: &mut Self::Guard) {}

    /// Changes a byte of the stored body of this commit. The kit has closed the store and dropped every
    /// handle; commits stand before and after this one, and no other has the same body.
    async fn damage(&self, _guard: &mut Self::Guard, _commit: &StoredCommit) -> Hook {
        Hook::Absent
    }
}

/// Runs one clause as a test: in a thread and runtime of its own, with a limit on its time.
///
/// # Panics
///
/// When the clause finds a violation, panics or hangs: that is how a test fails.
pub fn run<F, V>(clause: &'static str, test: F)
where
    F: FnOnce() -> V + Send + 'static,
    V: Future<Output = Verdict> + 'static,
{
    run_boxed(clause, Box::new(move || Box::pin(test())));
}

type Clause = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Verdict>>> + Send>;

/// Not generic: a runtime compiled anew for every clause of every backend would take minutes.
fn run_boxed(clause: &'static str, test: Clause) {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::Builder::new().name(clause.to_owned()).spawn(move || {
        let verdict = block_on(test());
        // The test that waits has given up if it does not receive.
        let _ = sender.send(verdict);
    });
    let thread = thread.expect("a thread for the test");
    match receiver.recv_timeout(Duration::from_secs(CLAUSE_SECONDS_MAX)) {
        Ok(Ok(())) => {}
        Ok(Err(violation)) => panic!("{clause}: {violation}"),
        Err(RecvTimeoutError::Timeout) => panic!("{clause}: no end after {CLAUSE_SECONDS_MAX} seconds"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => panic!("{clause}: ended without a verdict"),
        },
    }
}

/// A line on standard error for what a clause could not test.
fn not_tested(clause: &str, what: &str) {
    eprintln!("{clause}: not tested, the builder has no means for it: {what}");
}

/// One `#[test]` per clause of [`EventStore`](crate::EventStore), for the backend of a
/// [`StoreBuilder`](crate::testing::StoreBuilder). See [`testing`](crate::testing).
#[macro_export]
macro_rules! conformance_tests {
    ($builder:expr) => {
        $crate::conformance_tests! { @clauses $builder;
            c01_an_append_of_one_shard_lands_whole_or_not_at_all
            c02_an_append_lands_only_on_the_expected_head
            c03_the_answer_comes_per_shard_in_the_order_asked
            c04_positions_are_dense_whatever_was_refused
            c05_an_append_that_breaks_a_rule_is_invalid_and_nothing_lands
            c06_of_concurrent_appends_exactly_one_lands
            c07_what_was_acknowledged_survives_a_crash
            c08_a_resend_after_an_unknown_outcome_never_lands_twice
            c09_nothing_shows_before_it_is_durable
            c10_a_read_is_in_order_without_a_gap_and_within_its_limits
            c11_a_polling_reader_meets_every_commit_exactly_once
            c12_lookup_finds_every_key_tombstone_and_stream_and_nothing_else
            c13_a_partition_reads_as_exactly_its_own_commits
            c14_a_damaged_body_is_never_returned
            c15_everything_durable_is_there_after_a_reopen
            c16_the_newest_snapshot_reads_back_as_written
            c17_watch_changes_after_an_append_became_durable
            c18_after_close_appends_are_unavailable
            c19_hostile_ids_and_large_bodies_come_back_unchanged
            c20_after_a_failed_write_appends_are_unavailable
            c21_of_those_who_look_for_a_key_and_append_one_lands
            c22_lost_history_is_never_served
            c23_every_call_ends
            c24_a_commit_that_comes_late_is_met_in_its_place
            c25_a_call_that_is_given_up_leaves_nothing_half_done
        }
    };
    (@clauses $builder:expr; $($clause:ident)+) => {
        $(
            #[test]
            fn $clause() {
                $crate::testing::run(stringify!($clause), || async {
                    let builder = $builder;
                    $crate::testing::$clause(&builder).await
                });
            }
        )+
    };
}
