//! A view of a platform's own: what each campaign gave away, per kind of credit and currency.
//!
//! `cargo run --example own_projection`, or with `--features sqlite` in a SQLite file.
//!
//! All there is to write is a key, a row, a fold over events, and how the rows of two shards add up. The home keeps
//! the rest: transactions, checkpoints, restarts, rebuilds, paging.

use std::time::Duration;

use casino_ledger::core::stored::{CreditKind, Event, EventRecord};
use casino_ledger::core::testing::commands;
use casino_ledger::core::{CurrencyCode, GrantCredit, PlayerCommand, PlayerId, SubAccount};
use casino_ledger::projections::testing::{InMemory, check_all, history};
use casino_ledger::projections::{
    Commit, Feed, Home, Model, PAGE_MAX, ReadModel, Rows, Runner, Settings as RunnerSettings, Total,
    ViewError,
};
use casino_ledger::store::{FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
use casino_ledger::{Ledger, Settings};
use serde::{Deserialize, Serialize};

/// What campaigns cost.
struct Campaigns;

/// What was given away under one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    credits: u64,
    amount: Total,
}

impl Model for Campaigns {
    const NAME: &'static str = "campaigns";
    const VERSION: u32 = 1;
    type Key = (SubAccount, CreditKind, CurrencyCode);
    type Row = Given;

    fn fold(rows: &mut Rows<'_, Self>, _: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        let Event::CreditGranted(credit) = &record.event else { return Ok(()) };
        rows.update(&(credit.of.clone(), credit.reason, credit.currency), |row| {
            row.credits = row.credits.checked_add(1)?;
            row.amount = row.amount.plus(credit.amount)?;
            Some(())
        })
    }

    fn join(row: &mut Given, other: Given) -> Option<()> {
        row.credits = row.credits.checked_add(other.credits)?;
        row.amount = row.amount.plus(other.amount)?;
        Some(())
    }
}

/// Plays a few credits, follows the ledger with the view of a home, and reads it.
async fn show(home: impl Home, reader: impl ReadModel<Campaigns>, ledger: &Ledger) -> anyhow::Result<()> {
    let feed = Feed::new(ledger.store());
    let runner = Runner::start(&feed, home, RunnerSettings::default())?;
    let mut last = None;
    for player in ["p1", "p2", "p3"] {
        let player = PlayerId::new(player)?;
        let credit = |id: &str, campaign: &str, amount: &str| -> anyhow::Result<PlayerCommand> {
            let of = SubAccount::new(campaign)?;
            Ok(GrantCredit { of, ..commands::credit(id, CreditKind::FreeRound, amount) }.into())
        };
        ledger.execute(&player, commands::open(&["EUR"])).await?;
        ledger.execute(&player, credit("c1", "summer", "5.00")?).await?;
        last = Some(ledger.execute(&player, credit("c2", "welcome", "2.50")?).await?);
    }
    let last = last.ok_or_else(|| anyhow::anyhow!("nothing was done"))?;
    // Read what was just written: the receipt says where that is.
    let limit = Duration::from_secs(10);
    reader.at_least(last.shard, last.position, limit).await?;
    // Or everything that is durable now.
    runner.wait_for_all(&ledger.heads().await?, limit).await?;
    let page = reader.list(None, PAGE_MAX).await?;
    for ((campaign, kind, currency), given) in &page.value.rows {
        println!("{campaign} {kind:?} {currency}: {} credits, {}", given.credits, given.amount);
    }
    println!("true at {} commits, complete: {}", page.checkpoint.commits(), page.incomplete().is_none());
    let summer = (SubAccount::new("summer")?, CreditKind::FreeRound, "EUR".parse()?);
    let summer = reader.get(&summer).await?.value;
    anyhow::ensure!(summer == Some(Given { credits: 3, amount: "15.00".parse()? }), "{summer:?}");
    runner.stop(limit).await?;
    Ok(())
}

/// The whole test of the view: random histories, and every clause of the contract.
async fn check() -> anyhow::Result<()> {
    let history = history(4, 12, 60, 1);
    let mut subject = InMemory::<Campaigns>::of_model(&history.identity);
    check_all(&mut subject, &history.commits).await.map_err(anyhow::Error::msg)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let identity = LedgerIdentity { ledger: LedgerId([1; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
    let ledger =
        Ledger::with_store(std::sync::Arc::new(MemoryStore::new(identity)), Settings::new()?).await?;
    #[cfg(not(feature = "sqlite"))]
    {
        use casino_ledger::projections::MemoryHome;
        let home = MemoryHome::<Campaigns>::new(&identity);
        let reader = home.reader();
        show(home, reader, &ledger).await?;
    }
    #[cfg(feature = "sqlite")]
    {
        use casino_ledger::projections::sqlite::SqliteHome;
        let folder = tempfile::tempdir()?;
        let home = SqliteHome::<Campaigns>::new(folder.path(), &identity)?;
        let reader = home.reader();
        show(home, reader, &ledger).await?;
    }
    ledger.close().await?;
    check().await
}

#[cfg(test)]
mod tests {
    /// The example runs as a test too.
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
