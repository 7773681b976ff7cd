//! What an event changes of leaderboards.

use ledger_core::stored::{
    Event, EventRecord, PrizeOutcome, TournamentEntryReleased, TournamentEntryTaken, TournamentRank,
    TournamentScored, TournamentTerms, TournamentTie,
};
use ledger_core::{Amount, HouseId, HouseName, HousePurpose, PlayerId, Stream, Timestamp, TournamentStatus};

use super::Leaderboards;
use super::row::{EntryRow, EntryState, LeaderboardsRow, TournamentRow, TournamentSums};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};
use crate::total::Total;

pub(super) fn tournament_key(house: &HouseId) -> KeyParts {
    key!["tournament", house]
}

pub(super) fn entry_key(house: &HouseId, number: u64) -> KeyParts {
    key!["entry", house, KeyParts::number(number)]
}

pub(super) fn of_player_key(player: &PlayerId, house: &HouseId, number: u64) -> KeyParts {
    key!["player", player, house, KeyParts::number(number)]
}

fn playing_key(house: &HouseId, player: &PlayerId) -> KeyParts {
    key!["playing", house, player]
}

/// Above every number of units that an amount can have, on either side.
const BEYOND: i128 = 1 << 97;

/// The key of a place: the best first.
pub(super) fn place_key(
    terms: &TournamentTerms,
    house: &HouseId,
    (points, reached_at, number): (Amount, Timestamp, u64),
) -> KeyParts {
    let order = format!("{:030}", BEYOND.saturating_sub(points.units()));
    let then = match terms.tie {
        TournamentTie::EarlierFirst => reached_at.to_string(),
        _ => String::new(),
    };
    key!["place", house, order, then, KeyParts::number(number)]
}

/// The key of an entry's place, if it has one by now.
fn own_place(terms: &TournamentTerms, row: &EntryRow) -> Option<KeyParts> {
    let (points, reached_at) = (row.points?, row.reached_at?);
    let ranked = row.state == EntryState::TakesPart && row.bets >= terms.min_bets.max(1);
    ranked.then(|| place_key(terms, &row.house, (points, reached_at, row.number)))
}

struct Fold<'r, 'a> {
    rows: &'r mut Rows<'a, Leaderboards>,
    commit: &'r Commit,
    record: &'r EventRecord,
    house: &'r HouseId,
    tournament: TournamentRow,
}

/// Folds an event of a tournament's partition; all others change nothing.
pub(super) fn fold(
    rows: &mut Rows<'_, Leaderboards>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let Stream::House(house) = &record.stream else { return Ok(()) };
    let of_tournament =
        HouseName::of(house).is_some_and(|name| matches!(name.purpose, HousePurpose::Tournament(_)));
    if !of_tournament || matches!(record.event, Event::TxnRejected(_)) {
        return Ok(());
    }
    let tournament = match rows.get(&tournament_key(house))? {
        Some(LeaderboardsRow::Tournament(row)) => *row,
        _ => TournamentRow {
            house: house.clone(),
            status: TournamentStatus::Draft,
            changed_at: commit.body.recorded_at,
            terms: None,
            hash: None,
            version: 0,
            entrants: 0,
            others: 0,
            ranked: 0,
            sums: TournamentSums::default(),
        },
    };
    let mut fold = Fold { rows, commit, record, house, tournament };
    fold.event()?;
    let row = LeaderboardsRow::Tournament(Box::new(fold.tournament));
    rows.put(&tournament_key(house), row)
}

impl Fold<'_, '_> {
    fn poison(&self, why: &str) -> ViewError {
        self.commit.poison_event(self.record, why)
    }

    fn event(&mut self) -> Result<(), ViewError> {
        match &self.record.event {
            Event::TournamentConfigured(event) => {
                self.tournament.terms = Some(event.terms.clone());
                (self.tournament.hash, self.tournament.version) = (Some(event.hash), event.version);
                Ok(())
            }
            Event::TournamentOpened(_) => {
                self.change(TournamentStatus::Open);
                Ok(())
            }
            Event::TournamentEnded(_) => {
                self.change(TournamentStatus::Ended);
                Ok(())
            }
            Event::TournamentCancelled(_) => {
                self.change(TournamentStatus::Cancelled);
                Ok(())
            }
            Event::TournamentClosed(event) => {
                self.tournament.ranked = event.ranked;
                self.tournament.sums.prizes = event.prizes.into();
                self.add(|sums| &mut sums.overlay, event.overlay)?;
                self.add(|sums| &mut sums.kept, event.to_house)?;
                self.change(TournamentStatus::Closed);
                Ok(())
            }
            Event::TournamentEntryTaken(event) => self.taken(event),
            Event::TournamentEntryReleased(event) => self.released(event),
            Event::TournamentScored(event) => self.scored(event),
            Event::TournamentRanked(event) => event.ranks.iter().try_for_each(|rank| self.ranked(rank)),
            Event::TournamentPrizeSettled(event) => {
                let mut row = self.entry(event.number)?;
                row.outcome = Some(event.outcome);
                match event.outcome {
                    PrizeOutcome::Paid(_) => self.add(|sums| &mut sums.paid, row.prize)?,
                    PrizeOutcome::Forfeited => self.add(|sums| &mut sums.kept, row.prize)?,
                }
                self.keep(&row)
            }
            _ => Ok(()),
        }
    }

