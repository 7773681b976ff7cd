//! Reads bonuses.

use async_trait::async_trait;
use ledger_core::stored::AwardRef;
use ledger_core::{PlayerId, SubAccount, TermsName};

use super::fold::{award_key, live_key};
use super::row::{AwardRow, BonusesRow, CampaignKey, CampaignRow, LiveCursor, OfferKey, OfferRow};
use super::{Bonuses, ReadBonuses};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::{Page, read_page, read_whole};
use crate::range::{KeyParts, KeyRange, key};
use crate::text::{parse, parse_id, parse_kind};

fn damaged() -> ViewError {
    ViewError::Damaged("a row of the bonuses view is of another kind".to_owned())
}

fn as_award(row: BonusesRow) -> Result<AwardRow, ViewError> {
    match row {
        BonusesRow::Award(row) => Ok(*row),
        _ => Err(damaged()),
    }
}

async fn all<T>(
    reader: &(impl ReadModel<Bonuses> + ?Sized),
    what: &str,
    read: impl Fn(&KeyParts, BonusesRow) -> Result<T, ViewError>,
) -> Result<AtCheckpoint<Vec<T>>, ViewError> {
    let range = KeyRange::beginning(&key![what])?;
    let found = read_whole(reader, &range, "read the model page by page").await?;
    let rows: Result<Vec<T>, ViewError> = found.value.into_iter().map(|(key, row)| read(&key, row)).collect();
    Ok(AtCheckpoint { checkpoint: found.checkpoint, value: rows? })
}

#[async_trait]
impl<R: ReadModel<Bonuses>> ReadBonuses for R {
    async fn award(
        &self,
        player: &PlayerId,
        award: &AwardRef,
    ) -> Result<AtHead<Option<AwardRow>>, ViewError> {
        let found = self.get(&award_key(player, award)).await?.of_player(player);
        let row = found.value.clone().map(as_award).transpose()?;
        Ok(found.map(|_| row))
    }

    async fn of_player(
        &self,
        player: &PlayerId,
        after: Option<&AwardRef>,
        limit: usize,
    ) -> Result<AtHead<Page<AwardRow, AwardRef>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["award", player])?;
        if let Some(award) = after {
            range = range.after(&award_key(player, award))?;
        }
        Ok(read_page(self, &range, limit, as_award, |row| row.award.clone()).await?.of_player(player))
    }

    async fn live(
        &self,
        after: Option<&LiveCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<AwardRow, LiveCursor>>, ViewError> {
        let mut range = KeyRange::beginning(&key!["live"])?;
        if let Some(cursor) = after {
            range = range.after(&live_key(cursor))?;
        }
        read_page(self, &range, limit, as_award, AwardRow::cursor).await
    }

    async fn offers(&self) -> Result<AtCheckpoint<Vec<OfferRow>>, ViewError> {
        all(self, "offer", |key, row| {
            let BonusesRow::Offer(sums) = row else { return Err(damaged()) };
            let key = OfferKey {
                kind: parse_kind(key.part(1))?,
                campaign: parse_id(SubAccount::new(key.part(2)))?,
                terms: parse_id(TermsName::new(key.part(3)))?,
                hash: key.part(4).to_owned(),
                currency: parse(key.part(5))?,
            };
            Ok((key, *sums))
        })
        .await
    }

    async fn campaigns(&self) -> Result<AtCheckpoint<Vec<CampaignRow>>, ViewError> {
        all(self, "campaign", |key, row| {
            let BonusesRow::Campaign(sums) = row else { return Err(damaged()) };
            let key = CampaignKey {
                kind: parse_kind(key.part(1))?,
                campaign: parse_id(SubAccount::new(key.part(2)))?,
                currency: parse(key.part(3))?,
            };
            Ok((key, *sums))
        })
        .await
    }
}
