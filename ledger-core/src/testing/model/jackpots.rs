//! Jackpots, as the model reads the rules: the claims of a player, and the pool of one.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Judged, Model};
use crate::house::{AwardJackpot, ChangeJackpotStatus, ConfigureJackpot, SettleJackpotAward, SweepJackpot};
use crate::jackpot::{ClaimJackpot, PayJackpot, WithdrawJackpotClaim};
use crate::money::CurrencyCode;
use crate::stored::{AwardOutcome, JackpotRate, JackpotStatus, JackpotTerms, SweepOrigin};

/// A claim that was neither paid nor withdrawn: its jackpot, round and currency.
#[derive(Debug, Clone)]
pub(super) struct ModelClaim {
    name: (String, String),
    jackpot: String,
    round: String,
    currency: CurrencyCode,
}

impl Model {
    /// How many claims on jackpots are open.
    pub fn open_claims(&self) -> usize {
        self.claims.len()
    }

    fn claim_at(&self, source: &str, id: &str) -> Result<usize, &'static str> {
        self.claims.iter().position(|claim| claim.name == (source.into(), id.into())).ok_or("not_allowed")
    }

    pub(super) fn claim_jackpot(&mut self, c: &ClaimJackpot) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.rounds.get(&key).filter(|round| round.cancelled || !round.bets.is_empty());
        match round {
            None => return Err("bet_not_found"),
            Some(round) if round.cancelled || round.is_void() => return Err("txn_cancelled"),
            Some(_) => {}
        }
        self.purse(c.currency)?;
        if self.claims.len() >= 64 {
            return Err("capacity_exceeded");
        }
        self.claims.push(ModelClaim {
            name: (c.source.to_string(), c.id.to_string()),
            jackpot: c.jackpot.to_string(),
            round: c.round.to_string(),
            currency: c.currency,
        });
        Ok("applied")
    }

    pub(super) fn pay_jackpot(&mut self, c: &PayJackpot) -> Judged {
        let at = self.claim_at(c.source.as_str(), c.id.as_str())?;
        let claim = self.claims.get(at).cloned().expect("it was found");
        if claim.jackpot != c.jackpot.as_str() || c.kind != self.kind || claim.currency != c.currency {
            return Err("mismatch");
        }
        let units = self.units(c.amount, c.currency)?;
        if units == 0 {
            return Err("invalid_amount");
        }
        let fine = self.fine(c.currency)?;
        self.add(&format!("jackpot:liability of {}", c.jackpot), c.currency, -units * fine);
        self.pay(c.currency, units);
        self.claims.remove(at);
        Ok("applied")
    }

    pub(super) fn withdraw_claim(&mut self, c: &WithdrawJackpotClaim) -> Judged {
        let at = self.claim_at(c.source.as_str(), c.id.as_str())?;
        self.claims.remove(at);
        Ok("applied")
    }

    /// A claim does not outlive its round, nor its id.
    pub(super) fn drop_claims(&mut self) {
        let (rounds, dead) = (&self.rounds, &self.dead);
        self.claims.retain(|claim| {
            if dead.contains(&claim.name) {
                return false;
            }
            let round = rounds.get(&(claim.name.0.clone(), claim.round.clone()));
            !round.is_some_and(|round| round.cancelled || round.is_void())
        });
    }
}

/// The pool of one jackpot, in units of 10^-18.
#[derive(Debug, Clone, Default)]
pub(super) struct ModelPool {
    pub(super) terms: Option<JackpotTerms>,
    pub(super) suspended: bool,
    pub(super) closed_to: Option<String>,
    pub(super) held: BTreeMap<CurrencyCode, i128>,
    swept: BTreeMap<String, u64>,
    awards: u64,
    pub(super) open: BTreeMap<u64, (CurrencyCode, i128)>,
}

/// What happens to accounts: from where, to where, how much. A cost grows when something comes from it.
type Moves = Vec<(String, String, CurrencyCode, i128)>;

