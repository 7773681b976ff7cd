//! The balances view in SQLite.

use ledger_core::{Account, Amount, Partition, PlayerId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Balances, Home, NAME, PlayerBalances, Purses, ReadBalances, VERSION, answer, fold};
use crate::checkpoint::AtHead;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::sqlite::{Migration, SqliteModel, SqliteReader, parse};
use crate::text::{kind_text, parse_account, parse_kind, sub_account_text};

struct Tables<'a>(&'a Connection);

impl Home for Tables<'_> {
    fn is_open(&self, player: &PlayerId) -> Result<bool, ViewError> {
        let mut statement = self.0.prepare_cached("SELECT 1 FROM players WHERE player = ?1")?;
        Ok(statement.exists([player.as_str()])?)
    }

    fn balance(&self, player: &PlayerId, account: &Account) -> Result<Option<Amount>, ViewError> {
        let mut statement = self.0.prepare_cached(
            "SELECT amount FROM balances
             WHERE player = ?1 AND kind = ?2 AND account = ?3 AND sub_account = ?4 AND currency = ?5",
        )?;
        let key = params![
            player.as_str(),
            kind_text(account.kind),
            account.code.name(),
            sub_account_text(account.of.as_ref()),
            account.currency.as_str(),
        ];
        let amount: Option<String> = statement.query_row(key, |row| row.get(0)).optional()?;
        amount.as_deref().map(parse).transpose()
    }
}

impl SqliteModel for Balances {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const MIGRATIONS: &'static [Migration] =
        &[Migration { name: "tables", sql: include_str!("001_tables.sql") }];

    fn apply(tx: &Transaction<'_>, commits: &[&Commit]) -> Result<(), ViewError> {
        let changes = fold(&Tables(tx), commits)?;
        let mut open = tx.prepare_cached("INSERT INTO players (player, kind) VALUES (?1, ?2)")?;
        let mut purse =
            tx.prepare_cached("INSERT INTO purses (player, currency, scale) VALUES (?1, ?2, ?3)")?;
        let mut put = tx.prepare_cached(
            "INSERT INTO balances (player, kind, account, sub_account, currency, amount)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (player, kind, account, sub_account, currency) DO UPDATE SET amount = excluded.amount",
        )?;
        let mut remove = tx.prepare_cached(
            "DELETE FROM balances
             WHERE player = ?1 AND kind = ?2 AND account = ?3 AND sub_account = ?4 AND currency = ?5",
        )?;
        for (player, changed) in &changes {
            if let Some((kind, purses)) = &changed.opened {
                open.execute(params![player.as_str(), kind_text(*kind)])?;
                for (currency, scale) in purses {
                    purse.execute(params![player.as_str(), currency.as_str(), scale])?;
                }
            }
            for (currency, scale) in &changed.purses {
                purse.execute(params![player.as_str(), currency.as_str(), scale])?;
            }
            for (account, balance) in &changed.accounts {
                let of = sub_account_text(account.of.as_ref());
                let (kind, code) = (kind_text(account.kind), account.code.name());
                let currency = account.currency.as_str();
                if balance.is_zero() {
                    remove.execute(params![player.as_str(), kind, code, of, currency])?;
                } else {
                    put.execute(params![player.as_str(), kind, code, of, currency, balance.to_string()])?;
                }
            }
        }
        Ok(())
    }
}

fn read_purses(tx: &Connection, player: &PlayerId) -> Result<Purses, ViewError> {
    let mut statement = tx.prepare_cached("SELECT currency, scale FROM purses WHERE player = ?1")?;
    let mut rows = statement.query([player.as_str()])?;
    let mut purses = Purses::new();
    while let Some(row) = rows.next()? {
        let currency: String = row.get(0)?;
        purses.insert(parse(&currency)?, row.get(1)?);
    }
    Ok(purses)
}

fn read_accounts(tx: &Connection, player: &PlayerId) -> Result<Vec<(Account, Amount)>, ViewError> {
    let mut statement = tx.prepare_cached(
        "SELECT kind, account, sub_account, currency, amount FROM balances WHERE player = ?1",
    )?;
    let mut rows = statement.query([player.as_str()])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        accounts.push((parse_account(text(0)?, text(1)?, text(2)?, text(3)?)?, parse(text(4)?)?));
    }
    // SQLite orders by names; the answer is in the order of the chart, as from every other home.
    accounts.sort();
    Ok(accounts)
}

impl ReadBalances for SqliteReader<Balances> {
    fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerBalances>>, ViewError> {
        self.read(|reading| {
            let partition = Partition::Player(player.clone());
            let shard = reading.identity().shards.shard_of(&partition.digest());
            let head = reading.head(shard)?;
            let mut statement = reading.tx().prepare_cached("SELECT kind FROM players WHERE player = ?1")?;
            let kind: Option<String> = statement.query_row([player.as_str()], |row| row.get(0)).optional()?;
            let value = match kind {
                None => None,
                Some(kind) => {
                    let purses = read_purses(reading.tx(), player)?;
                    Some(answer(parse_kind(&kind)?, &purses, read_accounts(reading.tx(), player)?)?)
                }
            };
            Ok(AtHead { shard, head, value })
        })
    }
}
