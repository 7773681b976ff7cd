//! The rounds view in SQLite.

use std::collections::BTreeMap;

use ledger_core::stored::{Bet, CloseReason, RoundStatus, SessionRef, Win};
use ledger_core::{AccountKind, Amount, CurrencyCode, GameId, Partition, PlayerId, RoundId, SourceId};
use ledger_store::{Position, Shard};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::fold::{Changed, GameKey, Home, RoundKey, fold};
use super::memory::add_up;
use super::row::{GameSums, Moment, RoundRow};
use super::{GameTotals, NAME, PAGE_MAX, ReadRounds, RoundCursor, RoundPage, Rounds, VERSION, page};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::sqlite::{Migration, SqliteModel, SqliteReader, natural, parse};
use crate::text::{kind_text, parse_kind, parse_status, status_text};

/// What stands in the column `detail`.
#[derive(Serialize, Deserialize)]
struct Detail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_rule: Option<CloseReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<SessionRef>,
    bets: Vec<Bet>,
    wins: Vec<Win>,
    granted: BTreeMap<CurrencyCode, Amount>,
}

macro_rules! select_round {
    ($rest:literal) => {
        concat!(
            "SELECT player, source, round, shard, kind, status, currency, version, staked, paid, refunded,
                    opened_at, opened_position, closed_at, closed_position, detail
             FROM rounds ",
            $rest
        )
    };
}

fn damaged(error: impl std::fmt::Display) -> ViewError {
    ViewError::Damaged(error.to_string())
}

fn read_round(row: &Row<'_>) -> Result<RoundRow, ViewError> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let moment = |at: &str, position: i64| -> Result<Moment, ViewError> {
        Ok(Moment { at: parse(at)?, position: Position(natural(position)?) })
    };
    let detail: Detail = serde_json::from_str(text(15)?).map_err(damaged)?;
    let currency: Option<String> = row.get(6)?;
    let closed: (Option<String>, Option<i64>) = (row.get(13)?, row.get(14)?);
    Ok(RoundRow {
        player: PlayerId::new(text(0)?).map_err(damaged)?,
        source: SourceId::new(text(1)?).map_err(damaged)?,
        round: RoundId::new(text(2)?).map_err(damaged)?,
        shard: Shard(row.get(3)?),
        kind: parse_kind(text(4)?)?,
        status: parse_status(text(5)?)?,
        currency: currency.as_deref().map(parse).transpose()?,
        version: natural(row.get(7)?)?,
        by_rule: detail.by_rule,
        session: detail.session,
        bets: detail.bets,
        wins: detail.wins,
        granted: detail.granted,
        staked: parse(text(8)?)?,
        paid: parse(text(9)?)?,
        refunded: parse(text(10)?)?,
        opened: moment(text(11)?, row.get(12)?)?,
        closed: match closed {
            (Some(at), Some(position)) => Some(moment(&at, position)?),
            _ => None,
        },
    })
}

struct Tables<'a>(&'a Connection);

impl Home for Tables<'_> {
    fn kind(&self, player: &PlayerId) -> Result<Option<AccountKind>, ViewError> {
        let mut statement = self.0.prepare_cached("SELECT kind FROM players WHERE player = ?1")?;
        let kind: Option<String> = statement.query_row([player.as_str()], |row| row.get(0)).optional()?;
        kind.as_deref().map(parse_kind).transpose()
    }

    fn round(&self, key: &RoundKey) -> Result<Option<RoundRow>, ViewError> {
        let mut statement =
            self.0.prepare_cached(select_round!("WHERE player = ?1 AND source = ?2 AND round = ?3"))?;
        let key = params![key.player.as_str(), key.source.as_str(), key.round.as_str()];
        let mut rows = statement.query_and_then(key, read_round)?;
        rows.next().transpose()
    }

    fn game(&self, key: &GameKey) -> Result<Option<GameSums>, ViewError> {
        let mut statement = self.0.prepare_cached(
            "SELECT rounds, stakes, payouts FROM games
             WHERE shard = ?1 AND kind = ?2 AND game = ?3 AND currency = ?4",
        )?;
        let key = params![key.shard.0, kind_text(key.kind), key.game.as_str(), key.currency.as_str()];
        let mut rows = statement.query_and_then(key, |row| read_sums(row, 0))?;
        rows.next().transpose()
    }
}

fn read_sums(row: &Row<'_>, first: usize) -> Result<GameSums, ViewError> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let (stakes, payouts) = (parse(text(first + 1)?)?, parse(text(first + 2)?)?);
    Ok(GameSums { rounds: natural(row.get(first)?)?, stakes, payouts })
}

fn column(number: u64) -> Result<i64, ViewError> {
    i64::try_from(number).map_err(|_| ViewError::home(format!("{number} is beyond SQLite's integers")))
}

