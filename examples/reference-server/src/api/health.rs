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
    /// Whether the live feed is told of what happens.
    pub live: bool,
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
    let views = casino.views.standing().await;
    let lag_max = casino.checked.config.lag_max;
    let follow =
        views.iter().all(|view| view.stopped.is_none() && view.state != "ended" && view.lag <= lag_max);
    let views = views.into_iter().map(|view| ViewReady { name: view.name, state: view.state, lag: view.lag });
    let live = casino.feed.is_live();
    Ready { ready: store && follow && live, store, commits, live, views: views.collect() }
}

/// Whether the store answers, the views are not too far behind, and what happens is told to who listens.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, body = Ready), (status = 503, body = Ready)))]
pub async fn readyz(State(casino): State<Arc<Casino>>) -> (StatusCode, Json<Ready>) {
    let ready = standing(&casino).await;
    (if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(ready))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::Config;
    use crate::demo;

    use super::*;

    #[tokio::test]
    async fn a_server_whose_feed_ended_is_not_ready() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let config = Config { data: folder.path().to_owned(), demo: false, ..demo::config() };
        let casino = Casino::open(config.check()?).await?;
        let before = standing(&casino).await;
        assert!(before.ready && before.live, "{before:?}");
        casino.feed.stop();
        let after = standing(&casino).await;
        assert!(!after.ready && !after.live && after.store, "{after:?}");
        casino.close(Duration::from_secs(10)).await
    }
}
