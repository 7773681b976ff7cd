//! The money of a withdrawal in parts: what a part of it takes with it of fee and unplayed money.
//!
//! A hold of `amount` took `amount + extra` from cash, played money first, then lots. So the first parts of it are
//! played money, and `extra` belongs to what came out of lots. All parts together are exactly the whole.

use crate::money::{Amount, AmountError, Rounding};
use crate::stored::Hold;
use crate::wallet::{first_of, less, total};

fn unless_zero(amount: Amount) -> Option<Amount> {
    Some(amount).filter(|amount| amount.is_positive())
}

impl Hold {
    fn zero(&self) -> Amount {
        Amount::zero(self.amount.scale())
    }

    /// What of the amount the player pays when it is sent.
    pub fn fee(&self) -> Amount {
        self.fee.unwrap_or(self.zero())
    }

    /// What was taken beside the amount for unplayed money in it.
    pub fn extra(&self) -> Amount {
        self.extra.unwrap_or(self.zero())
    }

    /// What a payment provider is told to pay: the amount less the fee.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if the two do not fit: the hold is damaged.
    pub fn payout(&self) -> Result<Amount, AmountError> {
        self.amount.checked_sub(self.fee())
    }

    /// What was taken from cash: the amount and what was taken beside it.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if the sum cannot be held: the hold is damaged.
    pub fn taken(&self) -> Result<Amount, AmountError> {
        self.amount.checked_add(self.extra())
    }

    /// What of the amount came out of lots, without what they cost.
    fn unplayed_part(&self) -> Result<Amount, AmountError> {
        total(self.zero(), &self.unplayed)?.checked_sub(self.extra())
    }

    /// The first part of the hold and the rest, the fee shared as the amount is.
    pub(super) fn split_off(&self, amount: Amount) -> Result<(Self, Self), AmountError> {
        let fee = self.fee().share(amount, self.amount, Rounding::Floor)?;
        self.divide(amount, fee)
    }

    /// What of a payout was paid and the rest. The fee stays with what was paid: it was earned.
    pub(super) fn paid_and_rest(&self, paid: Amount) -> Result<(Self, Self), AmountError> {
        self.divide(paid.checked_add(self.fee())?, self.fee())
    }

    fn divide(&self, amount: Amount, fee: Amount) -> Result<(Self, Self), AmountError> {
        let from_lots = self.unplayed_part()?;
        let played = self.amount.checked_sub(from_lots)?;
        let own = amount.checked_sub(amount.min(played)?)?;
        let extra = if own.is_zero() { own } else { self.extra().share(own, from_lots, Rounding::Floor)? };
        let unplayed = first_of(&self.unplayed, own.checked_add(extra)?)?;
        let part = Self { amount, fee: unless_zero(fee), extra: unless_zero(extra), unplayed };
        let rest = self.less(&part)?;
        Ok((part, rest))
    }

    /// What is left without a part of it.
    pub(super) fn less(&self, part: &Self) -> Result<Self, AmountError> {
        Ok(Self {
            amount: self.amount.checked_sub(part.amount)?,
            fee: unless_zero(self.fee().checked_sub(part.fee())?),
            extra: unless_zero(self.extra().checked_sub(part.extra())?),
            unplayed: less(&self.unplayed, &part.unplayed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stored::LotShare;

    fn cents(units: i128) -> Amount {
        Amount::new(units, 2).unwrap()
    }

    /// A hold of which `played` is played money, the rest from lots, at a fee for them.
    fn hold(played: i128, lots: &[i128], extra: i128, fee: i128) -> Hold {
        let unplayed: Vec<_> =
            (1..).zip(lots).map(|(lot, units)| LotShare { lot, amount: cents(*units) }).collect();
        Hold {
            amount: cents(played + lots.iter().sum::<i128>() - extra),
            fee: unless_zero(cents(fee)),
            extra: unless_zero(cents(extra)),
            unplayed,
        }
    }

    #[test]
    fn the_first_part_is_played_money_and_the_extra_follows_the_lots() {
        // T01 and P27: 30 played, 70 unplayed, 86 withdrawn for 14.
        let whole = hold(3_000, &[4_000, 3_000], 1_400, 200);
        assert_eq!((whole.amount, whole.taken()), (cents(8_600), Ok(cents(10_000))));
        let (first, rest) = whole.split_off(cents(5_000)).unwrap();
        assert_eq!(first, hold(3_000, &[2_500], 500, 116));
        assert_eq!((rest.amount, rest.extra(), rest.fee()), (cents(3_600), cents(900), cents(84)));
        let shares: Vec<_> = rest.unplayed.iter().map(|share| (share.lot, share.amount)).collect();
        assert_eq!(shares, [(1, cents(1_500)), (2, cents(3_000))]);
        let (paid, rest) = whole.paid_and_rest(cents(8_000)).unwrap();
        assert_eq!((paid.amount, paid.fee(), paid.payout()), (cents(8_200), cents(200), Ok(cents(8_000))));
        assert_eq!((rest.amount, rest.fee(), rest.extra()), (cents(400), cents(0), cents(100)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

        /// Whatever a hold is divided into, in whatever order: nothing is lost, nothing below zero, and each part
        /// takes of lots what its amount and extra need beyond its played money.
        #[test]
        fn parts_are_exactly_the_whole(
            played in 0..10_000_i128,
            lots in prop::collection::vec(1..10_000_i128, 0..4),
            (rate, fee) in (0..=9_999_i128, 0..=100_i128),
            cuts in prop::collection::vec(0..=1_000_i128, 0..5),
        ) {
            let unplayed: i128 = lots.iter().sum();
            let extra = unplayed * rate / 10_000;
            let amount = played + unplayed - extra;
            prop_assume!(amount > 0);
            let whole = hold(played, &lots, extra, amount * fee / 100);
            let (mut rest, mut parts) = (whole.clone(), Vec::new());
            for cut in cuts {
                let at = cents(rest.amount.units() * cut / 1_000);
                if at.is_zero() || at == rest.amount {
                    continue;
                }
                let (part, left) = rest.split_off(at).unwrap();
                parts.push(part);
                rest = left;
            }
            parts.push(rest);
            let sum = |of: &dyn Fn(&Hold) -> i128| parts.iter().map(of).sum::<i128>();
            prop_assert_eq!(sum(&|hold| hold.amount.units()), whole.amount.units());
            prop_assert_eq!(sum(&|hold| hold.fee().units()), whole.fee().units());
            prop_assert_eq!(sum(&|hold| hold.extra().units()), whole.extra().units());
            for lot in 1..=4 {
                let of = |hold: &Hold| {
                    let own = hold.unplayed.iter().filter(|share| share.lot == lot);
                    own.map(|share| share.amount.units()).sum::<i128>()
                };
                prop_assert_eq!(sum(&of), of(&whole), "lot {}", lot);
            }
            for part in &parts {
                let drawn: i128 = part.unplayed.iter().map(|share| share.amount.units()).sum();
                prop_assert!(drawn <= part.taken().unwrap().units(), "{:?}", part);
                prop_assert!(part.extra() <= cents(drawn) && part.fee() <= part.amount, "{:?}", part);
            }
        }
    }
}
