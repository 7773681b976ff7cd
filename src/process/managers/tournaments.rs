//! Tournaments: entries are told, points are scored, places are fixed, prizes are paid (docs/tournaments.md).
//!
//! Three kinds of processes: of an entry, of a player's points, and of a tournament. What they need of each other's shards
//! they are told, in any order.

mod cup;
mod entry;
mod points;

use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{Event, TournamentEntryRef, TournamentTerms};
use ledger_core::{
    HouseCommand, HouseId, HouseName, HousePurpose, Partition, PlayerId, Policy, Stream, TournamentStep,
    tournament_steps,
};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::{named, player};
use crate::process::id::{ManagerName, ProcessId, ProcessNameError};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

pub use cup::CupOfTournament;
pub use entry::{EntryOfTournament, PrizeOfTournament};
pub use points::{PLAYING_MAX, PlayingTournament, PointsOfPlayer, ScoreToTell};

/// Runs the tournaments of the house: tells each who entered, what points players have and who left, ends and closes it when
/// its time has come, and has prizes paid and entries returned.
#[derive(Debug, Clone)]
pub struct Tournaments {
    name: ManagerName,
    tell_every: Duration,
}

impl Tournaments {
    /// The manager `tournaments`, which tells a tournament the points of a player this long after they changed. It closes a
    /// tournament a minute and twice this after the time for results is over; if a player has points then that it was not told, as long
    /// again later.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new(tell_every: Duration) -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("tournaments")?, tell_every })
    }

    fn close_after(&self) -> Duration {
        Duration::from_mins(1).saturating_add(self.tell_every).saturating_add(self.tell_every)
    }
}

/// What is kept of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OfTournament {
    /// An entry.
    Entry(Box<EntryOfTournament>),
    /// A player's points.
    Points(PointsOfPlayer),
    /// A tournament.
    Cup(Box<CupOfTournament>),
}

/// What a tournament tells entries and players, and these tell it.
#[derive(Debug, Clone)]
pub enum CupSays {
    /// This entry takes part, under these terms.
    Joined(HouseId, TournamentEntryRef, Box<TournamentTerms>),
    /// This entry takes part no more, or never did.
    Left(HouseId, TournamentEntryRef),
    /// It was cancelled: this entry goes back.
    Cancelled(HouseId, TournamentEntryRef),
    /// It is to be closed: has the player of this entry points that it does not know?
    Closing(HouseId, TournamentEntryRef),
    /// He has; the answer to it.
    Telling(HouseId),
}

fn of_entry(house: &HouseId, of: &TournamentEntryRef) -> Option<ProcessId> {
    let parts = ["entry", house.as_str(), of.player.as_str(), of.source.as_str(), of.id.as_str()];
    ProcessId::of(&parts).ok()
}

fn of_player(player: &PlayerId) -> Option<ProcessId> {
    ProcessId::of(&["points", player.as_str()]).ok()
}

fn of_cup(house: &HouseId) -> Option<ProcessId> {
    ProcessId::of(&["cup", house.as_str()]).ok()
}

/// The tournament that an event stands in.
fn own_cup(event: &Occurrence) -> Option<&HouseId> {
    match &event.commit().body.partition {
        Partition::House(house) => {
            let name = HouseName::of(house)?;
            matches!(name.purpose, HousePurpose::Tournament(_)).then_some(house)
        }
        Partition::Player(_) => None,
    }
}

/// The tournament and entry that a player's event is of, with the command that tells the tournament.
fn told(event: &Occurrence) -> Option<(HouseId, TournamentEntryRef, HouseCommand)> {
    let (player, record) = (player(event)?, event.record()?);
    let (source, id) = match (&record.event, &record.stream) {
        (Event::TournamentEntered(_) | Event::TournamentEntryReturned(_), Stream::Purchase(_, of)) => {
            (&of.source, &of.id)
        }
        (Event::TournamentPrizePaid(of), _) => (&of.of.source, &of.of.id),
        (Event::TournamentPrizeForfeited(of), _) => (&of.of.source, &of.of.id),
        _ => return None,
    };
    let of = TournamentEntryRef { player: player.clone(), source: source.clone(), id: id.clone() };
    let is_own = |command: &HouseCommand| match (command, &record.event) {
        (HouseCommand::TakeTournamentEntry(take), Event::TournamentEntered(_)) => take.of == of,
        (HouseCommand::ReleaseTournamentEntry(release), Event::TournamentEntryReturned(_)) => {
            release.of == of
        }
        (HouseCommand::SettleTournamentPrize(settle), Event::TournamentPrizePaid(paid)) => {
            settle.number == paid.prize
        }
        (HouseCommand::SettleTournamentPrize(settle), Event::TournamentPrizeForfeited(kept)) => {
            settle.number == kept.prize
        }
        _ => false,
    };
    let steps = tournament_steps(&event.commit().body).ok()?;
    steps.into_iter().find_map(|step| match step {
        TournamentStep::House(house, command) if is_own(&command) => Some((house, of.clone(), command)),
        _ => None,
    })
}

/// The entries that an event of a tournament is about.
fn entries_of(event: &Event) -> Vec<&TournamentEntryRef> {
    match event {
        Event::TournamentEntryTaken(event) => vec![&event.of],
        Event::TournamentEntryReleased(event) => vec![&event.of],
        Event::TournamentPrizeSettled(event) => vec![&event.of],
        Event::TournamentRanked(event) => {
            event.ranks.iter().filter(|rank| rank.prize.is_some()).map(|rank| &rank.of).collect()
        }
        _ => Vec::new(),
    }
}

impl ProcessManager for Tournaments {
    type State = OfTournament;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = CupSays;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let Some(record) = event.record() else { return };
        if let Some(player) = player(event) {
            if let Some((house, of, _)) = told(event) {
                processes.extend(of_entry(&house, &of));
            }
            let scores = matches!(record.stream, Stream::Round(..))
                || matches!(record.event, Event::TournamentEntered(_));
            if scores {
                processes.extend(of_player(player));
            }
        } else if let Some(house) = own_cup(event) {
            if let Event::TournamentScored(scored) = &record.event {
                processes.extend(of_player(&scored.player));
                return;
            }
            processes.extend(entries_of(&record.event).into_iter().filter_map(|of| of_entry(house, of)));
            if !matches!(record.event, Event::TournamentPrizeSettled(_) | Event::TxnRejected(_)) {
                processes.extend(of_cup(house));
            }
        }
    }

    fn fold(
        &self,
        process: &ProcessId,
        state: &mut Option<OfTournament>,
        input: Input<'_, Infallible, CupSays>,
        turn: &mut Turn<CupSays>,
    ) {
        let kind = process.as_str().split('/').next().unwrap_or_default();
        match kind {
            "entry" => entry::fold(state, process, &input, turn),
            "points" => points::fold(state, input, turn, self.tell_every),
            _ => cup::fold(state, &input, turn),
        }
    }

    fn wants(&self, _: &ProcessId, state: &OfTournament, _: &Policy, wants: &mut Wants<Infallible>) {
        match state {
            OfTournament::Entry(of) => of.wants(wants),
            OfTournament::Points(of) => of.wants(wants),
            OfTournament::Cup(of) => of.wants(self.close_after(), wants),
        }
    }
}
