//! The API of the casino: JSON over HTTP, for game servers of the house's own, the platform, the cashier and the
//! back office. Providers with protocols of their own come in through [`crate::gateway`].

pub mod audit;
pub mod auth;
pub mod bets;
pub mod body;
pub mod bonuses;
pub mod controls;
pub mod docs;
pub mod games;
pub mod health;
pub mod live;
pub mod outcome;
pub mod payments;
pub mod players;
pub mod problem;
pub mod sessions;
pub mod shapes;
pub mod switches;
pub mod withdrawals;

pub use auth::Caller;
pub use problem::Problem;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use crate::casino::Casino;

/// The routes of the API.
pub fn routes() -> Router<Arc<Casino>> {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/openapi.json", get(docs::openapi))
        .route("/docs", get(docs::viewer))
        .route("/bets/place", post(bets::place))
        .route("/rounds/settle", post(bets::settle))
        .route("/rounds/rollback", post(bets::rollback))
        .route("/players", post(players::open))
        .route("/players/{player}", get(players::read))
        .route("/players/{player}/balances", get(players::balances))
        .route("/players/{player}/balances/live", get(live::balances))
        .route("/players/{player}/statement", get(players::statement))
        .route("/players/{player}/rounds", get(players::rounds))
        .route("/players/{player}/limits", get(controls::limits).put(controls::set_limit))
        .route("/players/{player}/exclusion", put(controls::exclude))
        .route("/players/{player}/bonuses", get(bonuses::list))
        .route("/players/{player}/bonuses/offers", post(bonuses::offer))
        .route("/players/{player}/bonuses/{source}/{award}/claim", post(bonuses::claim))
        .route(
            "/players/{player}/bonuses/{source}/{award}/cancellation",
            get(bonuses::quote).post(bonuses::cancel),
        )
        .route("/players/{player}/outcome", get(outcome::outcome))
        .route("/players/{player}/sessions", post(sessions::launch))
        .route("/players/{player}/sessions/{source}/{session}/end", post(sessions::end))
        .route("/players/{player}/withdrawals", get(withdrawals::list))
        .route("/players/{player}/withdrawals/quote", get(withdrawals::quote))
        .route("/players/{player}/withdrawals/{source}/{withdrawal}/{step}", post(withdrawals::step))
        .route("/audit", get(audit::audit))
        .route("/providers", get(switches::list))
        .route("/providers/{provider}/switches", put(switches::set))
        .route(
            "/providers/{provider}/games",
            get(games::list).put(games::import).layer(DefaultBodyLimit::max(games::IMPORT_BYTES_MAX)),
        )
        .route("/casino/cashier-alone", put(switches::cashier_alone))
        .route("/deposits", post(payments::deposit))
        .route("/withdrawals", post(withdrawals::request))
        .route("/withdrawals/queue/{state}", get(withdrawals::queue))
}
