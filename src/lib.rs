//! An event-sourced double-entry ledger that holds the money of an online casino's players.
//!
//! A host opens a [`Ledger`] and sends it commands. Each is decided on one player's state, appended to a
//! hash-chained log as balanced entries and immutable events, and answered when that is durable.
//!
//! ```
//! use casino_ledger::core::{PlayerCommand, PlayerId};
//! use casino_ledger::{Ledger, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let ledger = Ledger::open(folder.path(), Settings::new()?).await?;
//! let player = PlayerId::new("p1")?;
//! for command in [
//!     r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#,
//!     r#"{"command":"record_deposit","source":"psp","id":"d1","amount":"100.00","currency":"EUR"}"#,
//!     r#"{"command":"place_bet","source":"prov","id":"t1","round":"r1","game":"crash","amount":"10.00","currency":"EUR"}"#,
//!     r#"{"command":"settle","source":"prov","id":"w1","round":"r1","amount":"36.40","currency":"EUR","finality":"round"}"#,
//! ] {
//!     ledger.execute(&player, serde_json::from_str::<PlayerCommand>(command)?).await?;
//! }
//! let reading = ledger.player(&player).await?;
//! assert_eq!(reading.balances()[0].available().to_string(), "126.40");
//! ledger.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The README has the same in typed commands.
//!
//! # A tour
//!
//! - **Opening.** [`Ledger::open`] makes or opens the embedded log in a folder; [`Ledger::with_store`]
//!   takes any [`EventStore`](store::EventStore). What can be chosen is in [`Settings`], every limit has a
//!   default. A ledger is cheap to clone, works from any runtime and blocks no worker of it.
//!   [`Ledger::close`] ends it cleanly; after a mere drop the threads finish what was taken in, but the log
//!   is not sealed.
//! - **Commands.** [`Ledger::execute`] takes a player and one of the commands of
//!   [`PlayerCommand`](ledger_core::PlayerCommand): [`OpenPlayer`](ledger_core::OpenPlayer),
//!   [`RecordDeposit`](ledger_core::RecordDeposit), [`PlaceBet`](ledger_core::PlaceBet),
//!   [`Settle`](ledger_core::Settle), [`CloseRound`](ledger_core::CloseRound), [`Void`](ledger_core::Void),
//!   [`Rollback`](ledger_core::Rollback), [`GrantCredit`](ledger_core::GrantCredit) and some forty others
//!   (`docs/commands.md` has all). [`Ledger::request`]
//!   adds an actor, a trace and a [`Lane`]; [`Ledger::execute_all`] sends many at once, each for itself.
//! - **The house.** [`Ledger::execute_house`] takes a partition of the house (`psp/acme`, `treasury`, `configuration` ...)
//!   and one of the commands of [`HouseCommand`](ledger_core::HouseCommand): settlements, accruals, transfers, money
//!   of nobody known, entries by hand, documents. [`Ledger::carry_assignments`] brings what was assigned to players.
//! - **Policy.** [`Ledger::policy`] tells under what commands are decided: [`Settings::policy`], or the document
//!   that was published ([`PublishDocument`](ledger_core::PublishDocument)) and is in force.
//! - **Answers.** A [`Receipt`] names the [`Outcome`], the balances, and the position and hash under which
//!   it is durable. An [`ExecuteError`] tells a [`Refusal`] by the rules from a failure and from an unknown
//!   outcome.
//! - **Reading.** [`Ledger::player`] gives a [`PlayerReading`], [`Ledger::house`] a [`HouseReading`]: the state, with
//!   the position at which it is true. [`Ledger::outcome`] and [`Ledger::house_outcome`] give what a key came to. [`Ledger::store`] gives the log itself.
//! - **Proof.** [`verify()`] walks the whole log, recomputes every hash, replays every player and every partition of the
//!   house, adds up the books, and names where house and players do not agree.
//!   A [`Verifier`] does it on several threads, within a set memory, with witnesses;
//!   [`verify_player`] verifies one player. [`balances_at`] tells balances at any past moment. [`proof`] signs the
//!   heads and proves single commits to strangers.
//! - **Privacy.** The ledger knows no one. What a host must remember about a person goes in sealed:
//!   [`Request::personal`], [`privacy`].
//! - **Views.** [`projections`] follow the log and answer over all players: balances, trial balance, rounds
//!   and games, and views of your own. Commands never read them. They are rebuilt beside the live one, and
//!   events are published from the same feed.
//! - **Long processes.** What takes more than one commit, or must happen later, is carried on by [`process`]: time-outs,
//!   payouts, deposits at several providers, exclusions of a person, and managers of your own.
//! - **Time.** A [`Clock`] can be injected. A wall clock that jumps, or lies behind the log, is a
//!   [`ClockSuspect`]: nothing is recorded until it is right or [`Ledger::accept_clock`] was called.
//! - **The parts.** The domain is [`ledger_core`], re-exported as [`core`]; stores are [`ledger_store`],
//!   re-exported as [`store`]. Everything stored is described in `docs/storage-format.md`.
//!
//! # What it is not
//!
//! Not a server, not a gateway to providers, and no place for personal data in clear. It does not authenticate
//! anyone. A command does not join a transaction of your database: write it to an outbox of yours, send it
//! with a key you can make again, and ask for its outcome when in doubt. What is not built yet is
//! in a list of the README.
//!
//! # Cookbook
//!
//! ## What to do on which error
//!
//! | [`ExecuteError`] | what is known | what to do |
//! |---|---|---|
//! | [`Rejected`](ExecuteError::Rejected) | the rules refuse; nothing was posted | match on [`Refusal::rejection`], answer the provider. A refused bet stays refused under its key; a refused win, rollback or close may be sent again |
//! | [`Overloaded`](ExecuteError::Overloaded) | the lane is full; nothing was recorded | send the same command again, later |
//! | [`Unavailable`](ExecuteError::Unavailable) | nothing was recorded | send the same command again; if it stays so, look at the log's disk and reopen |
//! | [`ClockSuspect`](ExecuteError::ClockSuspect) | nothing was recorded | have the machine's time checked; then accept it or correct it |
//! | [`Closed`](ExecuteError::Closed) | nothing was recorded | open the ledger again, then the same command |
//! | [`Indeterminate`](ExecuteError::Indeterminate) | money may have moved | ask [`Ledger::outcome`] for this key, or send the same command again; never with another key |
//! | [`Store`](ExecuteError::Store) | the store is damaged, lost history, or stopped after a write of unknown outcome | stop, call someone, verify; reopen when that is settled |
//! | [`Bug`](ExecuteError::Bug) | state and log contradict each other, or the code is wrong; nothing was recorded | report it; verify the log |
//! | [`Id`](ExecuteError::Id) | an identifier is malformed | correct the caller |
//! | [`Sealing`](ExecuteError::Sealing) | personal data could not be sealed; nothing was recorded | send the same command without it, or again when the key store serves |
//!
//! [`ExecuteError::is_retryable`] is true where the same command may simply be sent again.
//!
//! ## Duplicates
//!
//! Send every command with the id its sender gave it, as often as it comes. The second time the receipt
//! says [`replayed`](Receipt::replayed): [`balances`](Receipt::balances) is what the first answer said,
//! [`current`](Receipt::current) is what is there now; which of the two a provider wants to hear is up to
//! its protocol. The same key with another payload is refused as `key_reused`. Metadata (actor, trace) is
//! not part of the payload, and `10`, `10.0` and `10.00` are the same amount.
//!
//! ## Time-outs
//!
//! If you gave up waiting for an answer, the command may still be recorded. Ask:
//!
//! ```
//! use casino_ledger::core::{PlayerCommand, PlayerId};
//! use casino_ledger::{Ledger, RecordedOutcome};
//!
//! # async fn ask(ledger: &Ledger, player: &PlayerId, command: &PlayerCommand)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let key = command.key(player, &ledger.policy().policy)?;
//! match ledger.outcome(player, &key).await? {
//!     RecordedOutcome::Accepted(receipt) => println!("recorded at {}", receipt.position),
//!     RecordedOutcome::Refused(refusal) => println!("refused: {}", refusal.rejection.code()),
//!     RecordedOutcome::Absent { position, .. } => println!("not recorded up to {position}"),
//!     _ => {}
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The question waits behind every command that was sent before it in the play lane. *Absent* is true up to
//! the position it names: a command in another lane, or still on its way, may be recorded later. A refusal
//! that did not consume its key is absent too. When in doubt send the command again with the same key: that
//! is always safe.
//!
//! ## Reading at a position
//!
//! Every receipt and reading names shard, position and hash. A reading includes everything that was
//! acknowledged to you before you asked. Balances that you pass on belong together with their position, so
//! that the receiver can tell which of two is newer. Any past position or instant is read with
//! [`Ledger::balances_at`]. The history itself is in the log:
//! [`EventStore::read_partition`](store::EventStore::read_partition) gives a player's commits in order, and
//! [`CommitBody::decode`](ledger_core::stored::CommitBody::decode) reads them.
//!
//! ## Tests without a disk
//!
//! ```
//! use std::sync::Arc;
//! use casino_ledger::store::{FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
//! use casino_ledger::{Ledger, Settings, verify};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let identity = LedgerIdentity { ledger: LedgerId([1; 16]), shards: ShardCount::ONE, format: FORMAT };
//! let store = Arc::new(MemoryStore::new(identity));
//! let ledger = Ledger::with_store(store.clone(), Settings::new()?).await?;
//! // Send commands; make the store misbehave (`fail_next_write`, `lose_next_answer`); look at the answers.
//! assert_eq!(verify(store.as_ref()).await?.commits, 0);
//! ledger.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! With a [`Clock`] of your own in [`Settings::clock`] the time is yours too.
//!
//! ## Watching it
//!
//! The library writes `tracing` events and, if the host installs a recorder of the `metrics` facade, these
//! figures: `casino_ledger_commands_total` by outcome, `casino_ledger_batch_commits`,
//! `casino_ledger_batch_bytes`, `casino_ledger_append_seconds`, `casino_ledger_lane_depth` by lane,
//! `casino_ledger_cached_players`, `casino_ledger_cached_bytes`.
//!
//! # Features
//!
//! **`log`** (default): the embedded log store and [`Ledger::open`]. Without it a ledger runs on the store
//! that is handed to [`Ledger::with_store`], and nothing touches a disk.
//!
//! **`sqlite`**: `Ledger::open_sqlite` and views in `SQLite` files. It compiles the library in.
//!
//! **`postgres`**: `Ledger::open_postgres`, for several processes on one ledger. **`postgres-tls`** adds encrypted
//! connections.
//!
//! **`xlsx`**, **`parquet`**: reports as workbooks and as Parquet files.
//!
//! **`stations`**: for the bench `budget` alone, which measures what each station of the hot path costs. It slows
//! the engine down, and what it adds may change at any time.

