//! One round and its fold.

use std::collections::BTreeMap;

use ledger_core::stored::{Bet, BetStatus, Event, EventRecord, RoundStatus, SettledBy, Win, WinStatus};
use ledger_core::{
    AccountKind, Amount, AmountError, CurrencyCode, GameId, PlayerId, RoundId, SourceId, Timestamp,
    TransactionId,
};
use ledger_store::{Position, Shard};

use super::RoundCursor;
use crate::total::Total;

/// When and where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it was recorded.
    pub at: Timestamp,
    /// The position of its commit in the round's shard.
    pub position: Position,
}

/// A round of one player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundRow {
    /// The player.
    pub player: PlayerId,
    /// The source.
    pub source: SourceId,
    /// The round.
    pub round: RoundId,
    /// The shard of the player.
    pub shard: Shard,
    /// Real or test.
    pub kind: AccountKind,
    /// What it came to.
    pub status: RoundStatus,
    /// Its currency, once a bet came.
    pub currency: Option<CurrencyCode>,
    /// The version of its last event.
    pub version: u64,
    /// Its bets, in order, with stake, game and status.
    pub bets: Vec<Bet>,
    /// Its wins, in order.
    pub wins: Vec<Win>,
    /// Credits without a stake that name this round, per currency.
    pub granted: BTreeMap<CurrencyCode, Amount>,
    /// The stakes of all its bets, whatever came of them.
    pub staked: Total,
    /// Its wins, less those rolled back.
    pub paid: Total,
    /// The stakes that went back: bets rolled back, voided or called off with the round.
    pub refunded: Total,
    /// Its first event.
    pub opened: Moment,
    /// The event that ended it, if it is over.
    pub closed: Option<Moment>,
}

/// What a round adds to the totals of one game.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GameSums {
    pub(super) rounds: u64,
    pub(super) stakes: Total,
    pub(super) payouts: Total,
}

impl GameSums {
    pub(super) fn is_zero(&self) -> bool {
        self.rounds == 0 && self.stakes.is_zero() && self.payouts.is_zero()
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            rounds: self.rounds.checked_add(other.rounds)?,
            stakes: self.stakes.plus(other.stakes)?,
            payouts: self.payouts.plus(other.payouts)?,
        })
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        Some(Self {
            rounds: self.rounds.checked_sub(other.rounds)?,
            stakes: self.stakes.minus(other.stakes)?,
            payouts: self.payouts.minus(other.payouts)?,
        })
    }
}

/// Why a round cannot take an event.
pub(super) type Misfit = String;

fn too_large(_: AmountError) -> Misfit {
    "a sum of the round is too large".to_owned()
}

impl RoundRow {
    pub(super) fn new(
        player: &PlayerId,
        source: &SourceId,
        round: &RoundId,
        shard: Shard,
        kind: AccountKind,
        opened: Moment,
    ) -> Self {
        Self {
            player: player.clone(),
            source: source.clone(),
            round: round.clone(),
            shard,
            kind,
            status: RoundStatus::Open,
            currency: None,
            version: 0,
            bets: Vec::new(),
            wins: Vec::new(),
            granted: BTreeMap::new(),
            staked: Total::default(),
            paid: Total::default(),
            refunded: Total::default(),
            opened,
            closed: None,
        }
    }

    /// The games of its bets, each once, in order.
    pub fn games(&self) -> Vec<&GameId> {
        let mut games = Vec::with_capacity(1);
        for bet in &self.bets {
            if !games.contains(&&bet.game) {
                games.push(&bet.game);
            }
        }
        games
    }

    /// Where a page that ends with this round goes on.
    pub fn cursor(&self) -> RoundCursor {
        RoundCursor {
            shard: self.shard,
            position: self.opened.position,
            source: self.source.clone(),
            round: self.round.clone(),
        }
    }

    /// Folds one event of the round's stream. On an error the row is of no use any more.
    pub(super) fn evolve(&mut self, record: &EventRecord, moment: Moment) -> Result<(), Misfit> {
        if Some(record.version) != self.version.checked_add(1) {
            return Err(format!("event {} of round {} follows {}", record.version, self.round, self.version));
        }
        self.version = record.version;
        let before = self.status;
        self.take(&record.event)?;
        if self.status == RoundStatus::Open {
            self.closed = None;
        } else if self.status != before {
            self.closed = Some(moment);
        }
        let zero = self.zero();
        self.staked = sum(zero, self.bets.iter().map(|bet| bet.stake))?;
        self.refunded = sum(zero, self.bets.iter().filter(|bet| is_undone(bet)).map(|bet| bet.stake))?;
        self.paid = sum(zero, self.wins.iter().filter(|win| win_stands(win)).map(|win| win.amount))?;
        Ok(())
    }

