//! The end of a tournament: of play, and of results; and the pages of its places.

use serde::{Deserialize, Serialize};

use super::configure::{count, in_state, is_tournament};
use super::ranking::{Ranking, TOURNAMENT_RANKS_PER_PAGE};
use super::state::TournamentStatus;
use crate::house::operation::{HouseOperation, not_allowed, sent_by_counterpart};
use crate::house::postings::{overlay, rake};
use crate::house::{HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::Amount;
use crate::player_ledger::{Facts, Stop};
use crate::rejection::NotAllowedReason;
use crate::stored::{Event, TournamentClosed, TournamentEnded, TournamentRanked};

/// Ends play, once its time is over. Key: (the tournament, its end).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndTournament {}

impl HouseOperation for EndTournament {
    const KIND: OperationKind = OperationKind::TournamentEnd;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &TransactionId::new("end")?)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let (known, terms) = in_state(work.state().tournament(), &[TournamentStatus::Open])?;
        if work.now() < terms.until {
            return Err(not_allowed(NotAllowedReason::TournamentNotOver));
        }
        work.push_house(Event::TournamentEnded(TournamentEnded { entries: count(known) }))?;
        Ok(())
    }
}

/// Fixes the results, once no more of them count: who has which place, and what prizes come to. What they are above what was
/// collected the house adds (X13); what is left over is whose the terms say. Key: (the tournament, its closing).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseTournament {}

impl HouseOperation for CloseTournament {
    const KIND: OperationKind = OperationKind::TournamentClosing;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &TransactionId::new("close")?)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let states = [TournamentStatus::Open, TournamentStatus::Ended];
        let (known, terms) = in_state(work.state().tournament(), &states)?;
        if work.now() < terms.results_until {
            return Err(not_allowed(NotAllowedReason::TournamentNotOver));
        }
        let Ranking { ranks, collected, prizes, overlay: added, to_house } = Ranking::of(known, terms)?;
        let of = work.of_account()?;
        let entry = if added.is_positive() {
            Some(work.post(overlay(&of, added, terms.currency).into())?)
        } else if to_house.is_positive() {
            Some(work.post(rake(&of, to_house, terms.currency).into())?)
        } else {
            None
        };
        let unless_zero = |amount: Amount| Some(amount).filter(|amount| amount.is_positive());
        work.push_house(Event::TournamentClosed(TournamentClosed {
            entries: count(known),
            ranked: u32::try_from(ranks.len()).unwrap_or(u32::MAX),
            collected,
            prizes,
            overlay: unless_zero(added),
            to_house: unless_zero(to_house),
            entry,
        }))?;
        Ok(())
    }
}

/// Writes the next page of the places of a closed tournament into its log; the prizes on it may be paid from then on. Key:
/// (the tournament, the page).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankTournament {
    /// Which page: 1, 2, 3 ...
    pub page: u32,
}

impl HouseOperation for RankTournament {
    const KIND: OperationKind = OperationKind::TournamentPage;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &TransactionId::new(self.page.to_string())?)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let (known, terms) = in_state(work.state().tournament(), &[TournamentStatus::Closed])?;
        if known.next_page() != Some(self.page) {
            return Err(not_allowed(NotAllowedReason::PageOutOfOrder));
        }
        let before = usize::try_from(known.pages()).unwrap_or(usize::MAX);
        let ranks = Ranking::of(known, terms)?.ranks.into_iter();
        let own = ranks.skip(before.saturating_mul(TOURNAMENT_RANKS_PER_PAGE));
        let ranks = own.take(TOURNAMENT_RANKS_PER_PAGE).collect();
        let (page, currency, barred) = (self.page, terms.currency, terms.barred);
        work.push_house(Event::TournamentRanked(TournamentRanked { page, currency, barred, ranks }))?;
        Ok(())
    }
}
