//! What follows an event of a jackpot, and what a commit booked for jackpots. Pure functions for whoever runs the flow:
//! a process that follows the log sends what they answer, any number of times, and it has one effect.

use std::collections::BTreeMap;

use super::award::{AwardJackpot, PayingAward, SettleJackpotAward, paying};
use super::sweep::{SweepJackpot, SweepPart};
use crate::account::{AccountCode, AccountKind, Side};
use crate::house::{HouseCommand, HouseName, HousePurpose};
use crate::ids::{HouseId, IdError, JackpotId, PlayerId};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::partition::Partition;
use crate::player_ledger::PlayerCommand;
use crate::stored::{
    AwardOutcome, CommitBody, CreditKind, EntryPosted, Event, JackpotClaimRef, JackpotOverflow, SweepOrigin,
};

/// A command that follows an event of a jackpot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JackpotStep {
    /// To a pool.
    House(HouseId, HouseCommand),
    /// To a player.
    Player(PlayerId, PlayerCommand),
}

/// The commands that follow a commit, in order: a claim asks for its award, an award is paid, a payment is told to the
/// pool, and what left a pool for another is told there. If a player's ledger refuses the payment for good, whoever sent
/// it tells the pool with [`JackpotAward::refused`](super::JackpotAward::refused).
///
/// # Errors
///
/// None in practice: the longest name of a partition fits.
pub fn jackpot_steps(body: &CommitBody) -> Result<Vec<JackpotStep>, IdError> {
    let mut steps = Vec::new();
    for record in &body.events {
        let step = match (&body.partition, &record.event) {
            (Partition::Player(player), event) => after_player(player, event, body)?,
            (Partition::House(house), event) => after_pool(house, event)?,
        };
        steps.extend(step);
    }
    Ok(steps)
}

fn pool(kind: AccountKind, jackpot: &JackpotId) -> Result<HouseId, IdError> {
    HouseName { kind, purpose: HousePurpose::Jackpot(jackpot.clone()) }.id()
}

fn after_player(player: &PlayerId, event: &Event, body: &CommitBody) -> Result<Option<JackpotStep>, IdError> {
    Ok(match event {
        Event::JackpotClaimed(event) => {
            let (source, id) = (event.claim.source.clone(), event.claim.id.clone());
            let claim = JackpotClaimRef { player: player.clone(), source, id };
            let award = AwardJackpot { claim, round: event.round.clone(), currency: event.currency };
            Some(JackpotStep::House(pool(event.kind, &event.jackpot)?, award.into()))
        }
        Event::JackpotPaid(event) => {
            let kind = entries(body).next().map_or(AccountKind::Real, |posted| posted.entry.kind());
            let outcome = AwardOutcome::Paid(event.entry);
            let settle = SettleJackpotAward { award: event.award, outcome };
            Some(JackpotStep::House(pool(kind, &event.jackpot)?, settle.into()))
        }
        _ => None,
    })
}

fn after_pool(house: &HouseId, event: &Event) -> Result<Option<JackpotStep>, IdError> {
    Ok(match event {
        Event::JackpotAwarded(event) => {
            let award = PayingAward {
                number: event.number,
                claim: &event.claim,
                currency: event.currency,
                amount: event.amount,
            };
            paying(&award, house).map(|(player, pay)| JackpotStep::Player(player, pay.into()))
        }
        Event::JackpotSwept(event) => told(house, event.overflow.as_ref())?,
        Event::JackpotStatusChanged(event) => told(house, event.overflow.as_ref())?,
        _ => None,
    })
}

/// What left a pool is told to the jackpot that gets it.
fn told(house: &HouseId, overflow: Option<&JackpotOverflow>) -> Result<Option<JackpotStep>, IdError> {
    let (Some(overflow), Some(name)) = (overflow, HouseName::of(house)) else { return Ok(None) };
    let HousePurpose::Jackpot(from) = name.purpose else { return Ok(None) };
    let parts = overflow.parts.iter().map(|part| SweepPart {
        currency: part.currency,
        contributed: part.amount.to_decimal(),
        drawn: rust_decimal::Decimal::ZERO,
    });
    let sweep = SweepJackpot {
        origin: SweepOrigin::Jackpot(from),
        after: overflow.number.saturating_sub(1),
        up_to: overflow.number,
        parts: parts.collect(),
    };
    Ok(Some(JackpotStep::House(pool(name.kind, &overflow.to)?, sweep.into())))
}

