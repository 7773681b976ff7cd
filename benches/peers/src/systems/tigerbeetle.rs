//! `TigerBeetle` with its official client, on a server that someone else has started.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ::tigerbeetle as tb;
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;

use crate::system::{FUNDS, Lanes, Latencies, Rounds, STAKE, Slice, System, WIN, players_sum, same};

/// Names the server: `host:port`, or a port of this machine.
pub(crate) const ADDRESS: &str = "TIGERBEETLE_ADDRESS";
/// Names its cluster; 0 if it is not set.
pub(crate) const CLUSTER: &str = "TIGERBEETLE_CLUSTER";

/// How many events one request carries: the most is 8,189, and few below that is what its own benchmark sends.
const REQUEST: usize = 8_187;
/// Requests of that size are under way two at a time: one is worked on while the next is made.
const REQUESTS: usize = 2;
/// How long the server may take to answer the first request. Its client would wait for ever.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// The ledger and code of all accounts and transfers.
const LEDGER: u32 = 1;
const CODE: u16 = 1;
const HOUSE: u64 = 1;
/// Where players' numbers begin.
const FIRST_PLAYER: u64 = 2;

/// Why there is nothing to measure, if so.
pub(crate) fn missing() -> Option<String> {
    match std::env::var(ADDRESS) {
        Ok(address) if !address.is_empty() => None,
        _ => Some(format!("{ADDRESS} names no server; no package registry has one")),
    }
}

/// Accounts and transfers of one run: a server may hold those of earlier ones.
struct Accounts {
    client: tb::Client,
    /// The upper half of every id.
    run: u128,
    players: usize,
}

impl Accounts {
    async fn set_up(players: usize) -> Result<Self> {
        let address = std::env::var(ADDRESS).context(ADDRESS)?;
        let cluster = std::env::var(CLUSTER).ok().map_or(Ok(0), |text| text.parse()).context(CLUSTER)?;
        let client = tb::Client::new(cluster, &address).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let run = u128::from(u64::try_from(nanos)?) << 64;
        let accounts = Self { client, run, players };
        tokio::time::timeout(
            ANSWER_TIME_MAX,
            accounts.create(&[accounts.account(HOUSE, tb::AccountFlags::empty())]),
        )
        .await
        .with_context(|| format!("no TigerBeetle server answers at {address}"))??;
        let guarded = tb::AccountFlags::DebitsMustNotExceedCredits;
        let all: Vec<_> = (0..players).map(|i| accounts.account(FIRST_PLAYER + i as u64, guarded)).collect();
        for some in all.chunks(REQUEST) {
            accounts.create(some).await?;
        }
        let funding: Vec<_> = (0..players)
            .map(|i| accounts.transfer(1 << 62 | i as u64, HOUSE, FIRST_PLAYER + i as u64, FUNDS))
            .collect::<Result<_>>()?;
        for some in funding.chunks(REQUEST) {
            accounts.post(some).await?;
        }
        Ok(accounts)
    }

    fn account(&self, number: u64, flags: tb::AccountFlags) -> tb::Account {
        tb::Account {
            id: self.run | u128::from(number),
            ledger: LEDGER,
            code: CODE,
            flags,
            ..Default::default()
        }
    }

    fn transfer(&self, number: u64, from: u64, to: u64, amount: i64) -> Result<tb::Transfer> {
        Ok(tb::Transfer {
            // Apart from the accounts, and above zero.
            id: self.run | 1 << 63 | u128::from(number),
            debit_account_id: self.run | u128::from(from),
            credit_account_id: self.run | u128::from(to),
            amount: u128::try_from(amount)?,
            ledger: LEDGER,
            code: CODE,
            ..Default::default()
        })
    }

    fn place(&self, player: usize, round: u64) -> Result<tb::Transfer> {
        self.transfer(2 * round, FIRST_PLAYER + player as u64, HOUSE, STAKE)
    }

    fn settle(&self, player: usize, round: u64) -> Result<tb::Transfer> {
        self.transfer(2 * round + 1, HOUSE, FIRST_PLAYER + player as u64, WIN)
    }

    async fn create(&self, accounts: &[tb::Account]) -> Result<()> {
        let results = self.client.create_accounts(accounts).await?;
        ensure!(results.len() == accounts.len(), "{} answers for {} accounts", results.len(), accounts.len());
        for result in results {
            ensure!(result.status == tb::CreateAccountStatus::Created, "an account: {:?}", result.status);
        }
        Ok(())
    }

