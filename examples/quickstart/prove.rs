//! The proof: what the views and the chain say, against what the input says. Fails if a cent is off.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use casino_ledger::core::stored::{BetStatus, WinStatus};
use casino_ledger::core::{PlayerId, RoundId, SourceId};
use casino_ledger::projections::balances::{Balances, PlayerBalances, ReadBalances};
use casino_ledger::projections::rounds::{GameTotals, ReadRounds, Rounds};
use casino_ledger::projections::trial_balance::{
    BookTotals, Detail, ReadTrialBalance, TrialBalance, TrialRow,
};
use casino_ledger::projections::{Feed, MemoryHome, Runner, Settings, Total};
use casino_ledger::{Ledger, Verification, verify};

use crate::traffic::{PROVIDER, Script, Traffic};

/// How long the views may take to catch up.
const CATCH_UP_MAX: Duration = Duration::from_mins(10);

/// What was proven.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) verification: Verification,
    pub(crate) games: Vec<GameTotals>,
    pub(crate) trial: Vec<TrialRow>,
    pub(crate) books: Vec<BookTotals>,
    /// The players of this traffic with what they have, richest first.
    pub(crate) richest: Vec<(PlayerId, PlayerBalances)>,
    pub(crate) rounds: u64,
    pub(crate) staked: Total,
    pub(crate) paid: Total,
}

fn sum<'a>(totals: impl Iterator<Item = &'a Total>) -> anyhow::Result<Total> {
    let mut all = Total::default();
    for total in totals {
        all = all.plus(*total).context("a sum is beyond 128 bits")?;
    }
    Ok(all)
}

/// Reads the ledger through its three views and verifies the chain. `alone` tells that the ledger holds this
/// traffic and nothing else, so that its totals must be the input's.
pub(crate) async fn prove(
    ledger: &Ledger,
    traffic: &Traffic,
    scripts: &[Script],
    alone: bool,
) -> anyhow::Result<Proof> {
    let store = ledger.store();
    let (balances, rounds, trial) = (
        MemoryHome::<Balances>::new(store.identity()),
        MemoryHome::<Rounds>::new(store.identity()),
        MemoryHome::<TrialBalance>::new(store.identity()),
    );
    let (read_balances, read_rounds, read_trial) = (balances.reader(), rounds.reader(), trial.reader());
    let feed = Feed::new(ledger.store());
    let runners = [
        Runner::start(&feed, balances, Settings::default())?,
        Runner::start(&feed, rounds, Settings::default())?,
        Runner::start(&feed, trial, Settings::default())?,
    ];
    let verification = verify(store.as_ref()).await?;
    for runner in &runners {
        runner.wait_for_all(&verification.heads, CATCH_UP_MAX).await?;
    }

    let games = read_rounds.games().await?.value;
    let books = read_trial.totals().await?.value;
    let rows = read_trial.rows(Detail::Account).await?.value;
    check_trial_balance(&rows, &verification)?;
    check_rounds(&read_rounds, traffic).await?;
    let (staked, paid) = (sum(games.iter().map(|g| &g.stakes))?, sum(games.iter().map(|g| &g.payouts))?);
    let mut richest = Vec::with_capacity(scripts.len());
    for script in scripts {
        let has = read_balances.player(&script.player).await?.value;
        let has = has.with_context(|| format!("player {} is in no view", script.player))?;
        richest.push((script.player.clone(), has));
    }
    if alone {
        check_players(scripts, &richest, traffic)?;
        let expected = |amounts: &mut dyn Iterator<Item = i128>| {
            Total::new(amounts.sum(), traffic.currency.scale()).context("a scale beyond 18")
        };
        let (stakes, payouts) = (
            expected(&mut traffic.bets.iter().map(|bet| bet.stake.units()))?,
            expected(&mut traffic.bets.iter().map(|bet| bet.payout.units()))?,
        );
        ensure!(staked == stakes, "staked {staked}, but the input stakes {stakes}");
        ensure!(paid == payouts, "paid {paid}, but the input pays {payouts}");
    }
    richest
        .sort_by_key(|(_, has)| std::cmp::Reverse(has.purses.first().map_or(0, |purse| purse.cash.units())));
    for runner in runners {
        runner.stop(CATCH_UP_MAX).await?;
    }
    let rounds = games.iter().map(|game| game.rounds).sum();
    Ok(Proof { verification, games, trial: rows, books, richest, rounds, staked, paid })
}

/// The view and the verification read the log by different code: they must agree.
fn check_trial_balance(rows: &[TrialRow], verification: &Verification) -> anyhow::Result<()> {
    let lines = &verification.trial_balance;
    ensure!(
        rows.len() == lines.len(),
        "the trial balance has {} rows, verified are {}",
        rows.len(),
        lines.len()
    );
    for line in lines {
        let row = rows.iter().find(|row| {
            let account = &row.account;
            (account.kind, account.code, account.currency) == (line.kind, line.account, line.currency)
        });
        let agrees =
            row.is_some_and(|row| row.debits == line.debits.into() && row.credits == line.credits.into());
        ensure!(agrees, "{} {}: view and verification differ", line.account, line.currency);
    }
    Ok(())
}

/// Every bet of the input is settled once, with its stake and its payout.
async fn check_rounds(rounds: &impl ReadRounds, traffic: &Traffic) -> anyhow::Result<()> {
    let source = SourceId::new(PROVIDER)?;
    for bet in &traffic.bets {
        let (player, round) = (PlayerId::new(&bet.player)?, RoundId::new(&bet.round)?);
        let row = rounds.round(&player, &source, &round).await?.value;
        let row = row.with_context(|| format!("round {round} of {player} is not there"))?;
        let settled = row.bets.iter().filter(|b| b.id.as_str() == bet.id && b.status == BetStatus::Settled);
        let won = row.wins.iter().filter(|w| w.id.as_str() == bet.id && w.status == WinStatus::Paid);
        let stakes: Vec<_> = settled.map(|bet| bet.stake).collect();
        let wins: Vec<_> = won.map(|win| win.amount).collect();
        if stakes != [bet.stake] || wins != [bet.payout] {
            bail!(
                "bet {} of {player} was {} : {}, booked is {stakes:?} : {wins:?}",
                bet.id,
                bet.stake,
                bet.payout
            );
        }
    }
    Ok(())
}

/// Every player has what he deposited, less his stakes, plus his wins.
fn check_players(
    scripts: &[Script],
    players: &[(PlayerId, PlayerBalances)],
    traffic: &Traffic,
) -> anyhow::Result<()> {
    let has: HashMap<&PlayerId, &PlayerBalances> =
        players.iter().map(|(player, has)| (player, has)).collect();
    for script in scripts {
        let purse = has[&script.player].purses.iter().find(|purse| purse.currency == traffic.currency.code());
        let purse = purse.with_context(|| format!("{} has no purse", script.player))?;
        let (cash, held) = (purse.cash.units(), purse.held.units());
        ensure!(
            (cash, held) == (script.cash, 0),
            "{} has {cash} units of cash and {held} held, {} and 0 were expected",
            script.player,
            script.cash
        );
    }
    Ok(())
}
