//! A jackpot's pool and its fold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::award::{PayingAward, paying};
use crate::account::AccountCode;
use crate::ids::{HouseId, JackpotId, PlayerId, RoundId};
use crate::jackpot::PayJackpot;
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{
    AwardOutcome, Event, JackpotAwarded, JackpotClaimRef, JackpotOverflow, JackpotSeeded, JackpotStatus,
    JackpotSwept, JackpotTerms, Money, SeedMovement, SweepOrigin,
};

/// The most awards of one jackpot that are on their way to their players at the same time.
pub const OPEN_JACKPOT_AWARDS_MAX: usize = 1_000;

/// An award that is on its way to its player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JackpotAward {
    /// Which one it is, of all awards of this jackpot.
    pub number: u64,
    /// The claim.
    pub claim: JackpotClaimRef,
    /// The round that triggered it.
    pub round: RoundId,
    /// The currency.
    pub currency: CurrencyCode,
    /// What the player gets.
    pub amount: Amount,
}

impl JackpotAward {
    /// The command to the player's ledger that pays it, and the player; `None` if `house` is no jackpot. However often it
    /// is made and sent, it has one effect.
    pub fn payment(&self, house: &HouseId) -> Option<(PlayerId, PayJackpot)> {
        let award = PayingAward {
            number: self.number,
            claim: &self.claim,
            currency: self.currency,
            amount: self.amount,
        };
        paying(&award, house)
    }
}

/// What is in the pool of one jackpot, and what it knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JackpotPool {
    terms: Option<JackpotTerms>,
    /// How often it got terms.
    versions: u64,
    suspended: bool,
    /// Where everything goes, once it is closed.
    closed_to: Option<JackpotId>,
    amounts: Vec<Money>,
    shards: BTreeMap<u16, u64>,
    jackpots: BTreeMap<JackpotId, u64>,
    /// How often something left it, by the jackpot that it went to.
    overflows: BTreeMap<JackpotId, u64>,
    awards: u64,
    open: Vec<JackpotAward>,
}

impl JackpotPool {
    /// Its parameters; `None` before it was configured.
    pub fn terms(&self) -> Option<&JackpotTerms> {
        self.terms.as_ref()
    }

    /// How often its parameters were set: the version of [`Self::terms`].
    pub fn terms_version(&self) -> u64 {
        self.versions
    }

    /// Whether it can be won.
    pub fn status(&self) -> JackpotStatus {
        match (&self.closed_to, self.suspended) {
            (Some(_), _) => JackpotStatus::Closed,
            (None, true) => JackpotStatus::Suspended,
            (None, false) => JackpotStatus::Open,
        }
    }

    /// The jackpot that gets whatever still comes, if it is closed.
    pub fn moves_to(&self) -> Option<&JackpotId> {
        self.closed_to.as_ref()
    }

    /// What it holds for whoever wins it next, by currency, as far as it has been told; four digits finer than the
    /// currency. Only what is in the currency of its terms can be won. Below zero is what went back to players after it
    /// was paid.
    pub fn amounts(&self) -> &[Money] {
        &self.amounts
    }

    /// What it holds in one currency, if it ever held any.
    pub fn amount(&self, currency: CurrencyCode) -> Option<Amount> {
        self.amounts.iter().find(|held| held.currency == currency).map(|held| held.amount)
    }

    /// Whether it has reached the amount that it must be won by: the game must let it be won now.
    pub fn must_hit(&self) -> bool {
        let Some(terms) = &self.terms else { return false };
        let (held, limit) = (self.amount(terms.currency), terms.must_hit_by);
        let reached =
            |held: Amount, limit: Amount| limit.rescale_up(held.scale()).is_ok_and(|limit| held >= limit);
        held.zip(limit).is_some_and(|(held, limit)| reached(held, limit))
    }

    /// The last position of an origin that it knows; 0 if it knows none.
    pub fn swept(&self, origin: &SweepOrigin) -> u64 {
        match origin {
            SweepOrigin::Shard(shard) => self.shards.get(shard),
            SweepOrigin::Jackpot(jackpot) => self.jackpots.get(jackpot),
        }
        .copied()
        .unwrap_or_default()
    }

    /// How many origins it has learnt from.
    pub fn origins(&self) -> usize {
        self.shards.len().saturating_add(self.jackpots.len())
    }

    /// Whether it has learnt from an origin.
    pub(super) fn knows(&self, origin: &SweepOrigin) -> bool {
        match origin {
            SweepOrigin::Shard(shard) => self.shards.contains_key(shard),
            SweepOrigin::Jackpot(jackpot) => self.jackpots.contains_key(jackpot),
        }
    }

    /// How often something left it for another jackpot.
    pub fn overflows(&self, to: &JackpotId) -> u64 {
        self.overflows.get(to).copied().unwrap_or_default()
    }

    /// How many jackpots something left it for.
    pub(super) fn targets(&self) -> usize {
        self.overflows.len()
    }

    /// How many awards there were.
    pub fn awards(&self) -> u64 {
        self.awards
    }

    /// The awards that are on their way to their players, in their order.
    pub fn open_awards(&self) -> &[JackpotAward] {
        &self.open
    }

    /// One of them.
    pub fn open_award(&self, number: u64) -> Option<&JackpotAward> {
        self.open.iter().find(|award| award.number == number)
    }

