//! Unplayed money of deposits, as the model reads the rules: unit by unit, the oldest first.

use std::collections::BTreeMap;

use super::Model;
use crate::money::CurrencyCode;
use crate::policy::UnplayedMoney;

/// Units by lot, in the order they were drawn.
pub(super) type Drawn = Vec<(u64, i128)>;

/// The unplayed money of one player: units by currency and lot. Lots of higher numbers are younger.
#[derive(Debug, Clone, Default)]
pub(super) struct Lots(BTreeMap<(CurrencyCode, u64), i128>);

fn greedy(lots: impl Iterator<Item = (u64, i128)>, mut units: i128) -> Drawn {
    let mut drawn = Vec::new();
    for (lot, has) in lots {
        let part = has.min(units);
        if part > 0 {
            drawn.push((lot, part));
        }
        units -= part.max(0);
    }
    drawn
}

impl Lots {
    fn of(&self, currency: CurrencyCode) -> Vec<(u64, i128)> {
        self.0.iter().filter(|((own, _), _)| *own == currency).map(|((_, lot), has)| (*lot, *has)).collect()
    }

    fn sum(&self, currency: CurrencyCode) -> i128 {
        self.of(currency).iter().map(|(_, has)| has).sum()
    }

    /// The most units of a list.
    pub(super) fn first(drawn: &[(u64, i128)], units: i128) -> Drawn {
        greedy(drawn.iter().copied(), units)
    }

    /// What is not kept of what was drawn for a stake: what was drawn last goes first.
    pub(super) fn beyond(drawn: &[(u64, i128)], kept: i128) -> Drawn {
        let all: i128 = drawn.iter().map(|(_, units)| units).sum();
        greedy(drawn.iter().rev().copied(), all - kept)
    }

    /// What remains of a list.
    pub(super) fn without(drawn: &[(u64, i128)], gone: &[(u64, i128)]) -> Drawn {
        let gone: BTreeMap<u64, i128> = gone.iter().copied().collect();
        let left =
            drawn.iter().map(|(lot, units)| (*lot, units - gone.get(lot).copied().unwrap_or_default()));
        left.filter(|(_, units)| *units > 0).collect()
    }
}

impl Model {
    pub(super) fn rule_of_unplayed(&self) -> UnplayedMoney {
        self.profile().unplayed
    }

    /// What of each lot is unplayed, in the order of age, by currency.
    pub fn unplayed(&self) -> BTreeMap<CurrencyCode, Vec<i128>> {
        let mut all: BTreeMap<CurrencyCode, Vec<i128>> = BTreeMap::new();
        for ((currency, _), units) in &self.lots.0 {
            all.entry(*currency).or_default().push(*units);
        }
        all
    }

    pub(super) fn unplayed_in(&self, currency: CurrencyCode) -> i128 {
        self.lots.sum(currency)
    }

    /// What he can bet that is in no lot.
    pub(super) fn played_free(&self, currency: CurrencyCode) -> i128 {
        let free = self.balance("player:cash", currency) - self.balance("receivable:player", currency);
        (free + self.balance("player:dormant", currency) - self.unplayed_in(currency)).min(free).max(0)
    }

    /// A stake is played: unplayed money first.
    pub(super) fn play(&mut self, currency: CurrencyCode, units: i128) -> Drawn {
        let drawn = greedy(self.lots.of(currency).into_iter(), units);
        self.draw(currency, &drawn);
        drawn
    }

    /// Cash will leave: some lots first, then played money, then the other lots.
    pub(super) fn leave(&mut self, currency: CurrencyCode, units: i128, first: &[u64]) -> Drawn {
        let lots = self.lots.of(currency);
        let mut drawn = greedy(lots.iter().copied().filter(|(lot, _)| first.contains(lot)), units);
        let own: i128 = drawn.iter().map(|(_, units)| units).sum();
        let cash = self.balance("player:cash", currency);
        let all = cash + self.balance("player:dormant", currency);
        let played = (all - self.lots.sum(currency)).min(cash).max(0);
        let rest = lots.into_iter().filter(|(lot, _)| !first.contains(lot));
        drawn.extend(greedy(rest, units - own - played));
        self.draw(currency, &drawn);
        drawn
    }

    pub(super) fn draw(&mut self, currency: CurrencyCode, drawn: &[(u64, i128)]) {
        for (lot, units) in drawn {
            if let Some(has) = self.lots.0.get_mut(&(currency, *lot)) {
                *has -= units;
            }
        }
        self.lots.0.retain(|_, units| *units > 0);
    }

    pub(super) fn put_back(&mut self, currency: CurrencyCode, drawn: &[(u64, i128)]) {
        for (lot, units) in drawn {
            *self.lots.0.entry((currency, *lot)).or_default() += units;
        }
    }

    /// A deposit, or what became of one, brings a lot of so much.
    pub(super) fn new_lot(&mut self, currency: CurrencyCode, units: i128) -> u64 {
        if units > 0 {
            self.lots.0.insert((currency, self.seq), units);
        }
        self.seq
    }

    /// There is never more unplayed money than money, and never more than 32 lots of a currency.
    pub(super) fn fit_lots(&mut self) {
        let currencies: Vec<CurrencyCode> = self.unplayed().into_keys().collect();
        for currency in currencies {
            let own = self.balance("player:cash", currency) + self.balance("player:dormant", currency);
            let beyond = self.lots.sum(currency) - own;
            let gone = greedy(self.lots.of(currency).into_iter(), beyond);
            self.draw(currency, &gone);
            while self.lots.of(currency).len() > 32 {
                let mut all = self.lots.of(currency).into_iter();
                let (Some(oldest), Some(second)) = (all.next(), all.next()) else { return };
                self.lots.0.remove(&(currency, oldest.0));
                self.put_back(currency, &[(second.0, oldest.1)]);
            }
        }
    }
}
