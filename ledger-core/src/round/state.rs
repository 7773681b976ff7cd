//! The round's fold.

use std::time::Duration;

use crate::bonus::{add_shares, less_shares};
use crate::ids::{RoundId, SourceId, TransactionId};
use crate::money::Amount;
use crate::player_ledger::Fault;
use crate::policy::SourcePolicy;
use crate::stored::{
    Bet, BetStatus, BonusShare, BonusTaken, CloseReason, Event, EventRecord, Round, RoundStatus, SettledBy,
    Split, Win, WinStatus,
};
use crate::time::Timestamp;
use crate::wallet;

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
        by_rule: None,
        session: None,
        bets: Vec::new(),
        wins: Vec::new(),
    }
}

/// Whether a rule of the ledger closes a round for this reason, rather than its source.
pub(super) fn is_rule(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::ImmediateLoss | CloseReason::TimeOut)
}

impl Round {
    /// A bet of this round, by its source's id of it; one that was made up for a win is not its source's.
    pub fn bet(&self, id: &TransactionId) -> Option<&Bet> {
        self.bets.iter().find(|bet| bet.id == *id && !bet.made_up)
    }

    /// From when on it has taken too long, if it is open and its source's policy says so (S69 in
    /// docs/scenarios.md).
    pub fn times_out_at(&self, source: &SourcePolicy) -> Option<Timestamp> {
        let limit = source.round_time_out.filter(|_| self.status == RoundStatus::Open)?;
        Some(self.last_at?.saturating_add(Duration::from_secs(limit.after_secs.into())))
    }

    /// The rule that closed it and not its source, while it is closed: then bets and wins may still come.
    pub fn closed_by_rule(&self) -> Option<CloseReason> {
        self.by_rule.filter(|_| self.status == RoundStatus::Closed)
    }

    /// What its bets staked, less what went back.
    pub(crate) fn staked(&self) -> i128 {
        let stands = |bet: &&Bet| matches!(bet.status, BetStatus::Open | BetStatus::Settled);
        // Each amount is below 2^96 and there are few of them, so a sum cannot leave 128 bits.
        self.bets.iter().filter(stands).map(|bet| bet.staked().units()).sum()
    }

    /// [`Self::staked`], and what its wins paid, less what was undone.
    pub(crate) fn totals(&self) -> (i128, i128) {
        let paid = |win: &&Win| win.status != WinStatus::RolledBack;
        (self.staked(), self.wins.iter().filter(paid).map(|win| win.amount.units()).sum())
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
            .find(|bet| bet.id == *id && !bet.made_up)
            .ok_or_else(|| Fault::corrupted(format!("round {round} has no bet {id}")))
    }

