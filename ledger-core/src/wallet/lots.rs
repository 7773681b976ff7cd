//! Lots: what of a player's cash is the unplayed money of deposits (T01 to T07 in docs/scenarios.md).
//!
//! A deposit brings a lot if the player's jurisdiction asks for it; without lots nothing here costs anything. Cash
//! that is in no lot is played, or was never a deposit. An entry tells the lots that it changed, as they are after
//! it, so the fold has no rule. The rules:
//!
//! - A stake takes unplayed money first, the oldest lot first. What it took is recorded with the bet, and goes back
//!   to the same lots with the stake.
//! - What leaves cash in any other way takes played money first. Lots give way only where there is no other cash,
//!   the oldest first.
//! - Dormant money stays in its lots.
//! - A currency has at most [`LOTS_MAX`] lots; beyond that the two oldest become one, under the name of the younger.

use serde::{Deserialize, Serialize};

use super::Purse;
use super::state::Wallet;
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{LotAfter, LotShare};

/// The most lots of one purse; beyond it the oldest are merged.
pub const LOTS_MAX: usize = 32;

/// What of one deposit has not been played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The number of the entry that brought it: lots of higher numbers are younger.
    pub id: u64,
    /// The currency.
    pub currency: CurrencyCode,
    /// What of it has not been played; above zero.
    pub unplayed: Amount,
}

/// What an entry does to lots, beyond what it must: what is drawn from which, what goes back to which, and what it
/// brings.
#[derive(Debug, Clone, Default)]
pub(crate) struct LotMoves<'a> {
    /// What is played, or leaves.
    pub(crate) drawn: &'a [LotShare],
    /// What is unplayed again, and its currency.
    pub(crate) back: Option<(CurrencyCode, &'a [LotShare])>,
    /// A new lot in a currency: what the entry adds to cash, or so much of it.
    pub(crate) opens: Option<(CurrencyCode, Option<Amount>)>,
}

impl<'a> LotMoves<'a> {
    /// What is played, or leaves.
    pub(crate) fn drawn(drawn: &'a [LotShare]) -> Self {
        Self { drawn, ..Self::default() }
    }

    /// What is unplayed again.
    pub(crate) fn back(currency: CurrencyCode, back: &'a [LotShare]) -> Self {
        Self { back: Some((currency, back)), ..Self::default() }
    }

    /// A new lot of all that the entry adds to cash.
    pub(crate) fn opens(currency: CurrencyCode) -> Self {
        Self { opens: Some((currency, None)), ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.drawn.is_empty() && self.back.is_none_or(|(_, back)| back.is_empty()) && self.opens.is_none()
    }
}

/// The sum of shares, at the scale of a zero.
pub(crate) fn total(zero: Amount, shares: &[LotShare]) -> Result<Amount, AmountError> {
    shares.iter().try_fold(zero, |sum, share| sum.checked_add(share.amount))
}

/// The first shares of a list that add up to an amount, or all of them if they do not.
pub(crate) fn first_of<'a>(
    shares: impl IntoIterator<Item = &'a LotShare>,
    amount: Amount,
) -> Result<Vec<LotShare>, AmountError> {
    let (mut taken, mut rest) = (Vec::new(), amount);
    for share in shares {
        let part = share.amount.min(rest)?;
        if part.is_positive() {
            taken.push(LotShare { lot: share.lot, amount: part });
            rest = rest.checked_sub(part)?;
        }
    }
    Ok(taken)
}

/// What is left of shares after others are taken from them.
pub(crate) fn less(shares: &[LotShare], taken: &[LotShare]) -> Result<Vec<LotShare>, AmountError> {
    let mut left = shares.to_vec();
    for share in taken {
        for own in left.iter_mut().filter(|own| own.lot == share.lot) {
            own.amount = own.amount.checked_sub(share.amount)?;
        }
    }
    left.retain(|share| share.amount.is_positive());
    Ok(left)
}

/// What of a stake's unplayed money goes back when only `kept` of the stake stays: as if the stake had been that.
/// What was drawn last goes back first.
pub(crate) fn back_from(shares: &[LotShare], kept: Amount) -> Result<Vec<LotShare>, AmountError> {
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    let drawn = total(Amount::zero(kept.scale()), shares)?;
    let back = drawn.checked_sub(drawn.min(kept)?)?;
    first_of(shares.iter().rev(), back)
}