    fn change(&mut self, status: TournamentStatus) {
        (self.tournament.status, self.tournament.changed_at) = (status, self.commit.body.recorded_at);
    }

    fn add(
        &mut self,
        sum: impl Fn(&mut TournamentSums) -> &mut Total,
        amount: Option<Amount>,
    ) -> Result<(), ViewError> {
        let Some(amount) = amount else { return Ok(()) };
        let too_large = self.poison("a sum would be too large");
        let sum = sum(&mut self.tournament.sums);
        *sum = sum.plus(amount).ok_or(too_large)?;
        Ok(())
    }

    /// An entry that came before.
    fn entry(&self, number: u64) -> Result<EntryRow, ViewError> {
        match self.rows.get(&entry_key(self.house, number))? {
            Some(LeaderboardsRow::Entry(row)) => Ok(*row),
            _ => Err(self.poison("the entry never came")),
        }
    }

    /// Keeps an entry wherever it is found, but its place if it has none.
    fn keep(&mut self, row: &EntryRow) -> Result<(), ViewError> {
        let kept = LeaderboardsRow::Entry(Box::new(row.clone()));
        self.rows.put(&entry_key(self.house, row.number), kept.clone())?;
        self.rows.put(&of_player_key(&row.of.player, self.house, row.number), kept.clone())?;
        let place = self.tournament.terms.as_ref().and_then(|terms| own_place(terms, row));
        place.map_or(Ok(()), |place| self.rows.put(&place, kept))
    }

    fn leave_place(&mut self, row: &EntryRow) -> Result<(), ViewError> {
        let place = self.tournament.terms.as_ref().and_then(|terms| own_place(terms, row));
        place.map_or(Ok(()), |place| self.rows.remove(&place))
    }

    fn taken(&mut self, event: &TournamentEntryTaken) -> Result<(), ViewError> {
        let state = event.turned_away.map_or(EntryState::TakesPart, EntryState::TurnedAway);
        if state == EntryState::TakesPart {
            self.tournament.entrants = self.tournament.entrants.saturating_add(1);
            self.add(|sums| &mut sums.collected, Some(event.buy_in))?;
            self.add(|sums| &mut sums.fees, Some(event.fee))?;
            let playing = LeaderboardsRow::Playing(event.number);
            self.rows.put(&playing_key(self.house, &event.of.player), playing)?;
        } else {
            self.tournament.others = self.tournament.others.saturating_add(1);
        }
        self.keep(&EntryRow {
            house: self.house.clone(),
            number: event.number,
            of: event.of.clone(),
            currency: event.currency,
            buy_in: event.buy_in,
            fee: event.fee,
            entered_at: event.entered_at,
            state,
            points: None,
            bets: 0,
            reached_at: None,
            place: None,
            prize: None,
            outcome: None,
        })
    }

    /// Of a closed tournament the results stand, and so does what was collected.
    fn released(&mut self, event: &TournamentEntryReleased) -> Result<(), ViewError> {
        let mut row = self.entry(event.number)?;
        self.add(|sums| &mut sums.overlay, event.overlay)?;
        let fixed = self.tournament.status == TournamentStatus::Closed;
        if row.state == EntryState::TakesPart && fixed {
            return Ok(());
        }
        self.leave_place(&row)?;
        if row.state == EntryState::TakesPart {
            self.rows.remove(&playing_key(self.house, &row.of.player))?;
            let sums = self.tournament.sums;
            let less = |sum: Total, amount: Amount| sum.minus(amount.into());
            let after = less(sums.collected, row.buy_in).zip(less(sums.fees, row.fee));
            let (collected, fees) = after.ok_or_else(|| self.poison("a sum would be too large"))?;
            (self.tournament.sums.collected, self.tournament.sums.fees) = (collected, fees);
            self.tournament.entrants = self.tournament.entrants.saturating_sub(1);
            self.tournament.others = self.tournament.others.saturating_add(1);
        }
        row.state = EntryState::WentBack;
        self.keep(&row)
    }

    fn scored(&mut self, event: &TournamentScored) -> Result<(), ViewError> {
        let playing = self.rows.get(&playing_key(self.house, &event.player))?;
        let Some(LeaderboardsRow::Playing(number)) = playing else {
            return Err(self.poison("the player does not take part"));
        };
        let mut row = self.entry(number)?;
        self.leave_place(&row)?;
        (row.points, row.bets, row.reached_at) = (Some(event.points), event.bets, Some(event.reached_at));
        self.keep(&row)
    }

    fn ranked(&mut self, rank: &TournamentRank) -> Result<(), ViewError> {
        let mut row = self.entry(rank.number)?;
        (row.place, row.prize) = (Some(rank.place), rank.prize);
        self.keep(&row)
    }
}