    /// Undoes settled bets and the wins that answer them, or all wins with the round.
    fn undo_settled(
        &mut self,
        bets: &[TransactionId],
        wins: &[TransactionId],
        is_round: bool,
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
                    && (is_round || win.bet.as_ref().is_none_or(|bet| bets.contains(bet)))
            };
            let win = self.wins.iter_mut().find(standing);
            win.ok_or_else(|| Fault::corrupted(format!("there is no win {id} to undo")))?.status =
                WinStatus::RolledBack;
        }
        Ok(())
    }

    fn end_bet(&mut self, id: &TransactionId, status: BetStatus) -> Result<(), Fault> {
        let bet = self.bet_mut(id)?;
        let undoes_a_rule = bet.by_rule && bet.status == BetStatus::Settled && status != BetStatus::Settled;
        if bet.status != BetStatus::Open && !undoes_a_rule {
            return Err(Fault::corrupted(format!("bet {id} ended twice")));
        }
        bet.status = status;
        Ok(())
    }

    fn end_win(&mut self, id: &TransactionId, status: WinStatus) -> Result<(), Fault> {
        // A cash-out or a resettlement may carry the id of a win.
        let win = self
            .wins
            .iter_mut()
            .find(|win| win.id == *id && !win.cash_out && !win.by_resettlement)
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

fn bonus_add(all: &mut Vec<BonusShare>, more: &[BonusShare]) -> Result<(), Fault> {
    add_shares(all, more).map_err(|error| Fault::corrupted(error.to_string()))
}

fn add_part(part: Option<Amount>, more: Amount) -> Result<Amount, Fault> {
    part.map_or(Ok(more), |part| part.checked_add(more)).map_err(|error| Fault::corrupted(error.to_string()))
}

/// What is left of an amount after a part of it; never below zero, for parts are checked when they are taken.
fn less(amount: Amount, part: Amount) -> Amount {
    amount.less(part).unwrap_or(amount)
}

/// A win that is corrected downwards has that much less of each award.
fn take_from_win(win: &mut Win, taken: &[BonusTaken]) {
    let share = |of: &BonusTaken, amount: Amount| BonusShare {
        award: of.award.clone(),
        campaign: of.campaign.clone(),
        amount,
    };
    let won: Vec<BonusShare> = taken.iter().map(|of| share(of, of.won)).collect();
    let forfeited: Vec<BonusShare> = taken.iter().filter_map(|of| Some(share(of, of.forfeited?))).collect();
    win.bonus = less_shares(&win.bonus, &won);
    win.forfeited = less_shares(&win.forfeited, &forfeited);
}

/// The sum of shares of a part; parts are checked when they are taken.
fn sum_of(zero: Amount, shares: &[BonusShare]) -> Amount {
    shares.iter().fold(zero, |sum, share| sum.checked_add(share.amount).unwrap_or(sum))
}

impl Split {
    /// What is not bonus credits: the player's own money, or what he owes.
    pub(crate) fn money(&self) -> Amount {
        // Parts of one stake: they add up to no more than it.
        self.owed.and_then(|owed| self.cash.checked_add(owed).ok()).unwrap_or(self.cash)
    }
}

impl Win {
    /// What of it was money: no bonus credits, and nothing that was forfeited.
    pub fn money(&self) -> Amount {
        let shares = self.bonus.iter().chain(&self.forfeited);
        // Shares of one win: they add up to no more than it.
        shares.fold(self.amount, |rest, share| rest.checked_sub(share.amount).unwrap_or(rest))
    }
}

impl Bet {
    /// What of the stake did not go back, by funds. What was owed for it goes back first.
    pub(super) fn staked_split(&self) -> Split {
        if self.returned.is_none() {
            return self.split.clone();
        }
        let none = Amount::zero(self.stake.scale());
        let returned = less(self.returned.unwrap_or(none), sum_of(none, &self.returned_bonus));
        let owed = self.split.owed.unwrap_or(none);
        let (owed, cash) = (less(owed, returned), less(self.split.cash, less(returned, owed)));
        let bonus = less_shares(&self.split.bonus, &self.returned_bonus);
        Split { cash, owed: Some(owed).filter(|owed| owed.is_positive()), bonus, forfeited: Vec::new() }
    }

    /// What of [`Self::staked`] is money, also if the player owes it: what limits count (R11), and what of the stake is in the
    /// cash book.
    pub fn staked_money(&self) -> Amount {
        self.staked_split().money()
    }

    /// What of [`Self::open_stake`] is money.
    pub fn open_money(&self) -> Amount {
        self.open_split().money()
    }

    /// What awards bear of [`Self::open_stake`], each.
    pub fn open_bonus(&self) -> Vec<BonusShare> {
        self.open_split().bonus
    }

    /// What is still held of the stake, by funds. What is cashed out is cash before it is owed.
    pub(super) fn open_split(&self) -> Split {
        let staked = self.staked_split();
        let Some(sold) = self.cashed_out else { return staked };
        let sold = less(sold, sum_of(Amount::zero(self.stake.scale()), &self.cashed_bonus));
        let owed = staked.owed.map(|owed| less(owed, less(sold, staked.cash)));
        let bonus = less_shares(&staked.bonus, &self.cashed_bonus);
        let owed = owed.filter(|owed| owed.is_positive());
        Split { cash: less(staked.cash, sold), owed, bonus, forfeited: Vec::new() }
    }

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
            if round.session.is_none() {
                round.session.clone_from(&event.session);
            }
            round.bets.push(Bet {
                id: event.bet.clone(),
                game: event.game.clone(),
                stake: event.stake,
                split: event.split.clone(),
                unplayed: event.unplayed.clone(),
                cashed_out: None,
                returned: None,
                cashed_bonus: Vec::new(),
                returned_bonus: Vec::new(),
                counted: event.counted.clone(),
                uncounted: None,
                free: event.free.clone(),
                contributions: event.contributions.clone(),
                made_up: event.made_up,
                by_rule: false,
                entry: event.entry,
                // There is nothing to settle of one that was made up.
                status: if event.made_up { BetStatus::Settled } else { BetStatus::Open },
                version: record.version,
            });
        }
        Event::WinCredited(event) => round.wins.push(Win {
            id: event.win.clone(),
            bet: event.bet.clone(),
            amount: event.amount,
            bonus: event.split.bonus.clone(),
            forfeited: event.split.forfeited.clone(),
            cash_out: false,
            by_resettlement: false,
            reported: event.reported,
            entry: event.entry,
            status: WinStatus::Paid,
            version: record.version,
        }),
        Event::BetSettled(event) => {
            for bet in &event.bets {
                round.end_bet(bet, BetStatus::Settled)?;
                if event.by == SettledBy::Rule {
                    round.bet_mut(bet)?.by_rule = true;
                }
            }
            if let (SettledBy::CashOut, Some(bet)) = (event.by, &event.bet)
                && event.stake.is_positive()
            {
                let bet = round.bet_mut(bet)?;
                let taken = bet.open_split().bonus;
                bonus_add(&mut bet.cashed_bonus, &taken)?;
                bet.cashed_out = Some(add_part(bet.cashed_out, event.stake)?);
            }
            if matches!(event.by, SettledBy::Win | SettledBy::CashOut) {
                round.wins.push(Win {
                    id: event.txn.clone(),
                    bet: event.bet.clone(),
                    amount: event.win,
                    bonus: event.split.bonus.clone(),
                    forfeited: event.split.forfeited.clone(),
                    cash_out: event.by == SettledBy::CashOut,
                    by_resettlement: false,
                    reported: event.reported,
                    entry: event.entry,
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
            bonus_add(&mut bet.cashed_bonus, &event.taken)?;
            round.wins.push(Win {
                id: event.txn.clone(),
                bet: Some(event.bet.clone()),
                amount: event.amount,
                bonus: event.split.bonus.clone(),
                forfeited: event.split.forfeited.clone(),
                cash_out: true,
                by_resettlement: false,
                reported: None,
                entry: event.entry,
                status: WinStatus::Paid,
                version: record.version,
            });
        }
        Event::BetReturned(event) => {
            let bet = round.bet_mut(&event.bet)?;
            bet.returned = Some(add_part(bet.returned, event.stake)?);
            bonus_add(&mut bet.returned_bonus, &event.split.bonus)?;
            bonus_add(&mut bet.returned_bonus, &event.split.forfeited)?;
            if let Some(amount) = event.uncounted {
                bet.uncounted = Some(add_part(bet.uncounted, amount)?);
            }
            if !event.unplayed.is_empty() {
                bet.unplayed = wallet::less(&bet.unplayed, &event.unplayed)
                    .map_err(|error| Fault::corrupted(error.to_string()))?;
            }
        }
        Event::BetResettled(event) => match &event.win {
            Some(id) => {
                let standing = |win: &&mut Win| win.id == *id && win.status != WinStatus::RolledBack;
                let win = round.wins.iter_mut().rev().find(standing);
                let win = win.ok_or_else(|| Fault::corrupted(format!("there is no win {id} to correct")))?;
                // What was nothing so far counts from now on.
                if win.amount.is_zero() {
                    win.entry = event.entry;
                }
                win.amount = event.amount;
                bonus_add(&mut win.bonus, &event.bonus)?;
                bonus_add(&mut win.forfeited, &event.forfeited)?;
                if !event.taken.is_empty() {
                    take_from_win(win, &event.taken);
                }
            }
            None => round.wins.push(Win {
                id: event.txn.clone(),
                bet: event.bet.clone(),
                amount: event.amount,
                bonus: event.bonus.clone(),
                forfeited: event.forfeited.clone(),
                cash_out: false,
                by_resettlement: true,
                reported: None,
                entry: event.entry,
                status: WinStatus::Paid,
                version: record.version,
            }),
        },
        Event::BetUnsettled(event) => {
            round.undo_settled(std::slice::from_ref(&event.bet), &event.wins, false, BetStatus::Open)?;
            let bet = round.bet_mut(&event.bet)?;
            (bet.cashed_out, bet.by_rule) = (None, false);
            bet.cashed_bonus.clear();
        }
        Event::SettlementVoided(event) => {
            round.undo_settled(&event.bets, &event.wins, event.round, BetStatus::Voided)?;
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
        Event::RoundClosed(event) => {
            round.status = RoundStatus::Closed;
            round.by_rule = Some(event.reason).filter(|reason| is_rule(*reason));
            // Its source said that it is over: what a rule took until then is lost for good.
            if matches!(event.reason, CloseReason::Win | CloseReason::Close) {
                round.bets.iter_mut().for_each(|bet| bet.by_rule = false);
            }
        }
        Event::CreditGranted(_) => {}
        event => {
            return Err(Fault::corrupted(format!("{} stands in the stream of a round", event.type_name())));
        }
    }
    Ok(())
}
