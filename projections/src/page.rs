//! Pages of long answers.

use crate::checkpoint::AtCheckpoint;
use crate::error::ViewError;
use crate::model::{Model, ReadModel};
use crate::range::{KeyRange, SCAN_ROWS_MAX};

/// The most rows one page has.
pub const PAGE_MAX: usize = 1_000;

/// A page of a long answer, and where to go on.
///
/// Rows are listed in an order that never changes for a row, so a cursor stays good while the view moves on: what was
/// there all the time is met exactly once, what comes in between is met if it is listed behind the cursor. Each page
/// says by itself where it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where to go on; `None` if there are no more.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// A page of at most `limit` rows from one row more, which tells whether it is the last.
    pub(crate) fn of(mut rows: Vec<T>, limit: usize, cursor: impl FnOnce(&T) -> C) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(cursor) } else { None };
        Self { rows, next }
    }
}

/// How many rows a page has that was asked for with a limit. A page of none would have nowhere to go on from.
pub(crate) fn limited(limit: usize) -> usize {
    limit.clamp(1, PAGE_MAX)
}

/// One row more than the page has, as SQL counts.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// A page of a stretch of a model's rows, of which each is read as something.
pub(crate) async fn read_page<M: Model, T, C>(
    reader: &(impl ReadModel<M> + ?Sized),
    range: &KeyRange,
    limit: usize,
    row: impl Fn(M::Row) -> Result<T, ViewError>,
    cursor: impl FnOnce(&T) -> C,
) -> Result<AtCheckpoint<Page<T, C>>, ViewError> {
    let found = reader.range(range, limited(limit)).await?;
    let rows = found.value.rows.into_iter().map(|(_, found)| row(found));
    let rows = rows.collect::<Result<Vec<_>, ViewError>>()?;
    let next = if found.value.next.is_some() { rows.last().map(cursor) } else { None };
    Ok(AtCheckpoint { checkpoint: found.checkpoint, value: Page { rows, next } })
}

/// All rows of a stretch of a model's keys: what one reading cannot take is refused, and not cut off.
pub(crate) async fn read_whole<M: Model>(
    reader: &(impl ReadModel<M> + ?Sized),
    range: &KeyRange,
    advice: &'static str,
) -> Result<AtCheckpoint<Vec<(M::Key, M::Row)>>, ViewError> {
    read_at_most(reader, range, SCAN_ROWS_MAX, advice).await
}

/// The same of a stretch that must not have more rows than these.
pub(crate) async fn read_at_most<M: Model>(
    reader: &(impl ReadModel<M> + ?Sized),
    range: &KeyRange,
    rows_max: usize,
    advice: &'static str,
) -> Result<AtCheckpoint<Vec<(M::Key, M::Row)>>, ViewError> {
    let found = reader.range(range, rows_max).await?;
    if found.value.next.is_some() {
        return Err(ViewError::TooMuch { rows_max, advice });
    }
    Ok(found.map(|page| page.rows))
}
