//! A player: what he has, what he did, what he may.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{may_look, page as whole};
use crate::api::body::{Asked, In, player};
use crate::api::bonuses::AwardView;
use crate::api::players::{PlayerView, always, latest, newest_rounds, reading};
use crate::api::shapes::Left;
use crate::api::{Caller, Problem};
use crate::casino::Casino;

/// How many lines and rounds are shown.
const SHOWN: usize = 25;
/// How many players are listed.
const LISTED: usize = 200;

/// Whom to look for.
#[derive(Debug, Deserialize)]
pub(super) struct Whom {
    id: Option<String>,
}

/// The form that finds a player, and the first of all.
pub(super) async fn find(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Asked(whom): Asked<Whom>,
) -> Result<Response, Problem> {
    may_look(&caller)?;
    if let Some(id) = whom.id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
        return Ok(Redirect::to(&format!("/player/{}", encoded(player(id)?.as_str()))).into_response());
    }
    let players = casino.views.balances.list(None, LISTED).await?.value;
    Ok(whole(
        "Player",
        "/player",
        &html! {
            form method="get" action="/player" role="search" {
                label for="id" { "Player " }
                input id="id" name="id" required maxlength="128" autocomplete="off";
                " "
                button { "Show" }
            }
            div.wide { table {
                thead { tr { th { "player" } th { "has" } } }
                tbody { @for (id, of) in &players.rows {
                    tr {
                        td { a href={ "/player/" (encoded(id.as_str())) } { (id) } }
                        td { @for purse in &of.purses { (purse.available()) " " (purse.currency) " " } }
                    }
                } }
            } }
            @if players.next.is_some() { p { "There are more: name one." } }
        },
    )
    .into_response())
}

/// A text as one part of a path.
pub(super) fn encoded(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// The page of a player.
pub(super) async fn page(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Markup, Problem> {
    may_look(&caller)?;
    let reading = reading(&casino, &of).await?;
    let view = PlayerView::of(&reading);
    let policy = casino.ledger.policy();
    let limits: Vec<Left> =
        reading.state.limits_left(&policy.policy, casino.now()).iter().map(Left::of).collect();
    let bonuses = AwardView::live(&reading.state);
    let statement = latest(&casino, &reading, always(), None, SHOWN).await?;
    let rounds = newest_rounds(&casino, &reading, SHOWN).await?;
    let path = encoded(&view.player_id);
    Ok(whole(
        &format!("Player {}", view.player_id),
        "/player",
        &html! {
            p {
                (view.brand.as_deref().unwrap_or("")) ", " (view.jurisdiction.as_deref().unwrap_or(""))
                @if view.test { ", a test account" }
                @if view.closed_at.is_some() { ", " span.bad { "closed" } }
                @if view.exclusion.is_some() { ", " span.bad { "excluded" } }
                @for block in &view.blocks { ", " span.bad { (block) } }
            }
            h2 { "Balances" }
            div.wide { table {
                thead { tr { th { "currency" } th.n { "available" } th.n { "cash" } th.n { "held" } th.n { "pending" } th.n { "owed" } } }
                tbody data-balances={ "/players/" (path) "/balances/live" } { @for of in &view.balances {
                    tr { td { (of.currency) } td.n { (of.available) } td.n { (of.cash) } td.n { (of.held) } td.n { (of.pending) } td.n { (of.owed) } }
                } }
            } }
            h2 { "Bonuses" }
            @if bonuses.is_empty() { p { "None." } } @else { div.wide { table {
                thead { tr { th { "campaign" } th { "is" } th.n { "amount" } th.n { "wagered" } th.n { "of" } } }
                tbody { @for of in &bonuses {
                    tr { td { (of.campaign) } td { (of.state) } td.n { (of.amount) " " (of.currency) } td.n { (of.progress) } td.n { (of.target) } }
                } }
            } } }
            h2 { "Limits" }
            @if limits.is_empty() { p { "None." } } @else { div.wide { table {
                thead { tr { th { "limit" } th { "per" } th.n { "amount" } th.n { "used" } th.n { "left" } } }
                tbody { @for of in &limits {
                    tr { td { (of.kind) } td { (of.period.as_deref().unwrap_or("")) } td.n { (of.amount) " " (of.currency) } td.n { (of.used) } td.n { (of.left) } }
                } }
            } } }
            h2 { "Rounds" }
            div.wide { table {
                thead { tr { th { "round" } th { "game" } th { "is" } th.n { "staked" } th.n { "paid" } th.n { "back" } } }
                tbody { @for of in &rounds {
                    tr {
                        td { (of.source) " " (of.round_id) } td { (of.games.join(", ")) }
                        td { (of.status.as_str().unwrap_or("")) }
                        td.n { (of.staked) } td.n { (of.paid) } td.n { (of.refunded) }
                    }
                } }
            } }
            h2 { "Statement" }
            div.wide { table {
                thead { tr { th.n { "no." } th { "at (UTC)" } th { "what" } th { "moved" } th.n { "available after" } } }
                tbody { @for line in &statement.lines {
                    tr {
                        td.n { (line.entry) }
                        td { (line.at) }
                        td { (line.cause.as_deref().unwrap_or("")) " " (line.reference.as_deref().unwrap_or("")) }
                        td { @for movement in &line.movements { (movement.account.name()) " " (movement.change) " " (movement.currency) br; } }
                        td.n { @for purse in &line.after { (purse.available()) " " (purse.currency) " " } }
                    }
                } }
            } }
        },
    ))
}
