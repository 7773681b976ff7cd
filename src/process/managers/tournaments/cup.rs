//! The process of a tournament: it ends and closes it in time, and tells entries and players what they must know.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{Event, TournamentEntryRef, TournamentTerms};
use ledger_core::{
    CloseTournament, EndTournament, HouseId, RankTournament, TOURNAMENT_RANKS_PER_PAGE, Timestamp,
    TournamentStatus,
};
use serde::{Deserialize, Serialize};

use super::{CupSays, OfTournament, of_entry, of_player, own_cup};
use crate::process::id::step;
use crate::process::manager::{Input, Turn, Wants};

/// The timer at which the points of all its players are told.
const RESULTS: &str = "results";

/// A tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CupOfTournament {
    /// Its partition.
    pub house: HouseId,
    /// Its terms.
    pub terms: TournamentTerms,
    /// What it has come to.
    pub status: TournamentStatus,
    /// Who takes part, by the numbers of their entries; at most as many as the terms say.
    pub entrants: BTreeMap<u64, TournamentEntryRef>,
    /// Since when points that were not told in time are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Timestamp>,
    /// Whether the time for results is over and no player has points that it does not know.
    #[serde(default)]
    pub told: bool,
    /// How many have a place, once it is closed.
    pub ranked: u32,
    /// How many pages of places are written.
    pub pages: u32,
}

/// Tells a player's points that this entry takes no part.
pub(super) fn tell_left(house: &HouseId, of: &TournamentEntryRef, turn: &mut Turn<CupSays>) {
    if let Some(process) = of_player(&of.player) {
        turn.tell(process, CupSays::Left(house.clone(), of.clone()));
    }
}

impl CupOfTournament {
    fn next_page(&self) -> Option<u32> {
        let ranked = usize::try_from(self.ranked).unwrap_or(usize::MAX);
        let all = u32::try_from(ranked.div_ceil(TOURNAMENT_RANKS_PER_PAGE)).unwrap_or(u32::MAX);
        (self.status == TournamentStatus::Closed && self.pages < all).then(|| self.pages.saturating_add(1))
    }

    /// The time has come at which points are told; who has others says so in answer. Of what happened while the manager was
    /// down none is told yet: that is heard before the first timer fires, and told after it.
    fn told(&mut self, turn: &mut Turn<CupSays>) {
        self.told = true;
        for of in self.entrants.values() {
            if let Some(process) = of_player(&of.player) {
                turn.tell(process, CupSays::Closing(self.house.clone(), of.clone()));
            }
        }
    }

    pub(super) fn wants(&self, close_after: Duration, wants: &mut Wants<Infallible>) {
        match self.status {
            TournamentStatus::Open => {
                if let Some(want) = wants.house("end", &self.house, |_| EndTournament {}) {
                    want.not_before(self.terms.until);
                }
            }
            TournamentStatus::Ended if self.told => {
                wants.house("close", &self.house, |_| CloseTournament {});
            }
            TournamentStatus::Ended => {
                let since = self.waits_since.unwrap_or(self.terms.results_until);
                wants.timer(RESULTS, since.saturating_add(close_after));
            }
            TournamentStatus::Closed => {
                if let Some(page) = self.next_page() {
                    let name = step(&["page", &page.to_string()]);
                    wants.house(&name, &self.house, |_| RankTournament { page });
                }
            }
            _ => {}
        }
    }
}

pub(super) fn fold(
    state: &mut Option<OfTournament>,
    input: &Input<'_, Infallible, CupSays>,
    turn: &mut Turn<CupSays>,
) {
    let event = match (input, state.as_mut()) {
        (Input::Event(event), _) => event,
        (Input::Fired { .. }, Some(OfTournament::Cup(cup))) => {
            cup.told(turn);
            return;
        }
        (Input::Told(CupSays::Telling(_)), Some(OfTournament::Cup(cup))) => {
            (cup.told, cup.waits_since) = (false, Some(turn.at));
            return;
        }
        _ => return,
    };
    let (Some(house), Some(record)) = (own_cup(event), event.record()) else { return };
    if let Event::TournamentConfigured(configured) = &record.event {
        *state = Some(OfTournament::Cup(Box::new(CupOfTournament {
            house: house.clone(),
            terms: configured.terms.clone(),
            status: TournamentStatus::Draft,
            entrants: BTreeMap::new(),
            waits_since: None,
            told: false,
            ranked: 0,
            pages: 0,
        })));
        return;
    }
    if let Event::TournamentEntryTaken(taken) = &record.event
        && taken.turned_away.is_some()
    {
        tell_left(house, &taken.of, turn);
        return;
    }
    let Some(OfTournament::Cup(cup)) = state else { return };
    match &record.event {
        Event::TournamentOpened(_) => cup.status = TournamentStatus::Open,
        Event::TournamentEntryTaken(taken) => {
            cup.entrants.insert(taken.number, taken.of.clone());
            if let Some(process) = of_player(&taken.of.player) {
                let terms = Box::new(cup.terms.clone());
                turn.tell(process, CupSays::Joined(house.clone(), taken.of.clone(), terms));
            }
        }
        Event::TournamentEntryReleased(released) => {
            // Those of a closed one were told.
            let known = cup.entrants.remove(&released.number).is_some();
            if known && cup.status != TournamentStatus::Closed {
                tell_left(house, &released.of, turn);
            }
        }
        Event::TournamentEnded(_) => cup.status = TournamentStatus::Ended,
        Event::TournamentClosed(closed) => {
            (cup.status, cup.ranked) = (TournamentStatus::Closed, closed.ranked);
            cup.entrants.values().for_each(|of| tell_left(house, of, turn));
        }
        Event::TournamentRanked(ranked) => cup.pages = ranked.page,
        Event::TournamentCancelled(_) => {
            for of in cup.entrants.values() {
                tell_left(house, of, turn);
                if let Some(process) = of_entry(house, of) {
                    turn.tell(process, CupSays::Cancelled(house.clone(), of.clone()));
                }
            }
            *state = None;
            return;
        }
        _ => {}
    }
    if cup.status == TournamentStatus::Closed && cup.next_page().is_none() {
        *state = None;
    }
}
