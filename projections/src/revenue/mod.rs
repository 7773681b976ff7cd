//! Gaming revenue by day: stakes, payouts, bonuses, jackpots and costs, by game, provider, brand and currency.

mod fold;
mod read;
mod row;

use std::marker::PhantomData;

use async_trait::async_trait;
use ledger_core::Day;
use ledger_core::stored::EventRecord;

use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{Breakdown, RevenueKey, RevenueRow, RevenueSums};

/// The time zone whose days a [`Revenue`] view has. Another zone is another view: its days are other rows.
///
/// ```
/// use ledger_projections::revenue::{Revenue, RevenueZone};
/// /// The days of the licence in Malta.
/// struct Malta;
/// impl RevenueZone for Malta {
///     const VIEW: &'static str = "revenue_malta";
///     const ZONE: &'static str = "Europe/Malta";
/// }
/// type RevenueOfMalta = Revenue<Malta>;
/// ```
pub trait RevenueZone: Send + Sync + 'static {
    /// The view's name: small letters, digits and `_`.
    const VIEW: &'static str;
    /// The zone, as in the IANA database. In a zone that is not there every commit is poison.
    const ZONE: &'static str;
}

/// The days of UTC.
#[derive(Debug, Clone, Copy)]
pub struct Utc;

impl RevenueZone for Utc {
    const VIEW: &'static str = "revenue";
    const ZONE: &'static str = "UTC";
}

/// Gaming revenue by day of a time zone, real or test, operator, brand, jurisdiction, provider, game and currency
/// (docs/scenarios.md, gaming revenue; rows E08, E09, E54 and E57 of docs/compliance.md).
///
/// It is folded from what was posted, so that over all days each column equals the account of the trial balance it is named
/// after. What the house books by itself (fees of providers, duty) stands in rows without brand and game.
pub struct Revenue<Z = Utc>(PhantomData<fn() -> Z>);

impl<Z> std::fmt::Debug for Revenue<Z> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Revenue")
    }
}

impl<Z: RevenueZone> Model for Revenue<Z> {
    const NAME: &'static str = Z::VIEW;
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = RevenueSums;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record, Z::ZONE)
    }

    fn join(row: &mut RevenueSums, other: RevenueSums) -> Option<()> {
        *row = row.plus(&other)?;
        Some(())
    }
}

/// Reads gaming revenue, wherever it is kept.
#[async_trait]
pub trait ReadRevenue: Standing {
    /// The sums over some days, both of them in it, broken down as asked; real and test, and each currency, always stand
    /// apart. In order of keys. Days are those of the view's zone, by when it was recorded.
    ///
    /// # Errors
    ///
    /// [`ViewError::TooMuch`] if these days have more than [`SCAN_ROWS_MAX`](crate::SCAN_ROWS_MAX) rows, [`ViewError`] if
    /// the view cannot be read.
    async fn sums(
        &self,
        from: Day,
        to: Day,
        by: Breakdown,
    ) -> Result<AtCheckpoint<Vec<(RevenueKey, RevenueSums)>>, ViewError>;
}
