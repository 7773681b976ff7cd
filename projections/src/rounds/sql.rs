//! The rounds view in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger_core::stored::{Bet, CloseReason, RoundStatus, SessionRef, Win};
use ledger_core::{AccountKind, Amount, CurrencyCode, GameId, Partition, PlayerId, RoundId, SourceId};
use ledger_store::{Position, Shard};
use serde::{Deserialize, Serialize};

use super::fold::{Changed, GameKey, Home, RoundKey, fold};
use super::memory::add_up;
use super::row::{GameSums, Moment, RoundRow};
use super::{GameTotals, NAME, ReadRounds, RoundCursor, RoundPage, Rounds, VERSION};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::page::{Page, limited, one_more};
use crate::sql::{
    Column, Index, Lookup, Migration, Query, Row, SqlModel, SqlReader, Step, Table, Value, Writes,
};
use crate::text::{kind_text, parse_id, parse_kind, parse_status, status_text};

static PLAYERS: Table =
    Table { name: "players", columns: &[Column::text("player"), Column::text("kind")], key: 1, indexes: &[] };
/// `detail` has the bets, wins and credits as JSON.
static ROUNDS: Table = Table {
    name: "rounds",
    columns: &[
        Column::text("player"),
        Column::text("source"),
        Column::text("round"),
        Column::integer("shard"),
        Column::text("kind"),
        Column::text("status"),
        Column::optional_text("currency"),
        Column::integer("version"),
        Column::text("staked"),
        Column::text("paid"),
        Column::text("refunded"),
        Column::text("opened_at"),
        Column::integer("opened_position"),
        Column::optional_text("closed_at"),
        Column::optional_integer("closed_position"),
        Column::text("detail"),
    ],
    key: 3,
    indexes: &[Index {
        name: "rounds_by_status",
        columns: &["status", "shard", "opened_position", "source", "round"],
    }],
};
static GAMES: Table = Table {
    name: "games",
    columns: &[
        Column::integer("shard"),
        Column::text("kind"),
        Column::text("game"),
        Column::text("currency"),
        Column::integer("rounds"),
        Column::text("stakes"),
        Column::text("payouts"),
    ],
    key: 4,
    indexes: &[],
};

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

/// The columns of a round, in the order of the table.
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

fn read_round(row: &Row) -> Result<RoundRow, ViewError> {
    let position = |column: usize| row.number(column).map(Position);
    let detail = serde_json::from_str(row.text(15)?);
    let detail: Detail = detail.map_err(|error| ViewError::Damaged(error.to_string()))?;
    let closed = match row.optional_text(13)? {
        Some(_) => Some(Moment { at: row.parse(13)?, position: position(14)? }),
        None => None,
    };
    Ok(RoundRow {
        player: parse_id(PlayerId::new(row.text(0)?))?,
        source: parse_id(SourceId::new(row.text(1)?))?,
        round: parse_id(RoundId::new(row.text(2)?))?,
        shard: Shard(row.number(3)?),
        kind: parse_kind(row.text(4)?)?,
        status: parse_status(row.text(5)?)?,
        currency: row.optional_text(6)?.map(crate::text::parse).transpose()?,
        version: row.number(7)?,
        by_rule: detail.by_rule,
        session: detail.session,
        bets: detail.bets,
        wins: detail.wins,
        granted: detail.granted,
        staked: row.parse(8)?,
        paid: row.parse(9)?,
        refunded: row.parse(10)?,
        opened: Moment { at: row.parse(11)?, position: position(12)? },
        closed,
    })
}

fn write_round(mut row: RoundRow) -> Result<Vec<Value>, ViewError> {
    let (by_rule, session) = (row.by_rule, row.session.take());
    let detail = Detail { by_rule, session, bets: row.bets, wins: row.wins, granted: row.granted };
    let detail = serde_json::to_string(&detail);
    let detail = detail.map_err(|error| ViewError::home(format!("writing a round: {error}")))?;
    Ok(vec![
        row.player.as_str().into(),
        row.source.as_str().into(),
        row.round.as_str().into(),
        row.shard.0.into(),
        kind_text(row.kind).into(),
        status_text(row.status)?.into(),
        row.currency.map(|currency| currency.to_string()).into(),
        Value::natural(row.version)?,
        Value::of(&row.staked),
        Value::of(&row.paid),
        Value::of(&row.refunded),
        Value::of(&row.opened.at),
        Value::natural(row.opened.position.0)?,
        row.closed.map(|closed| closed.at.to_string()).into(),
        row.closed.map_or(Ok(Value::Null), |closed| Value::natural(closed.position.0))?,
        detail.into(),
    ])
}

fn read_sums(row: &Row, first: usize) -> Result<GameSums, ViewError> {
    let (stakes, payouts) = (row.parse(first + 1)?, row.parse(first + 2)?);
    Ok(GameSums { rounds: row.number(first)?, stakes, payouts })
}

