//! Exchange between a player's purses, as the model reads the rules.

use super::lots::Drawn;
use super::{Judged, Model};
use crate::exchange::{Exchange, ReverseExchange};
use crate::money::CurrencyCode;
use crate::policy::ShortfallPolicy;

#[derive(Debug, Clone)]
pub(super) struct ModelExchange {
    from: CurrencyCode,
    given: i128,
    to: CurrencyCode,
    got: i128,
    exact: i128,
    reversed: bool,
    /// What of the given was unplayed, and the lot it became.
    drawn: Drawn,
    lot: u64,
}

/// The whole number nearest to a fraction; of two as near, the even one.
fn nearest(n: i128, d: i128) -> i128 {
    let (whole, twice) = (n / d, n % d * 2);
    if twice > d || (twice == d && whole % 2 == 1) { whole + 1 } else { whole }
}

impl Model {
    /// The instant of the next commands.
    pub fn set_now(&mut self, now: crate::time::Timestamp) {
        self.now = now.as_micros();
    }

    /// How many of the finer units, in which exchange is counted, one unit of a currency is.
    pub(super) fn fine(&self, currency: CurrencyCode) -> Result<i128, &'static str> {
        let (scale, _) = self.purse(currency)?;
        Ok(10_i128.pow(u32::from((18 - scale).min(4))))
    }

    pub(super) fn free(&self, currency: CurrencyCode) -> i128 {
        self.balance("player:cash", currency) - self.balance("receivable:player", currency)
    }

    /// Books the house's side: its position in both currencies, and what rounding kept.
    fn turn_over(&mut self, x: &ModelExchange, sign: i128) -> Result<(), &'static str> {
        let (taken, got) = (x.given * self.fine(x.from)?, x.got * self.fine(x.to)?);
        self.add("fx:position", x.from, -sign * taken);
        self.add("fx:position", x.to, sign * x.exact);
        self.add("rounding", x.to, sign * (x.exact - got));
        Ok(())
    }

    pub(super) fn exchange(&mut self, c: &Exchange) -> Judged {
        let (base, quote) = (c.rate.base(), c.rate.quote());
        if (base, quote) != (c.from, c.to) && (base, quote) != (c.to, c.from) {
            return Err("not_allowed");
        }
        let age = self.now - c.rate.as_of().as_micros();
        if age.abs() > i64::from(self.policy.fx.max_age_secs) * 1_000_000 {
            return Err("not_allowed");
        }
        self.purse(c.from)?;
        let (to_scale, maximum) = self.purse(c.to)?;
        let given = self.units(c.amount, c.from)?;
        let (from_scale, _) = self.purse(c.from)?;
        let value = c.rate.rate().normalize();
        let (mantissa, digits) = (value.mantissa(), 10_i128.pow(value.scale()));
        let one = |scale: u8| 10_i128.pow(u32::from(scale));
        let (n, d) = if base == c.from {
            (given * mantissa * one(to_scale), digits * one(from_scale))
        } else {
            (given * digits * one(to_scale), mantissa * one(from_scale))
        };
        let got = nearest(n, d);
        let exact = nearest(n * self.fine(c.to)?, d);
        if got == 0 || got > maximum {
            return Err("invalid_amount");
        }
        if given > self.free(c.from) {
            return Err("insufficient_funds");
        }
        let drawn = self.leave(c.from, given, &[]);
        let unplayed: i128 = drawn.iter().map(|(_, units)| units).sum();
        let lot = self.seq;
        let x = ModelExchange { from: c.from, given, to: c.to, got, exact, reversed: false, drawn, lot };
        self.add("player:cash", x.from, -given);
        self.turn_over(&x, 1)?;
        let before = self.balance("player:cash", x.to);
        self.pay(x.to, got);
        let more = self.balance("player:cash", x.to) - before;
        // What was played stays so, rounded down.
        self.new_lot(x.to, more.min(got - got * (given - unplayed) / given));
        self.office.exchanges.insert((c.source.to_string(), c.id.to_string()), x);
        Ok("applied")
    }

    pub(super) fn reverse_exchange(&mut self, c: &ReverseExchange) -> Judged {
        let key = (c.source.to_string(), c.exchange.to_string());
        let x = self.office.exchanges.get(&key).cloned().ok_or("not_allowed")?;
        if x.reversed {
            return Err("already_rolled_back");
        }
        let policy = c.on_shortfall.unwrap_or(ShortfallPolicy::Reject);
        if policy == ShortfallPolicy::Reject && x.got > self.free(x.to) {
            return Err("insufficient_funds");
        }
        let cash = self.balance("player:cash", x.to).min(x.got);
        if policy == ShortfallPolicy::Retain && self.free(x.to) < x.got {
            return Ok("noop");
        }
        let missing = if policy == ShortfallPolicy::ZeroOut { "bad_debt" } else { "receivable:player" };
        self.leave(x.to, cash, &[x.lot]);
        self.put_back(x.from, &x.drawn);
        self.add("player:cash", x.to, -cash);
        self.add(missing, x.to, x.got - cash);
        self.turn_over(&x, -1)?;
        self.add("player:cash", x.from, x.given);
        self.office.exchanges.get_mut(&key).expect("the exchange").reversed = true;
        Ok("applied")
    }
}
