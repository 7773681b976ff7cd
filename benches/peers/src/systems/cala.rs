//! cala-ledger, as its documentation has it: a journal, a template per operation, a posting an operation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use async_trait::async_trait;
use cala_ledger::account::NewAccount;
use cala_ledger::job::{JobSvcConfig, Jobs};
use cala_ledger::journal::NewJournal;
use cala_ledger::posting::PostingInput;
use cala_ledger::primitives::{BalanceRollup, DebitOrCredit};
use cala_ledger::tx_template::{
    NewParamDefinition, NewTxTemplate, NewTxTemplateEntry, NewTxTemplateTransaction, ParamDataType, Params,
};
use cala_ledger::{AccountId, CalaLedger, CalaLedgerConfig, JournalId, TransactionId};
use casino_ledger::Decimal;
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::postgres::Server;
use crate::system::{FUNDS, Lanes, Latencies, Rounds, STAKE, Slice, System, WIN, players_sum, same};

/// How many players there are: opening them takes long, and their number makes no difference.
const PLAYERS: usize = 1_024;
/// How many operations a batch has.
const BATCH: usize = 512;
/// How long the rollup of the house may take in the end.
const ROLLUP_TIME_MAX: Duration = Duration::from_mins(2);

const JOURNAL: u128 = 1;
const HOUSE: u128 = 2;
/// Where players' numbers begin.
const FIRST_PLAYER: u128 = 1 << 64;

/// Who keeps the house's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum House {
    /// Every posting, under a lock that all wait for.
    InPosting,
    /// A job that follows the postings: what the documentation advises for accounts that all post to.
    RolledUp,
}

/// A ledger with funded players.
struct Cala {
    ledger: CalaLedger,
    pool: PgPool,
    /// What was posted before the first round.
    funded: usize,
    house: House,
    /// The jobs end with this value.
    _jobs: Jobs,
}

fn told<E: std::fmt::Debug>(error: E) -> anyhow::Error {
    anyhow!("{error:?}")
}

fn account(player: usize) -> Uuid {
    Uuid::from_u128(FIRST_PLAYER + player as u128)
}

/// A posting between a player and the house. Its id makes it happen once.
fn posting(id: u128, template: &str, player: usize, units: i64) -> PostingInput {
    let mut params = Params::new();
    params.insert("player", account(player));
    params.insert("units", Decimal::new(units, 2));
    PostingInput::new(TransactionId::from(Uuid::from_u128(id)), template, params)
}

/// Funding comes before all rounds, a bet before its win.
fn id(which: u128, number: u64) -> u128 {
    (which + 1) << 72 | u128::from(number)
}

fn place(player: usize, round: u64) -> PostingInput {
    posting(id(1, round), "BET", player, STAKE)
}

fn settle(player: usize, round: u64) -> PostingInput {
    posting(id(2, round), "WIN", player, WIN)
}

fn template(code: &str, player: &str, house: &str) -> Result<NewTxTemplate> {
    let parameter = |name: &str, kind| NewParamDefinition::builder().name(name).r#type(kind).build();
    let params = vec![
        parameter("player", ParamDataType::Uuid).map_err(told)?,
        parameter("units", ParamDataType::Decimal).map_err(told)?,
    ];
    let entry = |kind: String, account: String, direction: &str| {
        NewTxTemplateEntry::builder()
            .entry_type(format!("'{kind}'"))
            .account_id(account)
            .layer("SETTLED")
            .direction(direction)
            .units("params.units")
            .currency("'EUR'")
            .build()
    };
    let of_house = format!("uuid('{}')", Uuid::from_u128(HOUSE));
    let entries = vec![
        entry(format!("{code}_PLAYER"), "params.player".to_owned(), player).map_err(told)?,
        entry(format!("{code}_HOUSE"), of_house, house).map_err(told)?,
    ];
    let transaction = NewTxTemplateTransaction::builder()
        .effective("date()")
        .journal_id(format!("uuid('{}')", Uuid::from_u128(JOURNAL)))
        .build()
        .map_err(told)?;
    let builder = NewTxTemplate::builder().id(Uuid::now_v7()).code(code).params(params);
    Ok(builder.transaction(transaction).entries(entries).build())
}

impl Cala {
    async fn set_up(server: &Server, database: &str, house: House) -> Result<Self> {
        let pool = server.database(database).await?;
        let mut jobs = Jobs::init(
            JobSvcConfig::builder().pool(pool.clone()).exec_migrations(false).build().map_err(told)?,
        )
        .await
        .map_err(told)?;
        let config = CalaLedgerConfig::builder().pool(pool.clone()).exec_migrations(true).build();
        let ledger = CalaLedger::init(config.map_err(told)?, &mut jobs).await.map_err(told)?;
        let journal =
            NewJournal::builder().id(JournalId::from(Uuid::from_u128(JOURNAL))).name("Bets").build();
        ledger.journals().create(journal).await.map_err(told)?;
        let rollup = match house {
            House::InPosting => BalanceRollup::Synchronous,
            House::RolledUp => BalanceRollup::EventuallyConsistent,
        };
        let of_house = NewAccount::builder().id(Uuid::from_u128(HOUSE)).name("house").code("house");
        // It grows with debits, as a player's account grows with credits.
        let of_house = of_house.normal_balance_type(DebitOrCredit::Debit);
        ledger.accounts().create(of_house.balance_rollup(rollup).build()).await.map_err(told)?;
        let players = (0..PLAYERS).map(|i| {
            let name = format!("player-{i:06}");
            let account = NewAccount::builder().id(account(i)).name(name.clone()).code(name);
            account.normal_balance_type(DebitOrCredit::Credit).build()
        });
        ledger.accounts().create_all(players.collect()).await.map_err(told)?;
        for template in [template("BET", "DEBIT", "CREDIT")?, template("WIN", "CREDIT", "DEBIT")?] {
            ledger.tx_templates().create(template).await.map_err(told)?;
        }
        if house == House::RolledUp {
            jobs.start_poll().await.map_err(told)?;
        }
        let cala = Self { ledger, pool, funded: PLAYERS, house, _jobs: jobs };
        let funding = |i| posting(id(0, i as u64), "WIN", i, FUNDS);
        let all: Vec<PostingInput> = (0..PLAYERS).map(funding).collect();
        for batch in all.chunks(BATCH) {
            cala.ledger.post_transactions(batch.to_vec()).await.map_err(told)?;
        }
        Ok(cala)
    }

