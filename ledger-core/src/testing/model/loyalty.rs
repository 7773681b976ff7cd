//! Loyalty points, as the model reads the rules.

use std::collections::BTreeMap;

use super::{Judged, Model};
use crate::bonus::{GrantBonus, Played};
use crate::ids::GameType;
use crate::loyalty::{AdjustPoints, EarnPoints, ExpirePoints, SpendPoints};
use crate::money::CurrencyCode;
use crate::policy::LoyaltyTerms;

/// The points of one programme.
#[derive(Debug, Clone, Default)]
pub(super) struct ModelPoints {
    has: u64,
    touched: i64,
    given_to: BTreeMap<CurrencyCode, i64>,
}

impl Model {
    fn programme(&self, name: &str) -> Result<LoyaltyTerms, &'static str> {
        let mut all = self.policy.loyalty.iter();
        all.find(|(own, _)| own.as_str() == name).map(|(_, terms)| terms.clone()).ok_or("not_allowed")
    }

    /// Points that were not touched for too long are none.
    fn points_left(&self, name: &str, terms: &LoyaltyTerms) -> u64 {
        let Some(points) = self.points.get(name) else { return 0 };
        let over = terms.expires_after_secs.map(|secs| points.touched + i64::from(secs) * 1_000_000);
        if over.is_some_and(|over| over <= self.now) { 0 } else { points.has }
    }

    fn set_points(&mut self, name: &str, has: u64, touches: bool) {
        let now = self.now;
        let points = self
            .points
            .entry(name.to_owned())
            .or_insert(ModelPoints { touched: now, ..ModelPoints::default() });
        points.has = has;
        if touches {
            points.touched = now;
        }
    }

    /// What was played, by product; or why it cannot be looked at.
    pub(super) fn read_played(
        &self,
        played: &Played,
        currency: CurrencyCode,
    ) -> Result<Vec<(GameType, i128)>, &'static str> {
        if played.products.len() > 64 {
            return Err("capacity_exceeded");
        }
        if played.from >= played.to || played.to.as_micros() > self.now {
            return Err("not_allowed");
        }
        let mut all: Vec<(GameType, i128)> = Vec::new();
        for product in &played.products {
            if all.iter().any(|(own, _)| *own == product.product) {
                return Err("not_allowed");
            }
            let stakes = self.units(product.stakes, currency)?;
            self.units(product.wins, currency)?;
            all.push((product.product.clone(), stakes));
        }
        self.units(played.bonus_wins, currency)?;
        Ok(all)
    }

    pub(super) fn earn_points(&mut self, c: &EarnPoints) -> Judged {
        let name = c.programme.to_string();
        self.purse(c.currency)?;
        let terms = self.programme(&name)?;
        let played = self.read_played(&c.played, c.currency)?;
        let given = self.points.get(&name).and_then(|points| points.given_to.get(&c.currency));
        if given.is_some_and(|given| c.played.from.as_micros() < *given) {
            return Err("not_allowed");
        }
        let price = terms.stake_per_point.get(&c.currency).ok_or("currency_mismatch")?;
        let price = self.units(price.to_decimal(), c.currency)?;
        let mut counts = 0;
        for (product, stakes) in played {
            let rate =
                terms.weights.get(&product).or(terms.others.as_ref()).map_or(10_000, |rate| rate.get());
            counts += stakes * i128::from(rate) / 10_000;
        }
        let new = u64::try_from(counts / price).expect("few points");
        let has = self.points_left(&name, &terms) + new;
        self.set_points(&name, has, new > 0);
        let points = self.points.get_mut(&name).expect("just set");
        points.given_to.insert(c.currency, c.played.to.as_micros());
        Ok("applied")
    }

    pub(super) fn spend_points(&mut self, c: &SpendPoints) -> Judged {
        let name = c.programme.to_string();
        self.purse(c.currency)?;
        let terms = self.programme(&name)?;
        let worth = terms.worth.get(&c.currency).ok_or("currency_mismatch")?;
        if c.points == 0 || !c.points.is_multiple_of(worth.points) {
            return Err("mismatch");
        }
        let left = self.points_left(&name, &terms).checked_sub(c.points).ok_or("not_allowed")?;
        let grant = GrantBonus {
            source: c.source.clone(),
            id: c.id.clone(),
            terms: terms.into.clone(),
            currency: c.currency,
            amount: Some(worth.amount.to_decimal() * rust_decimal::Decimal::from(c.points / worth.points)),
            ..crate::testing::commands::grant_bonus("-", "1")
        };
        let judged = self.grant_bonus(&grant)?;
        self.set_points(&name, left, true);
        Ok(judged)
    }

    pub(super) fn expire_points(&mut self, c: &ExpirePoints) -> Judged {
        let name = c.programme.to_string();
        let terms = self.programme(&name)?;
        let has = self.points.get(&name).map_or(0, |points| points.has);
        if has == 0 || self.points_left(&name, &terms) > 0 {
            return Err("not_allowed");
        }
        self.set_points(&name, 0, false);
        Ok("applied")
    }

    pub(super) fn adjust_points(&mut self, c: &AdjustPoints) -> Judged {
        let name = c.programme.to_string();
        if c.by == c.approved_by {
            return Err("not_allowed");
        }
        let terms = self.programme(&name)?;
        if c.points == 0 {
            return Ok("noop");
        }
        let left = self.points_left(&name, &terms).checked_add_signed(c.points).ok_or("not_allowed")?;
        self.set_points(&name, left, true);
        Ok("applied")
    }

    /// The points of every programme that was ever joined.
    pub fn points(&self) -> Vec<(String, u64)> {
        self.points.iter().map(|(name, points)| (name.clone(), points.has)).collect()
    }
}
