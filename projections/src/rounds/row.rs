//! One round and its fold.

use std::collections::BTreeMap;

use ledger_core::stored::{
    Bet, BetStatus, CloseReason, Event, EventRecord, Round, RoundStatus, SessionRef, Win, WinStatus,
};
use ledger_core::{
    AccountKind, Amount, AmountError, CurrencyCode, GameId, PlayerId, RoundId, SourceId, Timestamp,
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
    /// The rule of the ledger that closed it last; `None` if its source did.
    pub by_rule: Option<CloseReason>,
    /// The session its stakes and wins count in: that of its first bet that named one.
    pub session: Option<SessionRef>,
    /// Its bets, in order, with stake, game and status.
    pub bets: Vec<Bet>,
    /// Its wins, in order.
    pub wins: Vec<Win>,
    /// Credits without a stake that name this round, per currency.
    pub granted: BTreeMap<CurrencyCode, Amount>,
    /// The stakes of all its bets, whatever came of them.
    pub staked: Total,
    /// Its wins, those of free bets too, less those rolled back.
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
            by_rule: None,
            session: None,
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
        self.take(record, moment)?;
        if self.status == RoundStatus::Open {
            self.closed = None;
        } else if self.status != before {
            self.closed = Some(moment);
        }
        let zero = self.zero();
        self.staked = sum(zero, self.bets.iter().map(|bet| bet.stake))?;
        let refunded = |bet: &Bet| if is_undone(bet) { Some(bet.stake) } else { bet.returned };
        self.refunded = sum(zero, self.bets.iter().filter_map(refunded))?;
        self.paid = sum(zero, self.wins.iter().filter(|win| win_stands(win)).map(|win| win.amount))?;
        Ok(())
    }

    /// What the event makes of the round is the core's to say; only reopening is taken as it stands here.
    fn take(&mut self, record: &EventRecord, moment: Moment) -> Result<(), Misfit> {
        match &record.event {
            Event::RoundReopened(event) => {
                if event.round.bets != self.bets || event.round.wins != self.wins {
                    return Err(format!("round {} was reopened as another", self.round));
                }
                (self.status, self.by_rule) = (RoundStatus::Open, event.round.by_rule);
                return Ok(());
            }
            Event::BetPlaced(event) if self.currency.is_some_and(|own| own != event.currency) => {
                return Err(format!("round {} has bets in two currencies", self.round));
            }
            Event::CreditGranted(event) => {
                let known = self.granted.get(&event.currency).copied();
                let known = known.unwrap_or(Amount::zero(event.amount.scale()));
                self.granted.insert(event.currency, known.checked_add(event.amount).map_err(too_large)?);
            }
            _ => {}
        }
        let mut round = Round {
            source: self.source.clone(),
            id: self.round.clone(),
            currency: self.currency,
            status: self.status,
            version: record.version.saturating_sub(1),
            opened_at: None,
            last_at: None,
            by_rule: self.by_rule,
            session: self.session.take(),
            bets: std::mem::take(&mut self.bets),
            wins: std::mem::take(&mut self.wins),
        };
        let folded = round.evolve(record, moment.at);
        (self.bets, self.wins, self.session) = (round.bets, round.wins, round.session);
        folded.map_err(|fault| fault.to_string())?;
        (self.currency, self.status, self.by_rule) = (round.currency, round.status, round.by_rule);
        Ok(())
    }

    /// Nothing, at the scale of the round's currency: then a sum has the same digits however it came about.
    fn zero(&self) -> Total {
        self.bets.first().map_or(Total::default(), |bet| Amount::zero(bet.stake.scale()).into())
    }

    /// The bet whose game or campaign bears a win: the one it answers, if that was there before it, or the round's first.
    /// A bet that was made up has no id of its source's.
    fn payer(&self, win: &Win) -> Option<&Bet> {
        let is_named = |bet: &&Bet| {
            win.bet.as_ref().is_some_and(|id| bet.id == *id) && !bet.made_up && bet.version < win.version
        };
        self.bets.iter().find(is_named).or_else(|| self.bets.first())
    }

    /// What this round adds to the totals of its games.
    pub(super) fn contribution(&self) -> Result<BTreeMap<(GameId, CurrencyCode), GameSums>, Misfit> {
        let mut games: BTreeMap<(GameId, CurrencyCode), GameSums> = BTreeMap::new();
        let Some(currency) = self.currency else { return Ok(games) };
        let (stakes, payouts) = (self.zero(), self.zero());
        let nothing = || GameSums { rounds: 0, stakes, payouts };
        let large = || too_large(AmountError::AmountOverflow);
        let taken = |bet: &Bet| match bet.status {
            BetStatus::Settled => Some(bet.staked_money()),
            // What was cashed out is taken for good, while the rest is open.
            BetStatus::Open if bet.cashed_out.is_some() => {
                bet.staked_money().checked_sub(bet.open_money()).ok()
            }
            _ => None,
        };
        for (bet, stake) in self.bets.iter().filter_map(|bet| Some((bet, taken(bet)?))) {
            let sums = games.entry((bet.game.clone(), currency)).or_insert_with(nothing);
            sums.rounds = 1;
            sums.stakes = sums.stakes.plus(stake).ok_or_else(large)?;
        }
        for win in self.wins.iter().filter(|win| win_stands(win)) {
            let payer = self.payer(win).ok_or_else(|| format!("win {} has no bet", win.id))?;
            // The campaign of a free bet bears its wins: they are no payouts of the game.
            if payer.free.is_some() {
                continue;
            }
            let sums = games.entry((payer.game.clone(), currency)).or_insert_with(nothing);
            sums.payouts = sums.payouts.plus(win.money()).ok_or_else(large)?;
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
