//! Bonus awards, as the model reads the rules.

use super::rounds::{Key, ModelBet};
use super::{Judged, Model};
use crate::bonus::{ClaimBonus, CompleteMission, ExpireBonus, ForfeitBonus, GrantBonus, OfferBonus};
use crate::money::{Amount, CurrencyCode};
use crate::player::Block;
use crate::player_ledger::PlayerCommand;
use crate::policy::{
    AboveMaxBet, BonusRestrictions, BonusTerms, CashbackOf, FundOrder, MaxConversion, OnLeaving,
    OnWithdrawal, Policy, Principal, Reward, SourceSwitch, WageringBase, WageringCount,
};
use crate::round::{Funds, PlaceBet};
use crate::stored::ExclusionKind;

/// So much of which award, in the order in which it was staked.
pub(super) type Shares = Vec<(String, i128)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// The player may have it, if he wants.
    Offered,
    Waits,
    Plays,
    /// All is wagered, and something of it is in a round.
    Done,
    Over,
}

#[derive(Debug, Clone)]
pub(super) struct ModelAward {
    name: String,
    campaign: String,
    currency: CurrencyCode,
    units: i128,
    target: i128,
    progress: i128,
    /// What one bet may stake.
    most_staked: Option<i128>,
    /// What of it became cash while it was played with.
    let_go: i128,
    terms: BonusTerms,
    life: Life,
    /// What was offered: the name of the terms, and how much if the offer says it.
    offer: (crate::ids::TermsName, Option<rust_decimal::Decimal>),
    ends: Option<i64>,
    deposit: Option<(String, String)>,
}

impl ModelAward {
    fn is_booked(&self) -> bool {
        matches!(self.life, Life::Plays | Life::Done)
    }
}

pub(super) fn total(shares: &Shares) -> i128 {
    shares.iter().map(|(_, units)| units).sum()
}

fn without(shares: &Shares, gone: &Shares) -> Shares {
    let left = |(name, units): &(String, i128)| {
        let gone: i128 = gone.iter().filter(|(other, _)| other == name).map(|(_, units)| units).sum();
        (name.clone(), units - gone)
    };
    shares.iter().map(left).filter(|(_, units)| *units > 0).collect()
}

fn join(all: &mut Shares, more: &Shares) {
    for (name, units) in more {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += units,
            None => all.push((name.clone(), *units)),
        }
    }
}

/// A win by the sources of a stake.
fn of_win(win: i128, money: i128, sources: &Shares) -> Shares {
    let whole = money + total(sources);
    let mut shares: Shares =
        sources.iter().map(|(name, units)| (name.clone(), win * units / whole)).collect();
    let rest = win - total(&shares);
    if let (0, Some((_, first))) = (money, shares.first_mut()) {
        *first += rest;
    }
    shares.retain(|(_, units)| *units > 0);
    shares
}

/// A part of what has these sources: no source gives more than it has.
fn of_part(part: i128, money: i128, sources: &[i128]) -> Vec<i128> {
    let whole = money + sources.iter().sum::<i128>();
    if whole == 0 {
        return vec![0; sources.len()];
    }
    let mut shares: Vec<i128> = sources.iter().map(|units| units * part / whole).collect();
    let mut over = (part - shares.iter().sum::<i128>() - money).max(0);
    for (share, has) in shares.iter_mut().zip(sources) {
        let more = over.min(has - *share);
        *share += more;
        over -= more;
    }
    shares
}

impl ModelBet {
    /// The bonus credits of its stake that did not go back.
    pub(super) fn staked_bonus(&self) -> Shares {
        without(&self.bonus, &self.returned_bonus)
    }

    /// What of them is held while it is open.
    pub(super) fn rest_bonus(&self) -> Shares {
        without(&self.staked_bonus(), &self.cashed_bonus)
    }

    pub(super) fn staked_money(&self) -> i128 {
        self.staked() - total(&self.staked_bonus())
    }

    pub(super) fn rest_money(&self) -> i128 {
        self.rest() - total(&self.rest_bonus())
    }

    /// What of a part of it is bonus credits, of what is held or of all that was staked.
    pub(super) fn bonus_of_part(&self, part: i128, held: bool) -> Shares {
        let (money, bonus) = if held {
            (self.rest_money(), self.rest_bonus())
        } else {
            (self.staked_money(), self.staked_bonus())
        };
        let units: Vec<i128> = bonus.iter().map(|(_, units)| *units).collect();
        let parts = of_part(part, money, &units);
        let mut shares: Shares = bonus.into_iter().map(|(name, _)| name).zip(parts).collect();
        shares.retain(|(_, units)| *units > 0);
        shares
    }
}

pub(super) fn sum(shares: &Shares) -> i128 {
    total(shares)
}

/// How a stake is paid.
pub(super) struct Paid {
    pub(super) cash: i128,
    pub(super) owed: i128,
    pub(super) bonus: Shares,
    pub(super) counts: Option<(String, i128)>,
    /// It is more than the terms of a bonus that it touches let one bet be.
    pub(super) too_high: bool,
}

impl Model {
    fn nth(&mut self, at: usize) -> &mut ModelAward {
        self.awards.get_mut(at).expect("an award")
    }

    fn award(&self, name: &str) -> &ModelAward {
        self.awards.iter().find(|award| award.name == name).expect("an award")
    }

    fn credits(&self, award: &ModelAward) -> i128 {
        self.balance(&format!("player:bonus of {}", award.name), award.currency)
    }