    async fn post(&self, input: PostingInput) -> Result<()> {
        let PostingInput { tx_id, tx_template_code, params } = input;
        self.ledger.post_transaction(tx_id, &tx_template_code, params).await.map_err(told)?;
        Ok(())
    }

    async fn check(&self, rounds: u64) -> Result<String> {
        if self.house == House::RolledUp {
            let status = self.ledger.ec_rollup_status().await.map_err(told)?;
            status.await_completion(ROLLUP_TIME_MAX).await.map_err(told)?;
        }
        let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool);
        let posted = i64::try_from(2 * rounds)? + i64::try_from(self.funded)?;
        same("transactions", count("SELECT count(*) FROM cala_transactions").await?, posted)?;
        same("entries", count("SELECT count(*) FROM cala_entries").await?, 2 * posted)?;
        let journal = JournalId::from(Uuid::from_u128(JOURNAL));
        let currency = "EUR".parse().map_err(told)?;
        let cents = |amount: Decimal| i128::try_from(amount * Decimal::ONE_HUNDRED).map_err(told);
        let ids: Vec<_> = (0..PLAYERS).map(|i| (journal, AccountId::from(account(i)), currency)).collect();
        let balances = self.ledger.balances().find_all(&ids).await.map_err(told)?;
        let mut sum = 0;
        for balance in balances.values() {
            sum += cents(balance.settled())?;
        }
        let expected = players_sum(PLAYERS, rounds)?;
        same("players' balances", sum, expected)?;
        let house = self.ledger.balances().find(journal, AccountId::from(Uuid::from_u128(HOUSE)), currency);
        same("the house's balance", cents(house.await.map_err(told)?.settled())?, expected)?;
        Ok(format!("{posted} transactions, balances of players and house are right"))
    }
}

/// One posting a call.
pub(crate) struct Single {
    name: &'static str,
    cala: Cala,
}

impl Single {
    pub(crate) async fn set_up(name: &'static str, server: &Server, house: House) -> Result<Box<dyn System>> {
        let database = match house {
            House::InPosting => "cala_single",
            House::RolledUp => "cala_rollup",
        };
        Ok(Lanes::boxed(Self { name, cala: Cala::set_up(server, database, house).await? }))
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
        PLAYERS
    }

    async fn place(&self, player: usize, round: u64) -> Result<()> {
        self.cala.post(place(player, round)).await
    }

    async fn settle(&self, player: usize, round: u64) -> Result<()> {
        self.cala.post(settle(player, round)).await
    }

    async fn check(&self, rounds: u64) -> Result<String> {
        self.cala.check(rounds).await
    }
}

/// A batch of postings a call, each of another player, one call after the other.
pub(crate) struct Batches {
    name: &'static str,
    cala: Cala,
    next: AtomicU64,
}

impl Batches {
    pub(crate) async fn set_up(name: &'static str, server: &Server) -> Result<Box<dyn System>> {
        let cala = Cala::set_up(server, "cala_batches", House::InPosting).await?;
        Ok(Box::new(Self { name, cala, next: AtomicU64::new(0) }))
    }
}

#[async_trait]
impl System for Batches {
    fn name(&self) -> &str {
        self.name
    }

    fn levels(&self) -> Vec<usize> {
        vec![BATCH]
    }

    async fn play(&self, in_flight: usize, time: Duration) -> Result<Slice> {
        let operations = u64::try_from(in_flight)?;
        let (mut rounds, mut latencies) = (0, Latencies::new());
        let start = Instant::now();
        while start.elapsed() < time {
            let first = self.next.fetch_add(operations, Ordering::Relaxed);
            for operation in [place, settle] {
                let of_batch = |i: usize| {
                    operation((usize::try_from(first).unwrap_or(0) + i) % PLAYERS, first + i as u64)
                };
                let batch: Vec<PostingInput> = (0..in_flight).map(of_batch).collect();
                let begun = Instant::now();
                let posted = self.cala.ledger.post_transactions(batch).await.map_err(told)?;
                ensure!(posted.len() == in_flight, "{} of a batch of {in_flight} were posted", posted.len());
                latencies.record(begun.elapsed(), operations);
            }
            rounds += operations;
        }
        Ok(Slice { rounds, took: start.elapsed(), latencies })
    }

    async fn check(&self) -> Result<String> {
        self.cala.check(self.next.load(Ordering::Relaxed)).await
    }
}
