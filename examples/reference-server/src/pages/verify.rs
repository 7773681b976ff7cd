//! The page that verifies: the heads of the chain, the whole ledger, one player, and the proof of one commit.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use casino_ledger::core::stored::CommitBody;
use casino_ledger::proof::{NotaryError, Statement, StatementArchive as _, Witnesses, prove};
use casino_ledger::store::{Position, Shard};
use casino_ledger::{Verification, Verifier, verify_player};
use maud::{Markup, html};
use serde::Deserialize;

use super::{may_look, page as whole};
use crate::api::body::{Asked, player};
use crate::api::{Caller, Problem};
use crate::casino::Casino;

/// How old the last statement is at least before a proof takes a new one.
const STATEMENT_EVERY: Duration = Duration::from_mins(1);

/// What is to be verified.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct What {
    all: Option<String>,
    player: Option<String>,
    shard: Option<u16>,
    position: Option<u64>,
}

pub(super) async fn page(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Asked(what): Asked<What>,
) -> Result<Markup, Problem> {
    may_look(&caller)?;
    let heads = casino.ledger.heads().await.map_err(|_| Problem::internal())?;
    let identity = *casino.ledger.store().identity();
    let found = match &what {
        What { all: Some(_), .. } => all(&casino).await,
        What { player: Some(id), .. } if !id.trim().is_empty() => one(&casino, id.trim()).await?,
        What { shard: Some(shard), position: Some(position), .. } => {
            proof(&casino, Shard(*shard), Position(*position)).await
        }
        _ => html! {},
    };
    Ok(whole(
        "Verify",
        "/verify",
        &html! {
            (found)
            h2 { "The whole ledger" }
            form method="get" action="/verify" {
                input type="hidden" name="all" value="yes";
                button { "Verify every commit, every player and the books" }
            }
            h2 { "One player" }
            form method="get" action="/verify" {
                label for="player" { "Player " }
                input id="player" name="player" required maxlength="128";
                " "
                button { "Verify his history" }
            }
            h2 { "The proof of one commit" }
            form method="get" action="/verify" {
                label for="shard" { "Shard " }
                input id="shard" name="shard" type="number" min="0" required;
                " "
                label for="position" { "position " }
                input id="position" name="position" type="number" min="1" required;
                " "
                button { "Prove it" }
            }
            h2 { "Heads of the chain" }
            p { "Ledger " code { (identity.ledger) } ". Each hash binds everything before it in its shard." }
            div.wide { table {
                thead { tr { th.n { "shard" } th.n { "commits" } th { "hash" } } }
                tbody { @for (shard, head) in heads.iter().enumerate().filter(|(_, head)| head.position.0 > 0) {
                    tr { td.n { (shard) } td.n { (head.position.0) } td { code { (head.hash) } } }
                } }
            } }
        },
    ))
}

async fn all(casino: &Casino) -> Markup {
    let Ok(_held) = casino.reading_much.try_lock() else {
        return html! { p.bad { "Somebody verifies already: try again when that is done." } };
    };
    match Verifier::new(casino.ledger.store()).run().await {
        Ok(found) => verdict(&found),
        Err(error) => html! { h2 { "Verified" } p.bad { "Not right: " (error) } },
    }
}

fn verdict(found: &Verification) -> Markup {
    html! {
        h2 { "Verified" }
        p {
            @if found.breaks.is_empty() { span.good { "All is right: " } } @else { span.bad { "Not right: " } }
            (found.commits) " commits, " (found.entries) " entries, " (found.players) " players, "
            (found.houses) " partitions of the house."
        }
        @if !found.breaks.is_empty() {
            p.bad { "House and players do not agree:" }
            ul { @for what in &found.breaks { li { (what) } } }
        }
    }
}

