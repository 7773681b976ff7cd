//! The tests of `tests/it` that are about money, on PostgreSQL.

#[path = "../it/api.rs"]
mod api;
#[path = "../it/bonuses.rs"]
mod bonuses;
#[path = "../it/gateway/mod.rs"]
mod gateway;
mod shared;
#[expect(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../it/site.rs"]
mod site;

/// Where the ledgers of these tests are kept.
fn place(_: &std::path::Path) -> (String, String) {
    (ledger_testkit::postgres::shared_url(), format!("server_{}", uuid::Uuid::new_v4().simple()))
}
