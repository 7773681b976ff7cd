//! A function in PostgreSQL, written by hand, that does what the domain needs at least.

use anyhow::{Result, ensure};
use sqlx::postgres::PgPool;

use crate::postgres::Server;
use crate::system::{FUNDS, Lanes, Rounds, STAKE, System, WIN, players_sum, same};

/// How the house's side is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum House {
    /// As a row with a balance, which every operation updates.
    HotRow,
    /// As entries alone: its balance is their sum.
    NoRow,
}

const TABLES: &str = include_str!("sql.sql");
/// The house's row and the statement that updates it.
const HOUSE_ROW: i64 = 0;

#[derive(Debug)]
pub(crate) struct Sql {
    name: &'static str,
    pool: PgPool,
    house: House,
    players: usize,
}

impl Sql {
    pub(crate) async fn set_up(
        name: &'static str,
        server: &Server,
        house: House,
        players: usize,
    ) -> Result<Box<dyn System>> {
        let (database, rows_from) = match house {
            House::HotRow => ("sql_hot", HOUSE_ROW),
            House::NoRow => ("sql_no_house", HOUSE_ROW + 1),
        };
        let pool = server.database(database).await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        // Without the house's row its update finds nothing to update and nothing to wait for.
        sqlx::query("INSERT INTO account SELECT id, CASE WHEN id = 0 THEN 0 ELSE $1 END FROM generate_series($2, $3) id")
            .bind(FUNDS)
            .bind(rows_from)
            .bind(i64::try_from(players)?)
            .execute(&pool)
            .await?;
        sqlx::query("VACUUM ANALYZE account").execute(&pool).await?;
        Ok(Lanes::boxed(Self { name, pool, house, players }))
    }

    async fn post(&self, id: &str, kind: &str, player: usize, amount: i64) -> Result<()> {
        let balance: i64 = sqlx::query_scalar("SELECT post($1, $2, $3, $4)")
            .bind(id)
            .bind(kind)
            .bind(i64::try_from(player + 1)?)
            .bind(amount)
            .fetch_one(&self.pool)
            .await?;
        ensure!(balance >= 0, "a balance below zero: {balance}");
        Ok(())
    }
}

impl Rounds for Sql {
    fn name(&self) -> &str {
        self.name
    }

    fn levels(&self) -> Vec<usize> {
        vec![1, 64, 512]
    }

    fn players(&self) -> usize {
        self.players
    }

    async fn place(&self, player: usize, round: u64) -> Result<()> {
        self.post(&format!("r{round:012}-bet"), "bet", player, -STAKE).await
    }

    async fn settle(&self, player: usize, round: u64) -> Result<()> {
        self.post(&format!("r{round:012}-win"), "win", player, WIN).await
    }

    async fn check(&self, rounds: u64) -> Result<String> {
        let one = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool);
        let (rounds_i64, sum) = (i64::try_from(rounds)?, players_sum(self.players, rounds)?);
        same("operations", one("SELECT count(*) FROM operation").await?, 2 * rounds_i64)?;
        same("entries", one("SELECT count(*) FROM entry").await?, 4 * rounds_i64)?;
        same("sum of entries", one("SELECT coalesce(sum(amount), 0)::bigint FROM entry").await?, 0)?;
        let players = one("SELECT sum(balance)::bigint FROM account WHERE id <> 0").await?;
        same("players' balances", i128::from(players), sum)?;
        let won = rounds_i64 * (WIN - STAKE);
        let house = match self.house {
            House::HotRow => one("SELECT balance FROM account WHERE id = 0").await?,
            House::NoRow => {
                one("SELECT coalesce(sum(amount), 0)::bigint FROM entry WHERE account = 0").await?
            }
        };
        same("the house's balance", house, -won)?;
        Ok(format!("{} operations, balanced entries, balances of players and house are right", 2 * rounds))
    }
}
