//! Pages for people, made on the server: no build step, and no script that is needed to read them. They show and change
//! nothing in the ledger; who signs in with a key of the office sees them. A proof that no statement covers yet has one taken,
//! once a minute at most.

mod chart;
mod feed;
mod overview;
mod player;
mod revenue;
mod verify;
mod withdrawals;

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use crate::api::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

const STYLE: &str = include_str!("style.css");
const LIVE: &str = include_str!("live.js");

/// The routes of the pages.
pub fn routes() -> Router<Arc<Casino>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/feed", get(feed::page))
        .route("/feed/live", get(feed::live))
        .route("/player", get(player::find))
        .route("/player/{player}", get(player::page))
        .route("/revenue", get(revenue::page))
        .route("/payouts", get(withdrawals::page))
        .route("/verify", get(verify::page))
        .route("/style.css", get(style))
        .route("/live.js", get(live))
        // Browsers ask for one, and there is none.
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
}

/// Where one can go.
const NAVIGATION: [(&str, &str); 6] = [
    ("/", "Overview"),
    ("/feed", "Live feed"),
    ("/player", "Player"),
    ("/revenue", "Revenue"),
    ("/payouts", "Withdrawals"),
    ("/verify", "Verify"),
];

fn may_look(caller: &Caller) -> Result<(), Problem> {
    caller.must_be(&[Role::Office])
}

/// A page with nothing but a title and what is in it.
pub fn plain(title: &str, content: &Markup) -> Markup {
    document(title, None, content)
}

/// A page among the others.
fn page(title: &str, here: &str, content: &Markup) -> Markup {
    document(title, Some(here), content)
}

fn document(title: &str, here: Option<&str>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " - casino-ledger" }
                link rel="stylesheet" href="/style.css";
                @if here.is_some() { script src="/live.js" defer {} }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    @if let Some(here) = here {
                        nav aria-label="Pages" {
                            ul {
                                @for (path, name) in NAVIGATION {
                                    li {
                                        @if path == here { a href=(path) aria-current="page" { (name) } }
                                        @else { a href=(path) { (name) } }
                                    }
                                }
                            }
                        }
                    }
                    h1 { (title) }
                }
                main id="content" { (content) }
            }
        }
    }
}

async fn style() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

async fn live() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], LIVE)
}
