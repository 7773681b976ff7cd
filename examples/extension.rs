//! A platform's own event, account and check, without forking: loyalty points for bets, paid out as cash.
//!
//! `cargo run --example extension`
//!
//! The points of a player are state of the platform, kept by the ledger under the namespace `acme.loyalty`: earned
//! in the same commit as the bet, spent in the same commit as the cash they buy. A check of the platform refuses
//! bets in the VIP lounge of players without the rank. Nothing of this is known to the ledger.

use std::sync::Arc;

use casino_ledger::core::testing::commands;
use casino_ledger::core::{
    Batch, HostAccount, HostAccountClass, HostData, HostMovement, HostName, HostNamespace, HostOperation,
    KnownOperations, PlaceBet, PlayerCommand, PlayerId, PlayerState, PreCheck, Refused, Timestamp,
};
use casino_ledger::store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
use casino_ledger::{Decimal, ExecuteError, Ledger, Receipt, Settings};

/// What the platform keeps of a player: points earned by bets and not spent yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Loyalty {
    points: u64,
    version: u64,
}

/// The rank that the lounge asks for, in points.
const LOUNGE_POINTS: u64 = 20;

impl Loyalty {
    fn read(state: &PlayerState) -> anyhow::Result<Self> {
        let Some(kept) = state.host(&namespace()?) else { return Ok(Self::default()) };
        let points = kept.state.as_ref().map_or(Ok(0), |state| state.as_str().parse())?;
        Ok(Self { points, version: kept.version })
    }

    /// The event that says how many points there are from now on, decided on what was read: if another came
    /// in between, it is refused and the platform decides anew.
    fn event(self, id: &str, name: &str, points: u64) -> anyhow::Result<HostOperation> {
        Ok(HostOperation {
            source: commands::source("acme"),
            id: commands::txn(id),
            namespace: namespace()?,
            name: HostName::new(name)?,
            version: 1,
            data: HostData::new(format!(r#"{{"from":{},"to":{points}}}"#, self.points))?,
            state: Some(HostData::new(points.to_string())?),
            expected: Some(self.version),
            movement: None,
        })
    }
}

fn namespace() -> anyhow::Result<HostNamespace> {
    Ok(HostNamespace::new("acme.loyalty")?)
}

/// Lets into the lounge who has the rank.
#[derive(Debug)]
struct Lounge {
    name: HostName,
}

impl PreCheck for Lounge {
    fn name(&self) -> &HostName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn check(&self, state: &PlayerState, command: &PlayerCommand, _: Timestamp) -> Result<(), Refused> {
        let PlayerCommand::PlaceBet(bet) = command else { return Ok(()) };
        let in_lounge = bet.game.as_str().starts_with("lounge/");
        // What cannot be read counts as nothing: a check refuses, it never fails.
        let points = Loyalty::read(state).map_or(0, |loyalty| loyalty.points);
        if in_lounge && points < LOUNGE_POINTS {
            return Err(Refused { code: self.name.clone() });
        }
        Ok(())
    }
}

/// A bet that earns a point per whole euro: both land, or neither.
async fn bet_with_points(ledger: &Ledger, player: &PlayerId, bet: PlaceBet) -> anyhow::Result<Receipt> {
    let loyalty = Loyalty::read(&ledger.player(player).await?.state)?;
    let earned = u64::try_from(bet.amount.trunc().mantissa())?;
    let event = loyalty.event(bet.id.as_str(), "points.earned", loyalty.points + earned)?;
    let both = Batch::new(vec![bet.into(), event.into()], KnownOperations::Refuse)?;
    Ok(ledger.execute(player, both).await?)
}

/// Points become cash, a cent each, borne by the platform's own expense account.
async fn cash_points(ledger: &Ledger, player: &PlayerId, id: &str) -> anyhow::Result<Receipt> {
    let loyalty = Loyalty::read(&ledger.player(player).await?.state)?;
    let paid = HostMovement {
        account: HostAccount { class: HostAccountClass::Expense, name: HostName::new("points")? },
        to_player: true,
        amount: Decimal::new(i64::try_from(loyalty.points)?, 2),
        currency: commands::currency("EUR"),
        between_players: false,
    };
    let event = HostOperation { movement: Some(paid), ..loyalty.event(id, "points.spent", 0)? };
    Ok(ledger.execute(player, event).await?)
}

/// What the story came to, for the reader and for the test of this example.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) refused: String,
    pub(crate) points: u64,
    pub(crate) cash: String,
    pub(crate) expense: String,
}

/// Plays the story on a ledger.
pub(crate) async fn story() -> anyhow::Result<Story> {
    let lounge = Lounge { name: HostName::new("acme.lounge")? };
    let mut settings = Settings::new()?;
    settings.policy.checks.insert(lounge.name.clone(), lounge.version());
    settings.checks.push(Arc::new(lounge));
    let identity = LedgerIdentity { ledger: LedgerId([1; 16]), shards: ShardCount::ONE, format: FORMAT };
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new(identity));
    let ledger = Ledger::with_store(Arc::clone(&store), settings).await?;
    let player = PlayerId::new("anna")?;
    ledger.execute(&player, commands::open(&["EUR"])).await?;
    ledger.execute(&player, commands::deposit("d1", "100")).await?;

    let in_lounge =
        |id: &str| PlaceBet { game: commands::game("lounge/roulette"), ..commands::bet(id, id, "5") };
    let refused = match ledger.execute(&player, in_lounge("t1")).await {
        Err(ExecuteError::Rejected(refusal)) => refusal.rejection.to_string(),
        other => anyhow::bail!("the lounge is open to everyone: {other:?}"),
    };
    bet_with_points(&ledger, &player, commands::bet("t2", "r2", "30")).await?;
    ledger.execute(&player, in_lounge("t3")).await?;
    cash_points(&ledger, &player, "p1").await?;

    let reading = ledger.player(&player).await?;
    let points = Loyalty::read(&reading.state)?.points;
    let cash = reading.balances().first().map(|purse| purse.cash.to_string()).unwrap_or_default();
    ledger.close().await?;
    let verified = casino_ledger::verify(store.as_ref()).await?;
    let expense = verified.trial_balance.iter().find(|line| line.account.name() == "host:expense");
    let expense = expense.map(|line| line.debits.to_string()).unwrap_or_default();
    Ok(Story { refused, points, cash, expense })
}

#[allow(dead_code, reason = "the test of this example plays the story itself")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Story { refused, points, cash, expense } = story().await?;
    println!("in the lounge without points: {refused}");
    println!(
        "after a bet of 30, a bet in the lounge of 5 and the points cashed: {points} points, {cash} EUR"
    );
    println!("borne by host:expense of acme.loyalty/points: {expense} EUR");
    Ok(())
}
