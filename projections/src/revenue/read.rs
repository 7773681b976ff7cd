//! Reads gaming revenue.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger_core::Day;

use super::row::{Breakdown, RevenueKey, RevenueSums};
use super::{ReadRevenue, Revenue, RevenueZone};
use crate::checkpoint::AtCheckpoint;
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::read_whole;
use crate::range::{KeyParts, KeyRange, key};
use crate::text::{parse, parse_id, parse_kind};

/// An id of a key: absent if it was not asked for, or is empty.
fn part<T, E: std::fmt::Display>(
    asked: bool,
    text: &str,
    new: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, ViewError> {
    if asked && !text.is_empty() { parse_id(new(text)).map(Some) } else { Ok(None) }
}

fn key_of(key: &KeyParts, by: Breakdown) -> Result<RevenueKey, ViewError> {
    Ok(RevenueKey {
        day: if by.day { Some(parse(key.part(1))?) } else { None },
        kind: parse_kind(key.part(2))?,
        operator: part(by.operator, key.part(3), |text| ledger_core::OperatorId::new(text))?,
        brand: part(by.brand, key.part(4), |text| ledger_core::BrandId::new(text))?,
        jurisdiction: part(by.jurisdiction, key.part(5), |text| ledger_core::JurisdictionId::new(text))?,
        source: part(by.source, key.part(6), |text| ledger_core::SourceId::new(text))?,
        game: part(by.game, key.part(7), |text| ledger_core::GameId::new(text))?,
        currency: parse(key.part(8))?,
    })
}

/// Read once for all zones: for whatever reads a model at once it cannot be said, as a reader might read several.
async fn sums<Z: RevenueZone>(
    reader: &(impl ReadModel<Revenue<Z>> + ?Sized),
    from: Day,
    to: Day,
    by: Breakdown,
) -> Result<AtCheckpoint<Vec<(RevenueKey, RevenueSums)>>, ViewError> {
    let range =
        KeyRange::beginning(&key!["day"])?.from_key(&key!["day", from])?.through_key(&key!["day", to])?;
    let found = read_whole(reader, &range, "take fewer days").await?;
    let mut all: BTreeMap<RevenueKey, RevenueSums> = BTreeMap::new();
    for (key, row) in found.value {
        let sum = all.entry(key_of(&key, by)?).or_default();
        let large = || ViewError::Damaged("a sum of revenue is beyond 128 bits".to_owned());
        *sum = sum.plus(&row).ok_or_else(large)?;
    }
    Ok(AtCheckpoint { checkpoint: found.checkpoint, value: all.into_iter().collect() })
}

macro_rules! reads_revenue {
    ($($reader:ty),* $(,)?) => {$(
        #[async_trait]
        impl<Z: RevenueZone> ReadRevenue for $reader {
            async fn sums(
                &self,
                from: Day,
                to: Day,
                by: Breakdown,
            ) -> Result<AtCheckpoint<Vec<(RevenueKey, RevenueSums)>>, ViewError> {
                sums::<Z>(self, from, to, by).await
            }
        }
    )*};
}

reads_revenue!(crate::memory::MemoryReader<Revenue<Z>>);
#[cfg(feature = "sqlite")]
reads_revenue!(crate::sqlite::SqliteReader<Revenue<Z>>);
#[cfg(feature = "postgres")]
reads_revenue!(crate::postgres::PostgresReader<Revenue<Z>>);
