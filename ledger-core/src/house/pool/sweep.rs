//! A pool learns what was booked for it elsewhere.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::configure::{is_jackpot, next_overflow};
use super::state::JackpotPool;
use crate::account::AccountCode;
use crate::house::incoming::currency;
use crate::house::operation::{Currencies, HouseOperation, not_allowed};
use crate::house::postings::{to_jackpot, to_reserve};
use crate::house::{HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, JackpotId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, AmountError, Currency, CurrencyCode, Rounding};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{Capacity, NotAllowedReason, Rejection, capacity};
use crate::stored::{
    Event, JackpotOverflow, JackpotStatus, JackpotSwept, JackpotTerms, Money, SweepOrigin, SweptPart,
};

/// The most currencies of one sweep.
pub const JACKPOT_SWEEP_PARTS_MAX: usize = 64;
/// The most shards and jackpots that one pool learns from.
pub const SWEEP_ORIGINS_MAX: usize = 4_096;

/// What a stretch of a log booked for a jackpot in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPart {
    /// The currency.
    pub currency: CurrencyCode,
    /// What stakes gave to it, less what went back with them; with up to four digits more than the currency has.
    #[serde(with = "crate::text::decimal_text")]
    pub contributed: Decimal,
    /// What was paid of it by credits that name it, without an award; not below zero.
    #[serde(with = "crate::text::decimal_text")]
    pub drawn: Decimal,
}

/// Tells a pool what a stretch of a log booked for it: of a shard, the commits of players behind the position `after`, up to
/// `up_to`; of another jackpot, what overflowed from there under those numbers. Each origin is told in order, without a gap
/// and without an overlap. Nothing is booked a second time: what moves is what of it is diverted to the reserve, and what
/// is above the ceiling. Sweeps pass whatever the state of the jackpot, so no contribution is lost (E36). Key: (the origin,
/// sweep, the position behind which it begins).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepJackpot {
    /// Where it was booked.
    pub origin: SweepOrigin,
    /// The last position that the pool knows of it.
    pub after: u64,
    /// The last position it is to know.
    pub up_to: u64,
    /// What was booked, each currency once; a stretch without any is told too.
    #[serde(default)]
    pub parts: Vec<SweepPart>,
}

/// Where a part of a pool goes when it is swept.
#[derive(Default)]
struct Onward {
    reserved: Option<Amount>,
    overflow: Option<JackpotOverflow>,
    entry: Option<u64>,
}

impl SweepJackpot {
    /// The parts at the scale of pools.
    fn read(&self, facts: &Facts<'_>) -> Result<Vec<SweptPart>, Stop> {
        let mut parts: Vec<SweptPart> = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let own = currency(facts, part.currency)?;
            let contributed = fine(part.contributed, own)?;
            let drawn = fine(part.drawn, own)?;
            if drawn.is_negative() {
                return Err(Rejection::InvalidAmount { amount: part.drawn.to_string() }.into());
            }
            if parts.iter().any(|known| known.currency == part.currency) {
                return Err(not_allowed(NotAllowedReason::Lines));
            }
            parts.push(SweptPart { currency: part.currency, contributed, drawn });
        }
        Ok(parts)
    }

    /// That it goes on where the pool stands.
    fn check_order(&self, pool: Option<&JackpotPool>) -> Result<(), Stop> {
        let known = pool.map_or(0, |pool| pool.swept(&self.origin));
        if self.after != known || self.up_to <= self.after {
            return Err(not_allowed(NotAllowedReason::SweepOutOfOrder));
        }
        Ok(())
    }

    /// Whether it tells of what overflowed from a jackpot: that is not sent back to it, or two that name each other would send
    /// it to and fro without end.
    fn came_from(&self, jackpot: &JackpotId) -> bool {
        matches!(&self.origin, SweepOrigin::Jackpot(from) if from == jackpot)
    }

    fn check_room(&self, pool: Option<&JackpotPool>) -> Result<(), Stop> {
        if self.parts.len() > JACKPOT_SWEEP_PARTS_MAX {
            return Err(capacity(Capacity::PartsOfSweep, JACKPOT_SWEEP_PARTS_MAX).into());
        }
        match pool {
            Some(pool) if pool.origins() >= SWEEP_ORIGINS_MAX && !pool.knows(&self.origin) => {
                Err(capacity(Capacity::SweepOrigins, SWEEP_ORIGINS_MAX).into())
            }
            _ => Ok(()),
        }
    }

    /// What of a contribution is diverted to the reserve. What goes back with stakes comes out of the pool alone, and what
    /// overflowed from another jackpot was shared there.
    fn diverted(&self, terms: &JackpotTerms, part: &SweptPart) -> Result<Amount, AmountError> {
        let is_shared = matches!(self.origin, SweepOrigin::Shard(_)) && part.contributed.is_positive();
        if is_shared {
            return part.contributed.basis_points(terms.diversion, Rounding::Floor);
        }
        Ok(Amount::zero(part.contributed.scale()))
    }

    /// What an open jackpot passes on of what it was told.
    fn pass_on(
        &self,
        terms: &JackpotTerms,
        parts: &[SweptPart],
        work: &mut HouseWorkspace<'_>,
    ) -> Result<Onward, Stop> {
        let Some(part) = parts.iter().find(|part| part.currency == terms.currency) else {
            return Ok(Onward::default());
        };
        let (pool, of) = (work.state().jackpot(), work.of_account()?);
        let zero = Amount::zero(part.contributed.scale());
        let mut reserved = self.diverted(terms, part)?;
        let after = after(pool, part)?.checked_sub(reserved)?;
        let ceiling = terms.ceiling.map(|ceiling| ceiling.rescale_up(zero.scale())).transpose()?;
        let surplus = match ceiling {
            // What was in it before, a seed or an award that came back, is no contribution and stays.
            Some(ceiling) if after > ceiling && part.contributed.is_positive() => {
                after.checked_sub(ceiling)?.min(part.contributed.checked_sub(reserved)?)?
            }
            _ => zero,
        };
        let mut overflowing = None;
        match &terms.overflow {
            Some(to) if surplus.is_positive() && !self.came_from(to) => {
                overflowing = Some((to, Money { currency: terms.currency, amount: surplus }));
            }
            _ => reserved = reserved.checked_add(surplus)?,
        }
        let mut postings = Vec::new();
        if reserved.is_positive() {
            postings.extend(to_reserve(&of, Money { currency: terms.currency, amount: reserved }));
        }
        if let Some((to, surplus)) = overflowing {
            postings.extend(to_jackpot(&of, to, surplus));
        }
        if postings.is_empty() {
            return Ok(Onward::default());
        }
        let entry = work.post(postings)?;
        let overflow = match overflowing {
            Some((to, part)) => {
                let number = next_overflow(pool, to)?;
                Some(JackpotOverflow { number, to: to.clone(), parts: vec![part] })
            }
            None => None,
        };
        let reserved = Some(reserved).filter(|amount| amount.is_positive());
        Ok(Onward { reserved, overflow, entry: Some(entry) })
    }

    /// What a closed jackpot passes on: all that is there.
    fn move_on(to: &JackpotId, parts: &[SweptPart], work: &mut HouseWorkspace<'_>) -> Result<Onward, Stop> {
        let (pool, of) = (work.state().jackpot(), work.of_account()?);
        let (mut moved, mut postings) = (Vec::new(), Vec::new());
        for part in parts {
            let left = Money { currency: part.currency, amount: after(pool, part)? };
            if left.amount.is_positive() {
                postings.extend(to_jackpot(&of, to, left));
                moved.push(left);
            }
        }
        if moved.is_empty() {
            return Ok(Onward::default());
        }
        let entry = work.post(postings)?;
        let overflow = JackpotOverflow { number: next_overflow(pool, to)?, to: to.clone(), parts: moved };
        Ok(Onward { reserved: None, overflow: Some(overflow), entry: Some(entry) })
    }
}

