//! Withdrawals that wait, by state, those first that were asked for first.

use std::sync::Arc;

use axum::extract::State;
use casino_ledger::projections::withdrawals::WithdrawalState;
use maud::{Markup, html};

use super::player::encoded;
use super::{may_look, page as whole};
use crate::api::{Caller, Problem};
use crate::casino::Casino;

/// How many are shown of each state.
const SHOWN: usize = 100;

pub(super) async fn page(State(casino): State<Arc<Casino>>, caller: Caller) -> Result<Markup, Problem> {
    may_look(&caller)?;
    let mut queues = Vec::new();
    for state in WithdrawalState::ALL.into_iter().filter(|state| state.is_open()) {
        let page = casino.views.withdrawals.queue(state, None, SHOWN).await?.value;
        if !page.rows.is_empty() {
            queues.push((state, page));
        }
    }
    let now = casino.now();
    Ok(whole(
        "Withdrawals",
        "/payouts",
        &html! {
            @if queues.is_empty() { p { "None waits." } }
            @for (state, page) in &queues {
                h2 id=(state.as_str()) { (state.as_str().replace('_', " ")) }
                div.wide { table {
                    thead { tr { th { "player" } th { "withdrawal" } th.n { "amount" } th { "asked for" } th.n { "hours" } th { "approvals" } } }
                    tbody { @for row in &page.rows {
                        tr {
                            td { a href={ "/player/" (encoded(row.player.as_str())) } { (row.player) } }
                            td { (row.reference.source) " " (row.reference.id) }
                            td.n { (row.amount) " " (row.currency) }
                            td { (row.requested_at) }
                            td.n { (row.age(now).as_secs() / 3_600) }
                            td { (row.approved_by.len()) " of " (row.approvals) }
                        }
                    } }
                } }
                @if page.next.is_some() { p { "There are more." } }
            }
        },
    ))
}