async fn one(casino: &Casino, id: &str) -> Result<Markup, Problem> {
    let of = player(id)?;
    let store = casino.ledger.store();
    Ok(match verify_player(&store, &of, &Witnesses::new()).await {
        Ok(found) => html! {
            h2 { "Player " (of) }
            p {
                span.good { "His history is right: " }
                (found.commits) " commits and " (found.entries) " entries in shard " (found.shard) ", the last at "
                (found.last.position.0) "."
            }
            ul { @for purse in &found.balances { li { (purse.available()) " " (purse.currency) " available" } } }
        },
        Err(error) => html! { h2 { "Player " (of) } p.bad { "Not right: " (error) } },
    })
}

/// The last statement, if a commit is under it. Where it is not, and the last is older than [`STATEMENT_EVERY`], a new
/// one is taken: looking often makes none.
async fn statement(
    casino: &Casino,
    shard: Shard,
    position: Position,
) -> Result<Option<Statement>, NotaryError> {
    let identity = *casino.ledger.store().identity();
    let covers = |statement: &Statement| {
        let header = statement.header();
        let head = statement.heads().get(usize::from(shard.0));
        *header.identity() == identity
            && header.key() == casino.notary_key
            && head.is_some_and(|head| head.head.position >= position)
    };
    match casino.statements.last().await?.filter(covers) {
        Some(last) => Ok(Some(last)),
        None => casino.notary.take_if_due(STATEMENT_EVERY).await,
    }
}

/// Proves that a commit is under a statement of the heads, and checks the proof as a stranger would.
async fn proof(casino: &Casino, shard: Shard, position: Position) -> Markup {
    let Ok(_held) = casino.reading_much.try_lock() else {
        return html! { p.bad { "Somebody verifies already: try again when that is done." } };
    };
    let is_there = match casino.ledger.heads().await {
        Ok(heads) => heads.get(usize::from(shard.0)).is_some_and(|head| head.position >= position),
        Err(error) => return html! { p.bad { "The log cannot be read: " (error) } },
    };
    if !is_there {
        return html! { p.bad { "There is no proof of it: there is no such commit." } };
    }
    let statement = match statement(casino, shard, position).await {
        Ok(Some(statement)) => statement,
        Ok(None) => return html! { p { "No statement has it yet: try again in a minute." } },
        Err(error) => return html! { p.bad { "No statement could be taken: " (error) } },
    };
    let proven = match prove(&casino.ledger.store(), &statement, shard, position).await {
        Ok(proof) => proof.verify(&[casino.notary_key]).map(|proven| (proof.to_string(), proven)),
        Err(error) => return html! { p.bad { "There is no proof of it: " (error) } },
    };
    match proven {
        Ok((text, proven)) => {
            let body = CommitBody::decode(proven.body.as_bytes()).ok();
            html! {
                h2 { "Commit " (position.0) " of shard " (shard) }
                p {
                    span.good { "Proven: " } "its hash " code { (proven.hash) } " is under statement "
                    (proven.sequence) " of " (proven.taken_at) ", signed with " code { (casino.notary_key) } "."
                }
                @if let Some(body) = &body {
                    ul { @for record in &body.events { li { (record.event.type_name()) " in " (record.stream) } } }
                }
                details { summary { "The proof, for anyone to check" } pre.wide { (text) } }
            }
        }
        Err(error) => html! { p.bad { "The proof does not hold: " (error) } },
    }
}

#[cfg(test)]
mod tests {
    use casino_ledger::store::{FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
    use casino_ledger::verify;

    use super::*;

    #[tokio::test]
    async fn what_house_and_players_do_not_agree_on_is_not_right() -> Result<(), Box<dyn std::error::Error>> {
        let ledger = LedgerId([7; 16]);
        let store = MemoryStore::new(LedgerIdentity { ledger, shards: ShardCount::DEFAULT, format: FORMAT });
        let mut found = verify(&store).await?;
        assert!(verdict(&found).into_string().contains("All is right"));
        found.breaks.push("released without an assignment".to_owned());
        let told = verdict(&found).into_string();
        assert!(!told.contains("All is right"), "{told}");
        assert!(told.contains("Not right") && told.contains("released without an assignment"), "{told}");
        Ok(())
    }
}
