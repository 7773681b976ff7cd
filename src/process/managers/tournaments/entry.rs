//! The process of an entry: the tournament is told of it, it goes back, or its prize is paid.
//!
//! The player's events and the tournament's stand in two shards, so of each pair either may be heard first; what both have said
//! is over.

use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{BarredPayee, Event, TournamentEntryRef};
use ledger_core::{
    Amount, CurrencyCode, HouseCommand, HouseId, HouseName, HousePurpose, NotAllowedReason,
    PayTournamentPrize, Rejection, ReleaseTournamentEntry, ReturnTournamentEntry, SettleTournamentPrize,
    TakeTournamentEntry, Timestamp,
};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::cup::tell_left;
use super::{CupSays, OfTournament, own_cup, told};
use crate::process::id::{ProcessId, step};
use crate::process::manager::{Input, Turn, Wants};

/// How long an entry waits for a tournament that has no room for one more that goes back.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
const TAKE: &str = "take";
const RELEASE: &str = "release";
const RETURN: &str = "return";

/// A prize on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrizeOfTournament {
    /// What is to be paid, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PayTournamentPrize>,
    /// What became of it with its player.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<SettleTournamentPrize>,
    /// Whether the tournament was told.
    #[serde(default)]
    pub settled: bool,
}

/// An entry of which something is under way.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryOfTournament {
    /// The tournament's partition.
    pub house: HouseId,
    /// The entry.
    pub of: TournamentEntryRef,
    /// The command that tells it, until the tournament has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<TakeTournamentEntry>,
    /// Whether the tournament has it, and the player's event was not heard yet.
    #[serde(default)]
    pub taken: bool,
    /// How often it had no room.
    #[serde(default)]
    pub tries: u32,
    /// Not before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Whether it takes no part and goes back.
    #[serde(default)]
    pub back: bool,
    /// Whether it went back.
    #[serde(default)]
    pub returned: bool,
    /// Whether the tournament was told that.
    #[serde(default)]
    pub released: bool,
    /// Its prize.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prize: Option<PrizeOfTournament>,
}

/// A prize as its page names it. The terms, which say what becomes of a barred player's, come with the page.
fn payment(
    house: &HouseId,
    of: &TournamentEntryRef,
    (number, place, amount): (u64, u32, Amount),
    (currency, barred): (CurrencyCode, BarredPayee),
) -> Option<PayTournamentPrize> {
    let HouseName { kind, purpose: HousePurpose::Tournament(tournament) } = HouseName::of(house)? else {
        return None;
    };
    let (source, id) = (of.source.clone(), of.id.clone());
    let amount = amount.to_decimal();
    Some(PayTournamentPrize { source, id, kind, tournament, prize: number, place, amount, currency, barred })
}

impl EntryOfTournament {
    fn new(house: HouseId, of: TournamentEntryRef) -> Self {
        Self {
            house,
            of,
            take: None,
            taken: false,
            tries: 0,
            not_before: None,
            back: false,
            returned: false,
            released: false,
            prize: None,
        }
    }

    fn prize_mut(&mut self) -> &mut PrizeOfTournament {
        self.prize.get_or_insert(PrizeOfTournament { payment: None, outcome: None, settled: false })
    }

    fn of_player(&mut self, event: &Event, command: HouseCommand) {
        match (event, command) {
            (Event::TournamentEntered(_), HouseCommand::TakeTournamentEntry(take)) => {
                if self.taken {
                    self.taken = false;
                } else {
                    self.take = Some(take);
                }
            }
            (Event::TournamentEntryReturned(_), _) => self.returned = true,
            (_, HouseCommand::SettleTournamentPrize(settle)) => self.prize_mut().outcome = Some(settle),
            _ => {}
        }
    }

    fn of_house(&mut self, event: &Event) {
        match event {
            Event::TournamentEntryTaken(taken) => {
                if self.take.take().is_none() {
                    self.taken = true;
                }
                self.not_before = None;
                self.back = taken.turned_away.is_some();
            }
            Event::TournamentEntryReleased(_) => self.released = true,
            Event::TournamentRanked(page) => {
                let own = page.ranks.iter().find(|rank| rank.of == self.of);
                if let Some((rank, amount)) = own.and_then(|rank| Some((rank, rank.prize?))) {
                    let of_rank = (rank.number, rank.place, amount);
                    let payment = payment(&self.house, &self.of, of_rank, (page.currency, page.barred));
                    self.prize_mut().payment = payment;
                }
            }
            Event::TournamentPrizeSettled(_) => self.prize_mut().settled = true,
            _ => {}
        }
    }