mod aside;
mod clock;
#[cfg(any(feature = "log", feature = "sqlite", feature = "postgres"))]
mod embedded;
mod error;
mod hex;
mod inbox;
mod job;
mod lane;
mod ledger;
mod limit;
mod loader;
mod panics;
mod past;
pub mod privacy;
pub mod process;
pub mod proof;
pub mod replica;
mod request;
mod rules;
mod safe_file;
mod settings;
mod shared;
mod state;
#[cfg(feature = "stations")]
pub mod stations;
#[cfg(not(feature = "stations"))]
mod stations;
mod suspense;
mod telemetry;
mod threads;
mod verify;
mod watchdog;
mod write;
mod writer;

/// The version of this engine, as it stands in every commit.
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

pub use clock::{Clock, ClockSuspect, SystemClock};
pub use error::{ExecuteError, OpenError, Refusal};
pub use lane::Lane;
pub use ledger::Ledger;
pub use past::{Moment, PastBalances, PastError, PastPurse, balances_at, prove_balances};
pub use request::{
    EntryId, HouseReading, HouseRequest, OperationReceipt, Outcome, PlayerReading, Receipt, RecordedOutcome,
    Request,
};
pub use rules::PolicyInForce;
pub use settings::Settings;
pub use suspense::CarriedAssignment;
#[doc(hidden)]
pub use threads::Scheduler;
pub use verify::{
    PlayerVerification, Progress, TrialBalanceLine, VERIFY_MEMORY, VERIFY_MEMORY_MIN, Verification, Verifier,
    VerifyCheckpoint, VerifyError, verify, verify_player,
};

/// The type of amounts in commands; enter it with [`Decimal::from_str_exact`], which never rounds.
pub use rust_decimal::Decimal;

/// The pure domain.
pub use ledger_core as core;
/// Views and what keeps them up to date.
pub use ledger_projections as projections;
/// The store contract and its backends.
pub use ledger_store as store;

/// The examples of the README, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The example of the page on the house, compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/house.md")]
struct House;
/// The example of the page on long processes, compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/processes.md")]
struct ProcessesPage;
/// The example of the page on proofs, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../docs/proofs.md")]
struct Proofs;
