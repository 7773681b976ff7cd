//! Live balances, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;

use super::body::In;
use super::players::{Balances, reading};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

/// A player's balances now, and again whenever something of his is recorded: events named `balances`, each with the
/// body of `/players/{player}/balances`.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/balances/live", tag = "players", params(("player" = String, Path)),
    responses((status = 200, description = "events", content_type = "text/event-stream", body = String),
        (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn balances(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    // Listen first, read then: nothing falls between the two.
    let listener = casino.feed.listen();
    let first = reading(&casino, &of).await?;
    let player = first.state.player().clone();
    let told = first.position;
    let event = |balances: &Balances| Event::default().event("balances").json_data(balances).ok();
    let state = (casino, listener, player, event(&Balances::of(&first)), told);
    let events = unfold(state, move |(casino, mut listener, player, first, told)| async move {
        if let Some(event) = first {
            return Some((Ok(event), (casino, listener, player, None, told)));
        }
        loop {
            match listener.recv().await {
                Ok(item) if item.player != player => {}
                // Too slow for some of it: what is there now is what counts.
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    let Ok(now) = casino.ledger.player(&player).await else { return None };
                    if now.position <= told && told.0 > 0 {
                        continue;
                    }
                    let event = event(&Balances::of(&now))?;
                    return Some((Ok(event), (casino, listener, player, None, now.position)));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