    /// What both sides have said is over.
    fn clear(&mut self) {
        if self.returned && self.released {
            (self.back, self.returned, self.released) = (false, false, false);
        }
        if self.prize.as_ref().is_some_and(|prize| prize.outcome.is_some() && prize.settled) {
            self.prize = None;
        }
    }

    fn is_idle(&self) -> bool {
        let entry = self.take.is_none() && !self.taken;
        entry && !self.back && !self.returned && !self.released && self.prize.is_none()
    }

    pub(super) fn wants(&self, wants: &mut Wants<Infallible>) {
        if let Some(take) = &self.take {
            let name = step(&[TAKE, &self.tries.to_string()]);
            let want = wants.house(&name, &self.house, |_| take.clone());
            if let (Some(want), Some(at)) = (want, self.not_before) {
                want.not_before(at);
            }
            // What follows waits for the tournament to have it.
            return;
        }
        if self.returned && !self.released {
            wants.house(RELEASE, &self.house, |_| ReleaseTournamentEntry { of: self.of.clone() });
        } else if self.back && !self.returned && !self.released {
            let name = HouseName::of(&self.house);
            if let Some(HouseName { kind, purpose: HousePurpose::Tournament(tournament) }) = name {
                wants.player(RETURN, &self.of.player, |_| ReturnTournamentEntry {
                    source: self.of.source.clone(),
                    id: self.of.id.clone(),
                    kind,
                    tournament,
                });
            }
        }
        match &self.prize {
            Some(PrizeOfTournament { outcome: Some(settle), settled: false, .. }) => {
                wants.house("settle", &self.house, |_| settle.clone());
            }
            Some(PrizeOfTournament { payment: Some(payment), outcome: None, settled: false }) => {
                wants.player("pay", &self.of.player, |_| payment.clone());
            }
            _ => {}
        }
    }
}

fn begun(event: &Occurrence, process: &ProcessId) -> Option<EntryOfTournament> {
    if let Some((house, of, _)) = told(event) {
        return Some(EntryOfTournament::new(house, of));
    }
    let (house, record) = (own_cup(event)?, event.record()?);
    let all = super::entries_of(&record.event);
    let own = all.into_iter().find(|of| super::of_entry(house, of).as_ref() == Some(process))?;
    Some(EntryOfTournament::new(house.clone(), own.clone()))
}

pub(super) fn fold(
    state: &mut Option<OfTournament>,
    process: &ProcessId,
    input: &Input<'_, Infallible, CupSays>,
    turn: &mut Turn<CupSays>,
) {
    if state.is_none() {
        let begun = match input {
            Input::Event(event) => begun(event, process),
            Input::Told(CupSays::Cancelled(house, of)) => {
                Some(EntryOfTournament::new(house.clone(), of.clone()))
            }
            _ => None,
        };
        *state = begun.map(|entry| OfTournament::Entry(Box::new(entry)));
    }
    let Some(OfTournament::Entry(entry)) = state else { return };
    match input {
        Input::Event(event) => {
            if let (Some((_, _, command)), Some(record)) = (told(event), event.record()) {
                entry.of_player(&record.event, command);
            } else if let Some(record) = event.record() {
                entry.of_house(&record.event);
            }
        }
        Input::Told(CupSays::Cancelled(..)) => entry.back = true,
        // It has no terms: somebody else runs it, and says what becomes of the entry.
        Input::Refused {
            rejection: Rejection::NotAllowed { reason: NotAllowedReason::TournamentState },
            ..
        } if entry.take.is_some() => {
            entry.take = None;
            tell_left(&entry.house, &entry.of, turn);
        }
        // Its source undid what such a tournament never heard of.
        Input::Refused {
            step: RELEASE,
            rejection: Rejection::NotAllowed { reason: NotAllowedReason::EntryNotOpen },
        } => entry.returned = false,
        // There is no room for one more that goes back; later there is.
        Input::Refused { rejection: Rejection::CapacityExceeded { .. }, .. } if entry.take.is_some() => {
            entry.tries = entry.tries.saturating_add(1);
            entry.not_before = Some(turn.at.saturating_add(AGAIN_AFTER));
        }
        // Its source undid it: that event follows.
        Input::Refused { step, rejection: Rejection::AlreadyRolledBack { .. } } if *step == RETURN => {
            entry.back = false;
        }
        _ => {}
    }
    entry.clear();
    if entry.is_idle() {
        *state = None;
    }
}
