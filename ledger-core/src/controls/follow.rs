//! Counting for limits outside of a player's live state: for views that keep a row per limit and not all of a player. What
//! counts, and how, is here as in decisions, by the same code.

use serde::{Deserialize, Serialize};

use super::count::shares;
use super::{Controls, Counter, PlayTime, PlayerLimit};
use crate::money::Amount;
use crate::partition::Stream;
use crate::player_ledger::Fault;
use crate::policy::CountedFunds;
use crate::round;
use crate::stored::{Event, EventRecord, LimitKind, Round, RoundStatus};
use crate::time::Timestamp;
use crate::transfer::{self, Transfer, TransferStatus};

/// A round or a transfer of a player while it is live: what counting its events needs to know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LivePlay {
    /// It has not begun, or it is over.
    #[default]
    Nothing,
    /// An open round.
    Round(Box<Round>),
    /// Money that plays elsewhere.
    Transfer(Box<Transfer>),
}

impl LivePlay {
    fn round(self) -> Option<Round> {
        match self {
            Self::Round(round) => Some(*round),
            _ => None,
        }
    }

    fn transfer(self) -> Option<Transfer> {
        match self {
            Self::Transfer(transfer) => Some(*transfer),
            _ => None,
        }
    }
}

impl Controls {
    /// Limits and counters as a view kept them, each in the order of [`Self::limits`] and [`Self::counters`].
    pub fn of(limits: Vec<PlayerLimit>, counters: Vec<Counter>) -> Self {
        Self { limits, counters, play_time: None }
    }

    /// The limits and the counters.
    pub fn into_parts(self) -> (Vec<PlayerLimit>, Vec<Counter>) {
        (self.limits, self.counters)
    }

    /// Folds an event of limits after so many entries of the player's statement: `limit.set`, `limit.raise_requested`,
    /// `limit.windows_opened`, `limit.warned`.
    ///
    /// # Errors
    ///
    /// [`Fault`] for another event, and for one that cannot follow.
    pub fn follow_limit(&mut self, event: &Event, entries: u64, at: Timestamp) -> Result<(), Fault> {
        self.evolve(event, entries, at)
    }

    /// Counts any event of the player. `live` is the round or the transfer of the event's stream as the event before left
    /// it; this event's is answered.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow.
    pub fn follow(&mut self, record: &EventRecord, live: LivePlay, at: Timestamp) -> Result<LivePlay, Fault> {
        match &record.stream {
            Stream::Round(_, source, id) => {
                let mut round = match (live.round(), &record.event) {
                    (Some(round), _) => round,
                    (None, Event::RoundReopened(_)) => round::empty(source, id),
                    (None, Event::BetPlaced(_)) if record.version == 1 => round::empty(source, id),
                    (None, event) => {
                        self.count_after_the_end(event, at);
                        return Ok(LivePlay::Nothing);
                    }
                };
                let before = shares(&round);
                round::evolve(&mut round, record, at)?;
                // What a round brings back with it was counted before it was over.
                if !matches!(record.event, Event::RoundReopened(_)) {
                    self.count_round(&before, &round, at);
                }
                let is_open = round.status == RoundStatus::Open;
                Ok(if is_open { LivePlay::Round(Box::new(round)) } else { LivePlay::Nothing })
            }
            Stream::Transfer(_, of) => {
                let mut known = live.transfer();
                self.count_cash(record, || known.as_ref(), at);
                transfer::evolve(&mut known, of, record, at)?;
                let known = known.filter(|known| known.status == TransferStatus::Out);
                Ok(known.map_or(LivePlay::Nothing, |known| LivePlay::Transfer(Box::new(known))))
            }
            _ => {
                self.count_cash(record, || None, at);
                Ok(LivePlay::Nothing)
            }
        }
    }

    /// How much of a limit is used at an instant: with what is counted, of a limit on deposits with those under way, of one
    /// on the balance with what the purse has to play with (cash, and what is held).
    pub fn used(
        &self,
        limit: &PlayerLimit,
        funds: CountedFunds,
        balance: Option<Amount>,
        under_way: impl Iterator<Item = Amount>,
        now: Timestamp,
    ) -> Amount {
        let zero = Amount::zero(limit.amount.scale());
        let counted = match (self.counter(&limit.term), limit.term.kind) {
            (Some(counter), _) => counter.used(funds, now),
            (None, LimitKind::Balance) => balance.unwrap_or(zero),
            (None, _) => zero,
        };
        match limit.term.kind {
            LimitKind::Deposit | LimitKind::NetDeposit | LimitKind::Balance => {
                let mut under_way = under_way;
                under_way.try_fold(counted, Amount::checked_add).unwrap_or(counted)
            }
            _ => counted,
        }
    }
}

impl PlayTime {
    /// The limits on the time of play as a view kept them (at first the default), after an event of them:
    /// `play_time_limit.set`, `play_time_limit.raise_requested`, `play_time_limit.windows_opened`, `play_time_limit.warned`.
    /// `None` once nothing is limited any more: then nothing is counted.
    ///
    /// # Errors
    ///
    /// [`Fault`] for another event, and for one that cannot follow.
    pub fn follow_limit(mut self, event: &Event, at: Timestamp) -> Result<Option<Self>, Fault> {
        self.evolve(event, at)?;
        Ok(Some(self).filter(|play| !play.is_empty()))
    }

    /// A session gave a sign of life, after the one before.
    pub fn follow_play(&mut self, before: Timestamp, at: Timestamp) {
        self.played(before, at);
    }
}
