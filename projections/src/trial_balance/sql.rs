//! The trial balance in SQL.

use async_trait::async_trait;
use ledger_core::Account;
use ledger_store::Shard;

use super::{Detail, Home, NAME, ReadTrialBalance, Sums, TrialBalance, TrialRow, VERSION, add_up, fold};
use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::sql::{Column, Lookup, Migration, Query, SqlModel, SqlReader, Step, Table, Value, Writes};
use crate::text::{kind_text, parse_account, sub_account_text};

/// `sub_account` is empty for accounts of players and those that are kept per nothing.
static TRIAL_BALANCE: Table = Table {
    name: "trial_balance",
    columns: &[
        Column::integer("shard"),
        Column::text("kind"),
        Column::text("account"),
        Column::text("sub_account"),
        Column::text("currency"),
        Column::text("debits"),
        Column::text("credits"),
    ],
    key: 5,
    indexes: &[],
};

struct Tables<'a>(&'a dyn Lookup);

fn key(shard: Shard, account: &Account) -> Vec<Value> {
    vec![
        shard.0.into(),
        kind_text(account.kind).into(),
        account.code.name().into(),
        sub_account_text(account.of.as_ref()).into(),
        account.currency.as_str().into(),
    ]
}

impl Home for Tables<'_> {
    fn sums(&self, shard: Shard, account: &Account) -> Result<Option<Sums>, ViewError> {
        let row = self.0.row(&TRIAL_BALANCE, &key(shard, account))?;
        row.map(|row| Ok(Sums { debits: row.parse(5)?, credits: row.parse(6)? })).transpose()
    }
}

impl SqlModel for TrialBalance {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const MIGRATIONS: &'static [Migration] =
        &[Migration { name: "tables", steps: &[Step::Table(&TRIAL_BALANCE)] }];

    fn fold(rows: &dyn Lookup, commits: &[&Commit], writes: &mut Writes) -> Result<(), ViewError> {
        for ((shard, account), sums) in fold(&Tables(rows), commits)? {
            let mut row = key(shard, &account);
            row.extend([Value::of(&sums.debits), Value::of(&sums.credits)]);
            writes.put(&TRIAL_BALANCE, row);
        }
        Ok(())
    }
}

#[async_trait]
impl<R: SqlReader<TrialBalance>> ReadTrialBalance for R {
    async fn rows(&self, detail: Detail) -> Result<AtCheckpoint<Vec<TrialRow>>, ViewError> {
        let sql = "SELECT kind, account, sub_account, currency, debits, credits FROM trial_balance";
        let found = self.ask([Query::new(sql, [])]).await?;
        let [rows] = &found.value;
        let rows = rows.iter().map(|row| {
            let account = parse_account(row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?)?;
            Ok((account, Sums { debits: row.parse(4)?, credits: row.parse(5)? }))
        });
        let value = add_up(rows, detail)?;
        Ok(found.map(|_| value))
    }
}