fn status(pool: &ModelPool) -> JackpotStatus {
    match (&pool.closed_to, pool.suspended) {
        (Some(_), _) => JackpotStatus::Closed,
        (None, true) => JackpotStatus::Suspended,
        (None, false) => JackpotStatus::Open,
    }
}

impl ModelPool {
    pub(super) fn is_closed(&self) -> bool {
        self.closed_to.is_some()
    }

    pub(super) fn add(&mut self, currency: CurrencyCode, units: i128) {
        *self.held.entry(currency).or_default() += units;
    }

    fn configured(&self) -> Result<&JackpotTerms, &'static str> {
        self.terms.as_ref().filter(|_| !self.is_closed()).ok_or("not_allowed")
    }

    pub(super) fn configure(&mut self, of: &str, scale: u32, c: &ConfigureJackpot) -> Judged {
        let terms = &c.terms;
        if self.terms.as_ref().is_some_and(|old| old.currency != terms.currency) {
            return Err("mismatch");
        }
        let fits = |amount: &crate::money::Amount, digits: u32| {
            let text = amount.to_string();
            let part = text.split_once('.').map_or(0, |(_, part)| part.len());
            !text.starts_with('-') && part == usize::try_from(digits).expect("few")
        };
        let finer = (scale + 4).min(18);
        let rate = |rate: &JackpotRate| match rate {
            JackpotRate::Share(share) => share.get() <= 10_000,
            JackpotRate::Fixed(amount) => fits(amount, finer),
        };
        let limits = [terms.must_hit_by, terms.ceiling];
        let whole = limits.iter().flatten().chain([&terms.seed]).all(|amount| fits(amount, scale));
        let rates = rate(&terms.rate) && terms.games.values().all(rate) && terms.diversion.get() <= 10_000;
        let seed = terms.seed.to_decimal();
        let above = limits.iter().flatten().all(|limit| limit.to_decimal() > seed);
        let overflow = terms.overflow.as_ref();
        let target = overflow.is_none_or(|to| to.as_str() != of && terms.ceiling.is_some());
        if !(whole && rates && above && target) {
            return Err("not_allowed");
        }
        self.terms = Some(terms.clone());
        Ok("applied")
    }

    /// What moves when it is closed.
    pub(super) fn change(
        &mut self,
        of: &str,
        reserve: &BTreeMap<CurrencyCode, i128>,
        c: &ChangeJackpotStatus,
    ) -> Result<Moves, &'static str> {
        self.configured()?;
        let closes = c.status == JackpotStatus::Closed;
        let target = c.moves_to.as_ref().map(ToString::to_string);
        let wrong = closes != target.is_some() || target.as_deref() == Some(of);
        let same = status(self) == c.status;
        if same || (closes && !self.open.is_empty()) || wrong || c.by == c.approved_by {
            return Err("not_allowed");
        }
        self.suspended = c.status == JackpotStatus::Suspended;
        self.closed_to.clone_from(&target);
        let Some(to) = target else { return Ok(Vec::new()) };
        let pool = |of: &str| format!("jackpot:liability of {of}");
        let mut moves = Vec::new();
        for (currency, units) in self.held.iter_mut().filter(|(_, units)| **units > 0) {
            moves.push((pool(of), pool(&to), *currency, *units));
            *units = 0;
        }
        for (currency, units) in reserve.iter().filter(|(_, units)| **units > 0) {
            moves.push((format!("jackpot:seed_reserve of {of}"), pool(&to), *currency, *units));
        }
        Ok(moves)
    }

    pub(super) fn sweep(
        &mut self,
        of: &str,
        parts: &[(CurrencyCode, i128, i128, i128)],
        c: &SweepJackpot,
    ) -> Moves {
        let mut moves = Vec::new();
        let pool = |of: &str| format!("jackpot:liability of {of}");
        for (currency, contributed, drawn, one) in parts.iter().copied() {
            self.add(currency, contributed - drawn);
            let held = self.held.get(&currency).copied().unwrap_or_default();
            let back = |to: &str| matches!(&c.origin, SweepOrigin::Jackpot(from) if from.as_str() == to);
            if let Some(to) = &self.closed_to {
                if held > 0 && !back(to) {
                    moves.push((pool(of), pool(to), currency, held));
                    self.add(currency, -held);
                }
                continue;
            }
            let Some(terms) = self.terms.clone().filter(|terms| terms.currency == currency) else { continue };
            let shard = matches!(c.origin, SweepOrigin::Shard(_));
            let rate = i128::from(terms.diversion.get());
            // Rounded down to the digits that pools have.
            let diverted = if shard && contributed > 0 { contributed / one * rate / 10_000 * one } else { 0 };
            let ceiling = terms.ceiling.map(|ceiling| eighteen(ceiling.to_decimal()));
            let above = ceiling.map_or(0, |ceiling| held - diverted - ceiling);
            let surplus = above.min(contributed - diverted).max(0);
            let (reserved, overflow) = match &terms.overflow {
                Some(to) if !back(to.as_str()) => (diverted, surplus),
                _ => (diverted + surplus, 0),
            };
            if reserved > 0 {
                moves.push((pool(of), format!("jackpot:seed_reserve of {of}"), currency, reserved));
            }
            if let Some(to) = terms.overflow.filter(|_| overflow > 0) {
                moves.push((pool(of), pool(to.as_str()), currency, overflow));
            }
            self.add(currency, -reserved - overflow);
        }
        moves
    }

    /// That a sweep goes on where the pool stands; then the pool stands where it ends.
    pub(super) fn advance(&mut self, c: &SweepJackpot) -> Result<(), &'static str> {
        let origin = match &c.origin {
            SweepOrigin::Shard(shard) => format!("shard {shard}"),
            SweepOrigin::Jackpot(jackpot) => format!("jackpot {jackpot}"),
        };
        let known = self.swept.entry(origin).or_default();
        if *known != c.after || c.up_to <= c.after {
            return Err("not_allowed");
        }
        *known = c.up_to;
        Ok(())
    }

    /// What the seed of the next pool moves; `one` is one unit of the currency.
    pub(super) fn award(
        &mut self,
        of: &str,
        one: i128,
        reserve: &BTreeMap<CurrencyCode, i128>,
        c: &AwardJackpot,
    ) -> Result<Moves, &'static str> {
        let terms = self.configured()?.clone();
        if self.suspended {
            return Err("not_allowed");
        }
        if terms.currency != c.currency {
            return Err("currency_mismatch");
        }
        if self.open.len() >= 1_000 {
            return Err("capacity_exceeded");
        }
        let held = self.held.get(&c.currency).copied().unwrap_or_default();
        let most = terms.must_hit_by.map_or(held, |most| held.min(eighteen(most.to_decimal())));
        let amount = most - most.rem_euclid(one);
        if amount <= 0 {
            return Err("exceeds_rest");
        }
        self.awards += 1;
        self.open.insert(self.awards, (c.currency, amount));
        let seed = eighteen(terms.seed.to_decimal());
        self.add(c.currency, seed - amount);
        let kept = reserve.get(&c.currency).copied().unwrap_or_default().min(seed);
        let pool = format!("jackpot:liability of {of}");
        let from = [
            (format!("jackpot:seed_reserve of {of}"), kept),
            (format!("jackpot:seed_cost of {of}"), seed - kept),
        ];
        let moved = from.into_iter().filter(|(_, units)| *units > 0);
        Ok(moved.map(|(from, units)| (from, pool.clone(), c.currency, units)).collect())
    }

    pub(super) fn settle(&mut self, c: &SettleJackpotAward) -> Judged {
        let (currency, units) = self.open.remove(&c.award).ok_or("not_allowed")?;
        if c.outcome == AwardOutcome::Refused {
            self.add(currency, units);
        }
        Ok("applied")
    }
}

/// A decimal in units of 10^-18.
pub(super) fn eighteen(amount: Decimal) -> i128 {
    amount.mantissa() * 10_i128.pow(18 - amount.scale())
}
