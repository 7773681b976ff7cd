//! Tools for tests of the ledger: a naive engine, a rule-book language, generators, a model and checkers.
//!
//! [`TestLedger`] is the reference engine: one player, commits in a `Vec`, facts found by linear scan.
//! [`TestHouse`] is the same for one partition of the house.
//! [`Scenario`] and [`HouseScenario`] read like the rule book (see [`given`], [`given_house`]). [`generators`] make histories in which duplicates,
//! tombstones and debts are common. [`Model`] is a second, independent reading of the rules in plain maps.
//! [`invariants`] checks what must hold of any log, whoever wrote it.
//!
//! ```
//! use ledger_core::testing::given;
//! given()
//!     .cash("100.00")
//!     .bet("T1", "R", "10.00")
//!     .applied()
//!     .accounts(&[
//!         ("psp:clearing of psp", "100.00"),
//!         ("player:cash", "90.00"),
//!         ("player:held of prov/R", "10.00"),
//!     ]);
//! ```
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    reason = "a test tool fails by panicking"
)]

pub mod commands;
pub mod generators;
mod house;
pub mod house_commands;
pub mod invariants;
mod ledger;
mod model;
mod scenario;

pub use house::{HouseScenario, TestHouse, given_house};
pub use ledger::{TestAnswer, TestLedger, TestOutcome, find_facts};
pub use model::{HouseModel, Model};
pub use scenario::{Scenario, given, given_nobody};
