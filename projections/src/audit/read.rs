//! Reads the audit trail.

use async_trait::async_trait;

use super::fold::{list, list_key};
use super::row::{AuditCursor, AuditRecord};
use super::{AuditFilter, AuditPage, AuditTrail, ReadAuditTrail};
use crate::checkpoint::AtCheckpoint;
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::read_page;
use crate::period::Period;
use crate::range::{KeyRange, key};

fn range(filter: &AuditFilter, period: Period) -> Result<KeyRange, ViewError> {
    let [list, of] = list(filter);
    let all = KeyRange::beginning(&key![list, of])?;
    all.from_key(&key![list, of, period.from])?.until_key(&key![list, of, period.until])
}

async fn page(
    reader: &(impl ReadModel<AuditTrail> + ?Sized),
    filter: &AuditFilter,
    mut range: KeyRange,
    after: Option<&AuditCursor>,
    limit: usize,
) -> Result<AtCheckpoint<AuditPage>, ViewError> {
    if let Some(cursor) = after {
        range = range.after(&list_key(filter, *cursor))?;
    }
    let record = |row: super::AuditRow| {
        row.0
            .map(|record| *record)
            .ok_or_else(|| ViewError::Damaged("the audit trail has an empty row".to_owned()))
    };
    read_page(reader, &range, limit, record, AuditRecord::cursor).await
}

#[async_trait]
impl<R: ReadModel<AuditTrail>> ReadAuditTrail for R {
    async fn records(
        &self,
        filter: &AuditFilter,
        period: Period,
        after: Option<&AuditCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<AuditPage>, ViewError> {
        page(self, filter, range(filter, period)?, after, limit).await
    }

    async fn latest(
        &self,
        filter: &AuditFilter,
        period: Period,
        after: Option<&AuditCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<AuditPage>, ViewError> {
        page(self, filter, range(filter, period)?.backwards(), after, limit).await
    }
}