    /// The estimated bytes it takes in memory.
    pub(in crate::house) fn weight(&self) -> usize {
        let games = self.terms.as_ref().map_or(0, |terms| terms.games.len());
        let counted = |count: usize, each: usize| count.saturating_mul(each);
        [
            300,
            counted(games, 120),
            counted(self.origins(), 64),
            counted(self.targets(), 64),
            counted(self.open.len(), 400),
        ]
        .iter()
        .fold(0, |sum: usize, part| sum.saturating_add(*part))
    }

    /// Folds an event of the jackpot's own stream. Holds no rule and cannot panic.
    pub(in crate::house) fn evolve(&mut self, event: &Event) -> Result<(), Fault> {
        match event {
            Event::JackpotSeeded(event) => self.seeded(event),
            Event::JackpotConfigured(event) => {
                self.versions = next(self.versions, None)?;
                self.terms = Some(event.terms.clone());
                Ok(())
            }
            Event::JackpotStatusChanged(event) => {
                self.suspended = event.status == JackpotStatus::Suspended;
                self.closed_to.clone_from(&event.moves_to);
                self.overflowed(event.overflow.as_ref())?;
                event.from_reserve.iter().try_for_each(|part| self.add(part.currency, part.amount))
            }
            Event::JackpotSwept(event) => self.take_in(event),
            Event::JackpotAwarded(event) => self.awarded(event),
            Event::JackpotAwardSettled(event) => {
                let at = self.open.iter().position(|award| award.number == event.award);
                let at = at.ok_or_else(|| Fault::corrupted(format!("award {} is not open", event.award)))?;
                let award = self.open.remove(at);
                match event.outcome {
                    AwardOutcome::Paid(_) => Ok(()),
                    AwardOutcome::Refused => self.add(award.currency, fine(award.amount)?),
                }
            }
            _ => Err(Fault::corrupted("an event that is not of a jackpot")),
        }
    }

    fn seeded(&mut self, event: &JackpotSeeded) -> Result<(), Fault> {
        match event.movement {
            SeedMovement::CostToPool | SeedMovement::ReserveToPool => {
                self.add(event.currency, fine(event.amount)?)
            }
            SeedMovement::CostToReserve => Ok(()),
        }
    }

    fn take_in(&mut self, event: &JackpotSwept) -> Result<(), Fault> {
        if event.after != self.swept(&event.origin) {
            return Err(Fault::corrupted(format!("a sweep from {} does not follow", event.after)));
        }
        match &event.origin {
            SweepOrigin::Shard(shard) => self.shards.insert(*shard, event.up_to),
            SweepOrigin::Jackpot(jackpot) => self.jackpots.insert(jackpot.clone(), event.up_to),
        };
        for part in &event.parts {
            self.add(part.currency, part.contributed)?;
            self.take(part.currency, part.drawn)?;
        }
        if let Some(reserved) = event.reserved {
            let terms = self.terms.as_ref();
            let terms = terms.ok_or_else(|| Fault::corrupted("a jackpot without terms reserves nothing"))?;
            self.take(terms.currency, reserved)?;
        }
        self.overflowed(event.overflow.as_ref())
    }

    fn overflowed(&mut self, overflow: Option<&JackpotOverflow>) -> Result<(), Fault> {
        let Some(overflow) = overflow else { return Ok(()) };
        let number = next(self.overflows(&overflow.to), Some(overflow.number))?;
        self.overflows.insert(overflow.to.clone(), number);
        overflow.parts.iter().try_for_each(|part| self.take(part.currency, part.amount))
    }

    fn awarded(&mut self, event: &JackpotAwarded) -> Result<(), Fault> {
        self.awards = next(self.awards, Some(event.number))?;
        self.take(event.currency, fine(event.amount)?)?;
        for seed in [event.seed_from_reserve, event.seed_from_cost].into_iter().flatten() {
            self.add(event.currency, seed)?;
        }
        self.open.push(JackpotAward {
            number: event.number,
            claim: event.claim.clone(),
            round: event.round.clone(),
            currency: event.currency,
            amount: event.amount,
        });
        Ok(())
    }

    fn add(&mut self, currency: CurrencyCode, amount: Amount) -> Result<(), Fault> {
        let sum = match self.amount(currency) {
            Some(held) => held.checked_add(amount).map_err(damaged)?,
            None => amount,
        };
        match self.amounts.iter_mut().find(|held| held.currency == currency) {
            Some(held) => held.amount = sum,
            None => self.amounts.push(Money { currency, amount: sum }),
        }
        Ok(())
    }

    fn take(&mut self, currency: CurrencyCode, amount: Amount) -> Result<(), Fault> {
        let less = Amount::zero(amount.scale()).checked_sub(amount).map_err(damaged)?;
        self.add(currency, less)
    }
}

/// An amount of a currency at the scale of pools.
pub(super) fn fine(amount: Amount) -> Result<Amount, Fault> {
    amount.rescale_up(AccountCode::JackpotLiability.scale_at(amount.scale())).map_err(damaged)
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn damaged(error: AmountError) -> Fault {
    Fault::corrupted(error.to_string())
}

/// The number after one, which an event may say too.
fn next(last: u64, said: Option<u64>) -> Result<u64, Fault> {
    let next = last.checked_add(1).ok_or_else(|| Fault::corrupted("numbers have run out"))?;
    if said.is_some_and(|said| said != next) {
        return Err(Fault::corrupted(format!("number {said:?} follows {last}")));
    }
    Ok(next)
}
