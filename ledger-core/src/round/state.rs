//! The round's fold.

use crate::ids::{RoundId, SourceId, TransactionId};
use crate::player_ledger::Fault;
use crate::stored::{Bet, BetStatus, Event, EventRecord, Round, RoundStatus, Win, WinStatus};
use crate::time::Timestamp;

/// The most bets of one round.
pub const BETS_MAX: usize = 240;
/// The most wins of one round.
pub const WINS_MAX: usize = 1_000;

/// A round before its first event.
pub(crate) fn empty(source: &SourceId, id: &RoundId) -> Round {
    Round {
        source: source.clone(),
        id: id.clone(),
        currency: None,
        status: RoundStatus::Open,
        version: 0,
        opened_at: None,
        last_at: None,
        bets: Vec::new(),
        wins: Vec::new(),
    }
}

impl Round {
    /// A bet of this round.
    pub fn bet(&self, id: &TransactionId) -> Option<&Bet> {
        self.bets.iter().find(|bet| bet.id == *id)
    }

    /// A win of this round.
    pub fn win(&self, id: &TransactionId) -> Option<&Win> {
        self.wins.iter().find(|win| win.id == *id)
    }

    /// The wins, standing or not, that answer this bet: those that name it, and later ones that name none.
    fn answers(&self, bet: &Bet) -> impl Iterator<Item = &Win> {
        let answers =
            |win: &&Win| win.bet.as_ref().map_or(win.version > bet.version, |named| *named == bet.id);
        self.wins.iter().filter(answers)
    }

    /// Whether a win that stands answers this bet: one that names it, or a later one that names none.
    pub fn is_answered(&self, bet: &Bet) -> bool {
        self.answers(bet).any(|win| win.status != WinStatus::RolledBack)
    }

    /// Whether every bet came to its end: none is open, and none waits for the win that corrects one that
    /// was rolled back.
    pub(crate) fn is_settled(&self) -> bool {
        self.bets.iter().all(|bet| match bet.status {
            BetStatus::Open => false,
            BetStatus::Settled => self.answers(bet).next().is_none() || self.is_answered(bet),
            BetStatus::RolledBack | BetStatus::Voided => true,
        })
    }

    /// The bets whose stakes are still held.
    pub fn open_bets(&self) -> impl Iterator<Item = &Bet> {
        self.bets.iter().filter(|bet| bet.status == BetStatus::Open)
    }

    /// Folds the events of a round's stream, oldest first, each with the instant of its commit. `None` if there
    /// are none.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an event cannot follow the ones before it.
    pub fn fold<'a>(
        source: &SourceId,
        id: &RoundId,
        events: impl IntoIterator<Item = (&'a EventRecord, Timestamp)>,
    ) -> Result<Option<Self>, Fault> {
        let mut round = empty(source, id);
        for (record, at) in events {
            evolve(&mut round, record, at)?;
        }
        Ok(if round.version == 0 { None } else { Some(round) })
    }

    fn bet_mut(&mut self, id: &TransactionId) -> Result<&mut Bet, Fault> {
        let round = self.id.clone();
        self.bets
            .iter_mut()
            .find(|bet| bet.id == *id)
            .ok_or_else(|| Fault::corrupted(format!("round {round} has no bet {id}")))
    }

    fn end_bet(&mut self, id: &TransactionId, status: BetStatus) -> Result<(), Fault> {
        let bet = self.bet_mut(id)?;
        if bet.status != BetStatus::Open {
            return Err(Fault::corrupted(format!("bet {id} ended twice")));
        }
        bet.status = status;
        Ok(())
    }

    fn end_win(&mut self, id: &TransactionId, status: WinStatus) -> Result<(), Fault> {
        let win = self
            .wins
            .iter_mut()
            .find(|win| win.id == *id)
            .ok_or_else(|| Fault::corrupted(format!("there is no win {id}")))?;
        if win.status != WinStatus::Paid {
            return Err(Fault::corrupted(format!("win {id} was undone twice")));
        }
        win.status = status;
        Ok(())
    }

    /// A round whose every bet was undone is void.
    fn void_if_undone(&mut self) {
        let undone = |bet: &Bet| matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided);
        if self.status == RoundStatus::Open && self.bets.iter().all(undone) {
            self.status = RoundStatus::Void;
        }
    }
}

/// Folds one event of a round's stream, recorded at an instant. Holds no business rule and cannot panic.
pub(crate) fn evolve(round: &mut Round, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
    if let Event::RoundReopened(event) = &record.event {
        let same = event.round.source == round.source && event.round.id == round.id;
        let fits = round.version == 0 || *round == event.round;
        if !same || !fits || Some(record.version) != event.round.version.checked_add(1) {
            return Err(Fault::corrupted(format!("round {} was reopened as another", round.id)));
        }
        *round = event.round.clone();
        round.version = record.version;
        round.status = RoundStatus::Open;
        round.last_at = Some(at);
        return Ok(());
    }
    if Some(record.version) != round.version.checked_add(1) {
        return Err(Fault::corrupted(format!(
            "event {} of round {} follows {}",
            record.version, round.id, round.version
        )));
    }
    round.version = record.version;
    round.opened_at.get_or_insert(at);
    round.last_at = Some(at);
    match &record.event {
        Event::BetPlaced(event) => {
            round.currency = Some(event.currency);
            round.bets.push(Bet {
                id: event.bet.clone(),
                game: event.game.clone(),
                stake: event.stake,
                split: event.split.clone(),
                status: BetStatus::Open,
                version: record.version,
            });
        }
        Event::WinCredited(event) => round.wins.push(Win {
            id: event.win.clone(),
            bet: event.bet.clone(),
            amount: event.amount,
            status: WinStatus::Paid,
            version: record.version,
        }),
        Event::BetSettled(event) => {
            for bet in &event.bets {
                round.end_bet(bet, BetStatus::Settled)?;
            }
            if event.by == crate::stored::SettledBy::Win {
                round.wins.push(Win {
                    id: event.txn.clone(),
                    bet: event.bet.clone(),
                    amount: event.win,
                    status: WinStatus::Paid,
                    version: record.version,
                });
            }
        }
        Event::BetRolledBack(event) => {
            round.end_bet(&event.bet, BetStatus::RolledBack)?;
            round.void_if_undone();
        }
        Event::BetVoided(event) => {
            round.end_bet(&event.bet, BetStatus::Voided)?;
            round.void_if_undone();
        }
        Event::RoundVoided(event) => {
            for bet in &event.bets {
                round.end_bet(bet, BetStatus::Voided)?;
            }
            round.status = RoundStatus::Cancelled;
        }
        Event::WinRolledBack(event) => round.end_win(&event.win, WinStatus::RolledBack)?,
        Event::WinRetained(event) => round.end_win(&event.win, WinStatus::Retained)?,
        Event::RoundClosed(_) => round.status = RoundStatus::Closed,
        Event::CreditGranted(_) => {}
        event => {
            return Err(Fault::corrupted(format!("{} stands in the stream of a round", event.type_name())));
        }
    }
    Ok(())
}