fn round_key(key: &RoundKey) -> [Value; 3] {
    [key.player.as_str().into(), key.source.as_str().into(), key.round.as_str().into()]
}

fn game_key(key: &GameKey) -> Vec<Value> {
    let (game, currency) = (key.game.as_str().into(), key.currency.as_str().into());
    vec![key.shard.0.into(), kind_text(key.kind).into(), game, currency]
}

struct Tables<'a>(&'a dyn Lookup);

impl Home for Tables<'_> {
    fn kind(&self, player: &PlayerId) -> Result<Option<AccountKind>, ViewError> {
        let row = self.0.row(&PLAYERS, &[player.as_str().into()])?;
        row.map(|row| parse_kind(row.text(1)?)).transpose()
    }

    fn round(&self, key: &RoundKey) -> Result<Option<RoundRow>, ViewError> {
        self.0.row(&ROUNDS, &round_key(key))?.as_ref().map(read_round).transpose()
    }

    fn game(&self, key: &GameKey) -> Result<Option<GameSums>, ViewError> {
        let row = self.0.row(&GAMES, &game_key(key))?;
        row.map(|row| read_sums(&row, 4)).transpose()
    }
}

impl SqlModel for Rounds {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const MIGRATIONS: &'static [Migration] = &[Migration {
        name: "tables",
        steps: &[Step::Table(&PLAYERS), Step::Table(&ROUNDS), Step::Table(&GAMES)],
    }];

    fn fold(rows: &dyn Lookup, commits: &[&Commit], writes: &mut Writes) -> Result<(), ViewError> {
        let changes = fold(&Tables(rows), commits)?;
        for (player, kind) in &changes.players {
            writes.put(&PLAYERS, vec![player.as_str().into(), kind_text(*kind).into()]);
        }
        for Changed { after, .. } in changes.rounds.into_values() {
            writes.put(&ROUNDS, write_round(after)?);
        }
        for (key, sums) in &changes.games {
            let mut row = game_key(key);
            if sums.is_zero() {
                writes.remove(&GAMES, row);
            } else {
                row.extend([Value::natural(sums.rounds)?, Value::of(&sums.stakes), Value::of(&sums.payouts)]);
                writes.put(&GAMES, row);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl<R: SqlReader<Rounds>> ReadRounds for R {
    async fn round(
        &self,
        player: &PlayerId,
        source: &SourceId,
        round: &RoundId,
    ) -> Result<AtHead<Option<RoundRow>>, ViewError> {
        let key = RoundKey { player: player.clone(), source: source.clone(), round: round.clone() };
        let shard = self.identity().shards.shard_of(&Partition::Player(player.clone()).digest());
        let sql = select_round!("WHERE player = $1 AND source = $2 AND round = $3");
        let found = self.ask_shard(shard, [Query::new(sql, round_key(&key))]).await?;
        let [rows] = &found.value;
        let value = rows.first().map(read_round).transpose()?;
        Ok(found.map(|_| value))
    }

    async fn list(
        &self,
        status: RoundStatus,
        after: Option<&RoundCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<RoundPage>, ViewError> {
        let limit = limited(limit);
        // Before the first round: position 0 holds no commit.
        let (shard, position, source, round) = match after {
            Some(cursor) => {
                (cursor.shard.0, cursor.position.0, cursor.source.as_str(), cursor.round.as_str())
            }
            None => (0, 0, "", ""),
        };
        let sql = select_round!(
            "WHERE status = $1 AND (shard, opened_position, source, round) > ($2, $3, $4, $5)
             ORDER BY shard, opened_position, source, round LIMIT $6"
        );
        let values = [
            status_text(status)?.into(),
            shard.into(),
            Value::natural(position)?,
            source.into(),
            round.into(),
            one_more(limit).into(),
        ];
        let found = self.ask([Query::new(sql, values)]).await?;
        let [rows] = &found.value;
        let rows: Result<Vec<RoundRow>, ViewError> = rows.iter().map(read_round).collect();
        let page = Page::of(rows?, limit, RoundRow::cursor);
        Ok(found.map(|_| page))
    }

    async fn games(&self) -> Result<AtCheckpoint<Vec<GameTotals>>, ViewError> {
        let sql = "SELECT shard, kind, game, currency, rounds, stakes, payouts FROM games";
        let found = self.ask([Query::new(sql, [])]).await?;
        let [rows] = &found.value;
        let rows = rows.iter().map(|row| {
            let (shard, kind) = (Shard(row.number(0)?), parse_kind(row.text(1)?)?);
            let (game, currency) = (parse_id(GameId::new(row.text(2)?))?, row.parse(3)?);
            Ok((GameKey { shard, kind, game, currency }, read_sums(row, 4)?))
        });
        let value = add_up(rows)?;
        Ok(found.map(|_| value))
    }
}
