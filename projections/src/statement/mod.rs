//! The statement: every movement of a player's money, with what it came of and the balances after it; and so the
//! balances at any moment of the past.

mod fold;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::stored::EventRecord;
use ledger_core::{PlayerId, Timestamp};
use ledger_store::Position;

use crate::balances::PlayerBalances;
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::period::Period;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{
    Category, LineCursor, LineRound, Movement, StatementLine, StatementRow, Summary, SummaryRow, categories,
};

/// The most entries that [`ReadStatement::summary`] adds up.
pub const SUMMARY_LINES_MAX: usize = 50_000;

/// The statement of every player (GLI-19 2.5.7; rows E13, E32 and E56 of docs/compliance.md).
///
/// It has a row per entry of a player, so it grows with the log; for a ledger of any size keep it in a database.
/// Every 32nd line has all of the player's accounts beside it, so that the balances at a moment are found by reading at
/// most 32 lines, however long ago it was.
#[derive(Debug, Clone, Copy)]
pub struct Statement;

impl Model for Statement {
    const NAME: &'static str = "statement";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = StatementRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(_: &mut StatementRow, _: StatementRow) -> Option<()> {
        // A player is in one shard.
        None
    }
}

/// Lines of a statement; the cursor is the last one's place.
pub type StatementPage = Page<StatementLine, LineCursor>;

/// Players with what they had; the cursor is the last one's id.
pub type PlayersThen = Page<(PlayerId, PlayerBalances), PlayerId>;

/// Reads the statement, wherever it is kept.
#[async_trait]
pub trait ReadStatement: Standing {
    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) entries of a player in a period, after a cursor, the
    /// oldest first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn lines(
        &self,
        player: &PlayerId,
        period: Period,
        after: Option<&LineCursor>,
        limit: usize,
    ) -> Result<AtHead<StatementPage>, ViewError>;

    /// The same, the newest first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn latest(
        &self,
        player: &PlayerId,
        period: Period,
        after: Option<&LineCursor>,
        limit: usize,
    ) -> Result<AtHead<StatementPage>, ViewError>;

    /// What a player had when all was done that was recorded up to an instant, that one too; `None` if he was not
    /// opened by then. The head says how far the view knows: for an instant after its last commit more may come.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn balances_at(
        &self,
        player: &PlayerId,
        at: Timestamp,
    ) -> Result<AtHead<Option<PlayerBalances>>, ViewError>;

    /// What a player had after a position of his shard; `None` if he was not opened by then.
    ///
    /// # Errors
    ///
    /// [`ViewError::Behind`] if the view has not come to the position; [`ViewError`] if it cannot be read.
    async fn balances_at_position(
        &self,
        player: &PlayerId,
        position: Position,
    ) -> Result<AtHead<Option<PlayerBalances>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) players who were opened by an instant, with what they had
    /// then, in the bytewise order of their ids as JSON. The instant should be over: players are read one after the
    /// other, and what comes while they are is in some.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn all_balances_at(
        &self,
        at: Timestamp,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<PlayersThen>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) players who were ever opened, after one of them, in the bytewise
    /// order of their ids as JSON.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn players(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<PlayerId, PlayerId>>, ViewError>;

    /// What a player's money did in a period, per currency: what he had before it, each kind of movement, what he had
    /// after it. The first and the second add up to the third (row E56 of docs/compliance.md), which is proven.
    ///
    /// # Errors
    ///
    /// [`ViewError::TooMuch`] beyond [`SUMMARY_LINES_MAX`] entries, [`ViewError::Damaged`] if it does not add up,
    /// [`ViewError`] if the view cannot be read.
    async fn summary(&self, player: &PlayerId, period: Period) -> Result<AtHead<Option<Summary>>, ViewError>;
}