    /// What of an award is in rounds.
    fn in_rounds(&self, award: &ModelAward) -> i128 {
        let end = format!("/{}", award.name);
        let of = |((name, currency), units): (&(String, CurrencyCode), &i128)| {
            let held = name.starts_with("player:bonus_held of ") && name.ends_with(&end);
            (held && *currency == award.currency).then_some(*units)
        };
        self.accounts.iter().filter_map(of).sum()
    }

    fn term(&self, amount: Option<&Amount>, currency: CurrencyCode) -> Result<Option<i128>, &'static str> {
        amount.map(|amount| self.units(amount.to_decimal(), currency)).transpose().map_err(|_| "not_allowed")
    }

    /// How a stake is paid, and what it counts.
    pub(super) fn fund(
        &self,
        c: &PlaceBet,
        units: i128,
        at_once: bool,
        may_owe: bool,
    ) -> Result<Paid, &'static str> {
        let has = self.balance("player:cash", c.currency);
        let free = has - self.balance("receivable:player", c.currency);
        let now = self.now;
        let playing: Vec<&ModelAward> = self
            .awards
            .iter()
            .filter(|award| {
                award.life == Life::Plays
                    && award.currency == c.currency
                    && award.ends.is_none_or(|end| now < end)
                    && award.progress < award.target
            })
            .collect();
        let own = |award: &&&ModelAward| award.terms.product.is_some() && award.terms.product == c.game_type;
        let of_all = playing.iter().find(|award| award.terms.product.is_none());
        let is_off = self.of_source(c.source.as_str()).switches.contains(&SourceSwitch::BonusesOff);
        let award = playing.iter().find(own).or(of_all).copied().filter(|_| !is_off);
        let above = award.and_then(|award| award.most_staked).is_some_and(|most| units > most);
        let alone = award.is_some_and(|award| award.terms.max_bet.above == AboveMaxBet::CashOnly);
        let mut weight = award.map_or(0, |award| weight(&award.terms, c));
        let may_buy = award.is_some_and(|award| award.terms.buy_feature);
        if above && alone {
            weight = 0;
        }
        let waits = award.is_some_and(|award| award.terms.post_paid);
        let may = weight > 0 && !waits && !at_once && (may_buy || !c.buys_feature);
        let counting = |cash: i128, bonus: i128| -> i128 {
            let counted = match award.map(|award| award.terms.wagering.counts) {
                Some(WageringCount::AllBets) => cash + bonus,
                Some(WageringCount::RealBets) => cash,
                Some(WageringCount::BonusBets) => bonus,
                None => 0,
            };
            counted * i128::from(weight) / 10_000
        };
        // Of what the player cannot pay the first reason against it is told.
        let wanted = may && c.funds != Funds::Cash;
        let lacks = if above && !alone && (wanted || counting(units, 0) > 0) {
            "bonus_rule"
        } else {
            "insufficient_funds"
        };
        let credits = award.map_or(0, |award| self.credits(award));
        match (c.funds, award) {
            (Funds::Bonus, None) => return Err("bonus_rule"),
            (Funds::Bonus, Some(_)) if !may => return Err("bonus_rule"),
            (Funds::ByPolicy, Some(_))
                if !may && units > 0 && units > free && credits > 0 && units <= free.max(0) + credits =>
            {
                return Err("bonus_rule");
            }
            _ => {}
        }
        let mut paid = Paid { cash: units, owed: 0, bonus: Vec::new(), counts: None, too_high: false };
        match award.filter(|_| may && c.funds != Funds::Cash && units > 0) {
            Some(award) => {
                let cash = if c.funds == Funds::Bonus { 0 } else { free.max(0) };
                let bonus = match award.terms.funds {
                    FundOrder::BonusFirst => units.min(credits),
                    FundOrder::CashFirst => units - units.min(cash),
                };
                if bonus <= credits && units - bonus <= cash {
                    paid.cash = units - bonus;
                    if bonus > 0 {
                        paid.bonus.push((award.name.clone(), bonus));
                    }
                } else if c.funds == Funds::Bonus || !may_owe {
                    return Err(lacks);
                } else {
                    paid.owed = (units - has).max(0);
                    paid.cash = units - paid.owed;
                }
            }
            None if units > 0 && units > free => {
                if !may_owe {
                    return Err(lacks);
                }
                paid.owed = (units - has).max(0);
                paid.cash = units - paid.owed;
            }
            None => {}
        }
        if let Some(award) = award {
            let bonus = total(&paid.bonus);
            let worth = counting(units - bonus, bonus);
            let counts = worth.min(award.target - award.progress);
            paid.too_high = above && !alone && (bonus > 0 || counts > 0);
            paid.counts = (counts > 0).then(|| (award.name.clone(), counts));
        }
        Ok(paid)
    }

    pub(super) fn wager(&mut self, name: &str, units: i128) {
        self.awards.iter_mut().find(|award| award.name == name).expect("an award").progress += units;
    }

    /// What a bet counted goes back with a part of its stake. Answers with how much.
    pub(super) fn uncount(&mut self, bet: &ModelBet, part: i128, kept: i128) -> i128 {
        let Some((name, counted)) = &bet.counts else { return 0 };
        let rest = counted - bet.uncounted;
        let units = if kept == 0 { rest } else { (counted * part / bet.units).min(rest) };
        let award = self.awards.iter_mut().find(|award| award.name == *name).expect("an award");
        if award.is_booked() {
            award.progress -= units;
        }
        units
    }

    fn held_for(key: &Key, name: &str) -> String {
        format!("player:bonus_held of {}/{}/{name}", key.0, key.1)
    }

    pub(super) fn hold_bonus(&mut self, key: &Key, currency: CurrencyCode, shares: &Shares) {
        for (name, units) in shares {
            self.add(&format!("player:bonus of {name}"), currency, -units);
            self.add(&Self::held_for(key, name), currency, *units);
        }
    }

    pub(super) fn take_bonus(&mut self, key: &Key, currency: CurrencyCode, game: &str, shares: &Shares) {
        for (name, units) in shares {
            self.add(&Self::held_for(key, name), currency, -units);
            self.add(&format!("bonus:stakes of {game}"), currency, *units);
        }
    }

    pub(super) fn hold_bonus_again(
        &mut self,
        key: &Key,
        currency: CurrencyCode,
        game: &str,
        shares: &Shares,
    ) {
        for (name, units) in shares {
            self.add(&Self::held_for(key, name), currency, *units);
            self.add(&format!("bonus:stakes of {game}"), currency, -units);
        }
    }

    /// To an award, or to what is forfeited if it is over. Answers whether it is the award's.
    fn give(&mut self, name: &str, currency: CurrencyCode, units: i128) -> bool {
        let award = self.award(name);
        let (is_booked, campaign) = (award.is_booked(), award.campaign.clone());
        let to = if is_booked {
            format!("player:bonus of {name}")
        } else {
            format!("bonus:forfeited of {campaign}")
        };
        self.add(&to, currency, units);
        is_booked
    }

    /// Stakes go back, out of a round or out of the stakes of a game.
    pub(super) fn restore_bonus(
        &mut self,
        key: &Key,
        currency: CurrencyCode,
        game: Option<&str>,
        shares: &Shares,
    ) {
        for (name, units) in shares {
            let from =
                game.map_or_else(|| Self::held_for(key, name), |game| format!("bonus:stakes of {game}"));
            self.add(&from, currency, -units);
            self.give(name, currency, *units);
        }
    }

    /// The money and the awards staked on what a win answers.
    pub(super) fn sources(&self, key: &Key, bet: Option<&str>, before: Option<i128>) -> (i128, Shares) {
        let round = self.rounds.get(key).expect("a round");
        let early = |bet: &&ModelBet| before.is_none_or(|before| i128::from(bet.seq) < before);
        let named = bet.and_then(|id| round.bet(id)).filter(early).map(|bet| bet.seq);
        let stands = |bet: &&ModelBet| bet.stake != super::rounds::Stake::Returned;
        let (mut money, mut shares) = (0, Vec::new());
        let all = round.bets.iter().filter(stands).filter(early);
        for bet in all.filter(|bet| named.is_none_or(|named| named == bet.seq)) {
            money += bet.rest_money();
            join(&mut shares, &bet.rest_bonus());
        }
        (money, shares)
    }

    /// Pays a win to where its stakes came from. Answers with what awards got, and what was forfeited.
    pub(super) fn pay_out(
        &mut self,
        payer: &ModelBet,
        currency: CurrencyCode,
        units: i128,
        (money, sources): &(i128, Shares),
    ) -> (Shares, Shares) {
        let shares = if sources.is_empty() { Vec::new() } else { of_win(units, *money, sources) };
        let cash = units - total(&shares);
        self.add(&payer.pays_from(), currency, cash);
        self.pay(currency, cash);
        let (mut won, mut lost) = (Vec::new(), Vec::new());
        for (name, units) in shares {
            self.add(&format!("bonus:payouts of {}", payer.game), currency, units);
            if self.give(&name, currency, units) { won.push((name, units)) } else { lost.push((name, units)) }
        }
        (won, lost)
    }

    /// Takes bonus wins back, as far as they are there; `None` if the source leaves spent wins alone.
    pub(super) fn take_bonus_wins(
        &mut self,
        game: &str,
        currency: CurrencyCode,
        won: &Shares,
        lost: &Shares,
        policy: crate::policy::ShortfallPolicy,
    ) -> Result<bool, &'static str> {
        use crate::policy::ShortfallPolicy::{Reject, Retain};
        for (name, units) in won {
            let award = self.award(name).clone();
            let has = if award.is_booked() { self.credits(&award) } else { 0 };
            let is_spent = award.is_booked() && has < *units;
            match policy {
                Reject if is_spent => return Err("insufficient_funds"),
                Retain if is_spent => return Ok(false),
                _ => {}
            }
            let taken = has.min(*units);
            self.add(&format!("player:bonus of {name}"), currency, -taken);
            self.add(&format!("bonus:payouts of {game}"), currency, -taken);
        }
        for (name, units) in lost {
            let campaign = self.award(name).campaign.clone();
            self.add(&format!("bonus:forfeited of {campaign}"), currency, -units);
            self.add(&format!("bonus:payouts of {game}"), currency, -units);
        }
        Ok(true)
    }

    /// A part of a win, by the ratio in which it was paid.
    pub(super) fn part_of_win(
        part: i128,
        units: i128,
        won: &Shares,
        lost: &Shares,
    ) -> (i128, Shares, Shares) {
        let sources: Vec<i128> = won.iter().chain(lost).map(|(_, units)| *units).collect();
        let money = units - sources.iter().sum::<i128>();
        let parts = of_part(part, money, &sources);
        let cash = part - parts.iter().sum::<i128>();
        let name = |(share, units): (&(String, i128), &i128)| (share.0.clone(), *units);
        let (first, second) = parts.split_at(won.len());
        let first = won.iter().zip(first).map(name).collect();
        (cash, first, lost.iter().zip(second).map(name).collect())
    }

    /// Shares less others, and together with others.
    pub(super) fn less(shares: &Shares, gone: &Shares) -> Shares {
        without(shares, gone)
    }

    pub(super) fn plus(shares: &mut Shares, more: &Shares) {
        join(shares, more);
    }

    /// Bonus credits that the batch brought pay for none of its bets.
    pub(super) fn spend_no_fresh_bonus(
        &self,
        fresh: &mut std::collections::BTreeMap<String, i128>,
        before: &std::collections::BTreeMap<(String, CurrencyCode), i128>,
    ) -> Result<(), &'static str> {
        for award in &self.awards {
            let account = (format!("player:bonus of {}", award.name), award.currency);
            let was = before.get(&account).copied().unwrap_or_default();
            let is = self.credits(award);
            let new = fresh.entry(award.name.clone()).or_default();
            let mut own = was - *new;
            let staked = self.staked.iter().filter(|(name, _)| *name == award.name);
            let staked: i128 = staked.map(|(_, units)| units).sum();
            if staked > own {
                return Err("insufficient_funds");
            }
            own -= staked;
            if is > was && self.gave_back {
                own += is - was;
            }
            *new = is - own.min(is);
        }
        Ok(())
    }

    // Grants and ends.

    pub(super) fn complete_mission(&mut self, c: &CompleteMission) -> Judged {
        let (source, id) = (c.source.clone(), crate::testing::commands::txn(&name_of_completion(c)));
        let grant = GrantBonus {
            source,
            id,
            terms: c.mission.clone(),
            amount: None,
            currency: c.currency,
            played: Some(c.played.clone()),
            ..crate::testing::commands::grant_bonus("-", "1")
        };
        self.give_bonus(&grant, true)
    }

    pub(super) fn grant_bonus(&mut self, c: &GrantBonus) -> Judged {
        self.give_bonus(c, false)
    }

    fn is_named(&self, award: &crate::stored::AwardRef) -> bool {
        let name = format!("{}/{}", award.source, award.id);
        self.awards.iter().any(|award| award.name == name)
    }

    pub(super) fn offer_bonus(&mut self, c: &OfferBonus) -> Judged {
        if self.is_named(&c.award()) {
            return Err("key_reused");
        }
        self.purse(c.currency)?;
        let terms = self.policy.bonuses.get(&c.terms).cloned().ok_or("not_allowed")?;
        self.may_have(&terms)?;
        self.terms_fit(&terms, c.currency)?;
        let most = terms.reward.named().get(&c.currency).ok_or("currency_mismatch")?;
        let most = self.units(most.to_decimal(), c.currency)?;
        let stated = c.amount.map(|amount| self.units(amount, c.currency)).transpose()?;
        match (&terms.reward, stated) {
            (Reward::Cashback { .. } | Reward::Mission { .. }, _) => return Err("not_allowed"),
            (Reward::Given { .. }, Some(units)) if units > 0 && units <= most => {}
            (Reward::Fixed { .. } | Reward::Match { .. }, None) => {}
            _ => return Err("mismatch"),
        }
        let ends = c.until.map(crate::time::Timestamp::as_micros);
        if ends.is_some_and(|ends| ends <= self.now) {
            return Err("not_allowed");
        }
        if self.is_closed() {
            return Err("player_closed");
        }
        self.not_barred(Block::Bets)?;
        if self.awards.iter().filter(|award| award.life != Life::Over).count() >= 32 {
            return Err("capacity_exceeded");
        }
        self.awards.push(ModelAward {
            name: format!("{}/{}", c.source, c.id),
            campaign: terms.campaign.to_string(),
            currency: c.currency,
            units: 0,
            target: 0,
            progress: 0,
            most_staked: None,
            let_go: 0,
            terms,
            life: Life::Offered,
            offer: (c.terms.clone(), c.amount),
            ends,
            deposit: None,
        });
        Ok("applied")
    }

    pub(super) fn claim_bonus(&mut self, c: &ClaimBonus) -> Judged {
        let at = self.live(&c.award)?;
        let award = self.nth(at).clone();
        if award.life != Life::Offered || award.ends.is_some_and(|ends| ends <= self.now) {
            return Err("not_allowed");
        }
        let grant = GrantBonus {
            source: c.award.source.clone(),
            id: c.award.id.clone(),
            terms: award.offer.0.clone(),
            currency: award.currency,
            amount: award.offer.1,
            deposit: c.deposit.clone(),
            ..crate::testing::commands::grant_bonus("-", "1")
        };
        // While it is looked at it is neither here nor there.
        self.nth(at).life = Life::Over;
        let judged = self.give_under(&grant, award.terms);
        if judged == Ok("applied") {
            let granted = self.awards.pop().expect("just granted");
            *self.nth(at) = granted;
        } else {
            self.nth(at).life = Life::Offered;
        }
        judged
    }

    fn terms_fit(&self, terms: &BonusTerms, currency: CurrencyCode) -> Result<(), &'static str> {
        self.term(terms.reward.named().get(&currency), currency)?;
        if let Some(MaxConversion::Fixed { amounts }) = &terms.max_conversion {
            self.term(amounts.get(&currency), currency)?;
        }
        self.term(terms.min_to_terminate.get(&currency), currency)?;
        self.term(terms.max_bet.amounts.get(&currency), currency)?;
        if let Reward::Cashback { least, .. } = &terms.reward {
            self.term(least.get(&currency), currency)?;
        }
        if let Reward::Mission { conditions, .. } = &terms.reward {
            for condition in conditions {
                self.term(condition.stakes.get(&currency), currency)?;
            }
        }
        Ok(())
    }

    fn give_bonus(&mut self, c: &GrantBonus, for_mission: bool) -> Judged {
        if self.is_named(&c.award()) {
            return Err("key_reused");
        }
        self.purse(c.currency)?;
        let terms = self.policy.bonuses.get(&c.terms).cloned().ok_or("not_allowed")?;
        if matches!(terms.reward, Reward::Mission { .. }) != for_mission {
            return Err("not_allowed");
        }
        self.give_under(c, terms)
    }

    fn give_under(&mut self, c: &GrantBonus, terms: BonusTerms) -> Judged {
        self.may_have(&terms)?;
        let (most, rate) = match &terms.reward {
            Reward::Given { most } | Reward::Cashback { most, .. } => (most.get(&c.currency), None),
            Reward::Fixed { amounts } | Reward::Mission { amounts, .. } => (amounts.get(&c.currency), None),
            Reward::Match { rate, most } => (most.get(&c.currency), Some(rate.get())),
        };
        let most = self.term(most, c.currency)?;
        let lowest = match &terms.reward {
            Reward::Cashback { least, .. } => self.term(least.get(&c.currency), c.currency)?.unwrap_or(0),
            _ => 0,
        };
        if let Some(MaxConversion::Fixed { amounts }) = &terms.max_conversion {
            self.term(amounts.get(&c.currency), c.currency)?;
        }
        self.term(terms.min_to_terminate.get(&c.currency), c.currency)?;
        let most_staked = self.term(terms.max_bet.amounts.get(&c.currency), c.currency)?;
        if let Reward::Mission { conditions, .. } = &terms.reward {
            for condition in conditions {
                self.term(condition.stakes.get(&c.currency), c.currency)?;
            }
        }
        if let Some(old) = &c.reactivates {
            let name = format!("{}/{}", old.source, old.id);
            let old = self.awards.iter().find(|award| award.name == name).ok_or("not_allowed")?;
            if old.life != Life::Over {
                return Err("not_allowed");
            }
            if old.currency != c.currency {
                return Err("currency_mismatch");
            }
        }
        let taken = |award: &&ModelAward| !matches!(award.life, Life::Over | Life::Offered);
        for other in self.awards.iter().filter(taken) {
            let named = |terms: &BonusTerms, campaign: &str| {
                terms.not_beside.iter().any(|not| not.as_str() == campaign)
            };
            if named(&terms, &other.campaign) || named(&other.terms, terms.campaign.as_str()) {
                return Err("not_allowed");
            }
        }
        let deposited = match &c.deposit {
            Some(of) => Some(self.deposited(of, c.currency)?),
            None => None,
        };
        let (back, done) = self.cashback(c, &terms.reward)?;
        let most = most.ok_or("currency_mismatch")?;
        let most = if done { most } else { return Err("not_allowed") };
        let stated = c.amount.map(|amount| self.units(amount, c.currency)).transpose()?;
        let units = match (&terms.reward, rate) {
            (Reward::Given { .. }, _) => {
                let stated = stated.ok_or("mismatch")?;
                if stated > most {
                    return Err("mismatch");
                }
                stated
            }
            (_, Some(rate)) => (deposited.ok_or("not_allowed")? * i128::from(rate) / 10_000).min(most),
            (Reward::Cashback { .. }, None) if back < lowest.max(1) => 0,
            (Reward::Cashback { .. }, None) => back.min(most),
            (_, None) => most,
        };
        if stated.is_some_and(|stated| stated != units) {
            return Err("mismatch");
        }
        let base = match terms.wagering.base {
            WageringBase::Bonus => units,
            WageringBase::DepositAndBonus => units + deposited.ok_or("not_allowed")?,
        };
        let target = base * i128::from(terms.wagering.times.get()) / 10_000;
        let limit = self.profile().bonuses.wagering_max;
        if limit.is_some_and(|limit| target > units * i128::from(limit.get()) / 10_000) {
            return Err("not_allowed");
        }
        let share = match (terms.max_bet.of_deposit, deposited) {
            (Some(rate), Some(deposited)) => Some(deposited * i128::from(rate.get()) / 10_000),
            (Some(_), None) => return Err("not_allowed"),
            (None, _) => None,
        };
        let most_staked = [most_staked, share].into_iter().flatten().min();
        if self.is_closed() {
            return Err("player_closed");
        }
        self.not_barred(Block::Bets)?;
        let live = self.awards.iter().filter(|award| award.life != Life::Over).count();
        if live >= 32 {
            return Err("capacity_exceeded");
        }
        if units == 0 {
            return Ok("noop");
        }
        if let Some(played) = &c.played {
            let given = self.given_to.entry((c.terms.to_string(), c.currency)).or_default();
            *given = (*given).max(played.to.as_micros());
        }
        self.awards.push(ModelAward {
            name: format!("{}/{}", c.source, c.id),
            campaign: terms.campaign.to_string(),
            currency: c.currency,
            units,
            target,
            progress: 0,
            most_staked,
            let_go: 0,
            terms,
            offer: (c.terms.clone(), None),
            life: Life::Waits,
            ends: None,
            deposit: c.deposit.as_ref().map(|of| (of.source.to_string(), of.id.to_string())),
        });
        Ok("applied")
    }

    /// Whether terms are for this player at all.
    fn may_have(&self, terms: &BonusTerms) -> Result<(), &'static str> {
        let country = self.jurisdiction.split('-').next().unwrap_or_default();
        let mut named = terms.jurisdictions.iter().map(crate::ids::JurisdictionId::as_str);
        if !terms.jurisdictions.is_empty() && !named.any(|own| own == self.jurisdiction || own == country) {
            return Err("not_allowed");
        }
        if is_nonsense(terms) || is_against(terms, self.profile().bonuses) {
            return Err("not_allowed");
        }
        Ok(())
    }

    /// What a cashback is worth, before its least and most.
    /// And whether all that a mission asks for was done.
    fn cashback(&self, c: &GrantBonus, reward: &Reward) -> Result<(i128, bool), &'static str> {
        let needs = matches!(reward, Reward::Cashback { .. } | Reward::Mission { .. });
        let played = match &c.played {
            Some(played) if needs => played,
            None if !needs => return Ok((0, true)),
            _ => return Err("not_allowed"),
        };
        if played.products.len() > 64 {
            return Err("capacity_exceeded");
        }
        if played.from >= played.to || played.to.as_micros() > self.now {
            return Err("not_allowed");
        }
        let mut seen: Vec<&str> = Vec::new();
        let (mut all, mut sum) = (Vec::new(), 0);
        for product in &played.products {
            if seen.contains(&product.product.as_str()) {
                return Err("not_allowed");
            }
            seen.push(product.product.as_str());
            let stakes = self.units(product.stakes, c.currency)?;
            let wins = self.units(product.wins, c.currency)?;
            all.push((product.product.clone(), stakes, product.rounds));
            let Reward::Cashback { of, rates, others, .. } = reward else { continue };
            let rate = rates.get(&product.product).or(others.as_ref()).map_or(0, |rate| rate.get());
            let lost = if *of == CashbackOf::Ggr { stakes - wins } else { stakes };
            sum += lost * i128::from(rate) / 10_000;
        }
        let bonus_wins = self.units(played.bonus_wins, c.currency)?;
        let of = |product: Option<&crate::ids::GameType>| -> (i128, u64) {
            let mine = all.iter().filter(|(own, ..)| product.is_none_or(|product| product == own));
            mine.fold((0, 0), |(staked, count), (_, stakes, rounds)| {
                (staked + stakes, count + u64::from(*rounds))
            })
        };
        let of_terms = (c.terms.to_string(), c.currency);
        if self.given_to.get(&of_terms).is_some_and(|given| played.from.as_micros() < *given) {
            return Err("not_allowed");
        }
        match reward {
            Reward::Mission { conditions, .. } => {
                let mut done = true;
                for condition in conditions {
                    let (staked, rounds) = of(condition.product.as_ref());
                    let least = self.term(condition.stakes.get(&c.currency), c.currency)?.unwrap_or(0);
                    done &= rounds >= u64::from(condition.rounds) && staked >= least;
                }
                Ok((0, done))
            }
            Reward::Cashback { of: CashbackOf::Ggr, .. } => Ok((sum - bonus_wins, true)),
            _ => Ok((sum, true)),
        }
    }

    /// Whether an award is lost if its player leaves.
    fn can_be_lost(&self, award: &ModelAward) -> bool {
        match award.life {
            Life::Waits => true,
            Life::Plays => award.ends.is_none_or(|end| self.now < end),
            Life::Done | Life::Over | Life::Offered => false,
        }
    }

    /// What bonuses are worth that go if so much is taken.
    pub(super) fn would_lose(&self, currency: CurrencyCode, units: i128) -> i128 {
        let left = self.balance("player:cash", currency) - units;
        let goes = |award: &&ModelAward| {
            let is_free = award.terms.leaving.withdrawal == OnWithdrawal::CashFree && left != 0;
            award.currency == currency && !is_free && self.can_be_lost(award)
        };
        self.awards.iter().filter(goes).map(|award| self.worth(award)).sum()
    }

    /// What the player loses with an award.
    fn worth(&self, award: &ModelAward) -> i128 {
        match award.life {
            Life::Waits => award.units,
            _ => self.credits(award) + self.in_rounds(award),
        }
    }

    /// Whether a bonus holds back what the player asks for.
    pub(super) fn holds_back(&self, currency: CurrencyCode) -> bool {
        let blocks = |award: &ModelAward| {
            award.currency == currency
                && award.terms.leaving.withdrawal == OnWithdrawal::Block
                && self.can_be_lost(award)
        };
        let may_play = !self.is_closed() && self.not_barred(Block::Bets).is_ok();
        may_play && self.awards.iter().any(blocks)
    }

    /// Whether a command costs the player an award.
    fn costs(&self, command: &PlayerCommand, award: &ModelAward) -> bool {
        let leaving = award.terms.leaving;
        let gives_up = match command {
            PlayerCommand::RefundDeposit(c) => {
                return award.deposit == Some((c.source.to_string(), c.deposit.to_string()));
            }
            PlayerCommand::Chargeback(c) => {
                return award.deposit == Some((c.source.to_string(), c.deposit.to_string()));
            }
            PlayerCommand::ClosePlayer(_) => leaving.closing == OnLeaving::Forfeit,
            PlayerCommand::ExcludePlayer(c) => {
                c.kind == ExclusionKind::SelfExclusion && leaving.self_exclusion == OnLeaving::Forfeit
            }
            PlayerCommand::RequestWithdrawal(c) if c.currency == award.currency => {
                leaving.withdrawal != OnWithdrawal::CashFree || self.balance("player:cash", c.currency) == 0
            }
            _ => false,
        };
        // Who leaves can claim nothing any more.
        let leaves = matches!(command, PlayerCommand::ClosePlayer(_) | PlayerCommand::ExcludePlayer(_));
        let is_open = award.life == Life::Offered && award.ends.is_none_or(|ends| self.now < ends);
        gives_up && (self.can_be_lost(award) || leaves && is_open)
    }

    fn live(&self, of: &crate::stored::AwardRef) -> Result<usize, &'static str> {
        let name = format!("{}/{}", of.source, of.id);
        let at = self.awards.iter().position(|award| award.name == name && award.life != Life::Over);
        at.ok_or("not_allowed")
    }

    pub(super) fn forfeit_bonus(&mut self, c: &ForfeitBonus) -> Judged {
        let at = self.live(&c.award)?;
        let award = self.nth(at).clone();
        let costs = self.decimal(self.worth(&award), award.currency);
        if c.forfeits_at_most.is_some_and(|most| costs > most) {
            return Err("not_allowed");
        }
        self.end_award(at, "bonus:forfeited");
        Ok("applied")
    }

    pub(super) fn expire_bonus(&mut self, c: &ExpireBonus) -> Judged {
        let at = self.live(&c.award)?;
        let now = self.now;
        let award = self.nth(at);
        if !matches!(award.life, Life::Plays | Life::Offered) || award.ends.is_none_or(|end| now < end) {
            return Err("not_allowed");
        }
        Ok("applied")
    }

    fn end_award(&mut self, at: usize, to: &str) {
        let award = self.nth(at).clone();
        let left = self.credits(&award);
        self.add(&format!("player:bonus of {}", award.name), award.currency, -left);
        self.add(&format!("{to} of {}", award.campaign), award.currency, left);
        self.nth(at).life = Life::Over;
    }

    /// What becomes of awards after a command that was not refused.
    pub(super) fn look_at_awards(&mut self, command: &PlayerCommand, outcome: &str) {
        for at in 0..self.awards.len() {
            let award = self.nth(at).clone();
            let taken = outcome == "applied" && self.costs(command, &award);
            if award.life != Life::Over && taken {
                self.end_award(at, "bonus:forfeited");
            }
        }
        while let Some(at) = self.first_to_end() {
            self.settle_award(at);
        }
    }

    /// The first award that something becomes of.
    fn first_to_end(&self) -> Option<usize> {
        let due = |award: &&ModelAward| {
            let (left, away) = (self.credits(award), self.in_rounds(award));
            let least = award.terms.min_to_terminate.get(&award.currency);
            let least = self.term(least, award.currency).expect("checked at the grant").unwrap_or_default();
            match award.life {
                Life::Over | Life::Waits => false,
                Life::Offered => award.ends.is_some_and(|ends| ends <= self.now),
                Life::Plays if award.progress >= award.target => true,
                Life::Done => award.progress < award.target || away == 0,
                Life::Plays => {
                    award.ends.is_some_and(|end| end <= self.now)
                        || self.to_let_go(award) > 0
                        || (away == 0 && (left == 0 || left < least))
                }
            }
        };
        let index = |award: &ModelAward| self.awards.iter().position(|other| other.name == award.name);
        if let Some(award) = self.awards.iter().find(due) {
            return index(award);
        }
        let taken = |product: &Option<crate::ids::GameType>| {
            self.awards.iter().any(|award| award.is_booked() && award.terms.product == *product)
        };
        let mut waiting = self.awards.iter().filter(|award| award.life == Life::Waits);
        index(waiting.find(|award| !taken(&award.terms.product))?)
    }

    /// What an award may bring in cash altogether.
    fn most_cash(&self, award: &ModelAward) -> i128 {
        let most = match &award.terms.max_conversion {
            Some(MaxConversion::Times { times }) => Some(award.units * i128::from(times.get()) / 10_000),
            Some(MaxConversion::Fixed { amounts }) => {
                self.term(amounts.get(&award.currency), award.currency).expect("checked at the grant")
            }
            None => None,
        };
        most.unwrap_or(i128::MAX)
    }

    /// What of an award that is played with becomes cash now.
    fn to_let_go(&self, award: &ModelAward) -> i128 {
        let Some(share) = award.terms.release_every.map(|share| i128::from(share.get())) else { return 0 };
        if award.target == 0 {
            return 0;
        }
        // Every `share` of the target lets the same share of the bonus go.
        let steps = award.progress * 10_000 / (award.target * share);
        let earned = award.units * (steps * share).min(10_000) / 10_000;
        let open = (earned - award.let_go).min(self.most_cash(award) - award.let_go);
        open.min(self.credits(award)).max(0)
    }

    /// Credits become cash.
    fn convert(&mut self, award: &ModelAward, cash: i128) {
        self.add(&format!("player:bonus of {}", award.name), award.currency, -cash);
        self.add(&format!("bonus:converted of {}", award.campaign), award.currency, cash);
        self.add(&format!("bonus:cost of {}", award.campaign), award.currency, cash);
        self.pay(award.currency, cash);
        *self.converted.entry(award.currency).or_default() += cash;
    }

    fn settle_award(&mut self, at: usize) {
        let award = self.nth(at).clone();
        let (left, away) = (self.credits(&award), self.in_rounds(&award));
        if award.life == Life::Offered {
            self.end_award(at, "bonus:expired");
        } else if award.life == Life::Waits {
            self.add(&format!("bonus:issued of {}", award.campaign), award.currency, award.units);
            self.add(&format!("player:bonus of {}", award.name), award.currency, award.units);
            let secs = award.terms.expires_after_secs;
            let now = self.now;
            self.nth(at).ends = secs.map(|secs| now + i64::from(secs) * 1_000_000);
            self.nth(at).life = Life::Plays;
        } else if award.progress < award.target && award.life == Life::Done {
            self.nth(at).life = Life::Plays;
        } else if award.progress < award.target {
            let timed_out = award.ends.is_some_and(|end| end <= self.now);
            let cash = self.to_let_go(&award);
            if !timed_out && cash > 0 {
                self.convert(&award, cash);
                self.nth(at).let_go += cash;
                return;
            }
            self.end_award(at, if timed_out { "bonus:expired" } else { "bonus:forfeited" });
        } else if away > 0 {
            self.nth(at).life = Life::Done;
        } else {
            let kept = if award.terms.principal == Principal::Removed { award.units } else { 0 };
            let cash = (left - kept).min(self.most_cash(&award) - award.let_go).max(0);
            self.convert(&award, cash);
            self.end_award(at, "bonus:forfeited");
        }
    }

    /// What is known of awards that are not over: their names, progress and targets.
    pub fn live_awards(&self) -> Vec<(String, i128, i128)> {
        let live = self.awards.iter().filter(|award| award.life != Life::Over);
        live.map(|award| (award.name.clone(), award.progress, award.target)).collect()
    }
}

