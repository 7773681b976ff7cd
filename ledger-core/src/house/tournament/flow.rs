//! What follows an event of a tournament, and what is due by its state. Pure functions for whoever runs the flow: a process
//! that follows the log sends what they answer, any number of times, and it has one effect.

use super::entry::{ReleaseTournamentEntry, TakeTournamentEntry};
use super::prize::SettleTournamentPrize;
use super::state::Tournament;
use crate::account::AccountKind;
use crate::house::{HouseCommand, HouseName, HousePurpose};
use crate::ids::{HouseId, IdError, PlayerId, SubAccount, TournamentId};
use crate::partition::{Partition, Stream};
use crate::player_ledger::PlayerCommand;
use crate::stored::{CommitBody, Event, PrizeOutcome, TournamentEntryRef};
use crate::tournament::{PayTournamentPrize, ReturnTournamentEntry};

/// A command that follows an event of a tournament, or is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TournamentStep {
    /// To a tournament.
    House(HouseId, HouseCommand),
    /// To a player.
    Player(PlayerId, PlayerCommand),
}

fn house(kind: AccountKind, tournament: &TournamentId) -> Result<HouseId, IdError> {
    HouseName { kind, purpose: HousePurpose::Tournament(tournament.clone()) }.id()
}

/// The kind of a player's commit: that of its entry, or as the event says it where there is none.
fn kind_of(body: &CommitBody, said: Option<AccountKind>) -> AccountKind {
    let posted = body.events.iter().find_map(|record| match &record.event {
        Event::EntryPosted(posted) => Some(posted.entry.kind()),
        _ => None,
    });
    said.or(posted).unwrap_or(AccountKind::Real)
}

/// The tournament that a player's entry names; `None` if no tournament can be called so.
fn named(tournament: &SubAccount) -> Option<TournamentId> {
    TournamentId::new(tournament.as_str()).ok()
}

/// The commands to tournaments that follow a commit of a player, in order: an entry is told, its return is told, and so is
/// what became of a prize. A commit of the house is followed by what [`Tournament::due`] says of its state.
///
/// # Errors
///
/// None in practice: the longest name of a partition fits.
pub fn tournament_steps(body: &CommitBody) -> Result<Vec<TournamentStep>, IdError> {
    let Partition::Player(player) = &body.partition else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    for record in &body.events {
        let of = match &record.stream {
            Stream::Purchase(_, of) => Some(TournamentEntryRef {
                player: player.clone(),
                source: of.source.clone(),
                id: of.id.clone(),
            }),
            _ => None,
        };
        let (kind, tournament, command): (_, _, HouseCommand) = match (&record.event, of) {
            (Event::TournamentEntered(event), Some(of)) => {
                let take = TakeTournamentEntry {
                    of,
                    buy_in: event.buy_in.to_decimal(),
                    fee: event.fee.to_decimal(),
                    currency: event.currency,
                    entered_at: body.recorded_at,
                };
                (kind_of(body, event.kind), named(&event.tournament), take.into())
            }
            (Event::TournamentEntryReturned(event), Some(of)) => {
                let tournament = event.tournament.as_ref().and_then(named);
                (kind_of(body, event.kind), tournament, ReleaseTournamentEntry { of }.into())
            }
            (Event::TournamentPrizePaid(event), _) => {
                let outcome = PrizeOutcome::Paid(event.entry);
                let settle = SettleTournamentPrize { number: event.prize, outcome };
                (kind_of(body, None), Some(event.tournament.clone()), settle.into())
            }
            (Event::TournamentPrizeForfeited(event), _) => {
                let settle = SettleTournamentPrize { number: event.prize, outcome: PrizeOutcome::Forfeited };
                (event.kind, Some(event.tournament.clone()), settle.into())
            }
            _ => continue,
        };
        if let Some(tournament) = tournament {
            steps.push(TournamentStep::House(house(kind, &tournament)?, command));
        }
    }
    Ok(steps)
}

impl Tournament {
    /// The commands to players that are due: what takes no part goes back, and prizes are paid. `house` is the tournament's
    /// partition; of any other nothing is due.
    pub fn due(&self, house: &HouseId) -> Vec<TournamentStep> {
        let Some(HouseName { kind, purpose: HousePurpose::Tournament(tournament) }) = HouseName::of(house)
        else {
            return Vec::new();
        };
        let returns = self.returns().map(|(_, entry)| {
            let command = returning(kind, &tournament, &entry.of);
            TournamentStep::Player(entry.of.player.clone(), command.into())
        });
        let terms = self.terms();
        let prizes = self.prizes().filter_map(|(number, prize)| {
            let terms = terms?;
            let command = PayTournamentPrize {
                source: prize.of.source.clone(),
                id: prize.of.id.clone(),
                kind,
                tournament: tournament.clone(),
                prize: number,
                place: prize.place,
                amount: prize.amount.to_decimal(),
                currency: terms.currency,
                barred: terms.barred,
            };
            Some(TournamentStep::Player(prize.of.player.clone(), command.into()))
        });
        returns.chain(prizes).collect()
    }
}

/// The command that gives back what was paid for an entry.
fn returning(kind: AccountKind, tournament: &TournamentId, of: &TournamentEntryRef) -> ReturnTournamentEntry {
    ReturnTournamentEntry {
        source: of.source.clone(),
        id: of.id.clone(),
        kind,
        tournament: tournament.clone(),
    }
}
