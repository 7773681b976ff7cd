//! The core against its rule book: scenarios, money, entries, stored shapes, and a model.

mod basics;
mod defects;
mod entries;
mod idempotency;
mod model;
mod money;
mod rejections;
mod rollbacks;
mod rounds;
