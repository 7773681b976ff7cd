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
