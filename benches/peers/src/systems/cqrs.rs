//! cqrs-es with postgres-es, as its book has it: an aggregate per player, a command an operation.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::{PostgresCqrs, postgres_cqrs};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPool;

use crate::postgres::Server;
use crate::system::{FUNDS, Lanes, Rounds, STAKE, System, WIN, players_sum, same};

/// The house's side of every event.
const HOUSE: &str = "house";
/// How many players have long streams: as many as are under way at most.
const PLAYERS_LONG: usize = 512;
/// How many rounds a long stream holds in the beginning, with two events each, behind the funding.
const ROUNDS_LONG: usize = 500;

/// How long the streams are in the beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Streams {
    /// The funding alone.
    Short { players: usize },
    /// A thousand events. There are no snapshots: version 0.5 corrupts what it loads from them.
    Long,
}

/// What the crate's documentation tells to make, in `db/init.sql`, without the tables that are not used.
const TABLES: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

/// A player's funds and open bets.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Wallet {
    cash: i64,
    open: BTreeMap<String, i64>,
}

#[derive(Debug)]
enum Command {
    Place { bet: String, stake: i64 },
    Settle { bet: String, win: i64 },
}

/// Both sides of every movement are named, so that the house's balance is a sum over the events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    Funded { amount: i64 },
    BetPlaced { bet: String, stake: i64, credit: String },
    BetSettled { bet: String, win: i64, debit: String },
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        match self {
            Self::Funded { .. } => "Funded",
            Self::BetPlaced { .. } => "BetPlaced",
            Self::BetSettled { .. } => "BetSettled",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[derive(Debug)]
enum Refused {
    Funds,
    NoSuchBet,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Refused {}

impl Aggregate for Wallet {
    const TYPE: &'static str = "wallet";
    type Command = Command;
    type Event = Event;
    type Error = Refused;
    type Services = ();

    async fn handle(&mut self, command: Command, (): &(), sink: &EventSink<Self>) -> Result<(), Refused> {
        let event = match command {
            Command::Place { stake, .. } if stake > self.cash => return Err(Refused::Funds),
            Command::Place { bet, stake } => Event::BetPlaced { bet, stake, credit: HOUSE.to_owned() },
            Command::Settle { bet, .. } if !self.open.contains_key(&bet) => return Err(Refused::NoSuchBet),
            Command::Settle { bet, win } => Event::BetSettled { bet, win, debit: HOUSE.to_owned() },
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Funded { amount } => self.cash += amount,
            Event::BetPlaced { bet, stake, .. } => {
                self.cash -= stake;
                self.open.insert(bet, stake);
            }
            Event::BetSettled { bet, win, .. } => {
                self.cash += win;
                self.open.remove(&bet);
            }
        }
    }
}

pub(crate) struct Cqrs {
    name: &'static str,
    framework: PostgresCqrs<Wallet>,
    pool: PgPool,
    players: usize,
    /// Rounds that were there in the beginning.
    rounds_before: u64,
}

fn stream(player: usize) -> String {
    format!("player-{player:06}")
}

impl Cqrs {
    pub(crate) async fn set_up(
        name: &'static str,
        server: &Server,
        streams: Streams,
    ) -> Result<Box<dyn System>> {
        let (database, players, rounds) = match streams {
            Streams::Short { players } => ("cqrs_short", players, 0),
            Streams::Long => ("cqrs_long", PLAYERS_LONG, ROUNDS_LONG),
        };
        let pool = server.database(database).await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        let funded = Event::Funded { amount: FUNDS };
        let of_rounds = [
            Event::BetPlaced { bet: "BET".to_owned(), stake: STAKE, credit: HOUSE.to_owned() },
            Event::BetSettled { bet: "BET".to_owned(), win: WIN, debit: HOUSE.to_owned() },
        ];
        insert(&pool, players, &funded, "1", "1", 1).await?;
        for (event, offset) in of_rounds.iter().zip(["2 * n", "2 * n + 1"]) {
            insert(&pool, players, event, offset, "'before-' || n", rounds).await?;
        }
        sqlx::query("VACUUM ANALYZE events").execute(&pool).await?;
        let framework = postgres_cqrs::<Wallet>(pool.clone(), vec![], ());
        let rounds_before = u64::try_from(players * rounds)?;
        Ok(Lanes::boxed(Self { name, framework, pool, players, rounds_before }))
    }

    async fn execute(&self, player: usize, command: Command) -> Result<()> {
        self.framework.execute(&stream(player), command).await.map_err(|error| anyhow!("{error}"))
    }
}

/// Writes an event into every player's stream, for each `n` from 1 to `count`, as the framework would have.
async fn insert(
    pool: &PgPool,
    players: usize,
    event: &Event,
    sequence: &str,
    bet: &str,
    count: usize,
) -> Result<()> {
    let sql = format!(
        "INSERT INTO events
         SELECT $1, 'player-' || lpad(p::text, 6, '0'), {sequence}, $2, '1.0',
                replace($3, 'BET', ({bet})::text)::json, '{{}}'::json
         FROM generate_series(0, $4::bigint - 1) p, generate_series(1, $5::bigint) n ORDER BY 2, 3"
    );
    sqlx::query(&sql)
        .bind(Wallet::TYPE)
        .bind(event.event_type())
        .bind(serde_json::to_string(event)?)
        .bind(i64::try_from(players)?)
        .bind(i64::try_from(count)?)
        .execute(pool)
        .await?;
    Ok(())
}

impl Rounds for Cqrs {
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
        self.execute(player, Command::Place { bet: format!("r{round:012}"), stake: STAKE }).await
    }

    async fn settle(&self, player: usize, round: u64) -> Result<()> {
        self.execute(player, Command::Settle { bet: format!("r{round:012}"), win: WIN }).await
    }

    async fn check(&self, rounds: u64) -> Result<String> {
        let all = self.rounds_before + rounds;
        let one = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool);
        let events = one("SELECT count(*) FROM events").await?;
        same("events", events, i64::try_from(2 * all + u64::try_from(self.players)?)?)?;
        let cash = one(
            "SELECT sum(coalesce((payload->'Funded'->>'amount')::bigint, 0)
                                 - coalesce((payload->'BetPlaced'->>'stake')::bigint, 0)
                                 + coalesce((payload->'BetSettled'->>'win')::bigint, 0))::bigint FROM events",
        );
        same("players' cash", i128::from(cash.await?), players_sum(self.players, all)?)?;
        let house = one("SELECT sum(coalesce((payload->'BetPlaced'->>'stake')::bigint, 0)
                                  - coalesce((payload->'BetSettled'->>'win')::bigint, 0))::bigint
                         FROM events WHERE 'house' IN (payload->'BetPlaced'->>'credit', payload->'BetSettled'->>'debit')");
        let won = i64::try_from(all)? * (WIN - STAKE);
        let house = if all == 0 { 0 } else { house.await? };
        same("the house's balance", house, -won)?;
        Ok(format!("{events} events, cash of players and balance of the house are right"))
    }
}
