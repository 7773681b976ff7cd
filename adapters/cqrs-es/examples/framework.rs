//! A host that has code on cqrs-es: its framework, its query, its views, over a ledger in a folder.
//!
//! `cargo run -p casino-ledger-cqrs-es --example framework`

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casino_ledger::core::stored::Event;
use casino_ledger::core::{PlayerCommand, PlayerId};
use casino_ledger::projections::Settings as Following;
use casino_ledger::{Ledger, RecordedOutcome, Settings};
use casino_ledger_cqrs_es::{MemoryCheckpoints, Once, PlayerError, PlayerLedger, QueryFeed, ledger_cqrs};
use cqrs_es::persist::{GenericQuery, PersistenceError, ViewContext, ViewRepository};
use cqrs_es::{AggregateError, EventEnvelope, View};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

/// What the host shows of a player: his turnover, and what he can bet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Lobby {
    bets: u32,
    available: String,
}

impl View<PlayerLedger> for Lobby {
    fn update(&mut self, event: &EventEnvelope<PlayerLedger>) {
        match event.payload.event() {
            Event::BetPlaced(_) => self.bets += 1,
            Event::EntryPosted(entry) => {
                self.available =
                    entry.after.first().map(|purse| purse.available().to_string()).unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// The host's views; in production this is a `PostgresViewRepository`.
#[derive(Default)]
struct Lobbies(Mutex<HashMap<String, (Once<Lobby>, i64)>>);

impl ViewRepository<Once<Lobby>, PlayerLedger> for Lobbies {
    async fn load(&self, id: &str) -> Result<Option<Once<Lobby>>, PersistenceError> {
        Ok(self.load_with_context(id).await?.map(|(view, _)| view))
    }

    async fn load_with_context(
        &self,
        id: &str,
    ) -> Result<Option<(Once<Lobby>, ViewContext)>, PersistenceError> {
        let row = self.0.lock().expect("no panic holds it").get(id).cloned();
        Ok(row.map(|(view, version)| (view, ViewContext::new(id.to_owned(), version))))
    }

    async fn update_view(&self, view: Once<Lobby>, context: ViewContext) -> Result<(), PersistenceError> {
        let row = (view, context.version + 1);
        self.0.lock().expect("no panic holds it").insert(context.view_instance_id, row);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = Settings::new()?;
    let policy = settings.policy.clone();
    let ledger = Ledger::open(folder.path(), settings).await?;

    // The view follows the log. Its query takes every event once, though a crash may bring some again.
    let lobbies = Arc::new(Lobbies::default());
    let query = GenericQuery::new(Arc::clone(&lobbies));
    let kept = Arc::new(MemoryCheckpoints::new());
    let feed = QueryFeed::generic("lobby", query, &ledger, kept, Handle::current())
        .follow(&ledger, Following::default())?;

    let cqrs = ledger_cqrs(ledger.clone(), vec![])?;
    let commands = [
        r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#,
        r#"{"command":"record_deposit","source":"psp","id":"d1","amount":"100.00","currency":"EUR"}"#,
        r#"{"command":"place_bet","source":"prov","id":"t1","round":"r1","game":"crash","amount":"10.00","currency":"EUR"}"#,
    ];
    let commands: Result<Vec<PlayerCommand>, _> = commands.into_iter().map(serde_json::from_str).collect();
    let commands = commands?;
    for command in &commands {
        cqrs.execute("p1", command.clone()).await?;
    }

    // The provider timed out and sends its bet again: the same answer, and nothing happens.
    let bet = &commands[2];
    cqrs.execute("p1", bet.clone()).await?;
    let key = bet.key(&PlayerId::new("p1")?, &policy)?;
    let outcome = ledger.outcome(&PlayerId::new("p1")?, &key).await?;
    anyhow::ensure!(matches!(outcome, RecordedOutcome::Accepted(_)), "the bet is recorded");

    let too_much = r#"{"command":"place_bet","source":"prov","id":"t2","round":"r2","game":"crash","amount":"90.01","currency":"EUR"}"#;
    match cqrs.execute("p1", serde_json::from_str::<PlayerCommand>(too_much)?).await {
        Err(AggregateError::UserError(PlayerError::Refused(refusal))) => {
            println!("refused: {}", refusal.rejection.code());
        }
        other => anyhow::bail!("it should be refused: {other:?}"),
    }

    feed.wait_for_all(&ledger.heads().await?, Duration::from_secs(10)).await?;
    let lobby = lobbies.load("p1").await?.ok_or_else(|| anyhow::anyhow!("the view is there"))?;
    println!("{} bet, {} left", lobby.view().bets, lobby.view().available);
    anyhow::ensure!((lobby.view().bets, lobby.view().available.as_str()) == (1, "90.00"));
    feed.stop(Duration::from_secs(10)).await?;
    ledger.close().await?;
    Ok(())
}
