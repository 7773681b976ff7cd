//! The balances view in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger_core::{Account, Amount, Partition, PlayerId};

use super::{Balances, Home, NAME, PlayerBalances, PlayerPage, Purses, ReadBalances, VERSION, answer, fold};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::page::{Page, limited, one_more};
use crate::sql::{Column, Lookup, Migration, Query, Row, SqlModel, SqlReader, Step, Table, Value, Writes};
use crate::text::{kind_text, parse_account, parse_id, parse_kind, sub_account_text};

static PLAYERS: Table =
    Table { name: "players", columns: &[Column::text("player"), Column::text("kind")], key: 1, indexes: &[] };
static PURSES: Table = Table {
    name: "purses",
    columns: &[Column::text("player"), Column::text("currency"), Column::integer("scale")],
    key: 2,
    indexes: &[],
};
/// `amount` is in the account's normal direction and never zero; `sub_account` is empty if the account is kept per
/// nothing.
static BALANCES: Table = Table {
    name: "balances",
    columns: &[
        Column::text("player"),
        Column::text("kind"),
        Column::text("account"),
        Column::text("sub_account"),
        Column::text("currency"),
        Column::text("amount"),
    ],
    key: 5,
    indexes: &[],
};

struct Tables<'a>(&'a dyn Lookup);

fn key(player: &PlayerId, account: &Account) -> Vec<Value> {
    vec![
        player.as_str().into(),
        kind_text(account.kind).into(),
        account.code.name().into(),
        sub_account_text(account.of.as_ref()).into(),
        account.currency.as_str().into(),
    ]
}

impl Home for Tables<'_> {
    fn is_open(&self, player: &PlayerId) -> Result<bool, ViewError> {
        Ok(self.0.row(&PLAYERS, &[player.as_str().into()])?.is_some())
    }

    fn balance(&self, player: &PlayerId, account: &Account) -> Result<Option<Amount>, ViewError> {
        let row = self.0.row(&BALANCES, &key(player, account))?;
        row.map(|row| row.parse(5)).transpose()
    }
}

impl SqlModel for Balances {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const MIGRATIONS: &'static [Migration] = &[Migration {
        name: "tables",
        steps: &[Step::Table(&PLAYERS), Step::Table(&PURSES), Step::Table(&BALANCES)],
    }];

    fn fold(rows: &dyn Lookup, commits: &[&Commit], writes: &mut Writes) -> Result<(), ViewError> {
        for (player, changed) in fold(&Tables(rows), commits)? {
            let opened = changed.opened.map(|(kind, purses)| {
                writes.put(&PLAYERS, vec![player.as_str().into(), kind_text(kind).into()]);
                purses
            });
            for (currency, scale) in opened.into_iter().flatten().chain(changed.purses) {
                writes.put(&PURSES, vec![player.as_str().into(), currency.as_str().into(), scale.into()]);
            }
            for (account, balance) in changed.accounts {
                let mut row = key(&player, &account);
                if balance.is_zero() {
                    writes.remove(&BALANCES, row);
                } else {
                    row.push(Value::of(&balance));
                    writes.put(&BALANCES, row);
                }
            }
        }
        Ok(())
    }
}

fn read_purses(rows: &[Row], first: usize) -> Result<Purses, ViewError> {
    rows.iter().map(|row| Ok((row.parse(first)?, row.number(first + 1)?))).collect()
}

fn read_account(row: &Row, first: usize) -> Result<(Account, Amount), ViewError> {
    let text = |column: usize| row.text(first + column);
    Ok((parse_account(text(0)?, text(1)?, text(2)?, text(3)?)?, row.parse(first + 4)?))
}

/// SQL orders by names; the answer is in the order of the chart, as from every other home.
fn read_accounts(rows: &[Row], first: usize) -> Result<BTreeMap<Account, Amount>, ViewError> {
    rows.iter().map(|row| read_account(row, first)).collect()
}

#[async_trait]
impl<R: SqlReader<Balances>> ReadBalances for R {
    async fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerBalances>>, ViewError> {
        let shard = self.identity().shards.shard_of(&Partition::Player(player.clone()).digest());
        let ask = |sql| Query::new(sql, [player.as_str().into()]);
        let queries = [
            ask("SELECT kind FROM players WHERE player = $1"),
            ask("SELECT currency, scale FROM purses WHERE player = $1"),
            ask("SELECT kind, account, sub_account, currency, amount FROM balances WHERE player = $1"),
        ];
        let found = self.ask_shard(shard, queries).await?;
        let [kind, purses, accounts] = &found.value;
        let value = match kind.first() {
            None => None,
            Some(kind) => {
                let (purses, accounts) = (read_purses(purses, 0)?, read_accounts(accounts, 0)?);
                Some(answer(parse_kind(kind.text(0)?)?, &purses, accounts)?)
            }
        };
        Ok(found.map(|_| value))
    }

    async fn list(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<PlayerPage>, ViewError> {
        let limit = limited(limit);
        // No id is empty, so that every id is behind the empty text.
        let values = [after.map_or("", PlayerId::as_str).into(), one_more(limit).into()];
        let ask = |sql| Query::new(sql, values.clone());
        let queries = [
            ask("SELECT player, kind FROM players WHERE player > $1 ORDER BY player LIMIT $2"),
            ask("SELECT player, currency, scale FROM purses WHERE player IN
                 (SELECT player FROM players WHERE player > $1 ORDER BY player LIMIT $2) ORDER BY player"),
            ask("SELECT player, kind, account, sub_account, currency, amount FROM balances WHERE player IN
                 (SELECT player FROM players WHERE player > $1 ORDER BY player LIMIT $2) ORDER BY player"),
        ];
        let found = self.ask(queries).await?;
        let [players, purses, accounts] = &found.value;
        let of = |rows: &[Row], player: &str| -> Vec<Row> {
            let first = rows.partition_point(|row| row.text(0).is_ok_and(|known| known < player));
            let rest = rows.get(first..).unwrap_or_default();
            rest.iter().take_while(|row| row.text(0).is_ok_and(|known| known == player)).cloned().collect()
        };
        let rows: Result<Vec<_>, ViewError> = players
            .iter()
            .map(|row| {
                let player = row.text(0)?;
                let (purses, accounts) = (of(purses, player), of(accounts, player));
                let (purses, accounts) = (read_purses(&purses, 1)?, read_accounts(&accounts, 1)?);
                let balances = answer(parse_kind(row.text(1)?)?, &purses, accounts)?;
                Ok((parse_id(PlayerId::new(player))?, balances))
            })
            .collect();
        let page = Page::of(rows?, limit, |(player, _)| player.clone());
        Ok(found.map(|_| page))
    }
}
