//! The live feed: what happens to players' money and play, as it is recorded.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use maud::{Markup, html};
use tokio::sync::broadcast::error::RecvError;

use super::player::encoded;
use super::{may_look, page as whole};
use crate::api::{Caller, Problem};
use crate::casino::Casino;

pub(super) async fn page(State(casino): State<Arc<Casino>>, caller: Caller) -> Result<Markup, Problem> {
    may_look(&caller)?;
    let last = casino.feed.last();
    Ok(whole(
        "Live feed",
        "/feed",
        &html! {
            p { "The newest first. With scripts it goes on by itself; without, load it again." }
            div.wide { table {
                thead { tr { th { "at (UTC)" } th { "what" } th { "player" } th { "game" } th.n { "amount" } th { "of" } } }
                tbody data-live="/feed/live" { @for item in &last {
                    tr {
                        td { (item.at.to_string().get(11..23).unwrap_or("")) }
                        td { (item.event) }
                        td { a href={ "/player/" (encoded(item.player.as_str())) } { (item.player) } }
                        td { (item.game.as_deref().unwrap_or("")) }
                        td.n { (item.amount.as_deref().unwrap_or("")) " " (item.currency.as_deref().unwrap_or("")) }
                        td { (item.of) }
                    }
                } }
            } }
        },
    ))
}

/// The feed as server-sent events named `item`.
pub(super) async fn live(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    may_look(&caller)?;
    let events = unfold(casino.feed.listen(), |mut listener| async move {
        loop {
            match listener.recv().await {
                Ok(item) => {
                    let event = Event::default().id(&item.id).event("item").json_data(&*item).ok()?;
                    return Some((Ok(event), listener));
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
