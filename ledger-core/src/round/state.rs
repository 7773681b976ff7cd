//! The round's fold.

use crate::ids::{RoundId, SourceId, TransactionId};
use crate::money::Amount;
use crate::player_ledger::Fault;
use crate::stored::{Bet, BetStatus, Event, EventRecord, Round, RoundStatus, SettledBy, Win, WinStatus};
use crate::time::Timestamp;
use crate::wallet::less;

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

    /// A win of this round, by its source's id of it; cash-outs are not wins.
    pub fn win(&self, id: &TransactionId) -> Option<&Win> {
        self.wins.iter().find(|win| win.id == *id && !win.cash_out && !win.by_resettlement)
    }

    /// The wins, standing or not, that answer this bet: those that name it, and later ones that name none.
    pub(crate) fn answers(&self, bet: &Bet) -> impl Iterator<Item = &Win> {
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

    /// Folds one more event of the round's stream, recorded at an instant.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it cannot follow; the round must not be used any more.
    pub fn evolve(&mut self, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        evolve(self, record, at)
    }

    fn bet_mut(&mut self, id: &TransactionId) -> Result<&mut Bet, Fault> {
        let round = self.id.clone();
        self.bets
            .iter_mut()
            .find(|bet| bet.id == *id)
            .ok_or_else(|| Fault::corrupted(format!("round {round} has no bet {id}")))
    }

    /// Undoes settled bets and the wins that answer them.
    fn undo_settled(
        &mut self,
        bets: &[TransactionId],
        wins: &[TransactionId],
        to: BetStatus,
    ) -> Result<(), Fault> {
        for id in bets {
            let bet = self.bet_mut(id)?;
            if !matches!(bet.status, BetStatus::Open | BetStatus::Settled) {
                return Err(Fault::corrupted(format!("bet {id} was undone twice")));
            }
            bet.status = to;
        }
        for id in wins {
            // A cash-out of one bet may carry the id of a win of another.
            let standing = |win: &&mut Win| {
                win.id == *id
                    && win.status != WinStatus::RolledBack
                    && win.bet.as_ref().is_none_or(|bet| bets.contains(bet))
            };
            let win = self.wins.iter_mut().find(standing);
            win.ok_or_else(|| Fault::corrupted(format!("there is no win {id} to undo")))?.status =
                WinStatus::RolledBack;
        }
        Ok(())
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

fn add_part(part: Option<Amount>, more: Amount) -> Result<Amount, Fault> {
    part.map_or(Ok(more), |part| part.checked_add(more)).map_err(|error| Fault::corrupted(error.to_string()))
}

impl Bet {
    /// What is still held of the stake while the bet is open: the stake less what was cashed out or went back.
    pub fn open_stake(&self) -> Amount {
        let parts = [self.cashed_out, self.returned].into_iter().flatten();
        // Parts are checked when they are taken: together never more than the stake.
        parts.fold(self.stake, |rest, part| rest.checked_sub(part).unwrap_or(rest))
    }

    /// Whether all of it was cashed out: then no result is its.
    pub fn is_sold(&self) -> bool {
        self.cashed_out.is_some() && self.open_stake().is_zero()
    }

    /// What stays the house's of the stake, or is held: the stake less what went back.
    pub fn staked(&self) -> Amount {
        self.returned.and_then(|part| self.stake.checked_sub(part).ok()).unwrap_or(self.stake)
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
                unplayed: event.unplayed.clone(),
                cashed_out: None,
                returned: None,
                status: BetStatus::Open,
                version: record.version,
            });
        }
        Event::WinCredited(event) => round.wins.push(Win {
            id: event.win.clone(),
            bet: event.bet.clone(),
            amount: event.amount,
            cash_out: false,
            by_resettlement: false,
            status: WinStatus::Paid,
            version: record.version,
        }),
        Event::BetSettled(event) => {
            for bet in &event.bets {
                round.end_bet(bet, BetStatus::Settled)?;
            }
            if let (SettledBy::CashOut, Some(bet)) = (event.by, &event.bet)
                && event.stake.is_positive()
            {
                let bet = round.bet_mut(bet)?;
                bet.cashed_out = Some(add_part(bet.cashed_out, event.stake)?);
            }
            if event.by != SettledBy::Close {
                round.wins.push(Win {
                    id: event.txn.clone(),
                    bet: event.bet.clone(),
                    amount: event.win,
                    cash_out: event.by == SettledBy::CashOut,
                    by_resettlement: false,
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
        Event::BetCashedOut(event) => {
            let bet = round.bet_mut(&event.bet)?;
            bet.cashed_out = Some(add_part(bet.cashed_out, event.principal)?);
            round.wins.push(Win {
                id: event.txn.clone(),
                bet: Some(event.bet.clone()),
                amount: event.amount,
                cash_out: true,
                by_resettlement: false,
                status: WinStatus::Paid,
                version: record.version,
            });
        }
        Event::BetReturned(event) => {
            let bet = round.bet_mut(&event.bet)?;
            bet.returned = Some(add_part(bet.returned, event.stake)?);
            if !event.unplayed.is_empty() {
                bet.unplayed = less(&bet.unplayed, &event.unplayed)
                    .map_err(|error| Fault::corrupted(error.to_string()))?;
            }
        }
        Event::BetResettled(event) => match &event.win {
            Some(id) => {
                let standing = |win: &&mut Win| win.id == *id && win.status != WinStatus::RolledBack;
                let win = round.wins.iter_mut().rev().find(standing);
                win.ok_or_else(|| Fault::corrupted(format!("there is no win {id} to correct")))?.amount =
                    event.amount;
            }
            None => round.wins.push(Win {
                id: event.txn.clone(),
                bet: event.bet.clone(),
                amount: event.amount,
                cash_out: false,
                by_resettlement: true,
                status: WinStatus::Paid,
                version: record.version,
            }),
        },
        Event::BetUnsettled(event) => {
            round.undo_settled(std::slice::from_ref(&event.bet), &event.wins, BetStatus::Open)?;
            round.bet_mut(&event.bet)?.cashed_out = None;
        }
        Event::SettlementVoided(event) => {
            round.undo_settled(&event.bets, &event.wins, BetStatus::Voided)?;
            if event.round {
                round.status = RoundStatus::Cancelled;
            } else {
                round.void_if_undone();
            }
        }
        Event::RoundVoided(event) => {
            for bet in &event.bets {
                round.end_bet(bet, BetStatus::Voided)?;
            }
            round.status = RoundStatus::Cancelled;
        }
        Event::WinRolledBack(event) => {
            round.end_win(&event.win, WinStatus::RolledBack)?;
            if !round.bets.is_empty() {
                round.void_if_undone();
            }
        }
        Event::WinRetained(event) => round.end_win(&event.win, WinStatus::Retained)?,
        Event::RoundClosed(_) => round.status = RoundStatus::Closed,
        Event::CreditGranted(_) => {}
        event => {
            return Err(Fault::corrupted(format!("{} stands in the stream of a round", event.type_name())));
        }
    }
    Ok(())
}