/// What a pool holds in the currency of a part once it was told of it.
fn after(pool: Option<&JackpotPool>, part: &SweptPart) -> Result<Amount, AmountError> {
    let held = pool.and_then(|pool| pool.amount(part.currency));
    let held = held.unwrap_or(Amount::zero(part.contributed.scale()));
    held.checked_add(part.contributed)?.checked_sub(part.drawn)
}

/// An amount at the scale of pools, on either side of zero.
fn fine(amount: Decimal, currency: &Currency) -> Result<Amount, Rejection> {
    let scale = AccountCode::JackpotLiability.scale(currency);
    Amount::from_decimal(amount, scale).map_err(|error| match error {
        AmountError::TooFine { .. } => Rejection::Precision { amount: amount.to_string(), scale },
        _ => Rejection::InvalidAmount { amount: amount.to_string() },
    })
}

impl HouseOperation for SweepJackpot {
    const KIND: OperationKind = OperationKind::JackpotSweep;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_jackpot(purpose)
    }

    fn sender(&self, _: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        // Neither can be mistaken for the other: a jackpot of any name has no colon in its ids.
        Ok(match &self.origin {
            SweepOrigin::Shard(shard) => {
                (SourceId::new("ledger")?, TransactionId::new(format!("{shard}:{}", self.after))?)
            }
            SweepOrigin::Jackpot(jackpot) => {
                (SourceId::new(jackpot.as_str())?, TransactionId::new(self.after.to_string())?)
            }
        })
    }

    fn currencies(&self) -> Currencies {
        self.parts.iter().map(|part| part.currency).collect()
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print.field(1, Some(&self.up_to.to_string()));
        let mut parts: Vec<&SweepPart> = self.parts.iter().collect();
        parts.sort_by_key(|part| part.currency);
        parts.into_iter().fold(print, |print, part| {
            print.field(2, Some(part.currency.as_str())).amount(3, &part.contributed).amount(4, &part.drawn)
        })
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let pool = work.state().jackpot();
        self.check_order(pool)?;
        let parts = self.read(facts)?;
        self.check_room(pool)?;
        let onward = match pool.and_then(|pool| Some((pool.status(), pool.moves_to(), pool.terms()?))) {
            Some((JackpotStatus::Closed, Some(to), _)) if self.came_from(to) => Onward::default(),
            Some((JackpotStatus::Closed, Some(to), _)) => Self::move_on(to, &parts, work)?,
            Some((_, _, terms)) => self.pass_on(terms, &parts, work)?,
            None => Onward::default(),
        };
        // A sum that cannot be held is refused here, before the event is.
        parts.iter().try_for_each(|part| after(pool, part).map(|_| ()))?;
        work.push_house(Event::JackpotSwept(JackpotSwept {
            origin: self.origin.clone(),
            after: self.after,
            up_to: self.up_to,
            parts,
            reserved: onward.reserved,
            overflow: onward.overflow,
            entry: onward.entry,
        }))?;
        Ok(())
    }
}