    fn take(&mut self, event: &Event) -> Result<(), Misfit> {
        match event {
            Event::BetPlaced(event) => {
                if self.currency.is_some_and(|own| own != event.currency) {
                    return Err(format!("round {} has bets in two currencies", self.round));
                }
                self.currency = Some(event.currency);
                self.bets.push(Bet {
                    id: event.bet.clone(),
                    game: event.game.clone(),
                    stake: event.stake,
                    split: event.split.clone(),
                    status: BetStatus::Open,
                    version: self.version,
                });
            }
            Event::WinCredited(event) => self.win(&event.win, event.bet.as_ref(), event.amount),
            Event::BetSettled(event) => {
                event.bets.iter().try_for_each(|bet| self.end_bet(bet, BetStatus::Settled))?;
                if event.by == SettledBy::Win {
                    self.win(&event.txn, event.bet.as_ref(), event.win);
                }
            }
            Event::BetRolledBack(event) => {
                self.end_bet(&event.bet, BetStatus::RolledBack)?;
                self.void_if_undone();
            }
            Event::BetVoided(event) => {
                self.end_bet(&event.bet, BetStatus::Voided)?;
                self.void_if_undone();
            }
            Event::RoundVoided(event) => {
                event.bets.iter().try_for_each(|bet| self.end_bet(bet, BetStatus::Voided))?;
                self.status = RoundStatus::Cancelled;
            }
            Event::WinRolledBack(event) => self.end_win(&event.win, WinStatus::RolledBack)?,
            Event::WinRetained(event) => self.end_win(&event.win, WinStatus::Retained)?,
            Event::RoundClosed(_) => self.status = RoundStatus::Closed,
            Event::RoundReopened(event) => {
                if event.round.bets != self.bets || event.round.wins != self.wins {
                    return Err(format!("round {} was reopened as another", self.round));
                }
                self.status = RoundStatus::Open;
            }
            Event::CreditGranted(event) => {
                let known = self.granted.get(&event.currency).copied();
                let known = known.unwrap_or(Amount::zero(event.amount.scale()));
                self.granted.insert(event.currency, known.checked_add(event.amount).map_err(too_large)?);
            }
            event => return Err(format!("{} stands in the stream of a round", event.type_name())),
        }
        Ok(())
    }

    fn win(&mut self, id: &TransactionId, bet: Option<&TransactionId>, amount: Amount) {
        let (bet, status, version) = (bet.cloned(), WinStatus::Paid, self.version);
        self.wins.push(Win { id: id.clone(), bet, amount, status, version });
    }

    fn end_bet(&mut self, id: &TransactionId, status: BetStatus) -> Result<(), Misfit> {
        match self.bets.iter_mut().find(|bet| bet.id == *id) {
            Some(bet) if bet.status == BetStatus::Open => bet.status = status,
            Some(_) => return Err(format!("bet {id} ended twice")),
            None => return Err(format!("round {} has no bet {id}", self.round)),
        }
        Ok(())
    }

    fn end_win(&mut self, id: &TransactionId, status: WinStatus) -> Result<(), Misfit> {
        match self.wins.iter_mut().find(|win| win.id == *id) {
            Some(win) if win.status == WinStatus::Paid => win.status = status,
            Some(_) => return Err(format!("win {id} was undone twice")),
            None => return Err(format!("round {} has no win {id}", self.round)),
        }
        Ok(())
    }

    /// A round whose every bet was undone is void.
    fn void_if_undone(&mut self) {
        if self.status == RoundStatus::Open && self.bets.iter().all(is_undone) {
            self.status = RoundStatus::Void;
        }
    }

    /// Nothing, at the scale of the round's currency: then a sum has the same digits however it came about.
    fn zero(&self) -> Total {
        self.bets.first().map_or(Total::default(), |bet| Amount::zero(bet.stake.scale()).into())
    }

    /// The game a win is booked under: that of the bet it answers, or of the round's first bet.
    fn payout_game(&self, win: &Win) -> Option<&GameId> {
        let named = win.bet.as_ref().and_then(|id| self.bets.iter().find(|bet| bet.id == *id));
        named.or_else(|| self.bets.first()).map(|bet| &bet.game)
    }

    /// What this round adds to the totals of its games.
    pub(super) fn contribution(&self) -> Result<BTreeMap<(GameId, CurrencyCode), GameSums>, Misfit> {
        let mut games: BTreeMap<(GameId, CurrencyCode), GameSums> = BTreeMap::new();
        let Some(currency) = self.currency else { return Ok(games) };
        let (stakes, payouts) = (self.zero(), self.zero());
        let nothing = || GameSums { rounds: 0, stakes, payouts };
        let large = || too_large(AmountError::AmountOverflow);
        for bet in self.bets.iter().filter(|bet| bet.status == BetStatus::Settled) {
            let sums = games.entry((bet.game.clone(), currency)).or_insert_with(nothing);
            sums.rounds = 1;
            sums.stakes = sums.stakes.plus(bet.stake).ok_or_else(large)?;
        }
        for win in self.wins.iter().filter(|win| win_stands(win)) {
            let game = self.payout_game(win).ok_or_else(|| format!("win {} has no bet", win.id))?;
            let sums = games.entry((game.clone(), currency)).or_insert_with(nothing);
            sums.payouts = sums.payouts.plus(win.amount).ok_or_else(large)?;
        }
        Ok(games)
    }
}

fn is_undone(bet: &Bet) -> bool {
    matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided)
}

fn win_stands(win: &Win) -> bool {
    win.status != WinStatus::RolledBack
}

fn sum(zero: Total, mut amounts: impl Iterator<Item = Amount>) -> Result<Total, Misfit> {
    let sum = amounts.try_fold(zero, Total::plus);
    sum.ok_or_else(|| too_large(AmountError::AmountOverflow))
}
