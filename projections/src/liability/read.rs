//! Reads player liability.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger_core::{AccountKind, BrandId, CurrencyCode, GameId, OperatorId, SourceId};

use super::row::{
    Cover, HeldDayRow, HeldKey, HeldRow, HeldSums, LiabilityKey, LiabilityRow, LiabilitySums,
    LiabilityTableRow,
};
use super::{Liability, ReadLiability};
use crate::checkpoint::AtCheckpoint;
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::read_whole;
use crate::range::{KeyRange, key};
use crate::text::{parse, parse_id, parse_kind};

fn id<T, E: std::fmt::Display>(
    text: &str,
    new: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, ViewError> {
    if text.is_empty() { Ok(None) } else { parse_id(new(text)).map(Some) }
}

fn damaged() -> ViewError {
    ViewError::Damaged("a row of the liability view is of another kind".to_owned())
}

async fn all<T>(
    reader: &(impl ReadModel<Liability> + ?Sized),
    what: &str,
    read: impl Fn(&crate::range::KeyParts, LiabilityTableRow) -> Result<T, ViewError>,
) -> Result<AtCheckpoint<Vec<T>>, ViewError> {
    let range = KeyRange::beginning(&key![what])?;
    let found = read_whole(reader, &range, "keep it by fewer brands and games").await?;
    let rows: Result<Vec<T>, ViewError> = found.value.into_iter().map(|(key, row)| read(&key, row)).collect();
    Ok(AtCheckpoint { checkpoint: found.checkpoint, value: rows? })
}

#[async_trait]
impl<R: ReadModel<Liability>> ReadLiability for R {
    async fn liability(&self) -> Result<AtCheckpoint<Vec<LiabilityRow>>, ViewError> {
        let mut found = all(self, "balances", |key, row| {
            let LiabilityTableRow::Balances(sums) = row else { return Err(damaged()) };
            let key = LiabilityKey {
                kind: parse_kind(key.part(1))?,
                operator: id(key.part(2), |text| OperatorId::new(text))?,
                brand: id(key.part(3), |text| BrandId::new(text))?,
                currency: parse(key.part(4))?,
            };
            Ok((key, *sums))
        })
        .await?;
        found.value.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(found)
    }

    async fn held(&self) -> Result<AtCheckpoint<Vec<HeldRow>>, ViewError> {
        let found = self.held_by_day().await?;
        let mut games: BTreeMap<HeldKey, HeldSums> = BTreeMap::new();
        for (key, _, sums) in &found.value {
            let known = games.entry(key.clone()).or_default();
            let large = || ViewError::Damaged("what is held is beyond 128 bits".to_owned());
            *known = known.plus(*sums).ok_or_else(large)?;
        }
        Ok(found.map(|_| games.into_iter().collect()))
    }

    async fn held_by_day(&self) -> Result<AtCheckpoint<Vec<HeldDayRow>>, ViewError> {
        let mut found = all(self, "held", |key, row| {
            let LiabilityTableRow::Held(sums) = row else { return Err(damaged()) };
            let held = HeldKey {
                kind: parse_kind(key.part(1))?,
                operator: id(key.part(2), |text| OperatorId::new(text))?,
                brand: id(key.part(3), |text| BrandId::new(text))?,
                source: id(key.part(4), |text| SourceId::new(text))?,
                game: id(key.part(5), |text| GameId::new(text))?,
                currency: parse(key.part(6))?,
            };
            Ok((held, parse(key.part(7))?, sums))
        })
        .await?;
        found.value.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
        Ok(found)
    }

    async fn cover(&self) -> Result<AtCheckpoint<Vec<Cover>>, ViewError> {
        let found = self.liability().await?;
        let mut sums: BTreeMap<(AccountKind, CurrencyCode), LiabilitySums> = BTreeMap::new();
        let large = || ViewError::Damaged("a sum of the liability view is beyond 128 bits".to_owned());
        for (key, row) in &found.value {
            let known = sums.entry((key.kind, key.currency)).or_default();
            *known = known.plus(row).ok_or_else(large)?;
        }
        let cover = |((kind, currency), sums): ((AccountKind, CurrencyCode), LiabilitySums)| {
            let (owed, funds) = (sums.owed().ok_or_else(large)?, sums.funds().ok_or_else(large)?);
            Ok(Cover { kind, currency, owed, funds, sums })
        };
        let value = sums.into_iter().map(cover).collect::<Result<Vec<_>, ViewError>>()?;
        Ok(found.map(|_| value))
    }
}