fn put_round(tx: &Transaction<'_>, row: RoundRow) -> Result<(), ViewError> {
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO rounds
         (player, source, round, shard, kind, status, currency, version, staked, paid, refunded,
          opened_at, opened_position, closed_at, closed_position, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    let RoundRow { by_rule, session, bets, wins, granted, .. } = row;
    let detail = Detail { by_rule, session, bets, wins, granted };
    let detail = serde_json::to_string(&detail).map_err(damaged)?;
    statement.execute(params![
        row.player.as_str(),
        row.source.as_str(),
        row.round.as_str(),
        row.shard.0,
        kind_text(row.kind),
        status_text(row.status)?,
        row.currency.map(|currency| currency.to_string()),
        column(row.version)?,
        row.staked.to_string(),
        row.paid.to_string(),
        row.refunded.to_string(),
        row.opened.at.to_string(),
        column(row.opened.position.0)?,
        row.closed.map(|closed| closed.at.to_string()),
        row.closed.map(|closed| column(closed.position.0)).transpose()?,
        detail,
    ])?;
    Ok(())
}

fn put_game(tx: &Transaction<'_>, key: &GameKey, sums: &GameSums) -> Result<(), ViewError> {
    let (shard, kind) = (key.shard.0, kind_text(key.kind));
    let (game, currency) = (key.game.as_str(), key.currency.as_str());
    if sums.is_zero() {
        let mut remove = tx.prepare_cached(
            "DELETE FROM games WHERE shard = ?1 AND kind = ?2 AND game = ?3 AND currency = ?4",
        )?;
        remove.execute(params![shard, kind, game, currency])?;
        return Ok(());
    }
    let mut put = tx.prepare_cached(
        "INSERT OR REPLACE INTO games (shard, kind, game, currency, rounds, stakes, payouts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let (stakes, payouts) = (sums.stakes.to_string(), sums.payouts.to_string());
    put.execute(params![shard, kind, game, currency, column(sums.rounds)?, stakes, payouts])?;
    Ok(())
}

impl SqliteModel for Rounds {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const MIGRATIONS: &'static [Migration] =
        &[Migration { name: "tables", sql: include_str!("001_tables.sql") }];

    fn apply(tx: &Transaction<'_>, commits: &[&Commit]) -> Result<(), ViewError> {
        let changes = fold(&Tables(tx), commits)?;
        let mut open = tx.prepare_cached("INSERT INTO players (player, kind) VALUES (?1, ?2)")?;
        for (player, kind) in &changes.players {
            open.execute(params![player.as_str(), kind_text(*kind)])?;
        }
        for Changed { after, .. } in changes.rounds.into_values() {
            put_round(tx, after)?;
        }
        changes.games.iter().try_for_each(|(key, sums)| put_game(tx, key, sums))
    }
}

impl ReadRounds for SqliteReader<Rounds> {
    fn round(
        &self,
        player: &PlayerId,
        source: &SourceId,
        round: &RoundId,
    ) -> Result<AtHead<Option<RoundRow>>, ViewError> {
        let key = RoundKey { player: player.clone(), source: source.clone(), round: round.clone() };
        self.read(|reading| {
            let shard = reading.identity().shards.shard_of(&Partition::Player(player.clone()).digest());
            Ok(AtHead { shard, head: reading.head(shard)?, value: Tables(reading.tx()).round(&key)? })
        })
    }

    fn list(
        &self,
        status: RoundStatus,
        after: Option<&RoundCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<RoundPage>, ViewError> {
        let limit = limit.min(PAGE_MAX);
        // Before the first round: position 0 holds no commit.
        let (shard, position, source, round) = match after {
            Some(cursor) => {
                (cursor.shard.0, cursor.position.0, cursor.source.as_str(), cursor.round.as_str())
            }
            None => (0, 0, "", ""),
        };
        self.read(|reading| {
            let mut statement = reading.tx().prepare_cached(select_round!(
                "WHERE status = ?1 AND (shard, opened_position, source, round) > (?2, ?3, ?4, ?5)
                 ORDER BY shard, opened_position, source, round LIMIT ?6"
            ))?;
            let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
            let key = params![status_text(status)?, shard, column(position)?, source, round, wanted];
            let rounds: Result<Vec<RoundRow>, ViewError> =
                statement.query_and_then(key, read_round)?.collect();
            Ok(AtCheckpoint { checkpoint: reading.checkpoint()?, value: page(rounds?, limit) })
        })
    }

    fn games(&self) -> Result<AtCheckpoint<Vec<GameTotals>>, ViewError> {
        self.read(|reading| {
            let mut statement = reading
                .tx()
                .prepare_cached("SELECT shard, kind, game, currency, rounds, stakes, payouts FROM games")?;
            let rows = statement.query_and_then([], |row| {
                let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
                let game = GameId::new(text(2)?).map_err(damaged)?;
                let key = GameKey {
                    shard: Shard(row.get(0)?),
                    kind: parse_kind(text(1)?)?,
                    game,
                    currency: parse(text(3)?)?,
                };
                Ok((key, read_sums(row, 4)?))
            })?;
            Ok(AtCheckpoint { checkpoint: reading.checkpoint()?, value: add_up(rows)? })
        })
    }
}
