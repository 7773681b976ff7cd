//! The trial balance in SQLite.

use ledger_core::Account;
use ledger_store::Shard;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Detail, Home, NAME, ReadTrialBalance, Sums, TrialBalance, TrialRow, VERSION, add_up, fold};
use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::sqlite::{Migration, SqliteModel, SqliteReader, parse};
use crate::text::{kind_text, parse_account, sub_account_text};

struct Tables<'a>(&'a Connection);

impl Home for Tables<'_> {
    fn sums(&self, shard: Shard, account: &Account) -> Result<Option<Sums>, ViewError> {
        let mut statement = self.0.prepare_cached(
            "SELECT debits, credits FROM trial_balance
             WHERE shard = ?1 AND kind = ?2 AND account = ?3 AND sub_account = ?4 AND currency = ?5",
        )?;
        let key = params![
            shard.0,
            kind_text(account.kind),
            account.code.name(),
            sub_account_text(account.of.as_ref()),
            account.currency.as_str(),
        ];
        let row: Option<(String, String)> =
            statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        row.map(|(debits, credits)| Ok(Sums { debits: parse(&debits)?, credits: parse(&credits)? }))
            .transpose()
    }
}

impl SqliteModel for TrialBalance {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const MIGRATIONS: &'static [Migration] =
        &[Migration { name: "tables", sql: include_str!("001_tables.sql") }];

    fn apply(tx: &Transaction<'_>, commits: &[&Commit]) -> Result<(), ViewError> {
        let changes = fold(&Tables(tx), commits)?;
        let mut put = tx.prepare_cached(
            "INSERT INTO trial_balance (shard, kind, account, sub_account, currency, debits, credits)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (shard, kind, account, sub_account, currency)
             DO UPDATE SET debits = excluded.debits, credits = excluded.credits",
        )?;
        for ((shard, account), sums) in &changes {
            put.execute(params![
                shard.0,
                kind_text(account.kind),
                account.code.name(),
                sub_account_text(account.of.as_ref()),
                account.currency.as_str(),
                sums.debits.to_string(),
                sums.credits.to_string(),
            ])?;
        }
        Ok(())
    }
}

impl ReadTrialBalance for SqliteReader<TrialBalance> {
    fn rows(&self, detail: Detail) -> Result<AtCheckpoint<Vec<TrialRow>>, ViewError> {
        self.read(|reading| {
            let mut statement = reading.tx().prepare_cached(
                "SELECT kind, account, sub_account, currency, debits, credits FROM trial_balance",
            )?;
            let rows = statement.query_and_then([], |row| {
                let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
                let account = parse_account(text(0)?, text(1)?, text(2)?, text(3)?)?;
                Ok((account, Sums { debits: parse(text(4)?)?, credits: parse(text(5)?)? }))
            })?;
            Ok(AtCheckpoint { checkpoint: reading.checkpoint()?, value: add_up(rows, detail)? })
        })
    }
}
