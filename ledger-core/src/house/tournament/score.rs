//! What points players have.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::configure::{in_state, is_tournament};
use super::state::TournamentStatus;
use crate::house::operation::{HouseOperation, not_allowed};
use crate::house::{HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, PlayerId, SourceId, TransactionId};
use crate::key::{ContentHash, FingerprintBuilder, OperationKind};
use crate::money::{Amount, AmountError};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{Event, TournamentScored};
use crate::time::Timestamp;

/// Tells the tournament what points a player has by a position of his log's shard: all of them, not what was added. So
/// results that were taken back are, points may become less, and nothing is counted twice. Positions only rise. Points of before
/// he entered are of another entry of his, and count for none. Key: made from the player and the position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreTournament {
    /// The player.
    pub player: PlayerId,
    /// The last position that is in it.
    pub up_to: u64,
    /// His points; of net results they may be below zero.
    #[serde(with = "crate::text::decimal_text")]
    pub points: Decimal,
    /// How many bets that count he has.
    pub bets: u32,
    /// When his points became so: after he entered, and within the time in which results count.
    pub reached_at: Timestamp,
}

impl HouseOperation for ScoreTournament {
    const KIND: OperationKind = OperationKind::TournamentScore;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn sender(&self, _: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        let named = format!("{}\n{}", self.player, self.up_to);
        Ok((SourceId::new("ledger")?, TransactionId::new(ContentHash::of(named.as_bytes()).to_string())?))
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.points)
            .field(2, Some(&self.bets.to_string()))
            .field(3, Some(&self.reached_at.to_string()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let states = [TournamentStatus::Open, TournamentStatus::Ended];
        let (known, terms) = in_state(work.state().tournament(), &states)?;
        let Some(entrant) = known.entrant(&self.player) else {
            return Err(not_allowed(NotAllowedReason::EntryNotOpen));
        };
        if entrant.score.is_some_and(|score| score.up_to >= self.up_to) {
            return Err(not_allowed(NotAllowedReason::ScoreOutOfOrder));
        }
        let from = terms.from.max(entrant.entered_at);
        if self.reached_at < from || self.reached_at > terms.results_until {
            return Err(not_allowed(NotAllowedReason::TournamentOver));
        }
        let scale = terms.points_scale();
        let points = Amount::from_decimal(self.points, scale).map_err(|error| match error {
            AmountError::TooFine { .. } => Rejection::Precision { amount: self.points.to_string(), scale },
            _ => Rejection::InvalidAmount { amount: self.points.to_string() },
        })?;
        work.push_house(Event::TournamentScored(TournamentScored {
            player: self.player.clone(),
            up_to: self.up_to,
            points,
            bets: self.bets,
            reached_at: self.reached_at,
        }))?;
        Ok(())
    }
}
