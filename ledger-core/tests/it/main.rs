//! The core against its rule book: scenarios, money, entries, stored shapes, and a model.

mod adjustments;
mod basics;
mod batches;
mod bonus_kinds;
mod bonus_search;
mod bonus_terms;
mod bonuses;
mod campaigns;
#[cfg(feature = "schema")]
mod catalogue;
mod chargebacks;
mod closing;
#[cfg(feature = "schema")]
mod commands_doc;
mod configuration;
mod corrections;
mod defects;
mod deposits;
mod endings;
mod entries;
mod exchange;
mod exclusions;
mod folds;
mod fx;
mod goldens;
mod goldens_bonuses;
mod goldens_limits;
mod goldens_withdrawals;
mod host;
mod house;
mod house_documents;
mod house_goldens;
mod house_model;
mod idempotency;
mod jackpots;
#[cfg(feature = "schema")]
mod json_schema;
mod jurisdictions;
mod limits;
mod loyalty;
mod model;
mod money;
mod offers;
mod payouts;
mod planted_bonuses;
mod planted_withdrawals;
mod play_time;
mod promotions;
mod purchases;
mod registers;
mod rejections;
mod risk;
mod rollbacks;
mod rounds;
mod scenarios_doc;
mod sealed;
mod sessions;
mod sportsbook;
mod tournament_points;
mod tournaments;
mod turnover;
mod verification;
mod withdrawals;

/// How many cases a property is tried with, unless `PROPTEST_CASES` says otherwise. Failures are not written
/// to files: the message has the input.
fn config(cases: u32) -> proptest::test_runner::Config {
    let default = proptest::test_runner::Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { cases };
    proptest::test_runner::Config { cases, failure_persistence: None, ..default }
}