/// The entries of a commit.
fn entries(body: &CommitBody) -> impl Iterator<Item = &EntryPosted> {
    body.events.iter().filter_map(|record| match &record.event {
        Event::EntryPosted(posted) => Some(posted),
        _ => None,
    })
}

/// What was booked for one jackpot in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JackpotSums {
    /// What stakes gave to it, less what went back with them.
    pub contributed: Amount,
    /// What was paid of it by credits that name it, without an award.
    pub drawn: Amount,
}

type Booked = BTreeMap<(AccountKind, JackpotId, CurrencyCode), JackpotSums>;

/// Adds up what the commits of players book for jackpots, one shard's after the other, until their pools are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JackpotTally {
    booked: Booked,
}

impl JackpotTally {
    /// Adds a commit. Those of the house's partitions book nothing that a pool need be told.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if a sum is beyond what an amount can be.
    pub fn add(&mut self, body: &CommitBody) -> Result<(), AmountError> {
        if !matches!(body.partition, Partition::Player(_)) {
            return Ok(());
        }
        let mut kind = AccountKind::Real;
        for posted in entries(body) {
            kind = posted.entry.kind();
            for posting in posted.entry.postings() {
                let jackpot = match (&posting.of, posting.account) {
                    (Some(of), AccountCode::JackpotLiability) => JackpotId::new(of.as_str()),
                    _ => continue,
                };
                // A credit may name any sub-account; one that can be no jackpot has no pool.
                let Ok(jackpot) = jackpot else { continue };
                let given = match posting.side {
                    Side::Credit => posting.amount,
                    Side::Debit => Amount::zero(posting.amount.scale()).checked_sub(posting.amount)?,
                };
                self.book(kind, jackpot, posting.currency, given, false)?;
            }
        }
        // What of it was no contribution: what the events say was paid.
        for record in &body.events {
            let (jackpot, currency, amount, drawn) = match &record.event {
                Event::CreditGranted(event) if event.reason == CreditKind::LocalJackpot => {
                    (JackpotId::new(event.of.as_str()), event.currency, event.amount, true)
                }
                Event::JackpotPaid(event) => (Ok(event.jackpot.clone()), event.currency, event.amount, false),
                _ => continue,
            };
            let Ok(jackpot) = jackpot else { continue };
            let paid = amount.rescale_up(AccountCode::JackpotLiability.scale_at(amount.scale()))?;
            self.book(kind, jackpot.clone(), currency, paid, false)?;
            if drawn {
                self.book(kind, jackpot, currency, paid, true)?;
            }
        }
        Ok(())
    }

    fn book(
        &mut self,
        kind: AccountKind,
        jackpot: JackpotId,
        currency: CurrencyCode,
        amount: Amount,
        drawn: bool,
    ) -> Result<(), AmountError> {
        let zero = Amount::zero(amount.scale());
        let sums = self.booked.entry((kind, jackpot, currency));
        let sums = sums.or_insert(JackpotSums { contributed: zero, drawn: zero });
        let sum = if drawn { &mut sums.drawn } else { &mut sums.contributed };
        *sum = sum.checked_add(amount)?;
        Ok(())
    }

    /// What was booked, by jackpot and currency.
    pub fn booked(&self) -> impl Iterator<Item = (AccountKind, &JackpotId, CurrencyCode, JackpotSums)> {
        self.booked.iter().map(|((kind, jackpot, currency), sums)| (*kind, jackpot, *currency, *sums))
    }

    /// The command that tells a pool what was booked for it in a stretch of a shard: the commits behind the position
    /// `after`, up to `up_to`. They must be all that were added. `house` is the pool's partition; `None` if it is no
    /// jackpot.
    pub fn sweep(&self, house: &HouseId, shard: u16, after: u64, up_to: u64) -> Option<SweepJackpot> {
        let HouseName { kind, purpose: HousePurpose::Jackpot(of) } = HouseName::of(house)? else {
            return None;
        };
        let own = self.booked().filter(|(booked_kind, jackpot, ..)| *booked_kind == kind && **jackpot == of);
        let parts = own.map(|(_, _, currency, sums)| SweepPart {
            currency,
            contributed: sums.contributed.to_decimal(),
            drawn: sums.drawn.to_decimal(),
        });
        let parts: Vec<_> =
            parts.filter(|part| !part.contributed.is_zero() || !part.drawn.is_zero()).collect();
        Some(SweepJackpot { origin: SweepOrigin::Shard(shard), after, up_to, parts })
    }
}