impl Wallet {
    /// The lots of unplayed money, the oldest first.
    pub fn lots(&self) -> &[Lot] {
        &self.lots
    }

    fn lots_of(&self, currency: CurrencyCode) -> impl Iterator<Item = &Lot> {
        self.lots.iter().filter(move |lot| lot.currency == currency)
    }

    /// What of a purse's cash, held apart from play, is the unplayed money of deposits.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if the lots are not at the purse's scale: the state is damaged.
    pub fn unplayed(&self, purse: &Purse) -> Result<Amount, AmountError> {
        let mut lots = self.lots_of(purse.currency().code());
        lots.try_fold(purse.currency().zero(), |sum, lot| sum.checked_add(lot.unplayed))
    }

    fn shares(&self, currency: CurrencyCode) -> Vec<LotShare> {
        self.lots_of(currency).map(|lot| LotShare { lot: lot.id, amount: lot.unplayed }).collect()
    }

    /// What of an amount comes from which lots, unplayed money first, the oldest lot first.
    pub(crate) fn draw(&self, currency: CurrencyCode, amount: Amount) -> Result<Vec<LotShare>, AmountError> {
        if self.lots.is_empty() { Ok(Vec::new()) } else { first_of(&self.shares(currency), amount) }
    }

    /// What of an amount comes from which lots if it takes some of them first, then played money, then the rest.
    pub(crate) fn draw_last(
        &self,
        purse: &Purse,
        amount: Amount,
        first: &[u64],
    ) -> Result<Vec<LotShare>, AmountError> {
        if self.lots.is_empty() {
            return Ok(Vec::new());
        }
        let zero = purse.currency().zero();
        let shares = self.shares(purse.currency().code());
        let (own, others): (Vec<_>, Vec<_>) = shares.iter().partition(|share| first.contains(&share.lot));
        let mut taken = first_of(own, amount)?;
        let from_own = total(zero, &taken)?;
        let forced = amount.checked_sub(from_own)?.checked_sub(self.played(purse)?)?;
        if forced.is_positive() {
            taken.extend(first_of(others, forced)?);
        }
        Ok(taken)
    }

    /// What the player can bet of a purse that was played, or was never a deposit: never below zero. A debt is paid from
    /// played money. Dormant money is in its lots, but not available.
    ///
    /// # Errors
    ///
    /// [`AmountError`] as of [`Self::unplayed`].
    pub(crate) fn free_of_lots(&self, purse: &Purse) -> Result<Amount, AmountError> {
        let available = purse.available();
        let own = available.checked_add(purse.dormant())?.checked_sub(self.unplayed(purse)?)?;
        let played = own.min(available)?;
        Ok(if played.is_negative() { purse.currency().zero() } else { played })
    }

    /// What of a purse's cash is in no lot.
    fn played(&self, purse: &Purse) -> Result<Amount, AmountError> {
        let own = purse.cash().checked_add(purse.dormant())?;
        let played = own.checked_sub(self.unplayed(purse)?)?.min(purse.cash())?;
        Ok(if played.is_negative() { purse.currency().zero() } else { played })
    }

    /// The lots that an entry changes, as they are after it. `touched` are the purses after it.
    pub(crate) fn lots_after(
        &self,
        entry: u64,
        touched: &[Purse],
        moves: &LotMoves<'_>,
    ) -> Result<Vec<LotAfter>, AmountError> {
        if self.lots.is_empty() && moves.is_empty() {
            return Ok(Vec::new());
        }
        let mut plan = Plan { lots: self.lots.clone() };
        plan.take(moves.drawn)?;
        if let Some((currency, back)) = moves.back {
            plan.give_back(currency, back)?;
        }
        for purse in touched {
            if let Some((_, amount)) = moves.opens.filter(|(opened, _)| *opened == purse.currency().code()) {
                let before = self.purse(purse.currency().code()).map_or(purse.currency().zero(), Purse::cash);
                let more = purse.cash().checked_sub(before)?;
                let more = amount.map_or(Ok(more), |amount| more.min(amount))?;
                if more.is_positive() {
                    plan.lots.push(Lot { id: entry, currency: purse.currency().code(), unplayed: more });
                }
            }
            plan.fit(purse)?;
            plan.merge(purse.currency().code())?;
        }
        Ok(plan.changes(&self.lots))
    }

