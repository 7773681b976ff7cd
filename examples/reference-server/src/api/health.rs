//! Whether the server lives, and whether it is ready to serve.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::casino::Casino;

/// That the process lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    /// `alive`.
    status: &'static str,
}

/// Whether the process answers at all. Says nothing of the store: a process that cannot reach its database is not
/// helped by being started again.
#[utoipa::path(get, path = "/livez", tag = "operations", security(()), responses((status = 200, body = Alive)))]
pub async fn livez() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Whether it can serve, and what is in the way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// Whether it can serve.
    pub ready: bool,
    /// Whether the store answers.
    pub store: bool,
    /// How many commits it has, of all shards.
    pub commits: u64,
    /// Where the views stand.
    pub views: Vec<ViewReady>,
}

/// Where a view stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ViewReady {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: &'static str,
    /// How many commits it is behind.
    pub lag: u64,
}

/// Where the store and the views stand.
pub async fn standing(casino: &Casino) -> Ready {
    let heads = casino.ledger.heads().await;
    let store = heads.is_ok();
    let commits = heads.unwrap_or_default().iter().map(|head| head.position.0).fold(0, u64::saturating_add);
    let views = casino.views.standing();
    let lag_max = casino.checked.config.lag_max;
    let follow =
        views.iter().all(|view| view.stopped.is_none() && view.state != "ended" && view.lag <= lag_max);
    let views = views.into_iter().map(|view| ViewReady { name: view.name, state: view.state, lag: view.lag });
    Ready { ready: store && follow, store, commits, views: views.collect() }
}

/// Whether the store answers and the views are not too far behind.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, body = Ready), (status = 503, body = Ready)))]
pub async fn readyz(State(casino): State<Arc<Casino>>) -> (StatusCode, Json<Ready>) {
    let ready = standing(&casino).await;
    (if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(ready))
}