    async fn post(&self, transfers: &[tb::Transfer]) -> Result<()> {
        let results = self.client.create_transfers(transfers).await?;
        ensure!(
            results.len() == transfers.len(),
            "{} answers for {} transfers",
            results.len(),
            transfers.len()
        );
        for result in results {
            ensure!(result.status == tb::CreateTransferStatus::Created, "a transfer: {:?}", result.status);
        }
        Ok(())
    }

    async fn check(&self, rounds: u64) -> Result<String> {
        let house = self.client.lookup_accounts(&[self.run | u128::from(HOUSE)]).await?;
        let house = house.first().context("the house has no account")?;
        same("stakes", house.credits_posted, u128::from(rounds) * u128::try_from(STAKE)?)?;
        let paid = self.players as u128 * u128::try_from(FUNDS)? + u128::from(rounds) * u128::try_from(WIN)?;
        same("funds and wins", house.debits_posted, paid)?;
        let ids: Vec<u128> =
            (0..self.players).map(|i| self.run | u128::from(FIRST_PLAYER + i as u64)).collect();
        let mut sum = 0;
        for some in ids.chunks(REQUEST) {
            for account in self.client.lookup_accounts(some).await? {
                sum += i128::try_from(account.credits_posted)? - i128::try_from(account.debits_posted)?;
            }
        }
        same("players' balances", sum, players_sum(self.players, rounds)?)?;
        Ok(format!("{} transfers: balances of players and house are right", 2 * rounds))
    }
}

/// One transfer a request; the client puts together what waits.
pub(crate) struct Single {
    name: &'static str,
    accounts: Accounts,
}

impl Single {
    pub(crate) async fn set_up(name: &'static str, players: usize) -> Result<Box<dyn System>> {
        Ok(Lanes::boxed(Self { name, accounts: Accounts::set_up(players).await? }))
    }
}

impl Rounds for Single {
    fn name(&self) -> &str {
        self.name
    }

    fn levels(&self) -> Vec<usize> {
        vec![1, 64, 512]
    }

    fn players(&self) -> usize {
        self.accounts.players
    }

    async fn place(&self, player: usize, round: u64) -> Result<()> {
        self.accounts.post(&[self.accounts.place(player, round)?]).await
    }

    async fn settle(&self, player: usize, round: u64) -> Result<()> {
        self.accounts.post(&[self.accounts.settle(player, round)?]).await
    }

    async fn check(&self, rounds: u64) -> Result<String> {
        self.accounts.check(rounds).await
    }
}

/// Requests as large as they may be: its best.
pub(crate) struct Batches {
    name: &'static str,
    accounts: Accounts,
    next: AtomicU64,
}

impl Batches {
    pub(crate) async fn set_up(name: &'static str) -> Result<Box<dyn System>> {
        let accounts = Accounts::set_up(REQUEST * REQUESTS).await?;
        Ok(Box::new(Self { name, accounts, next: AtomicU64::new(0) }))
    }

    /// One request after the other, with players of its own.
    async fn lane(&self, lane: usize, start: Instant, time: Duration) -> Result<(u64, Latencies)> {
        let operations = REQUEST as u64;
        let (mut rounds, mut latencies) = (0, Latencies::new());
        while start.elapsed() < time {
            let first = self.next.fetch_add(operations, Ordering::Relaxed);
            for operation in [Accounts::place, Accounts::settle] {
                let of_request = |i: usize| operation(&self.accounts, lane * REQUEST + i, first + i as u64);
                let request: Vec<tb::Transfer> = (0..REQUEST).map(of_request).collect::<Result<_>>()?;
                let begun = Instant::now();
                self.accounts.post(&request).await?;
                latencies.record(begun.elapsed(), operations);
            }
            rounds += operations;
        }
        Ok((rounds, latencies))
    }
}

#[async_trait]
impl System for Batches {
    fn name(&self) -> &str {
        self.name
    }

    fn levels(&self) -> Vec<usize> {
        vec![REQUEST * REQUESTS]
    }

    async fn play(&self, _: usize, time: Duration) -> Result<Slice> {
        let start = Instant::now();
        let (one, other) = tokio::try_join!(self.lane(0, start, time), self.lane(1, start, time))?;
        let mut latencies = one.1;
        latencies.add(&other.1);
        Ok(Slice { rounds: one.0 + other.0, took: start.elapsed(), latencies })
    }

    async fn check(&self) -> Result<String> {
        self.accounts.check(self.next.load(Ordering::Relaxed)).await
    }
}
