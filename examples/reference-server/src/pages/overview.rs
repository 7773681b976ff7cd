//! The overview: whether all is well, how far the views are, what the books come to.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::{may_look, page as whole};
use crate::api::health::standing;
use crate::api::{Caller, Problem};
use crate::casino::Casino;

pub(super) async fn page(State(casino): State<Arc<Casino>>, caller: Caller) -> Result<Markup, Problem> {
    may_look(&caller)?;
    let ready = standing(&casino).await;
    let totals = casino.views.trial_balance.totals().await?.value;
    let waiting = casino.views.withdrawals.totals().await?.value;
    let latency = crate::metrics::latency();
    Ok(whole(
        "Overview",
        "/",
        &html! {
            div.cards {
                div.card {
                    "State"
                    @if ready.ready { b.good { "ready" } } @else { b.bad { "not ready" } }
                }
                div.card { "Commits" b { (ready.commits) } }
                div.card { "Wallet, median" b { (latency.median) } }
                div.card { "Wallet, 95 of 100" b { (latency.p95) } }
            }
            h2 { "Views" }
            div.wide { table {
                thead { tr { th { "view" } th { "is" } th.n { "commits behind" } } }
                tbody { @for view in &ready.views {
                    tr { td { (view.name) } td { (view.state) } td.n { (view.lag) } }
                } }
            } }
            h2 { "Books" }
            div.wide { table {
                thead { tr { th { "currency" } th { "book" } th.n { "debits" } th.n { "credits" } th { } } }
                tbody { @for of in &totals {
                    tr {
                        td { (of.currency) }
                        td { (format!("{:?} {:?}", of.kind, of.book).to_lowercase()) }
                        td.n { (of.debits) }
                        td.n { (of.credits) }
                        td { @if of.debits == of.credits { span.good { "equal" } } @else { span.bad { "UNEQUAL" } } }
                    }
                } }
            } }
            h2 { "Withdrawals" }
            div.wide { table {
                thead { tr { th { "state" } th { "currency" } th.n { "how many" } th.n { "how much" } } }
                tbody { @for of in waiting.iter().filter(|of| of.state.is_open()) {
                    tr {
                        td { a href={ "/payouts#" (of.state.as_str()) } { (of.state.as_str()) } }
                        td { (of.currency) }
                        td.n { (of.sums.count) }
                        td.n { (of.sums.amount) }
                    }
                } }
            } }
        },
    ))
}