/// What a completion is called: by its mission and when the period began.
pub(super) fn name_of_completion(c: &CompleteMission) -> String {
    format!("{}@{}", c.mission, c.played.from)
}

/// Whether terms contradict themselves.
fn is_nonsense(terms: &BonusTerms) -> bool {
    if let Reward::Mission { conditions, .. } = &terms.reward
        && !(1..=16).contains(&conditions.len())
    {
        return true;
    }
    let share = terms.release_every.map(crate::money::BasisPoints::get);
    share.is_some_and(|share| !(1..=10_000).contains(&share) || terms.principal == Principal::Removed)
}

/// Whether a law forbids terms.
fn is_against(terms: &BonusTerms, law: BonusRestrictions) -> bool {
    let times = terms.wagering.times.get();
    let too_much = |most: u32| match (&terms.reward, terms.wagering.base) {
        // Ten times of bonus and deposit is 20 times of a bonus that doubles it.
        (Reward::Match { rate, .. }, WageringBase::DepositAndBonus) => {
            u64::from(times) * (10_000 + u64::from(rate.get())) > u64::from(most) * u64::from(rate.get())
        }
        _ => times > most,
    };
    let hurried = |least: u32| terms.expires_after_secs.is_some_and(|secs| secs < least);
    law.forbidden
        || law.wagering_max.is_some_and(|most| too_much(most.get()))
        || (law.no_max_conversion && terms.max_conversion.is_some())
        || (law.cash_free && terms.leaving.withdrawal != OnWithdrawal::CashFree)
        || law.least_secs.is_some_and(hurried)
}

