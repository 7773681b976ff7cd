//! Reads alerts and cases.

use async_trait::async_trait;
use ledger_core::stored::TransactionRef;
use ledger_core::{ActorId, PlayerId};

use super::fold::{alert_key, case_key, queue_key};
use super::row::{AlertRow, AlertState, CaseRow, CaseState, CasesRow, RiskCursor};
use super::{Cases, ReadCases};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::{Page, read_page, read_whole};
use crate::range::{KeyRange, key};

fn damaged() -> ViewError {
    ViewError::Damaged("a row of the view of cases is of another kind".to_owned())
}

fn as_alert(row: CasesRow) -> Result<AlertRow, ViewError> {
    match row {
        CasesRow::Alert(row) => Ok(*row),
        _ => Err(damaged()),
    }
}

fn as_case(row: CasesRow) -> Result<CaseRow, ViewError> {
    match row {
        CasesRow::Case(row) => Ok(*row),
        _ => Err(damaged()),
    }
}

fn queue(name: &str, of: &str, after: Option<&RiskCursor>) -> Result<KeyRange, ViewError> {
    let range = KeyRange::beginning(&key![name, of])?;
    match after {
        Some(cursor) => range.after(&queue_key(name, of, cursor)),
        None => Ok(range),
    }
}

#[async_trait]
impl<R: ReadModel<Cases>> ReadCases for R {
    async fn alert(
        &self,
        player: &PlayerId,
        alert: &TransactionRef,
    ) -> Result<AtHead<Option<AlertRow>>, ViewError> {
        let found = self.get(&alert_key(player, alert)).await?.of_player(player);
        let row = found.value.clone().map(as_alert).transpose()?;
        Ok(found.map(|_| row))
    }

    async fn case(
        &self,
        player: &PlayerId,
        case: &TransactionRef,
    ) -> Result<AtHead<Option<CaseRow>>, ViewError> {
        let found = self.get(&case_key(player, case)).await?.of_player(player);
        let row = found.value.clone().map(as_case).transpose()?;
        Ok(found.map(|_| row))
    }

    async fn alerts(
        &self,
        state: AlertState,
        after: Option<&RiskCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<AlertRow, RiskCursor>>, ViewError> {
        read_page(self, &queue("alerts", state.as_str(), after)?, limit, as_alert, AlertRow::cursor).await
    }

    async fn cases(
        &self,
        state: CaseState,
        after: Option<&RiskCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<CaseRow, RiskCursor>>, ViewError> {
        read_page(self, &queue("cases", state.as_str(), after)?, limit, as_case, CaseRow::cursor).await
    }

    async fn assigned(
        &self,
        to: &ActorId,
        after: Option<&RiskCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<CaseRow, RiskCursor>>, ViewError> {
        read_page(self, &queue("assigned", to.as_str(), after)?, limit, as_case, CaseRow::cursor).await
    }

    async fn alerts_of(
        &self,
        player: &PlayerId,
        after: Option<&TransactionRef>,
        limit: usize,
    ) -> Result<AtHead<Page<AlertRow, TransactionRef>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["alert", player])?;
        if let Some(of) = after {
            range = range.after(&alert_key(player, of))?;
        }
        Ok(read_page(self, &range, limit, as_alert, |row| row.of.clone()).await?.of_player(player))
    }

    async fn cases_of(
        &self,
        player: &PlayerId,
        after: Option<&TransactionRef>,
        limit: usize,
    ) -> Result<AtHead<Page<CaseRow, TransactionRef>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["case", player])?;
        if let Some(of) = after {
            range = range.after(&case_key(player, of))?;
        }
        Ok(read_page(self, &range, limit, as_case, |row| row.of.clone()).await?.of_player(player))
    }

    async fn counts(
        &self,
    ) -> Result<AtCheckpoint<(Vec<(AlertState, u64)>, Vec<(CaseState, u64)>)>, ViewError> {
        let range = KeyRange::beginning(&key!["count"])?;
        let found = read_whole(self, &range, "read the model page by page").await?;
        let count = |queue: &str, state: &str| {
            let mut own = found.value.iter();
            let row = own.find(|(key, _)| (key.part(1), key.part(2)) == (queue, state));
            match row {
                Some((_, CasesRow::Count(count))) => Ok(*count),
                Some(_) => Err(damaged()),
                None => Ok(0),
            }
        };
        let (mut alerts, mut cases) = (Vec::new(), Vec::new());
        for state in AlertState::ALL {
            alerts.push((*state, count("alerts", state.as_str())?));
        }
        for state in CaseState::ALL {
            cases.push((*state, count("cases", state.as_str())?));
        }
        alerts.retain(|(_, count)| *count > 0);
        cases.retain(|(_, count)| *count > 0);
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: (alerts, cases) })
    }
}
