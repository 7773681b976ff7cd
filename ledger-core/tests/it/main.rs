//! The core against its rule book: scenarios, money, entries, stored shapes, and a model.

mod basics;
mod defects;
mod docs;
mod entries;
mod goldens;
mod idempotency;
#[cfg(feature = "schema")]
mod json_schema;
mod model;
mod money;
mod rejections;
mod rollbacks;
mod rounds;

/// How many cases a property is tried with. Failures are not written to files: the message has the input.
fn config(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}
