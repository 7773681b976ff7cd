//! Reads jackpots.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger_core::{AccountKind, JackpotId};

use super::fold::{award_key, claim_key, name_key, record_key, stem};
use super::row::{
    AwardRow, ClaimCursor, ClaimRow, JackpotRecord, JackpotState, JackpotsRow, PaymentRow, PoolRow,
};
use super::{JackpotName, Jackpots, ReadJackpots};
use crate::checkpoint::AtCheckpoint;
use crate::commit::EventPlace;
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::{Page, limited, read_page, read_whole};
use crate::range::{KeyRange, key};
use crate::text::{kind_text, parse, parse_id, parse_kind};

fn damaged() -> ViewError {
    ViewError::Damaged("a row of the jackpots view is of another kind".to_owned())
}

/// An award and its payment, as they are found side by side.
#[derive(Default)]
struct Found {
    award: Option<AwardRow>,
    payment: Option<PaymentRow>,
}

#[async_trait]
impl<R: ReadModel<Jackpots>> ReadJackpots for R {
    async fn jackpot(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
    ) -> Result<AtCheckpoint<Option<JackpotState>>, ViewError> {
        let range = KeyRange::beginning(&stem(kind, jackpot))?;
        let found = read_whole(self, &range, "read the model page by page").await?;
        let mut state = JackpotState {
            kind,
            jackpot: jackpot.clone(),
            terms: None,
            pool: PoolRow::default(),
            origins: Vec::new(),
            booked: BTreeMap::new(),
        };
        let is_there = !found.value.is_empty();
        let mut from_jackpots = Vec::new();
        for (key, row) in found.value {
            match row {
                JackpotsRow::Pool(pool) => state.pool = *pool,
                JackpotsRow::Terms(terms) => state.terms = Some(*terms),
                JackpotsRow::Origin(origin) if key.part(4) == "shard" => state.origins.push(*origin),
                JackpotsRow::Origin(origin) => from_jackpots.push(*origin),
                JackpotsRow::Booked(sums) => drop(state.booked.insert(parse(key.part(4))?, *sums)),
                _ => return Err(damaged()),
            }
        }
        state.origins.extend(from_jackpots);
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: is_there.then_some(state) })
    }

    async fn jackpots(
        &self,
        after: Option<&JackpotName>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<JackpotName, JackpotName>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["name"])?;
        if let Some((kind, jackpot)) = after {
            range = range.after(&name_key(*kind, jackpot))?;
        }
        let found = self.range(&range, limited(limit)).await?;
        let names = found
            .value
            .rows
            .iter()
            .map(|(key, _)| Ok((parse_kind(key.part(1))?, parse_id(JackpotId::new(key.part(2)))?)));
        let rows = names.collect::<Result<Vec<JackpotName>, ViewError>>()?;
        let next = if found.value.next.is_some() { rows.last().cloned() } else { None };
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: Page { rows, next } })
    }

    async fn history(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<JackpotRecord, EventPlace>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["history", kind_text(kind), jackpot])?;
        if let Some(place) = after {
            range = range.after(&record_key(kind, jackpot, place))?;
        }
        let row = |row: JackpotsRow| match row {
            JackpotsRow::Record(record) => Some(*record),
            _ => None,
        };
        read_page(self, &range, limit, |found| row(found).ok_or_else(damaged), |record| record.place).await
    }

    async fn awards(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<AwardRow, u64>>, ViewError> {
        let limit = limited(limit);
        let mut range = KeyRange::beginning(&key!["award", kind_text(kind), jackpot])?;
        if let Some(number) = after {
            // Its payment is listed last.
            range = range.after(&award_key(kind, jackpot, number, "paid"))?;
        }
        // Each has two rows at most, so that one more than asked for is whole.
        let rows_max = limit.saturating_add(1).saturating_mul(2);
        let found = self.range(&range, rows_max).await?;
        let mut awards: BTreeMap<u64, Found> = BTreeMap::new();
        for (key, row) in found.value.rows {
            let one = awards.entry(parse(key.part(3))?).or_default();
            match row {
                JackpotsRow::Award(award) => one.award = Some(*award),
                JackpotsRow::Payment(payment) => one.payment = Some(*payment),
                _ => return Err(damaged()),
            }
        }
        let more = awards.len() > limit;
        let numbers: Vec<u64> = awards.keys().take(limit).copied().collect();
        let next = if more { numbers.last().copied() } else { None };
        // Of a payment whose award the view does not know yet, nothing is told yet.
        let shown = awards
            .into_values()
            .take(limit)
            .filter_map(|Found { award, payment }| award.map(|award| AwardRow { payment, ..award }));
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: Page { rows: shown.collect(), next } })
    }

    async fn claims(
        &self,
        kind: AccountKind,
        jackpot: &JackpotId,
        after: Option<&ClaimCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<ClaimRow, ClaimCursor>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["claim", kind_text(kind), jackpot])?;
        if let Some(cursor) = after {
            range = range.after(&claim_key(kind, jackpot, cursor))?;
        }
        let row = |row: JackpotsRow| match row {
            JackpotsRow::Claim(claim) => Some(*claim),
            _ => None,
        };
        read_page(self, &range, limit, |found| row(found).ok_or_else(damaged), ClaimRow::cursor).await
    }
}
