//! The rounds view: what every round came to, and what every game earned.

mod fold;
mod memory;
mod row;
mod sql;

use async_trait::async_trait;
use ledger_core::stored::RoundStatus;
use ledger_core::{AccountKind, CurrencyCode, GameId, PlayerId, RoundId, SourceId};
use ledger_store::{Position, Shard};
use rust_decimal::Decimal;

use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::error::ViewError;
use crate::page::Page;
use crate::standing::Standing;
use crate::total::Total;

pub use crate::page::PAGE_MAX;
pub use row::{Moment, RoundRow};

const NAME: &str = "rounds";
const VERSION: u32 = 1;

/// The rounds view: every round of every player with its bets, wins and moments, and totals per game.
///
/// In memory it holds every round for ever; for a ledger of any size keep it in SQLite.
#[derive(Debug, Clone, Copy)]
pub struct Rounds;

/// Where a page of rounds ended. Rounds are listed by shard, by the position of their first event, by source
/// and id; none of these ever changes, so a cursor stays good while the view moves on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoundCursor {
    /// The shard of the last round of the page.
    pub shard: Shard,
    /// The position it was opened at.
    pub position: Position,
    /// Its source.
    pub source: SourceId,
    /// Its id.
    pub round: RoundId,
}

/// A page of rounds.
pub type RoundPage = Page<RoundRow, RoundCursor>;

/// What a game came to in one currency, over all players of one kind.
///
/// Of the cash book only: what bonus credits staked and won is not in it. Credits without a stake and the wins of free bets are not
/// payouts. What was staked and won with money that played elsewhere counts when it comes back, in no round.
/// `stakes` equals the game's `gaming:stakes` in the trial balance, and `payouts` its `gaming:payouts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GameTotals {
    /// Real or test.
    pub kind: AccountKind,
    /// The game.
    pub game: GameId,
    /// The currency.
    pub currency: CurrencyCode,
    /// The rounds with a settled bet on the game.
    pub rounds: u64,
    /// The stakes of settled bets, and those of transfers that came back.
    pub stakes: Total,
    /// The wins paid, less those rolled back. Each is booked under the game of the bet it answers, or of the
    /// round's first bet.
    pub payouts: Total,
}

impl GameTotals {
    /// Gross gaming revenue: stakes settled less payouts (docs/scenarios.md). `None` beyond 128 bits.
    pub fn ggr(&self) -> Option<Total> {
        self.stakes.minus(self.payouts)
    }

    /// Return to player: payouts divided by stakes settled (GLI-19 2.8.3), rounded half to even at six digits.
    /// The exact ratio is `payouts` to `stakes`. `None` if no stake was settled.
    pub fn rtp(&self) -> Option<Decimal> {
        self.payouts.ratio(self.stakes)
    }
}

/// Reads the rounds view, wherever it is kept.
#[async_trait]
pub trait ReadRounds: Standing {
    /// One round, with the head of its shard it is true at; `None` if it was not there by then.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn round(
        &self,
        player: &PlayerId,
        source: &SourceId,
        round: &RoundId,
    ) -> Result<AtHead<Option<RoundRow>>, ViewError>;

    /// Up to `limit` (at most [`PAGE_MAX`]) rounds of a status, after a cursor. While the view moves on, a round
    /// that takes the status on behind the cursor is not met.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn list(
        &self,
        status: RoundStatus,
        after: Option<&RoundCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<RoundPage>, ViewError>;

    /// The totals of every game, in order of kind, game and currency.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the view cannot be read.
    async fn games(&self) -> Result<AtCheckpoint<Vec<GameTotals>>, ViewError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked month of docs/scenarios.md.
    #[test]
    fn the_worked_month() {
        let totals = GameTotals {
            kind: AccountKind::Real,
            game: GameId::new("slot").unwrap(),
            currency: CurrencyCode::new("EUR").unwrap(),
            rounds: 1,
            stakes: "1000000.00".parse().unwrap(),
            payouts: "955000.00".parse().unwrap(),
        };
        assert_eq!(totals.ggr(), Some("45000.00".parse().unwrap()));
        assert_eq!(totals.rtp(), Some("0.955".parse().unwrap()));
        let none = GameTotals { stakes: Total::default(), payouts: Total::default(), ..totals };
        assert_eq!(none.rtp(), None);
    }
}
