//! What became of prizes with their players.

use serde::{Deserialize, Serialize};

use super::configure::{in_state, is_tournament};
use super::state::TournamentStatus;
use crate::house::operation::{HouseOperation, not_allowed, sent_by_counterpart};
use crate::house::postings::rake;
use crate::house::{HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::NotAllowedReason;
use crate::stored::{Event, PrizeOutcome, TournamentPrizeSettled};

/// Tells what became of a prize with its player: it was paid, or he is barred and the terms say that the house keeps it; then
/// it is rake. Key: (the tournament, the prize).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleTournamentPrize {
    /// The prize, by the number of its entry.
    pub number: u64,
    /// What became of it. With which entry it was paid is not part of the fingerprint.
    pub outcome: PrizeOutcome,
}

impl HouseOperation for SettleTournamentPrize {
    const KIND: OperationKind = OperationKind::TournamentPrizeSettlement;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &TransactionId::new(self.number.to_string())?)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let outcome = match self.outcome {
            PrizeOutcome::Paid(_) => "paid",
            PrizeOutcome::Forfeited => "forfeited",
        };
        print.field(1, Some(outcome))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let (known, terms) = in_state(work.state().tournament(), &[TournamentStatus::Closed])?;
        let Some(prize) = known.prize(self.number) else {
            return Err(not_allowed(NotAllowedReason::PrizeNotOpen));
        };
        let entry = match self.outcome {
            PrizeOutcome::Paid(_) => None,
            PrizeOutcome::Forfeited => {
                let of = work.of_account()?;
                Some(work.post(rake(&of, prize.amount, terms.currency).into())?)
            }
        };
        let (number, of, outcome) = (self.number, prize.of.clone(), self.outcome);
        work.push_house(Event::TournamentPrizeSettled(TournamentPrizeSettled {
            number,
            of,
            outcome,
            entry,
        }))?;
        Ok(())
    }
}
