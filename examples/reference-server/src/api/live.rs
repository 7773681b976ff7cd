//! Live balances, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use casino_ledger::projections::{BalanceUpdates, LiveError};
use casino_ledger::store::Position;
use futures_util::Stream;
use futures_util::stream::unfold;

use super::body::In;
use super::players::{Balances, reading};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

/// A player's balances now, and again whenever something of his is recorded: events named `balances`, each with the
/// body of `/players/{player}/balances`, and with its position as its id. Sent back as `Last-Event-ID`, the stream goes on
/// from there. Changes that come faster than they are read are told as one. The stream ends when it cannot go on: ask again.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/balances/live", operation_id = "streamBalances", tag = "players",
    params(("player" = String, Path), ("Last-Event-ID" = Option<String>, Header, description = "the id of the last event that was seen")),
    responses((status = 200, description = "events", content_type = "text/event-stream", body = String),
        (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn balances(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let now = reading(&casino, &of).await?;
    // What is no position of this shard was never an id of such an event.
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).map(Position);
    let seen = seen.filter(|seen| *seen <= now.position);
    let live = casino.views.live().ok_or_else(live_unavailable)?;
    let updates = live.subscribe(now.state.player(), seen)?;
    let told = seen.unwrap_or(Position::ZERO);
    let events = unfold((casino, updates, told), |(casino, mut updates, told)| async move {
        match next(&casino, &mut updates, told).await {
            Ok((event, told)) => Some((Ok(event), (casino, updates, told))),
            Err(error) => {
                tracing::warn!(code = error.code, detail = error.detail, "live balances end");
                None
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// The next event after what was told. What is told is what the ledger has by then, which may be more than the change that
/// woke it; so a change may have been told already when it comes.
async fn next(
    casino: &Casino,
    updates: &mut BalanceUpdates,
    told: Position,
) -> Result<(Event, Position), Problem> {
    loop {
        updates.next().await?;
        let now = casino.ledger.player(updates.player()).await?;
        if now.position > told {
            let event = Event::default().id(now.position.0.to_string()).event("balances");
            let event = event.json_data(Balances::of(&now)).map_err(|_| Problem::internal())?;
            return Ok((event, now.position));
        }
    }
}

impl From<LiveError> for Problem {
    fn from(error: LiveError) -> Self {
        tracing::warn!(%error, "balances are not told");
        live_unavailable()
    }
}

fn live_unavailable() -> Problem {
    Problem::unavailable("live_unavailable", "balances cannot be told as they change now".to_owned())
}