/// Whether a policy may be published, as far as its bonuses go.
pub(super) fn may_be_published(policy: &Policy) -> bool {
    let named = |code: &str| policy.jurisdictions.iter().find(|(id, _)| id.as_str() == code);
    let law = |code: &str| match (named(code), code) {
        (Some((_, profile)), _) => profile.bonuses,
        (None, "GB") => BonusRestrictions {
            wagering_max: Some(crate::testing::commands::basis_points(100_000)),
            cash_free: true,
            ..BonusRestrictions::default()
        },
        _ => policy.default_jurisdiction.bonuses,
    };
    let fits = |terms: &BonusTerms| {
        if is_nonsense(terms) {
            return false;
        }
        if terms.jurisdictions.is_empty() {
            let mut all = policy.jurisdictions.keys();
            return !is_against(terms, policy.default_jurisdiction.bonuses)
                && all.all(|code| !is_against(terms, law(code.as_str())));
        }
        terms.jurisdictions.iter().all(|code| !is_against(terms, law(code.as_str())))
    };
    let pays =
        |name| policy.bonuses.get(name).is_some_and(|terms| matches!(terms.reward, Reward::Given { .. }));
    policy.bonuses.values().all(fits) && policy.free_round_bonuses.values().all(pays)
}

fn weight(terms: &BonusTerms, c: &PlaceBet) -> u32 {
    let kind = c.game_type.as_ref();
    let weights = &terms.weights;
    if weights.excluded_games.contains(&c.game)
        || kind.is_some_and(|kind| weights.excluded_types.contains(kind))
    {
        return 0;
    }
    if let Some(own) = weights.games.get(&c.game) {
        return own.get();
    }
    match (kind.and_then(|kind| weights.types.get(kind)), weights.others.as_ref()) {
        (Some(own), _) | (None, Some(own)) => own.get(),
        (None, None) => 10_000,
    }
}
