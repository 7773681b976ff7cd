//! Reads withdrawals.

use async_trait::async_trait;
use ledger_core::stored::PaymentRef;
use ledger_core::{CurrencyCode, PlayerId};

use super::fold::{queue_key, withdrawal_key};
use super::row::{WithdrawalCursor, WithdrawalRow, WithdrawalState, WithdrawalSums, WithdrawalsRow};
use super::{ReadWithdrawals, StateTotals, WithdrawalPage, Withdrawals};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::{Page, read_page, read_whole};
use crate::range::{KeyRange, key};
use crate::text::{parse, parse_kind};

fn as_withdrawal(row: WithdrawalsRow) -> Result<WithdrawalRow, ViewError> {
    match row {
        WithdrawalsRow::Withdrawal(row) => Ok(*row),
        WithdrawalsRow::Sums(_) => Err(ViewError::Damaged("sums where a withdrawal should be".to_owned())),
    }
}

fn as_sums(row: &WithdrawalsRow) -> Result<WithdrawalSums, ViewError> {
    match row {
        WithdrawalsRow::Sums(sums) => Ok(*sums),
        WithdrawalsRow::Withdrawal(_) => {
            Err(ViewError::Damaged("a withdrawal where sums should be".to_owned()))
        }
    }
}

#[async_trait]
impl<R: ReadModel<Withdrawals>> ReadWithdrawals for R {
    async fn withdrawal(
        &self,
        player: &PlayerId,
        reference: &PaymentRef,
    ) -> Result<AtHead<Option<WithdrawalRow>>, ViewError> {
        let found = self.get(&withdrawal_key(player, reference)).await?.of_player(player);
        let row = found.value.clone().map(as_withdrawal).transpose()?;
        Ok(found.map(|_| row))
    }

    async fn queue(
        &self,
        state: WithdrawalState,
        after: Option<&WithdrawalCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<WithdrawalPage>, ViewError> {
        let mut range = KeyRange::beginning(&key!["queue", state.as_str()])?;
        if let Some(WithdrawalCursor { requested_at, player, reference }) = after {
            range = range.after(&queue_key(state, *requested_at, player, reference))?;
        }
        read_page(self, &range, limit, as_withdrawal, WithdrawalRow::cursor).await
    }

    async fn of_player(
        &self,
        player: &PlayerId,
        after: Option<&PaymentRef>,
        limit: usize,
    ) -> Result<AtHead<Page<WithdrawalRow, PaymentRef>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["withdrawal", player])?;
        if let Some(reference) = after {
            range = range.after(&withdrawal_key(player, reference))?;
        }
        Ok(read_page(self, &range, limit, as_withdrawal, |row| row.reference.clone())
            .await?
            .of_player(player))
    }

    async fn totals(&self) -> Result<AtCheckpoint<Vec<StateTotals>>, ViewError> {
        let range = KeyRange::beginning(&key!["totals"])?;
        let found = read_whole(self, &range, "read the model page by page").await?;
        let mut all = Vec::new();
        for (key, row) in &found.value {
            let sums = as_sums(row)?;
            let state = WithdrawalState::ALL.into_iter().find(|state| state.as_str() == key.part(1));
            let state = state.ok_or_else(|| ViewError::Damaged(format!("{:?} is no state", key.part(1))))?;
            let (kind, currency) = (parse_kind(key.part(2))?, parse(key.part(3))?);
            if sums.count > 0 {
                all.push(StateTotals { state, kind, currency, sums });
            }
        }
        all.sort_by_key(|totals| (totals.state, totals.kind, totals.currency));
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: all })
    }

    async fn paid_out(
        &self,
        player: &PlayerId,
    ) -> Result<AtHead<Vec<(CurrencyCode, WithdrawalSums)>>, ViewError> {
        let range = KeyRange::beginning(&key!["paid", player])?;
        let found = read_whole(self, &range, "read the model page by page").await?.of_player(player);
        let rows = found.value.iter().map(|(key, row)| Ok((parse(key.part(2))?, as_sums(row)?)));
        let rows = rows.collect::<Result<Vec<_>, ViewError>>()?;
        Ok(found.map(|_| rows))
    }
}
