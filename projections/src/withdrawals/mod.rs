//! Withdrawals: where each stands, the queue of those that wait, who approved them, and what was paid.

mod fold;
mod read;
mod row;

use async_trait::async_trait;
use ledger_core::stored::{EventRecord, PaymentRef};
use ledger_core::{AccountKind, CurrencyCode, PlayerId};

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::{Model, Rows};
use crate::page::Page;
use crate::range::KeyParts;
use crate::standing::Standing;

pub use row::{WithdrawalCursor, WithdrawalRow, WithdrawalState, WithdrawalSums, WithdrawalsRow};

/// Every withdrawal, by player and by state (rows E13, E26 and E53 of docs/compliance.md).
///
/// A withdrawal that was split stays as [`WithdrawalState::Split`], and its parts are withdrawals of their own.
#[derive(Debug, Clone, Copy)]
pub struct Withdrawals;

impl Model for Withdrawals {
    const NAME: &'static str = "withdrawals";
    const VERSION: u32 = 1;
    type Key = KeyParts;
    type Row = WithdrawalsRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        fold::fold(rows, commit, record)
    }

    fn join(row: &mut WithdrawalsRow, other: WithdrawalsRow) -> Option<()> {
        match (row, other) {
            (WithdrawalsRow::Sums(sums), WithdrawalsRow::Sums(other)) => {
                *sums = sums.plus(other)?;
                Some(())
            }
            // A player is in one shard.
            _ => None,
        }
    }
}

/// Withdrawals; the cursor is the last one's place in the list.
pub type WithdrawalPage = Page<WithdrawalRow, WithdrawalCursor>;

/// What waits in one state, of one kind and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateTotals {
    /// The state.
    pub state: WithdrawalState,
    /// Real or test.
    pub kind: AccountKind,
    /// The currency.
    pub currency: CurrencyCode,
    /// How many, and how much.
    pub sums: WithdrawalSums,
}

/// Reads withdrawals, wherever they are kept.
#[async_trait]
pub trait ReadWithdrawals: Standing {
    /// One withdrawal; `None` if it was not asked for by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn withdrawal(
        &self,
        player: &PlayerId,
        reference: &PaymentRef,
    ) -> Result<AtHead<Option<WithdrawalRow>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) withdrawals in a state, after a cursor, those first that were
    /// asked for first.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn queue(
        &self,
        state: WithdrawalState,
        after: Option<&WithdrawalCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<WithdrawalPage>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`](crate::PAGE_MAX)) withdrawals of a player, after a cursor, in the bytewise order
    /// of sources and ids as JSON.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn of_player(
        &self,
        player: &PlayerId,
        after: Option<&PaymentRef>,
        limit: usize,
    ) -> Result<AtHead<Page<WithdrawalRow, PaymentRef>>, ViewError>;

    /// How many withdrawals are in each state, and how much they come to, in order of states, kinds and currencies.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn totals(&self) -> Result<AtCheckpoint<Vec<StateTotals>>, ViewError>;

    /// What was paid to a player so far, less what came back, per currency: what a check of who he is may depend on
    /// (row E53 of docs/compliance.md).
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn paid_out(
        &self,
        player: &PlayerId,
    ) -> Result<AtHead<Vec<(CurrencyCode, WithdrawalSums)>>, ViewError>;
}