    /// Takes the lots over that an entry states.
    pub(super) fn evolve_lots(&mut self, after: &[LotAfter]) -> Result<(), Fault> {
        for change in after {
            let purse = self.purse(change.currency).ok_or_else(|| {
                Fault::corrupted(format!("lot {} is in {}, without a purse", change.lot, change.currency))
            })?;
            if change.unplayed.scale() != purse.currency().scale() || change.unplayed.is_negative() {
                return Err(Fault::corrupted(format!(
                    "{} cannot be left of lot {}",
                    change.unplayed, change.lot
                )));
            }
            let lot = Lot { id: change.lot, currency: change.currency, unplayed: change.unplayed };
            let at = self.lots.partition_point(|own| own.id < lot.id);
            match self.lots.get_mut(at).filter(|own| own.id == lot.id) {
                Some(own) if own.currency != lot.currency => {
                    return Err(Fault::corrupted(format!("lot {} is in two currencies", lot.id)));
                }
                Some(_) if lot.unplayed.is_zero() => drop(self.lots.remove(at)),
                Some(own) => *own = lot,
                None if lot.unplayed.is_zero() => {}
                None => self.lots.insert(at, lot),
            }
        }
        Ok(())
    }
}

/// The lots while an entry is built.
struct Plan {
    lots: Vec<Lot>,
}

impl Plan {
    fn take(&mut self, shares: &[LotShare]) -> Result<(), AmountError> {
        for share in shares {
            for lot in self.lots.iter_mut().filter(|lot| lot.id == share.lot) {
                lot.unplayed = lot.unplayed.checked_sub(share.amount.min(lot.unplayed)?)?;
            }
        }
        Ok(())
    }

    fn give_back(&mut self, currency: CurrencyCode, shares: &[LotShare]) -> Result<(), AmountError> {
        for share in shares {
            match self.lots.iter_mut().find(|lot| lot.id == share.lot) {
                Some(lot) => lot.unplayed = lot.unplayed.checked_add(share.amount)?,
                None => {
                    let at = self.lots.partition_point(|lot| lot.id < share.lot);
                    self.lots.insert(at, Lot { id: share.lot, currency, unplayed: share.amount });
                }
            }
        }
        Ok(())
    }

    fn of(&mut self, currency: CurrencyCode) -> impl Iterator<Item = &mut Lot> {
        self.lots.iter_mut().filter(move |lot| lot.currency == currency)
    }

    /// Lots give way where there is less cash than they have, the oldest first.
    fn fit(&mut self, purse: &Purse) -> Result<(), AmountError> {
        let own = purse.cash().checked_add(purse.dormant())?;
        let zero = purse.currency().zero();
        let all =
            self.of(purse.currency().code()).try_fold(zero, |sum, lot| sum.checked_add(lot.unplayed))?;
        let mut beyond = all.checked_sub(all.min(own)?)?;
        for lot in self.of(purse.currency().code()) {
            let part = lot.unplayed.min(beyond)?;
            lot.unplayed = lot.unplayed.checked_sub(part)?;
            beyond = beyond.checked_sub(part)?;
        }
        Ok(())
    }

    /// The oldest lots of a currency become one while there are too many.
    fn merge(&mut self, currency: CurrencyCode) -> Result<(), AmountError> {
        let count = self.of(currency).filter(|lot| lot.unplayed.is_positive()).count();
        let mut moved: Option<Amount> = None;
        let mut beyond = count.saturating_sub(LOTS_MAX);
        for lot in self.of(currency).filter(|lot| lot.unplayed.is_positive()) {
            if let Some(older) = moved.take() {
                lot.unplayed = lot.unplayed.checked_add(older)?;
            }
            if beyond == 0 {
                break;
            }
            beyond = beyond.saturating_sub(1);
            moved = Some(lot.unplayed);
            lot.unplayed = Amount::zero(lot.unplayed.scale());
        }
        Ok(())
    }

    fn changes(self, before: &[Lot]) -> Vec<LotAfter> {
        let was = |lot: &Lot| before.iter().find(|old| old.id == lot.id).map(|old| old.unplayed);
        let mut changed = Vec::new();
        for lot in self.lots {
            if was(&lot).map_or(lot.unplayed.is_positive(), |old| old != lot.unplayed) {
                changed.push(LotAfter { lot: lot.id, currency: lot.currency, unplayed: lot.unplayed });
            }
        }
        changed
    }
}
